//! The books of a load: batches of all workers put together by endpoint, phase and slice, and a Run made of them at any time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::breaker::Count;
use super::health;
use super::recorder::{Batch, Outcome, Sample};
use super::system::CpuTimes;
pub use super::vitals::Gauges;
use super::vitals::Vitals;
use crate::plan::{Plan, Workload};
use crate::run::{
    EndpointRole, EndpointRun, Environment, Generator, PerSecond, PhaseRun, PhaseSeries, Run, ScenarioRef, SecondCounts, Slice, TaskRun,
    TaskShare,
};
use crate::scenario::{Isolation, Scenario};
use crate::stats::Histogram;
use crate::units::Percentile;

/// What is known of a load before its first request.
#[derive(Debug, Clone)]
pub struct Heading {
    pub started_at: Timestamp,
    pub environment: Environment,
    pub overrides: Vec<String>,
    pub threads: u64,
}

/// How far a load has come: for a progress line.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    pub elapsed: Duration,
    pub duration: Duration,
    pub phase: String,
    pub measured: bool,
    /// Users (closed) or starts a second (open) that are asked for now.
    pub load: f64,
    pub workload: Workload,
    /// Requests that ended in the last second.
    pub requests_per_s: f64,
    /// Of those, the ones that failed.
    pub failures_per_s: f64,
    /// Of the last second, ms.
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// Since the start.
    pub requests: u64,
    pub failures: u64,
    /// What was due and could not be sent.
    pub not_sent: u64,
    pub gauges: Gauges,
}

/// One endpoint's books.
#[derive(Debug)]
struct EndpointBooks {
    phases: Vec<PhaseSeries>,
    slices: Vec<SliceBooks>,
    per_second: PerSecond,
}

#[derive(Debug, Clone, Default)]
struct SliceBooks {
    requests: u64,
    failures: u64,
    latency: Histogram,
    /// Kept here until the slice is over, then added to its phase's: that one can stay packed in the meantime.
    service: Histogram,
    ttfb: Histogram,
}

/// All books of a load.
#[derive(Debug)]
pub struct Collector {
    scenario: Arc<Scenario>,
    plan: Arc<Plan>,
    heading: Heading,
    endpoints: Vec<EndpointBooks>,
    phase_requests: Vec<u64>,
    /// Starts by kind, task and phase.
    tasks: BTreeMap<(usize, usize, usize), u64>,
    generator: Generator,
    vitals: Vitals,
    last_second: Histogram,
    last_second_requests: u64,
    last_second_failures: u64,
    /// How many slices are over.
    packed: usize,
    /// What each worker said last, and the most of all together by second.
    at_once_by_worker: Vec<u64>,
    at_once: SecondCounts,
    /// Requests of tasks that were answered as expected, by when that was.
    answered: SecondCounts,
}

impl Collector {
    #[must_use]
    pub fn new(scenario: Arc<Scenario>, plan: Arc<Plan>, heading: Heading) -> Self {
        let books = || EndpointBooks {
            phases: vec![PhaseSeries::default(); plan.phases.len()],
            slices: vec![SliceBooks::default(); plan.slices.len()],
            per_second: PerSecond::default(),
        };
        let max_in_flight = match plan.workload {
            Workload::Closed { users } => users,
            Workload::Open { max_in_flight, .. } => max_in_flight,
        };
        Self {
            endpoints: scenario.endpoints.iter().map(|_| books()).collect(),
            phase_requests: vec![0; plan.phases.len()],
            tasks: BTreeMap::new(),
            generator: Generator { max_in_flight, threads: heading.threads, ..Generator::default() },
            vitals: Vitals::of(&plan),
            last_second: Histogram::new(),
            last_second_requests: 0,
            last_second_failures: 0,
            packed: 0,
            at_once_by_worker: Vec::new(),
            at_once: SecondCounts::default(),
            answered: SecondCounts::default(),
            scenario,
            plan,
            heading,
        }
    }

