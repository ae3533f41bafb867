//! The Verdict: all findings of one run and what follows from them. Comment, test report, terminal and exit code are
//! rendered from this one object; its JSON form is `verdict.json`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Direction;
use crate::exit::ExitCode;

/// The `version` that this program writes.
pub const VERDICT_VERSION: u32 = 1;

/// All findings of one run, and the outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Always `perfgate-verdict`.
    pub format: String,
    pub version: u32,
    pub outcome: Outcome,
    pub exit_code: u8,
    /// Why the outcome is what it is, most important first; empty for a plain pass.
    pub reasons: Vec<Reason>,
    /// One for each rule and endpoint, worst first.
    pub findings: Vec<Finding>,
    pub self_checks: Vec<SelfCheck>,
    pub run: RunRef,
    /// `null` where nothing was compared.
    pub baseline: Option<BaselineRef>,
    pub thresholds: ThresholdsRef,
}

/// What may be done with the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Pass,
    Warn,
    Fail,
    Inconclusive,
    Error,
}

/// What came of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FindingOutcome {
    Pass,
    Warn,
    Fail,
    Inconclusive,
    Waived,
    Skipped,
}

/// A reason for the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// A stable word: `gate_failed`, `incomplete`, `conserved`, `generator`, `endpoint_without_requests`, `no_samples`,
    /// `steady`, `too_few_samples`, `undefined`, `not_stated`, `undecided`, `hidden`, `distrusted`, `nothing_checked`, `no_baseline`, `other_baseline`, `waived`,
    /// `warning`, `suspicious`, `unused_waiver`, `thresholds_loosened`.
    pub code: String,
    /// One sentence for a person.
    pub text: String,
}

/// The kind of rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    Max,
    Min,
    Rise,
    Fall,
}

/// What a number of a finding counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// A share of the requests, 0 to 1.
    Share,
    /// Requests per second.
    PerSecond,
}

/// One rule, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// `METHOD name`, or `total`.
    pub endpoint: String,
    /// The phase whose own rules these are; `null` for the pooled judged phases.
    pub phase: Option<String>,
    /// As written in the thresholds: `p95`, `failures.timeout`, `throughput`, ..
    pub metric: String,
    pub rule: Rule,
    pub outcome: FindingOutcome,
    /// `null` without samples.
    pub measured: Option<f64>,
    /// In `unit`; for `rise` and `fall` the allowed change: a fraction of the baseline (0.1 is 10 %), for failure rates in points (0.005 is 0.5 points).
    pub limit: f64,
    pub unit: Unit,
    /// How many requests the measured value rests on.
    pub samples: u64,
    pub baseline: Option<BaselineValue>,
    pub change: Option<Change>,
    /// One sentence for a person: what was measured, against what, and what follows.
    pub reason: String,
}

/// The value that a finding was compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BaselineValue {
    /// In the finding's unit.
    pub value: f64,
    pub runs: u64,
    #[schemars(with = "String")]
    pub newest: Timestamp,
    #[schemars(with = "String")]
    pub oldest: Timestamp,
}

/// How much a value moved against its baseline.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Percent of the baseline value; for failure rates the difference in percentage points.
    pub percent: f64,
    /// The interval around it, `null` where none was computed.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// The smallest change for the worse that this run finds with 99 % probability, `null` where it is not known.
    pub visible: Option<f64>,
    /// By how much runs of the same build differ here (one standard deviation), `null` where it is not known.
    #[serde(default)]
    pub noise: Option<f64>,
}

/// One way in which the run itself was examined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelfCheck {
    /// A stable word: `complete`, `conserved`, `generator`, `samples`, `steady`, `undisturbed`, `imported`, `decided`, ..
    pub name: String,
    pub outcome: SelfCheckOutcome,
    pub detail: String,
}

/// What came of a self-check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SelfCheckOutcome {
    Pass,
    Warn,
    Fail,
    Skipped,
}

/// Which run was judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunRef {
    pub scenario: String,
    pub hash: String,
    pub target: String,
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    pub measured_s: f64,
    pub complete: bool,
    /// How many loads of the release were judged together; this run is the last of them.
    #[serde(default = "one")]
    pub loads: u64,
    pub commit: Option<String>,
    pub branch: Option<String>,
    pub environment: Option<String>,
    /// Rules that were lifted for this run.
    pub overrides: Vec<String>,
}

const fn one() -> u64 {
    1
}

/// What it was compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BaselineRef {
    pub source: String,
    /// How many runs were comparable.
    pub runs: u64,
    /// How many were found but left out, and why.
    pub left_out: Vec<String>,
    #[schemars(with = "Option<String>")]
    pub newest: Option<Timestamp>,
    #[schemars(with = "Option<String>")]
    pub oldest: Option<Timestamp>,
}

/// By which thresholds it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdsRef {
    /// As given, for readers.
    pub file: String,
    /// `sha256:..` of its bytes.
    pub hash: String,
    pub checks: u64,
    /// What the judged change does to them, what it loosens first.
    #[serde(default)]
    pub changes: Vec<ThresholdChange>,
}

/// One difference between the thresholds of the judged change and those that it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdChange {
    pub direction: Direction,
    /// `p95 of GET /orders: max 250 ms -> 400 ms`
    pub text: String,
}

impl Verdict {
    /// Tells by which of several ways it was decided.
    pub fn tell_how(&mut self, how: String) {
        self.self_checks.push(SelfCheck { name: "decided".to_owned(), outcome: SelfCheckOutcome::Pass, detail: how });
    }

    /// The exit code as the program ends with it.
    #[must_use]
    pub fn exit(&self) -> ExitCode {
        ExitCode::from_number(self.exit_code).unwrap_or(ExitCode::Internal)
    }
}
