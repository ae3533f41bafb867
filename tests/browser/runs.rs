//! Runs as a load would leave them, made up, and always the same.

use std::time::Duration;

use perfgate::run::{
    EndpointRole, EndpointRun, Environment, FailureClass, Generator, PerSecond, PhaseRun, PhaseSeries, Problem, Run, ScenarioRef,
    SecondCounts, Slice,
};
use perfgate::stats::Histogram;

/// Each endpoint is asked so often in a slice.
const REQUESTS: u64 = 60;
const SLICE: Duration = Duration::from_secs(5);
/// Of the run, the part that is not judged.
const RAMP: Duration = Duration::from_secs(30);

/// A healthy run of `shop` with a ramp and a hold; endpoints differ in how slow they are.
pub fn shop(endpoints: usize, seconds: u64) -> Run {
    let hold = Duration::from_secs(seconds);
    let whole = RAMP + hold;
    let slices = u32::try_from(whole.as_secs() / SLICE.as_secs()).unwrap();
    let endpoints: Vec<EndpointRun> = (0..endpoints).map(|index| endpoint(index, slices)).collect();
    let sent = endpoints.iter().flat_map(|endpoint| &endpoint.phases).map(|series| series.requests).sum();
    let phase = |name: &str, at: Duration, length: Duration, measured| PhaseRun {
        name: name.into(),
        at,
        length,
        measured,
        requests: endpoints.len() as u64 * REQUESTS * (length.as_secs() / SLICE.as_secs()),
        peak: 200.0,
    };
    Run {
        scenario: ScenarioRef { name: "shop".into(), hash: "sha256:2c26b46b68ffc68ff99b453c1d304134".into(), seed: 7, each_alone: false },
        target: "https://staging.shop.example".into(),
        started_at: "2026-11-20T12:00:00Z".parse().unwrap(),
        measured: hold,
        complete: true,
        aborted_by: None,
        environment: environment(),
        phases: vec![phase("ramp-up", Duration::ZERO, RAMP, false), phase("hold", RAMP, hold, true)],
        generator: Generator {
            scheduled: sent,
            sent,
            ok: sent,
            late_p99_ms: Some(0.12),
            cpu_busy: Some(0.31),
            steal: Some(0.0),
            max_in_flight: 200,
            threads: 2,
            connections_opened: 200,
            ..Generator::default()
        },
        imported: None,
        tasks: Vec::new(),
        at_once: at_once(whole.as_secs()),
        answered: answered(endpoints.len() as u64, whole.as_secs()),
        round: None,
        endpoints,
        overrides: Vec::new(),
    }
}

/// Users who come one by one over the ramp and stay.
fn at_once(seconds: u64) -> SecondCounts {
    (0..seconds).map(|second| (200 * (second + 1) / RAMP.as_secs()).min(200)).collect()
}

/// What is asked for in a second, some of it now and then a second later.
fn answered(endpoints: u64, seconds: u64) -> SecondCounts {
    let due = endpoints * REQUESTS / SLICE.as_secs();
    let of = |second: u64| match second % 20 {
        7 => due * 4 / 5,
        8 => due * 6 / 5,
        _ => due,
    };
    (0..seconds).map(of).collect()
}

fn environment() -> Environment {
    Environment {
        name: Some("staging".into()),
        os: "linux".into(),
        arch: "x86_64".into(),
        cores: 4,
        cpu: Some("AMD EPYC 7763".into()),
        perfgate: "0.1.0".into(),
        ci: Some("github".into()),
        job: None,
        commit: Some("3f9c1abd2e".into()),
        branch: Some("release/2.4".into()),
    }
}

fn endpoint(index: usize, slices: u32) -> EndpointRun {
    let typical = 8_000 + (index as u64 * 7919) % 23_000;
    let slices: Vec<Slice> = (0..slices)
        .map(|slice| {
            let at = SLICE * slice;
            Slice {
                phase: usize::from(at >= RAMP),
                at,
                length: SLICE,
                requests: REQUESTS,
                failures: 0,
                latency: latency(typical, index as u64 * 1000 + u64::from(slice)),
            }
        })
        .collect();
    let mut phases = vec![PhaseSeries::default(), PhaseSeries::default()];
    for slice in &slices {
        let series = &mut phases[slice.phase];
        series.requests += slice.requests;
        series.ok += slice.requests;
        *series.statuses.entry(200).or_default() += slice.requests;
        series.service.merge(&slice.latency);
    }
    let seconds = slices.len() * usize::try_from(SLICE.as_secs()).unwrap();
    let per_second = PerSecond {
        requests: std::iter::repeat_n(REQUESTS / SLICE.as_secs(), seconds).collect(),
        failures: std::iter::repeat_n(0, seconds).collect(),
        ..PerSecond::default()
    };
    EndpointRun { name: format!("GET /api/orders {index}/:id"), role: EndpointRole::Task, phases, slices, per_second }
}

