//! The Baseline: the runs to compare with, and why those. Which store they came from is not known here.

use super::{Ask, Digest, Environment, Round, Run};

/// The runs that a new run is compared with, newest first, and what was left out of the comparison.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Baseline {
    /// Where they came from, for readers: `.perfgate/baselines/shop`.
    pub source: String,
    pub runs: Vec<BaselineRun>,
    /// Rounds of one build against itself.
    pub rounds: Vec<StoredRound>,
}

/// A kept round of one build against itself.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRound {
    /// Its name in the store.
    pub id: String,
    pub round: Round,
}

/// One kept run.
#[derive(Debug, Clone, PartialEq)]
pub struct BaselineRun {
    /// Its name in the store.
    pub id: String,
    pub pinned: bool,
    pub run: Run,
}

/// The runs that a new run is compared with, as far as that takes: their digests, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Digests {
    /// As [`Baseline::source`].
    pub source: String,
    pub runs: Vec<DigestedRun>,
    /// As [`Baseline::rounds`].
    pub rounds: Vec<StoredRound>,
}

/// The digest of one kept run.
#[derive(Debug, Clone, PartialEq)]
pub struct DigestedRun {
    /// Its name in the store.
    pub id: String,
    pub pinned: bool,
    pub digest: Digest,
}

impl Baseline {
    /// Of each run what is asked.
    #[must_use]
    pub fn digests(&self, ask: &Ask) -> Digests {
        let digested = |kept: &BaselineRun| DigestedRun { id: kept.id.clone(), pinned: kept.pinned, digest: Digest::of(&kept.run, ask) };
        Digests { source: self.source.clone(), runs: self.runs.iter().map(digested).collect(), rounds: self.rounds.clone() }
    }
}

/// What the latencies of a load of ours are called.
const OWN_MEASURE: &str = "perfgate's own measurement";

/// What two runs must have in common to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likeness {
    /// The scenario's hash.
    pub hash: String,
    /// What its latencies are, in words.
    pub measured: String,
    /// The class of its machine.
    pub fingerprint: String,
}

impl Likeness {
    #[must_use]
    pub fn of(run: &Run) -> Self {
        Self { hash: run.scenario.hash.clone(), measured: measured(run), fingerprint: run.environment.fingerprint() }
    }

    /// Of a run that this program will make of a scenario with this hash.
    #[must_use]
    pub fn of_load(hash: &str, environment: &Environment) -> Self {
        Self { hash: hash.to_owned(), measured: OWN_MEASURE.into(), fingerprint: environment.fingerprint() }
    }

    /// Why `theirs` can't be compared with this; `None` where it can.
    #[must_use]
    pub fn difference(&self, theirs: &Self) -> Option<Incomparable> {
        if self.hash != theirs.hash {
            return Some(Incomparable::Scenario);
        }
        if self.measured != theirs.measured {
            return Some(Incomparable::Measure { ours: self.measured.clone(), theirs: theirs.measured.clone() });
        }
        let environment = || Incomparable::Environment { ours: self.fingerprint.clone(), theirs: theirs.fingerprint.clone() };
        (self.fingerprint != theirs.fingerprint).then(environment)
    }
}

/// Why two runs may not be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incomparable {
    /// Another scenario hash: something else was sent.
    Scenario,
    /// Another machine class or environment name.
    Environment { ours: String, theirs: String },
    /// Another time was measured, or otherwise.
    Measure { ours: String, theirs: String },
}

impl Incomparable {
    /// In words: `made on linux x86_64, 8 cores, this run on linux x86_64, 2 cores`.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Scenario => "made with another version of the scenario".into(),
            Self::Measure { ours, theirs } => format!("it holds {theirs}, this run {ours}"),
            Self::Environment { ours, theirs } => format!("made on {theirs}, this run on {ours}"),
        }
    }
}

/// Why `theirs` can't be compared with `ours`; `None` where it can.
#[must_use]
pub fn incomparable(ours: &Run, theirs: &Run) -> Option<Incomparable> {
    Likeness::of(ours).difference(&Likeness::of(theirs))
}

/// What its latencies are, for two runs to be of one kind.
fn measured(run: &Run) -> String {
    let Some(imported) = &run.imported else { return OWN_MEASURE.into() };
    let failures = if imported.failures_in_latency { ", of failed requests too" } else { "" };
    format!("{} of {}, {}{failures}", imported.measure.text(), imported.tool, imported.exactness.text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::samples::checkout_run;

    #[test]
    fn runs_of_one_scenario_and_machine_are_comparable() {
        assert_eq!(incomparable(&checkout_run(), &checkout_run()), None);
    }

    #[test]
    fn another_scenario_or_machine_is_named() {
        let ours = checkout_run();
        let mut theirs = checkout_run();
        theirs.environment.cores += 6;
        let why = incomparable(&ours, &theirs).unwrap().text();
        assert!(why.contains(&theirs.environment.fingerprint()) && why.contains(&ours.environment.fingerprint()), "{why}");
        theirs.scenario.hash = "sha256:other".into();
        assert_eq!(incomparable(&ours, &theirs), Some(Incomparable::Scenario));
    }
}
