//! One finding in a picture: what the compared runs measured as dots with the band that they span, what is allowed as
//! a line, and this run.

use maud::{Markup, html};

use super::plot::{FOOT, Height, Plot, Scale, millis_tick, percent};
use crate::gate::{Change, Finding, Rule, Unit};
use crate::report::content::counted;
use crate::report::figures;
use crate::report::html::grid::{Aid, Kind, grid, number};
use crate::report::html::past::PastValue;
use crate::report::html::text;
use crate::report::sentences::metric;

/// The picture of a finding; empty where nothing was measured.
pub(in crate::report::html) fn finding(finding: &Finding, past: &[PastValue], id: &str) -> Markup {
    let Some(measured) = finding.measured else { return html! {} };
    let (allowed, interval) = (allowed(finding), interval(finding));
    let median = finding.baseline.as_ref().map(|baseline| baseline.value);
    let values = || {
        let ends = interval.into_iter().flat_map(|(low, high)| [low, high]);
        past.iter().map(|value| value.value).chain([measured]).chain(allowed).chain(median).chain(ends)
    };
    // With nothing to compare, how far it is from 0 to the limit is all that there is to see.
    let y = if past.is_empty() && median.is_none() { Scale::around(values().chain([0.0])) } else { Scale::around(values()) };
    let x = Scale::linear(-0.7, places(past.len()) + 0.7);
    let y_ticks = y.ticks(4, |value| tick(finding.unit, value));
    let x_ticks = x_ticks(past);
    let title = format!("{} {}", finding.endpoint, metric(finding));
    let description = described(finding, past, allowed);
    let plot = Plot {
        id,
        title: &title,
        description: &description,
        height: Height::Middle,
        x: &x,
        y: &y,
        x_ticks: &x_ticks,
        y_ticks: &y_ticks,
        zoom: None,
    };
    let marks = marks(&plot, past, allowed.map(|allowed| (allowed, finding.rule)), median);
    let this = Dot { at: places(past.len()), value: measured, interval };
    html! {
        (plot.around(&marks, &html! { (dots(&plot, finding.unit, past)) (this.drawn(&plot, finding)) }))
        (keys(finding, past, allowed, median, y.is_log()))
        @if !past.is_empty() { (table(finding, past, measured)) }
    }
}

/// The value at which the rule breaks.
fn allowed(finding: &Finding) -> Option<f64> {
    let base = finding.baseline.as_ref().map(|baseline| baseline.value);
    let value = match (finding.rule, finding.unit) {
        (Rule::Max | Rule::Min, _) => finding.limit,
        (Rule::Rise, Unit::Share) => base? + finding.limit,
        (Rule::Rise, _) => base? * (1.0 + finding.limit),
        (Rule::Fall, Unit::Share) => base? - finding.limit,
        (Rule::Fall, _) => base? * (1.0 - finding.limit),
    };
    value.is_finite().then_some(value)
}

/// Between which values this run lies, where the change has an interval.
fn interval(finding: &Finding) -> Option<(f64, f64)> {
    let Change { low: Some(low), high: Some(high), .. } = finding.change? else { return None };
    let base = finding.baseline.as_ref()?.value;
    let moved = |percent: f64| if finding.unit == Unit::Share { base + percent / 100.0 } else { base * (1.0 + percent / 100.0) };
    let (low, high) = (moved(low), moved(high));
    (low.is_finite() && high.is_finite()).then_some((low, high))
}

/// Where this run stands: right of all earlier ones.
#[expect(clippy::cast_precision_loss, reason = "a store keeps a few runs")]
fn places(earlier: usize) -> f64 {
    earlier as f64
}

fn tick(unit: Unit, value: f64) -> String {
    if unit == Unit::Ms { millis_tick(value) } else { figures::value(unit, value) }
}

fn x_ticks(past: &[PastValue]) -> Vec<(f64, String)> {
    let mut ticks = Vec::new();
    if let Some(oldest) = past.first() {
        ticks.push((0.0, oldest.started_at.strftime("%b %-d").to_string()));
    }
    ticks.push((places(past.len()), "this run".into()));
    ticks
}

fn described(finding: &Finding, past: &[PastValue], allowed: Option<f64>) -> String {
    let value = |value: f64| figures::value(finding.unit, value);
    let mut parts = vec![format!("this run {}", figures::measured(finding))];
    parts.extend(allowed.map(|allowed| format!("{} {}", word(finding.rule), value(allowed))));
    if let Some((low, high)) = span(past) {
        parts.push(format!("{} between {} and {}", counted(past.len(), "baseline run"), value(low), value(high)));
    }
    parts.join(", ")
}

