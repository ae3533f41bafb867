//! h2load: its log, a line for each request, and its JSON, which keeps a share of the samples.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::error::ImportError;
use super::failure::Failure;
use super::input::{Head, Input};
use super::ledger::{Ledger, Observation, micros};
use super::reading::{Latency, Reading, Stated, imported};
use super::{ImportOptions, Tool};
use crate::run::{Exactness, FailureClass, FailureDetail, Measure, PhaseSeries};
use crate::stats::Histogram;

const ALL: &str = "all requests";

pub(super) fn recognises_log(head: &Head) -> bool {
    let line = head.text.lines().next().unwrap_or_default();
    let cells: Vec<&str> = line.split('\t').collect();
    cells.len() == 3 && cells[0].len() == 16 && cells.iter().all(|cell| cell.parse::<i64>().is_ok())
}

pub(super) fn read_log(input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let mut rows = input.rows(b'\t');
    let mut ledger = Ledger::new(rows.path(), Tool::H2load);
    while rows.advance()? {
        let (started, status, latency): (i64, i32, f64) =
            (rows.number_in(0, "the start")?, rows.number_in(1, "the status")?, rows.number_in(2, "the duration")?);
        let status = u16::try_from(status).ok();
        let failure = match status {
            None | Some(0) => Some(Failure::of_words("connection closed")),
            Some(status) if status >= 400 => Some(Failure::of_status(status)),
            Some(_) => None,
        };
        let latency = Some(micros(latency).map_err(|problem| rows.error(problem))?);
        let status = status.filter(|status| *status > 0);
        ledger.record(ALL, rows.number(), Observation { started, latency, ttfb: None, status, bytes: 0, failure })?;
    }
    rows.finish()?;
    let about = imported("h2load", "log", Measure::ServiceWithoutConnect, Exactness::Samples);
    Ok(ledger.into_reading("unknown".into(), about))
}

#[derive(Deserialize)]
struct Document {
    measurements: Measurements,
}

#[derive(Deserialize)]
struct Measurements {
    duration: f64,
    requests: Requests,
    performance: BTreeMap<String, Performance>,
}

#[derive(Deserialize)]
struct Requests {
    done: u64,
    succeeded: u64,
    failed: u64,
}

#[derive(Deserialize)]
struct Performance {
    #[serde(default)]
    samples: Vec<f64>,
}

pub(super) fn recognises_json(head: &Head) -> bool {
    ["version", "metadata", "measurements"].iter().all(|key| head.keys.contains(*key))
}

pub(super) fn read_json(mut input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let Document { measurements: Measurements { duration, requests, performance } } = input.document()?;
    let Requests { done, succeeded, failed } = requests;
    if succeeded.checked_add(failed) != Some(done) || done > 1_000_000_000_000 {
        let problem = format!("{succeeded} requests succeeded and {failed} failed of {done}: is the file mixed up?");
        return Err(ImportError::document(input.path(), problem));
    }
    let histogram = |name: &str| {
        let mut histogram = Histogram::new();
        for seconds in performance.get(name).map_or(&[][..], |performance| &performance.samples) {
            histogram.record(micros(seconds * 1e6).map_err(|problem| ImportError::document(input.path(), problem))?);
        }
        Ok::<_, ImportError>(histogram)
    };
    let (latency, ttfb) = (histogram("request")?, histogram("ttfb")?);
    if latency.count() > done {
        return Err(ImportError::document(input.path(), format!("{} samples of {done} requests: is the file mixed up?", latency.count())));
    }
    let mut counts = PhaseSeries { requests: done, ok: succeeded, service: latency.clone(), ..PhaseSeries::default() };
    counts.ttfb = if ttfb.count() > done { Histogram::new() } else { ttfb };
    counts.failures.add(FailureClass::Status, failed);
    if failed > 0 {
        counts.add_cause("no answer, or a status that is no success", failed);
    }
    let mut about = imported("h2load", "JSON", Measure::ServiceWithoutConnect, Exactness::Samples);
    (about.failures, about.failures_in_latency) = (FailureDetail::Count, true);
    if latency.count() < succeeded {
        about.notes.push(format!("h2load kept {} samples of {done} requests", latency.count()));
    }
    let length = Duration::try_from_secs_f64(duration).unwrap_or(Duration::ZERO);
    Ok(Reading::of_summary(about, length, vec![Stated { label: ALL.into(), counts, latency: Latency::Bins(latency) }]))
}
