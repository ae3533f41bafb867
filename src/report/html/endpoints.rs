//! Every endpoint in a row with its latency as a small line, and charts of its own for those that ask for attention and the busiest.

use maud::{Markup, html};

use super::checks::outcome;
use super::grid::{Aid, Kind, grid_with_foot, number};
use super::overall::Overall;
use super::past::Past;
use super::timeline::stretches;
use super::{charts, code, text};
use crate::report::content::counted;
use crate::report::endpoints::remarks;
use crate::report::figures::{NONE, rate};
use crate::run::{EndpointRole, EndpointRun, PhaseSelection, Run, Summary};
use crate::units::{Percentile, format_count, format_millis, format_share};

pub(super) fn table(overall: &Overall<'_>, past: &Past<'_>) -> Markup {
    let run = overall.run;
    let of = |role| run.endpoints.iter().filter(move |endpoint| endpoint.role == role);
    if of(EndpointRole::Task).chain(of(EndpointRole::Lifecycle)).next().is_none() {
        return html! { p class="none" { "The scenario has no endpoint." } };
    }
    let mut rows: Vec<Markup> = of(EndpointRole::Task).map(|endpoint| row(overall, endpoint)).collect();
    rows.extend(of(EndpointRole::Lifecycle).map(|endpoint| row(overall, endpoint)));
    let all = cells(&html! { "all tasks" }, &overall.total, seconds(run, PhaseSelection::Judged), &html! {});
    let all = html! { (all) (worst(overall, "total")) };
    let mut columns = vec![
        ("endpoint", Kind::Text),
        ("requests", Kind::Number),
        ("failures", Kind::Number),
        ("failed", Kind::Number),
        ("p50", Kind::Number),
        ("p95", Kind::Number),
        ("p99", Kind::Number),
        ("max", Kind::Number),
        ("throughput", Kind::Number),
        ("p95 over time", Kind::Picture),
    ];
    columns.extend(overall.is_judged().then_some(("worst check", Kind::Text)));
    html! {
        (grid_with_foot("Endpoints", &columns, &rows, Some(&all), Aid::Sorted))
        @for remark in remarks(run) { p class="note" { (text(&remark)) } }
        (one_by_one(overall, past))
    }
}

fn row(overall: &Overall<'_>, endpoint: &EndpointRun) -> Markup {
    let run = overall.run;
    let selection = if endpoint.role == EndpointRole::Task { PhaseSelection::Judged } else { PhaseSelection::Whole };
    let p95: Vec<(f64, Option<f64>)> =
        stretches(std::iter::once(endpoint)).map(|of| (of.at, of.latency.percentile_ms(Percentile::P95))).collect();
    let spark = charts::spark(&p95);
    let name = match overall.place_of(&endpoint.name) {
        Some(place) => html! { a href={ "#" (endpoint_id(place)) } { (code(&endpoint.name)) } },
        None => code(&endpoint.name),
    };
    let figures = cells(&name, &run.summary(endpoint, selection), seconds(run, selection), &spark);
    html! { (figures) (worst(overall, &endpoint.name)) }
}

/// How the worst check of an endpoint came out, where anything was judged.
fn worst(overall: &Overall<'_>, endpoint: &str) -> Markup {
    html! { @if overall.is_judged() { td { @match overall.outcome_of(endpoint) { Some(worst) => (outcome(worst)), None => (NONE) } } } }
}

fn seconds(run: &Run, selection: PhaseSelection<'_>) -> f64 {
    run.duration_of(selection).as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn cells(name: &Markup, summary: &Summary, seconds: f64, spark: &Markup) -> Markup {
    let counts = &summary.counts;
    let count = |count: u64| number(&format_count(count), Some(count as f64));
    let millis = |value: Option<f64>| number(&value.map_or_else(|| NONE.into(), format_millis), value);
    let share = counts.failure_rate();
    let throughput = (seconds > 0.0).then(|| counts.ok as f64 / seconds);
    html! {
        th scope="row" { (name) }
        (count(counts.requests))
        (count(counts.failures.total()))
        (number(&share.map_or_else(|| NONE.into(), format_share), share))
        (millis(summary.percentile_ms(Percentile::P50)))
        (millis(summary.percentile_ms(Percentile::P95)))
        (millis(summary.percentile_ms(Percentile::P99)))
        (millis(summary.max_ms()))
        (number(&throughput.map_or_else(|| NONE.into(), rate), throughput))
        td { (spark) }
    }
}

/// Where the charts of the endpoint at this place among those that have some are found.
pub(super) fn endpoint_id(place: usize) -> String {
    format!("endpoint-{place}")
}

/// Charts of each endpoint; where there are many, of those with the worst findings and the busiest.
fn one_by_one(overall: &Overall<'_>, past: &Past<'_>) -> Markup {
    let left_out = overall.tasks().count().saturating_sub(overall.charted.len());
    html! {
        div class="apart" {
            @if !overall.charted.is_empty() { h3 { "One by one" } }
            @for (index, endpoint) in overall.charted.iter().enumerate() {
                details class="endpoint" {
                    summary { (code(&endpoint.name)) }
                    div id=(endpoint_id(index)) {
                        (charts::of_endpoint(overall, endpoint, &format!("e{index}")))
                        (charts::distribution_of(overall, endpoint, past, &format!("e{index}-hdr")))
                    }
                }
            }
            @if left_out > 0 {
                p class="note" {
                    "Charts are shown of the endpoints with the worst findings and of the busiest; left out are those of "
                    (counted(left_out, "other endpoint")) ", whose figures are in the table."
                }
            }
        }
    }
}
