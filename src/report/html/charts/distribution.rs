//! Latency by percentile, as the plots of `HdrHistogram` have it: each step to the right is ten times nearer to the
//! slowest request. This run over the baseline's newest runs, which are never pooled: each has its own percentiles.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::plot::{Height, Plot, Scale, millis_tick};
use crate::report::content::counted;
use crate::report::figures::NONE;
use crate::report::html::grid::{Aid, Kind, grid, number};
use crate::report::html::past::Past;
use crate::run::{PhaseSelection, Run};
use crate::stats::Histogram;
use crate::units::{format_count, format_millis};

/// Points of a line between two powers of ten.
const POINTS: u32 = 24;
/// What the table lists.
const LISTED: [f64; 8] = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999];

pub(in crate::report::html) fn distribution(run: &Run, past: &Past<'_>) -> Markup {
    let latency = run.total(PhaseSelection::Judged).latency;
    let Some(slowest) = latency.max_ms() else {
        return html! { p class="none" { "No request in a judged phase has a latency." } };
    };
    let earlier = past.distributions();
    let nines = nines(latency.count());
    let curves: Vec<Vec<(f64, f64)>> = earlier.iter().map(|other| curve(other, nines)).collect();
    let own = curve(&latency, nines);
    let values = || curves.iter().flatten().chain(&own).map(|point| point.1);
    let (x, y) = (Scale::linear(0.0, nines), Scale::fitted(values()));
    let (x_ticks, y_ticks) = (percentile_ticks(nines), y.ticks(5, millis_tick));
    let description =
        format!("all tasks in the judged phases; the slowest of {} took {}", format_count(latency.count()), format_millis(slowest));
    let title = "Latency by percentile";
    let plot = Plot {
        id: "hdr",
        title,
        description: &description,
        height: Height::Tall,
        x: &x,
        y: &y,
        x_ticks: &x_ticks,
        y_ticks: &y_ticks,
        zoom: None,
    };
    let line = |curve: &[(f64, f64)]| plot.line(curve.iter().map(|&(x, y)| (x, Some(y))));
    let marks = html! {
        @if !curves.is_empty() { path class="range" d=(range(&plot, &curves)) {} }
        @for curve in &curves { path class="line earlier" d=(line(curve)) {} }
        path class="line p95" d=(line(&own)) {}
    };
    html! {
        figure class="chart" {
            figcaption {
                strong { (title) }
                span class="key p95" { "this run" }
                @if !curves.is_empty() { span class="key earlier" { (counted(curves.len(), "baseline run")) ", the newest" } }
                @if y.is_log() { span class="note" { "logarithmic" } }
            }
            (plot.around(&marks, &html! {}))
            (table(&latency, &earlier))
        }
    }
}

/// How many nines the percentile has that a single request decides: 3 for 1,000 requests.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn nines(count: u64) -> f64 {
    (count as f64).log10().clamp(1.0, 6.0)
}

/// Points (nines, ms) from the smallest latency to the last that this many requests can tell.
fn curve(latency: &Histogram, nines: f64) -> Vec<(f64, f64)> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most six nines")]
    let count = (nines * f64::from(POINTS)).ceil() as u32;
    let point = |index: u32| {
        let at = f64::from(index) / f64::from(count) * nines;
        latency.value_at_fraction(1.0 - 10_f64.powf(-at)).map(|value| (at, value))
    };
    (0..=count).filter_map(point).collect()
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
    let Some(first) = curves.first() else { return String::new() };
    let at = |index: usize| curves.iter().filter_map(move |curve| curve.get(index)).map(|point| point.1);
    let edge = |index: usize, value: f64| (plot.x.right(first[index].0), plot.y.down(value));
    let along = (0..first.len()).map(|index| edge(index, at(index).fold(0.0, f64::max)));
    let back = (0..first.len()).rev().map(|index| edge(index, at(index).fold(f64::INFINITY, f64::min)));
    let mut path = String::new();
    for (x, y) in along.chain(back) {
        let _ = write!(path, "{}{x} {y}", if path.is_empty() { "M" } else { "L" });
    }
    path + "z"
}

fn table(latency: &Histogram, earlier: &[Histogram]) -> Markup {
    let millis = |value: Option<f64>| number(&value.map_or_else(|| NONE.into(), format_millis), None);
    let row = |name: &str, of: &dyn Fn(&Histogram) -> Option<f64>| {
        let values = || earlier.iter().filter_map(of);
        let (low, high) = (values().reduce(f64::min), values().reduce(f64::max));
        html! {
            th scope="row" { (name) }
            (millis(of(latency)))
            @if !earlier.is_empty() { (millis(low)) (millis(high)) }
        }
    };
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let listed = LISTED.into_iter().filter(|share| (1.0 - share) * latency.count() as f64 >= 0.999);
    let mut rows: Vec<Markup> = listed.map(|share| row(&print(share), &|of| of.value_at_fraction(share))).collect();
    rows.push(row("slowest", &Histogram::max_ms));
    rows.push(row("mean", &Histogram::mean_ms));
    let mut columns = vec![("percentile", Kind::Text), ("this run", Kind::Number)];
    if !earlier.is_empty() {
        columns.extend([("baseline, lowest", Kind::Number), ("baseline, highest", Kind::Number)]);
    }
    html! { details class="values" { summary { "Values as a table" } (grid("Latency by percentile", &columns, &rows, Aid::Plain)) } }
}
