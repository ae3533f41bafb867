//! Runs to test with: one plain and healthy, and any valid one.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::{
    EndpointRole, EndpointRun, Environment, Exactness, FailureClass, FailureDetail, Failures, Generator, Imported, Measure, PerSecond,
    PhaseRun, PhaseSeries, Problem, Resolution, Run, ScenarioRef, Slice, StatedLatency, StatedTotal, TaskRun, TaskShare,
};
use crate::stats::{Histogram, Restarts};
use crate::units::Percentile;

/// Latencies in milliseconds.
pub(crate) fn histogram(millis: impl IntoIterator<Item = u64>) -> Histogram {
    let mut histogram = Histogram::new();
    for value in millis {
        histogram.record(value * 1000);
    }
    histogram
}

/// A complete, healthy run of `checkout`: `ramp-up` (10 s, not judged) with 20 requests and `hold` (60 s, judged) with
/// 100 requests for each of two task endpoints, all ok and taking 1 to 100 ms; and one `start` endpoint.
pub(crate) fn checkout_run() -> Run {
    Run {
        scenario: ScenarioRef { name: "checkout".into(), hash: "sha256:aa".into(), seed: 7, each_alone: false },
        target: "https://staging.shop.example".into(),
        started_at: "2026-11-20T12:00:00Z".parse().unwrap(),
        measured: Duration::from_secs(60),
        complete: true,
        aborted_by: None,
        environment: environment(),
        endpoints: vec![
            endpoint("POST /auth/token", EndpointRole::Lifecycle, [5, 0]),
            endpoint("GET /api/products", EndpointRole::Task, [20, 100]),
            endpoint("POST /api/checkout", EndpointRole::Task, [20, 100]),
        ],
        phases: vec![phase("ramp-up", 0, 10, false, 45), phase("hold", 10, 60, true, 200)],
        generator: Generator { scheduled: 245, sent: 245, ok: 245, max_in_flight: 50, threads: 2, ..Generator::default() },
        overrides: Vec::new(),
        imported: None,
        tasks: Vec::new(),
        at_once: [20, 50].into_iter().collect(),
        answered: [3, 5].into_iter().collect(),
        round: Some(Restarts::BeforeEachRound),
    }
}

/// The same, started at `time`.
pub(crate) fn checkout_run_at(time: &str) -> Run {
    Run { started_at: time.parse().unwrap(), ..checkout_run() }
}

pub(crate) fn environment() -> Environment {
    Environment {
        name: None,
        os: "linux".into(),
        arch: "x86_64".into(),
        cores: 2,
        cpu: None,
        perfgate: "0.1.0".into(),
        ci: None,
        job: None,
        commit: Some("3f9c1ab".into()),
        branch: Some("main".into()),
    }
}

fn phase(name: &str, at: u64, length: u64, measured: bool, requests: u64) -> PhaseRun {
    PhaseRun { name: name.into(), at: Duration::from_secs(at), length: Duration::from_secs(length), measured, requests, peak: 50.0 }
}

/// An endpoint with so many ok requests in each phase, of 1, 2, 3, .. ms.
fn endpoint(name: &str, role: EndpointRole, ok: [u64; 2]) -> EndpointRun {
    let series = |ok: u64| PhaseSeries {
        requests: ok,
        ok,
        statuses: BTreeMap::from([(200, ok)]),
        bytes: ok * 512,
        service: histogram(1..=ok),
        ttfb: histogram(1..=ok),
        ..PhaseSeries::default()
    };
    let slice = |phase: usize, at: u64, ok: u64| Slice {
        phase,
        at: Duration::from_secs(at),
        length: Duration::from_secs(10),
        requests: ok,
        failures: 0,
        latency: histogram(1..=ok),
    };
    let slices = vec![slice(0, 0, ok[0]), slice(1, 10, ok[1])];
    EndpointRun {
        name: name.into(),
        role,
        phases: ok.map(series).to_vec(),
        slices: slices.into_iter().filter(|slice| slice.requests > 0).collect(),
        per_second: PerSecond { requests: ok.into_iter().collect(), failures: [0, 0].into_iter().collect(), ..PerSecond::default() },
    }
}

