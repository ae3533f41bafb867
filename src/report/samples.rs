//! Runs and verdicts of every kind, for the tests of the formats.

use std::time::Duration;

use jiff::Timestamp;

use crate::gate::{
    BaselineRef, BaselineValue, Change, Finding, FindingOutcome, Outcome, Reason, Rule, RunRef, SelfCheck, SelfCheckOutcome, ThresholdsRef,
    Unit, VERDICT_VERSION, Verdict,
};
use crate::run::{
    EndpointRole, EndpointRun, Environment, FailureClass, Generator, PerSecond, PhaseRun, PhaseSeries, Run, ScenarioRef, SecondCounts,
    Slice,
};
use crate::stats::Histogram;

pub(crate) const REPRODUCE: &str = "perfgate check scenarios/checkout.yaml --seed 7 --environment staging";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// 100 latencies around `millis`, with a tail.
fn latencies(millis: u64) -> Histogram {
    let mut histogram = Histogram::new();
    for step in 0..100_u64 {
        histogram.record(millis * 1000 * (80 + step / 2 + if step > 94 { step * 2 } else { 0 }) / 100);
    }
    histogram
}

/// An endpoint asked 100 times each 2 s over a ramp of 10 s and a hold of 50 s, slower towards the end.
pub(crate) fn endpoint(name: &str, role: EndpointRole, millis: u64) -> EndpointRun {
    let slices: Vec<Slice> = (0..30_u64)
        .map(|index| {
            let latency = latencies(millis + millis * index / 20);
            let (phase, at) = (usize::from(index >= 5), Duration::from_secs(index * 2));
            Slice { phase, at, length: Duration::from_secs(2), requests: 100, failures: 0, latency }
        })
        .collect();
    let series = |phase: usize| {
        let mut series = PhaseSeries::default();
        for slice in slices.iter().filter(|slice| slice.phase == phase) {
            series.requests += slice.requests;
            series.ttfb.merge(&slice.latency);
            series.service.merge(&slice.latency);
        }
        series.failures.add(FailureClass::Status, series.requests / 500);
        series.ok = series.requests - series.failures.total();
        series.statuses.insert(200, series.ok);
        series.bytes = series.requests * 512;
        series
    };
    let phases = vec![series(0), series(1)];
    EndpointRun {
        name: name.into(),
        role,
        phases,
        slices,
        per_second: PerSecond {
            requests: std::iter::repeat_n(50, 60).collect(),
            failures: std::iter::repeat_n(0, 60).collect(),
            ..PerSecond::default()
        },
    }
}

pub(crate) fn run() -> Run {
    let phase = |name: &str, at: u64, length: u64, measured| PhaseRun {
        name: name.into(),
        at: Duration::from_secs(at),
        length: Duration::from_secs(length),
        measured,
        requests: length * 150,
        peak: 200.0,
    };
    let mut silent = endpoint("DELETE /api/cart", EndpointRole::Excluded, 10);
    silent.phases = vec![PhaseSeries::default(); 2];
    silent.slices.clear();
    Run {
        scenario: ScenarioRef {
            name: "checkout".into(),
            hash: "sha256:9f86d081884c7d659a2feaa0c55ad015".into(),
            seed: 7,
            each_alone: false,
        },
        target: "https://staging.shop.example".into(),
        started_at: at("2026-11-20T12:00:00Z"),
        measured: Duration::from_secs(50),
        answered: SecondCounts::default(),
        complete: true,
        aborted_by: None,
        environment: Environment {
            name: Some("staging".into()),
            os: "linux".into(),
            arch: "x86_64".into(),
            cores: 4,
            cpu: Some("AMD EPYC 7763".into()),
            perfgate: "0.1.0".into(),
            ci: Some("github".into()),
            job: Some("gate".into()),
            commit: Some("3f9c1abd2e".into()),
            branch: Some("release/2.4".into()),
        },
        endpoints: vec![
            endpoint("GET /api/orders/:id", EndpointRole::Task, 21),
            endpoint("POST /api/checkout", EndpointRole::Task, 64),
            endpoint("POST /auth/token", EndpointRole::Lifecycle, 90),
            silent,
        ],
        phases: vec![phase("ramp-up", 0, 10, false), phase("hold", 10, 50, true)],
        generator: Generator {
            scheduled: 9000,
            sent: 9000,
            ok: 8982,
            failed: 18,
            late_p99_ms: Some(0.12),
            cpu_busy: Some(0.31),
            steal: Some(0.0),
            max_in_flight: 200,
            threads: 2,
            connections_opened: 200,
            ..Generator::default()
        },
        overrides: Vec::new(),
        imported: None,
        tasks: Vec::new(),
        at_once: std::iter::repeat_n(200, 60).collect(),
        round: None,
    }
}

