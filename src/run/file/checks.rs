//! Limits that every value of a run file keeps, with the error that names the place and the field.

use std::time::Duration;

use super::RunFileError;

const MAX_LABEL_CHARS: usize = 200;
/// Of a sentence, an address, a branch.
const MAX_TEXT_CHARS: usize = 1000;
/// Of one endpoint in one phase; the sum over all endpoints and phases stays within 64 bits.
const MAX_COUNT: u64 = 1_000_000_000_000;
/// 10 years.
const MAX_SECONDS: f64 = 10.0 * 365.0 * 86_400.0;

pub(super) fn invalid(place: &str, field: &'static str, problem: impl Into<String>) -> RunFileError {
    RunFileError::Invalid { place: place.to_owned(), field, problem: problem.into() }
}

pub(super) fn at_most(place: &str, field: &'static str, found: usize, cap: usize) -> Result<(), RunFileError> {
    if found > cap { Err(invalid(place, field, format!("has {found} entries: at most {cap} are allowed"))) } else { Ok(()) }
}

pub(super) fn count(place: &str, field: &'static str, value: u64) -> Result<u64, RunFileError> {
    up_to(place, field, value, MAX_COUNT)
}

pub(super) fn up_to(place: &str, field: &'static str, value: u64, cap: u64) -> Result<u64, RunFileError> {
    if value > cap { Err(invalid(place, field, format!("is {value}: at most {cap} can be"))) } else { Ok(value) }
}

pub(super) fn not_negative(place: &str, field: &'static str, value: f64) -> Result<f64, RunFileError> {
    let valid = value.is_finite() && value >= 0.0;
    if valid { Ok(value) } else { Err(invalid(place, field, format!("is {value}: finite and not negative is allowed"))) }
}

pub(super) fn seconds(place: &str, field: &'static str, value: f64) -> Result<Duration, RunFileError> {
    let value = not_negative(place, field, value)?;
    if value > MAX_SECONDS {
        return Err(invalid(place, field, format!("is {value} s: at most 10 years are allowed")));
    }
    Ok(Duration::from_secs_f64(value))
}

/// Names are shown everywhere and compared: not empty, not endless, nothing that moves a cursor.
pub(super) fn label(place: &str, name: &str) -> Result<(), RunFileError> {
    let problem = if name.is_empty() {
        "is empty".to_owned()
    } else if name.chars().count() > MAX_LABEL_CHARS {
        format!("is longer than {MAX_LABEL_CHARS} characters: {:?}", shortened(name))
    } else if name.chars().any(char::is_control) {
        format!("holds a control character: {:?}", shortened(name))
    } else {
        return Ok(());
    };
    Err(invalid(place, "name", problem))
}

/// What runs are told apart or compared by: half of it would be something else.
pub(super) fn name(place: &str, field: &'static str, text: String) -> Result<String, RunFileError> {
    if is_within(&text, MAX_TEXT_CHARS) {
        return Ok(text);
    }
    Err(invalid(place, field, format!("is longer than {MAX_TEXT_CHARS} characters: {:?}", shortened(&text))))
}

/// What is only shown: what is too long ends early.
pub(super) fn shown(text: String) -> String {
    if is_within(&text, MAX_TEXT_CHARS) { text } else { text.chars().take(MAX_TEXT_CHARS - 1).chain(['…']).collect() }
}

fn is_within(text: &str, most: usize) -> bool {
    text.len() <= most || text.chars().nth(most).is_none()
}

pub(super) fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