    /// Takes in what a worker has recorded.
    pub fn absorb(&mut self, worker: usize, batch: Batch) {
        let Batch { at, mut samples, scheduled, not_sent, lateness, waits, tasks, cycles, late_cycles, .. } = batch;
        let Batch { connections_opened, at_once, problems, cpu, .. } = batch;
        self.generator.scheduled += scheduled;
        self.generator.not_sent += not_sent;
        self.generator.cycles += cycles;
        self.generator.late_cycles += late_cycles;
        self.generator.connections_opened += connections_opened;
        self.note_at_once(worker, at, at_once);
        self.vitals.note_cpu(worker, at, cpu);
        self.vitals.note_delays(&self.plan, &lateness, &waits);
        for (task, count) in tasks {
            *self.tasks.entry(task).or_default() += count;
        }
        for problem in problems {
            if !self.generator.problems.iter().any(|known| known.code == problem.code) {
                self.generator.problems.push(problem);
            }
        }
        self.last_second_requests += samples.len() as u64;
        let plan = Arc::clone(&self.plan);
        let key = |sample: &Sample| (sample.endpoint, plan.slice_at(sample.due));
        samples.sort_by_cached_key(key);
        for group in samples.chunk_by(|left, right| key(left) == key(right)) {
            if let Some(first) = group.first() {
                self.absorb_group(key(first).1, first.endpoint as usize, group);
            }
        }
    }

    fn note_at_once(&mut self, worker: usize, at: Duration, at_once: u64) {
        if self.at_once_by_worker.len() <= worker {
            self.at_once_by_worker.resize(worker + 1, 0);
        }
        self.at_once_by_worker[worker] = at_once;
        if at < self.plan.duration {
            self.at_once.raise(second_of(at), self.at_once_by_worker.iter().sum());
        }
    }

    /// Takes in samples of one endpoint and one slice.
    fn absorb_group(&mut self, slice: usize, endpoint: usize, samples: &[Sample]) {
        let phase = self.plan.slices[slice].phase;
        let books = &mut self.endpoints[endpoint];
        let failures = samples.iter().filter(|sample| matches!(sample.outcome, Outcome::Failed(_))).count() as u64;
        let is_task = self.scenario.endpoints[endpoint].role == EndpointRole::Task;
        for sample in samples {
            count(sample, &mut books.phases[phase], &mut books.per_second);
            if is_task && sample.outcome == Outcome::Ok {
                self.answered.add(second_of(sample.due + Duration::from_micros(sample.latency.into())), 1);
            }
        }
        let timed = || samples.iter().filter(|sample| sample.outcome.has_latency());
        let mut latency: Vec<u32> = timed().map(|sample| sample.latency).collect();
        self.last_second.record_many(&mut latency);
        books.slices[slice].latency.record_many(&mut latency);
        books.slices[slice].requests += samples.len() as u64;
        books.slices[slice].failures += failures;
        books.slices[slice].service.record_many(&mut timed().map(|sample| sample.service).collect::<Vec<_>>());
        books.slices[slice].ttfb.record_many(&mut timed().filter_map(|sample| sample.ttfb).collect::<Vec<_>>());
        self.phase_requests[phase] += samples.len() as u64;
        self.last_second_failures += failures;
        let unfinished = samples.iter().filter(|sample| sample.outcome == Outcome::Unfinished).count() as u64;
        self.generator.sent += samples.len() as u64;
        self.generator.failed += failures;
        self.generator.unfinished += unfinished;
        self.generator.ok += samples.len() as u64 - failures - unfinished;
    }

    /// How many requests have ended so far.
    pub const fn count(&self, at: Duration) -> Count {
        Count { at, ended: self.generator.sent, failed: self.generator.failed }
    }

