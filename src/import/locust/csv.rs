//! `locust --csv PREFIX`: `PREFIX_stats.csv` with what stands beside it. Percentiles by name, why requests failed, and
//! how long the load was; written once a second and not once more at the end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::buckets;
use crate::import::ImportOptions;
use crate::import::error::ImportError;
use crate::import::failure::Failure;
use crate::import::input::{Head, Input, Rows};
use crate::import::label::Labels;
use crate::import::reading::{Latency, Reading, Stated, imported};
use crate::run::{Exactness, FailureClass, FailureDetail, Imported, Measure, PhaseSeries, StatedLatency, StatedTotal};
use crate::units::Percentile;

const SIBLINGS: [&str; 3] = ["_failures.csv", "_exceptions.csv", "_stats_history.csv"];
/// In a shorter load the last second, which is missing, has weight.
const SHORT: Duration = Duration::from_secs(120);

pub(in crate::import) fn recognises(head: &Head) -> bool {
    [
        "Type,Name,Request Count,Failure Count,",
        "Timestamp,User Count,Type,Name,",
        "Method,Name,Error,Occurrences",
        "Count,Message,Traceback,Nodes",
    ]
    .iter()
    .any(|header| head.text.starts_with(header))
}

pub(in crate::import) fn read(input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let path = stats_path(input.path());
    let input = if path == input.path() {
        input
    } else {
        let other = Input::open(&path).map_err(|_| ImportError::document(input.path(), format!("{} is not beside it", path.display())))?;
        if !other.head().text.starts_with("Type,Name,Request Count,") {
            return Err(ImportError::document(&path, "not the `_stats.csv` of Locust"));
        }
        other
    };
    let mut labels = Labels::default();
    let Stats { mut endpoints, total, rate } = stats(input, &mut labels)?;
    let mut about = imported("Locust", "CSV", Measure::Service, Exactness::Summary);
    (about.failures_in_latency, about.resolution) = (true, buckets());
    about.failures = if explain(&path, &mut endpoints)? { FailureDetail::Classes } else { FailureDetail::Count };
    about.notes.extend(labels.note());
    about.total = Some(total);
    exceptions(&path, &mut about)?;
    let history = history(&path)?;
    let length = history.map(|(first, last)| last.duration_since(first).unsigned_abs()).filter(|length| !length.is_zero());
    let length = length.or(rate).unwrap_or(Duration::ZERO);
    let stale = "Locust writes its CSV once a second and not at its end: the last requests are missing; `--json-file` has them all";
    if length < SHORT {
        about.warnings.push(stale.to_owned());
    } else {
        about.notes.push(stale.to_owned());
    }
    let mut reading = Reading::of_summary(about, length, endpoints.into_values().collect());
    reading.target = labels.target();
    reading.started_at = history.map(|(first, _)| first);
    Ok(reading)
}

/// The file of the set that holds the figures.
fn stats_path(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let prefix = SIBLINGS.iter().find_map(|suffix| name.strip_suffix(suffix));
    prefix.map_or_else(|| path.to_owned(), |prefix| path.with_file_name(format!("{prefix}_stats.csv")))
}

fn sibling(stats: &Path, suffix: &str) -> Option<PathBuf> {
    let name = stats.file_name()?.to_string_lossy().into_owned();
    let path = stats.with_file_name(format!("{}{suffix}", name.strip_suffix("_stats.csv")?));
    path.is_file().then_some(path)
}

struct Stats {
    /// By method and name as Locust has them.
    endpoints: BTreeMap<(String, String), Stated>,
    total: StatedTotal,
    /// Requests over requests a second.
    rate: Option<Duration>,
}

fn stats(input: Input, labels: &mut Labels) -> Result<Stats, ImportError> {
    let mut rows = input.rows(b',');
    rows.advance()?;
    let header: Vec<String> = rows.cells().collect();
    let mut endpoints = BTreeMap::new();
    let mut total = None;
    while rows.advance()? {
        if total.is_some() {
            return Err(rows.error("a row behind `Aggregated`: is the file mixed up?"));
        }
        let (counts, latency) = row(&rows, &header)?;
        let (method, name) = (rows.text(0).into_owned(), rows.text(1).into_owned());
        if method.is_empty() && name == "Aggregated" {
            let rate: f64 = rows.number_in(column(&rows, &header, "Requests/s")?, "`Requests/s`")?;
            total = Some((counts, latency, rate));
            continue;
        }
        let latency = if counts.requests > 0 { Latency::Figures(latency) } else { Latency::Unknown };
        let stated = Stated { label: labels.of_request(&method, &name), counts, latency };
        if endpoints.insert((method, name), stated).is_some() {
            return Err(rows.error("the name stands there twice: is the file mixed up?"));
        }
    }
    let Some((counts, latency, rate)) = total else { return Err(ImportError::cut_off(rows.path(), rows.number() + 1)) };
    let requests: u64 = endpoints.values().map(|endpoint: &Stated| endpoint.counts.requests).sum();
    if requests != counts.requests {
        return Err(rows.error(format!("`Aggregated` has {} requests, the rows above {requests}: is the file mixed up?", counts.requests)));
    }
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let seconds = counts.requests as f64 / rate;
    Ok(Stats { endpoints, total: StatedTotal { counts, latency }, rate: Duration::try_from_secs_f64(seconds).ok() })
}

