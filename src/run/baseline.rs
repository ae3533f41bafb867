//! The Baseline: the runs to compare with, and why those. Which store they came from is not known here.

use std::cmp::Reverse;
use std::time::Duration;

use super::Run;
use crate::units;

/// The runs that a new run is compared with, newest first, and what was left out of the comparison.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Baseline {
    /// Where they came from, for readers: `.perfgate/baselines/shop`.
    pub source: String,
    pub runs: Vec<BaselineRun>,
}

/// One kept run.
#[derive(Debug, Clone, PartialEq)]
pub struct BaselineRun {
    /// Its name in the store.
    pub id: String,
    pub pinned: bool,
    pub run: Run,
}

impl Baseline {
    /// The runs as baselines: those of one CI job are one, see [`by_job`].
    #[must_use]
    pub fn groups(&self) -> Vec<Vec<&BaselineRun>> {
        by_job(&self.runs)
    }

    /// The runs that `run` may be compared with, newest first, and in words how many were left out and why: those of
    /// the newest `limit` jobs that started within `max_age` of it, and every pinned one whatever its age.
    #[must_use]
    pub fn comparable<'a>(&'a self, run: &Run, limit: usize, max_age: Duration) -> (Vec<&'a BaselineRun>, Vec<String>) {
        let mut left_out = LeftOut::default();
        let mut candidates = Vec::new();
        for kept in &self.runs {
            if let Some(difference) = incomparable(run, &kept.run) {
                left_out.add(difference.text());
            } else if let Some(reason) = too_far(run, kept, max_age) {
                left_out.add(reason);
            } else {
                candidates.push(kept);
            }
        }
        let mut chosen = Vec::new();
        for (index, group) in by_job(candidates).into_iter().enumerate() {
            let (taken, beyond): (Vec<_>, Vec<_>) = group.into_iter().partition(|kept| index < limit || kept.pinned);
            chosen.extend(taken);
            for _ in beyond {
                left_out.add(format!("older than the newest {limit}"));
            }
        }
        chosen.sort_by_key(|kept| Reverse(kept.run.started_at));
        (chosen, left_out.texts())
    }
}

/// The runs as baselines, newest first, and newest first within each: runs of one CI job count as one baseline,
/// a run without a job is one by itself.
pub fn by_job<'a>(runs: impl IntoIterator<Item = &'a BaselineRun>) -> Vec<Vec<&'a BaselineRun>> {
    let mut newest_first: Vec<&BaselineRun> = runs.into_iter().collect();
    newest_first.sort_by_key(|kept| Reverse(kept.run.started_at));
    let mut groups: Vec<Vec<&BaselineRun>> = Vec::new();
    for kept in newest_first {
        let job = &kept.run.environment.job;
        match groups.iter_mut().find(|group| job.is_some() && group[0].run.environment.job == *job) {
            Some(group) => group.push(kept),
            None => groups.push(vec![kept]),
        }
    }
    groups
}

/// Why a run that is not pinned lies too far from `run` in time. A future one counts by its distance too: a wrong
/// clock must not make a baseline that never ages.
fn too_far(run: &Run, kept: &BaselineRun, max_age: Duration) -> Option<String> {
    let age = run.started_at.duration_since(kept.run.started_at);
    if kept.pinned || age.unsigned_abs() <= max_age {
        return None;
    }
    let side = if age.is_negative() { "after" } else { "before" };
    Some(format!("started more than {} {side} this run", age_text(max_age)))
}

fn age_text(age: Duration) -> String {
    const DAY: u64 = 86_400;
    match age.as_secs() {
        DAY => "1 day".into(),
        seconds if seconds > 0 && seconds.is_multiple_of(DAY) => format!("{} days", seconds / DAY),
        _ => units::format_duration(age),
    }
}

/// Reasons with the number of runs that each applies to, in the order in which they came up.
#[derive(Default)]
struct LeftOut(Vec<(String, usize)>);

impl LeftOut {
    fn add(&mut self, reason: String) {
        match self.0.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, runs)) => *runs += 1,
            None => self.0.push((reason, 1)),
        }
    }

    fn texts(self) -> Vec<String> {
        self.0.into_iter().map(|(reason, runs)| format!("{runs} {}: {reason}", if runs == 1 { "run" } else { "runs" })).collect()
    }
}

/// Why two runs may not be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incomparable {
    /// Another scenario hash: something else was sent.
    Scenario,
    /// Another machine class or environment name.
    Environment { ours: String, theirs: String },
}

