//! The Plan: the scenario resolved in time and number: which phase and slice a due time belongs to, who is there when,
//! which task and which row come next. Pure, and the same for the same seed, on any number of threads.

mod alone;
mod apportion;
mod dice;
mod forecast;
mod schedule;

use std::time::Duration;

pub use self::alone::{each_alone, steps_before};
pub use self::apportion::Apportion;
pub use self::dice::{Dice, Stream};
pub use self::forecast::{Basis, EndpointForecast, Forecast, mean_pause, shares_of_tasks};
pub use self::schedule::{Schedule, Starts};
use crate::scenario::{Arrivals, DataOrder, DataSet, Mix, Model, OnExhausted, Scenario, UserKind};

/// Lengths that a slice may have, in seconds.
const SLICE_SECONDS: [u64; 5] = [1, 2, 5, 10, 30];
/// As many slices as a run should hold for each endpoint.
const SLICES_WANTED: f64 = 60.0;
/// In an open load, which may be quiet for a while between two bursts.
const UNNEEDED_AFTER: Duration = Duration::from_secs(30);

/// When what happens.
#[derive(Debug)]
pub struct Plan {
    pub seed: u64,
    pub schedule: Schedule,
    pub workload: Workload,
    pub phases: Vec<PhasePlan>,
    /// In order of time; each lies within one phase.
    pub slices: Vec<SlicePlan>,
    slice_length: Duration,
    /// All phases together.
    pub duration: Duration,
    /// For each shuffled data set its order of rows, else empty.
    shuffles: Vec<Vec<usize>>,
    kind_weights: Vec<u64>,
    mix: Mix,
    /// Weights of the tasks by kind: first their own, then those of phases with a mix of their own.
    mixes: Vec<Vec<Vec<u64>>>,
}

/// Who starts tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// Users 0 to `users` - 1, as the schedule wants them.
    Closed { users: u64 },
    /// Starts as the schedule has them.
    /// Of the users that these make, one that waits for a start longer than `unneeded_after` goes: after a stall of the
    /// target there are many, each with a connection.
    Open { arrivals: Arrivals, max_in_flight: u64, unneeded_after: Duration },
}

/// A phase in time.
#[derive(Debug, Clone, PartialEq)]
pub struct PhasePlan {
    pub name: String,
    pub at: Duration,
    pub length: Duration,
    pub measured: bool,
    pub peak: f64,
    /// Which of the mixes goes in it.
    mix: usize,
    /// Index of its first slice.
    first_slice: usize,
}

/// A slice in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlicePlan {
    pub phase: usize,
    pub at: Duration,
    pub length: Duration,
}

/// The row that an iteration gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    Of(usize),
    /// The data set is used up and must not be used again.
    Exhausted,
}

/// Who asks for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The user's index, from 0.
    pub user: u64,
    /// How many rows were asked for before, over all users, as the plan numbers them.
    pub number: u64,
}

impl Plan {
    /// `descriptors` is how many sockets the process may hold open.
    #[must_use]
    pub fn new(scenario: &Scenario, descriptors: u64) -> Self {
        let duration = scenario.load.duration();
        let slice_length = slice_length(duration);
        let (mut phases, slices) = phases_and_slices(scenario, slice_length);
        let mixes = mixes(scenario, &mut phases);
        Self {
            seed: scenario.seed,
            schedule: Schedule::new(&scenario.load),
            workload: workload(scenario, descriptors),
            phases,
            slices,
            slice_length,
            duration,
            shuffles: scenario.data.iter().enumerate().map(|(index, data)| shuffle(scenario.seed, index, data)).collect(),
            kind_weights: scenario.kinds.iter().map(|kind| kind.weight).collect(),
            mix: scenario.mix,
            mixes,
        }
    }

    /// Users of an open load where the scenario does not say how many there may be: as many as start within one time-out.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "finite, positive and limited by the guard")]
    pub fn automatic_in_flight(scenario: &Scenario) -> u64 {
        (scenario.load.peak() * scenario.http.timeout.as_secs_f64()).ceil() as u64
    }

    /// The phase that a due time belongs to; the last for what is due at the end.
    #[must_use]
    pub fn phase_at(&self, due: Duration) -> usize {
        self.phases.iter().position(|phase| due < phase.at + phase.length).unwrap_or(self.phases.len().saturating_sub(1))
    }

