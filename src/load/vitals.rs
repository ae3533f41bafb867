//! What is measured of the generator itself: how late it was, how busy its threads were, how much of the machine it had.
//! All of it is told for the worst of the judged time, so that a long quiet ramp hides nothing.

use std::time::{Duration, SystemTime};

use super::recorder::Delay;
use super::system::CpuTimes;
use crate::plan::Plan;
use crate::run::Generator;
use crate::stats::Histogram;
use crate::units::Percentile;

/// A thread's CPU time is judged over its busiest stretch of this length; where less is judged, over all that is.
const CPU_WINDOW: Duration = Duration::from_secs(10);
/// Stolen time comes in bursts: over less than this, one burst is a large share and says little.
pub const STEAL_WINDOW: Duration = Duration::from_secs(20);
/// Gauges show so much of the past.
const GAUGE_WINDOW: Duration = Duration::from_secs(3);
/// Readings need not be closer to each other.
const READING_EVERY: Duration = Duration::from_millis(250);
/// By this much the time of day must leave the time that has passed to be a gap.
const CLOCK_GAP: Duration = Duration::from_secs(1);

/// What is known so far.
#[derive(Debug, Default)]
pub struct Vitals {
    /// By phase.
    phases: Vec<PhaseDelays>,
    /// By worker.
    cpu: Vec<Series>,
    machine: Series,
    wall: Option<(Duration, SystemTime)>,
    /// Where the time of day left the time that has passed, and by how much (s).
    pub clock_gap: Option<(Duration, f64)>,
}

/// The generator now, for somebody who watches.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Gauges {
    /// CPU time of the busiest thread over the last seconds, 0 to 1. `None` where the system does not tell.
    pub cpu_busy: Option<f64>,
    /// Share of time that the hypervisor took away over the last seconds. `None` where the system does not tell.
    pub steal: Option<f64>,
    /// How late timers of this phase fired, 99th percentile (ms). `None` where nothing was timed.
    pub late_p99_ms: Option<f64>,
}

/// What came late in one phase.
#[derive(Debug, Clone, Default)]
struct PhaseDelays {
    lateness: Histogram,
    waits: Histogram,
}

/// Readings over time of two things that only grow, one a part of the other.
#[derive(Debug, Default)]
struct Series(Vec<Reading>);

#[derive(Debug, Clone, Copy)]
struct Reading {
    at: Duration,
    part: f64,
    whole: f64,
}

impl Vitals {
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self { phases: vec![PhaseDelays::default(); plan.phases.len()], ..Self::default() }
    }

    /// The CPU time that a worker's thread had used by then.
    pub fn note_cpu(&mut self, worker: usize, at: Duration, cpu: Option<Duration>) {
        let Some(cpu) = cpu else { return };
        while self.cpu.len() <= worker {
            self.cpu.push(Series(vec![Reading { at: Duration::ZERO, part: 0.0, whole: 0.0 }]));
        }
        self.cpu[worker].note(Reading { at, part: cpu.as_secs_f64(), whole: at.as_secs_f64() });
    }

    /// Timers that fired late, and starts that had to wait.
    pub fn note_delays(&mut self, plan: &Plan, lateness: &[Delay], waits: &[Delay]) {
        let phase_of = |delay: &Delay| plan.phase_at(Duration::from_millis(delay.due_ms.into()));
        let micros = |delays: &[Delay]| delays.iter().map(|delay| delay.by).collect::<Vec<u32>>();
        for late in lateness.chunk_by(|left, right| phase_of(left) == phase_of(right)) {
            self.phases[phase_of(&late[0])].lateness.record_many(&mut micros(late));
        }
        for waited in waits.chunk_by(|left, right| phase_of(left) == phase_of(right)) {
            self.phases[phase_of(&waited[0])].waits.record_many(&mut micros(waited));
        }
    }

    /// What the system tells of the machine and of the time, so long after the start.
    pub fn note_machine(&mut self, elapsed: Duration, cpu: Option<CpuTimes>, wall: SystemTime) {
        if let Some(CpuTimes { stolen, total }) = cpu {
            self.machine.note(Reading { at: elapsed, part: ticks(stolen), whole: ticks(total) });
        }
        if let Some((then, wall_then)) = self.wall.replace((elapsed, wall)) {
            let passed = elapsed.saturating_sub(then).as_secs_f64();
            let shown = wall.duration_since(wall_then).map_or_else(|error| -error.duration().as_secs_f64(), |time| time.as_secs_f64());
            if (shown - passed).abs() >= CLOCK_GAP.as_secs_f64() {
                self.clock_gap.get_or_insert((elapsed, shown - passed));
            }
        }
    }

    /// Puts the vitals into the generator's books.
    pub fn fill_in(&self, generator: &mut Generator, plan: &Plan, elapsed: Duration) {
        let judged = judged_stretches(plan);
        let of_thread = |series: &Series| series.worst(&judged, CPU_WINDOW).or_else(|| series.overall(elapsed));
        generator.cpu_busy = self.cpu.iter().filter_map(of_thread).reduce(f64::max).map(|busy| busy.min(1.0));
        generator.steal = self.machine.worst(&judged, STEAL_WINDOW).or_else(|| self.machine.overall(elapsed));
        generator.late_p99_ms = self.worst_phase(plan, |delays| delays.lateness.percentile_ms(Percentile::P99));
    }

    /// How the generator does now, in this phase.
    #[must_use]
    pub fn gauges(&self, phase: usize) -> Gauges {
        Gauges {
            cpu_busy: self.cpu.iter().filter_map(Series::latest).reduce(f64::max).map(|busy| busy.min(1.0)),
            steal: self.machine.latest(),
            late_p99_ms: self.phases.get(phase).and_then(|delays| delays.lateness.percentile_ms(Percentile::P99)),
        }
    }

    /// The share of starts that waited longer than this for a user or a connection.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn waiting_share(&self, plan: &Plan, millis: f64) -> f64 {
        let share = |delays: &PhaseDelays| {
            (!delays.waits.is_empty()).then(|| delays.waits.count_above(millis) as f64 / delays.waits.count() as f64)
        };
        self.worst_phase(plan, share).unwrap_or_default()
    }

    /// The largest figure of a judged phase; of any phase where no judged one has been reached.
    fn worst_phase(&self, plan: &Plan, figure: impl Fn(&PhaseDelays) -> Option<f64>) -> Option<f64> {
        let figures = || self.phases.iter().zip(&plan.phases).filter_map(|(delays, phase)| Some((figure(delays)?, phase.measured)));
        let judged = figures().filter(|(_, measured)| *measured).map(|(figure, _)| figure).reduce(f64::max);
        judged.or_else(|| figures().map(|(figure, _)| figure).reduce(f64::max))
    }
}

