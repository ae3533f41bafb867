//! The generator judges itself: whether it, and not the target, could explain the numbers. Each problem says what to do.

use std::time::Duration;

use crate::plan::Workload;
use crate::run::{EndpointRole, Generator, PhaseSelection, Problem, Run};
use crate::stats::Histogram;
use crate::units::{Percentile, format_count, format_millis, format_share};

/// A worker thread busier than this delays its own requests.
const CPU_LIMIT: f64 = 0.9;
/// More than this taken by the hypervisor shows in the tail.
const STEAL_LIMIT: f64 = 0.05;
/// Stolen time comes in bursts: over less than this, one burst is a large share and says little.
const STEAL_NEEDS: Duration = Duration::from_secs(20);
/// Timers that fire this late are no matter, however fast the target is (ms).
const LATE_FLOOR_MS: f64 = 5.0;
/// The same for users who think: their latency counts from when they act, so that only a starved generator matters (ms).
const LATE_FLOOR_CLOSED_MS: f64 = 20.0;
/// Lateness is part of the latency of an open load: at most this share of the tightest p95.
const LATE_SHARE: f64 = 0.05;
/// More starts than this waiting for a user that long show in a p99.
const WAITING_LIMIT: f64 = 0.01;

/// What is measured of the generator itself.
#[derive(Debug, Default)]
pub struct Vitals {
    pub lateness: Histogram,
    /// Task starts of an open load, and how long those waited that found no user free.
    pub starts: u64,
    pub waits: Histogram,
    pub steal: Option<f64>,
    /// CPU time of each worker thread.
    cpu: Vec<Option<Duration>>,
}

impl Vitals {
    /// The CPU time that a worker's thread has used so far.
    pub fn note_cpu(&mut self, worker: usize, cpu: Option<Duration>) {
        if self.cpu.len() <= worker {
            self.cpu.resize(worker + 1, None);
        }
        self.cpu[worker] = cpu.or(self.cpu[worker]);
    }

    /// Puts the vitals into the generator's books; CPU is that of the busiest thread.
    pub fn fill_in(&self, generator: &mut Generator, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64();
        let busiest = self.cpu.iter().flatten().max();
        generator.cpu_busy = busiest.filter(|_| seconds > 0.0).map(|cpu| (cpu.as_secs_f64() / seconds).min(1.0));
        generator.late_p99_ms = self.lateness.percentile_ms(Percentile::P99);
        generator.steal = self.steal;
    }

    /// The share of starts that waited longer than this for a user.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn waiting_share(&self, millis: f64) -> f64 {
        self.waits.count_above(millis) as f64 / self.starts.max(1) as f64
    }
}

/// What speaks against the numbers of a run, beyond what was noted while it ran.
#[must_use]
pub fn problems(run: &Run, workload: Workload, vitals: &Vitals) -> Vec<Problem> {
    let generator = &run.generator;
    let problem = |code: &str, text: String| Problem { code: code.to_owned(), text };
    let mut problems = Vec::new();
    if generator.not_sent > 0 && generator.problems.is_empty() {
        problems.push(problem("not_sent", not_sent_text(generator)));
    }
    if let Some(busy) = generator.cpu_busy.filter(|busy| *busy > CPU_LIMIT) {
        let text = format!("a load thread was busy {} of the time: use a machine with more cores, or less load", format_share(busy));
        problems.push(problem("cpu", text));
    }
    let long_enough = run.duration_of(PhaseSelection::Whole) >= STEAL_NEEDS;
    if let Some(steal) = generator.steal.filter(|steal| long_enough && *steal > STEAL_LIMIT) {
        let text = format!("the hypervisor took away {} of the time: use a machine with cores of its own", format_share(steal));
        problems.push(problem("steal", text));
    }
    let late_limit = late_limit(run, workload);
    if let Some(late) = generator.late_p99_ms.filter(|late| *late > late_limit) {
        let text = format!(
            "one timer in a hundred fired {} late or more, so this machine was too busy: use one with more cores, or run again",
            format_millis(late)
        );
        problems.push(problem("late", text));
    }
    let waiting = vitals.waiting_share(late_limit);
    if waiting > WAITING_LIMIT {
        let text = format!(
            "{} of the task starts had to wait until one of {} users was free: raise `max_in_flight`, or look why the target answers so slowly",
            format_share(waiting),
            format_count(generator.max_in_flight)
        );
        problems.push(problem("max_in_flight", text));
    }
    problems
}

