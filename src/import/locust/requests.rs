//! Locust's log of requests (`csv_request_logger`, since 2.44): every request with its own time.

use crate::import::error::ImportError;
use crate::import::failure::Failure;
use crate::import::input::{Head, Input};
use crate::import::label::Labels;
use crate::import::ledger::{Ledger, Observation, micros};
use crate::import::reading::{Reading, imported};
use crate::import::{ImportOptions, Tool};
use crate::run::{Exactness, Measure};

const HEADER: &str = "timestamp,request_type,name,response_time_ms,response_length,status_code,exception";

pub(in crate::import) fn recognises(head: &Head) -> bool {
    head.text.starts_with(HEADER)
}

pub(in crate::import) fn read(input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let mut rows = input.rows(b',');
    let (mut ledger, mut labels) = (Ledger::new(rows.path(), Tool::Locust), Labels::default());
    rows.advance()?;
    while rows.advance()? {
        let seconds: f64 = rows.number_in(0, "`timestamp`")?;
        let millis: f64 = rows.number_in(3, "`response_time_ms`")?;
        let status: u16 = rows.number_in(5, "`status_code`")?;
        let exception = rows.text(6);
        let failure = match status {
            400..=599 => Some(Failure::of_status(status)),
            _ if !exception.trim().is_empty() => Some(Failure::of_words(&exception)),
            0 => Some(Failure::of_words("no answer: connection closed")),
            _ => None,
        };
        #[expect(clippy::cast_possible_truncation, reason = "held against this century when it is counted")]
        let observation = Observation {
            started: (seconds * 1e6) as i64,
            latency: Some(micros(millis * 1000.0).map_err(|problem| rows.error(problem))?),
            ttfb: None,
            status: Some(status).filter(|status| *status > 0),
            bytes: rows.number_in(4, "`response_length`").unwrap_or(0),
            failure,
        };
        let label = labels.of_request(&rows.text(1), &rows.text(2));
        ledger.record(&label, rows.number(), observation)?;
    }
    rows.finish()?;
    let mut about = imported("Locust", "request log", Measure::Service, Exactness::Samples);
    about.notes.extend(labels.note());
    Ok(ledger.into_reading(labels.target(), about))
}
