//! The percentile spectrum that wrk2 prints and `HdrHistogram`'s tools write: cumulative counts, which give a histogram
//! back. wrk2 also says how many requests failed; a spectrum alone does not.

use std::time::Duration;

use super::error::ImportError;
use super::failure::Failure;
use super::input::{Head, Input};
use super::label::Labels;
use super::ledger::micros;
use super::reading::{Latency, Reading, Stated, imported};
use super::{ImportOptions, TimeUnit};
use crate::run::{Exactness, FailureClass, FailureDetail, Measure, PhaseSeries};
use crate::stats::Histogram;
use crate::units::parse_duration;

pub(super) fn recognises_wrk2(head: &Head) -> bool {
    head.text.starts_with("Running ") && head.text.lines().next().is_some_and(|line| line.contains(" test @ "))
}

pub(super) fn recognises_spectrum(head: &Head) -> bool {
    head.text.lines().take(5).any(is_header)
}

fn is_header(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.first().is_some_and(|word| word.starts_with("Value")) && words.get(1..) == Some(&["Percentile", "TotalCount", "1/(1-Percentile)"])
}

/// What the lines below the header say.
struct Spectrum {
    histogram: Histogram,
    /// The number of the last line, and whether the end was reached.
    line: u64,
    ended: bool,
    /// What `Total count` says.
    stated: Option<u64>,
}

/// Rows of value, percentile and cumulative count, from the header on; `scale` makes microseconds of a value.
fn spectrum(input: &Input, text: &str, scale: f64) -> Result<Spectrum, ImportError> {
    let mut found = Spectrum { histogram: Histogram::new(), line: 0, ended: false, stated: None };
    let (mut below_header, mut counted) = (false, 0_u64);
    for (number, line) in (1..).zip(text.lines()) {
        found.line = number;
        if !below_header {
            below_header = is_header(line);
            continue;
        }
        if let Some(rest) = line.strip_prefix("#[") {
            let total = rest.split("Total count").nth(1).and_then(|rest| rest.trim_matches([' ', '=', ']']).parse().ok());
            found.stated = found.stated.or(total);
            found.ended = true;
            continue;
        }
        let cells: Vec<&str> = line.split_whitespace().collect();
        if cells.is_empty() || found.ended {
            continue;
        }
        let wrong = |problem: String| ImportError::Line { path: input.path().to_owned(), line: number, problem, hint: None };
        let row =
            (cells.len() >= 3).then(|| Some((cells[0].parse::<f64>().ok()?, cells[1].parse::<f64>().ok()?, cells[2].parse::<u64>().ok()?)));
        let Some((value, fraction, count)) = row.flatten() else {
            return Err(ImportError::cut_off(input.path(), number));
        };
        if count < counted || count > 1_000_000_000_000 {
            return Err(wrong(format!("the count {count} is below {counted}, that of the row above: is the file mixed up?")));
        }
        found.histogram.record_n(micros(value * scale).map_err(wrong)?, count - counted);
        counted = count;
        found.ended = fraction >= 1.0;
    }
    if !found.ended {
        return Err(ImportError::cut_off(input.path(), found.line));
    }
    if let Some(stated) = found.stated.filter(|stated| *stated != counted) {
        let problem = format!("the rows count {counted} requests, `Total count` is {stated}: is the file mixed up?");
        return Err(ImportError::document(input.path(), problem));
    }
    Ok(found)
}

