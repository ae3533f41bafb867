//! The Run: all that one load measured, and the hall of the house. The parts that fill it and the parts that read
//! it meet here and do not know each other. Its file form is in `file.rs`.

mod alone;
mod baseline;
mod blocks;
mod digest;
mod environment;
mod figures;
mod file;
mod imported;
mod merge;
mod round;
#[cfg(test)]
pub(crate) mod samples;
mod second_counts;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

pub use self::alone::one_at_a_time;
pub use self::baseline::{Baseline, BaselineRun, DigestedRun, Digests, Incomparable, Likeness, StoredRound, incomparable};
pub use self::digest::{Ask, Digest, Gauge, GaugeParts, Gist, Part, of_log_parts, to_log_parts};
pub use self::environment::Environment;
pub use self::figures::{Figures, Measurement, Quantity, UnknownQuantity};
pub use self::file::{
    FORMAT_VERSION, RUN_FILE_CAP, RUN_FILE_NAME, RunFileError, beside_run_file_name, earlier_run_file_name, load_beside, load_run,
    load_runs, read_run, run_schema, save_run, write_run,
};
pub use self::imported::{Exactness, FailureDetail, Imported, Measure, Resolution, StatedLatency, StatedTotal};
pub use self::merge::{MergeError, merge};
pub use self::round::{Round, RoundPart};
pub use self::second_counts::SecondCounts;
pub use crate::endpoint::EndpointRole;
use crate::stats::{Histogram, Restarts};
use crate::units::Percentile;

/// How a run begins to say why it is not complete where its target failed nearly every request.
pub const TARGET_FAILING: &str = "target failing";

/// Everything that one load measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub scenario: ScenarioRef,
    /// Where the load went: scheme, host and port, never with user name, password or query.
    pub target: String,
    pub started_at: Timestamp,
    /// Length of the judged phases together, as far as they came.
    pub measured: Duration,
    /// False for a checkpoint, and for a run that was aborted or lost its generator.
    pub complete: bool,
    /// Why it is not complete, in words: `SIGINT after 12.3 s`.
    pub aborted_by: Option<String>,
    pub environment: Environment,
    /// Every endpoint that the scenario declares, in its order, also those without a request.
    pub endpoints: Vec<EndpointRun>,
    pub phases: Vec<PhaseRun>,
    pub generator: Generator,
    /// Rules that were lifted for this run (`--insecure`, `--allow-production`, ..): every report shows them.
    pub overrides: Vec<String>,
    /// What another tool measured, and how; `None` for a load of ours.
    pub imported: Option<Imported>,
    /// How often each task was begun, beside what was asked for; empty where that is not known.
    pub tasks: Vec<TaskRun>,
    /// For each second of the run, the most users who were there (closed), or the most requests under way (open), looked at
    /// some times in it. Empty where that is not known.
    pub at_once: SecondCounts,
    /// For each second of the run, how many requests of task endpoints were answered as expected in it. Empty where that is
    /// not known.
    pub answered: SecondCounts,
    /// For a round side by side: whether both sides were started anew before it (`--between-rounds`).
    pub round: Option<Restarts>,
}

/// Which scenario a run came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioRef {
    pub name: String,
    /// `sha256:..` over what is sent: steps, data contents, load, tags; not target, seed or durations.
    pub hash: String,
    pub seed: u64,
    /// Whether each endpoint was loaded by itself (`--each`).
    pub each_alone: bool,
}

impl ScenarioRef {
    /// What the store of such runs is called: runs of endpoints alone are kept apart from those of all together.
    #[must_use]
    pub fn store_name(&self) -> String {
        if self.each_alone { format!("{}-each", self.name) } else { self.name.clone() }
    }
}

/// One endpoint's measurements. Totals over the judged phases are derived, never stored beside the parts.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointRun {
    /// `METHOD name`.
    pub name: String,
    pub role: EndpointRole,
    /// One entry for each phase of the run in order, judged or not.
    pub phases: Vec<PhaseSeries>,
    /// Latency in slices of equal length, over the whole run, by due time; only slices with a request.
    pub slices: Vec<Slice>,
    /// For each second of the run: requests due in it, and how many of them failed.
    pub per_second: PerSecond,
}

/// One task: the share of its users' starts that it should have, and those that it had.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRun {
    /// The kind of user, where the scenario has several.
    pub users: Option<String>,
    pub name: String,
    /// One entry for each phase of the run in order.
    pub phases: Vec<TaskShare>,
}

