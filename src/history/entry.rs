//! What the index says of one run, taken from its file and from the verdict beside it.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::files::RunFile;
use crate::files::read_capped;
use crate::run::{EndpointRole, PhaseSelection, Run, Summary, load_run};
use crate::units::Percentile;

/// The largest verdict that is read: 64 MiB.
const VERDICT_CAP: u64 = 64 * 1024 * 1024;
/// Ids of kept runs have this bit, so that they never meet those of runs that are being made.
const KEPT: u64 = 1 << 48;
/// The outcome of a run without a verdict.
const UNJUDGED: &str = "unjudged";

/// A run in the index.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRun {
    /// The same for the same run, wherever its file lies and however often the index is made; another one once a run that went
    /// on has ended.
    pub id: u64,
    pub path: PathBuf,
    /// The verdict on it, if there is one.
    pub verdict: Option<PathBuf>,
    /// `pass`, `warn`, `fail`, `inconclusive`, `error`, or `unjudged`.
    pub outcome: String,
    pub scenario: String,
    pub hash: String,
    pub fingerprint: String,
    pub target: String,
    pub branch: Option<String>,
    pub commit: Option<String>,
    pub started_at: Timestamp,
    pub complete: bool,
    pub pinned: bool,
    /// Of all tasks in judged phases.
    pub requests: u64,
    pub failures: u64,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
}

/// What one task endpoint did in judged phases.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointFigures {
    pub endpoint: String,
    pub requests: u64,
    pub failures: u64,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
}

/// Reads a run and the verdict on it. A verdict that cannot be read leaves the run unjudged.
pub(super) fn read(file: &RunFile) -> Result<(KeptRun, Vec<EndpointFigures>), String> {
    let run = load_run(&file.path).map_err(|error| error.to_string())?;
    let outcome = file.verdict.as_ref().and_then(|path| outcome(&read_capped(path, VERDICT_CAP).ok()?));
    let total = run.total(PhaseSelection::Judged);
    let tasks = run.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task);
    let figures: Vec<EndpointFigures> =
        tasks.map(|endpoint| figures(&endpoint.name, &run.summary(endpoint, PhaseSelection::Judged))).collect();
    let kept = KeptRun {
        id: id_of(&run, &figures),
        path: file.path.clone(),
        verdict: file.verdict.clone().filter(|_| outcome.is_some()),
        outcome: outcome.unwrap_or_else(|| UNJUDGED.to_owned()),
        scenario: run.scenario.name.clone(),
        hash: run.scenario.hash.clone(),
        fingerprint: run.environment.fingerprint(),
        target: run.target.clone(),
        branch: run.environment.branch.clone(),
        commit: run.environment.commit.clone(),
        started_at: run.started_at,
        complete: run.complete,
        pinned: file.pinned,
        requests: total.counts.requests,
        failures: total.counts.failures.total(),
        p95_ms: total.percentile_ms(Percentile::P95),
        p99_ms: total.percentile_ms(Percentile::P99),
    };
    Ok((kept, figures))
}

fn figures(endpoint: &str, summary: &Summary) -> EndpointFigures {
    EndpointFigures {
        endpoint: endpoint.to_owned(),
        requests: summary.counts.requests,
        failures: summary.counts.failures.total(),
        p95_ms: summary.percentile_ms(Percentile::P95),
        p99_ms: summary.percentile_ms(Percentile::P99),
    }
}

/// From what a run is and not from where it lies; of one that has ended also from what it measured: a shard and the merge of
/// all begin at the same time, and so do two imports of files without times. As long as it goes on it stays the same.
fn id_of(run: &Run, figures: &[EndpointFigures]) -> u64 {
    let environment = &run.environment;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let facts = [
        run.started_at.to_string(),
        run.scenario.name.clone(),
        run.scenario.hash.clone(),
        run.target.clone(),
        text(&environment.job),
        environment.fingerprint(),
        text(&environment.branch),
        text(&environment.commit),
        run.complete.to_string(),
    ];
    let mut hash = Sha256::new();
    hash.update(facts.join("\n"));
    if run.complete || run.aborted_by.is_some() {
        for EndpointFigures { endpoint, requests, failures, p95_ms, p99_ms } in figures {
            hash.update(format!("\n{endpoint}\n{requests} {failures} {p95_ms:?} {p99_ms:?}"));
        }
    }
    let hash = <[u8; 32]>::from(hash.finalize());
    hash.iter().take(6).fold(0, |id, byte| (id << 8) | u64::from(*byte)) | KEPT
}

fn outcome(verdict: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Outcome {
        Pass,
        Warn,
        Fail,
        Inconclusive,
        Error,
    }
    #[derive(Deserialize)]
    struct Judged {
        outcome: Outcome,
    }
    let word = match serde_json::from_slice::<Judged>(verdict).ok()?.outcome {
        Outcome::Pass => "pass",
        Outcome::Warn => "warn",
        Outcome::Fail => "fail",
        Outcome::Inconclusive => "inconclusive",
        Outcome::Error => "error",
    };
    Some(word.to_owned())
}
