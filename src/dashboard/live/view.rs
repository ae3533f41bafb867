//! The live view in parts, each of which is sent again when it has changed; a browser without scripts gets the same whole.

use maud::{Markup, html};

use super::{Figures, Live, Moment, Phase, Stage};
use crate::report::page_parts::{Aid, Kind, Line, Lines, Shade, Unit, grid, line, number};
use crate::units::{format_count, format_duration, format_millis, format_share};

const NONE: &str = "-";
/// The parts of [`parts`], by the ids of their places in the page.
pub(in crate::dashboard) const PARTS: [&str; 7] = ["state", "tiles", "phases", "charts", "endpoints", "generator", "said"];
/// From here on a gauge is in its alarming part: a thread so busy, so much stolen, so late (ms).
const BUSY: f64 = 0.8;
const STOLEN: f64 = 0.1;
const LATE_MS: f64 = 10.0;

/// Every part, in the order of [`PARTS`].
pub(in crate::dashboard) fn parts(live: &Live) -> [Markup; 7] {
    [state(live), tiles(live), phases(live), charts(live), endpoints(live), generator(live), said(live)]
}

fn state(live: &Live) -> Markup {
    let (class, text) = match (live.stage, &live.outcome) {
        (Stage::Ended, outcome) => ("run", format!("ended: {}", outcome.as_deref().unwrap_or("without a word"))),
        (Stage::Preparing, _) => ("run", "preparing: nothing is sent yet".to_owned()),
        (Stage::Judging, _) => ("run", "the load is over and is being judged".to_owned()),
        (Stage::Loading, _) => ("pass", "loading".to_owned()),
    };
    let heading = &live.heading;
    html! {
        header class=(class) {
            div {
                h1 { (line(&heading.scenario)) @if !heading.scenario.is_empty() { " · " } span role="status" { (line(&text)) } }
                p class="meta" { (line(&heading.target)) @if let Some(latest) = &live.latest { " · " (left(latest)) } }
            }
        }
    }
}

fn left(latest: &Moment) -> String {
    let seconds = |value: f64| format_duration(std::time::Duration::from_secs_f64(value.max(0.0).floor()));
    format!("{} of {}", seconds(latest.elapsed_s), seconds(latest.duration_s))
}

/// The last second while it runs, and below it the judged phases so far; at the end these alone.
fn tiles(live: &Live) -> Markup {
    let millis = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), format_millis);
    let now = |value: &dyn Fn(&Moment) -> String| live.latest.as_ref().map_or_else(|| NONE.to_owned(), value);
    let whole = |value: &dyn Fn(&Figures) -> String| live.all_tasks.as_ref().map_or_else(|| NONE.to_owned(), value);
    let unit = if live.heading.load_unit.is_empty() { "load" } else { live.heading.load_unit };
    let sent = now(&|now| format_count(now.requests));
    // Its name, its names for the last second and for the whole, and both values.
    let tiles: [(&str, [&str; 2], [String; 2]); 5] = [
        (
            "requests",
            ["requests/s", "requests"],
            [now(&|now| format!("{:.0}", now.requests_per_s)), whole(&|all| format_count(all.requests))],
        ),
        ("p95", ["p95", "p95"], [now(&|now| millis(now.p95_ms)), whole(&|all| millis(all.p95_ms))]),
        ("p99", ["p99", "p99"], [now(&|now| millis(now.p99_ms)), whole(&|all| millis(all.p99_ms))]),
        (
            "failures",
            ["failed", "failed"],
            [now(&|now| share(now.failures_per_s, now.requests_per_s)), whole(&|all| format_count(all.failures))],
        ),
        ("load", [unit, "sent in all phases"], [now(&|now| format!("{:.0}", now.load)), sent]),
    ];
    let over = live.stage != Stage::Loading;
    html! {
        dl class="tiles" aria-label=(if over { "The judged phases" } else { "The last second, and the judged phases so far" }) {
            @for (id, names, values) in &tiles {
                div data-tile=(id) {
                    dt { (names[usize::from(over)]) }
                    @if over { dd { (values[1]) } } @else {
                        dd { (values[0]) }
                        dd class="whole" { (values[1]) @if *id == "load" { " sent" } @else { " so far" } }
                    }
                }
            }
        }
        p class="note" {
            @if over { "All tasks in the judged phases." }
            @else { "Large: the last second. Small: all tasks in the judged phases so far, brought up to date every four seconds." }
        }
    }
}

fn share(part: f64, whole: f64) -> String {
    if whole > 0.0 { format_share((part / whole).clamp(0.0, 1.0)) } else { NONE.to_owned() }
}

