//! The generator judges itself: whether it, and not the target, could explain the numbers. Each problem says what to do.

use super::vitals::{STEAL_WINDOW, Vitals};
use crate::plan::{Plan, Workload};
use crate::run::{EndpointRole, Generator, PhaseSelection, Problem, Run};
use crate::scenario::{Connections, Model, Scenario};
use crate::units::{Percentile, format_count, format_millis, format_share};

/// A worker thread busier than this delays its own requests.
const CPU_LIMIT: f64 = 0.9;
/// More than this taken by the hypervisor shows in the tail.
const STEAL_LIMIT: f64 = 0.05;
/// Timers that fire this late are no matter, however fast the target is (ms).
const LATE_FLOOR_MS: f64 = 5.0;
/// The same for users who think: their latency counts from when they act, so that only a starved generator matters (ms).
const LATE_FLOOR_CLOSED_MS: f64 = 20.0;
/// Lateness is part of the latency of an open load: at most this share of the tightest p95.
const LATE_SHARE: f64 = 0.05;
/// More starts than this waiting for a user that long show in a p99.
const WAITING_LIMIT: f64 = 0.01;

/// What speaks against the numbers of a run, beyond what was noted while it ran.
#[must_use]
pub fn problems(run: &Run, scenario: &Scenario, plan: &Plan, vitals: &Vitals) -> Vec<Problem> {
    let generator = &run.generator;
    let problem = |code: &str, text: String| Problem { code: code.to_owned(), text };
    let mut problems = Vec::new();
    if generator.not_sent > 0 && generator.problems.is_empty() {
        problems.push(problem("not_sent", not_sent_text(generator, scenario)));
    }
    if let Some(busy) = generator.cpu_busy.filter(|busy| *busy > CPU_LIMIT) {
        problems.push(problem("cpu", cpu_text(run, busy)));
    }
    let long_enough = run.duration_of(PhaseSelection::Judged) >= STEAL_WINDOW;
    if let Some(steal) = generator.steal.filter(|steal| long_enough && *steal > STEAL_LIMIT) {
        let text = format!("the hypervisor took away {} of the time: use a machine with cores of its own", format_share(steal));
        problems.push(problem("steal", text));
    }
    let late_limit = late_limit(run, plan.workload);
    if let Some(late) = generator.late_p99_ms.filter(|late| *late > late_limit) {
        let text = format!(
            "one timer in a hundred fired {} late or more, so this machine was too busy: use one with more cores, or run again",
            format_millis(late)
        );
        problems.push(problem("late", text));
    }
    let waiting = vitals.waiting_share(plan, late_limit);
    if waiting > WAITING_LIMIT {
        problems.push(problem("max_in_flight", waiting_text(waiting, generator, scenario)));
    }
    if let Some((at, by)) = vitals.clock_gap.filter(|_| generator.problems.iter().all(|known| known.code != "clock")) {
        let text = format!(
            "the clock jumped by {by:.1} s, {:.1} s after the start: was the machine suspended, or its time set? run again",
            at.as_secs_f64()
        );
        problems.push(problem("clock", text));
    }
    problems
}

fn cpu_text(run: &Run, busy: f64) -> String {
    let Generator { threads, sent, .. } = run.generator;
    let seconds = run.duration_of(PhaseSelection::Whole).as_secs().max(1);
    format!(
        "a load thread was busy {} of the time: {} reach {} requests/s here, so use a machine with more cores, or less load",
        format_share(busy),
        if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") },
        format_count(sent / seconds),
    )
}

fn not_sent_text(generator: &Generator, scenario: &Scenario) -> String {
    format!(
        "{} of {} due requests could not be sent with {} under way: {}, or look why the target answers so slowly",
        format_count(generator.not_sent),
        format_count(generator.scheduled),
        format_count(in_flight_limit(generator, scenario)),
        in_flight_cure(generator, scenario),
    )
}

fn waiting_text(share: f64, generator: &Generator, scenario: &Scenario) -> String {
    let what = if matches!(scenario.connections, Connections::Shared(_)) { "shared connections" } else { "users" };
    format!(
        "{} of the task starts had to wait until one of {} {what} was free: {}, or look why the target answers so slowly",
        format_share(share),
        format_count(in_flight_limit(generator, scenario)),
        in_flight_cure(generator, scenario),
    )
}

/// Most requests that could be under way.
fn in_flight_limit(generator: &Generator, scenario: &Scenario) -> u64 {
    match scenario.connections {
        Connections::Shared(count) => generator.max_in_flight.min(count.into()),
        Connections::PerUser | Connections::PerRequest => generator.max_in_flight,
    }
}