    /// How far the load has come; begins a new second.
    pub fn progress(&mut self, elapsed: Duration, since_last: Duration) -> Progress {
        let plan = &self.plan;
        let phase_index = plan.phase_at(elapsed);
        let phase = plan.phases.get(phase_index);
        let seconds = since_last.as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let progress = Progress {
            elapsed: elapsed.min(plan.duration),
            duration: plan.duration,
            phase: phase.map(|phase| phase.name.clone()).unwrap_or_default(),
            measured: phase.is_some_and(|phase| phase.measured),
            load: plan.schedule.value_at(elapsed.min(plan.duration.saturating_sub(Duration::from_millis(1)))),
            workload: plan.workload,
            requests_per_s: self.last_second_requests as f64 / seconds,
            failures_per_s: self.last_second_failures as f64 / seconds,
            p50_ms: self.last_second.percentile_ms(Percentile::P50),
            p95_ms: self.last_second.percentile_ms(Percentile::P95),
            p99_ms: self.last_second.percentile_ms(Percentile::P99),
            requests: self.generator.sent,
            failures: self.generator.failed,
            not_sent: self.generator.not_sent,
            gauges: self.vitals.gauges(phase_index),
        };
        self.last_second = Histogram::new();
        (self.last_second_requests, self.last_second_failures) = (0, 0);
        self.pack_slices(elapsed);
        progress
    }

    /// Makes slices small that are over, and that nothing should be added to any more.
    fn pack_slices(&mut self, elapsed: Duration) {
        let longest = self.scenario.http.timeout;
        while self.plan.slices.get(self.packed).is_some_and(|slice| slice.at + slice.length + longest < elapsed) {
            let phase = self.plan.slices[self.packed].phase;
            for books in &mut self.endpoints {
                books.pack(self.packed, phase);
            }
            self.packed += 1;
        }
    }

    /// The Run as it stands. `ended` is `None` for a checkpoint, else how it ended.
    #[must_use]
    pub fn run(&self, elapsed: Duration, ended: Option<&Ending>) -> Run {
        let endpoints = self.scenario.endpoints.iter().zip(&self.endpoints);
        let mut generator = self.generator.clone();
        if ended.is_none() {
            // Requests under way are of no endpoint yet: a checkpoint leaves them out, so that its books add up.
            generator.scheduled = generator.sent + generator.not_sent;
        }
        self.vitals.fill_in(&mut generator, &self.plan, elapsed);
        let mut run = Run {
            scenario: ScenarioRef {
                name: self.scenario.name.clone(),
                hash: self.scenario.hash.clone(),
                seed: self.plan.seed,
                each_alone: self.scenario.isolation == Isolation::EachAlone,
            },
            target: self.scenario.target.origin(),
            started_at: self.heading.started_at,
            measured: self.plan.measured_until(elapsed),
            complete: matches!(ended, Some(Ending::Planned)),
            aborted_by: match ended {
                Some(Ending::Aborted(reason)) => Some(reason.clone()),
                Some(Ending::Planned) | None => None,
            },
            environment: self.heading.environment.clone(),
            endpoints: endpoints.map(|(endpoint, books)| books.endpoint_run(&endpoint.name, endpoint.role, &self.plan)).collect(),
            phases: self.phase_runs(),
            generator,
            overrides: self.heading.overrides.clone(),
            imported: None,
            tasks: self.task_runs(),
            at_once: self.at_once.clone(),
            answered: self.answered.clone(),
            round: None,
        };
        let problems = health::problems(&run, &self.scenario, &self.plan, &self.vitals);
        run.generator.problems.extend(problems);
        run
    }

    fn task_runs(&self) -> Vec<TaskRun> {
        let kinds = self.scenario.kinds.iter().enumerate();
        let tasks = kinds.flat_map(|(at, kind)| kind.tasks.iter().enumerate().map(move |(index, task)| (at, kind, index, task)));
        let phases = |kind, task| {
            let starts = |phase| self.tasks.get(&(kind, task, phase)).copied().unwrap_or(0);
            (0..self.plan.phases.len())
                .map(|phase| TaskShare { asked: self.plan.share(phase, kind, task), starts: starts(phase) })
                .collect()
        };
        tasks
            .map(|(at, kind, index, task)| TaskRun { users: kind.name.clone(), name: task.name.clone(), phases: phases(at, index) })
            .collect()
    }