fn phases(live: &Live) -> Markup {
    let Some(end) = live.heading.phases.last().map(|phase| phase.to).filter(|end| *end > 0.0) else { return html! {} };
    let elapsed = live.latest.as_ref().map_or(0.0, |latest| latest.elapsed_s).min(end);
    let percent = |seconds: f64| format!("{:.2}%", 100.0 * seconds / end);
    let phase = live.latest.as_ref().map_or(NONE, |latest| latest.phase.as_str());
    let title = |phase: &Phase| format!("{}{}", phase.name, if phase.judged { " (judged)" } else { "" });
    html! {
        svg class="phases" role="img" aria-label={ "phase " (line(phase)) ", " (format!("{:.0}", 100.0 * elapsed / end)) " % of the load" } {
            @for phase in &live.heading.phases {
                rect class={ "room" @if phase.judged { " judged" } } x=(percent(phase.from)) y="0" width=(percent(phase.to - phase.from)) height="100%" {}
            }
            rect class="gone" x="0" y="70%" width=(percent(elapsed)) height="30%" {}
            @for phase in &live.heading.phases {
                @let name = line(&title(phase));
                foreignObject class="name" x=(percent(phase.from)) y="0" width=(percent(phase.to - phase.from)) height="70%" { div title=(name) { (name) } }
            }
        }
    }
}

fn charts(live: &Live) -> Markup {
    let points: Vec<_> = live.series.points().collect();
    let Some(newest) = points.last().map(|point| point.at) else {
        return html! { p class="none" { "Charts begin with the first second." } };
    };
    let from = points.first().map_or(0.0, |point| point.at - point.length);
    let middle = |index: usize| points[index].at - points[index].length / 2.0;
    let series = |value: &dyn Fn(usize) -> Option<f64>| (0..points.len()).map(|index| (middle(index), value(index))).collect::<Vec<_>>();
    let a_second = |value: f64, index: usize| Some(value / points[index].length);
    let shades = live.heading.phases.iter().filter(|phase| phase.from < newest);
    let shades: Vec<Shade> =
        shades.map(|phase| Shade { from: phase.from, to: phase.to.min(newest), name: phase.name.clone(), judged: phase.judged }).collect();
    let chart = |id, title, note, unit, lines| {
        Lines {
            id,
            title,
            note,
            unit,
            from,
            to: newest,
            ticks: None,
            lines,
            shades: shades.clone(),
            marks: Vec::new(),
            levels: Vec::new(),
            dotted: false,
        }
        .draw()
    };
    let percentile = |class, index: usize| Line { class, name: class, points: series(&|at| points[at].latency[index]) };
    let one = |class, name, points| vec![Line { class, name, points }];
    html! {
        (chart("c-latency", "Latency", "of each second", Unit::Millis, vec![percentile("p50", 0), percentile("p95", 1), percentile("p99", 2)]))
        (chart("c-sent", "Requests each second", "", Unit::PerSecond, one("sent", "requests", series(&|at| a_second(points[at].requests, at)))))
        (chart("c-failed", "Failures each second", "", Unit::PerSecond, one("failed", "failures", series(&|at| a_second(points[at].failures, at)))))
        (chart("c-load", "Load", live.heading.load_unit, Unit::Count, one("load", "load", series(&|at| Some(points[at].load)))))
    }
}

fn endpoints(live: &Live) -> Markup {
    if live.endpoints.is_empty() {
        return html! { p class="none" { "Figures of each endpoint come with the first checkpoint, after four seconds." } };
    }
    let columns =
        [("endpoint", Kind::Text), ("requests", Kind::Number), ("failures", Kind::Number), ("p95", Kind::Number), ("p99", Kind::Number)];
    grid("Endpoints in the judged phases so far", &columns, &live.endpoints.iter().map(row).collect::<Vec<_>>(), Aid::Plain)
}

fn row(figures: &Figures) -> Markup {
    let millis = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), format_millis);
    html! {
        th scope="row" { code { (line(&figures.name)) } }
        (number(&format_count(figures.requests), None))
        (number(&format_count(figures.failures), None))
        (number(&millis(figures.p95_ms), None))
        (number(&millis(figures.p99_ms), None))
    }
}

fn generator(live: &Live) -> Markup {
    let Some(latest) = &live.latest else { return html! { p class="none" { "Nothing is sent yet." } } };
    html! {
        div class="gauges" {
            (gauge("busiest load thread", latest.cpu_busy, (BUSY, 1.0), format_share))
            (gauge("taken by the hypervisor", latest.steal, (STOLEN, 0.5), format_share))
            (gauge("timers late (p99)", latest.late_p99_ms, (LATE_MS, 50.0), format_millis))
            @let due = latest.requests + latest.not_sent;
            (gauge("due and not sent", Some(ratio(latest.not_sent, due)), (0.001, 0.05), format_share))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// From nothing to `most`; from `high` on it is too much.
fn gauge(name: &str, value: Option<f64>, (high, most): (f64, f64), print: impl Fn(f64) -> String) -> Markup {
    html! {
        div {
            span { (name) }
            @match value {
                Some(value) => {
                    meter min="0" max=(most) high=(high) optimum="0" value=(format!("{:.4}", value.clamp(0.0, most))) aria-label=(name) {}
                    span class="n" { (print(value)) }
                }
                None => span class="n" { "not known" }
            }
        }
    }
}

fn said(live: &Live) -> Markup {
    html! { @if live.said.is_empty() { p class="none" { "Nothing yet." } } @else { ul class="said" { @for text in &live.said { li { (line(text)) } } } } }
}
