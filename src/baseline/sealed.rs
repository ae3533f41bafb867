//! A digest as the list keeps it, beside a run: sealed, so that neither the run's file nor the digest can be changed
//! without the other and still be believed. Everything is in whole numbers, so that reading gives what was written.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::run::{Digest, FailureClass, Failures, Gauge, GaugeParts, Gist, Likeness, Part, PhaseSeries};

/// Changes whenever a run comes to another digest than before; an old one is then made anew.
const DIGEST_VERSION: u32 = 1;
/// No count of a run is larger: sums of such counts stay within 64 bits.
const MOST_COUNTED: u64 = 1 << 56;

/// A digest and what binds it to its run's file.
#[derive(Debug, Clone, PartialEq)]
pub struct SealedDigest {
    version: u32,
    digest: Digest,
    seal: String,
}

impl SealedDigest {
    /// Seals the digest of the run in `file`.
    pub(super) fn new(digest: Digest, file: &[u8]) -> Self {
        let seal = seal(DIGEST_VERSION, &digest, file);
        Self { version: DIGEST_VERSION, digest, seal }
    }

    /// The digest, if it is the one of the run in `file`, of this version, and untouched.
    pub(super) fn of_file(&self, file: &[u8]) -> Option<&Digest> {
        let is_sound = self.version == DIGEST_VERSION && is_plausible(&self.digest);
        (is_sound && self.seal == seal(self.version, &self.digest, file)).then_some(&self.digest)
    }
}

fn seal(version: u32, digest: &Digest, file: &[u8]) -> String {
    let written = serde_json::to_vec(&digest_file(digest)).unwrap_or_default();
    let mut seal = Sha256::new();
    seal.update(version.to_le_bytes());
    seal.update(Sha256::digest(file));
    seal.update(written);
    let digits: Vec<String> = seal.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn is_plausible(digest: &Digest) -> bool {
    let counts = |part: &Part| {
        let PhaseSeries { requests, ok, unfinished, bytes, failures, statuses, .. } = &part.gist.counts;
        let classes = FailureClass::ALL.map(|class| failures.of(class));
        [*requests, *ok, *unfinished, *bytes]
            .into_iter()
            .chain(classes)
            .chain(statuses.values().copied())
            .all(|count| count <= MOST_COUNTED)
    };
    digest.parts.iter().all(counts)
}

/// The form in a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SealedFile {
    version: u32,
    seal: String,
    digest: DigestFile,
}

#[derive(Debug, Serialize, Deserialize)]
struct DigestFile {
    started_at: Timestamp,
    complete: bool,
    job: Option<String>,
    hash: String,
    measured: String,
    fingerprint: String,
    phases: Vec<String>,
    parts: Vec<PartFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct PartFile {
    endpoint: Option<String>,
    phases: Vec<usize>,
    requests: u64,
    ok: u64,
    unfinished: u64,
    failures: BTreeMap<String, u64>,
    statuses: BTreeMap<u16, u64>,
    bytes: u64,
    length_ns: u64,
    /// By name: the value in millionths, samples, and in billionths the logarithm with its errors downwards and upwards.
    gauges: BTreeMap<String, GaugeParts>,
}

/// As it is written.
pub(super) fn file_of(sealed: &SealedDigest) -> SealedFile {
    SealedFile { version: sealed.version, seal: sealed.seal.clone(), digest: digest_file(&sealed.digest) }
}

/// As it was read; `None` for what this version has no words for.
pub(super) fn of_file(file: SealedFile) -> Option<SealedDigest> {
    let SealedFile { version, seal, digest } = file;
    let DigestFile { started_at, complete, job, hash, measured, fingerprint, phases, parts } = digest;
    let parts = parts.into_iter().map(part_of).collect::<Option<Vec<_>>>()?;
    let likeness = Likeness { hash, measured, fingerprint };
    Some(SealedDigest { version, seal, digest: Digest { started_at, complete, job, likeness, phases, parts } })
}

fn digest_file(digest: &Digest) -> DigestFile {
    let Digest { started_at, complete, job, likeness, phases, parts } = digest.clone();
    let Likeness { hash, measured, fingerprint } = likeness;
    DigestFile { started_at, complete, job, hash, measured, fingerprint, phases, parts: parts.into_iter().map(part_file).collect() }
}

fn part_file(part: Part) -> PartFile {
    let Part { endpoint, phases, gist: Gist { counts, length, gauges } } = part;
    let PhaseSeries { requests, ok, unfinished, failures, statuses, bytes, .. } = counts;
    let failures = FailureClass::ALL.map(|class| (class.name().to_owned(), failures.of(class)));
    PartFile {
        endpoint,
        phases,
        requests,
        ok,
        unfinished,
        failures: failures.into_iter().filter(|(_, count)| *count > 0).collect(),
        statuses,
        bytes,
        length_ns: u64::try_from(length.as_nanos()).unwrap_or(u64::MAX),
        gauges: gauges.iter().map(|(quantity, gauge)| (quantity.to_string(), gauge.parts())).collect(),
    }
}

fn part_of(file: PartFile) -> Option<Part> {
    let PartFile { endpoint, phases, requests, ok, unfinished, failures: by_name, statuses, bytes, length_ns, gauges } = file;
    let mut failures = Failures::default();
    for (name, count) in by_name {
        failures.add(FailureClass::ALL.into_iter().find(|class| class.name() == name)?, count);
    }
    let gauge = |(name, parts): (String, _)| Some((name.parse().ok()?, Gauge::from_parts(parts)));
    let counts = PhaseSeries { requests, ok, unfinished, failures, statuses, bytes, ..PhaseSeries::default() };
    let gauges = gauges.into_iter().map(gauge).collect::<Option<BTreeMap<_, _>>>()?;
    Some(Part { endpoint, phases, gist: Gist { counts, length: Duration::from_nanos(length_ns), gauges } })
}
