//! Every endpoint in a row with its latency as a small line, and a chart of its own for those that ask for attention.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::grid::{Aid, Kind, grid, number};
use super::timeline::Timeline;
use super::{charts, text};
use crate::gate::{Finding, FindingOutcome};
use crate::report::content::counted;
use crate::report::endpoints::remarks;
use crate::report::figures::{NONE, rate};
use crate::run::{EndpointRole, EndpointRun, PhaseSelection, Run, Summary};
use crate::units::{Percentile, format_count, format_millis, format_share};

/// How many endpoints get a chart of their own, worst first.
const CHARTS: usize = 40;

pub(super) fn table(run: &Run, findings: &[&Finding]) -> Markup {
    let of = |role| run.endpoints.iter().filter(move |endpoint| endpoint.role == role);
    if of(EndpointRole::Task).chain(of(EndpointRole::Lifecycle)).next().is_none() {
        return html! { p class="none" { "The scenario has no endpoint." } };
    }
    let mut rows: Vec<Markup> = of(EndpointRole::Task).map(|endpoint| row(run, endpoint)).collect();
    rows.push(cells(&html! { "all tasks" }, &run.total(PhaseSelection::Judged), seconds(run, PhaseSelection::Judged), &html! {}));
    rows.extend(of(EndpointRole::Lifecycle).map(|endpoint| row(run, endpoint)));
    let columns = [
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
    html! {
        (grid("Endpoints", &columns, &rows, Aid::Sorted))
        @for remark in remarks(run) { p class="note" { (text(&remark)) } }
        (one_by_one(run, findings))
    }
}

fn row(run: &Run, endpoint: &EndpointRun) -> Markup {
    let selection = if endpoint.role == EndpointRole::Task { PhaseSelection::Judged } else { PhaseSelection::Whole };
    let spark = charts::spark(&Timeline::of(std::iter::once(endpoint)).moments);
    cells(&html! { code { (text(&endpoint.name)) } }, &run.summary(endpoint, selection), seconds(run, selection), &spark)
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

/// A chart for each endpoint; where there are many, for those with the worst findings and then the first ones.
fn one_by_one(run: &Run, findings: &[&Finding]) -> Markup {
    let tasks: Vec<&EndpointRun> = run.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task).collect();
    let shown: Vec<&EndpointRun> = worst_first(&tasks, findings).into_iter().take(CHARTS).collect();
    let left_out = tasks.len() - shown.len();
    html! {
        h3 { "One by one" }
        @for (index, endpoint) in shown.iter().enumerate() {
            details class="endpoint" { summary { code { (text(&endpoint.name)) } } (charts::of_endpoint(run, endpoint, &format!("e{index}"))) }
        }
        @if left_out > 0 { p class="note" { "Left out: charts of " (counted(left_out, "endpoint")) " with milder findings; the table has their figures." } }
    }
}

fn worst_first<'a>(tasks: &[&'a EndpointRun], findings: &[&Finding]) -> Vec<&'a EndpointRun> {
    let mut known = BTreeSet::new();
    let noticed = findings.iter().filter(|finding| finding.outcome != FindingOutcome::Pass);
    let named = noticed.filter_map(|finding| tasks.iter().find(|endpoint| endpoint.name == finding.endpoint));
    named.chain(tasks).filter(|endpoint| known.insert(endpoint.name.as_str())).copied().collect()
}