impl Incomparable {
    /// In words: `made on linux x86_64, 8 cores, this run on linux x86_64, 2 cores`.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Scenario => "made with another version of the scenario".into(),
            Self::Environment { ours, theirs } => format!("made on {theirs}, this run on {ours}"),
        }
    }
}

/// Why `theirs` can't be compared with `ours`; `None` where it can.
#[must_use]
pub fn incomparable(ours: &Run, theirs: &Run) -> Option<Incomparable> {
    if ours.scenario.hash != theirs.scenario.hash {
        return Some(Incomparable::Scenario);
    }
    let (own, other) = (ours.environment.fingerprint(), theirs.environment.fingerprint());
    (own != other).then_some(Incomparable::Environment { ours: own, theirs: other })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::samples::checkout_run_at;

    const DAY: Duration = Duration::from_secs(86_400);

    /// A run of November 2026 under its day as name.
    fn kept(day: u8) -> BaselineRun {
        BaselineRun { id: day.to_string(), pinned: false, run: checkout_run_at(&format!("2026-11-{day:02}T12:00:00Z")) }
    }

    fn of_job(day: u8, job: &str) -> BaselineRun {
        let mut kept = kept(day);
        kept.run.environment.job = Some(job.into());
        kept
    }

    fn ids(runs: &[&BaselineRun]) -> Vec<String> {
        runs.iter().map(|kept| kept.id.clone()).collect()
    }

    fn baseline(runs: impl IntoIterator<Item = BaselineRun>) -> Baseline {
        Baseline { source: "test".into(), runs: runs.into_iter().collect() }
    }

    /// The names of those that a run of `day` is compared with, and what is left out.
    fn chosen(runs: impl IntoIterator<Item = BaselineRun>, day: u8, limit: usize, max_age: Duration) -> (Vec<String>, Vec<String>) {
        let baseline = baseline(runs);
        let (runs, left_out) = baseline.comparable(&kept(day).run, limit, max_age);
        (ids(&runs), left_out)
    }

    #[test]
    fn runs_of_one_job_are_one_baseline_and_newest_come_first() {
        let baseline = baseline([kept(1), of_job(2, "a"), of_job(5, "b"), of_job(4, "a"), kept(3)]);
        let groups: Vec<Vec<String>> = baseline.groups().iter().map(|group| ids(group)).collect();
        assert_eq!(groups, [vec!["5"], vec!["4", "2"], vec!["3"], vec!["1"]]);
    }

    #[test]
    fn old_runs_are_left_out_and_pinned_ones_are_not() {
        let mut pinned = kept(1);
        pinned.pinned = true;
        let (runs, left_out) = chosen([kept(19), kept(10), kept(5), kept(4), pinned], 20, 10, 14 * DAY);
        assert_eq!(runs, ["19", "10", "1"]);
        assert_eq!(left_out, ["2 runs: started more than 14 days before this run"]);
    }

    #[test]
    fn a_run_from_a_far_future_is_left_out() {
        let (runs, left_out) = chosen([kept(28)], 1, 10, DAY);
        assert!(runs.is_empty());
        assert_eq!(left_out, ["1 run: started more than 1 day after this run"]);
    }

    #[test]
    fn the_limit_counts_jobs_and_not_the_pinned_beyond_it() {
        let mut pinned = kept(2);
        pinned.pinned = true;
        let (runs, left_out) = chosen([of_job(9, "b"), of_job(8, "b"), of_job(7, "a"), kept(6), pinned], 10, 2, 14 * DAY);
        assert_eq!(runs, ["9", "8", "7", "2"]);
        assert_eq!(left_out, ["1 run: older than the newest 2"]);
    }

    #[test]
    fn what_was_measured_otherwise_is_left_out_even_if_pinned() {
        let (mut other_scenario, mut other_machine) = (kept(3), kept(2));
        other_scenario.run.scenario.hash = "sha256:bb".into();
        other_scenario.pinned = true;
        other_machine.run.environment.cores = 8;
        let (runs, left_out) = chosen([other_scenario, other_machine], 4, 10, 14 * DAY);
        assert!(runs.is_empty());
        assert_eq!(
            left_out,
            ["1 run: made with another version of the scenario", "1 run: made on linux x86_64, 8 cores, this run on linux x86_64, 2 cores"]
        );
    }
}
