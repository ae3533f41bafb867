//! `vegeta report -type json`: percentiles of all requests together, estimated by vegeta.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::failure;
use crate::import::ImportOptions;
use crate::import::error::ImportError;
use crate::import::failure::Failure;
use crate::import::input::{Head, Input};
use crate::import::ledger::micros;
use crate::import::reading::{Latency, Reading, Stated, imported};
use crate::run::{Exactness, FailureDetail, Measure, PhaseSeries, StatedLatency};
use crate::units::Percentile;

#[derive(Deserialize)]
struct Report {
    latencies: BTreeMap<String, f64>,
    earliest: Option<Timestamp>,
    duration: u64,
    #[serde(default)]
    wait: u64,
    requests: u64,
    status_codes: BTreeMap<u16, u64>,
    #[serde(default)]
    errors: Option<Vec<String>>,
}

pub(in crate::import) fn recognises(head: &Head) -> bool {
    ["latencies", "status_codes", "requests", "throughput"].iter().all(|key| head.keys.contains(*key))
}

pub(in crate::import) fn read(mut input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let report: Report = input.document()?;
    let Report { latencies, earliest, duration, wait, requests, status_codes, errors } = report;
    let counted = status_codes.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
    if counted != requests {
        return Err(ImportError::document(
            input.path(),
            format!("its statuses add up to {counted}, it has {requests} requests: is the file mixed up?"),
        ));
    }
    let mut counts = PhaseSeries { requests, ..PhaseSeries::default() };
    let words = errors.unwrap_or_default().into_iter().find(|text| !text.starts_with(|c: char| c.is_ascii_digit())).unwrap_or_default();
    for (&code, &count) in &status_codes {
        match failure(code, &words) {
            None => counts.ok += count,
            Some(Failure { class, cause }) => {
                counts.failures.add(class, count);
                counts.add_cause(&cause, count);
            }
        }
        if code > 0 {
            counts.statuses.insert(code, count);
        }
    }
    let mut latency = StatedLatency { samples: requests, ..StatedLatency::default() };
    for (key, nanos) in latencies {
        let millis = nanos / 1e6;
        if key != "total" {
            micros(nanos / 1000.0).map_err(|problem| ImportError::document(input.path(), format!("`{key}`: {problem}")))?;
        }
        match key.as_str() {
            "mean" => latency.mean = Some(millis),
            "max" => latency.max = Some(millis),
            "50th" => drop(latency.percentiles.insert(Percentile::P50, millis)),
            "90th" => drop(latency.percentiles.insert(Percentile::P90, millis)),
            "95th" => drop(latency.percentiles.insert(Percentile::P95, millis)),
            "99th" => drop(latency.percentiles.insert(Percentile::P99, millis)),
            _ => {}
        }
    }
    let mut about = imported("vegeta", "report", Measure::Response, Exactness::Summary);
    about.failures_in_latency = true;
    // Of requests without an answer the report counts the number only, whatever went wrong with them.
    about.failures = if status_codes.contains_key(&0) { FailureDetail::Count } else { FailureDetail::Classes };
    let endpoint = Stated { label: "all requests".into(), counts, latency: Latency::Figures(latency) };
    let mut reading = Reading::of_summary(about, Duration::from_nanos(duration.saturating_add(wait)), vec![endpoint]);
    reading.started_at = earliest;
    Ok(reading)
}
