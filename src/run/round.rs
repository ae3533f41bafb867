//! A Round: one build loaded beside itself, on two deployments at the same time. What the two sides differ by, though
//! nothing changed, is what a comparison side by side can never tell from a change.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::digest::{is_number, judged_names, kept, without_chosen};
use super::{Ask, Figures, Likeness, PhaseSelection, Quantity, Run};
use crate::stats::{Estimate, Restarts};

/// What a build against itself came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    pub started_at: Timestamp,
    pub likeness: Likeness,
    /// Whether both sides were started anew for it.
    pub restarts: Restarts,
    /// The names of the judged phases, in order.
    pub phases: Vec<String>,
    pub parts: Vec<RoundPart>,
}

/// One endpoint, or all of them, over some phases.
#[derive(Debug, Clone, PartialEq)]
pub struct RoundPart {
    /// `None` is all task endpoints together.
    pub endpoint: Option<String>,
    /// Places in [`Round::phases`], ascending.
    pub phases: Vec<usize>,
    /// The logarithm of one side over the other.
    pub changes: BTreeMap<Quantity, Estimate>,
}

impl Round {
    /// Of the two runs of a round.
    #[must_use]
    pub fn of(run: &Run, beside: &Run, restarts: Restarts) -> Self {
        let (ask, phases) = (Ask::usual(run), judged_names(run));
        let mut parts = Vec::new();
        for choice in ask.choices(&phases) {
            let others = without_chosen(run, &choice);
            let selection = PhaseSelection::JudgedWithout(&others);
            for endpoint in run.endpoints.iter().map(Some).chain([None]) {
                let name = endpoint.map(|endpoint| endpoint.name.clone());
                let other = name.as_ref().map(|name| beside.endpoints.iter().find(|other| other.name == *name));
                // One that the other side has not is in no pair.
                let Some(other) = other.map_or(Some(None), |found| found.map(Some)) else { continue };
                let (ours, theirs) = (Figures::over(run, endpoint, selection), Figures::over(beside, other, selection));
                let change = |&quantity: &Quantity| Some((quantity, ours.paired_estimate(&theirs, quantity).map(kept).filter(is_number)?));
                parts.push(RoundPart { endpoint: name, phases: choice.clone(), changes: ask.quantities().filter_map(change).collect() });
            }
        }
        Self { started_at: run.started_at, likeness: Likeness::of(run), restarts, phases, parts }
    }

    /// What a quantity of an endpoint, or of all of them (`None`), came to over the judged phases that are chosen by name.
    #[must_use]
    pub fn change(&self, endpoint: Option<&str>, is_chosen: impl Fn(&str) -> bool, quantity: Quantity) -> Option<Estimate> {
        let chosen: Vec<usize> = (0..self.phases.len()).filter(|&at| is_chosen(&self.phases[at])).collect();
        let part = self.parts.iter().find(|part| part.endpoint.as_deref() == endpoint && part.phases == chosen)?;
        part.changes.get(&quantity).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::samples::checkout_run;

    #[test]
    fn a_run_beside_itself_did_not_change() {
        let run = checkout_run();
        let round = Round::of(&run, &run, Restarts::BeforeEachRound);
        let p95 = "p95".parse().unwrap();
        for endpoint in run.endpoints.iter().filter(|endpoint| !endpoint.slices.is_empty()) {
            let change = round.change(Some(&endpoint.name), |_| true, p95);
            assert!(change.is_none_or(|change| change.log.abs() < 1e-9 && change.up >= 0.0), "{}", endpoint.name);
        }
        assert!(round.change(None, |_| true, p95).is_some());
        assert!(round.change(Some("GET /nothing"), |_| true, p95).is_none());
    }
}