/// A `max` rule of 300 ms, or of 1 % for failures, met.
pub(crate) fn finding(endpoint: &str, metric: &str, measured: f64) -> Finding {
    let unit = if metric.starts_with("failures") { Unit::Share } else { Unit::Ms };
    Finding {
        endpoint: endpoint.into(),
        phase: None,
        metric: metric.into(),
        rule: Rule::Max,
        outcome: FindingOutcome::Pass,
        measured: Some(measured),
        limit: if unit == Unit::Share { 0.01 } else { 300.0 },
        unit,
        samples: 12_000,
        baseline: None,
        change: None,
        reason: String::new(),
    }
}

pub(crate) fn failures(endpoint: &str, share: f64) -> Finding {
    finding(endpoint, "failures", share)
}

/// A `rise` rule of 10 %, met.
pub(crate) fn rise(endpoint: &str, metric: &str, measured: f64, baseline: f64) -> Finding {
    let percent = (measured / baseline - 1.0) * 100.0;
    Finding {
        rule: Rule::Rise,
        limit: 0.1,
        baseline: Some(BaselineValue { value: baseline, runs: 7, newest: at("2026-11-19T02:00:00Z"), oldest: at("2026-11-12T02:00:00Z") }),
        change: Some(Change { percent, low: Some(percent - 6.0), high: Some(percent + 6.0), visible: Some(7.2), noise: Some(2.1) }),
        ..finding(endpoint, metric, measured)
    }
}

/// A `min` rule of 150/s over the whole scenario.
pub(crate) fn throughput(per_second: f64) -> Finding {
    Finding { rule: Rule::Min, limit: 150.0, unit: Unit::PerSecond, ..finding("total", "throughput", per_second) }
}

fn judged(outcome: FindingOutcome, reason: &str, finding: Finding) -> Finding {
    Finding { outcome, reason: reason.into(), ..finding }
}

fn checks() -> Vec<Finding> {
    vec![
        finding("GET /api/orders/:id", "p95", 48.1),
        rise("GET /api/orders/:id", "p95", 48.1, 47.0),
        finding("POST /api/checkout", "p95", 142.2),
        rise("POST /api/checkout", "p95", 126.2, 120.6),
        failures("POST /api/checkout", 0.0004),
        throughput(181.0),
    ]
}

fn verdict(outcome: Outcome, exit_code: u8, findings: Vec<Finding>) -> Verdict {
    let check = |name: &str, outcome, detail: &str| SelfCheck { name: name.into(), outcome, detail: detail.into() };
    Verdict {
        format: "perfgate-verdict".into(),
        version: VERDICT_VERSION,
        outcome,
        exit_code,
        reasons: Vec::new(),
        thresholds: ThresholdsRef {
            file: "thresholds/checkout.yaml".into(),
            hash: "sha256:2c26b46b68ffc68f".into(),
            checks: findings.len() as u64,
            changes: Vec::new(),
        },
        findings,
        self_checks: vec![
            check("complete", SelfCheckOutcome::Pass, "the run came to its end"),
            check("conserved", SelfCheckOutcome::Pass, "9,000 scheduled, 9,000 sent, none lost"),
            check("generator", SelfCheckOutcome::Pass, "31 % of its CPU, timers 0.12 ms late (p99)"),
        ],
        run: RunRef {
            scenario: "checkout".into(),
            hash: "sha256:9f86d081884c7d659a2feaa0c55ad015".into(),
            target: "https://staging.shop.example".into(),
            started_at: at("2026-11-20T12:00:00Z"),
            measured_s: 50.0,
            loads: 1,
            complete: true,
            commit: Some("3f9c1abd2e".into()),
            branch: Some("release/2.4".into()),
            environment: Some("staging".into()),
            overrides: Vec::new(),
        },
        baseline: Some(BaselineRef {
            source: ".perfgate/baselines/checkout".into(),
            runs: 7,
            left_out: vec!["nightly-12: made on linux x86_64, 8 cores, this run on linux x86_64, 4 cores".into()],
            newest: Some(at("2026-11-19T02:00:00Z")),
            oldest: Some(at("2026-11-12T02:00:00Z")),
        }),
    }
}

fn reason(code: &str, text: &str) -> Reason {
    Reason { code: code.into(), text: text.into() }
}

pub(crate) fn passed() -> Verdict {
    verdict(Outcome::Pass, 0, checks())
}