fn column(rows: &Rows, header: &[String], name: &str) -> Result<usize, ImportError> {
    header.iter().position(|column| column == name).ok_or_else(|| rows.error(format!("the file has no column `{name}`")))
}

/// The figures of one row, its percentiles by the header: which of them are there is Locust's setting.
fn row(rows: &Rows, header: &[String]) -> Result<(PhaseSeries, StatedLatency), ImportError> {
    let count = |name: &str| rows.number_in::<u64>(column(rows, header, name)?, name);
    let (requests, failed) = (count("Request Count")?, count("Failure Count")?);
    if failed > requests {
        return Err(rows.error(format!("{failed} requests failed of {requests}: is the file mixed up?")));
    }
    let mut latency = StatedLatency { samples: requests, ..StatedLatency::default() };
    if requests > 0 {
        for (at, name) in header.iter().enumerate() {
            let Some(number) = name.strip_suffix('%').filter(|number| *number != "100") else { continue };
            let Ok(percentile) = format!("p{number}").parse::<Percentile>() else { continue };
            if rows.cell(at) != b"N/A" {
                latency.percentiles.insert(percentile, millis(rows, at, name)?);
            }
        }
        latency.max = Some(millis(rows, column(rows, header, "Max Response Time")?, "Max Response Time")?);
        latency.mean = Some(millis(rows, column(rows, header, "Average Response Time")?, "Average Response Time")?);
    }
    let mut counts = PhaseSeries { requests, ok: requests - failed, ..PhaseSeries::default() };
    counts.failures.add(FailureClass::Check, failed);
    if failed > 0 {
        counts.add_cause("failed by Locust's rules", failed);
    }
    Ok((counts, latency))
}

fn millis(rows: &Rows, column: usize, what: &str) -> Result<f64, ImportError> {
    let millis: f64 = rows.number_in(column, what)?;
    crate::import::ledger::micros(millis * 1000.0).map_err(|problem| rows.error(format!("{what}: {problem}")))?;
    Ok(millis)
}

/// Takes over why requests failed, where the failures' file has every one of them; otherwise only their number is known.
fn explain(stats: &Path, endpoints: &mut BTreeMap<(String, String), Stated>) -> Result<bool, ImportError> {
    let failed: u64 = endpoints.values().map(|endpoint| endpoint.counts.failures.total()).sum();
    if failed == 0 {
        return Ok(true);
    }
    let Some(path) = sibling(stats, "_failures.csv") else { return Ok(false) };
    let mut rows = Input::open(&path)?.rows(b',');
    rows.advance()?;
    let mut explained: BTreeMap<(String, String), Vec<(Failure, u64)>> = BTreeMap::new();
    while rows.advance()? {
        let count: u64 = rows.number_in(3, "`Occurrences`")?;
        let key = (rows.text(0).into_owned(), rows.text(1).into_owned());
        explained.entry(key).or_default().push((Failure::of_words(&rows.text(2)), count));
    }
    let sum = |failures: &[(Failure, u64)]| failures.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    let agrees =
        |(key, endpoint): (&(String, String), &Stated)| explained.get(key).map_or(0, |f| sum(f)) == endpoint.counts.failures.total();
    if !endpoints.iter().all(agrees) {
        return Ok(false);
    }
    for (key, failures) in &explained {
        let Some(endpoint) = endpoints.get_mut(key) else { return Ok(false) };
        (endpoint.counts.failures, endpoint.counts.causes) = Default::default();
        for (failure, count) in failures {
            endpoint.counts.failures.add(failure.class, *count);
            endpoint.counts.add_cause(&failure.cause, *count);
            if let Some(status) = failure.cause.strip_prefix("status ").and_then(|status| status.parse().ok()) {
                *endpoint.counts.statuses.entry(status).or_default() += count;
            }
        }
    }
    Ok(true)
}

fn exceptions(stats: &Path, about: &mut Imported) -> Result<(), ImportError> {
    let Some(path) = sibling(stats, "_exceptions.csv") else { return Ok(()) };
    let mut rows = Input::open(&path)?.rows(b',');
    rows.advance()?;
    let mut count = 0_u64;
    while rows.advance()? {
        count = count.saturating_add(rows.number_in(0, "`Count`")?);
    }
    if count > 0 {
        about.warnings.push(format!("{count} exceptions in the Locust file itself: what its tasks did after them was not done"));
    }
    Ok(())
}

/// First and last second of the load.
fn history(stats: &Path) -> Result<Option<(Timestamp, Timestamp)>, ImportError> {
    let Some(path) = sibling(stats, "_stats_history.csv") else { return Ok(None) };
    let mut rows = Input::open(&path)?.rows(b',');
    rows.advance()?;
    let mut span = None;
    while rows.advance()? {
        let Ok(second) = Timestamp::from_second(rows.number_in(0, "`Timestamp`")?) else {
            return Err(rows.error("the time is out of range"));
        };
        let (first, _) = span.unwrap_or((second, second));
        span = Some((first, second));
    }
    Ok(span)
}