/// A task in one phase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaskShare {
    /// Of the starts of its kind of user, 0 to 1.
    pub asked: f64,
    pub starts: u64,
}

/// How many kinds of causes are kept apart for one endpoint and phase.
pub const MAX_CAUSES: usize = 20;
/// What the rest of the causes is counted under.
pub const OTHER_CAUSES: &str = "other causes";

/// What one endpoint did in one phase, counted by due time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PhaseSeries {
    /// Sent, whatever came of it; unfinished ones included.
    pub requests: u64,
    pub ok: u64,
    pub unfinished: u64,
    /// Sent a second time on a fresh connection, because the first was closed before any answer byte.
    pub retried: u64,
    pub failures: Failures,
    /// The failures once more, by what went wrong in words: `status 503`, `no answer within 30s`, `json $.items[0].id`.
    /// Never text of the server's; at most [`MAX_CAUSES`] kinds, the rest under [`OTHER_CAUSES`].
    pub causes: BTreeMap<String, u64>,
    /// Answers by status, failed checks included.
    pub statuses: BTreeMap<u16, u64>,
    /// Body bytes received.
    pub bytes: u64,
    /// From the real send to the last byte; samples as in `latency`.
    pub service: Histogram,
    /// From the real send to the first byte of the answer.
    pub ttfb: Histogram,
}

/// Latency of one endpoint in one stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// Index into [`Run::phases`].
    pub phase: usize,
    /// Start, from the start of the run.
    pub at: Duration,
    pub length: Duration,
    pub requests: u64,
    pub failures: u64,
    /// From due to the last byte. Holds ok requests, time-outs at their time-out, unfinished ones at their age.
    pub latency: Histogram,
}

/// Counts by second since the start of the run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PerSecond {
    pub requests: SecondCounts,
    pub failures: SecondCounts,
    /// The failures once more by second and class, only what happened; empty where classes are not known by second.
    pub classes: BTreeMap<(u32, FailureClass), u64>,
}

/// Why a request failed; each is in exactly one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureClass {
    Dns,
    Connect,
    Tls,
    Timeout,
    Reset,
    Protocol,
    TooLarge,
    /// The server answered with a status that the step does not expect.
    Status,
    /// The status was right, but an `expect` or a `save` did not hold.
    Check,
}

impl FailureClass {
    pub const ALL: [Self; 9] =
        [Self::Dns, Self::Connect, Self::Tls, Self::Timeout, Self::Reset, Self::Protocol, Self::TooLarge, Self::Status, Self::Check];

    /// Its name in files and thresholds: `too_large`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Protocol => "protocol",
            Self::TooLarge => "too_large",
            Self::Status => "status",
            Self::Check => "check",
        }
    }

    /// Whether the server itself answered: such failures count even where the generator is in doubt.
    #[must_use]
    pub const fn answered(self) -> bool {
        matches!(self, Self::Status | Self::Check)
    }
}

/// Failures by class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures([u64; FailureClass::ALL.len()]);

impl Failures {
    #[must_use]
    pub fn of(&self, class: FailureClass) -> u64 {
        self.0[class as usize]
    }

    pub fn add(&mut self, class: FailureClass, count: u64) {
        self.0[class as usize] += count;
    }

    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    pub fn merge(&mut self, other: &Self) {
        for (own, more) in self.0.iter_mut().zip(other.0) {
            *own += more;
        }
    }
}

/// One phase of the load, with what the whole scenario did in it.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseRun {
    pub name: String,
    /// Start, from the start of the run.
    pub at: Duration,
    /// Planned length.
    pub length: Duration,
    /// Whether its requests are judged.
    pub measured: bool,
    /// Requests due in it.
    pub requests: u64,
    /// Users (closed) or starts a second (open) that were asked for at its end.
    pub peak: f64,
}

