//! Artillery's report: percentiles of the time to the first byte, by endpoint where the plugin counts them. Artillery
//! does not call an answer of 500 a failure, so that failures are counted anew.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::ImportOptions;
use super::error::ImportError;
use super::failure::Failure;
use super::input::{Head, Input};
use super::label::cleaned;
use super::reading::{Latency, Reading, Stated, imported};
use crate::run::{Exactness, FailureClass, Measure, PhaseSeries, Resolution, StatedLatency, StatedTotal};

const PLUGIN: &str = "plugins.metrics-by-endpoint.";
const PLUGIN_TIMES: &str = "plugins.metrics-by-endpoint.response_time.";

#[derive(Deserialize)]
struct Document {
    aggregate: Aggregate,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Aggregate {
    counters: Option<BTreeMap<String, u64>>,
    #[serde(default)]
    summaries: BTreeMap<String, BTreeMap<String, Option<f64>>>,
    first_metric_at: Option<i64>,
    last_metric_at: Option<i64>,
}

pub(super) fn recognises(head: &Head) -> bool {
    head.keys.contains("aggregate") && head.keys.contains("intermediate")
}

pub(super) fn read(mut input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let Document { aggregate } = input.document()?;
    let Some(counters) = aggregate.counters else {
        return Err(ImportError::document(input.path(), "the report is of Artillery 1, which counts otherwise")
            .with_hint("run it with Artillery 2"));
    };
    let requests = counters.get("http.requests").copied().unwrap_or(0);
    let responses = counters.get("http.responses").copied().unwrap_or(0);
    let wrong = |problem| ImportError::document(input.path(), problem);
    let counts = counts(&counters, "http.", Some((requests, responses))).map_err(wrong)?;
    let latency = latency(aggregate.summaries.get("http.response_time")).map_err(wrong)?;
    let mut endpoints = Vec::new();
    for name in names(&counters, &aggregate.summaries) {
        let counts = self::counts(&counters, &format!("{PLUGIN}{name}."), None).map_err(wrong)?;
        let latency = self::latency(aggregate.summaries.get(&format!("{PLUGIN_TIMES}{name}"))).map_err(wrong)?;
        endpoints.push(Stated { label: cleaned(&name), counts, latency: Latency::Figures(latency) });
    }
    let mut about = imported("Artillery", "report", Measure::TimeToFirstByte, Exactness::Summary);
    about.failures_in_latency = true;
    // A sketch within 1 %, of whole milliseconds.
    about.resolution = Resolution { relative: 0.02, steps: vec![(0.0, 1.0)] };
    about.warnings.push("Artillery measures to the first byte: connecting and reading the answer are not in its times".to_owned());
    if endpoints.is_empty() {
        about.notes.push("the report has no endpoints of their own: switch the plugin `metrics-by-endpoint` on".to_owned());
        endpoints.push(Stated { label: "all requests".into(), counts, latency: Latency::Figures(latency) });
    } else {
        about.total = Some(StatedTotal { counts, latency });
    }
    let span = aggregate.first_metric_at.zip(aggregate.last_metric_at).map_or(0, |(first, last)| last.saturating_sub(first));
    let mut reading = Reading::of_summary(about, Duration::from_millis(u64::try_from(span).unwrap_or(0)), endpoints);
    reading.started_at = aggregate.first_metric_at.and_then(|at| Timestamp::from_millisecond(at).ok());
    Ok(reading)
}

/// The endpoints that the plugin counted.
fn names(counters: &BTreeMap<String, u64>, summaries: &BTreeMap<String, BTreeMap<String, Option<f64>>>) -> BTreeSet<String> {
    let timed = summaries.keys().filter_map(|key| key.strip_prefix(PLUGIN_TIMES));
    let counted = counters.keys().filter_map(|key| {
        let rest = key.strip_prefix(PLUGIN)?;
        [".codes.", ".errors."].iter().find_map(|part| rest.rfind(part)).map(|end| &rest[..end])
    });
    timed.chain(counted).map(ToOwned::to_owned).collect()
}

/// Counts below a prefix; `whole` are the requests and answers, where Artillery counts them.
fn counts(counters: &BTreeMap<String, u64>, prefix: &str, whole: Option<(u64, u64)>) -> Result<PhaseSeries, String> {
    let mut counts = PhaseSeries::default();
    let mut checks = 0_u64;
    // The errors of the whole report are named without the prefix.
    let error_prefix = if whole.is_some() { "errors.".to_owned() } else { format!("{prefix}errors.") };
    for (key, &count) in counters {
        if count > 1_000_000_000_000 {
            return Err(format!("`{key}` is {count}: more than a run can hold"));
        }
        if let Some(status) = key.strip_prefix(&format!("{prefix}codes.")).and_then(|code| code.parse::<u16>().ok()) {
            *counts.statuses.entry(status).or_default() += count;
            if status >= 400 {
                counts.failures.add(FailureClass::Status, count);
                counts.add_cause(&Failure::of_status(status).cause, count);
            } else {
                counts.ok += count;
            }
        } else if let Some(words) = key.strip_prefix(&error_prefix) {
            let Failure { class, cause } = Failure::of_words(words);
            if class == FailureClass::Check {
                checks += count;
            } else {
                counts.failures.add(class, count);
                counts.add_cause(&cause, count);
            }
        }
    }
    // A check fails on an answer that was counted already.
    let checks = checks.min(counts.ok);
    counts.ok -= checks;
    counts.failures.add(FailureClass::Check, checks);
    if checks > 0 {
        counts.add_cause("capture or expect failed", checks);
    }
    counts.requests = counts.ok + counts.failures.total();
    if let Some((requests, responses)) = whole {
        if responses > requests || counts.requests > requests {
            return Err(format!("{} of {requests} requests are accounted for: is the file mixed up?", counts.requests));
        }
        counts.unfinished = requests - counts.requests;
        counts.requests = requests;
    }
    Ok(counts)
}

fn latency(summary: Option<&BTreeMap<String, Option<f64>>>) -> Result<StatedLatency, String> {
    let mut latency = StatedLatency::default();
    for (key, value) in summary.into_iter().flatten() {
        let Some(value) = value.filter(|value| value.is_finite() && *value >= 0.0) else { continue };
        if key != "count" {
            super::ledger::micros(value * 1000.0)?;
        }
        match key.as_str() {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "finite and not negative")]
            "count" => latency.samples = value as u64,
            "max" => latency.max = Some(value),
            "mean" => latency.mean = Some(value),
            "p999" => drop(latency.percentiles.insert(crate::units::Percentile::P99_9, value)),
            other => {
                if let Ok(percentile) = other.parse() {
                    latency.percentiles.insert(percentile, value);
                }
            }
        }
    }
    Ok(latency)
}
