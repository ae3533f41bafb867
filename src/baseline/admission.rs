//! Whether a run may become a baseline. Later runs are measured against it: a doubtful one would hide a regression.

use super::Entry;
use crate::run::{EndpointRole, EndpointRun, PhaseSelection, Run};
use crate::units::format_share;

/// Whether a run is compared with later, or only kept and listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// `note` says what is worth knowing: that it starts a new comparable series.
    Admitted {
        note: Option<String>,
    },
    Rejected {
        reason: String,
    },
}

/// Decides for `run`, where the store holds `entries` of the scenario `stored_scenario` (`None` for an empty store).
#[must_use]
pub fn admission(run: &Run, stored_scenario: Option<&str>, entries: &[Entry]) -> Admission {
    let objection = scenario_objection(run, stored_scenario).or_else(|| run_objection(run)).or_else(|| endpoints_objection(run));
    match objection {
        Some(reason) => Admission::Rejected { reason },
        None => Admission::Admitted { note: series_note(run, entries) },
    }
}

fn scenario_objection(run: &Run, stored: Option<&str>) -> Option<String> {
    let stored = stored.filter(|stored| *stored != run.scenario.name)?;
    Some(format!("it is a run of scenario `{}`, the store holds `{stored}`", run.scenario.name))
}

fn run_objection(run: &Run) -> Option<String> {
    if !run.complete {
        let why = run.aborted_by.as_deref().unwrap_or("it was cut short");
        return Some(format!("the run is not complete: {why}"));
    }
    if !run.generator.healthy() {
        let texts: Vec<&str> = run.generator.problems.iter().map(|problem| problem.text.as_str()).collect();
        return Some(format!("the generator was not healthy: {}", texts.join("; ")));
    }
    (!run.generator.conserved()).then(|| "the generator's books do not add up".to_owned())
}

fn endpoints_objection(run: &Run) -> Option<String> {
    let mut tasks = run.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task).peekable();
    if tasks.peek().is_none() {
        return Some("no endpoint was asked by a task".into());
    }
    tasks.find_map(|endpoint| endpoint_objection(run, endpoint))
}

/// An endpoint needs more than half of its requests answered as expected; unfinished ones count as not answered.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn endpoint_objection(run: &Run, endpoint: &EndpointRun) -> Option<String> {
    let counts = run.summary(endpoint, PhaseSelection::Judged).counts;
    if counts.requests == 0 {
        return Some(format!("`{}` had no requests in a judged phase", endpoint.name));
    }
    let share = counts.ok as f64 / counts.requests as f64;
    (share <= 0.5).then(|| format!("only {} of the requests of `{}` were answered as expected", format_share(share), endpoint.name))
}

fn series_note(run: &Run, entries: &[Entry]) -> Option<String> {
    let mut admitted = entries.iter().filter(|entry| entry.admitted).peekable();
    admitted.peek()?;
    let same_hash = |entry: &&Entry| entry.hash == run.scenario.hash;
    let fingerprint = run.environment.fingerprint();
    let stored: Vec<&Entry> = admitted.collect();
    if stored.iter().copied().filter(same_hash).any(|entry| entry.fingerprint == fingerprint) {
        return None;
    }
    let difference = if stored.iter().any(same_hash) {
        format!("another environment, {fingerprint}")
    } else {
        "another version of the scenario".to_owned()
    };
    Some(format!("the first run of a new comparable series: {difference}"))
}