    /// The slice that a due time belongs to.
    #[must_use]
    pub fn slice_at(&self, due: Duration) -> usize {
        let phase = &self.phases[self.phase_at(due)];
        let within = due.saturating_sub(phase.at).as_micros() / self.slice_length.as_micros().max(1);
        let last = phase.last_slice(self.slice_length);
        (phase.first_slice + usize::try_from(within).unwrap_or(usize::MAX)).min(last)
    }

    /// Length of the judged phases that lie before `elapsed`.
    #[must_use]
    pub fn measured_until(&self, elapsed: Duration) -> Duration {
        let part = |phase: &PhasePlan| elapsed.saturating_sub(phase.at).min(phase.length);
        self.phases.iter().filter(|phase| phase.measured).map(part).sum()
    }

    /// The kind of each closed user, or of each start, in order: an endless sequence.
    #[must_use]
    pub fn kinds(&self) -> Picks {
        Picks::new(self.kind_weights.clone(), self.mix, Dice::new(self.seed, Stream::Kinds), None)
    }

    /// A sequence of a kind's tasks in one of the mixes. `first` is where it begins, so that many users together are exact early.
    #[must_use]
    pub fn tasks(&self, kind: usize, mix: usize, first: Option<usize>, dice: Dice) -> Picks {
        Picks::new(self.mixes[mix][kind].clone(), self.mix, dice, first)
    }

    /// How many mixes there are: one, and one more for each phase with its own.
    #[must_use]
    pub fn mix_count(&self) -> usize {
        self.mixes.len()
    }

    /// The mix that goes at a time.
    #[must_use]
    pub fn mix_at(&self, due: Duration) -> usize {
        if self.mixes.len() == 1 { 0 } else { self.phases[self.phase_at(due)].mix }
    }

    /// The share of its kind's starts that a task should have in a phase, 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "weights are at most 10^9")]
    pub fn share(&self, phase: usize, kind: usize, task: usize) -> f64 {
        let weights = &self.mixes[self.phases[phase].mix][kind];
        weights[task] as f64 / weights.iter().sum::<u64>() as f64
    }

    /// The row of a data set for one iteration.
    #[must_use]
    pub fn row(&self, index: usize, data: &DataSet, turn: Turn, dice: &mut Dice) -> Row {
        let count = data.rows.len() as u64;
        let number = match data.order {
            DataOrder::Random => return Row::Of(to_index(dice.below(count))),
            DataOrder::Unique => turn.user,
            DataOrder::Sequential | DataOrder::Shuffle => turn.number,
        };
        if number >= count && data.on_exhausted == OnExhausted::Stop {
            return Row::Exhausted;
        }
        let row = to_index(number % count.max(1));
        Row::Of(self.shuffles[index].get(row).copied().unwrap_or(row))
    }
}

/// An endless sequence of picks by weight: exact, or by dice where the scenario asks for it.
#[derive(Debug, Clone)]
pub enum Picks {
    Exact { sequence: Apportion, first: Option<usize> },
    Random { weights: Vec<u64>, total: u64, dice: Dice },
}

impl Picks {
    fn new(weights: Vec<u64>, mix: Mix, dice: Dice, first: Option<usize>) -> Self {
        match (mix, first) {
            (Mix::Random, _) => Self::Random { total: weights.iter().sum(), weights, dice },
            (Mix::Exact, Some(first)) => Self::Exact { sequence: Apportion::beginning_with(weights, first), first: Some(first) },
            (Mix::Exact, None) => Self::Exact { sequence: Apportion::new(weights), first: None },
        }
    }

    /// The next pick, by index; 0 where nothing has a weight.
    pub fn pick(&mut self) -> usize {
        match self {
            Self::Exact { sequence, first } => first.take().or_else(|| sequence.pick()).unwrap_or(0),
            Self::Random { weights, total, dice } => {
                let mut left = dice.below(*total);
                weights.iter().position(|weight| left.checked_sub(*weight).map(|rest| left = rest).is_none()).unwrap_or(0)
            }
        }
    }
}

impl PhasePlan {
    fn last_slice(&self, slice_length: Duration) -> usize {
        self.first_slice + slice_count(self.length, slice_length) - 1
    }
}

fn slice_count(phase: Duration, slice: Duration) -> usize {
    usize::try_from(phase.as_micros().div_ceil(slice.as_micros().max(1))).unwrap_or(1).max(1)
}

fn slice_length(duration: Duration) -> Duration {
    let fits = |seconds: &&u64| duration.as_secs_f64() <= SLICES_WANTED * Duration::from_secs(**seconds).as_secs_f64();
    Duration::from_secs(SLICE_SECONDS.iter().find(fits).copied().unwrap_or(30))
}

