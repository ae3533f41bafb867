//! What a store says of its runs without opening them, and the file that keeps it: `baseline.json`, version 1.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::Admission;
use super::rounds::{self, KeptRound, RoundFile};
use super::sealed::{self, SealedDigest};
use crate::run::{Ask, Digest, PhaseSelection, Run};
use crate::units::Percentile;

const FORMAT: &str = "perfgate-baseline";
const FORMAT_VERSION: u32 = 1;
const MAX_ID_CHARS: usize = 64;

/// Why `baseline.json` could not be read.
#[derive(Debug, Error)]
pub enum IndexError {
    #[error("not a baseline file: {0}")]
    Json(#[from] serde_json::Error),
    #[error("format is {found:?}, not `{FORMAT}`")]
    OtherFormat { found: String },
    #[error("version {found} is unknown: this perfgate reads version {FORMAT_VERSION}")]
    UnknownVersion { found: u64 },
    #[error("{found:?} is not the name of a run: letters, digits and `-` are allowed, at most {MAX_ID_CHARS}")]
    InvalidId { found: String },
    #[error("run {id} is listed twice")]
    DuplicateId { id: EntryId },
    #[error("run {id}: {found:?} is not a percentile")]
    InvalidMetric { id: EntryId, found: String },
}

/// The name of a kept run, `20261120T120000Z-3f9c1ab2`; safe as a file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(String);

impl EntryId {
    /// The name of the run with this file: when it started, and the beginning of the file's SHA-256.
    #[must_use]
    pub fn of(started_at: Timestamp, file: &[u8]) -> Self {
        let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(file));
        let hash = u32::from_be_bytes([a, b, c, d]);
        let started_at = started_at.max(Timestamp::UNIX_EPOCH);
        Self(format!("{}-{hash:08x}", started_at.strftime("%Y%m%dT%H%M%SZ")))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EntryId {
    type Err = IndexError;

    fn from_str(text: &str) -> Result<Self, IndexError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let valid = !text.is_empty() && text.len() <= MAX_ID_CHARS && !text.starts_with('-') && text.chars().all(allowed);
        if valid { Ok(Self(text.to_owned())) } else { Err(IndexError::InvalidId { found: text.chars().take(40).collect() }) }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the store says of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub id: EntryId,
    pub started_at: Timestamp,
    /// Whether later runs are compared with it; a rejected one is only kept and listed.
    pub admitted: bool,
    /// Why it was rejected, or what is worth knowing of an admitted one.
    pub reason: Option<String>,
    /// Whether pruning leaves it and its age does not matter.
    pub pinned: bool,
    /// The CI job that made it.
    pub job: Option<String>,
    /// The scenario's hash.
    pub hash: String,
    pub fingerprint: String,
    pub commit: Option<String>,
    /// Of all task endpoints in judged phases.
    pub requests: u64,
    /// Latency percentiles of each endpoint that has samples.
    pub figures: Vec<Figure>,
    /// What a judgement needs of it; `None` for a rejected run, and where it was listed by an older program.
    pub digest: Option<SealedDigest>,
}

/// One latency percentile of one endpoint over the judged phases.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub endpoint: String,
    pub percentile: Percentile,
    /// Natural logarithm of the percentile in milliseconds.
    pub log_quantile: f64,
    /// Variance of `log_quantile` from sampling alone. `None` where it was not estimated.
    pub sampling_variance: Option<f64>,
}

impl Entry {
    /// The entry of a run that was not pinned.
    #[must_use]
    pub fn of(id: EntryId, run: &Run, admission: Admission) -> Self {
        let (admitted, reason) = match admission {
            Admission::Admitted { note } => (true, note),
            Admission::Rejected { reason } => (false, Some(reason)),
        };
        Self {
            id,
            started_at: run.started_at,
            admitted,
            reason,
            pinned: false,
            job: run.environment.job.clone(),
            hash: run.scenario.hash.clone(),
            fingerprint: run.environment.fingerprint(),
            commit: run.environment.commit.clone(),
            requests: run.total(PhaseSelection::Judged).counts.requests,
            figures: figures_of(run),
            digest: None,
        }
    }

    /// With the digest of the run, if it is one to compare with, bound to the run's file.
    #[must_use]
    pub fn digested(self, run: &Run, file: &[u8]) -> Self {
        let digest = self.admitted.then(|| SealedDigest::new(Digest::of(run, &Ask::usual(run)), file));
        Self { digest, ..self }
    }
}

fn figures_of(run: &Run) -> Vec<Figure> {
    let mut figures = Vec::new();
    for endpoint in &run.endpoints {
        let summary = run.summary(endpoint, PhaseSelection::Judged);
        for percentile in Percentile::ALL {
            let Some(millis) = summary.percentile_ms(percentile) else { continue };
            figures.push(Figure { endpoint: endpoint.name.clone(), percentile, log_quantile: millis.ln(), sampling_variance: None });
        }
    }
    figures
}

/// Newest first; equal times by name.
pub(super) fn sort(entries: &mut [Entry]) {
    entries.sort_by(|a, b| (Reverse(a.started_at), &a.id).cmp(&(Reverse(b.started_at), &b.id)));
}

/// What a `baseline.json` holds: the scenario's name, its runs, newest first, and rounds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Listing {
    pub(super) scenario: Option<String>,
    pub(super) entries: Vec<Entry>,
    pub(super) rounds: Vec<KeptRound>,
}

