//! Tables of the page: they scroll sideways on a narrow screen, and the script makes them sort and filter.

use maud::{Markup, html};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    /// Drawn: nothing to sort by.
    Picture,
}

/// What the script adds to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aid {
    Plain,
    /// Columns sort, rows are filtered by text.
    Sorted,
}

/// A table with its name for screen readers; each row is what stands between `tr` and its end.
#[must_use]
pub fn grid(name: &str, columns: &[(&str, Kind)], rows: &[Markup], aid: Aid) -> Markup {
    grid_with_foot(name, columns, rows, None, aid)
}

/// The same with a row below the others, which is neither sorted nor filtered.
pub(super) fn grid_with_foot(name: &str, columns: &[(&str, Kind)], rows: &[Markup], foot: Option<&Markup>, aid: Aid) -> Markup {
    let class = |kind: Kind| (kind == Kind::Number).then_some("n");
    html! {
        div class="scroll" tabindex="0" role="group" aria-label=(super::text(name)) {
            table data-sort[aid == Aid::Sorted] {
                thead { tr { @for (title, kind) in columns {
                    th scope="col" class=[class(*kind)] data-fixed[*kind == Kind::Picture] { (super::text(title)) }
                } } }
                tbody { @for row in rows { tr { (row) } } }
                @if let Some(foot) = foot { tfoot { tr { (foot) } } }
            }
        }
    }
}

/// A number as text, with the value to sort by.
#[must_use]
pub fn number(text: &str, value: Option<f64>) -> Markup {
    number_of("n", text, value)
}

/// The same in a cell of more classes than one.
pub(super) fn number_of(class: &str, text: &str, value: Option<f64>) -> Markup {
    html! { td class=(class) data-v=[value.filter(|value| value.is_finite()).map(|value| format!("{value:.6}"))] { (text) } }
}

/// A list of names and what they stand for; what is empty is left out.
#[must_use]
pub fn facts(facts: &[(&str, String)]) -> Markup {
    html! {
        dl { @for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
            div { dt { (name) } dd { (super::text(value)) } }
        } }
    }
}
