//! `oha --output-format csv`: every request that was answered; the others are not in the file.

use jiff::Timestamp;

use super::ALL;
use crate::import::error::ImportError;
use crate::import::failure::Failure;
use crate::import::input::{Head, Input};
use crate::import::ledger::{Ledger, Observation, micros};
use crate::import::reading::{Reading, imported};
use crate::import::{ImportOptions, Tool};
use crate::run::{Exactness, FailureDetail, Measure};

const HEADER: &str = "request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status";
/// Times are counted from the start of the load: any day does, and is left off again.
const SOME_DAY: i64 = 1_700_000_000_000_000;

pub(in crate::import) fn recognises(head: &Head) -> bool {
    head.text.starts_with(HEADER)
}

pub(in crate::import) fn read(input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let mut rows = input.rows(b',');
    let mut ledger = Ledger::new(rows.path(), Tool::Oha);
    rows.advance()?;
    while rows.advance()? {
        let seconds = |column, what: &str| {
            rows.number_in::<f64>(column, what).and_then(|seconds| micros(seconds * 1e6).map_err(|problem| rows.error(problem)))
        };
        let started = seconds(0, "`request-start`")?;
        let status: u16 = rows.number_in(6, "`status`")?;
        let observation = Observation {
            started: SOME_DAY.saturating_add(i64::try_from(started).unwrap_or(0)),
            latency: Some(seconds(4, "`request-duration`")?),
            ttfb: None,
            status: Some(status),
            bytes: rows.number_in(5, "`bytes`")?,
            failure: (status >= 400).then(|| Failure::of_status(status)),
        };
        ledger.record(ALL, rows.number(), observation)?;
    }
    rows.finish()?;
    let mut about = imported("oha", "CSV", Measure::Service, Exactness::Samples);
    about.failures = FailureDetail::AnsweredOnly;
    about.notes.push("oha's CSV holds answered requests only; its JSON also counts those that failed on the way".to_owned());
    let started_at: Option<Timestamp> = None;
    Ok(Reading { started_at, ..ledger.into_reading("unknown".into(), about) })
}