/// Judged phases from begin to end, neighbours as one.
fn judged_stretches(plan: &Plan) -> Vec<(Duration, Duration)> {
    let mut stretches: Vec<(Duration, Duration)> = Vec::new();
    for phase in plan.phases.iter().filter(|phase| phase.measured) {
        let end = phase.at + phase.length;
        match stretches.last_mut() {
            Some(last) if last.1 == phase.at => last.1 = end,
            _ => stretches.push((phase.at, end)),
        }
    }
    stretches
}

impl Series {
    /// The last reading is always kept, those before it only so far apart as is of use.
    fn note(&mut self, reading: Reading) {
        if let [.., before, last] = self.0.as_mut_slice()
            && reading.at < before.at + READING_EVERY
        {
            *last = reading;
        } else {
            self.0.push(reading);
        }
    }

    /// The largest share over any `window` within one of these stretches, or over the whole of a stretch that is shorter.
    /// `None` where there are no two readings in any of them.
    fn worst(&self, stretches: &[(Duration, Duration)], window: Duration) -> Option<f64> {
        let within = |(from, to): &(Duration, Duration)| {
            let begin = self.0.partition_point(|reading| reading.at < *from);
            let end = self.0.partition_point(|reading| reading.at <= *to);
            worst_window(self.0.get(begin..end)?, window)
        };
        stretches.iter().filter_map(within).reduce(f64::max)
    }

    /// The share over the last [`GAUGE_WINDOW`]; `None` before there are two readings.
    fn latest(&self) -> Option<f64> {
        let last = self.0.last()?;
        let first = self.0.iter().rev().find(|reading| last.at.saturating_sub(reading.at) >= GAUGE_WINDOW).or_else(|| self.0.first())?;
        share(first, last)
    }

    fn overall(&self, elapsed: Duration) -> Option<f64> {
        let (first, last) = (self.0.first()?, self.0.last().filter(|_| !elapsed.is_zero())?);
        share(first, last)
    }
}

fn worst_window(readings: &[Reading], window: Duration) -> Option<f64> {
    let [first, .., last] = readings else { return None };
    let window = window.min(last.at.saturating_sub(first.at));
    let mut from = 0;
    let mut worst = None;
    for to in readings {
        while readings.get(from + 1).is_some_and(|next| to.at.saturating_sub(next.at) >= window) {
            from += 1;
        }
        if to.at.saturating_sub(readings[from].at) >= window {
            worst = worst.into_iter().chain(share(&readings[from], to)).reduce(f64::max);
        }
    }
    worst
}

fn share(from: &Reading, to: &Reading) -> Option<f64> {
    let whole = to.whole - from.whole;
    (whole > 0.0).then(|| (to.part - from.part).max(0.0) / whole)
}

