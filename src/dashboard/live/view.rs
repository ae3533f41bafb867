//! The live view in parts, each of which is sent again when it has changed; a browser without scripts gets the same whole.

use maud::{Markup, html};

use super::{Figures, Live, Moment, Phase, Stage, words};
use crate::exit::ExitCode;
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

/// What a browser shows of the stage: the colour of the header, the sign of an outcome, and the stage in words.
struct Standing {
    class: &'static str,
    sign: &'static str,
    text: String,
}

fn standing(live: &Live) -> Standing {
    let (class, sign, text) = match (live.stage, live.outcome) {
        (Stage::Ended, Some(code)) => {
            let (class, sign, word) = match code {
                ExitCode::Pass => ("pass", "✓", "passed"),
                ExitCode::GateFailed => ("fail", "✕", "failed"),
                ExitCode::NoVerdict => ("unsure", "?", "no verdict"),
                other => ("error", "✕", other.name()),
            };
            (class, sign, format!("ended: {word} (exit {})", code.number()))
        }
        (Stage::Ended, None) => ("error", "✕", "ended without a word".to_owned()),
        (Stage::Preparing, _) => ("waiting", "", "preparing: nothing is sent yet".to_owned()),
        (Stage::Judging, _) => ("waiting", "", "the load is over and is being judged".to_owned()),
        (Stage::Loading, _) => ("loading", "", "loading".to_owned()),
    };
    Standing { class, sign, text }
}

/// The stage in words: for the tab, and for who is read to.
pub(in crate::dashboard) fn stage(live: &Live) -> String {
    standing(live).text
}

fn state(live: &Live) -> Markup {
    let Standing { class, sign, text } = standing(live);
    let heading = &live.heading;
    let is_over = live.stage == Stage::Ended;
    let facts = [heading.scenario.clone(), heading.target.clone(), live.latest.as_ref().map(left).unwrap_or_default()];
    let facts: Vec<String> = facts.iter().skip(usize::from(!is_over)).filter(|fact| !fact.is_empty()).map(|fact| line(fact)).collect();
    html! {
        header class=(class) data-stage=(line(&text)) {
            @if !sign.is_empty() { p class="sign" aria-hidden="true" { (sign) } }
            div {
                h1 {
                    @if !is_over && !heading.scenario.is_empty() { (line(&heading.scenario)) " · " }
                    span { (line(&text)) }
                }
                @if is_over && let Some((code, reason)) = &live.reason {
                    p class="reason" { @if Some(*code) != live.outcome { (words(*code)) ": " } (line(reason)) }
                }
                p class="meta" { (facts.join(" · ")) }
            }
        }
    }
}

fn left(latest: &Moment) -> String {
    let seconds = |value: f64| format_duration(std::time::Duration::from_secs_f64(value.max(0.0).floor()));
    format!("{} of {}", seconds(latest.elapsed_s), seconds(latest.duration_s))
}

/// Whether it has ended before anything was sent: there is nothing to draw, and nothing to wait for.
fn sent_nothing(live: &Live) -> bool {
    live.stage == Stage::Ended && live.latest.is_none() && live.all_tasks.is_none()
}