    fn phase_runs(&self) -> Vec<PhaseRun> {
        let run = |(phase, requests): (&crate::plan::PhasePlan, &u64)| PhaseRun {
            name: phase.name.clone(),
            at: phase.at,
            length: phase.length,
            measured: phase.measured,
            requests: *requests,
            peak: phase.peak,
        };
        self.plan.phases.iter().zip(&self.phase_requests).map(run).collect()
    }

    /// What the system tells of the machine and of the time, so long after the start.
    pub fn note_machine(&mut self, elapsed: Duration, cpu: Option<CpuTimes>, wall: SystemTime) {
        self.vitals.note_machine(elapsed, cpu, wall);
    }
}

/// How a load ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Planned,
    /// In words, with the time: `SIGINT after 12.3 s`.
    Aborted(String),
}

impl EndpointBooks {
    fn endpoint_run(&self, name: &str, role: EndpointRole, plan: &Plan) -> EndpointRun {
        let slices = plan.slices.iter().zip(&self.slices).filter(|(_, books)| books.requests > 0);
        let slice = |(slice, books): (&crate::plan::SlicePlan, &SliceBooks)| Slice {
            phase: slice.phase,
            at: slice.at,
            length: slice.length,
            requests: books.requests,
            failures: books.failures,
            latency: books.latency.clone(),
        };
        EndpointRun {
            name: name.to_owned(),
            role,
            phases: (0..).zip(&self.phases).map(|(phase, series)| self.phase_series(phase, series, plan)).collect(),
            slices: slices.map(slice).collect(),
            per_second: self.per_second.clone(),
        }
    }

    /// A phase's series with what its slices still hold.
    fn phase_series(&self, phase: usize, series: &PhaseSeries, plan: &Plan) -> PhaseSeries {
        let own: Vec<&SliceBooks> =
            plan.slices.iter().zip(&self.slices).filter(|(slice, _)| slice.phase == phase).map(|(_, books)| books).collect();
        let (service, ttfb) = (own.iter().map(|books| &books.service), own.iter().map(|books| &books.ttfb));
        let mut service = Histogram::sum(std::iter::once(&series.service).chain(service));
        let mut ttfb = Histogram::sum(std::iter::once(&series.ttfb).chain(ttfb));
        service.pack();
        ttfb.pack();
        PhaseSeries { service, ttfb, ..series.clone() }
    }

    /// Makes a slice of a phase small.
    fn pack(&mut self, slice: usize, phase: usize) {
        let (books, series) = (&mut self.slices[slice], &mut self.phases[phase]);
        books.latency.pack();
        for (whole, held) in [(&mut series.service, &mut books.service), (&mut series.ttfb, &mut books.ttfb)] {
            whole.merge(&std::mem::take(held));
            whole.pack();
        }
    }
}

fn second_of(time: Duration) -> usize {
    usize::try_from(time.as_secs()).unwrap_or_default()
}

