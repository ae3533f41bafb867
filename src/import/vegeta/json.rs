//! `vegeta encode --to json`: a line for each result.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;

use super::failure;
use crate::import::error::ImportError;
use crate::import::input::{Head, Input};
use crate::import::label::Labels;
use crate::import::ledger::{Ledger, Observation, micros};
use crate::import::reading::{Reading, imported};
use crate::import::{ImportOptions, Tool};
use crate::run::{Exactness, Measure};

#[derive(Deserialize)]
struct Line<'a> {
    code: u16,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    latency: f64,
    #[serde(default)]
    bytes_in: u64,
    #[serde(borrow, default)]
    error: Cow<'a, str>,
    #[serde(borrow, default)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    url: Cow<'a, str>,
}

pub(in crate::import) fn recognises(head: &Head) -> bool {
    ["attack", "seq", "code", "timestamp", "latency"].iter().all(|key| head.keys.contains(*key))
}

pub(in crate::import) fn read(mut input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let (mut ledger, mut labels) = (Ledger::new(input.path(), Tool::Vegeta), Labels::default());
    while input.advance()? {
        if input.line().is_empty() {
            continue;
        }
        let Line { code, timestamp, latency, bytes_in, error, method, url } = input.json()?;
        let Ok(time) = timestamp.parse::<Timestamp>() else { return Err(input.error(format!("the time {timestamp:?} is not RFC 3339"))) };
        let observation = Observation {
            started: time.as_microsecond(),
            latency: Some(micros(latency / 1000.0).map_err(|problem| input.error(problem))?),
            ttfb: None,
            status: Some(code).filter(|code| *code > 0),
            bytes: bytes_in,
            failure: failure(code, &error),
        };
        ledger.record(&labels.of_request(&method, &url), input.number(), observation)?;
    }
    let mut about = imported("vegeta", "JSON results", Measure::Response, Exactness::Samples);
    about.notes.extend(labels.note());
    Ok(ledger.into_reading(labels.target(), about))
}