/// What the line of the limit is called.
const fn word(rule: Rule) -> &'static str {
    match rule {
        Rule::Max => "limit",
        Rule::Min => "at least",
        Rule::Rise | Rule::Fall => "allowed",
    }
}

/// The lowest and the highest of the compared runs.
fn span(past: &[PastValue]) -> Option<(f64, f64)> {
    let values = past.iter().map(|value| value.value);
    Some((values.clone().reduce(f64::min)?, values.reduce(f64::max)?))
}

fn marks(plot: &Plot<'_>, past: &[PastValue], allowed: Option<(f64, Rule)>, median: Option<f64>) -> Markup {
    let across = |value: f64| format!("M0 {}H{FOOT}", plot.y.down(value));
    html! {
        @if let Some((allowed, rule)) = allowed {
            @let y = plot.y.down(allowed).clamp(0, FOOT);
            @let (top, height) = if matches!(rule, Rule::Max | Rule::Rise) { (0, y) } else { (y, FOOT - y) };
            rect class="beyond" x="0" width=(FOOT) y=(top) height=(height) {}
        }
        @if let Some((low, high)) = span(past) {
            rect class="band" x="0" width=(FOOT) y=(plot.y.down(high)) height=(plot.y.down(low) - plot.y.down(high)) {}
        }
        @if let Some(median) = median { path class="line median" d=(across(median)) {} }
        @if let Some((allowed, _)) = allowed { path class="line limit" d=(across(allowed)) {} }
    }
}

fn dots(plot: &Plot<'_>, unit: Unit, past: &[PastValue]) -> Markup {
    html! { @for (index, run) in past.iter().enumerate() {
        circle class="past" r="4" cx=(percent(plot.x.right(places(index)))) cy=(percent(plot.y.down(run.value))) {
            title { (run.started_at.strftime("%Y-%m-%d %H:%M").to_string()) ": " (figures::value(unit, run.value)) }
        }
    } }
}

/// This run among the others.
struct Dot {
    at: f64,
    value: f64,
    interval: Option<(f64, f64)>,
}

impl Dot {
    fn drawn(&self, plot: &Plot<'_>, finding: &Finding) -> Markup {
        let x = percent(plot.x.right(self.at));
        html! {
            @if let Some((low, high)) = self.interval {
                line class="whisker" x1=(x) x2=(x) y1=(percent(plot.y.down(low))) y2=(percent(plot.y.down(high))) {}
            }
            svg class="this" x=(x) y=(percent(plot.y.down(self.value))) {
                path d="M0-7 7 0 0 7-7 0z" { title { "this run: " (figures::measured(finding)) } }
            }
        }
    }
}

fn keys(finding: &Finding, past: &[PastValue], allowed: Option<f64>, median: Option<f64>, is_log: bool) -> Markup {
    let value = |value: f64| figures::value(finding.unit, value);
    html! {
        p class="keys" {
            span class="key this" { "this run " (figures::measured(finding)) @if self::interval(finding).is_some() { " with its interval" } }
            @if let Some(allowed) = allowed { span class="key limit" { (word(finding.rule)) " " (value(allowed)) } }
            @if let Some((low, high)) = span(past) {
                span class="key past" { (counted(past.len(), "baseline run")) }
                span class="key band" { "their range " (value(low)) " to " (value(high)) }
            }
            @if let Some(median) = median { span class="key median" { "baseline " (value(median)) } }
            @if is_log { span class="note" { "logarithmic" } }
        }
    }
}

fn table(finding: &Finding, past: &[PastValue], measured: f64) -> Markup {
    let row = |name: &str, value: f64| {
        html! { th scope="row" { (text(name)) } (number(&figures::value(finding.unit, value), None)) }
    };
    let mut rows: Vec<Markup> = past.iter().map(|run| row(&run.started_at.strftime("%Y-%m-%d %H:%M").to_string(), run.value)).collect();
    rows.push(row("this run", measured));
    let columns = [("run (UTC)", Kind::Text), (finding.metric.as_str(), Kind::Number)];
    html! { details class="values" { summary { "Values as a table" } (grid("Values of the compared runs", &columns, &rows, Aid::Plain)) } }
}
