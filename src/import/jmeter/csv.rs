//! A JTL in columns, with or without a header, with whatever stands between the columns.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{TRANSACTION, failure, sub_results, tell};
use crate::import::error::ImportError;
use crate::import::input::{Head, Input, Rows};
use crate::import::label::cleaned;
use crate::import::ledger::{Ledger, Observation};
use crate::import::reading::{Reading, imported};
use crate::import::{ImportOptions, Tool};
use crate::run::{Exactness, Measure};

const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];
/// What JMeter writes by default, in this order.
const DEFAULT_COLUMNS: [&str; 17] = [
    "timeStamp",
    "elapsed",
    "label",
    "responseCode",
    "responseMessage",
    "threadName",
    "dataType",
    "success",
    "failureMessage",
    "bytes",
    "sentBytes",
    "grpThreads",
    "allThreads",
    "URL",
    "Latency",
    "IdleTime",
    "Connect",
];

pub(in crate::import) fn recognises(head: &Head) -> bool {
    delimiter(head).is_some()
}

/// What stands between the columns of a JTL's first line.
fn delimiter(head: &Head) -> Option<char> {
    let line = head.text.lines().next()?;
    DELIMITERS.into_iter().find(|delimiter| {
        let cells: Vec<&str> = line.split(*delimiter).collect();
        let has_header = ["elapsed", "label"].iter().all(|name| cells.contains(name));
        has_header || is_default_row(&cells)
    })
}

/// A row of the default columns: a file without a header.
fn is_default_row(cells: &[&str]) -> bool {
    let number = |at: usize| cells.get(at).is_some_and(|cell| !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit()));
    cells.len() >= DEFAULT_COLUMNS.len()
        && number(0)
        && number(1)
        && cells[0].len() == 13
        && cells.iter().any(|cell| matches!(*cell, "true" | "false"))
}

struct Columns {
    time: usize,
    elapsed: usize,
    label: usize,
    success: usize,
    code: Option<usize>,
    message: Option<usize>,
    assertion: Option<usize>,
    bytes: Option<usize>,
    latency: Option<usize>,
    samples: Option<usize>,
}

impl Columns {
    fn of(rows: &Rows, header: &[String]) -> Result<Self, ImportError> {
        let at = |name: &str| header.iter().position(|column| column == name);
        let needed = |name: &str| {
            at(name).ok_or_else(|| {
                rows.error(format!("the file has no column `{name}`"))
                    .with_hint("let JMeter save timestamp, time, label and success: jmeter.save.saveservice.* = true")
            })
        };
        Ok(Self {
            time: needed("timeStamp")?,
            elapsed: needed("elapsed")?,
            label: needed("label")?,
            success: needed("success")?,
            code: at("responseCode"),
            message: at("responseMessage"),
            assertion: at("failureMessage"),
            bytes: at("bytes"),
            latency: at("Latency"),
            samples: at("SampleCount"),
        })
    }
}

pub(in crate::import) fn read(input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let separator = delimiter(&input.head()).and_then(|delimiter| u8::try_from(delimiter).ok()).unwrap_or(b',');
    let mut rows = input.rows(separator);
    let mut ledger = Ledger::new(rows.path(), Tool::Jmeter);
    rows.advance()?;
    let first: Vec<String> = rows.cells().collect();
    let has_header = first.iter().any(|cell| cell == "elapsed");
    let columns = if has_header { Columns::of(&rows, &first)? } else { Columns::of(&rows, &DEFAULT_COLUMNS.map(ToOwned::to_owned))? };
    let mut transactions = 0;
    let mut more = if has_header { rows.advance()? } else { true };
    while more {
        if sample(&rows, &columns, &mut ledger)? == Kind::Transaction {
            transactions += 1;
        }
        more = rows.advance()?;
    }
    rows.finish()?;
    let mut about = imported("JMeter", "JTL", Measure::Service, Exactness::Samples);
    tell(transactions, &sub_results(ledger.labels().collect::<Vec<_>>().into_iter()), &mut about);
    Ok(ledger.into_reading("unknown".into(), about))
}

#[derive(PartialEq, Eq)]
enum Kind {
    Request,
    Transaction,
}

fn sample(rows: &Rows, columns: &Columns, ledger: &mut Ledger) -> Result<Kind, ImportError> {
    let text = |column: Option<usize>| column.map(|column| rows.text(column)).unwrap_or_default();
    let message = text(columns.message);
    if message.starts_with(TRANSACTION) {
        return Ok(Kind::Transaction);
    }
    if columns.samples.is_some_and(|column| !matches!(rows.cell(column), b"1" | b"")) {
        return Err(rows.error("the row holds several samples together").with_hint("let JMeter save every sample: no `mode=Statistical`"));
    }
    let success = match rows.cell(columns.success) {
        b"true" => true,
        b"false" => false,
        _ => return Err(rows.error(format!("`success` is {:?}: `true` or `false` is allowed", rows.text(columns.success)))),
    };
    let Some(started) = time_of(&rows.text(columns.time)) else {
        return Err(rows.error(format!("`timeStamp` is {:?}: milliseconds since 1970 or a date are allowed", rows.text(columns.time))));
    };
    let millis = |column| rows.number_in::<u64>(column, "`elapsed`").map(|millis| millis.saturating_mul(1000));
    let latency = millis(columns.elapsed)?;
    if latency > 3_600_000_000 {
        return Err(rows.error(format!("`elapsed` is {} ms, more than an hour: is it in milliseconds?", latency / 1000)));
    }
    let code = text(columns.code);
    let observation = Observation {
        started,
        latency: Some(latency),
        ttfb: columns.latency.and_then(|column| millis(column).ok()).filter(|ttfb| *ttfb > 0),
        status: code.parse().ok().filter(|status| (100..600).contains(status)),
        bytes: columns.bytes.and_then(|column| rows.number_in(column, "`bytes`").ok()).unwrap_or(0),
        failure: failure(success, &code, &message, &text(columns.assertion)),
    };
    ledger.record(&cleaned(&rows.text(columns.label)), rows.number(), observation)?;
    Ok(Kind::Request)
}

/// Microseconds since 1970 of milliseconds, or of a date, which JMeter writes without a zone: taken as UTC.
fn time_of(text: &str) -> Option<i64> {
    if let Ok(millis) = text.parse::<i64>() {
        return millis.checked_mul(1000);
    }
    let forms = ["%Y/%m/%d %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
    let time = forms.iter().find_map(|form| DateTime::strptime(form, text).ok());
    time.and_then(|time| time.to_zoned(TimeZone::UTC).ok()).map(|time| Timestamp::as_microsecond(time.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_milliseconds_or_dates() {
        for text in ["1795183756000", "2026/11/20 14:09:16.000", "2026-11-20 14:09:16", "2026-11-20T14:09:16"] {
            assert_eq!(time_of(text), Some(1_795_183_756_000_000), "{text}");
        }
        assert_eq!(time_of("noon"), None);
    }
}