/// Any run that keeps the rules of the file form, with times to the nanosecond and shares to three digits.
pub(crate) fn any_run() -> impl Strategy<Value = Run> {
    (1_usize..4).prop_flat_map(|phase_count| {
        let phases = prop::collection::vec(any_phase(), phase_count);
        let endpoints = prop::collection::vec(any_endpoint(phase_count), 0..4);
        (phases, endpoints, any_generator(), any_text(), any_environment(), any_moment(), any::<bool>())
            .prop_map(move |(phases, endpoints, generator, text, environment, moment, complete)| {
                let endpoints = numbered(endpoints, |endpoint, index| endpoint.name = format!("{} {index}", endpoint.name));
                (phases, endpoints, generator, text, environment, moment, complete)
            })
            .prop_map(move |(phases, endpoints, generator, text, environment, (started_at, measured), complete)| Run {
                scenario: ScenarioRef { name: text.clone(), hash: "sha256:bb".into(), seed: u64::from(complete), each_alone: false },
                target: text.clone(),
                started_at,
                measured,
                complete,
                aborted_by: (!complete).then(|| text.clone()),
                environment,
                imported: complete.then(|| imported(&endpoints)),
                tasks: vec![TaskRun {
                    users: (!complete).then(|| text.clone()),
                    name: text.clone(),
                    phases: vec![TaskShare { asked: 0.25, starts: 7 }; phase_count],
                }],
                endpoints,
                phases: numbered(phases, |phase, index| phase.name = format!("{} {index}", phase.name)),
                generator,
                overrides: vec![text],
                at_once: (0..measured.as_secs() % 7).collect(),
                answered: (0..measured.as_secs() % 5).collect(),
                round: complete.then_some(Restarts::None),
            })
            .boxed()
    })
}

/// What another tool may have stated of these endpoints.
fn imported(endpoints: &[EndpointRun]) -> Imported {
    let figures = |samples| StatedLatency {
        samples,
        percentiles: BTreeMap::from([(Percentile::P50, 1.25), (Percentile::P99_9, 90.5)]),
        max: Some(120.125),
        mean: None,
    };
    let requests = |endpoint: &EndpointRun| endpoint.phases.iter().map(|series| series.requests).sum();
    Imported {
        tool: "k6".into(),
        format: "summary export".into(),
        measure: Measure::ServiceWithoutConnect,
        exactness: Exactness::Summary,
        failures: FailureDetail::Count,
        failures_in_latency: true,
        resolution: Resolution { relative: 0.02, steps: vec![(0.0, 1.0), (100.0, 10.0)] },
        notes: vec!["a note".into()],
        warnings: vec!["a warning".into()],
        stated: endpoints.iter().map(|endpoint| (endpoint.name.clone(), figures(requests(endpoint)))).collect(),
        total: Some(StatedTotal { counts: PhaseSeries { requests: 5, ok: 5, ..PhaseSeries::default() }, latency: figures(5) }),
    }
}

fn numbered<T>(mut items: Vec<T>, name: impl Fn(&mut T, usize)) -> Vec<T> {
    items.iter_mut().enumerate().for_each(|(index, item)| name(item, index));
    items
}

fn any_text() -> impl Strategy<Value = String> {
    "\\PC{0,30}"
}

fn any_time() -> impl Strategy<Value = Duration> {
    (0_u64..7_200_000_000_000).prop_map(Duration::from_nanos)
}

fn any_moment() -> impl Strategy<Value = (Timestamp, Duration)> {
    (0_i64..4_000_000_000, any_time()).prop_map(|(second, measured)| (Timestamp::from_second(second).unwrap(), measured))
}

fn any_share() -> impl Strategy<Value = f64> {
    (0_u32..10_000).prop_map(|thousandths| f64::from(thousandths) / 1000.0)
}

