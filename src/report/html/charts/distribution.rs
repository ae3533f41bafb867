//! Latency by percentile, as the plots of `HdrHistogram` have it: each step to the right is ten times nearer to the
//! slowest request. This run over the baseline's newest runs, which are never pooled: each has its own percentiles.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::plot::{Height, Plot, Scale, millis_tick};
use crate::report::content::counted;
use crate::report::figures::NONE;
use crate::report::html::grid::{Aid, Kind, grid, number};
use crate::report::html::overall::Overall;
use crate::report::html::past::{Past, PastKind};
use crate::report::html::text;
use crate::run::{EndpointRun, PhaseSelection, Summary};
use crate::stats::Histogram;
use crate::units::{Percentile, format_count, format_millis};

/// Points of a line between two powers of ten.
const POINTS: u32 = 24;
/// What the table lists.
const LISTED: [f64; 8] = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999];

/// All tasks together.
pub(in crate::report::html) fn distribution(overall: &Overall<'_>, past: &Past<'_>) -> Markup {
    let whose = Whose { id: "hdr", name: "all tasks", title: "Latency by percentile", height: Height::Tall };
    drawn(&whose, Words::over(past.kind()), &overall.total, || past.distributions(None))
}

/// One endpoint.
pub(in crate::report::html) fn distribution_of(overall: &Overall<'_>, endpoint: &EndpointRun, past: &Past<'_>, id: &str) -> Markup {
    let title = format!("Latency of {} by percentile", endpoint.name);
    let whose = Whose { id, name: &endpoint.name, title: &title, height: Height::Middle };
    let summary = overall.run.summary(endpoint, PhaseSelection::Judged);
    drawn(&whose, Words::over(past.kind()), &summary, || past.distributions(Some(&endpoint.name)))
}

/// A run over an earlier one that is nobody's baseline; `id` is unique in the page.
#[must_use]
pub fn two_distributions(id: &str, title: &str, earlier: &Summary, later: &Summary) -> Markup {
    let whose = Whose { id, name: title, title, height: Height::Middle };
    let latency = &earlier.latency;
    drawn(&whose, &OVER_ANOTHER, later, || if latency.is_empty() { Vec::new() } else { vec![latency.clone()] })
}

/// Whose latency a plot shows.
struct Whose<'a> {
    /// Unique in the page.
    id: &'a str,
    name: &'a str,
    title: &'a str,
    height: Height,
}

/// What the run and those below it are called.
struct Words {
    own: &'static str,
    others: &'static str,
    /// Those below it, beside the title.
    key: fn(usize) -> String,
}

const OVER_THE_BASELINE: Words =
    Words { own: "this run", others: "baseline", key: |count| format!("{}, the newest", counted(count, "baseline run")) };
const BESIDE_ANOTHER: Words = Words { own: "this run", others: "the other deployment", key: |count| PastKind::Beside.counted(count) };
const OVER_ANOTHER: Words = Words { own: "later", others: "earlier", key: |_| "earlier".to_owned() };

impl Words {
    const fn over(kind: PastKind) -> &'static Self {
        match kind {
            PastKind::Stored => &OVER_THE_BASELINE,
            PastKind::Beside => &BESIDE_ANOTHER,
        }
    }
}

fn drawn(whose: &Whose<'_>, words: &Words, summary: &Summary, earlier: impl FnOnce() -> Vec<Histogram>) -> Markup {
    let latency = &summary.latency;
    if summary.stated.is_some() {
        return html! {
            p class="none" { "The tool that measured this run stated some percentiles; the distribution behind them is not known." }
        };
    }
    if latency.is_empty() {
        return html! { p class="none" { "No request in a judged phase has a latency." } };
    }
    let earlier = earlier();
    let nines = nines(latency.count());
    let curves: Vec<Vec<(f64, f64)>> = earlier.iter().map(|other| curve(other, nines)).collect();
    let own = curve(latency, nines);
    let values = || curves.iter().flatten().chain(&own).map(|point| point.1);
    let (x, y) = (Scale::linear(0.0, nines), Scale::fitted(values()));
    let (x_ticks, y_ticks) = (percentile_ticks(nines), y.ticks(5, millis_tick));
    let description = described(whose.name, words, latency, &earlier);
    let plot = Plot {
        id: whose.id,
        title: whose.title,
        description: &description,
        height: whose.height,
        x: &x,
        y: &y,
        x_ticks: &x_ticks,
        y_ticks: &y_ticks,
        zoom: None,
    };
    html! {
        figure class="chart" {
            figcaption {
                strong { (text(whose.title)) }
                span class="key p95" { (words.own) }
                @if !curves.is_empty() { span class="key earlier" { ((words.key)(curves.len())) } }
                @if y.is_log() { span class="note" { "logarithmic" } }
            }
            (plot.around(&lines(&plot, &own, &curves), &html! {}))
            (table(whose.title, words, latency, &earlier))
        }
    }
}

