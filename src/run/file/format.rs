//! The keys of `run.json`, version 1. Plain shapes without rules: what is valid is known in `read.rs`,
//! what is derived in `write.rs`. Keys may be added with a default; none may be renamed, removed or change its meaning.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FORMAT, FORMAT_VERSION};

/// What tells a run file from any other JSON; read before the rest.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    pub(super) format: String,
    pub(super) version: u64,
}

/// All that one load measured.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "perfgate run")]
pub(super) struct RunFile<Endpoints = Vec<EndpointFile>> {
    /// Always `perfgate-run`.
    #[schemars(extend("const" = "perfgate-run"))]
    pub(super) format: String,
    #[schemars(extend("const" = 1))]
    pub(super) version: u32,
    pub(super) scenario: ScenarioFile,
    /// Where the load went: scheme, host and port.
    pub(super) target: String,
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub(super) started_at: Timestamp,
    /// Length of the judged phases together, as far as they came.
    pub(super) measured_s: f64,
    /// False for a checkpoint and for a run that was cut short.
    pub(super) complete: bool,
    /// Why the run is not complete, in words.
    #[serde(default)]
    pub(super) aborted_by: Option<String>,
    pub(super) environment: EnvironmentFile,
    /// Every endpoint that the scenario declares, also those without a request.
    pub(super) endpoints: Endpoints,
    pub(super) total: TotalFile,
    pub(super) phases: Vec<PhaseFile>,
    pub(super) generator: GeneratorFile,
    /// Rules that were lifted for this run, such as `--insecure`.
    #[serde(default)]
    pub(super) overrides: Vec<String>,
    /// What another tool measured, and how; left out for a load of perfgate's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) imported: Option<ImportedFile>,
    /// How often each task was begun, beside what was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tasks: Vec<TaskFile>,
    /// For each second of the run: the most users who were there (closed), or the most requests under way (open).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) at_once: Vec<u64>,
    /// For each second of the run: requests of task endpoints that were answered as expected in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) answered: Vec<u64>,
    /// For a round side by side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) round: Option<RoundFile>,
}

/// A round side by side.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub(super) struct RoundFile {
    /// Whether both sides were started anew before it (`--between-rounds`).
    pub(super) started_anew: bool,
}

/// One task of the scenario.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct TaskFile {
    /// The kind of user, where the scenario has several.
    pub(super) users: Option<String>,
    pub(super) name: String,
    /// One entry for each phase of the run, in order.
    pub(super) phases: Vec<TaskShareFile>,
}

/// A task in one phase.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub(super) struct TaskShareFile {
    /// The share of its users' starts that it should have, 0 to 1.
    pub(super) asked: f64,
    pub(super) starts: u64,
}

/// Which scenario a run came from.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct ScenarioFile {
    pub(super) name: String,
    /// `sha256:..` over what is sent.
    pub(super) hash: String,
    pub(super) seed: u64,
    /// Whether each endpoint was loaded by itself (`--each`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) each_alone: bool,
}

/// The machine and job of a run.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct EnvironmentFile {
    pub(super) name: Option<String>,
    pub(super) os: String,
    pub(super) arch: String,
    pub(super) cores: u64,
    pub(super) cpu: Option<String>,
    pub(super) perfgate: String,
    pub(super) ci: Option<String>,
    pub(super) job: Option<String>,
    pub(super) commit: Option<String>,
    pub(super) branch: Option<String>,
}

/// One endpoint. The figures count the requests due in judged phases, and follow from `slices` and `phases`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct EndpointFile {
    /// `METHOD name`.
    pub(super) name: String,
    #[serde(default)]
    pub(super) role: RoleFile,
    pub(super) requests: u64,
    pub(super) ok: u64,
    pub(super) failures: FailuresFile,
    /// Sent, and not finished when the run ended.
    #[serde(default)]
    pub(super) unfinished: u64,
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) retried: u64,
    /// From the intended send to the last byte.
    pub(super) latency_ms: FiguresFile,
    /// From the real send to the last byte.
    pub(super) service_ms: FiguresFile,
    /// From the real send to the first byte.
    pub(super) ttfb_ms: FiguresFile,
    pub(super) slices: Vec<SliceFile>,
    /// One entry for each phase of the run.
    pub(super) phases: Vec<EndpointPhaseFile>,
    pub(super) per_second: PerSecondFile,
}

/// Whether an endpoint is asked by tasks, by `start` and `stop` alone, or was left out by tags.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RoleFile {
    #[default]
    Task,
    Lifecycle,
    Excluded,
}

impl RunFile {
    /// Whether it is a run file of the version that we know.
    pub(super) fn is_ours(&self) -> bool {
        self.format == FORMAT && self.version == FORMAT_VERSION
    }
}

/// Failures by class, and their sum.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub(super) struct FailuresFile {
    pub(super) total: u64,
    pub(super) dns: u64,
    pub(super) connect: u64,
    pub(super) tls: u64,
    pub(super) timeout: u64,
    pub(super) reset: u64,
    pub(super) protocol: u64,
    pub(super) too_large: u64,
    pub(super) status: u64,
    pub(super) check: u64,
}

/// Figures of a histogram in milliseconds, each `null` without samples.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct FiguresFile {
    pub(super) p50: Option<f64>,
    pub(super) p75: Option<f64>,
    pub(super) p90: Option<f64>,
    pub(super) p95: Option<f64>,
    pub(super) p99: Option<f64>,
    #[serde(rename = "p99.9")]
    pub(super) p99_9: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) mean: Option<f64>,
}

