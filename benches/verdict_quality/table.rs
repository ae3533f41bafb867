//! A table in Markdown.

use std::fmt;

#[derive(Debug)]
pub struct Table {
    title: String,
    about: &'static str,
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(title: impl Into<String>, about: &'static str, header: &[&'static str]) -> Self {
        Self { title: title.into(), about, header: header.to_vec(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { title, about, header, rows } = self;
        writeln!(f, "## {title}\n\n{about}\n\n| {} |\n|{}", header.join(" | "), "---|".repeat(header.len()))?;
        rows.iter().try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}

/// A percentage that matters in its hundredths.
pub fn rare(percent: f64) -> String {
    format!("{percent:.2}")
}

pub fn percent(percent: f64) -> String {
    if percent >= 99.95 { "100".to_owned() } else { format!("{percent:.1}") }
}

/// Where a rule has no such answer.
pub fn none() -> String {
    "-".to_owned()
}