fn phases_and_slices(scenario: &Scenario, slice_length: Duration) -> (Vec<PhasePlan>, Vec<SlicePlan>) {
    let mut at = Duration::ZERO;
    let (mut phases, mut slices) = (Vec::new(), Vec::new());
    for (index, phase) in scenario.load.phases.iter().enumerate() {
        let first_slice = slices.len();
        let end = at + phase.length;
        phases.push(PhasePlan {
            name: phase.name.clone(),
            at,
            length: phase.length,
            measured: phase.measured,
            peak: phase.shape.peak(),
            mix: 0,
            first_slice,
        });
        while at < end {
            let length = slice_length.min(end.saturating_sub(at));
            slices.push(SlicePlan { phase: index, at, length });
            at += length;
        }
    }
    (phases, slices)
}

/// The tasks' own weights, then each phase's where it has others.
fn mixes(scenario: &Scenario, phases: &mut [PhasePlan]) -> Vec<Vec<Vec<u64>>> {
    let own = |kind: &UserKind| kind.tasks.iter().map(|task| task.weight).collect();
    let mut mixes = vec![scenario.kinds.iter().map(own).collect()];
    for (plan, phase) in phases.iter_mut().zip(&scenario.load.phases).filter(|(_, phase)| !phase.mix.is_empty()) {
        plan.mix = mixes.iter().position(|mix| *mix == phase.mix).unwrap_or(mixes.len());
        if plan.mix == mixes.len() {
            mixes.push(phase.mix.clone());
        }
    }
    mixes
}

fn workload(scenario: &Scenario, descriptors: u64) -> Workload {
    let peak = scenario.load.peak();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "finite, positive and limited by the guard")]
    match scenario.load.model {
        Model::Closed => Workload::Closed { users: (peak + 1e-9) as u64 },
        Model::Open { arrivals, max_in_flight } => {
            let automatic = || Plan::automatic_in_flight(scenario).min(descriptors);
            let max_in_flight = max_in_flight.unwrap_or_else(automatic).max(1);
            Workload::Open { arrivals, max_in_flight, unneeded_after: UNNEEDED_AFTER }
        }
    }
}

fn shuffle(seed: u64, index: usize, data: &DataSet) -> Vec<usize> {
    match data.order {
        DataOrder::Shuffle => Dice::new(seed, Stream::Shuffle { data: index as u64 }).permutation(data.rows.len()),
        DataOrder::Random | DataOrder::Sequential | DataOrder::Unique => Vec::new(),
    }
}

