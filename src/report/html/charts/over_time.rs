//! Latency, failures, throughput and load over time, one below the other on the same axis, with the phases behind them.

use jiff::SignedDuration;
use maud::{Markup, html};

use super::plot::{FOOT, Height, Plot, Scale, Ticks, millis_tick, seconds_tick, stretch_name};
use crate::report::figures::{NONE, rate};
use crate::report::html::grid::{Aid, Kind, grid, number};
use crate::report::html::overall::Overall;
use crate::report::html::text;
use crate::report::html::timeline::{ClassRates, Moment, PERCENTILES, RateStep, Timeline, answered, at_once, moments};
use crate::run::{EndpointRun, PhaseRun, Run};
use crate::units::{format_count, format_millis};

/// Phases narrower than this are not named in the chart.
const NAMED_SHARE: f64 = 0.03;
/// With fewer requests in a step its p99 is its slowest request.
const STEADY: u64 = 100;

/// The whole scenario's.
pub(in crate::report::html) fn over_time(overall: &Overall<'_>) -> Markup {
    let timeline = Timeline::of(overall.tasks());
    let (has_latency, has_rates) = (timeline.moments.iter().any(|moment| moment.latency[0].is_some()), !timeline.rates.is_empty());
    if !has_latency && !has_rates {
        return html! { p class="none" { "This run has no values over time: it has no requests, or its source kept none." } };
    }
    let axis = Axis::of(overall);
    html! {
        p class="note" data-scripted hidden {
            "Move over a chart, tap it, or focus it and use the arrow keys, to read values. Drag to zoom in, or use the buttons; Escape shows all."
        }
        @if has_latency { (latency(&timeline.moments, &axis, "latency", "Latency of all tasks")) }
        @if has_rates {
            @let (at_once, answered) = (at_once(overall.run, &timeline.rates), answered(overall.run, &timeline.rates));
            (failures(&timeline, &axis))
            (throughput(&timeline, &answered, &axis))
            @if at_once.is_empty() { (load(&axis)) } @else { (users(&timeline, &at_once, &axis)) }
            (rates_table(&timeline, &answered, &at_once))
        }
    }
}

/// One endpoint's latency; empty without a sample.
pub(in crate::report::html) fn of_endpoint(overall: &Overall<'_>, endpoint: &EndpointRun, id: &str) -> Markup {
    let moments = moments(std::iter::once(endpoint));
    if moments.iter().all(|moment| moment.latency[0].is_none()) {
        return html! { p class="none" { "This endpoint has no latency over time." } };
    }
    latency(&moments, &Axis::of(overall), id, &format!("Latency of {} over time", endpoint.name))
}

/// The axis that the charts share.
struct Axis<'a> {
    run: &'a Run,
    end: f64,
    scale: Scale,
    ticks: Ticks,
}

impl<'a> Axis<'a> {
    fn of(overall: &Overall<'a>) -> Self {
        let (run, end) = (overall.run, overall.end);
        let scale = Scale::linear(0.0, end);
        let ticks = scale.time_ticks(7);
        Self { run, end, scale, ticks }
    }

    /// The phases as far as the axis goes, each with its start and end there (s).
    fn phases(&self) -> impl Iterator<Item = (f64, f64, &'a PhaseRun)> {
        let ends = |phase: &PhaseRun| (phase.at.as_secs_f64(), (phase.at + phase.length).as_secs_f64().min(self.end));
        let phases = self.run.phases.iter().map(move |phase| (ends(phase).0, ends(phase).1, phase));
        phases.filter(|phase| phase.0 < phase.1)
    }

    fn shades(&self) -> Markup {
        html! { @for (from, to, phase) in self.phases() {
            @let (from, to) = (self.scale.right(from), self.scale.right(to));
            rect class={ "phase" @if phase.measured { " judged" } } x=(from) y="0" width=(to - from) height=(FOOT) {}
            @if from > 0 { path class="edge" d={ "M" (from) " 0V" (FOOT) } {} }
        } }
    }

