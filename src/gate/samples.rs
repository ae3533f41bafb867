//! Runs and thresholds for the tests of the gate: made of given latencies, with books that add up.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{BaselineChoice, Finding, FindingOutcome, Outcome, Thresholds, Verdict, judge};
use crate::document::Document;
use crate::run::{
    Baseline, BaselineRun, EndpointRole, EndpointRun, Environment, FailureClass, Generator, PerSecond, PhaseRun, PhaseSeries, Problem, Run,
    ScenarioRef, SecondCounts, Slice,
};
use crate::stats::Histogram;

/// A run in the making; the phases are `warm-up` (not judged) and `hold`, 10 s each.
#[derive(Debug, Clone)]
pub(super) struct RunSample {
    run: Run,
}

impl RunSample {
    pub(super) fn new() -> Self {
        let run = Run {
            scenario: ScenarioRef { name: "shop".into(), hash: "sha256:1".into(), seed: 1, each_alone: false },
            target: "http://localhost".into(),
            started_at: "2026-11-20T12:00:00Z".parse().unwrap(),
            measured: Duration::from_secs(10),
            complete: true,
            aborted_by: None,
            environment: Environment {
                name: None,
                os: "linux".into(),
                arch: "x86_64".into(),
                cores: 2,
                cpu: None,
                perfgate: "0.1.0".into(),
                ci: None,
                job: None,
                commit: None,
                branch: None,
            },
            endpoints: Vec::new(),
            phases: Vec::new(),
            generator: Generator::default(),
            overrides: Vec::new(),
            imported: None,
            tasks: Vec::new(),
            at_once: SecondCounts::default(),
            answered: SecondCounts::default(),
            round: None,
        };
        Self { run }.phase("warm-up", false).phase("hold", true)
    }

    pub(super) fn phase(mut self, name: &str, measured: bool) -> Self {
        let at = self.run.phases.iter().map(|phase| phase.length).sum();
        let length = Duration::from_secs(10);
        self.run.phases.push(PhaseRun { name: name.into(), at, length, measured, requests: 0, peak: 1.0 });
        self
    }

    pub(super) fn declare(mut self, name: &str, role: EndpointRole) -> Self {
        let phases = vec![PhaseSeries::default(); self.run.phases.len()];
        self.run.endpoints.push(EndpointRun { name: name.into(), role, phases, slices: Vec::new(), per_second: PerSecond::default() });
        self
    }

    /// So many ok requests of a latency (ms) in a phase.
    pub(super) fn ok(self, name: &str, phase: &str, count: u64, millis: f64) -> Self {
        self.ok_each(name, phase, &vec![millis; usize::try_from(count).unwrap()])
    }

    /// One ok request for each latency (ms).
    pub(super) fn ok_each(mut self, name: &str, phase: &str, millis: &[f64]) -> Self {
        let index = self.run.phases.iter().position(|known| known.name == phase).unwrap();
        if !self.run.endpoints.iter().any(|endpoint| endpoint.name == name) {
            self = self.declare(name, EndpointRole::Task);
        }
        let count = millis.len() as u64;
        let latency = histogram(millis);
        let PhaseRun { at, length, .. } = self.run.phases[index];
        let endpoint = self.endpoint(name);
        endpoint.phases[index].requests += count;
        endpoint.phases[index].ok += count;
        *endpoint.phases[index].statuses.entry(200).or_default() += count;
        endpoint.phases[index].service.merge(&latency);
        endpoint.phases[index].ttfb.merge(&latency);
        endpoint.slices.push(Slice { phase: index, at, length, requests: count, failures: 0, latency });
        self.run.phases[index].requests += count;
        self.book(count, count, 0)
    }

