//! Findings as a table, with the columns of the baseline only where something was compared.

use super::content::counted;
use super::figures;
use super::sentences::{finding_word, metric, rule_word};
use super::table::{Cell, Column, Table};
use crate::gate::{Finding, FindingOutcome};
use crate::units::format_count;

/// What a table of findings shows of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Outcome in words, figures, and columns that go where room is short.
    Fitted,
    /// A mark, the figures, the outcome in words.
    Marked,
    /// As `Marked`, with the judge's reason.
    Reasoned,
}

/// The findings in the order given.
pub(super) fn findings_table(findings: &[&Finding], detail: Detail) -> Table {
    let runs = findings.iter().filter_map(|finding| finding.baseline.as_ref()).map(|baseline| baseline.runs).max();
    let rows = findings.iter().map(|finding| row(finding, runs.is_some(), detail)).collect();
    Table { columns: columns(runs, detail), rows }
}

fn columns(runs: Option<u64>, detail: Detail) -> Vec<Column> {
    let first = if detail == Detail::Fitted { "outcome" } else { "" };
    let mut columns = vec![
        Column::text(first, 0),
        Column::label("endpoint"),
        Column::text("metric", 0),
        Column::number("now", 0),
        Column::number("limit", 0),
    ];
    if let Some(runs) = runs {
        let runs = counted(usize::try_from(runs).unwrap_or(usize::MAX), "run");
        columns.push(Column::number(&format!("baseline ({runs})"), 2));
        columns.push(Column::number("change", 1));
        if detail == Detail::Fitted {
            columns.push(Column::text("between", 4));
        }
    }
    if detail != Detail::Marked {
        columns.push(Column::number("requests", 3));
    }
    if detail != Detail::Fitted {
        columns.push(Column::text("", 0));
    }
    columns
}

fn row(finding: &Finding, compared: bool, detail: Detail) -> Vec<Cell> {
    let word = finding_word(finding.outcome);
    let first = if detail == Detail::Fitted { word } else { mark(finding.outcome) };
    let metric = format!("{} {}", metric(finding), rule_word(finding.rule));
    let mut row = vec![Cell::Text(first.into()), Cell::Label(finding.endpoint.clone())];
    row.extend([metric, figures::measured(finding), figures::bound(finding)].map(Cell::Text));
    if compared && detail == Detail::Fitted {
        row.extend([figures::baseline(finding), figures::change(finding), figures::low_to_high(finding)].map(Cell::Text));
    } else if compared {
        row.extend([figures::baseline(finding), figures::change_with_interval(finding)].map(Cell::Text));
    }
    if detail != Detail::Marked {
        row.push(Cell::Text(format_count(finding.samples)));
    }
    match detail {
        Detail::Fitted => {}
        Detail::Reasoned if !finding.reason.is_empty() => row.push(Cell::Text(format!("{word}: {}", finding.reason))),
        Detail::Marked | Detail::Reasoned => row.push(Cell::Text(word.into())),
    }
    row
}

const fn mark(outcome: FindingOutcome) -> &'static str {
    match outcome {
        FindingOutcome::Pass => "✅",
        FindingOutcome::Warn => "🟡",
        FindingOutcome::Fail => "❌",
        FindingOutcome::Inconclusive => "❓",
        FindingOutcome::Waived => "🕒",
        FindingOutcome::Skipped => "⚪",
    }
}