/// The generator's own books over the whole run, and whether it can be trusted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Generator {
    /// `scheduled = sent + not_sent` and `sent = ok + failed + unfinished`, always.
    pub scheduled: u64,
    pub sent: u64,
    pub ok: u64,
    pub failed: u64,
    pub not_sent: u64,
    pub unfinished: u64,
    /// How late timers fired, 99th percentile of the worst judged phase (ms). `None` where nothing was timed.
    pub late_p99_ms: Option<f64>,
    /// CPU time of the busiest thread over its busiest ten judged seconds, 0 to 1. `None` where the system does not tell.
    pub cpu_busy: Option<f64>,
    /// Share of time that the hypervisor took away in the worst twenty judged seconds. `None` where the system does not tell.
    pub steal: Option<f64>,
    /// Most users at once (closed) or most requests under way that were allowed (open).
    pub max_in_flight: u64,
    pub threads: u64,
    pub connections_opened: u64,
    /// Cycles of tasks with `pacing`, and those that began a whole cycle late or more: the target, or the task, is too slow for them.
    pub cycles: u64,
    pub late_cycles: u64,
    /// What makes the numbers doubtful, each with its cure; empty for a healthy generator.
    pub problems: Vec<Problem>,
}

/// One reason why the generator, not the target, could explain the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A stable word: `late`, `cpu`, `steal`, `clock`, `not_sent`, `descriptors`, `ports`, `data_exhausted`, ..
    pub code: String,
    /// What happened, with numbers, and what to do about it.
    pub text: String,
}

impl Generator {
    /// Whether nothing speaks against its numbers.
    #[must_use]
    pub fn healthy(&self) -> bool {
        self.problems.is_empty()
    }

    /// Whether its books add up.
    #[must_use]
    pub fn conserved(&self) -> bool {
        self.scheduled == self.sent + self.not_sent && self.sent == self.ok + self.failed + self.unfinished
    }
}

/// Which phases a figure is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhaseSelection<'a> {
    /// Every judged phase.
    Judged,
    /// Every judged phase but those named (which have rules of their own).
    JudgedWithout(&'a [usize]),
    /// One phase, by index.
    One(usize),
    /// The whole run.
    Whole,
}

impl Run {
    /// Whether it was stopped because its target failed nearly every request.
    #[must_use]
    pub fn was_stopped_failing(&self) -> bool {
        self.aborted_by.as_deref().is_some_and(|why| why.starts_with(TARGET_FAILING))
    }

    /// Whether the phase at `index` belongs to the selection.
    #[must_use]
    pub fn selects(&self, selection: PhaseSelection<'_>, index: usize) -> bool {
        let judged = self.phases.get(index).is_some_and(|phase| phase.measured);
        match selection {
            PhaseSelection::Judged => judged,
            PhaseSelection::JudgedWithout(named) => judged && !named.contains(&index),
            PhaseSelection::One(one) => one == index,
            PhaseSelection::Whole => true,
        }
    }

    /// Length of the selected phases, as far as the run came.
    #[must_use]
    pub fn duration_of(&self, selection: PhaseSelection<'_>) -> Duration {
        let end = self.cut_at();
        let length = |phase: &PhaseRun| end.map_or(phase.length, |end| end.saturating_sub(phase.at).min(phase.length));
        self.phases.iter().enumerate().filter(|&(index, _)| self.selects(selection, index)).map(|(_, phase)| length(phase)).sum()
    }

    /// Where a run that did not come to its end was cut: in the judged phase in which its judged time was used up.
    fn cut_at(&self) -> Option<Duration> {
        let mut left = self.measured;
        let is_cut = !self.complete && !self.scenario.each_alone;
        let mut judged = self.phases.iter().filter(|phase| phase.measured && is_cut);
        judged.find_map(|phase| {
            let cut = (left < phase.length).then(|| phase.at + left);
            left = left.saturating_sub(phase.length);
            cut
        })
    }

    /// One endpoint's figures over the selected phases.
    #[must_use]
    pub fn summary(&self, endpoint: &EndpointRun, selection: PhaseSelection<'_>) -> Summary {
        let latency = Histogram::sum(self.latencies(endpoint, selection));
        Summary { latency, ..self.counts(endpoint, selection) }
    }

