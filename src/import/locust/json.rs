//! `locust --json` and `--json-file`: counts by bucket for each name, and requests by second.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::buckets;
use crate::import::ImportOptions;
use crate::import::error::ImportError;
use crate::import::input::{Head, Input};
use crate::import::label::Labels;
use crate::import::ledger::micros;
use crate::import::reading::{Latency, Reading, Stated, imported};
use crate::run::{Exactness, FailureClass, FailureDetail, Measure, PerSecond, PhaseSeries};
use crate::stats::Histogram;

/// As many of one endpoint as a run holds.
const MAX_COUNT: u64 = 1_000_000_000_000;
const MAX_SECONDS: i64 = 1_000_000;

#[derive(Deserialize)]
struct Entry {
    name: String,
    method: Option<String>,
    last_request_timestamp: Option<f64>,
    start_time: f64,
    num_requests: u64,
    #[serde(default)]
    num_none_requests: u64,
    num_failures: u64,
    total_content_length: Option<u64>,
    response_times: BTreeMap<String, u64>,
    #[serde(default)]
    num_reqs_per_sec: BTreeMap<i64, u64>,
    #[serde(default)]
    num_fail_per_sec: BTreeMap<i64, u64>,
}

pub(in crate::import) fn recognises(head: &Head) -> bool {
    ["num_requests", "response_times", "num_failures"].iter().all(|key| head.item_keys.contains(*key))
}

pub(in crate::import) fn read(mut input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let entries: Vec<Entry> = input.document()?;
    let mut labels = Labels::default();
    let mut stated = Vec::new();
    for entry in &entries {
        stated.push(
            endpoint(entry, &mut labels).map_err(|problem| ImportError::document(input.path(), format!("`{}`: {problem}", entry.name)))?,
        );
    }
    let first = entries.iter().map(|entry| entry.start_time).fold(f64::INFINITY, f64::min);
    let last = entries.iter().filter_map(|entry| entry.last_request_timestamp).fold(f64::NEG_INFINITY, f64::max);
    let mut about = imported("Locust", "JSON", Measure::Service, Exactness::Histogram);
    about.failures = FailureDetail::Count;
    about.failures_in_latency = true;
    about.resolution = buckets();
    about.notes.extend(labels.note());
    let length = Duration::try_from_secs_f64(last - first).unwrap_or(Duration::ZERO);
    let mut reading = Reading::of_summary(about, length, stated);
    reading.target = labels.target();
    reading.started_at = started(first);
    for (endpoint, entry) in reading.endpoints.iter_mut().zip(&entries) {
        endpoint.per_second =
            per_second(entry, first).map_err(|problem| ImportError::document(input.path(), format!("`{}`: {problem}", entry.name)))?;
    }
    Ok(reading)
}

fn started(seconds: f64) -> Option<Timestamp> {
    let duration = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::from_duration(duration).ok()
}

fn endpoint(entry: &Entry, labels: &mut Labels) -> Result<Stated, String> {
    let &Entry { num_requests: requests, num_failures: failed, num_none_requests: untimed, .. } = entry;
    let mut latency = Histogram::new();
    for (bucket, &count) in &entry.response_times {
        let millis: f64 = bucket.parse().map_err(|_| format!("the bucket {bucket:?} is no number of milliseconds"))?;
        latency.record_n(micros(millis * 1000.0)?, count);
    }
    if requests > MAX_COUNT || failed > requests {
        return Err(format!("{failed} requests failed of {requests}: is the file mixed up?"));
    }
    if latency.count().saturating_add(untimed) != requests {
        return Err(format!("its buckets hold {} requests, it had {requests}: is the file mixed up?", latency.count()));
    }
    let mut counts = PhaseSeries {
        requests,
        ok: requests - failed,
        bytes: entry.total_content_length.unwrap_or(0),
        service: latency.clone(),
        ..PhaseSeries::default()
    };
    // Locust's JSON does not say why.
    counts.failures.add(FailureClass::Check, failed);
    if failed > 0 {
        counts.add_cause("failed by Locust's rules", failed);
    }
    Ok(Stated {
        label: labels.of_request(entry.method.as_deref().unwrap_or_default(), &entry.name),
        counts,
        latency: Latency::Bins(latency),
    })
}

#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
fn per_second(entry: &Entry, first: f64) -> Result<PerSecond, String> {
    let first = first.floor() as i64;
    let Some((&last, _)) = entry.num_reqs_per_sec.last_key_value() else { return Ok(PerSecond::default()) };
    let begins = entry.num_reqs_per_sec.first_key_value().map_or(first, |(second, _)| *second).min(first);
    if last - begins > MAX_SECONDS {
        return Err("its requests lie more than 11 days apart".to_owned());
    }
    let of_second = |second: &i64| {
        let requests = entry.num_reqs_per_sec.get(second).copied().unwrap_or(0);
        (requests, entry.num_fail_per_sec.get(second).copied().unwrap_or(0).min(requests))
    };
    let counts: Vec<(u64, u64)> = (begins..=last).map(|second| of_second(&second)).collect();
    let (requests, failures) = (counts.iter().map(|count| count.0).collect(), counts.iter().map(|count| count.1).collect());
    Ok(PerSecond { requests, failures, ..PerSecond::default() })
}