/// The first nights: no baseline yet.
pub(crate) fn warned() -> Verdict {
    let mut findings = checks();
    for finding in findings.iter_mut().filter(|finding| finding.rule == Rule::Rise) {
        *finding =
            Finding { baseline: None, change: None, ..judged(FindingOutcome::Skipped, "no baseline to compare with", finding.clone()) };
    }
    let mut verdict = verdict(Outcome::Warn, 0, findings);
    verdict.baseline = None;
    verdict.reasons = vec![reason("no_baseline", "0 of 3 baseline runs are kept: comparison starts after 3 more nights")];
    verdict
}

pub(crate) fn failed() -> Verdict {
    let mut findings = checks();
    findings[3] = judged(FindingOutcome::Fail, "p95 rose by 18 %, allowed 10 %", rise("POST /api/checkout", "p95", 142.2, 120.6));
    let waived = finding("POST /api/checkout", "p99", 1080.0);
    findings.push(judged(
        FindingOutcome::Waived,
        "1.08 s is above 300 ms, waived up to 1.2 s until 2026-12-31: fraud check moves async",
        waived,
    ));
    findings.push(judged(FindingOutcome::Fail, "failures 2.13 % are above 1 %", failures("GET /api/orders/:id", 0.0213)));
    let mut verdict = verdict(Outcome::Fail, 1, findings);
    verdict.reasons = vec![reason("gate_failed", "2 of 8 checks failed")];
    verdict
}

pub(crate) fn soft() -> Verdict {
    let mut verdict = failed();
    verdict.exit_code = 0;
    verdict
}

pub(crate) fn inconclusive() -> Verdict {
    let mut findings = checks();
    for finding in &mut findings[..2] {
        finding.samples = 140;
        finding.outcome = FindingOutcome::Inconclusive;
        finding.reason = "140 requests, p95 needs 200".into();
    }
    let mut verdict = verdict(Outcome::Inconclusive, 3, findings);
    verdict.reasons = vec![
        reason("too_few_samples", "GET /api/orders/:id had 140 requests, p95 needs 200"),
        reason("generator", "the generator used 97 % of its CPU"),
    ];
    verdict.self_checks[2] =
        SelfCheck { name: "generator".into(), outcome: SelfCheckOutcome::Fail, detail: "97 % of its CPU: use a bigger machine".into() };
    verdict
}

pub(crate) fn error() -> Verdict {
    let mut verdict = verdict(Outcome::Error, 5, Vec::new());
    verdict.reasons = vec![reason("baseline_corrupt", "baseline main.json is corrupt: line 1, column 17: expected `,`")];
    verdict.baseline = None;
    verdict
}

/// Everything that others may write, written by somebody hostile.
pub(crate) fn hostile(label: &str) -> (Verdict, Run) {
    let (mut verdict, mut run) = (failed(), run());
    for finding in &mut verdict.findings {
        finding.endpoint = label.into();
        finding.metric = label.into();
        finding.phase = Some(label.into());
        finding.reason = label.into();
    }
    verdict.findings[0].outcome = FindingOutcome::Inconclusive;
    verdict.reasons = vec![reason("x", label), reason("no_baseline", label)];
    for check in &mut verdict.self_checks {
        *check = SelfCheck { name: label.into(), outcome: SelfCheckOutcome::Warn, detail: label.into() };
    }
    for text in [&mut verdict.run.scenario, &mut verdict.run.target, &mut verdict.thresholds.file, &mut run.target, &mut run.scenario.name]
    {
        *text = label.into();
    }
    for text in [
        &mut verdict.run.commit,
        &mut verdict.run.branch,
        &mut verdict.run.environment,
        &mut run.environment.branch,
        &mut run.environment.job,
    ] {
        *text = Some(label.into());
    }
    for endpoint in &mut run.endpoints {
        endpoint.name = label.into();
    }
    for phase in &mut run.phases {
        phase.name = label.into();
    }
    run.overrides = vec![label.into()];
    run.complete = false;
    run.aborted_by = Some(label.into());
    (verdict, run)
}

/// A verdict of `endpoint_count` endpoints, every second one failed.
pub(crate) fn huge(endpoint_count: usize, outcome: FindingOutcome) -> Verdict {
    let findings = (0..endpoint_count).map(|index| {
        let name = format!("GET /api/v1/resource-{index}/@mention/<script>|`x`/a-rather-long-path-segment/:id");
        let other = if index % 2 == 0 { outcome } else { FindingOutcome::Pass };
        judged(other, "p95 rose far above what is allowed, and https://evil.example @everyone #1", finding(&name, "p95", 400.0))
    });
    verdict(Outcome::Fail, 1, findings.collect())
}
