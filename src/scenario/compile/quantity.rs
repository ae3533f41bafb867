//! Quantities of the file: durations, weights, counts and pauses, each checked where it stands.

use std::time::Duration;

use super::Checked;
use crate::document::{Document, Mistake, Place, Placed, Scalar, Written};
use crate::scenario::Think;
use crate::scenario::file::{ExponentialOrNormal, NormalFile, ThinkFile};
use crate::units::parse_duration;

/// No request may take longer: latency is recorded up to an hour.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// A duration of 0 or more.
pub fn duration(document: &Document, written: &Placed<String>) -> Checked<Duration> {
    parse_duration(&written.value).map_err(|error| document.mistake(written.place, error.to_string()).into())
}

/// A duration above 0.
pub fn positive_duration(document: &Document, key: &str, written: &Placed<String>) -> Checked<Duration> {
    let value = duration(document, written)?;
    if value.is_zero() { Err(document.mistake(written.place, format!("`{key}` must be above 0")).into()) } else { Ok(value) }
}

/// The time-out of a request.
pub fn timeout(document: &Document, key: &str, written: &Placed<String>) -> Checked<Duration> {
    let value = positive_duration(document, key, written)?;
    if value > LONGEST_TIMEOUT { Err(document.mistake(written.place, format!("`{key}` is at most 1h")).into()) } else { Ok(value) }
}

/// A weight in thousandths; 1 where none is written.
pub fn weight(document: &Document, written: Option<&Placed<Scalar>>) -> Checked<u64> {
    let Some(Placed { value, place }) = written else { return Ok(1000) };
    let number = match value {
        #[expect(clippy::cast_precision_loss, reason = "compared with a limit far below")]
        Scalar::Whole(whole) => *whole as f64,
        Scalar::Number(number) => *number,
        _ => f64::NAN,
    };
    if !(0.001..=1_000_000.0).contains(&number) {
        return Err(document.mistake(*place, format!("weight `{value}` is not a number from 0.001 to 1000000")).into());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 10^9 by the check above")]
    Ok((number * 1000.0).round() as u64)
}

/// A whole number from `least` to `most`.
pub fn count(document: &Document, key: &str, written: &Placed<Scalar>, least: u32, most: u32) -> Checked<u32> {
    let Placed { value, place } = written;
    let number = if let Scalar::Whole(whole) = value { u32::try_from(*whole).ok() } else { None };
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| document.mistake(*place, format!("`{key}: {value}` is not a whole number from {least} to {most}")).into())
}

/// A pause; `None` for one of 0.
pub fn think(document: &Document, written: &Placed<ThinkFile>) -> Checked<Option<Think>> {
    let place = written.place;
    let think = match &written.value {
        Written::Scalar(scalar) => fixed_or_range(document, &scalar.to_string(), place)?,
        Written::Map(ExponentialOrNormal { normal: Some(NormalFile { mean, sd }), exponential: None }) => {
            Think::Normal { mean: duration(document, mean)?, sd: duration(document, sd)? }
        }
        Written::Map(ExponentialOrNormal { normal: None, exponential: Some(mean) }) => Think::Exponential(duration(document, mean)?),
        Written::Map(_) | Written::List(_) => return Err(not_a_pause(document, place)),
    };
    Ok((longest(think) > Duration::ZERO).then_some(think))
}

fn fixed_or_range(document: &Document, text: &str, place: Place) -> Checked<Think> {
    let part = |part: &str| duration(document, &Placed { value: part.trim().to_owned(), place });
    let Some((from, to)) = text.split_once("..") else { return part(text).map(Think::Fixed) };
    let (from, to) = (part(from)?, part(to)?);
    if from > to {
        return Err(document.mistake(place, format!("the pause `{text}` ends before it begins")).into());
    }
    Ok(Think::Range(from, to))
}

fn not_a_pause(document: &Document, place: Place) -> Box<Mistake> {
    let mistake = document.mistake(place, "this is not a pause");
    mistake.with_hint("write `2s`, `1s..3s`, `{normal: {mean: 2s, sd: 500ms}}` or `{exponential: 2s}`").into()
}

fn longest(think: Think) -> Duration {
    match think {
        Think::Fixed(pause) | Think::Range(_, pause) | Think::Exponential(pause) => pause,
        Think::Normal { mean, sd } => mean.max(sd),
    }
}