    fn names(&self) -> Markup {
        html! { @for (from, to, phase) in self.phases().filter(|(from, to, _)| to - from > self.end * NAMED_SHARE) {
            (stretch_name(&self.scale, from, to, &format!("{}{}", text(&phase.name), if phase.measured { " (judged)" } else { "" })))
        } }
    }

    fn plot<'p>(
        &'p self,
        id: &'p str,
        title: &'p str,
        description: &'p str,
        height: Height,
        y: (&'p Scale, &'p Ticks),
        table: &'p str,
    ) -> Plot<'p> {
        Plot { id, title, description, height, x: &self.scale, y: y.0, x_ticks: &self.ticks, y_ticks: y.1, zoom: Some((table, self.end)) }
    }
}

fn latency(moments: &[Moment], axis: &Axis<'_>, id: &str, title: &str) -> Markup {
    let values = || moments.iter().flat_map(|moment| moment.latency).flatten();
    let y = Scale::fitted(values());
    let ticks = y.ticks(5, millis_tick);
    let table = format!("{id}-v");
    let description = described(moments);
    let plot = axis.plot(id, title, &description, Height::Tall, (&y, &ticks), &table);
    let line = |index: usize| plot.line(moments.iter().map(|moment| (moment.at + moment.length / 2.0, moment.latency[index])));
    let classes = ["p50", "p95", "p99"];
    let marks = html! {
        (axis.shades())
        @for (index, class) in classes.iter().enumerate() { path class={ "line " (class) } d=(line(index)) {} }
    };
    let few = moments.iter().any(|moment| moment.requests > 0 && moment.requests < STEADY);
    html! {
        figure class="chart" {
            figcaption {
                strong { (text(title)) }
                @for class in classes { span class={ "key " (class) } { (class) } }
                @if y.is_log() { span class="note" { "logarithmic" } }
            }
            (plot.around(&marks, &axis.names()))
            @if few { p class="note" { "Where a step has fewer than " (STEADY) " requests, its p99 is its slowest request." } }
            (values_table(&table, title, &latency_table(axis.run, moments)))
        }
    }
}

/// What the lines say, in words.
fn described(moments: &[Moment]) -> String {
    let range = |index: usize| {
        let values = || moments.iter().filter_map(move |moment| moment.latency[index]);
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
        format!("{} from {} to {}", PERCENTILES[index], format_millis(low), format_millis(high))
    };
    let highest = moments.iter().max_by(|one, other| one.latency[1].unwrap_or(0.0).total_cmp(&other.latency[1].unwrap_or(0.0)));
    let when = highest.map(|moment| format!("; p95 is highest at {}", seconds_tick(moment.at))).unwrap_or_default();
    format!("{}, {}, {}{when}", range(0), range(1), range(2))
}

/// What a clock showed so many seconds after the start, to be looked up in logs.
fn clock(run: &Run, seconds: f64) -> String {
    let after = SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
    run.started_at.checked_add(after).map_or_else(|_| NONE.into(), |at| at.strftime("%H:%M:%S").to_string())
}

fn latency_table(run: &Run, moments: &[Moment]) -> Markup {
    let millis = |value: Option<f64>| number(&value.map_or_else(|| NONE.into(), format_millis), None);
    let phase = |at: f64| {
        let within = run.phases.iter().find(|phase| phase.at.as_secs_f64() <= at && at < (phase.at + phase.length).as_secs_f64());
        within.map_or(NONE, |phase| phase.name.as_str())
    };
    let rows: Vec<Markup> = moments
        .iter()
        .map(|moment| {
            html! {
                th scope="row" class="n" data-x=(moment.at + moment.length / 2.0) { (seconds_tick(moment.at)) }
                td { (clock(run, moment.at)) }
                td { (text(phase(moment.at))) }
                @for value in moment.latency { (millis(value)) }
                (number(&format_count(moment.requests), None))
                (number(&format_count(moment.failures), None))
            }
        })
        .collect();
    let columns = [
        ("from", Kind::Number),
        ("UTC", Kind::Text),
        ("phase", Kind::Text),
        ("p50", Kind::Number),
        ("p95", Kind::Number),
        ("p99", Kind::Number),
        ("requests", Kind::Number),
        ("failures", Kind::Number),
    ];
    grid("Latency over time", &columns, &rows, Aid::Plain)
}