pub(super) fn read_wrk2(mut input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let text = input.text()?;
    let lines = || text.lines().map(str::trim);
    let address = text.lines().next().and_then(|line| line.split(" @ ").nth(1)).unwrap_or_default().trim().to_owned();
    let Some((requests, length)) = lines().find_map(requests_line) else {
        let line = text.lines().count() as u64;
        return Err(ImportError::cut_off(input.path(), line.max(1)));
    };
    if !text.lines().any(is_header) {
        let problem = "wrk2's text has no `Detailed Percentile spectrum`";
        return Err(ImportError::document(input.path(), problem)
            .with_hint("run wrk2 with `--latency`; the text of wrk itself has too little in it"));
    }
    // wrk2 records microseconds and prints milliseconds.
    let found = spectrum(&input, &text, 1000.0)?;
    let number_behind = |label: &str| lines().find_map(|line| line.strip_prefix(label)?.trim().parse::<u64>().ok()).unwrap_or(0);
    let statuses = number_behind("Non-2xx or 3xx responses:");
    let sockets = lines().find_map(|line| line.strip_prefix("Socket errors:")).map(socket_errors).unwrap_or_default();
    let mut counts = PhaseSeries { ok: requests.saturating_sub(statuses), ..PhaseSeries::default() };
    let mut fail = |failure: Failure, count: u64| {
        counts.failures.add(failure.class, count);
        if count > 0 {
            counts.add_cause(&failure.cause, count);
        }
    };
    fail(Failure::new(FailureClass::Status, "status 4xx or 5xx"), statuses.min(requests));
    fail(Failure::of_words("refused"), sockets[0]);
    fail(Failure::of_words("reset"), sockets[1] + sockets[2]);
    fail(Failure::of_words("timeout"), sockets[3]);
    counts.requests = counts.ok + counts.failures.total();
    let mut labels = Labels::default();
    let label = labels.of_request("", &address);
    let mut about = imported("wrk2", "text", Measure::Response, Exactness::Histogram);
    about.failures_in_latency = true;
    about.failures = if statuses > 0 { FailureDetail::Count } else { FailureDetail::Classes };
    let calibrated = requests.saturating_sub(found.histogram.count());
    about
        .notes
        .push(format!("wrk2 records no latency while it calibrates: {calibrated} of {requests} requests are not in the percentiles"));
    let mut reading = Reading::of_summary(about, length, vec![Stated { label, counts, latency: Latency::Bins(found.histogram) }]);
    reading.target = labels.target();
    Ok(reading)
}

/// `2999 requests in 15.00s, 348.52KB read`
fn requests_line(line: &str) -> Option<(u64, Duration)> {
    let (count, rest) = line.split_once(" requests in ")?;
    Some((count.parse().ok()?, parse_duration(rest.split(',').next()?.trim()).ok()?))
}

/// `connect 0, read 3, write 0, timeout 1`
fn socket_errors(line: &str) -> [u64; 4] {
    ["connect", "read", "write", "timeout"]
        .map(|kind| line.split(',').find_map(|part| part.trim().strip_prefix(kind)?.trim().parse().ok()).unwrap_or(0))
}

pub(super) fn read_spectrum(mut input: Input, options: &ImportOptions) -> Result<Reading, ImportError> {
    let text = input.text()?;
    let header = text.lines().find(|line| is_header(line)).unwrap_or_default();
    let unit = header.split_whitespace().next().and_then(|word| word.strip_prefix("Value(")?.strip_suffix(')'));
    let scale = match (unit, options.unit) {
        (Some("ms"), None) | (_, Some(TimeUnit::Milliseconds)) => 1000.0,
        (Some("us" | "µs"), None) | (_, Some(TimeUnit::Microseconds)) => 1.0,
        (Some("ns"), None) | (_, Some(TimeUnit::Nanoseconds)) => 0.001,
        (Some("s"), None) | (_, Some(TimeUnit::Seconds)) => 1_000_000.0,
        (_, None) => {
            let problem = "the spectrum does not say in which unit its values are";
            return Err(ImportError::document(input.path(), problem).with_hint("say it: `--unit ms`, `us`, `ns` or `s`"));
        }
    };
    let found = spectrum(&input, &text, scale)?;
    let requests = found.histogram.count();
    let counts = PhaseSeries { requests, ok: requests, ..PhaseSeries::default() };
    let mut about = imported("HdrHistogram", "percentile spectrum", Measure::Service, Exactness::Histogram);
    about.failures = FailureDetail::Unknown;
    about.failures_in_latency = true;
    about.warnings.push("a spectrum says nothing of failures and of the load's length".to_owned());
    let stated = Stated { label: "all requests".into(), counts, latency: Latency::Bins(found.histogram) };
    Ok(Reading::of_summary(about, Duration::ZERO, vec![stated]))
}
