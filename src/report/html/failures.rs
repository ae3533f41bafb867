//! What failed: each endpoint's failures by class and phase, and what went wrong in words.

use maud::{Markup, html};

use super::grid::{Aid, Kind, grid, number};
use super::{code, text};
use crate::report::content::counted;
use crate::run::{EndpointRun, FailureClass, Run};
use crate::units::format_count;

/// Rows of one table.
const ROWS: usize = 300;

pub(super) fn failures(run: &Run) -> Markup {
    let by_class = sorted(run.endpoints.iter().flat_map(|endpoint| of_class(run, endpoint)).collect());
    if by_class.is_empty() {
        let is_without = run.endpoints.iter().flat_map(|endpoint| &endpoint.phases).all(|series| series.requests == 0);
        return html! { p class="none" { @if is_without { "No request was made." } @else { "No request failed." } } };
    }
    let by_cause = sorted(run.endpoints.iter().flat_map(of_cause).collect());
    let phases: Vec<String> = run.phases.iter().map(|phase| text(&phase.name)).collect();
    let mut columns = vec![("endpoint", Kind::Text), ("class", Kind::Text)];
    columns.extend(phases.iter().map(|phase| (phase.as_str(), Kind::Number)));
    columns.push(("whole run", Kind::Number));
    let causes = [("endpoint", Kind::Text), ("what went wrong", Kind::Text), ("whole run", Kind::Number)];
    html! {
        (shown("Failures by class and phase", &columns, &by_class))
        @if !by_cause.is_empty() { (shown("Failures by cause", &causes, &by_cause)) }
    }
}

/// So many failures of one endpoint, under one name.
struct Failed<'a> {
    endpoint: &'a str,
    name: &'a str,
    by_phase: Vec<u64>,
    total: u64,
}

fn of_class<'a>(run: &Run, endpoint: &'a EndpointRun) -> Vec<Failed<'a>> {
    let failed = |class: FailureClass| {
        let by_phase: Vec<u64> =
            (0..run.phases.len()).map(|at| endpoint.phases.get(at).map_or(0, |series| series.failures.of(class))).collect();
        Failed { endpoint: &endpoint.name, name: class.name(), total: by_phase.iter().sum(), by_phase }
    };
    FailureClass::ALL.into_iter().map(failed).filter(|failed| failed.total > 0).collect()
}

fn of_cause(endpoint: &EndpointRun) -> Vec<Failed<'_>> {
    let mut totals = std::collections::BTreeMap::<&str, u64>::new();
    for (cause, count) in endpoint.phases.iter().flat_map(|series| &series.causes) {
        *totals.entry(cause).or_default() += count;
    }
    totals.into_iter().map(|(name, total)| Failed { endpoint: &endpoint.name, name, by_phase: Vec::new(), total }).collect()
}

fn sorted(mut failed: Vec<Failed<'_>>) -> Vec<Failed<'_>> {
    failed.sort_by_key(|failed| std::cmp::Reverse(failed.total));
    failed
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn shown(title: &str, columns: &[(&str, Kind)], failed: &[Failed<'_>]) -> Markup {
    let count = |count: u64| number(&format_count(count), Some(count as f64));
    let row = |failed: &Failed<'_>| {
        html! {
            th scope="row" { (code(failed.endpoint)) }
            td { (text(failed.name)) }
            @for number in &failed.by_phase { (count(*number)) }
            (count(failed.total))
        }
    };
    let rows: Vec<Markup> = failed.iter().take(ROWS).map(row).collect();
    html! {
        h3 { (title) }
        (grid(title, columns, &rows, Aid::Sorted))
        @if failed.len() > ROWS { p class="note" { "… and " (counted(failed.len() - ROWS, "row")) " more, in run.json." } }
    }
}