fn to_index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::document::Document;
    use crate::scenario::{Overrides, Surroundings};

    fn scenario(load: &str) -> Scenario {
        let text = format!("version: 1\nname: s\ntarget: http://127.0.0.1\nload: {load}\ntasks: [{{steps: [{{get: /}}]}}]\n");
        let surroundings = Surroundings { folder: Path::new("."), environment: &|_| None };
        Scenario::from_document(&Document::from_text("s.yaml", &text), &surroundings, &Overrides::default())
            .unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn plan(load: &str) -> Plan {
        Plan::new(&scenario(load), 1000)
    }

    const fn millis(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    #[test]
    fn every_moment_belongs_to_one_phase_and_one_slice_of_it() {
        let plan = plan("{users: 4, ramp: 1500ms, hold: 2500ms}");
        let slices: Vec<(usize, u128, u128)> = plan.slices.iter().map(|s| (s.phase, s.at.as_millis(), s.length.as_millis())).collect();
        assert_eq!(slices, [(0, 0, 1000), (0, 1000, 500), (1, 1500, 1000), (1, 2500, 1000), (1, 3500, 500)]);
        for (due, phase, slice) in
            [(0, 0, 0), (999, 0, 0), (1499, 0, 1), (1500, 1, 2), (2499, 1, 2), (2500, 1, 3), (3999, 1, 4), (4000, 1, 4), (90_000, 1, 4)]
        {
            assert_eq!((plan.phase_at(millis(due)), plan.slice_at(millis(due))), (phase, slice), "{due} ms");
        }
    }

    #[test]
    fn a_long_run_has_at_most_sixty_slices_of_a_length_that_is_allowed() {
        for (seconds, length) in [(60, 1), (61, 2), (120, 2), (121, 5), (300, 5), (301, 10), (601, 30), (1800, 30), (7200, 30)] {
            assert_eq!(slice_length(Duration::from_secs(seconds)).as_secs(), length, "{seconds} s");
        }
    }

    #[test]
    fn only_judged_time_that_has_passed_is_measured() {
        let plan = plan("{users: 4, warmup: 2s, hold: 3s}");
        for (elapsed, measured) in [(1000, 0), (2500, 500), (5000, 3000), (9000, 3000)] {
            assert_eq!(plan.measured_until(millis(elapsed)), millis(measured));
        }
    }

    #[test]
    fn max_in_flight_is_rate_times_timeout_within_what_the_machine_allows() {
        let most = |load: &str| match plan(load).workload {
            Workload::Open { max_in_flight, .. } => max_in_flight,
            Workload::Closed { users } => users,
        };
        assert_eq!(most("{rate: 10/s, hold: 5s}"), 300);
        assert_eq!(most("{rate: 100/s, hold: 5s}"), 1000, "3000 are wanted, 1000 allowed");
        assert_eq!(most("{rate: 100/s, hold: 5s, max_in_flight: 7}"), 7);
        assert_eq!(most("{users: 40, ramp: 1s, hold: 5s}"), 40);
    }

    fn data(order: DataOrder, on_exhausted: OnExhausted) -> DataSet {
        let rows = (0..5).map(|row| vec![Arc::from(row.to_string())]).collect();
        DataSet { name: "rows".into(), columns: vec!["id".into()], rows, order, on_exhausted }
    }

    /// Rows of turns 0 to 6 of user 2.
    fn rows(order: DataOrder, on_exhausted: OnExhausted) -> Vec<Option<usize>> {
        let mut scenario = scenario("{users: 4, hold: 5s}");
        scenario.data = vec![data(order, on_exhausted)];
        let plan = Plan::new(&scenario, 1000);
        let mut dice = Dice::new(1, Stream::Kinds);
        let mut row = |number| match plan.row(0, &scenario.data[0], Turn { user: 2, number }, &mut dice) {
            Row::Of(row) => Some(row),
            Row::Exhausted => None,
        };
        (0..7).map(&mut row).collect()
    }

    #[test]
    fn the_order_says_which_row_a_turn_gets() {
        use OnExhausted::{Recycle, Stop};
        assert_eq!(rows(DataOrder::Sequential, Recycle), [0, 1, 2, 3, 4, 0, 1].map(Some));
        assert_eq!(rows(DataOrder::Sequential, Stop)[4..], [Some(4), None, None]);
        assert_eq!(rows(DataOrder::Unique, Stop), [Some(2); 7]);
        let shuffled = rows(DataOrder::Shuffle, Stop);
        assert_eq!(shuffled[..5].iter().flatten().collect::<BTreeSet<_>>().len(), 5);
        assert_eq!(shuffled[5..], [None, None]);
        assert!(rows(DataOrder::Random, Stop).iter().flatten().all(|row| *row < 5));
    }

    #[test]
    fn a_phase_has_the_tasks_own_weights_or_its_mix() {
        let text = "version: 1\nname: s\ntarget: http://127.0.0.1\nload: {phases: [{for: 1s, users: 4}, {for: 2s, users: 4, mix: {buy: 3, look: 0}}, {for: 1s, users: 4, mix: {buy: 1}}]}\ntasks: [{name: look, weight: 3, steps: [{get: /}]}, {name: buy, steps: [{get: /b}]}]\n";
        let surroundings = Surroundings { folder: Path::new("."), environment: &|_| None };
        let scenario = Scenario::from_document(&Document::from_text("s.yaml", text), &surroundings, &Overrides::default()).unwrap();
        let plan = Plan::new(&scenario, 1000);
        assert_eq!((plan.mix_count(), [500, 1500, 2999, 3500].map(|at| plan.mix_at(millis(at)))), (2, [0, 1, 1, 0]));
        let shares = [0, 1, 2].map(|phase| plan.share(phase, 0, 0));
        assert!((shares[0] - 0.75).abs() < 1e-9 && shares[1].abs() < 1e-9 && (shares[2] - 0.75).abs() < 1e-9, "{shares:?}");
        let mut picks = plan.tasks(0, 1, None, Dice::new(1, Stream::Kinds));
        assert!((0..20).all(|_| picks.pick() == 1));
    }

    #[test]
    fn picks_by_dice_have_the_shares_that_were_asked_for() {
        let mut picks = Picks::new(vec![3000, 1000], Mix::Random, Dice::new(1, Stream::Kinds), None);
        let first = (0..4000).filter(|_| picks.pick() == 0).count();
        assert!((2900..3100).contains(&first), "{first}");
    }
}