fn any_environment() -> impl Strategy<Value = Environment> {
    prop::collection::vec(prop::option::of(any_text()), 6).prop_map(|mut texts| Environment {
        name: texts.remove(0),
        cpu: texts.remove(0),
        ci: texts.remove(0),
        job: texts.remove(0),
        commit: texts.remove(0),
        branch: texts.remove(0),
        ..environment()
    })
}

fn any_phase() -> impl Strategy<Value = PhaseRun> {
    (any_text(), any_time(), any_time(), any::<bool>(), 0_u64..1_000_000, any_share())
        .prop_map(|(name, at, length, measured, requests, peak)| PhaseRun { name, at, length, measured, requests, peak })
}

fn any_endpoint(phase_count: usize) -> impl Strategy<Value = EndpointRun> {
    let role = prop::sample::select(vec![EndpointRole::Task, EndpointRole::Lifecycle, EndpointRole::Excluded]);
    let parts = prop::collection::vec((any_series(), any_time()), phase_count);
    let seconds = prop::collection::vec((0_u64..1000, 0_u64..1000), 0..10);
    (any_text(), role, parts, seconds).prop_map(|(name, role, parts, seconds)| {
        let slices = parts.iter().enumerate().filter(|(_, (series, _))| series.requests > 0).map(|(phase, (series, at))| Slice {
            phase,
            at: *at,
            length: Duration::from_secs(2),
            requests: series.requests,
            failures: series.failures.total(),
            latency: series.service.clone(),
        });
        let slices = slices.collect();
        let per_second = PerSecond {
            requests: seconds.iter().map(|(ok, failed)| ok + failed).collect(),
            failures: seconds.iter().map(|(_, failed)| *failed).collect(),
            classes: (0..)
                .zip(&seconds)
                .filter(|(_, (_, failed))| *failed > 0)
                .map(|(at, (_, failed))| ((at, FailureClass::Reset), *failed))
                .collect(),
        };
        EndpointRun { name, role, phases: parts.into_iter().map(|(series, _)| series).collect(), slices, per_second }
    })
}

fn any_series() -> impl Strategy<Value = PhaseSeries> {
    let latencies = prop::collection::vec(1_u64..4_000_000, 0..30);
    let failed = prop::collection::vec((prop::sample::select(FailureClass::ALL.to_vec()), 0_u64..50), 0..5);
    (latencies, failed, 0_u64..5, 0_u64..5, 100_u16..600).prop_map(|(latencies, failed, unfinished, retried, status)| {
        let mut failures = Failures::default();
        for (class, number) in failed {
            failures.add(class, number);
        }
        let ok = latencies.len() as u64;
        PhaseSeries {
            requests: ok + failures.total() + unfinished,
            ok,
            unfinished,
            retried,
            failures,
            causes: if failures.total() > 0 {
                BTreeMap::from([("connection refused".to_owned(), failures.total())])
            } else {
                BTreeMap::new()
            },
            statuses: BTreeMap::from([(status, ok)]),
            bytes: ok * 1000,
            service: histogram(latencies.iter().copied()),
            ttfb: histogram(latencies.iter().map(|latency| latency / 2)),
        }
    })
}

fn any_generator() -> impl Strategy<Value = Generator> {
    let counts = prop::array::uniform4(0_u64..1_000_000);
    let shares = prop::array::uniform3(prop::option::of(any_share()));
    let problems = prop::collection::vec(any_text(), 0..3);
    (counts, shares, problems).prop_map(|([ok, failed, unfinished, not_sent], [late_p99_ms, cpu_busy, steal], problems)| Generator {
        scheduled: ok + failed + unfinished + not_sent,
        sent: ok + failed + unfinished,
        ok,
        failed,
        not_sent,
        unfinished,
        late_p99_ms,
        cpu_busy,
        steal,
        max_in_flight: ok,
        threads: 2,
        connections_opened: failed,
        cycles: ok,
        late_cycles: failed.min(ok),
        problems: problems.into_iter().map(|text| Problem { code: "late".into(), text }).collect(),
    })
}
