//! Waivers: a breach that somebody accepted until some day stays visible, but does not fail the gate.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::check::{Row, Side, side};
use super::wording::value_text;
use super::{FindingOutcome, Rule, Unit, Waiver};

/// Applies the waivers to the rows and gives back those that nothing needed.
pub(super) fn waive<'a>(rows: &mut [Row], waivers: &'a [Waiver], started_at: Timestamp) -> Vec<&'a Waiver> {
    let day = started_at.to_zoned(TimeZone::UTC).date();
    waivers.iter().filter(|waiver| !apply(rows, waiver, day)).collect()
}

/// Whether the waiver had something to waive, or might have had.
fn apply(rows: &mut [Row], waiver: &Waiver, day: Date) -> bool {
    let mut used = false;
    for row in rows.iter_mut().filter(|row| covers(waiver, row)) {
        match row.finding.outcome {
            FindingOutcome::Fail => {
                used = true;
                apply_to_breach(row, waiver, day);
            }
            FindingOutcome::Inconclusive | FindingOutcome::Skipped => used = true,
            FindingOutcome::Pass | FindingOutcome::Warn | FindingOutcome::Waived => {}
        }
    }
    used
}

fn covers(waiver: &Waiver, row: &Row) -> bool {
    waiver.endpoint.value == row.finding.endpoint && waiver.metric.value == row.metric
}

fn apply_to_breach(row: &mut Row, waiver: &Waiver, day: Date) {
    let Waiver { until, reason, issue, accepts, .. } = waiver;
    let finding = &mut row.finding;
    let unit = finding.unit;
    if day > *until {
        finding.reason = format!("{}; its waiver expired on {until}", finding.reason);
    } else if accepts.is_none_or(|line| is_accepted(finding.measured, line, finding.rule, unit)) {
        let link = issue.as_ref().map(|issue| format!(" ({issue})")).unwrap_or_default();
        finding.outcome = FindingOutcome::Waived;
        finding.reason = format!("{}; waived until {until}: {reason}{link}", finding.reason);
    } else if let Some(line) = accepts {
        finding.reason = format!("{}; beyond the {} that its waiver accepts", finding.reason, value_text(unit, *line));
    }
}

fn is_accepted(measured: Option<f64>, line: f64, rule: Rule, unit: Unit) -> bool {
    let refused = if unit == Unit::PerSecond || rule == Rule::Min { Side::Below } else { Side::Above };
    measured.and_then(|value| side(value, line)).is_some_and(|side| side != refused)
}