    fn latencies<'a>(&'a self, endpoint: &'a EndpointRun, selection: PhaseSelection<'a>) -> impl Iterator<Item = &'a Histogram> {
        endpoint.slices.iter().filter(move |slice| self.selects(selection, slice.phase)).map(|slice| &slice.latency)
    }

    /// The summary without the latencies that were measured.
    fn counts(&self, endpoint: &EndpointRun, selection: PhaseSelection<'_>) -> Summary {
        let mut summary = Summary::default();
        for (_, series) in endpoint.phases.iter().enumerate().filter(|&(index, _)| self.selects(selection, index)) {
            summary.counts.merge(series);
        }
        let stated = self.imported.as_ref().and_then(|imported| imported.stated.get(&endpoint.name));
        summary.stated = stated.filter(|_| summary.counts.requests > 0).cloned();
        summary
    }

    /// All task endpoints together over the selected phases.
    #[must_use]
    pub fn total(&self, selection: PhaseSelection<'_>) -> Summary {
        let latencies = || self.task_endpoints().flat_map(|endpoint| self.latencies(endpoint, selection));
        let latency = if self.stated_total(selection).is_none() { Histogram::sum(latencies()) } else { Histogram::new() };
        Summary { latency, ..self.total_counts(selection) }
    }

    /// The total without the latencies that were measured.
    fn total_counts(&self, selection: PhaseSelection<'_>) -> Summary {
        if let Some(stated) = self.stated_total(selection) {
            return Summary { counts: stated.counts.clone(), stated: Some(stated.latency.clone()), ..Summary::default() };
        }
        let is_alone = self.task_endpoints().count() == 1;
        let mut total = Summary::default();
        for endpoint in self.task_endpoints() {
            let summary = self.counts(endpoint, selection);
            total.counts.merge(&summary.counts);
            // Figures of several endpoints can't be put together.
            total.stated = summary.stated.filter(|_| is_alone);
        }
        total
    }

    /// What another tool stated of all endpoints together, where a phase is selected.
    fn stated_total(&self, selection: PhaseSelection<'_>) -> Option<&StatedTotal> {
        let stated = self.imported.as_ref().and_then(|imported| imported.total.as_ref())?;
        (0..self.phases.len()).any(|index| self.selects(selection, index)).then_some(stated)
    }

    fn task_endpoints(&self) -> impl Iterator<Item = &EndpointRun> {
        self.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task)
    }

    /// Requests of task endpoints that were answered as expected, each second of the selected phases (1/s). `None` without a phase.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn throughput(&self, selection: PhaseSelection<'_>) -> Option<f64> {
        let seconds = self.duration_of(selection).as_secs_f64();
        (seconds > 0.0).then(|| self.total(selection).counts.ok as f64 / seconds)
    }
}

impl PhaseSeries {
    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        let Self { requests, ok, unfinished, retried, failures, causes, statuses, bytes, service, ttfb } = other;
        self.requests += requests;
        self.ok += ok;
        self.unfinished += unfinished;
        self.retried += retried;
        self.failures.merge(failures);
        for (cause, count) in causes {
            self.add_cause(cause, *count);
        }
        for (status, count) in statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.bytes += bytes;
        self.service.merge(service);
        self.ttfb.merge(ttfb);
    }

    /// Counts failures under what went wrong.
    pub fn add_cause(&mut self, cause: &str, count: u64) {
        let known = self.causes.contains_key(cause) || self.causes.len() < MAX_CAUSES;
        *self.causes.entry(if known { cause } else { OTHER_CAUSES }.to_owned()).or_default() += count;
    }

    /// Failures over requests, 0 to 1. `None` without a request.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn failure_rate(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.failures.total() as f64 / self.requests as f64)
    }
}

/// An endpoint's figures over some phases.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    pub counts: PhaseSeries,
    pub latency: Histogram,
    /// What a tool stated in place of `latency`.
    pub stated: Option<StatedLatency>,
}

impl Summary {
    /// The latency (ms) that this share of the requests did not exceed, measured or stated. `None` where neither.
    #[must_use]
    pub fn percentile_ms(&self, percentile: Percentile) -> Option<f64> {
        match &self.stated {
            Some(stated) => stated.percentiles.get(&percentile).copied(),
            None => self.latency.percentile_ms(percentile),
        }
    }

    /// The largest latency (ms), measured or stated.
    #[must_use]
    pub fn max_ms(&self) -> Option<f64> {
        self.stated.as_ref().map_or_else(|| self.latency.max_ms(), |stated| stated.max)
    }

    /// The mean latency (ms), measured or stated.
    #[must_use]
    pub fn mean_ms(&self) -> Option<f64> {
        self.stated.as_ref().map_or_else(|| self.latency.mean_ms(), |stated| stated.mean)
    }

    /// How many requests the latency rests on.
    #[must_use]
    pub fn latency_samples(&self) -> u64 {
        self.stated.as_ref().map_or_else(|| self.latency.count(), |stated| stated.samples)
    }
}
