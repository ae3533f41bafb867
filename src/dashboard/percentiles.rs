//! The latency of two kept runs by percentile, read from their files: all tasks, and the endpoints that changed most.

use maud::{Markup, html};

use crate::history::KeptRun;
use crate::report::page_parts::{line, two_distributions};
use crate::run::{EndpointRole, EndpointRun, PhaseSelection, Run, Summary, load_run};
use crate::units::Percentile;

/// So many endpoints have a chart of their own.
const ENDPOINTS: usize = 6;
/// By which an endpoint's change is told.
const TOLD: [Percentile; 2] = [Percentile::P95, Percentile::P99];

/// Charts of both, or why there are none.
pub(super) fn charts(earlier: &KeptRun, later: &KeptRun) -> Markup {
    match (load_run(&earlier.path), load_run(&later.path)) {
        (Ok(earlier), Ok(later)) => drawn(&earlier, &later),
        (Err(error), _) | (_, Err(error)) => html! { p class="notice" { strong { "no charts: " } (line(&error.to_string())) } },
    }
}

fn drawn(earlier: &Run, later: &Run) -> Markup {
    let changed = changed_most(earlier, later);
    let all = [earlier, later].map(|run| run.total(PhaseSelection::Judged));
    html! {
        div { (two_distributions("all", "All tasks by percentile", &all[0], &all[1])) }
        @if !changed.is_empty() {
            div {
                h3 { "Endpoints that changed most" }
                div class="trends" {
                    @for (index, (name, earlier, later)) in changed.iter().enumerate() {
                        div { (two_distributions(&format!("e{index}"), &line(name), earlier, later)) }
                    }
                }
            }
        }
    }
}

/// An endpoint that both have, with what it did in each.
type Both<'a> = (&'a str, Summary, Summary);

fn changed_most<'a>(earlier: &Run, later: &'a Run) -> Vec<Both<'a>> {
    let of = |run: &Run, endpoint: &EndpointRun| run.summary(endpoint, PhaseSelection::Judged);
    let tasks = later.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task);
    let both = tasks.filter_map(|endpoint| {
        let before = earlier.endpoints.iter().find(|other| other.role == EndpointRole::Task && other.name == endpoint.name)?;
        Some((endpoint.name.as_str(), of(earlier, before), of(later, endpoint)))
    });
    let mut both: Vec<(f64, Both<'a>)> = both.map(|both| (change(&both.1, &both.2), both)).collect();
    both.sort_by(|one, other| other.0.total_cmp(&one.0));
    both.truncate(ENDPOINTS);
    both.into_iter().map(|(_, both)| both).collect()
}

/// How far the percentiles that are judged moved, up or down alike, as a logarithm.
fn change(before: &Summary, after: &Summary) -> f64 {
    let moved = |percentile| {
        let (before, after) = (before.percentile_ms(percentile)?, after.percentile_ms(percentile)?);
        (before > 0.0 && after > 0.0).then(|| (after / before).ln().abs())
    };
    TOLD.into_iter().filter_map(moved).fold(0.0, f64::max)
}