fn count(sample: &Sample, series: &mut PhaseSeries, per_second: &mut PerSecond) {
    series.requests += 1;
    series.bytes += sample.bytes;
    series.retried += u64::from(sample.retried);
    if let Some(status) = sample.status {
        *series.statuses.entry(status).or_default() += 1;
    }
    let second = second_of(sample.due);
    per_second.requests.add(second, 1);
    per_second.failures.resize(per_second.requests.len());
    match sample.outcome {
        Outcome::Ok => series.ok += 1,
        Outcome::Unfinished => series.unfinished += 1,
        Outcome::Failed(class) => {
            series.failures.add(class, 1);
            series.add_cause(sample.cause.as_deref().unwrap_or(class.name()), 1);
            per_second.failures.add(second, 1);
            *per_second.classes.entry((u32::try_from(second).unwrap_or(u32::MAX), class)).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{heading, scenario};
    use super::*;
    use crate::run::{FailureClass, PhaseSelection, Problem};

    const TWO_PHASES: &str = "load: {users: 5, warmup: 2s, hold: 3s}\ntasks: [{steps: [{get: /a}, {get: /b}]}]\n";

    fn collector() -> Collector {
        let scenario = scenario(TWO_PHASES);
        let plan = Plan::new(&scenario, 1000);
        Collector::new(Arc::new(scenario), Arc::new(plan), heading())
    }

    fn sample(endpoint: u32, due_ms: u64, outcome: Outcome) -> Sample {
        let cause = if let Outcome::Failed(class) = outcome { Some(class.name().into()) } else { None };
        let status = (outcome == Outcome::Ok).then_some(200);
        Sample {
            endpoint,
            due: Duration::from_millis(due_ms),
            latency: 5_000,
            service: 4_000,
            ttfb: status.map(|_| 3_000),
            outcome,
            cause,
            status,
            bytes: 10,
            retried: false,
        }
    }

    fn batch(samples: Vec<Sample>) -> Batch {
        Batch { scheduled: samples.len() as u64, samples, ..Batch::default() }
    }

    #[test]
    fn a_request_is_counted_where_it_was_due() {
        let mut collector = collector();
        collector.absorb(0, batch([0, 1999, 2000, 4999, 7000].map(|due| sample(0, due, Outcome::Ok)).to_vec()));
        let run = collector.run(Duration::from_secs(5), Some(&Ending::Planned));
        let endpoint = &run.endpoints[0];
        assert_eq!(endpoint.phases.iter().map(|series| series.requests).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(run.phases.iter().map(|phase| phase.requests).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(
            endpoint.slices.iter().map(|slice| (slice.at.as_secs(), slice.requests)).collect::<Vec<_>>(),
            [(0, 1), (1, 1), (2, 1), (4, 2)]
        );
        assert_eq!(endpoint.per_second.requests.values().collect::<Vec<_>>(), [1, 1, 1, 0, 1, 0, 0, 1]);
        assert_eq!(run.summary(endpoint, PhaseSelection::Judged).counts.requests, 3);
        assert!(run.endpoints[1].slices.is_empty() && run.complete);
    }

    #[test]
    fn what_was_answered_counts_in_the_second_in_which_it_was() {
        let mut collector = collector();
        let slow = Sample { latency: 1_500_000, ..sample(0, 2600, Outcome::Ok) };
        let lost = sample(0, 2600, Outcome::Failed(FailureClass::Reset));
        collector.absorb(0, batch(vec![sample(0, 990, Outcome::Ok), sample(1, 997, Outcome::Ok), slow, lost]));
        let run = collector.run(Duration::from_secs(5), Some(&Ending::Planned));
        assert_eq!(run.answered.values().collect::<Vec<_>>(), [1, 1, 0, 0, 1]);
    }

    #[test]
    fn each_outcome_is_in_its_own_place() {
        let mut collector = collector();
        let failed = |class| sample(1, 2500, Outcome::Failed(class));
        collector.absorb(0, batch(vec![sample(1, 2500, Outcome::Ok), sample(1, 2500, Outcome::Unfinished)]));
        collector.absorb(1, batch(vec![failed(FailureClass::Timeout), failed(FailureClass::Reset)]));
        let run = collector.run(Duration::from_secs(5), Some(&Ending::Planned));
        let summary = run.summary(&run.endpoints[1], PhaseSelection::Judged);
        assert_eq!((summary.counts.ok, summary.counts.unfinished, summary.counts.failures.total()), (1, 1, 2));
        assert_eq!(summary.latency.count(), 3, "a reset has no latency");
        assert_eq!((summary.counts.service.count(), summary.counts.ttfb.count()), (3, 1));
        assert_eq!(summary.counts.causes.into_iter().collect::<Vec<_>>(), [("reset".to_owned(), 1), ("timeout".to_owned(), 1)]);
        let by_second = &run.endpoints[1].per_second;
        assert_eq!((by_second.failures.values().collect::<Vec<_>>(), by_second.failures.sum()), (vec![0, 0, 2], 2));
        let classes: Vec<_> = by_second.classes.iter().map(|(&at, &count)| (at, count)).collect();
        assert_eq!(classes, [((2, FailureClass::Timeout), 1), ((2, FailureClass::Reset), 1)]);
        let Generator { scheduled, sent, ok, failed, unfinished, .. } = run.generator;
        assert_eq!((scheduled, sent, ok, failed, unfinished), (4, 4, 1, 2, 1));
    }

    #[test]
    fn what_is_there_at_once_is_the_most_of_all_workers_in_each_second() {
        let mut collector = collector();
        let at = |millis, at_once| Batch { at: Duration::from_millis(millis), at_once, ..Batch::default() };
        for (worker, batch) in [(0, at(100, 2)), (1, at(150, 3)), (0, at(900, 1)), (1, at(3000, 2)), (0, at(5001, 9))] {
            collector.absorb(worker, batch);
        }
        let at_once = collector.run(Duration::from_secs(5), Some(&Ending::Planned)).at_once;
        assert_eq!(at_once.values().collect::<Vec<_>>(), [5, 0, 0, 3]);
    }

    #[test]
    fn a_slice_that_is_over_is_packed_and_nothing_is_lost_even_of_what_comes_later() {
        let (mut packing, mut keeping) = (collector(), collector());
        for second in 0..5 {
            for collector in [&mut packing, &mut keeping] {
                collector.absorb(0, batch(vec![sample(0, second * 1000, Outcome::Ok), sample(0, 500, Outcome::Unfinished)]));
            }
            packing.progress(Duration::from_secs(second + 33), Duration::from_secs(1));
        }
        assert_eq!(packing.packed, 5);
        let [packed, kept] = [packing, keeping].map(|collector| collector.run(Duration::from_secs(5), Some(&Ending::Planned)));
        assert_eq!(packed.endpoints, kept.endpoints);
        assert_eq!(packed.endpoints[0].phases.iter().map(|series| series.service.count()).sum::<u64>(), 10);
    }

    #[test]
    fn a_checkpoint_leaves_out_what_is_under_way() {
        let mut collector = collector();
        collector.absorb(0, Batch { scheduled: 9, not_sent: 1, samples: vec![sample(0, 100, Outcome::Ok)], ..Batch::default() });
        let checkpoint = collector.run(Duration::from_secs(1), None);
        assert!(checkpoint.generator.conserved() && !checkpoint.complete);
        assert_eq!(checkpoint.generator.scheduled, 2);
        assert!(!collector.run(Duration::from_secs(1), Some(&Ending::Planned)).generator.conserved(), "at the end a lost request is seen");
    }

    #[test]
    fn a_problem_is_told_once() {
        let mut collector = collector();
        let problem = || Problem { code: "ports".into(), text: "none left".into() };
        for worker in 0..2 {
            collector.absorb(worker, Batch { problems: vec![problem(), problem()], ..Batch::default() });
        }
        assert_eq!(collector.run(Duration::ZERO, None).generator.problems, [problem()]);
    }

    #[test]
    fn progress_is_of_the_last_second_alone() {
        let mut collector = collector();
        collector.absorb(0, batch(vec![sample(0, 100, Outcome::Ok), sample(0, 200, Outcome::Failed(FailureClass::Status))]));
        let first = collector.progress(Duration::from_secs(1), Duration::from_millis(500));
        assert!((first.requests_per_s - 4.0).abs() < 1e-9 && first.p95_ms.is_some());
        assert!((first.failures_per_s - 2.0).abs() < 1e-9 && first.p99_ms >= first.p50_ms);
        assert_eq!((first.requests, first.failures, first.phase.as_str(), first.measured), (2, 1, "warm-up", false));
        let second = collector.progress(Duration::from_secs(3), Duration::from_secs(1));
        assert!(second.requests_per_s.abs() + second.failures_per_s.abs() < 1e-9 && second.p95_ms.is_none());
        assert_eq!((second.requests, second.phase.as_str(), second.measured), (2, "hold", true));
    }

    #[test]
    fn an_aborted_run_says_why_and_how_far_it_came() {
        let run = collector().run(Duration::from_millis(2500), Some(&Ending::Aborted("SIGINT after 2.5 s".into())));
        assert_eq!((run.complete, run.aborted_by.as_deref()), (false, Some("SIGINT after 2.5 s")));
        assert_eq!(run.measured, Duration::from_millis(500));
    }
}
