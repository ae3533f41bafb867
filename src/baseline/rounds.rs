//! The rounds of a build against itself, as the list keeps them. They have no file of their own: they say how much rounds
//! of one build differ and never how fast one was, so that a false one makes the gate more or less sure of what it
//! measured itself, and moves nothing that it measured.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Admission;
use super::index::{EntryId, IndexError};
use crate::run::{Likeness, Round, RoundPart, StoredRound, of_log_parts, to_log_parts};
use crate::stats::Restarts;

/// One kept round.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRound {
    pub id: EntryId,
    /// Whether comparisons use it; a rejected one is only kept and listed.
    pub admitted: bool,
    /// Why it was rejected.
    pub reason: Option<String>,
    pub round: Round,
}

impl KeptRound {
    /// A round that was just made; both of its runs must have been fit to be compared with.
    #[must_use]
    pub fn new(round: Round, [run, beside]: [Admission; 2]) -> Self {
        let rejected = |admission: Admission, whose: &str| match admission {
            Admission::Rejected { reason } => Some(format!("{whose}{reason}")),
            Admission::Admitted { .. } => None,
        };
        let reason = rejected(run, "").or_else(|| rejected(beside, "the deployment beside it: "));
        let mut kept = Self { id: EntryId::of(round.started_at, &[]), admitted: reason.is_none(), reason, round };
        let content = serde_json::to_vec(&file_of(&kept)).unwrap_or_default();
        kept.id = EntryId::of(kept.round.started_at, &content);
        kept
    }
}

/// Of the admitted ones, what a comparison needs.
pub(super) fn admitted(rounds: &[KeptRound]) -> Vec<StoredRound> {
    let stored = |kept: &KeptRound| StoredRound { id: kept.id.to_string(), round: kept.round.clone() };
    rounds.iter().filter(|kept| kept.admitted).map(stored).collect()
}

/// Newest first, the newest `keep` admitted ones, and what was rejected since the oldest of them.
pub(super) fn pruned(mut rounds: Vec<KeptRound>, keep: usize) -> Vec<KeptRound> {
    rounds.sort_by(|one, other| (other.round.started_at, &one.id).cmp(&(one.round.started_at, &other.id)));
    let oldest = rounds.iter().filter(|kept| kept.admitted).take(keep).map(|kept| kept.round.started_at).last();
    let (mut admitted, mut rejected) = (0, 0);
    rounds.retain(|kept| {
        let count = if kept.admitted { &mut admitted } else { &mut rejected };
        *count += 1;
        *count <= keep && oldest.is_none_or(|oldest| kept.round.started_at >= oldest)
    });
    rounds
}

/// The form in a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RoundFile {
    id: String,
    started_at: Timestamp,
    admitted: bool,
    reason: Option<String>,
    hash: String,
    measured: String,
    fingerprint: String,
    started_anew: bool,
    phases: Vec<String>,
    parts: Vec<RoundPartFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct RoundPartFile {
    endpoint: Option<String>,
    phases: Vec<usize>,
    /// By name, in billionths: the logarithm with its errors downwards and upwards.
    changes: BTreeMap<String, [i64; 3]>,
}

/// As it is written.
pub(super) fn file_of(kept: &KeptRound) -> RoundFile {
    let KeptRound { id, admitted, reason, round } = kept.clone();
    let Round { started_at, likeness: Likeness { hash, measured, fingerprint }, restarts, phases, parts } = round;
    let part = |RoundPart { endpoint, phases, changes }| {
        let changes = changes.into_iter().map(|(quantity, change)| (quantity.to_string(), to_log_parts(change))).collect();
        RoundPartFile { endpoint, phases, changes }
    };
    RoundFile {
        id: id.to_string(),
        started_at,
        admitted,
        reason,
        hash,
        measured,
        fingerprint,
        started_anew: restarts == Restarts::BeforeEachRound,
        phases,
        parts: parts.into_iter().map(part).collect(),
    }
}

/// As it was read. A quantity that this program has no word for is left out.
pub(super) fn of_file(file: RoundFile) -> Result<KeptRound, IndexError> {
    let RoundFile { id, started_at, admitted, reason, hash, measured, fingerprint, started_anew, phases, parts } = file;
    let part = |RoundPartFile { endpoint, phases, changes }| {
        let change = |(name, parts): (String, _)| Some((name.parse().ok()?, of_log_parts(parts)));
        RoundPart { endpoint, phases, changes: changes.into_iter().filter_map(change).collect() }
    };
    let restarts = if started_anew { Restarts::BeforeEachRound } else { Restarts::None };
    let likeness = Likeness { hash, measured, fingerprint };
    let round = Round { started_at, likeness, restarts, phases, parts: parts.into_iter().map(part).collect() };
    Ok(KeptRound { id: id.parse()?, admitted, reason, round })
}