/// Reads a `baseline.json`.
pub(super) fn read(bytes: &[u8]) -> Result<Listing, IndexError> {
    // Read once where it is what it should be; only else is it asked what it is.
    let file = match serde_json::from_slice::<IndexFile>(bytes) {
        Ok(file) if file.format == FORMAT && file.version == FORMAT_VERSION => file,
        other => {
            let Envelope { format, version } = serde_json::from_slice(bytes)?;
            if format != FORMAT {
                return Err(IndexError::OtherFormat { found: format.chars().take(40).collect() });
            }
            if version != u64::from(FORMAT_VERSION) {
                return Err(IndexError::UnknownVersion { found: version });
            }
            other?
        }
    };
    let IndexFile { format: _, version: _, scenario, entries, rounds } = file;
    let mut entries = entries.into_iter().map(entry_of).collect::<Result<Vec<_>, _>>()?;
    let mut ids = BTreeSet::new();
    if let Some(twice) = entries.iter().find(|entry| !ids.insert(&entry.id)) {
        return Err(IndexError::DuplicateId { id: twice.id.clone() });
    }
    sort(&mut entries);
    let mut rounds = rounds.into_iter().map(rounds::of_file).collect::<Result<Vec<_>, _>>()?;
    let mut ids = BTreeSet::new();
    rounds.retain(|round| ids.insert(round.id.clone()));
    Ok(Listing { scenario, entries, rounds })
}

impl Listing {
    /// Without the digests of the oldest runs, where all together would take more than `most` bytes: such runs are read.
    pub(super) fn forget_digests_beyond(&mut self, most: usize) {
        let mut left = most;
        for entry in &mut self.entries {
            let rest = entry.digest.as_ref().map_or(Some(left), |digest| left.checked_sub(digest.size()));
            left = rest.unwrap_or(0);
            entry.digest = entry.digest.take().filter(|_| rest.is_some());
        }
    }
}

/// The bytes of `baseline.json`.
pub(super) fn write(listing: &Listing) -> Vec<u8> {
    let Listing { scenario, entries, rounds } = listing;
    let (entries, rounds) = (entries.iter().map(entry_file).collect(), rounds.iter().map(rounds::file_of).collect());
    let file = IndexFile { format: FORMAT.into(), version: FORMAT_VERSION, scenario: scenario.clone(), entries, rounds };
    let mut bytes = serde_json::to_vec(&file).unwrap_or_else(|error| unreachable!("text and numbers always make JSON: {error}"));
    bytes.push(b'\n');
    bytes
}

#[derive(Deserialize)]
struct Envelope {
    format: String,
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct IndexFile {
    format: String,
    version: u32,
    scenario: Option<String>,
    entries: Vec<EntryFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rounds: Vec<RoundFile>,
}

#[derive(Serialize, Deserialize)]
struct EntryFile {
    id: String,
    started_at: Timestamp,
    admitted: bool,
    reason: Option<String>,
    pinned: bool,
    job: Option<String>,
    hash: String,
    fingerprint: String,
    commit: Option<String>,
    requests: u64,
    figures: Vec<FigureFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Box<RawValue>>,
}

#[derive(Serialize, Deserialize)]
struct FigureFile {
    endpoint: String,
    metric: String,
    log_quantile: f64,
    sampling_variance: Option<f64>,
}

fn entry_file(entry: &Entry) -> EntryFile {
    let Entry { id, started_at, admitted, reason, pinned, job, hash, fingerprint, commit, requests, figures, digest } = entry.clone();
    let figures = figures
        .into_iter()
        .map(|Figure { endpoint, percentile, log_quantile, sampling_variance }| FigureFile {
            endpoint,
            metric: percentile.to_string(),
            log_quantile,
            sampling_variance,
        })
        .collect();
    let digest = digest.as_ref().and_then(sealed::written);
    EntryFile { id: id.0, started_at, admitted, reason, pinned, job, hash, fingerprint, commit, requests, figures, digest }
}

fn entry_of(file: EntryFile) -> Result<Entry, IndexError> {
    let EntryFile { id, started_at, admitted, reason, pinned, job, hash, fingerprint, commit, requests, figures, digest } = file;
    let id: EntryId = id.parse()?;
    let figures = figures
        .into_iter()
        .map(|FigureFile { endpoint, metric, log_quantile, sampling_variance }| {
            let percentile = metric.parse().map_err(|_| IndexError::InvalidMetric { id: id.clone(), found: metric })?;
            Ok(Figure { endpoint, percentile, log_quantile, sampling_variance })
        })
        .collect::<Result<Vec<_>, IndexError>>()?;
    let digest = digest.as_deref().and_then(sealed::of_written);
    Ok(Entry { id, started_at, admitted, reason, pinned, job, hash, fingerprint, commit, requests, figures, digest })
}