const RATES: &str = "rates-v";

fn failures(timeline: &Timeline, axis: &Axis<'_>) -> Markup {
    let rates = &timeline.rates;
    let highest = rates.iter().map(|rate| rate.failures).fold(0.0, f64::max);
    if highest <= 0.0 {
        return html! { figure class="chart" { figcaption { strong { "Failures each second" } " none over the whole run" } } };
    }
    let y = Scale::linear(0.0, highest * 1.08);
    let ticks = y.ticks(3, rate);
    let description = format!("up to {} failures", rate(highest));
    let plot = axis.plot("failed", "Failures each second", &description, Height::Low, (&y, &ticks), RATES);
    let bars = plot.bars(rates.iter().map(|rate| (rate.at, rate.at + rate.length, 0.0, rate.failures)));
    let marks = html! {
        (axis.shades())
        path class="bars failed" d=(bars) {}
        @for (of, bars) in timeline.classes.iter().zip(stacked(&plot, timeline)) { path class={ "bars " (color(of)) } d=(bars) {} }
    };
    html! {
        figure class="chart" {
            figcaption {
                strong { "Failures each second" }
                @for of in &timeline.classes { span class={ "key block " (color(of)) } { (of.class.name()) " " (format_count(of.total)) } }
                @if timeline.classes.is_empty() { span class="note" { "of which class is not known by the second" } }
            }
            (plot.around(&marks, &html! {}))
        }
    }
}

/// The bars of each class on those of the classes before it.
fn stacked<'a>(plot: &'a Plot<'_>, timeline: &'a Timeline) -> impl Iterator<Item = String> + 'a {
    let mut feet = vec![0.0; timeline.rates.len()];
    timeline.classes.iter().map(move |of| {
        let tops: Vec<f64> = feet.iter().zip(&of.rates).map(|(foot, rate)| foot + rate).collect();
        let bars = timeline.rates.iter().zip(feet.iter().zip(&tops));
        let bars = plot.bars(bars.map(|(step, (foot, top))| (step.at, step.at + step.length, *foot, *top)));
        feet = tops;
        bars
    })
}

/// The color of a class, by name.
fn color(of: &ClassRates) -> String {
    format!("class-{}", of.class.name())
}

/// What was asked for, and what was answered.
fn throughput(timeline: &Timeline, answered: &[f64], axis: &Axis<'_>) -> Markup {
    let rates = &timeline.rates;
    let highest = rates.iter().map(|rate| rate.requests).chain(answered.iter().copied()).fold(0.0, f64::max);
    let y = Scale::linear(0.0, highest * 1.08);
    let ticks = y.ticks(4, rate);
    let most = answered.iter().copied().reduce(f64::max).map(|most| format!(", up to {} answered", rate(most))).unwrap_or_default();
    let description = format!("up to {} due{most}", rate(rates.iter().map(|rate| rate.requests).fold(0.0, f64::max)));
    let plot = axis.plot("sent", "Requests each second", &description, Height::Middle, (&y, &ticks), RATES);
    let line = |value: &dyn Fn(usize, &RateStep) -> f64| {
        plot.steps(rates.iter().enumerate().map(|(index, rate)| (rate.at, rate.at + rate.length, value(index, rate))))
    };
    let marks = html! {
        (axis.shades())
        path class="line due" d=(line(&|_, rate| rate.requests)) {}
        @if !answered.is_empty() { path class="line answered" d=(line(&|index, _| answered[index])) {} }
    };
    html! {
        figure class="chart" {
            figcaption {
                strong { "Requests each second" }
                span class="key due" { "due" }
                @if !answered.is_empty() { span class="key answered" { "answered as expected (throughput)" } }
            }
            (plot.around(&marks, &html! {}))
        }
    }
}

