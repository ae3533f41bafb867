//! `oha --output-format json`. An answer of any status is a success to oha, so that failures are counted anew.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::ALL;
use crate::import::ImportOptions;
use crate::import::error::ImportError;
use crate::import::failure::Failure;
use crate::import::input::{Head, Input};
use crate::import::ledger::micros;
use crate::import::reading::{Latency, Reading, Stated, imported};
use crate::run::{Exactness, Measure, PhaseSeries, StatedLatency};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    summary: Summary,
    latency_percentiles: BTreeMap<String, Option<f64>>,
    status_code_distribution: BTreeMap<u16, u64>,
    error_distribution: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Summary {
    total: f64,
    slowest: Option<f64>,
    average: Option<f64>,
}

pub(in crate::import) fn recognises(head: &Head) -> bool {
    ["summary", "latencyPercentiles", "statusCodeDistribution", "errorDistribution"].iter().all(|key| head.keys.contains(*key))
}

pub(in crate::import) fn read(mut input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let Document { summary, latency_percentiles, status_code_distribution, error_distribution } = input.document()?;
    let mut counts = PhaseSeries::default();
    for (&status, &count) in &status_code_distribution {
        if status >= 400 {
            counts.failures.add(Failure::of_status(status).class, count);
            counts.add_cause(&Failure::of_status(status).cause, count);
        } else {
            counts.ok += count;
        }
    }
    let answered = counts.ok + counts.failures.total();
    for (words, &count) in &error_distribution {
        // What was under way at the deadline is neither an answer nor a failure.
        if words.contains("deadline") {
            counts.unfinished += count;
            continue;
        }
        let Failure { class, cause } = Failure::of_words(words);
        counts.failures.add(class, count);
        counts.add_cause(&cause, count);
    }
    counts.requests = counts.ok + counts.failures.total() + counts.unfinished;
    counts.statuses = status_code_distribution;
    let seconds = |value: f64| micros(value * 1e6).map(|_| value * 1000.0).map_err(|problem| ImportError::document(input.path(), problem));
    let mut latency = StatedLatency { samples: answered, ..StatedLatency::default() };
    latency.max = summary.slowest.map(seconds).transpose()?;
    latency.mean = summary.average.map(seconds).transpose()?;
    for (name, value) in latency_percentiles {
        if let (Ok(percentile), Some(value)) = (name.parse(), value) {
            latency.percentiles.insert(percentile, seconds(value)?);
        }
    }
    let mut about = imported("oha", "JSON", Measure::Service, Exactness::Summary);
    about.failures_in_latency = true;
    if counts.unfinished > 0 {
        about.notes.push(format!("{} requests were under way at the deadline and are counted as unfinished", counts.unfinished));
    }
    let length = Duration::try_from_secs_f64(summary.total).unwrap_or(Duration::ZERO);
    let stated = Stated { label: ALL.into(), counts, latency: if answered > 0 { Latency::Figures(latency) } else { Latency::Unknown } };
    Ok(Reading::of_summary(about, length, vec![stated]))
}
