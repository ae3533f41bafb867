//! What the compared runs of the baseline measured: for each finding the values behind its median, for the whole
//! scenario the percentiles. Taken from the runs themselves where they are at hand; without them a report has the
//! baseline's value alone.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::gate::{Figures, Finding, Metric, Scope, Subject as Measured};
use crate::report::content::counted;
use crate::report::{Context, Subject};
use crate::run::{EndpointRole, EndpointRun, PhaseSelection, Run, incomparable};
use crate::stats::Histogram;

/// Of so many runs the distribution is shown; each costs as much as the judged run itself.
const DISTRIBUTIONS: usize = 5;

/// The runs that were compared with, oldest first.
#[derive(Debug, Default)]
pub(super) struct Past<'a> {
    runs: Vec<&'a Run>,
    kind: PastKind,
    /// The phases that have rules of their own, which the pooled ones leave out.
    own_phases: Vec<&'a str>,
}

/// What the compared runs are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum PastKind {
    /// Stored ones.
    #[default]
    Stored,
    /// Those of the deployment beside the release.
    Beside,
}

impl PastKind {
    /// `7 baseline runs`
    pub(super) fn counted(self, count: usize) -> String {
        match self {
            Self::Stored => counted(count, "baseline run"),
            Self::Beside => format!("{} of the other deployment", counted(count, "load")),
        }
    }

    /// What their middle is called.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Stored => "baseline",
            Self::Beside => "the other deployment",
        }
    }

    /// When one of them was, as far as they are told apart by it.
    pub(super) fn when(self, at: Timestamp) -> String {
        at.strftime(if self == Self::Stored { "%b %-d" } else { "%H:%M" }).to_string()
    }
}

/// What the compared runs measured for one finding, oldest first.
#[derive(Debug, Default)]
pub(super) struct PastValues {
    pub kind: PastKind,
    pub values: Vec<PastValue>,
}

/// What one earlier run measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PastValue {
    /// What was built for it, where that is known.
    pub commit: Option<String>,
    pub started_at: Timestamp,
    /// In the finding's unit.
    pub value: f64,
}

impl<'a> Past<'a> {
    /// The runs that the verdict says it compared with, as far as they are at hand.
    pub(super) fn of(subject: &Subject<'a>, context: &Context<'a>) -> Self {
        let Subject { verdict, run, .. } = *subject;
        let own_phases: BTreeSet<&str> = verdict.findings.iter().filter_map(|finding| finding.phase.as_deref()).collect();
        let mut runs = Vec::new();
        let kind = if context.beside.is_empty() { PastKind::Stored } else { PastKind::Beside };
        runs.extend(context.beside.iter().filter(|beside| beside.complete && incomparable(run, beside).is_none()));
        if let (Some(reference), Some(baseline), PastKind::Stored) = (&verdict.baseline, context.baseline, kind) {
            let left_out = |id: &str| reference.left_out.iter().any(|text| text.split_once(": ").is_some_and(|(name, _)| name == id));
            let between =
                |at: Timestamp| reference.oldest.is_some_and(|oldest| oldest <= at) && reference.newest.is_some_and(|newest| at <= newest);
            let compared = baseline.runs.iter().filter(|kept| !left_out(&kept.id) && between(kept.run.started_at));
            runs.extend(compared.map(|kept| &kept.run).filter(|kept| kept.complete && incomparable(run, kept).is_none()));
        }
        runs.sort_by_key(|run| run.started_at);
        Self { runs, kind, own_phases: own_phases.into_iter().collect() }
    }

    pub(super) const fn kind(&self) -> PastKind {
        self.kind
    }

    /// The finding's metric in each run.
    pub(super) fn values(&self, finding: &Finding) -> PastValues {
        let values = finding.metric.parse().map(|metric| self.measured(finding, metric)).unwrap_or_default();
        PastValues { kind: self.kind, values }
    }

    fn measured(&self, finding: &Finding, metric: Metric) -> Vec<PastValue> {
        let subject = Measured::named(&finding.endpoint);
        let value = |run: &&Run| {
            let figures = Figures::of(run, subject, self.scope(run, finding))?;
            let commit = run.environment.commit.clone();
            Some(PastValue { commit, started_at: run.started_at, value: metric.measure(&figures).value.filter(|value| value.is_finite())? })
        };
        self.runs.iter().filter_map(value).collect()
    }

    /// Latency over the judged phases, of the newest runs: of one endpoint, or of all tasks (`None`). Without what a tool stated.
    pub(super) fn distributions(&self, endpoint: Option<&str>) -> Vec<Histogram> {
        let is_own = |of: &EndpointRun| endpoint.map_or(of.role == EndpointRole::Task, |name| of.name == name);
        let latency = |run: &&Run| {
            let slices = run.endpoints.iter().filter(|of| is_own(of)).flat_map(|of| &of.slices);
            Histogram::sum(slices.filter(|slice| run.selects(PhaseSelection::Judged, slice.phase)).map(|slice| &slice.latency))
        };
        let measured = |run: &&Run| run.imported.as_ref().is_none_or(|imported| imported.total.is_none() && imported.stated.is_empty());
        let newest = self.runs.iter().rev().copied().filter(measured).take(DISTRIBUTIONS);
        newest.map(|run| latency(&run)).filter(|latency| !latency.is_empty()).collect()
    }

    fn scope<'s>(&'s self, run: &Run, finding: &'s Finding) -> Scope<'s> {
        let is_lifecycle =
            run.endpoints.iter().any(|endpoint| endpoint.role == EndpointRole::Lifecycle && endpoint.name == finding.endpoint);
        match finding.phase.as_deref() {
            _ if is_lifecycle => Scope::WholeRun,
            Some(phase) => Scope::Phase(phase),
            None => Scope::Pooled { named: &self.own_phases },
        }
    }
}