    /// So many failures in a phase; of class `status` with 503.
    pub(super) fn failed(mut self, name: &str, phase: &str, count: u64, class: FailureClass) -> Self {
        let index = self.run.phases.iter().position(|known| known.name == phase).unwrap();
        if !self.run.endpoints.iter().any(|endpoint| endpoint.name == name) {
            self = self.declare(name, EndpointRole::Task);
        }
        let series = &mut self.endpoint(name).phases[index];
        series.requests += count;
        series.failures.add(class, count);
        if class == FailureClass::Status {
            *series.statuses.entry(503).or_default() += count;
        }
        self.book(count, 0, count)
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Run)) -> Self {
        change(&mut self.run);
        self
    }

    pub(super) fn sick(self) -> Self {
        self.with(|run| run.generator.problems.push(Problem { code: "cpu".into(), text: "the generator was busy: 99 %".into() }))
    }

    pub(super) fn done(self) -> Run {
        self.run
    }

    fn endpoint(&mut self, name: &str) -> &mut EndpointRun {
        self.run.endpoints.iter_mut().find(|endpoint| endpoint.name == name).unwrap()
    }

    fn book(mut self, sent: u64, ok: u64, failed: u64) -> Self {
        let generator = &mut self.run.generator;
        generator.scheduled += sent;
        generator.sent += sent;
        generator.ok += ok;
        generator.failed += failed;
        self
    }
}

fn histogram(millis: &[f64]) -> Histogram {
    let mut histogram = Histogram::new();
    for value in millis {
        histogram.record(Duration::from_secs_f64(value / 1000.0).as_micros().try_into().unwrap());
    }
    histogram
}

/// A healthy run of one endpoint, `GET /a`, whose every request took so long.
pub(super) fn steady(millis: f64) -> Run {
    RunSample::new().ok("GET /a", "hold", 2000, millis).done()
}

/// A baseline of runs, each a day older than the one before.
pub(super) fn baseline(runs: impl IntoIterator<Item = Run>) -> Baseline {
    let aged = |(index, mut run): (usize, Run)| {
        run.started_at -= SignedDuration::from_hours(24 * (i64::try_from(index).unwrap() + 1));
        BaselineRun { id: format!("run-{index}"), pinned: false, run }
    };
    Baseline { source: "store".into(), runs: runs.into_iter().enumerate().map(aged).collect(), rounds: Vec::new() }
}

/// Thresholds with this below their header.
pub(super) fn thresholds(rest: &str) -> Thresholds {
    Thresholds::from_document(&Document::from_text("t.yaml", format!("version: 1\nscenario: shop\n{rest}\n"))).unwrap()
}

/// Judged without a baseline.
pub(super) fn judged(run: &Run, rest: &str) -> Verdict {
    compared(run, rest, &Baseline::default())
}

/// Judged against a baseline.
pub(super) fn compared(run: &Run, rest: &str, baseline: &Baseline) -> Verdict {
    let thresholds = thresholds(rest);
    judge(run, &thresholds, BaselineChoice::Store(&baseline.digests(&thresholds.ask())))
}

/// The outcome of the whole, its exit code, and the outcomes of the rows.
pub(super) fn outcomes(verdict: &Verdict) -> (Outcome, u8, Vec<FindingOutcome>) {
    (verdict.outcome, verdict.exit_code, verdict.findings.iter().map(|finding| finding.outcome).collect())
}

/// The reason of the first row.
pub(super) fn first_reason(verdict: &Verdict) -> &str {
    &verdict.findings.first().unwrap().reason
}

/// The codes of the reasons.
pub(super) fn codes(verdict: &Verdict) -> Vec<&str> {
    verdict.reasons.iter().map(|reason| reason.code.as_str()).collect()
}

/// Rows by endpoint, metric and phase.
pub(super) fn by_name(verdict: &Verdict) -> BTreeMap<String, &Finding> {
    let name = |finding: &Finding| {
        format!("{} {}{}", finding.endpoint, finding.metric, finding.phase.as_ref().map(|phase| format!(" {phase}")).unwrap_or_default())
    };
    verdict.findings.iter().map(|finding| (name(finding), finding)).collect()
}

/// A time for `started_at`.
pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
