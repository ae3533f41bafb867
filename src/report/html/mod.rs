//! `report.html`: one file that asks for nothing else, is readable without scripts, and shows the outcome before the
//! details. What it says comes from the same words as the other formats; here is how a browser shows it.
//! maud escapes whatever is not markup of this folder, and [`text`] takes out what escaping leaves: control and
//! invisible characters. The page's policy names the hashes of its own style and script, and allows nothing more.

mod charts;
mod checks;
mod endpoints;
mod facts;
mod failures;
mod first;
mod grid;
mod overall;
mod page;
pub mod parts;
mod past;
mod timeline;

#[cfg(test)]
mod tests;

use self::past::Past;
use super::Subject;
use crate::run::{Baseline, Run};

/// A verdict and its run as a page, with the runs that it was compared with where they are at hand.
pub(super) fn verdict(subject: &Subject<'_>, baseline: Option<&Baseline>) -> String {
    page::of_verdict(subject, &Past::of(subject, baseline)).into_string()
}

/// A run that was not judged, as a page.
pub(super) fn run(run: &Run) -> String {
    page::of_run(run).into_string()
}

/// What others wrote, as one line without invisible characters; maud escapes it where it is put.
fn text(text: &str) -> String {
    super::sanitize::line(text)
}