#[expect(clippy::cast_precision_loss, reason = "ticks are far below 2^52")]
fn ticks(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::super::samples::scenario;
    use super::*;

    fn plan(load: &str) -> Plan {
        Plan::new(&scenario(&format!("load: {load}\ntasks: [{{steps: [{{get: /}}]}}]\n")), 1000)
    }

    const fn seconds(value: u64) -> Duration {
        Duration::from_secs(value)
    }

    /// A thread that is busy as `busy` says for each second.
    fn worked(vitals: &mut Vitals, worker: usize, busy: impl Fn(u64) -> f64, until: u64) {
        let mut cpu = 0.0;
        for second in 0..until {
            cpu += busy(second);
            vitals.note_cpu(worker, seconds(second + 1), Some(Duration::from_secs_f64(cpu)));
        }
    }

    fn filled(vitals: &Vitals, plan: &Plan, elapsed: u64) -> Generator {
        let mut generator = Generator::default();
        vitals.fill_in(&mut generator, plan, seconds(elapsed));
        generator
    }

    fn near(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|found| (found - expected).abs() < 0.02)
    }

    #[test]
    fn a_saturated_hold_does_not_hide_behind_a_long_ramp() {
        let plan = plan("{users: 5, ramp: 100s, hold: 20s}");
        let mut vitals = Vitals::of(&plan);
        worked(&mut vitals, 0, |_| 0.1, 120);
        worked(&mut vitals, 1, |second| if second < 100 { 0.1 } else { 0.98 }, 120);
        let busy = filled(&vitals, &plan, 120).cpu_busy;
        assert!(near(busy, 0.98), "{busy:?}");
    }

    #[test]
    fn ten_busy_seconds_of_a_long_hold_are_seen_and_one_is_not() {
        let plan = plan("{users: 5, hold: 120s}");
        for (length, expected) in [(10, 1.0), (1, 0.28)] {
            let mut vitals = Vitals::of(&plan);
            worked(&mut vitals, 0, |second| if (50..50 + length).contains(&second) { 1.0 } else { 0.2 }, 120);
            let busy = filled(&vitals, &plan, 120).cpu_busy;
            assert!(near(busy, expected), "{length}: {busy:?}");
        }
    }

    #[test]
    fn a_busy_ramp_before_a_quiet_hold_is_no_matter() {
        let plan = plan("{users: 5, ramp: 20s, hold: 20s}");
        let mut vitals = Vitals::of(&plan);
        worked(&mut vitals, 0, |second| if second < 20 { 1.0 } else { 0.3 }, 40);
        assert!(near(filled(&vitals, &plan, 40).cpu_busy, 0.3));
        let mut unjudged = Vitals::of(&plan);
        worked(&mut unjudged, 0, |_| 0.5, 10);
        assert!(near(filled(&unjudged, &plan, 10).cpu_busy, 0.5), "before the judged time all of it counts");
    }

    #[test]
    fn lateness_is_that_of_the_worst_judged_phase() {
        let plan = plan("{phases: [{name: a, for: 10s, users: 1..5}, {name: b, for: 10s, users: 5}, {name: c, for: 100s, users: 5}]}");
        let mut vitals = Vitals::of(&plan);
        let late = |second: u32, by| Delay { due_ms: second * 1000, by };
        vitals.note_delays(&plan, &[late(1, 90_000), late(11, 7_000), late(12, 7_000)], &[]);
        vitals.note_delays(&plan, &vec![late(50, 100); 1000], &[late(50, 30_000), late(51, 0)]);
        let late = filled(&vitals, &plan, 120).late_p99_ms;
        assert!(near(late, 7.0), "{late:?}");
        assert!((vitals.waiting_share(&plan, 5.0) - 0.5).abs() < 1e-9);
        assert!(vitals.waiting_share(&plan, 50.0).abs() < 1e-9);
    }

    #[test]
    fn stolen_time_is_that_of_the_worst_twenty_judged_seconds() {
        let plan = plan("{users: 5, ramp: 30s, hold: 60s}");
        let mut vitals = Vitals::of(&plan);
        let wall = SystemTime::UNIX_EPOCH;
        for second in 0_u64..=90 {
            let stolen = if second <= 30 { second * 50 } else { 1500 + second.saturating_sub(70) * 20 };
            vitals.note_machine(seconds(second), Some(CpuTimes { stolen, total: second * 200 }), wall + seconds(second));
        }
        assert!(near(filled(&vitals, &plan, 90).steal, 0.1));
        assert_eq!(vitals.clock_gap, None);
    }

    #[test]
    fn a_clock_that_jumps_is_seen_in_both_directions() {
        let wall = SystemTime::UNIX_EPOCH + seconds(1000);
        for (jump, expected) in [(wall + seconds(8), 7.0), (wall - seconds(4), -5.0)] {
            let mut vitals = Vitals::default();
            vitals.note_machine(seconds(1), None, wall);
            vitals.note_machine(seconds(2), None, jump);
            vitals.note_machine(seconds(3), None, jump + seconds(1));
            let (at, by) = vitals.clock_gap.unwrap();
            assert!(at == seconds(2) && (by - expected).abs() < 1e-9, "{by}");
        }
    }
}
