//! What a check left in its folder, to be judged again: its loads, and those of the deployment beside them.

use std::path::{Path, PathBuf};

use super::context::World;
use super::error::CommandError;
use super::import::open_run;
use super::judging::Judging;
use super::plan_words::counted;
use super::results::{Results, beside_file_name};
use crate::gate::{Beside, Verdict};
use crate::run::{RUN_FILE_NAME, Run, load_run, load_runs};
use crate::stats::Restarts;

/// Two loads that began within this time (ms) were made side by side.
const TOGETHER: i64 = 10_000;

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
            return Self::of(path, vec![open_run(world, path, name)?], Vec::new());
        }
        let files = (1..).map(|number| path.join(beside_file_name(number))).take_while(|file| file.is_file());
        let beside: Vec<PathBuf> = files.collect();
        Self::of(path, load_runs(path)?, beside.iter().map(|file| load_run(file)).collect::<Result<_, _>>()?)
    }

    fn of(path: &Path, loads: Vec<Run>, beside: Vec<Run>) -> Result<Self, CommandError> {
        let partners: Vec<usize> = beside.iter().filter_map(|run| partner_of(run, &loads)).collect();
        let is_whole = partners.len() == beside.len() && partners.is_sorted_by(|one, next| one < next);
        let last = loads.len() - 1;
        let is_round = |index: &usize| partners.contains(index);
        let is_aborted = !loads[last].complete && !is_round(&last);
        if !is_whole || !(beside.is_empty() || is_round(&last) || is_aborted) {
            return Err(CommandError::Usage {
                text: format!("the runs in {} are not those of one check: they were not loaded side by side", path.display()),
                hint: format!("judge one by itself: perfgate judge {}", path.join(RUN_FILE_NAME).display()),
            });
        }
        // A round that was aborted has no partner, and claims nothing.
        let is_side_by_side = is_round(&last);
        let is_judged = |index: usize| if is_side_by_side { is_round(&index) } else { beside.is_empty() || index == last };
        let (judged, before): (Vec<_>, Vec<_>) = loads.into_iter().enumerate().partition(|(index, _)| is_judged(*index));
        let runs = |indexed: Vec<(usize, Run)>| indexed.into_iter().map(|(_, run)| run).collect();
        Ok(Self { before: runs(before), loads: runs(judged), beside, is_side_by_side })
    }

    /// The last load.
    pub fn run(&self) -> &Run {
        &self.loads[self.loads.len() - 1]
    }

    /// The verdict on all of them.
    pub fn judge(&self, judging: &Judging) -> Verdict {
        let Self { loads, beside, .. } = self;
        let count = loads.len();
        if !self.is_side_by_side {
            return judging.judge_loads(loads, count).verdict;
        }
        let restarts = if loads.iter().all(|load| load.started_anew) { Restarts::BeforeEachRound } else { Restarts::None };
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

/// Which of the loads was made at the same time.
fn partner_of(beside: &Run, loads: &[Run]) -> Option<usize> {
    let apart = |index: &usize| (loads[*index].started_at.as_millisecond() - beside.started_at.as_millisecond()).abs();
    (0..loads.len()).min_by_key(apart).filter(|index| apart(index) <= TOGETHER)
}