/// Who was there at once.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn users(timeline: &Timeline, at_once: &[u64], axis: &Axis<'_>) -> Markup {
    let highest = at_once.iter().copied().max().unwrap_or_default();
    let y = Scale::linear(0.0, highest as f64 * 1.15);
    let ticks = y.ticks(3, |value| format!("{value}"));
    let description = format!("up to {}", format_count(highest));
    let plot = axis.plot("load", "Users at once", &description, Height::Low, (&y, &ticks), RATES);
    let steps = timeline.rates.iter().zip(at_once).map(|(step, count)| (step.at, step.at + step.length, *count as f64));
    let marks = html! { (axis.shades()) path class="line load" d=(plot.steps(steps)) {} };
    html! {
        figure class="chart" {
            figcaption { strong { "Users at once" } " requests under way, where the scenario gives a rate" }
            (plot.around(&marks, &html! {}))
        }
    }
}

/// What each phase asked for at its end, where nothing else is known. How it got there within the phase is the scenario's, and not in the run.
fn load(axis: &Axis<'_>) -> Markup {
    let highest = axis.run.phases.iter().map(|phase| phase.peak).fold(0.0, f64::max);
    if highest <= 0.0 {
        return html! {};
    }
    let y = Scale::linear(0.0, highest * 1.15);
    let print = |value: f64| format!("{}", (value * 100.0).round() / 100.0);
    let ticks = y.ticks(3, print);
    let description = format!("up to {}", print(highest));
    let plot = axis.plot("load", "Load that each phase asks for", &description, Height::Low, (&y, &ticks), RATES);
    let steps = plot.steps(axis.phases().map(|(from, to, phase)| (from, to, phase.peak)));
    let marks = html! { (axis.shades()) path class="line load" d=(steps) {} };
    html! {
        figure class="chart" {
            figcaption { strong { "Load at the end of each phase" } " users, or starts a second where the scenario gives a rate" }
            (plot.around(&marks, &html! {}))
        }
    }
}

fn rates_table(timeline: &Timeline, answered: &[f64], at_once: &[u64]) -> Markup {
    let row = |(index, step): (usize, &RateStep)| {
        html! {
            th scope="row" class="n" data-x=(step.at + step.length / 2.0) { (seconds_tick(step.at)) }
            (number(&rate(step.requests), None))
            @if let Some(answered) = answered.get(index) { (number(&rate(*answered), None)) }
            (number(&rate(step.failures), None))
            @for of in &timeline.classes { (number(&rate(of.rates[index]), None)) }
            @if let Some(count) = at_once.get(index) { (number(&format_count(*count), None)) }
        }
    };
    let rows: Vec<Markup> = timeline.rates.iter().enumerate().map(row).collect();
    let mut columns = vec![("from", Kind::Number), ("requests", Kind::Number)];
    columns.extend((!answered.is_empty()).then_some(("answered", Kind::Number)));
    columns.push(("failures", Kind::Number));
    columns.extend(timeline.classes.iter().map(|of| (of.class.name(), Kind::Number)));
    columns.extend((!at_once.is_empty()).then_some(("at once", Kind::Number)));
    values_table(RATES, "Requests and failures each second", &grid("Requests and failures each second", &columns, &rows, Aid::Plain))
}

fn values_table(id: &str, of: &str, table: &Markup) -> Markup {
    html! { details class="values" id=(id) { summary { "Values as a table" span class="away" { " of " (text(of)) } } (table) } }
}