/// The last second while it runs, and below it the judged phases so far; at the end these alone.
fn tiles(live: &Live) -> Markup {
    if sent_nothing(live) {
        return html! {};
    }
    let millis = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), format_millis);
    let now = |value: &dyn Fn(&Moment) -> String| live.latest.as_ref().map_or_else(|| NONE.to_owned(), value);
    let whole = |value: &dyn Fn(&Figures) -> String| live.all_tasks.as_ref().map_or_else(|| NONE.to_owned(), value);
    let unit = if live.heading.load_unit.is_empty() { "load" } else { live.heading.load_unit };
    let failed = |all: &Figures| share(as_float(all.failures), as_float(all.requests));
    let count = whole(&|all| format_count(all.failures));
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
        ("failures", ["failed", "failed"], [now(&|now| share(now.failures_per_s, now.requests_per_s)), whole(&failed)]),
        ("load", [unit, "sent in all phases"], [now(&|now| format!("{:.0}", now.load)), sent]),
    ];
    let over = live.stage != Stage::Loading;
    html! {
        dl class="tiles" aria-label=(if over { "The judged phases" } else { "The last second, and the judged phases so far" }) {
            // What ended within its first second was counted by no tick.
            @for (id, names, values) in tiles.iter().filter(|(id, ..)| *id != "load" || !over || live.latest.is_some()) {
                div data-tile=(id) {
                    dt { (names[usize::from(over)]) }
                    @if over {
                        dd { (values[1]) }
                        @if *id == "failures" { dd class="whole" { (count) } }
                    } @else {
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
        let waits = live.stage != Stage::Ended;
        return html! { @if waits { h2 { "Over time" } p class="none" { "Charts begin with the first second." } } };
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
        h2 { "Over time" }
        (chart("c-latency", "Latency", "of each second", Unit::Millis, vec![percentile("p50", 0), percentile("p95", 1), percentile("p99", 2)]))
        (chart("c-sent", "Requests each second", "", Unit::PerSecond, one("sent", "requests", series(&|at| a_second(points[at].requests, at)))))
        (chart("c-failed", "Failures each second", "", Unit::PerSecond, one("failed", "failures", series(&|at| a_second(points[at].failures, at)))))
        (chart("c-load", "Load", live.heading.load_unit, Unit::Count, one("load", "load", series(&|at| Some(points[at].load)))))
    }
}

fn endpoints(live: &Live) -> Markup {
    if live.endpoints.is_empty() {
        let waits = live.stage != Stage::Ended;
        return html! { @if waits {
            h2 { "Endpoints" }
            p class="none" { "Figures of each endpoint come with the first checkpoint, after four seconds." }
        } };
    }
    let columns =
        [("endpoint", Kind::Text), ("requests", Kind::Number), ("failures", Kind::Number), ("p95", Kind::Number), ("p99", Kind::Number)];
    let rows: Vec<Markup> = live.endpoints.iter().map(row).collect();
    html! { h2 { "Endpoints" } (grid("Endpoints in the judged phases so far", &columns, &rows, Aid::Plain)) }
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
    let Some(latest) = &live.latest else {
        let waits = live.stage != Stage::Ended;
        return html! { @if waits { h2 { "Generator" } p class="none" { "Nothing is sent yet." } } };
    };
    html! {
        h2 { "Generator" }
        div class="gauges" {
            (gauge("busiest load thread", latest.cpu_busy, (BUSY, 1.0), format_share))
            (gauge("taken by the hypervisor", latest.steal, (STOLEN, 0.5), format_share))
            (gauge("timers late (p99)", latest.late_p99_ms, (LATE_MS, 50.0), format_millis))
            @let due = latest.requests + latest.not_sent;
            (gauge("due and not sent", Some(ratio(latest.not_sent, due)), (0.001, 0.05), format_share))
        }
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { as_float(part) / as_float(whole) }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}

/// From nothing to `most`; from `high` on it is too much.
fn gauge(name: &str, value: Option<f64>, (high, most): (f64, f64), print: impl Fn(f64) -> String) -> Markup {
    html! {
        div {
            span { (name) }
            @match value {
                Some(value) => {
                    meter min="0" max=(most) high=(high) optimum="0" value=(format!("{:.4}", value.clamp(0.0, most))) aria-label=(name) {}
                    span class="n" { (print(value)) @if value >= high { strong { ", high" } } }
                }
                None => span class="n" { "not known" }
            }
        }
    }
}

fn said(live: &Live) -> Markup {
    html! { h2 { "What was said" } @if live.said.is_empty() { p class="none" { "Nothing yet." } } @else { ul class="said" { @for text in &live.said { li { (line(text)) } } } } }
}
