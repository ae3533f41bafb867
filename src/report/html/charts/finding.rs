//! One finding in a picture: what the compared runs measured as dots with the band that they span, what is allowed as
//! a line, and this run.

use maud::{Markup, html};

use super::plot::{FOOT, Height, Plot, Scale, percent, unit_tick};
use crate::gate::{Change, Finding, Rule, Unit};
use crate::report::content::{COMMIT_CHARACTERS, counted};
use crate::report::figures;
use crate::report::html::grid::{Aid, Kind, grid, number};
use crate::report::html::past::{PastKind, PastValue, PastValues};
use crate::report::html::text;
use crate::report::sentences::metric;

/// The picture of a finding; empty where nothing was measured, or there is nothing to hold it against.
pub(in crate::report::html) fn finding(finding: &Finding, compared: &PastValues, id: &str) -> Markup {
    let Some(measured) = finding.measured else { return html! {} };
    let PastValues { kind, values: past } = compared;
    let (lines, interval) = (Lines::of(finding, past), interval(finding));
    if past.is_empty() && lines.allowed.is_none() && lines.median.is_none() {
        return html! {};
    }
    let values = || {
        let ends = interval.into_iter().chain(lines.band.iter().map(|band| (band.low, band.high))).flat_map(|(low, high)| [low, high]);
        past.iter().map(|value| value.value).chain([measured]).chain(lines.allowed).chain(lines.median).chain(ends)
    };
    // With nothing to compare, how far it is from 0 to the limit is all that there is to see.
    let y = if past.is_empty() && lines.median.is_none() { Scale::around(values().chain([0.0])) } else { Scale::around(values()) };
    let x = Scale::linear(-0.7, places(past.len()) + 0.7);
    let y_ticks = y.ticks(4, |value| unit_tick(finding.unit, value));
    let x_ticks = x_ticks(compared);
    let title = format!("{} {}", finding.endpoint, metric(finding));
    let description = described(finding, &lines, compared);
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
    let this = Dot { at: places(past.len()), value: measured, interval };
    html! {
        (plot.around(&marks(&plot, &lines, finding.rule), &html! { (dots(&plot, finding.unit, past)) (this.drawn(&plot, finding)) }))
        (keys(finding, &lines, compared, y.is_log()))
        @if let Some(since) = since(finding, past).filter(|_| *kind == PastKind::Stored) { p class="where" { strong { "Since when: " } (text(&since)) } }
    }
}

/// What lies across the picture.
struct Lines {
    band: Option<Band>,
    allowed: Option<f64>,
    median: Option<f64>,
}

impl Lines {
    fn of(finding: &Finding, past: &[PastValue]) -> Self {
        let median = finding.baseline.as_ref().map(|baseline| baseline.value);
        Self { band: band(finding, past), allowed: allowed(finding), median }
    }
}