/// How to have more under way, which depends on what limits it.
fn in_flight_cure(generator: &Generator, scenario: &Scenario) -> String {
    let most = generator.max_in_flight;
    match (scenario.connections, scenario.load.model) {
        (Connections::Shared(count), _) if u64::from(count) < most => "share more `connections`".to_owned(),
        (_, Model::Open { max_in_flight: None, .. }) if most < Plan::automatic_in_flight(scenario) => {
            format!("allow more open files (`ulimit -n {}`)", Plan::automatic_in_flight(scenario) + 64)
        }
        (_, Model::Open { max_in_flight: None, .. }) => "set a higher `max_in_flight` (rate x time-out without it)".to_owned(),
        _ => "raise `max_in_flight`".to_owned(),
    }
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
    use std::time::Duration;

    use super::super::recorder::Delay;
    use super::super::samples::scenario;
    use super::*;
    use crate::run::samples::checkout_run;

    const CLOSED: &str = "{users: 50, hold: 60s}";
    const OPEN: &str = "{rate: 5/s, hold: 60s, max_in_flight: 50}";

    fn told(run: &Run, load: &str, waits_ms: &[u32]) -> Vec<Problem> {
        let scenario = scenario(&format!("load: {load}\ntasks: [{{steps: [{{get: /}}]}}]\n"));
        let plan = Plan::new(&scenario, 100);
        let mut vitals = Vitals::of(&plan);
        let waits: Vec<Delay> = waits_ms.iter().map(|millis| Delay { due_ms: 0, by: millis * 1000 }).collect();
        vitals.note_delays(&plan, &[], &waits);
        problems(run, &scenario, &plan, &vitals)
    }

    fn codes(generator: Generator, load: &str, waits_ms: &[u32]) -> Vec<String> {
        told(&Run { generator, ..checkout_run() }, load, waits_ms).into_iter().map(|problem| problem.code).collect()
    }

    /// So many that waited so long, and as many more as make a thousand.
    fn waits(count: usize, millis: u32) -> Vec<u32> {
        [vec![millis; count], vec![0; 1000 - count]].concat()
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
            assert_eq!(codes(generator.clone(), OPEN, &[]), expected, "{generator:?}");
        }
    }

    #[test]
    fn stolen_time_counts_only_over_a_load_that_is_long_enough() {
        let mut run = Run { generator: Generator { steal: Some(0.2), ..Generator::default() }, ..checkout_run() };
        let told = |run: &Run| told(run, CLOSED, &[]).len();
        run.phases[1].length = STEAL_WINDOW;
        assert_eq!(told(&run), 1);
        for phase in &mut run.phases {
            phase.length = Duration::from_secs(1);
        }
        assert_eq!(told(&run), 0);
    }

    #[test]
    fn closed_users_are_late_only_where_the_generator_starves() {
        let late = |millis| codes(Generator { late_p99_ms: Some(millis), ..Generator::default() }, CLOSED, &[]);
        assert!(late(19.0).is_empty());
        assert_eq!(late(150.0), ["late"]);
    }

    #[test]
    fn a_known_reason_for_what_was_not_sent_is_not_told_twice() {
        let known = Problem { code: "descriptors".into(), text: String::new() };
        assert!(codes(Generator { not_sent: 5, problems: vec![known], ..Generator::default() }, OPEN, &[]).is_empty());
    }

    #[test]
    fn starts_that_wait_for_a_user_are_a_problem_where_they_could_move_a_p99() {
        let told = |waits_ms: &[u32]| codes(Generator::default(), OPEN, waits_ms);
        assert!(told(&waits(10, 100)).is_empty());
        assert_eq!(told(&waits(11, 100)), ["max_in_flight"]);
        assert!(told(&waits(500, 3)).is_empty(), "short waits do not show");
    }

    #[test]
    fn what_was_not_sent_is_told_with_the_limit_that_held_it_back_and_its_cure() {
        let shared = "{rate: 5/s, hold: 60s}\nconnections: {shared: 3}";
        for (load, limit, max_in_flight, cure) in [
            ("{rate: 5/s, hold: 60s, max_in_flight: 50}", "with 50 under way", 50, "raise `max_in_flight`"),
            ("{rate: 5/s, hold: 60s}", "with 150 under way", 150, "set a higher `max_in_flight`"),
            ("{rate: 50/s, hold: 60s}", "with 1,000 under way", 1000, "`ulimit -n 1564`"),
            (shared, "with 3 under way", 150, "share more `connections`"),
        ] {
            let generator = Generator { not_sent: 7, scheduled: 90, max_in_flight, ..Generator::default() };
            let text = told(&Run { generator, ..checkout_run() }, load, &[]).remove(0).text;
            assert!(text.contains(limit) && text.contains(cure), "{load}: {text}");
        }
    }
}
