//! What another tool measured, as keys of the run file and back, with every number held to its limits.

use std::collections::BTreeMap;

use super::RunFileError;
use super::checks::{at_most, count, invalid, not_negative, shortened};
use super::format::{
    ExactnessFile, FailureDetailFile, ImportedFile, MeasureFile, ResolutionFile, ResolutionStepFile, StatedLatencyFile, StatedTotalFile,
};
use super::read_endpoints::failures_of;
use super::write::failures_file;
use crate::run::{
    EndpointRun, Exactness, FailureDetail, Imported, MAX_CAUSES, Measure, PhaseSeries, Resolution, StatedLatency, StatedTotal,
};
use crate::units::Percentile;

const MAX_TEXTS: usize = 100;
const MAX_STEPS: usize = 100;
const MAX_PERCENTILES: usize = 100;

/// The file form.
pub(super) fn imported_file(imported: &Imported) -> ImportedFile {
    let Imported { tool, format, measure, exactness, failures, failures_in_latency, resolution, notes, warnings, stated, total } = imported;
    ImportedFile {
        tool: tool.clone(),
        format: format.clone(),
        measure: match measure {
            Measure::Response => MeasureFile::Response,
            Measure::Service => MeasureFile::Service,
            Measure::ServiceWithoutConnect => MeasureFile::ServiceWithoutConnect,
            Measure::TimeToFirstByte => MeasureFile::Ttfb,
        },
        exactness: match exactness {
            Exactness::Samples => ExactnessFile::Samples,
            Exactness::Histogram => ExactnessFile::Histogram,
            Exactness::Summary => ExactnessFile::Summary,
        },
        failures: match failures {
            FailureDetail::Classes => FailureDetailFile::Classes,
            FailureDetail::Count => FailureDetailFile::Count,
            FailureDetail::AnsweredOnly => FailureDetailFile::AnsweredOnly,
            FailureDetail::Unknown => FailureDetailFile::Unknown,
        },
        failures_in_latency: *failures_in_latency,
        resolution: ResolutionFile {
            relative: resolution.relative,
            steps: resolution.steps.iter().map(|&(from_ms, width_ms)| ResolutionStepFile { from_ms, width_ms }).collect(),
        },
        notes: notes.clone(),
        warnings: warnings.clone(),
        stated: stated.iter().map(|(name, latency)| (name.clone(), latency_file(latency))).collect(),
        total: total.as_ref().map(total_file),
    }
}

fn latency_file(latency: &StatedLatency) -> StatedLatencyFile {
    let StatedLatency { samples, percentiles, max, mean } = latency;
    let percentiles_ms = percentiles.iter().map(|(percentile, millis)| (percentile.to_string(), *millis)).collect();
    StatedLatencyFile { samples: *samples, percentiles_ms, max_ms: *max, mean_ms: *mean }
}

fn total_file(total: &StatedTotal) -> StatedTotalFile {
    let StatedTotal { counts, latency } = total;
    StatedTotalFile {
        requests: counts.requests,
        ok: counts.ok,
        failures: failures_file(&counts.failures),
        unfinished: counts.unfinished,
        causes: counts.causes.clone(),
        statuses: counts.statuses.clone(),
        bytes: counts.bytes,
        latency: latency_file(latency),
    }
}