/// The value at which the rule breaks.
pub(super) fn allowed(finding: &Finding) -> Option<f64> {
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

/// Since when it is beyond what is allowed, by the compared runs. `None` without them, and where it is not.
fn since(finding: &Finding, past: &[PastValue]) -> Option<String> {
    let allowed = allowed(finding)?;
    let is_beyond = |value: f64| if matches!(finding.rule, Rule::Max | Rule::Rise) { value > allowed } else { value < allowed };
    let (newest, _) = past.split_last().filter(|_| finding.measured.is_some_and(is_beyond))?;
    let commit = |run: &PastValue| run.commit.as_deref().map(|commit| format!(" ({})", short(commit))).unwrap_or_default();
    let day = |run: &PastValue| format!("{}{}", run.started_at.strftime("%b %-d"), commit(run));
    let beyond: Vec<&PastValue> = past.iter().filter(|run| is_beyond(run.value)).collect();
    Some(match beyond.first() {
        None => format!("new in this run; the newest of {}, {}, was within", counted(past.len(), "baseline run"), day(newest)),
        Some(first) => {
            format!("not new; {} of {} were beyond too, the first on {}", beyond.len(), counted(past.len(), "baseline run"), day(first))
        }
    })
}

/// As much of a commit as people tell.
fn short(commit: &str) -> String {
    commit.chars().take(COMMIT_CHARACTERS).collect()
}

/// Where this run stands: right of all earlier ones.
#[expect(clippy::cast_precision_loss, reason = "a store keeps a few runs")]
fn places(earlier: usize) -> f64 {
    earlier as f64
}

fn x_ticks(PastValues { kind, values: past }: &PastValues) -> Vec<(f64, String)> {
    let mut ticks = Vec::new();
    if let Some(oldest) = past.first() {
        ticks.push((0.0, kind.when(oldest.started_at)));
    }
    ticks.push((places(past.len()), "this run".into()));
    ticks
}

fn described(finding: &Finding, lines: &Lines, PastValues { kind, values: past }: &PastValues) -> String {
    let value = |value: f64| figures::value(finding.unit, value);
    let mut parts = vec![format!("this run {}", figures::measured(finding))];
    parts.extend(lines.allowed.map(|allowed| format!("{} {}", word(finding.rule), value(allowed))));
    parts.extend((!past.is_empty()).then(|| kind.counted(past.len())));
    parts.extend(lines.band.as_ref().map(|band| format!("{} {} to {}", band.name, value(band.low), value(band.high))));
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

/// Where a run of an unchanged build would lie.
struct Band {
    name: &'static str,
    low: f64,
    high: f64,
}

/// Two standard deviations between runs around the baseline, where the judge knows them; else what the compared runs span.
fn band(finding: &Finding, past: &[PastValue]) -> Option<Band> {
    let noise = finding.change.and_then(|change| change.noise).filter(|noise| noise.is_finite() && *noise > 0.0);
    if let (Some(noise), Some(baseline)) = (noise, &finding.baseline) {
        let width = baseline.value * 2.0 * noise / 100.0;
        return Some(Band { name: "noise between runs", low: (baseline.value - width).max(0.0), high: baseline.value + width });
    }
    let values = past.iter().map(|value| value.value);
    let (low, high) = (values.clone().reduce(f64::min)?, values.reduce(f64::max)?);
    (low < high).then_some(Band { name: "their range", low, high })
}

fn marks(plot: &Plot<'_>, lines: &Lines, rule: Rule) -> Markup {
    let across = |value: f64| format!("M0 {}H{FOOT}", plot.y.down(value));
    html! {
        @if let Some(allowed) = lines.allowed {
            @let y = plot.y.down(allowed).clamp(0, FOOT);
            @let (top, height) = if matches!(rule, Rule::Max | Rule::Rise) { (0, y) } else { (y, FOOT - y) };
            rect class="beyond" x="0" width=(FOOT) y=(top) height=(height) {}
        }
        @if let Some(band) = &lines.band {
            rect class="band" x="0" width=(FOOT) y=(plot.y.down(band.high)) height=(plot.y.down(band.low) - plot.y.down(band.high)) {}
        }
        @if let Some(median) = lines.median { path class="line median" d=(across(median)) {} }
        @if let Some(allowed) = lines.allowed { path class="line limit" d=(across(allowed)) {} }
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

fn keys(finding: &Finding, lines: &Lines, PastValues { kind, values: past }: &PastValues, is_log: bool) -> Markup {
    let value = |value: f64| figures::value(finding.unit, value);
    html! {
        p class="keys" {
            span class="key this" { "this run " (figures::measured(finding)) @if self::interval(finding).is_some() { " with its interval" } }
            @if let Some(allowed) = lines.allowed { span class="key limit" { (word(finding.rule)) " " (value(allowed)) } }
            @if !past.is_empty() { span class="key past" { (kind.counted(past.len())) } }
            @if let Some(band) = &lines.band { span class="key band" { (band.name) " " (value(band.low)) " to " (value(band.high)) } }
            @if let Some(median) = lines.median { span class="key median" { (kind.word()) " " (value(median)) } }
            @if is_log { span class="note" { "logarithmic" } }
        }
    }
}

/// The values of the compared runs and of this one; empty without them.
pub(in crate::report::html) fn values(finding: &Finding, PastValues { values: past, .. }: &PastValues) -> Markup {
    let Some(measured) = finding.measured.filter(|_| !past.is_empty()) else { return html! {} };
    let row = |name: &str, value: f64| {
        html! { th scope="row" { (text(name)) } (number(&figures::value(finding.unit, value), None)) }
    };
    let mut rows: Vec<Markup> = past.iter().map(|run| row(&run.started_at.strftime("%Y-%m-%d %H:%M").to_string(), run.value)).collect();
    rows.push(row("this run", measured));
    let columns = [("run (UTC)", Kind::Text), (finding.metric.as_str(), Kind::Number)];
    grid("Values of the compared runs", &columns, &rows, Aid::Plain)
}
