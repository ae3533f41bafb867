//! `vegeta encode --to csv`: twelve columns without a header.

use super::failure;
use crate::import::error::ImportError;
use crate::import::input::{Head, Input};
use crate::import::label::Labels;
use crate::import::ledger::{Ledger, Observation, micros};
use crate::import::reading::{Reading, imported};
use crate::import::{ImportOptions, Tool};
use crate::run::{Exactness, Measure};

pub(in crate::import) fn recognises(head: &Head) -> bool {
    let line = head.text.lines().next().unwrap_or_default();
    let cells: Vec<&str> = line.split(',').collect();
    let digits = |at: usize, length: std::ops::RangeInclusive<usize>| {
        cells.get(at).is_some_and(|cell| length.contains(&cell.len()) && cell.bytes().all(|byte| byte.is_ascii_digit()))
    };
    cells.len() >= 12 && digits(0, 19..=19) && digits(1, 1..=3) && digits(2, 1..=19)
}

pub(in crate::import) fn read(input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let mut rows = input.rows(b',');
    let (mut ledger, mut labels) = (Ledger::new(rows.path(), Tool::Vegeta), Labels::default());
    while rows.advance()? {
        let (time, latency): (i64, f64) = (rows.number_in(0, "the time")?, rows.number_in(2, "the latency")?);
        let code: u16 = rows.number_in(1, "the status")?;
        let observation = Observation {
            started: time / 1000,
            latency: Some(micros(latency / 1000.0).map_err(|problem| rows.error(problem))?),
            ttfb: None,
            status: Some(code).filter(|code| *code > 0),
            bytes: rows.number_in(4, "the bytes received")?,
            failure: failure(code, &rows.text(5)),
        };
        let label = labels.of_request(&rows.text(9), &rows.text(10));
        ledger.record(&label, rows.number(), observation)?;
    }
    rows.finish()?;
    let mut about = imported("vegeta", "CSV results", Measure::Response, Exactness::Samples);
    about.notes.extend(labels.note());
    Ok(ledger.into_reading(labels.target(), about))
}