/// What a file's keys say, held against its endpoints.
pub(super) fn imported_of(file: ImportedFile, endpoints: &[EndpointRun]) -> Result<Imported, RunFileError> {
    let ImportedFile { tool, format, measure, exactness, failures, failures_in_latency, resolution, notes, warnings, stated, total } = file;
    let place = "imported";
    at_most(place, "notes", notes.len(), MAX_TEXTS)?;
    at_most(place, "warnings", warnings.len(), MAX_TEXTS)?;
    let mut latencies = BTreeMap::new();
    for (name, latency) in stated {
        let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.name == name) else {
            return Err(invalid(place, "stated", format!("names the endpoint {:?}, which the run has not", shortened(&name))));
        };
        let place = format!("imported, endpoint `{name}`");
        let requests = endpoint.phases.iter().map(|series| series.requests).sum();
        latencies.insert(name, latency_of(&place, latency, requests)?);
    }
    Ok(Imported {
        tool,
        format,
        measure: match measure {
            MeasureFile::Response => Measure::Response,
            MeasureFile::Service => Measure::Service,
            MeasureFile::ServiceWithoutConnect => Measure::ServiceWithoutConnect,
            MeasureFile::Ttfb => Measure::TimeToFirstByte,
        },
        exactness: match exactness {
            ExactnessFile::Samples => Exactness::Samples,
            ExactnessFile::Histogram => Exactness::Histogram,
            ExactnessFile::Summary => Exactness::Summary,
        },
        failures: match failures {
            FailureDetailFile::Classes => FailureDetail::Classes,
            FailureDetailFile::Count => FailureDetail::Count,
            FailureDetailFile::AnsweredOnly => FailureDetail::AnsweredOnly,
            FailureDetailFile::Unknown => FailureDetail::Unknown,
        },
        failures_in_latency,
        resolution: resolution_of(place, resolution)?,
        notes,
        warnings,
        stated: latencies,
        total: total.map(total_of).transpose()?,
    })
}

fn resolution_of(place: &str, file: ResolutionFile) -> Result<Resolution, RunFileError> {
    let ResolutionFile { relative, steps } = file;
    at_most(place, "resolution.steps", steps.len(), MAX_STEPS)?;
    let step = |ResolutionStepFile { from_ms, width_ms }| {
        Ok((not_negative(place, "resolution.from_ms", from_ms)?, not_negative(place, "resolution.width_ms", width_ms)?))
    };
    let steps: Vec<(f64, f64)> = steps.into_iter().map(step).collect::<Result<_, RunFileError>>()?;
    Ok(Resolution { relative: not_negative(place, "resolution.relative", relative)?, steps })
}

fn latency_of(place: &str, file: StatedLatencyFile, requests: u64) -> Result<StatedLatency, RunFileError> {
    let StatedLatencyFile { samples, percentiles_ms, max_ms, mean_ms } = file;
    if samples > requests {
        return Err(invalid(place, "samples", format!("is {samples}, more than its {requests} requests")));
    }
    at_most(place, "percentiles_ms", percentiles_ms.len(), MAX_PERCENTILES)?;
    let mut percentiles = BTreeMap::new();
    for (name, millis) in percentiles_ms {
        let percentile: Percentile =
            name.parse().map_err(|error: crate::units::QuantityError| invalid(place, "percentiles_ms", error.to_string()))?;
        percentiles.insert(percentile, not_negative(place, "percentiles_ms", millis)?);
    }
    let finite = |field, value: Option<f64>| value.map(|value| not_negative(place, field, value)).transpose();
    let stated = StatedLatency { samples, percentiles, max: finite("max_ms", max_ms)?, mean: finite("mean_ms", mean_ms)? };
    if stated.falls() {
        return Err(invalid(place, "percentiles_ms", "fall where a higher percentile can't be lower"));
    }
    Ok(stated)
}

fn total_of(file: StatedTotalFile) -> Result<StatedTotal, RunFileError> {
    let StatedTotalFile { requests, ok, failures, unfinished, causes, statuses, bytes, latency } = file;
    let place = "imported, total";
    let failures = failures_of(place, failures)?;
    let parts = count(place, "ok", ok)? + failures.total() + count(place, "unfinished", unfinished)?;
    if count(place, "requests", requests)? != parts {
        return Err(invalid(place, "requests", format!("is {requests}, but ok, failures and unfinished add up to {parts}")));
    }
    at_most(place, "causes", causes.len(), MAX_CAUSES + 1)?;
    for &number in statuses.values().chain(causes.values()) {
        count(place, "statuses", number)?;
    }
    let latency = latency_of(place, latency, requests)?;
    Ok(StatedTotal {
        counts: PhaseSeries { requests, ok, unfinished, failures, causes, statuses, bytes, ..PhaseSeries::default() },
        latency,
    })
}
