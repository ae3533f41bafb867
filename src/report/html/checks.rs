//! Every check with its figures and the judge's reason, worst first.

use maud::{Markup, html};

use super::grid::{Aid, Kind, grid, number, number_of};
use super::{code, text};
use crate::gate::{Finding, FindingOutcome};
use crate::report::content::{self, Content, counted};
use crate::report::figures;
use crate::report::sentences::{finding_word, metric, rule_word};
use crate::units::format_count;

/// Where the rows are found, also while they are folded.
pub(super) const ROWS_ID: &str = "all-checks";
/// So many rows are shown at once; more are behind a fold.
const OPEN_ROWS: usize = 30;
/// So much of the page the rows take at most (bytes): the worst stand first.
const ROWS_BYTES: usize = 1_500_000;

pub(super) fn table(content: &Content<'_>) -> Markup {
    let findings = &content.findings;
    if findings.is_empty() {
        return html! { p class="none" { "No check was made." } };
    }
    let is_compared = findings.iter().any(|finding| finding.baseline.is_some());
    let mut room = ROWS_BYTES;
    let fits = |row: &Markup| {
        room = room.saturating_sub(row.0.len());
        room > 0
    };
    let rows: Vec<Markup> = findings.iter().map(|finding| row(finding, is_compared)).take_while(fits).collect();
    let left_out = &findings[rows.len()..];
    let mut columns =
        vec![("outcome", Kind::Text), ("endpoint", Kind::Text), ("metric", Kind::Text), ("now", Kind::Number), ("limit", Kind::Number)];
    if is_compared {
        columns.extend([("baseline", Kind::Number), ("change", Kind::Number)]);
    }
    columns.extend([("requests", Kind::Number), ("why", Kind::Text)]);
    html! {
        details open[findings.len() <= OPEN_ROWS] {
            summary { (counted(findings.len(), "check")) ": " (content::counts(findings.iter())) }
            div id=(ROWS_ID) { (grid("All checks", &columns, &rows, Aid::Sorted)) }
            @if !left_out.is_empty() {
                p class="note" { "Left out here, and in verdict.json: " (counted(left_out.len(), "more check")) ", " (content::counts(left_out.iter())) "." }
            }
        }
    }
}

/// An outcome as a word with its own shape, not by colour alone.
pub(super) fn outcome(outcome: FindingOutcome) -> Markup {
    let (class, sign) = match outcome {
        FindingOutcome::Pass => ("pass", "✓"),
        FindingOutcome::Warn => ("warn", "!"),
        FindingOutcome::Fail => ("fail", "✕"),
        FindingOutcome::Inconclusive => ("unsure", "?"),
        FindingOutcome::Waived => ("waived", "↷"),
        FindingOutcome::Skipped => ("skipped", "–"),
    };
    html! { span class={ "outcome " (class) } { span aria-hidden="true" { (sign) " " } (finding_word(outcome)) } }
}

fn row(finding: &Finding, is_compared: bool) -> Markup {
    let change = finding.change.map(|change| change.percent);
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let samples = finding.samples as f64;
    html! {
        td { (outcome(finding.outcome)) }
        th scope="row" { (code(&finding.endpoint)) }
        td class="metric" { (text(&metric(finding))) " " (rule_word(finding.rule)) }
        (number(&figures::measured(finding), finding.measured))
        (number(&figures::bound(finding), Some(finding.limit)))
        @if is_compared {
            (number(&figures::baseline(finding), finding.baseline.as_ref().map(|baseline| baseline.value)))
            (number_of("n change", &figures::change_with_interval(finding), change))
        }
        (number(&format_count(finding.samples), Some(samples)))
        td class="why" { (text(&finding.reason)) }
    }
}
