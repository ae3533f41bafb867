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
mod loads;
mod overall;
mod page;
pub mod parts;
mod past;
mod timeline;

#[cfg(test)]
mod tests;

use maud::{Markup, html};

use super::{Context, Subject};
use crate::run::Run;

/// A verdict and its run as a page, with the runs that it was compared with where they are at hand.
pub(super) fn verdict(subject: &Subject<'_>, context: &Context<'_>) -> String {
    page::of_verdict(subject, context).into_string()
}

/// A run that was not judged, as a page.
pub(super) fn run(run: &Run) -> String {
    page::of_run(run).into_string()
}

/// What others wrote, as one line without invisible characters; maud escapes it where it is put.
fn text(text: &str) -> String {
    super::sanitize::line(text)
}

/// An endpoint's name. What is read from right to left stays in its own part of the path: else the parts change places.
fn code(name: &str) -> Markup {
    let name = text(name);
    if !name.chars().any(is_read_from_the_right) {
        return html! { code { (name) } };
    }
    html! { code { @for (index, part) in name.split('/').enumerate() { @if index > 0 { "/" } bdi { (part) } } } }
}

/// Hebrew, Arabic and the scripts between and beyond them.
const fn is_read_from_the_right(character: char) -> bool {
    matches!(character, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}
