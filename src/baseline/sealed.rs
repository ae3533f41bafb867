//! A digest as the list keeps it, beside a run: sealed, so that neither the run's file nor the digest can be changed
//! without the other and still be believed, nor by another version of the program. Everything is in whole numbers, so that
//! reading gives what was written. Its text is not looked into before its seal is known to fit.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::run::{Digest, FailureClass, Failures, Gauge, GaugeParts, Gist, Likeness, Part, PhaseSeries};

/// Changes whenever a run comes to another digest than before; an old one is then made anew.
const DIGEST_VERSION: u32 = 1;
/// No count of a run is larger: sums of such counts stay within 64 bits.
const MOST_COUNTED: u64 = 1 << 56;

/// Two programs may put the same run into other words, or count otherwise.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// A digest and what binds it to its run's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedDigest {
    version: u32,
    /// As it stands in the list.
    text: String,
    seal: String,
}

impl SealedDigest {
    /// Seals the digest of the run in `file`.
    pub(super) fn new(digest: Digest, file: &[u8]) -> Self {
        let written = serde_json::to_string(&digest_file(digest));
        let text = written.unwrap_or_else(|error| unreachable!("text and numbers always make JSON: {error}"));
        let seal = seal(DIGEST_VERSION, &text, file);
        Self { version: DIGEST_VERSION, text, seal }
    }

    /// The digest, if it is the one of the run in `file`, of this version, and untouched.
    pub(super) fn of_file(&self, file: &[u8]) -> Option<Digest> {
        if self.version != DIGEST_VERSION || self.seal != seal(self.version, &self.text, file) {
            return None;
        }
        digest_of(serde_json::from_str(&self.text).ok()?).filter(is_plausible)
    }

    /// How much of the list it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        self.text.len()
    }
}

fn seal(version: u32, text: &str, file: &[u8]) -> String {
    let mut seal = Sha256::new();
    seal.update(version.to_le_bytes());
    seal.update(PROGRAM);
    seal.update(Sha256::digest(file));
    seal.update(text);
    let digits: Vec<String> = seal.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn is_plausible(digest: &Digest) -> bool {
    let counts = |part: &Part| {
        let PhaseSeries { requests, ok, unfinished, bytes, failures, statuses, .. } = &part.gist.counts;
        let classes = FailureClass::ALL.map(|class| failures.of(class));
        let answers = statuses.values().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        [*requests, *ok, *unfinished, *bytes].into_iter().chain(classes).chain(answers).all(|count| count <= MOST_COUNTED)
            && answers.is_some()
    };
    digest.parts.iter().all(counts)
}

/// The form in a file.
#[derive(Debug, Serialize, Deserialize)]
struct SealedFile {
    version: u32,
    seal: String,
    digest: Box<RawValue>,
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
pub(super) fn written(sealed: &SealedDigest) -> Option<Box<RawValue>> {
    let SealedDigest { version, text, seal } = sealed.clone();
    serde_json::value::to_raw_value(&SealedFile { version, seal, digest: RawValue::from_string(text).ok()? }).ok()
}

/// As it was read; `None` for what this version has no words for: the run itself is there.
pub(super) fn of_written(written: &RawValue) -> Option<SealedDigest> {
    let SealedFile { version, seal, digest } = serde_json::from_str(written.get()).ok()?;
    Some(SealedDigest { version, text: digest.get().to_owned(), seal })
}

fn digest_of(file: DigestFile) -> Option<Digest> {
    let DigestFile { started_at, complete, job, hash, measured, fingerprint, phases, parts } = file;
    let parts = parts.into_iter().map(part_of).collect::<Option<Vec<_>>>()?;
    let likeness = Likeness { hash, measured, fingerprint };
    Some(Digest { started_at, complete, job, likeness, phases, parts })
}

fn digest_file(digest: Digest) -> DigestFile {
    let Digest { started_at, complete, job, likeness, phases, parts } = digest;
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
