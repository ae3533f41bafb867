//! `max` and `min`: a measured value against a line that a team drew.

use super::check::{Bound, Cause, Check, Evidence, Row};
use super::enough_data::{ShortageKind, few_are_enough, shortage};
use super::metric::FailureKind;
use super::wording::told_apart;
use super::{Figures, FindingOutcome, Measurement, Metric, Rule, Scope};
use crate::units::format_count;

/// How many causes of failures a sentence names.
const CAUSES_SHOWN: usize = 3;

/// Judges a `max` or `min`.
pub(super) fn judge_absolute(check: &Check<'_>, figures: &Figures, measurement: Measurement) -> Row {
    let evidence = Evidence::of(measurement);
    if matches!(check.scope, Scope::WholeRun) && figures.summary.counts.requests == 0 {
        return check.row(FindingOutcome::Skipped, Cause::LeftOut, evidence, "no `start` or `stop` step asked it".into());
    }
    if let Some(shortage) = shortage(check.metric, figures, measurement)
        && !counts_anyway(check, measurement)
    {
        return check.row(FindingOutcome::Inconclusive, shortage.kind.into(), evidence, shortage.text);
    }
    let Some(value) = measurement.value else {
        return check.row(FindingOutcome::Inconclusive, Cause::NoSamples, evidence, format!("{} has no samples", check.metric.title()));
    };
    let bound = Bound::of(check.rule, check.limit);
    match bound.is_broken_by(value) {
        None => check.row(FindingOutcome::Inconclusive, Cause::Undefined, evidence, format!("{} is not a number", check.metric.title())),
        Some(true) => {
            let reason = sentence(check, measurement, value, Reached::Broken) + &causes(check, figures);
            Row { excess: bound.excess(value), ..check.row(FindingOutcome::Fail, Cause::Evaluated, evidence, reason) }
        }
        Some(false) => within(check, measurement, value),
    }
}

fn within(check: &Check<'_>, measurement: Measurement, value: f64) -> Row {
    let warns = check.rules.warn.filter(|&warn| Bound::of(check.rule, warn).is_broken_by(value) != Some(false));
    let (outcome, reached) = match warns {
        Some(warn) => (FindingOutcome::Warn, Reached::Warning(warn)),
        None => (FindingOutcome::Pass, Reached::Nothing),
    };
    check.row(outcome, Cause::Evaluated, Evidence::of(measurement), sentence(check, measurement, value, reached))
}

impl From<ShortageKind> for Cause {
    fn from(kind: ShortageKind) -> Self {
        match kind {
            ShortageKind::NoSamples => Self::NoSamples,
            ShortageKind::TooFewSamples => Self::TooFewSamples,
        }
    }
}

/// Whether so few requests decide after all: those of `start` and `stop` always do; failures do if chance can't explain them.
fn counts_anyway(check: &Check<'_>, measurement: Measurement) -> bool {
    let Some(failed) = failed_count(check, measurement) else { return false };
    matches!(check.scope, Scope::WholeRun) || few_are_enough(failed, measurement.samples, check.limit)
}

/// Which line a value has reached.
#[derive(Debug, Clone, Copy)]
enum Reached {
    Broken,
    Warning(f64),
    Nothing,
}

fn sentence(check: &Check<'_>, measurement: Measurement, value: f64, reached: Reached) -> String {
    let line = if let Reached::Warning(line) = reached { line } else { check.limit };
    let (value, line) = told_apart(check.metric.unit(), value, line);
    let beyond = if check.rule == Rule::Max { "above" } else { "below" };
    let position = match reached {
        Reached::Broken => format!("is {beyond} the limit of {line}"),
        Reached::Warning(_) => format!("is {beyond} the warning line of {line}"),
        Reached::Nothing => format!("is within the limit of {line}"),
    };
    let requests = format_count(measurement.samples);
    let count = failed_count(check, measurement).map(|failed| format!(" ({} of {requests} requests)", format_count(failed)));
    format!("{} {value} {position}{}", check.metric.title(), count.unwrap_or_default())
}

/// What went wrong most often, where all failures are counted: `: 37 x status 500, 2 x connection refused`.
fn causes(check: &Check<'_>, figures: &Figures) -> String {
    if check.metric != Metric::Failures(FailureKind::All) {
        return String::new();
    }
    let mut causes: Vec<(&String, &u64)> = figures.summary.counts.causes.iter().collect();
    causes.sort_by_key(|(cause, count)| (std::cmp::Reverse(**count), (*cause).clone()));
    let shown: Vec<String> =
        causes.iter().take(CAUSES_SHOWN).map(|(cause, count)| format!("{} x {cause}", format_count(**count))).collect();
    if shown.is_empty() { String::new() } else { format!(": {}", shown.join(", ")) }
}

/// How many requests a measured failure rate counts as failed.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count that was divided by another"
)]
fn failed_count(check: &Check<'_>, measurement: Measurement) -> Option<u64> {
    let share = measurement.value.filter(|_| matches!(check.metric, Metric::Failures(_)))?;
    Some((share * measurement.samples as f64).round() as u64)
}