/// Latency of one endpoint in one stretch of time.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct SliceFile {
    /// The name of its phase.
    pub(super) phase: String,
    pub(super) at_s: f64,
    pub(super) for_s: f64,
    pub(super) requests: u64,
    pub(super) failures: u64,
    /// `HdrHistogram` V2 in microseconds, deflate, base64; empty without samples.
    pub(super) latency: String,
}

/// What one endpoint did in one phase, judged or not.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct EndpointPhaseFile {
    /// The name of the phase.
    pub(super) phase: String,
    /// `requests = ok + failures.total + unfinished`.
    pub(super) requests: u64,
    pub(super) ok: u64,
    pub(super) failures: FailuresFile,
    pub(super) unfinished: u64,
    pub(super) retried: u64,
    /// The failures by what went wrong, in words.
    #[serde(default)]
    pub(super) causes: BTreeMap<String, u64>,
    pub(super) statuses: BTreeMap<u16, u64>,
    /// Body bytes received.
    pub(super) bytes: u64,
    /// A histogram, as in `slices`.
    pub(super) service: String,
    /// A histogram, as in `slices`.
    pub(super) ttfb: String,
}

/// Counts for each second since the start of the run.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct PerSecondFile {
    pub(super) requests: Vec<u64>,
    pub(super) failures: Vec<u64>,
    /// The failures by class: for each class that happened, pairs of a second (from 0) and the failures in it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) classes: BTreeMap<String, Vec<(u32, u64)>>,
}

/// All task endpoints together over the judged phases.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct TotalFile {
    pub(super) requests: u64,
    pub(super) failures: u64,
    /// `null` without a request.
    pub(super) failure_rate: Option<f64>,
    /// Requests answered as expected, each second; `null` without a judged phase.
    pub(super) throughput_per_s: Option<f64>,
}

/// One phase of the load; counts the whole scenario.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct PhaseFile {
    pub(super) name: String,
    pub(super) at_s: f64,
    pub(super) for_s: f64,
    pub(super) measured: bool,
    pub(super) requests: u64,
    /// Users (closed) or starts a second (open) that were asked for at its end.
    #[serde(default)]
    pub(super) peak: f64,
}

/// The generator's own books over the whole run.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct GeneratorFile {
    /// `scheduled = sent + not_sent`, `sent = ok + failed + unfinished`.
    pub(super) scheduled: u64,
    pub(super) sent: u64,
    pub(super) ok: u64,
    pub(super) failed: u64,
    pub(super) not_sent: u64,
    pub(super) unfinished: u64,
    /// Of the worst judged phase.
    pub(super) late_p99_ms: Option<f64>,
    /// The busiest thread over its busiest ten judged seconds, 0 to 1.
    pub(super) cpu_busy: Option<f64>,
    /// The worst twenty judged seconds, 0 to 1.
    pub(super) steal: Option<f64>,
    pub(super) max_in_flight: u64,
    #[serde(default)]
    pub(super) threads: u64,
    #[serde(default)]
    pub(super) connections_opened: u64,
    /// Cycles of tasks with `pacing`.
    #[serde(default)]
    pub(super) cycles: u64,
    /// Those of them that began a whole cycle late or more.
    #[serde(default)]
    pub(super) late_cycles: u64,
    /// Whether `problems` is empty.
    pub(super) healthy: bool,
    #[serde(default)]
    pub(super) problems: Vec<ProblemFile>,
}

/// One reason why the generator, not the target, could explain the numbers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct ProblemFile {
    pub(super) code: String,
    pub(super) text: String,
}

/// What a run that another tool measured can claim.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct ImportedFile {
    pub(super) tool: String,
    /// Which of the tool's files: `JSON points`.
    pub(super) format: String,
    pub(super) measure: MeasureFile,
    pub(super) exactness: ExactnessFile,
    pub(super) failures: FailureDetailFile,
    /// Whether the latency also holds requests that failed.
    pub(super) failures_in_latency: bool,
    pub(super) resolution: ResolutionFile,
    #[serde(default)]
    pub(super) notes: Vec<String>,
    #[serde(default)]
    pub(super) warnings: Vec<String>,
    /// Latency of endpoints whose samples the file did not hold, by name.
    #[serde(default)]
    pub(super) stated: BTreeMap<String, StatedLatencyFile>,
    /// All requests together, where the tool states them and they don't follow from the endpoints.
    #[serde(default)]
    pub(super) total: Option<StatedTotalFile>,
}

/// Which time a latency is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum MeasureFile {
    Response,
    Service,
    ServiceWithoutConnect,
    Ttfb,
}

/// What a latency was computed from.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExactnessFile {
    Samples,
    Histogram,
    Summary,
}

/// What is known of the requests that failed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FailureDetailFile {
    Classes,
    Count,
    AnsweredOnly,
    Unknown,
}

/// How far apart two latencies must be for the tool to tell them apart.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct ResolutionFile {
    /// As a share of the value.
    pub(super) relative: f64,
    pub(super) steps: Vec<ResolutionStepFile>,
}

/// From this latency on, values within this width are one.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct ResolutionStepFile {
    pub(super) from_ms: f64,
    pub(super) width_ms: f64,
}

/// Latency figures as the tool stated them.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct StatedLatencyFile {
    /// How many requests they rest on.
    pub(super) samples: u64,
    /// In milliseconds, by percentile: `p95`.
    pub(super) percentiles_ms: BTreeMap<String, f64>,
    pub(super) max_ms: Option<f64>,
    pub(super) mean_ms: Option<f64>,
}

/// All requests together, as the tool stated them.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct StatedTotalFile {
    pub(super) requests: u64,
    pub(super) ok: u64,
    pub(super) failures: FailuresFile,
    pub(super) unfinished: u64,
    pub(super) causes: BTreeMap<String, u64>,
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) bytes: u64,
    pub(super) latency: StatedLatencyFile,
}
