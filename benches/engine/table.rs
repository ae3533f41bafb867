//! What was measured as Markdown, and the little statistics that it needs.

use std::fmt;

/// One section's table, with what it is and what it should be.
#[derive(Debug)]
pub struct Chapter {
    title: &'static str,
    about: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Chapter {
    pub fn new(title: &'static str, about: impl Into<String>, header: &[&str]) -> Self {
        Self { title, about: about.into(), header: header.iter().map(|&cell| cell.to_owned()).collect(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Chapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { title, about, header, rows } = self;
        writeln!(f, "## {title}\n\n{about}\n\n| {} |\n|{}", header.join(" | "), "---|".repeat(header.len()))?;
        rows.iter().try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}

/// The middle of some figures, and their ends.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub lowest: f64,
    pub median: f64,
    pub highest: f64,
}

impl Spread {
    /// `None` without figures.
    pub fn of(figures: &[f64]) -> Option<Self> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.get(sorted.len() / 2)?;
        let lower_middle = sorted[(sorted.len() - 1) / 2];
        Some(Self { lowest: sorted[0], median: f64::midpoint(*middle, lower_middle), highest: sorted[sorted.len() - 1] })
    }
}

/// A figure, or a dash where there is none.
pub fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// A median with the lowest and the highest: `4.31 (4.20-4.88)`.
pub fn spread(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or_else(
        || "-".to_owned(),
        |Spread { lowest, median, highest }| format!("{median:.digits$} ({lowest:.digits$}-{highest:.digits$})"),
    )
}

/// The order statistic `ceil(n p)`, `p` in thousandths. `None` without values.
pub fn order_statistic<T: Copy>(sorted: &[T], thousandths: usize) -> Option<T> {
    sorted.get((sorted.len() * thousandths).div_ceil(1000).saturating_sub(1)).copied()
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn number(count: u64) -> f64 {
    count as f64
}
