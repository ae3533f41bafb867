//! `k6 run --out csv=FILE`: the same points in columns, whose set follows from k6's system tags.

use jiff::Timestamp;

use super::{Beside, TAGS_HINT, failure};
use crate::import::error::ImportError;
use crate::import::input::{Head, Input, Rows};
use crate::import::label::Labels;
use crate::import::ledger::{Ledger, Observation, micros};
use crate::import::reading::{Reading, imported};
use crate::import::{ImportOptions, Tool};
use crate::run::{Exactness, FailureClass, Measure};

/// k6 writes whole seconds where it is not told otherwise.
const WHOLE_SECOND_DIGITS: usize = 11;

pub(in crate::import) fn recognises(head: &Head) -> bool {
    head.text.starts_with("metric_name,timestamp,metric_value")
}

/// Where the columns stand.
struct Columns {
    name: Option<usize>,
    url: Option<usize>,
    method: Option<usize>,
    status: Option<usize>,
    expected: Option<usize>,
    error: Option<usize>,
    code: Option<usize>,
}

impl Columns {
    fn of(header: &[String]) -> Self {
        let at = |name: &str| header.iter().position(|column| column == name);
        Self {
            name: at("name"),
            url: at("url"),
            method: at("method"),
            status: at("status"),
            expected: at("expected_response"),
            error: at("error"),
            code: at("error_code"),
        }
    }
}

pub(in crate::import) fn read(input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let mut rows = input.rows(b',');
    let (mut ledger, mut labels, mut beside) = (Ledger::new(rows.path(), Tool::K6), Labels::default(), Beside::default());
    rows.advance()?;
    let columns = Columns::of(&rows.cells().collect::<Vec<_>>());
    while rows.advance()? {
        let metric = rows.cell(0);
        let is_request = metric == b"http_req_duration";
        if !is_request && ![&b"http_req_waiting"[..], b"iterations", b"dropped_iterations", b"checks"].contains(&metric) {
            continue;
        }
        let value: f64 = rows.number_in(2, "`metric_value`")?;
        match metric {
            b"http_req_duration" => request(&rows, &columns, value, &mut ledger, &mut labels, &mut beside)?,
            b"http_req_waiting" => first_byte(&rows, &columns, value, &mut ledger, &mut labels)?,
            b"iterations" => beside.iterations += value,
            b"dropped_iterations" => beside.dropped += value,
            _ => {
                beside.checks += 1.0;
                beside.failed_checks += f64::from(u8::from(value == 0.0));
            }
        }
    }
    rows.finish()?;
    let mut about = imported("k6", "CSV points", Measure::ServiceWithoutConnect, Exactness::Samples);
    about.notes.extend(labels.note());
    let problems = beside.tell(&mut about);
    Ok(Reading { problems, ..ledger.into_reading(labels.target(), about) })
}

fn tag(rows: &Rows, column: Option<usize>) -> Option<String> {
    column.map(|column| rows.text(column).into_owned()).filter(|text| !text.is_empty())
}

fn label_of(rows: &Rows, columns: &Columns, labels: &mut Labels) -> String {
    let name = tag(rows, columns.name).or_else(|| tag(rows, columns.url)).unwrap_or_default();
    labels.of_request(&tag(rows, columns.method).unwrap_or_default(), &name)
}

fn request(
    rows: &Rows,
    columns: &Columns,
    value: f64,
    ledger: &mut Ledger,
    labels: &mut Labels,
    beside: &mut Beside,
) -> Result<(), ImportError> {
    let text = rows.text(1);
    let Some(time) = time_of(&text) else { return Err(rows.error(format!("the time {:?} is in no form that k6 writes", rows.text(1)))) };
    let latency = micros(value * 1000.0).map_err(|problem| rows.error(problem))?;
    let status = tag(rows, columns.status);
    let (expected, code, error) = (tag(rows, columns.expected), tag(rows, columns.code), tag(rows, columns.error));
    let failure = failure(expected.as_deref(), status.as_deref(), code.as_deref(), error.as_deref())
        .map_err(|problem| rows.error(problem).with_hint(TAGS_HINT))?;
    let timed_out = failure.as_ref().is_some_and(|failure| failure.class == FailureClass::Timeout);
    beside.untimed += u64::from(timed_out);
    // Of a second nothing finer is known: the load began with the first and ended with the last.
    let is_whole_second = text.len() <= WHOLE_SECOND_DIGITS;
    let observation = Observation {
        started: if is_whole_second { time } else { time.saturating_sub(i64::try_from(latency).unwrap_or(0)) },
        latency: (!timed_out).then_some(latency),
        ttfb: None,
        status: status.and_then(|status| status.parse().ok()).filter(|status| *status > 0),
        bytes: 0,
        failure,
    };
    ledger.record(&label_of(rows, columns, labels), rows.number(), observation)?;
    if is_whole_second {
        ledger.lasts_until(time.saturating_add(1_000_000));
    }
    Ok(())
}

fn first_byte(rows: &Rows, columns: &Columns, value: f64, ledger: &mut Ledger, labels: &mut Labels) -> Result<(), ImportError> {
    let (expected, status) = (tag(rows, columns.expected), tag(rows, columns.status));
    if failure(expected.as_deref(), status.as_deref(), None, None).is_ok_and(|failure| failure.is_none()) {
        let waited = micros(value * 1000.0).map_err(|problem| rows.error(problem))?;
        ledger.record_ttfb(&label_of(rows, columns, labels), rows.number(), waited)?;
    }
    Ok(())
}

/// Microseconds since 1970: RFC 3339, or a number whose size tells seconds from milli-, micro- and nanoseconds.
fn time_of(text: &str) -> Option<i64> {
    if text.contains('T') {
        return text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond);
    }
    let number: i64 = text.parse().ok()?;
    match number {
        0..100_000_000_000 => Some(number * 1_000_000),
        100_000_000_000..100_000_000_000_000 => Some(number * 1000),
        100_000_000_000_000..100_000_000_000_000_000 => Some(number),
        _ => Some(number / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_read_in_every_form_that_k6_writes() {
        for text in ["1795183756", "1795183756000", "1795183756000000", "1795183756000000000", "2026-11-20T14:09:16Z"] {
            assert_eq!(time_of(text), Some(1_795_183_756_000_000), "{text}");
        }
        assert_eq!(time_of("yesterday"), None);
    }
}
