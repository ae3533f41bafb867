//! What other pages share with the report, so that both look and read alike: style, script, tables, a chart of lines.

pub use super::charts::{Level, Line, Lines, Mark, Shade, Unit, two_distributions};
pub use super::grid::{Aid, Kind, facts, grid, number};
pub use super::page::{SCRIPT, STYLE, policy};

/// What others wrote, as one line without invisible characters; maud escapes it where it is put.
#[must_use]
pub fn line(text: &str) -> String {
    super::text(text)
}