fn not_sent_text(generator: &Generator) -> String {
    format!(
        "{} of {} due requests could not be sent with {} under way: raise `max_in_flight`, or look why the target answers so slowly",
        format_count(generator.not_sent),
        format_count(generator.scheduled),
        format_count(generator.max_in_flight),
    )
}

fn late_limit(run: &Run, workload: Workload) -> f64 {
    let floor = match workload {
        Workload::Closed { .. } => LATE_FLOOR_CLOSED_MS,
        Workload::Open { .. } => LATE_FLOOR_MS,
    };
    let tasks = run.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task);
    let p95 = tasks.filter_map(|endpoint| run.summary(endpoint, PhaseSelection::Judged).latency.percentile_ms(Percentile::P95));
    let tightest = p95.fold(f64::INFINITY, f64::min);
    if tightest.is_finite() { (tightest * LATE_SHARE).max(floor) } else { floor }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::samples::checkout_run;
    use crate::scenario::Arrivals;

    const CLOSED: Workload = Workload::Closed { users: 50 };
    const OPEN: Workload = Workload::Open { arrivals: Arrivals::Uniform, max_in_flight: 50 };

    fn codes(generator: Generator, workload: Workload, vitals: &Vitals) -> Vec<String> {
        let run = Run { generator, ..checkout_run() };
        problems(&run, workload, vitals).into_iter().map(|problem| problem.code).collect()
    }

    fn vitals(waits_ms: &[u64], starts: u64) -> Vitals {
        let mut vitals = Vitals { starts, ..Vitals::default() };
        for wait in waits_ms {
            vitals.waits.record(wait * 1000);
        }
        vitals
    }

    #[test]
    fn each_sign_of_a_weak_generator_is_a_problem() {
        let none: [&str; 0] = [];
        let quiet = Generator::default;
        let cases = [
            (quiet(), &none[..]),
            (Generator { cpu_busy: Some(0.95), ..quiet() }, &["cpu"]),
            (Generator { cpu_busy: Some(0.85), ..quiet() }, &none),
            (Generator { steal: Some(0.06), ..quiet() }, &["steal"]),
            (Generator { not_sent: 1, scheduled: 10, ..quiet() }, &["not_sent"]),
            (Generator { late_p99_ms: Some(6.0), ..quiet() }, &["late"]),
            (Generator { late_p99_ms: Some(4.0), ..quiet() }, &none),
        ];
        for (generator, expected) in cases {
            assert_eq!(codes(generator.clone(), OPEN, &Vitals::default()), expected, "{generator:?}");
        }
    }

    #[test]
    fn stolen_time_counts_only_over_a_load_that_is_long_enough() {
        let mut run = Run { generator: Generator { steal: Some(0.2), ..Generator::default() }, ..checkout_run() };
        let told = |run: &Run| problems(run, CLOSED, &Vitals::default()).len();
        run.phases[0].length = STEAL_NEEDS;
        assert_eq!(told(&run), 1);
        for phase in &mut run.phases {
            phase.length = Duration::from_secs(1);
        }
        assert_eq!(told(&run), 0);
    }

    #[test]
    fn closed_users_are_late_only_where_the_generator_starves() {
        let late = |millis| codes(Generator { late_p99_ms: Some(millis), ..Generator::default() }, CLOSED, &Vitals::default());
        assert!(late(19.0).is_empty());
        assert_eq!(late(150.0), ["late"]);
    }

    #[test]
    fn a_known_reason_for_what_was_not_sent_is_not_told_twice() {
        let known = Problem { code: "descriptors".into(), text: String::new() };
        assert!(codes(Generator { not_sent: 5, problems: vec![known], ..Generator::default() }, OPEN, &Vitals::default()).is_empty());
    }

    #[test]
    fn starts_that_wait_for_a_user_are_a_problem_where_they_could_move_a_p99() {
        let told = |vitals: Vitals| codes(Generator::default(), OPEN, &vitals);
        assert!(told(vitals(&[100; 10], 1000)).is_empty());
        assert_eq!(told(vitals(&[100; 11], 1000)), ["max_in_flight"]);
        assert!(told(vitals(&[3; 500], 1000)).is_empty(), "short waits do not show");
    }

    #[test]
    fn the_busiest_thread_counts_and_keeps_its_last_reading() {
        let mut vitals = Vitals::default();
        vitals.note_cpu(1, Some(Duration::from_secs(3)));
        vitals.note_cpu(0, Some(Duration::from_secs(1)));
        vitals.note_cpu(1, None);
        let mut generator = Generator::default();
        vitals.fill_in(&mut generator, Duration::from_secs(6));
        assert_eq!((generator.cpu_busy, generator.late_p99_ms), (Some(0.5), None));
    }
}