/// Latencies around a typical one, with a tail; the same for the same seed.
fn latency(typical: u64, seed: u64) -> Histogram {
    let mut state = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    let value = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let dice = (state >> 40) % 1000;
        let tail = if dice > 970 { typical * (dice - 970) / 10 } else { 0 };
        u32::try_from(typical * (700 + dice * 6 / 10) / 1000 + tail).unwrap()
    };
    let mut histogram = Histogram::new();
    histogram.record_many(&mut (0..REQUESTS).map(value).collect::<Vec<_>>());
    histogram
}

/// The same run, its endpoints of this name slower by a factor.
pub fn slower(run: &Run, name: &str, factor: f64) -> Run {
    slower_after(run, name, Duration::ZERO, factor)
}

/// The same from a time of the run on.
pub fn slower_after(run: &Run, name: &str, begin: Duration, factor: f64) -> Run {
    let mut run = run.clone();
    for endpoint in run.endpoints.iter_mut().filter(|endpoint| endpoint.name.contains(name)) {
        for slice in endpoint.slices.iter_mut().filter(|slice| slice.at >= begin) {
            let slowed = |(millis, count): (f64, u64)| {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "latencies below a minute")]
                std::iter::repeat_n((millis * factor * 1000.0) as u32, usize::try_from(count).unwrap())
            };
            let mut micros: Vec<u32> = slice.latency.bins_ms().flat_map(slowed).collect();
            slice.latency = Histogram::new();
            slice.latency.record_many(&mut micros);
        }
    }
    run
}

/// Lets a share of an endpoint's requests fail in the second half of the run.
pub fn fail(run: &mut Run, name: &str, share: f64) {
    for endpoint in run.endpoints.iter_mut().filter(|endpoint| endpoint.name.contains(name)) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a few thousand requests")]
        let failed = (endpoint.phases[1].requests as f64 * share) as u64;
        let series = &mut endpoint.phases[1];
        series.ok -= failed;
        for (class, count) in [(FailureClass::Status, failed - failed / 4), (FailureClass::Timeout, failed / 4)] {
            series.failures.add(class, count);
        }
        *series.statuses.entry(200).or_default() -= failed;
        series.statuses.insert(503, failed - failed / 4);
        series.add_cause("status 503", failed - failed / 4);
        series.add_cause("no answer within 30s", failed / 4);
        run.generator.ok -= failed;
        run.generator.failed += failed;
        let seconds = endpoint.per_second.failures.len();
        for number in 0..usize::try_from(failed).unwrap() {
            let second = seconds / 2 + number % (seconds / 2);
            let class = if number % 4 == 3 { FailureClass::Timeout } else { FailureClass::Status };
            endpoint.per_second.failures.add(second, 1);
            *endpoint.per_second.classes.entry((u32::try_from(second).unwrap(), class)).or_default() += 1;
            let after = endpoint.slices.partition_point(|slice| slice.at.as_secs() <= second as u64);
            endpoint.slices[after - 1].failures += 1;
        }
    }
}

/// Ended by a signal after a third.
pub fn aborted(run: &Run) -> Run {
    let mut run = run.clone();
    for endpoint in &mut run.endpoints {
        endpoint.slices.truncate(22);
        endpoint.per_second.requests.resize(110);
        endpoint.per_second.failures.resize(110);
    }
    run.at_once.resize(110);
    run.answered.resize(110);
    (run.complete, run.aborted_by, run.measured) = (false, Some("SIGINT after 110.0 s".into()), Duration::from_secs(80));
    run
}

/// Nothing could be sent.
pub fn unstarted(run: &Run) -> Run {
    let mut run = run.clone();
    for endpoint in &mut run.endpoints {
        endpoint.phases = vec![PhaseSeries::default(); 2];
        endpoint.slices.clear();
        endpoint.per_second = PerSecond::default();
    }
    (run.at_once, run.answered) = (SecondCounts::default(), SecondCounts::default());
    run.generator =
        Generator { problems: vec![Problem { code: "target".into(), text: "connection refused".into() }], ..Generator::default() };
    (run.complete, run.aborted_by, run.measured) = (false, Some("the target was not ready".into()), Duration::ZERO);
    run
}

/// As another tool's file leaves it: one phase, no books, nothing by second.
pub fn imported(run: &Run) -> Run {
    let mut run = run.clone();
    for endpoint in &mut run.endpoints {
        let (mut series, mut latency) = (PhaseSeries::default(), Histogram::new());
        for phase in &endpoint.phases {
            series.merge(phase);
        }
        for slice in &endpoint.slices {
            latency.merge(&slice.latency);
        }
        let requests = series.requests;
        endpoint.phases = vec![series];
        endpoint.slices = vec![Slice { phase: 0, at: Duration::ZERO, length: Duration::from_secs(330), requests, failures: 0, latency }];
        endpoint.per_second = PerSecond::default();
    }
    (run.at_once, run.answered) = (SecondCounts::default(), SecondCounts::default());
    run.phases = vec![PhaseRun { at: Duration::ZERO, length: Duration::from_secs(330), measured: true, ..run.phases[1].clone() }];
    run.generator = Generator::default();
    run
}
