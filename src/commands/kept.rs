//! What a check left in its folder, to be judged again: its loads, and those of the deployment beside them.

use std::path::Path;

use super::context::World;
use super::error::CommandError;
use super::import::open_run;
use super::judging::Judging;
use super::plan_words::counted;
use super::results::Results;
use crate::gate::{Beside, Verdict};
use crate::report::Context;
use crate::run::{Baseline, RUN_FILE_NAME, Run, beside_run_file_name, earlier_run_file_name, load_beside, load_runs};
use crate::stats::Restarts;

/// Two loads that began within this time (ms) were made side by side.
const TOGETHER: i64 = 2_000;
/// Files of more rounds are not looked for where one is missing.
const MOST_ROUNDS: usize = 1_000;

/// The loads of one check.
#[derive(Debug)]
pub struct Kept {
    /// Those that are not judged: the one before rounds side by side.
    before: Vec<Run>,
    /// Those that are judged; never empty.
    loads: Vec<Run>,
    /// The other deployment's, in their order.
    beside: Vec<Run>,
    /// Whether the judged loads are compared with those, one with one.
    is_side_by_side: bool,
}

impl Kept {
    /// Every load that a check left in a folder; or the one run or result at `path`.
    pub fn open(world: &World, path: &Path, name: Option<String>) -> Result<Self, CommandError> {
        if !path.join(RUN_FILE_NAME).exists() {
            return Ok(Self { before: Vec::new(), loads: vec![open_run(world, path, name)?], beside: Vec::new(), is_side_by_side: false });
        }
        let numbered = |name: fn(usize) -> String| (1..=MOST_ROUNDS).map(name).map(|name| path.join(name)).map(|file| file.is_file());
        let has_gaps = |name: fn(usize) -> String| !numbered(name).is_sorted_by(|one, next| one >= next);
        if has_gaps(earlier_run_file_name) || has_gaps(beside_run_file_name) {
            return Err(not_of_one_check(path, "some are missing"));
        }
        Self::of(load_runs(path)?, load_beside(path)?).ok_or_else(|| not_of_one_check(path, "they were not loaded side by side"))
    }

    /// The loads as a check makes them: perhaps one before the rounds, then one in each round, and at last perhaps one in a
    /// round that was aborted, whose partner was not kept.
    fn of(loads: Vec<Run>, beside: Vec<Run>) -> Option<Self> {
        if beside.is_empty() {
            let is_round = loads.iter().any(|load| load.round.is_some());
            return (!is_round).then(|| Self { before: Vec::new(), loads, beside, is_side_by_side: false });
        }
        let end_of_rounds = |after: usize| {
            let rounds = loads.get(loads.len().checked_sub(beside.len() + after)?..)?;
            rounds.iter().zip(&beside).all(|(load, beside)| were_together(load, beside)).then_some(after)
        };
        let is_cut = loads.last().is_some_and(|last| !last.complete);
        let after = end_of_rounds(0).or_else(|| end_of_rounds(1).filter(|_| is_cut))?;
        let is_side_by_side = after == 0;
        let judged = if is_side_by_side { beside.len() } else { after };
        let mut before = loads;
        let loads = before.split_off(before.len() - judged);
        Some(Self { before, loads, beside, is_side_by_side })
    }

    /// The last load.
    pub fn run(&self) -> &Run {
        &self.loads[self.loads.len() - 1]
    }

    /// What a page shows beside the last load.
    pub fn context<'a>(&'a self, baseline: Option<&'a Baseline>) -> Context<'a> {
        let earlier = self.before.iter().chain(&self.loads[..self.loads.len() - 1]).collect();
        Context { baseline, earlier, beside: if self.is_side_by_side { &self.beside } else { &[] } }
    }

    /// The verdict on all of them.
    pub fn judge(&self, judging: &Judging) -> Verdict {
        let Self { loads, beside, .. } = self;
        let count = loads.len();
        if !self.is_side_by_side {
            return judging.judge_loads(loads, count).verdict;
        }
        let restarts =
            if loads.iter().all(|load| load.round == Some(Restarts::BeforeEachRound)) { Restarts::BeforeEachRound } else { Restarts::None };
        let target = &beside[count - 1].target;
        let beside = Beside { target, loads: beside, restarts, against_itself: judging.rounds(), history: judging.history() };
        let mut verdict = judging.judge_beside(loads, beside, count).verdict;
        verdict.tell_how(format!("side by side, in {}", counted(count as u64, "round")));
        verdict
    }

    /// Writes all of them as the check did.
    pub fn write(&self, results: &Results) -> Result<(), CommandError> {
        for (number, run) in self.before.iter().chain(&self.loads).enumerate() {
            if number > 0 {
                results.set_aside(number)?;
            }
            results.write_run(run)?;
        }
        self.beside.iter().enumerate().try_for_each(|(index, run)| results.write_beside(index + 1, run))
    }
}

fn were_together(load: &Run, beside: &Run) -> bool {
    (load.started_at.as_millisecond() - beside.started_at.as_millisecond()).abs() <= TOGETHER
}

fn not_of_one_check(path: &Path, why: &str) -> CommandError {
    CommandError::Usage {
        text: format!("the runs in {} are not those of one check: {why}", path.display()),
        hint: format!("judge one by itself, against stored runs: perfgate judge {}", path.join(RUN_FILE_NAME).display()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::run::samples::checkout_run;

    /// A load that began so many seconds after the first.
    fn at(seconds: i64) -> Run {
        let run = checkout_run();
        Run { started_at: run.started_at + SignedDuration::from_secs(seconds), round: None, ..run }
    }

    fn sorted(loads: &[Run], beside: &[Run]) -> Option<[usize; 3]> {
        let kept = Kept::of(loads.to_vec(), beside.to_vec())?;
        Some([kept.before.len(), kept.loads.len(), usize::from(kept.is_side_by_side)])
    }

    #[test]
    fn loads_find_those_beside_them() {
        let cut = |seconds| Run { complete: false, ..at(seconds) };
        let round = |seconds| Run { round: Some(Restarts::None), ..at(seconds) };
        for (what, loads, beside, expected) in [
            ("loads alone", vec![at(0), at(60)], vec![], Some([0, 2, 0])),
            ("rounds", vec![at(0), at(60)], vec![at(0), at(60)], Some([0, 2, 1])),
            ("one load, then rounds", vec![at(0), at(60), at(120)], vec![at(60), at(120)], Some([1, 2, 1])),
            ("rounds, and one that was aborted", vec![at(0), at(60), cut(120)], vec![at(0), at(60)], Some([2, 1, 0])),
            ("the last partner is missing", vec![at(0), at(60)], vec![at(0)], None),
            ("all partners are missing", vec![round(0), round(60)], vec![], None),
            ("a load is missing", vec![at(60)], vec![at(0), at(60)], None),
            ("partners of other loads", vec![at(0), at(60)], vec![at(0), at(90)], None),
            ("in another order", vec![at(0), at(60)], vec![at(60), at(0)], None),
        ] {
            assert_eq!(sorted(&loads, &beside), expected, "{what}");
        }
    }
}
