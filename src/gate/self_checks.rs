//! The run itself, examined: is it whole, do its books add up, was the generator fit, did every endpoint get a
//! request, did the target hold a level. What speaks against the run decides what may still be claimed from it.

use super::steadiness::steadiness;
use super::{SelfCheck, SelfCheckOutcome};
use crate::run::{EndpointRole, EndpointRun, Run};
use crate::units::format_count;

/// How many endpoints a text names.
const NAMED_ENDPOINTS: usize = 5;

/// The examination of one run.
#[derive(Debug, Clone)]
pub(super) struct Examination {
    pub(super) checks: Vec<SelfCheck>,
    pub(super) trust: Trust,
}

/// What may be claimed from a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    Whole,
    /// Only failures that the server itself answered; with the reason.
    AnsweredFailures(String),
    /// Failures of every kind, because nearly all that there was were failures, and no latency; with the reason.
    Failures(String),
    /// Nothing; with the reason.
    Nothing(String),
}

impl Examination {
    /// As the examination of a pair of loads, whose other side it was.
    pub(super) fn of_the_other_side(mut self) -> Self {
        if let Trust::AnsweredFailures(why) | Trust::Failures(why) | Trust::Nothing(why) = &mut self.trust {
            why.insert_str(0, "the deployment beside it: ");
        }
        self
    }

    /// Tells of loads that were left out because another one can be trusted.
    pub(super) fn note_left_out(&mut self, left_out: usize, of: usize) {
        if let Some(check) = self.checks.iter_mut().find(|check| check.name == "generator") {
            check.detail = format!("{}; {left_out} of {of} loads was left out, because its generator did not", check.detail);
        }
    }
}

/// Examines a run.
pub(super) fn examine(run: &Run) -> Examination {
    let complete = complete(run);
    let (conserved, generator) = (conserved(run), generator(run));
    let failed = |check: &SelfCheck| check.outcome == SelfCheckOutcome::Fail;
    let trust = match [&conserved, &generator].into_iter().find(|check| failed(check)) {
        _ if failed(&complete) && !run.was_stopped_failing() => Trust::Nothing(complete.detail.clone()),
        Some(check) => Trust::AnsweredFailures(check.detail.clone()),
        None if failed(&complete) => Trust::Failures(complete.detail.clone()),
        None => Trust::Whole,
    };
    let [steady, undisturbed] = steadiness(run);
    let mut checks = vec![complete, conserved, generator, samples(run), steady, undisturbed];
    checks.extend(imported(run));
    Examination { checks, trust }
}

fn check(name: &str, outcome: SelfCheckOutcome, detail: impl Into<String>) -> SelfCheck {
    SelfCheck { name: name.to_owned(), outcome, detail: detail.into() }
}

fn complete(run: &Run) -> SelfCheck {
    match &run.aborted_by {
        Some(why) if run.was_stopped_failing() => check("complete", SelfCheckOutcome::Fail, why.clone()),
        Some(why) => check("complete", SelfCheckOutcome::Fail, format!("the run is not complete: {why}")),
        None if !run.complete => check("complete", SelfCheckOutcome::Fail, "the run is not complete"),
        None => check("complete", SelfCheckOutcome::Pass, "the run came to its end"),
    }
}

/// What was counted in the whole run, over all endpoints.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    requests: u64,
    ok: u64,
    failed: u64,
    unfinished: u64,
}

impl Counted {
    fn in_all_of(run: &Run) -> Self {
        let mut all = Self::default();
        for series in run.endpoints.iter().flat_map(|endpoint| &endpoint.phases) {
            all.requests += series.requests;
            all.ok += series.ok;
            all.failed += series.failures.total();
            all.unfinished += series.unfinished;
        }
        all
    }
}

/// A run of another tool brings no books of its own.
fn is_imported(run: &Run, counted: Counted) -> bool {
    run.imported.is_some() || (run.generator.scheduled == 0 && run.generator.sent == 0 && counted.requests > 0)
}

fn conserved(run: &Run) -> SelfCheck {
    let counts = Counted::in_all_of(run);
    if counts.ok + counts.failed + counts.unfinished != counts.requests {
        let detail = format!(
            "the books do not add up: {} ok, {} failed and {} unfinished are not {} requests",
            format_count(counts.ok),
            format_count(counts.failed),
            format_count(counts.unfinished),
            format_count(counts.requests)
        );
        return check("conserved", SelfCheckOutcome::Fail, detail);
    }
    if is_imported(run, counts) {
        return check("conserved", SelfCheckOutcome::Skipped, "the run was imported without the generator's books");
    }
    let generator = &run.generator;
    if !generator.conserved() {
        return check("conserved", SelfCheckOutcome::Fail, "the books do not add up: the generator lost count of its requests");
    }
    if generator.sent != counts.requests {
        let (sent, kept) = (format_count(generator.sent), format_count(counts.requests));
        return check(
            "conserved",
            SelfCheckOutcome::Fail,
            format!("the books do not add up: {sent} requests were sent, {kept} are counted"),
        );
    }
    check("conserved", SelfCheckOutcome::Pass, format!("all {} requests are accounted for", format_count(generator.sent)))
}

fn generator(run: &Run) -> SelfCheck {
    let problems: Vec<&str> = run.generator.problems.iter().map(|problem| problem.text.as_str()).collect();
    if !problems.is_empty() {
        return check("generator", SelfCheckOutcome::Fail, problems.join("; "));
    }
    if is_imported(run, Counted::in_all_of(run)) {
        return check("generator", SelfCheckOutcome::Skipped, "the run was imported: its generator was not watched");
    }
    check("generator", SelfCheckOutcome::Pass, "the generator kept up")
}

/// What was measured by another tool, and what makes it weaker than it looks.
fn imported(run: &Run) -> Option<SelfCheck> {
    let imported = run.imported.as_ref()?;
    let outcome = if imported.warnings.is_empty() { SelfCheckOutcome::Pass } else { SelfCheckOutcome::Warn };
    let parts = std::iter::once(imported.description()).chain(imported.warnings.iter().cloned());
    Some(check("imported", outcome, parts.collect::<Vec<_>>().join("; ")))
}

fn samples(run: &Run) -> SelfCheck {
    let judged = |endpoint: &EndpointRun| -> u64 {
        let phases = endpoint.phases.iter().zip(&run.phases);
        phases.filter(|(_, phase)| phase.measured).map(|(series, _)| series.requests).sum()
    };
    let tasks = || run.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task);
    let without: Vec<&str> = tasks().filter(|endpoint| judged(endpoint) == 0).map(|endpoint| endpoint.name.as_str()).collect();
    if without.is_empty() {
        return check("samples", SelfCheckOutcome::Pass, "every endpoint was asked");
    }
    let named = without.iter().take(NAMED_ENDPOINTS).copied().collect::<Vec<_>>().join(", ");
    let more = if without.len() > NAMED_ENDPOINTS { format!(" and {} more", without.len() - NAMED_ENDPOINTS) } else { String::new() };
    check("samples", SelfCheckOutcome::Fail, format!("no request in a judged phase: {named}{more}"))
}
