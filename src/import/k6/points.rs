//! `k6 run --out json=FILE`: a line for each point; of one request there are eight or nine.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Beside, TAGS_HINT, failure};
use crate::import::error::ImportError;
use crate::import::input::{Head, Input};
use crate::import::label::Labels;
use crate::import::ledger::{Ledger, Observation, micros};
use crate::import::reading::{Reading, imported};
use crate::import::{ImportOptions, Tool};
use crate::run::{Exactness, FailureClass, Measure};

/// How k6 begins a point.
const PREFIX: &[u8] = b"{\"metric\":\"";
/// What is read; every other point is passed over.
const WANTED: [&[u8]; 5] = [b"http_req_duration", b"http_req_waiting", b"iterations", b"dropped_iterations", b"checks"];

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    metric: Cow<'a, str>,
    #[serde(borrow)]
    data: Point<'a>,
}

#[derive(Deserialize)]
struct Point<'a> {
    #[serde(borrow)]
    time: Option<Text<'a>>,
    value: Option<f64>,
    #[serde(borrow)]
    tags: Option<Tags<'a>>,
}

#[derive(Deserialize, Default)]
struct Tags<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    url: Option<Text<'a>>,
    #[serde(borrow)]
    method: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    expected_response: Option<Text<'a>>,
    #[serde(borrow)]
    error: Option<Text<'a>>,
    #[serde(borrow)]
    error_code: Option<Text<'a>>,
}

/// Text that is borrowed from the line where it can be.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

pub(in crate::import) fn recognises(head: &Head) -> bool {
    ["metric", "type", "data"].iter().all(|key| head.keys.contains(*key))
}

pub(in crate::import) fn read(mut input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let (mut ledger, mut labels, mut beside) = (Ledger::new(input.path(), Tool::K6), Labels::default(), Beside::default());
    while input.advance()? {
        if input.line().is_empty() || is_passed_over(&input)? {
            continue;
        }
        let Line { kind, metric, data } = input.json()?;
        if kind != "Point" {
            continue;
        }
        let Some(value) = data.value else { return Err(input.error("the point has no `value`")) };
        match metric.as_ref() {
            "http_req_duration" => request(&input, &data, value, &mut ledger, &mut labels, &mut beside)?,
            "http_req_waiting" => first_byte(&input, &data, value, &mut ledger, &mut labels)?,
            "iterations" => beside.iterations += value,
            "dropped_iterations" => beside.dropped += value,
            "checks" => {
                beside.checks += 1.0;
                beside.failed_checks += f64::from(u8::from(value == 0.0));
            }
            _ => {}
        }
    }
    let mut about = imported("k6", "JSON points", Measure::ServiceWithoutConnect, Exactness::Samples);
    about.notes.extend(labels.note());
    let problems = beside.tell(&mut about);
    Ok(Reading { problems, ..ledger.into_reading(labels.target(), about) })
}

/// Whether the line is a whole point of a metric that is not needed.
fn is_passed_over(input: &Input) -> Result<bool, ImportError> {
    let Some(rest) = input.line().strip_prefix(PREFIX) else { return Ok(false) };
    if WANTED.iter().any(|name| rest.strip_prefix(*name).is_some_and(|rest| rest.first() == Some(&b'"'))) {
        return Ok(false);
    }
    if rest.ends_with(b"}}") || rest.ends_with(b"}") && rest.contains(&b'{') {
        Ok(true)
    } else {
        Err(ImportError::cut_off(input.path(), input.number()))
    }
}

fn label_of(tags: &Tags<'_>, labels: &mut Labels) -> String {
    let text = |text: &Option<Text<'_>>| text.as_ref().map(|text| text.0.clone().into_owned());
    let name = text(&tags.name).or_else(|| text(&tags.url)).unwrap_or_default();
    labels.of_request(tags.method.as_ref().map_or("", |method| &method.0), &name)
}

fn request(
    input: &Input,
    point: &Point<'_>,
    value: f64,
    ledger: &mut Ledger,
    labels: &mut Labels,
    beside: &mut Beside,
) -> Result<(), ImportError> {
    let (Some(time), Some(tags)) = (&point.time, &point.tags) else { return Err(input.error("the point has no `time` or no `tags`")) };
    let Ok(time) = time.0.parse::<Timestamp>() else { return Err(input.error(format!("the time {:?} is not RFC 3339", time.0))) };
    let latency = micros(value * 1000.0).map_err(|problem| input.error(problem))?;
    let text = |text: &'_ Option<Text<'_>>| text.as_ref().map(|text| text.0.clone().into_owned());
    let status = text(&tags.status);
    let failure = failure(
        text(&tags.expected_response).as_deref(),
        status.as_deref(),
        text(&tags.error_code).as_deref(),
        text(&tags.error).as_deref(),
    )
    .map_err(|problem| input.error(problem).with_hint(TAGS_HINT))?;
    let timed_out = failure.as_ref().is_some_and(|failure| failure.class == FailureClass::Timeout);
    beside.untimed += u64::from(timed_out);
    let observation = Observation {
        // A point is taken when its request ends.
        started: time.as_microsecond().saturating_sub(i64::try_from(latency).unwrap_or(0)),
        latency: (!timed_out).then_some(latency),
        ttfb: None,
        status: status.and_then(|status| status.parse().ok()).filter(|status| *status > 0),
        bytes: 0,
        failure,
    };
    ledger.record(&label_of(tags, labels), input.number(), observation)
}

fn first_byte(input: &Input, point: &Point<'_>, value: f64, ledger: &mut Ledger, labels: &mut Labels) -> Result<(), ImportError> {
    let Some(tags) = &point.tags else { return Ok(()) };
    let (expected, status) = (tags.expected_response.as_ref(), tags.status.as_ref());
    if failure(expected.map(|text| text.0.as_ref()), status.map(|text| text.0.as_ref()), None, None).is_ok_and(|failure| failure.is_none())
    {
        let waited = micros(value * 1000.0).map_err(|problem| input.error(problem))?;
        ledger.record_ttfb(&label_of(tags, labels), input.number(), waited)?;
    }
    Ok(())
}