fn lines(plot: &Plot<'_>, own: &[(f64, f64)], curves: &[Vec<(f64, f64)>]) -> Markup {
    let line = |curve: &[(f64, f64)]| plot.line(curve.iter().map(|&(x, y)| (x, Some(y))));
    html! {
        @if !curves.is_empty() { path class="range" d=(range(plot, curves)) {} }
        @for curve in curves { path class="line earlier" d=(line(curve)) {} }
        path class="line p95" d=(line(own)) {}
    }
}

/// What the lines say, in words.
fn described(name: &str, words: &Words, latency: &Histogram, earlier: &[Histogram]) -> String {
    let slowest = latency.max_ms().map_or_else(|| NONE.into(), format_millis);
    let mut parts = vec![format!("{name} in the judged phases; the slowest of {} took {slowest}", format_count(latency.count()))];
    for percentile in [Percentile::P50, Percentile::P95, Percentile::P99] {
        let Some(own) = latency.percentile_ms(percentile) else { continue };
        let values = || earlier.iter().filter_map(|other| other.percentile_ms(percentile));
        let others = match (values().reduce(f64::min), values().reduce(f64::max)) {
            (Some(low), Some(high)) if low < high => format!(", {} {} to {}", words.others, format_millis(low), format_millis(high)),
            (Some(only), _) => format!(", {} {}", words.others, format_millis(only)),
            _ => String::new(),
        };
        parts.push(format!("{percentile} {}{others}", format_millis(own)));
    }
    parts.join("; ")
}

/// How many nines the percentile has that a single request decides: 3 for 1,000 requests.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn nines(count: u64) -> f64 {
    (count as f64).log10().clamp(1.0, 6.0)
}

/// Points (nines, ms) from the smallest latency to the last that so many requests can tell, as far as the axis goes.
fn curve(latency: &Histogram, axis: f64) -> Vec<(f64, f64)> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most six nines")]
    let count = (axis * f64::from(POINTS)).ceil() as u32;
    let last = nines(latency.count()) + 1e-9;
    let places = (0..=count).map(|index| f64::from(index) / f64::from(count) * axis).take_while(|at| *at <= last);
    places.filter_map(|at| latency.value_at_fraction(1.0 - 10_f64.powf(-at)).map(|value| (at, value))).collect()
}

/// `50 %` to `99.999 %`, as far as the axis goes.
fn percentile_ticks(nines: f64) -> Vec<(f64, String)> {
    let places = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999_999];
    let place = |share: f64| -(1.0 - share).log10();
    places.into_iter().filter(|share| place(*share) <= nines + 0.01).map(|share| (place(share), print(share))).collect()
}

fn print(share: f64) -> String {
    let text = format!("{:.4}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned() + " %"
}

/// The outline of all curves: along the highest, back along the lowest.
fn range(plot: &Plot<'_>, curves: &[Vec<(f64, f64)>]) -> String {
    let Some(longest) = curves.iter().max_by_key(|curve| curve.len()) else { return String::new() };
    let at = |index: usize| curves.iter().filter_map(move |curve| curve.get(index)).map(|point| point.1);
    let edge = |index: usize, value: f64| (plot.x.right(longest[index].0), plot.y.down(value));
    let along = (0..longest.len()).map(|index| edge(index, at(index).fold(0.0, f64::max)));
    let back = (0..longest.len()).rev().map(|index| edge(index, at(index).fold(f64::INFINITY, f64::min)));
    let mut path = String::new();
    for (x, y) in along.chain(back) {
        let _ = write!(path, "{}{x} {y}", if path.is_empty() { "M" } else { "L" });
    }
    path + "z"
}

fn table(title: &str, words: &Words, latency: &Histogram, earlier: &[Histogram]) -> Markup {
    let millis = |value: Option<f64>| number(&value.map_or_else(|| NONE.into(), format_millis), None);
    let row = |name: &str, of: &dyn Fn(&Histogram) -> Option<f64>| {
        let values = || earlier.iter().filter_map(of);
        let (low, high) = (values().reduce(f64::min), values().reduce(f64::max));
        html! {
            th scope="row" { (name) }
            (millis(of(latency)))
            @if !earlier.is_empty() { (millis(low)) }
            @if earlier.len() > 1 { (millis(high)) }
        }
    };
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let listed = LISTED.into_iter().filter(|share| (1.0 - share) * latency.count() as f64 >= 0.999);
    let mut rows: Vec<Markup> = listed.map(|share| row(&print(share), &|of| of.value_at_fraction(share))).collect();
    rows.push(row("slowest", &Histogram::max_ms));
    rows.push(row("mean", &Histogram::mean_ms));
    let (lowest, highest) = (format!("{}, lowest", words.others), format!("{}, highest", words.others));
    let mut columns = vec![("percentile", Kind::Text), (words.own, Kind::Number)];
    match earlier.len() {
        0 => {}
        1 => columns.push((words.others, Kind::Number)),
        _ => columns.extend([(lowest.as_str(), Kind::Number), (highest.as_str(), Kind::Number)]),
    }
    html! {
        details class="values" {
            summary { "Values as a table" span class="away" { " of " (text(title)) } }
            (grid(title, &columns, &rows, Aid::Plain))
        }
    }
}
