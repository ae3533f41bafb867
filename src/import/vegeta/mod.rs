//! vegeta: every result as JSON lines or CSV (`vegeta encode`), and its report.

pub(super) mod csv;
pub(super) mod json;
pub(super) mod report;

use crate::import::failure::Failure;

/// 200 to 399 is success, 0 no answer at all.
fn failure(code: u16, error: &str) -> Option<Failure> {
    match code {
        200..400 => None,
        0 => Some(Failure::of_words(if error.is_empty() { "connection closed" } else { error })),
        _ => Some(Failure::of_status(code)),
    }
}
