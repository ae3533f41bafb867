//! `max` and `min`: a measured value against a line that a team drew.

use super::check::{Bound, Cause, Check, Evidence, Row};
use super::enough_data::{ShortageKind, few_are_enough, shortage};
use super::metric::FailureKind;
use super::relative::Sittings;
use super::sittings::Measured;
use super::wording::{told_apart, value_text};
use super::{Figures, FindingOutcome, Measurement, Metric, Rule, Scope};
use crate::stats::{Estimate, LimitPosition, Proportion, limit_position};
use crate::units::format_count;

/// How many causes of failures a sentence names.
const CAUSES_SHOWN: usize = 3;

/// How many standard errors a value must be away from its limit to be clearly beyond it: one side of 95 %.
const CLEAR: f64 = 1.96;
/// Loads of one job share its day: this share of the variance between runs stays, however often the load is repeated.
const SHARED_DAY: f64 = 0.5;

/// Judges a `max` or `min`. `between` is the variance between runs of one build, where a history tells it.
pub(super) fn judge_absolute(check: &Check<'_>, measured: &Measured, between: f64, sittings: Sittings) -> Row {
    let row = judge_value(check, &measured.figures, measured.measurement);
    let decides = matches!(row.finding.outcome, FindingOutcome::Pass | FindingOutcome::Warn | FindingOutcome::Fail);
    let Some(value) = measured.measurement.value.filter(|_| decides && is_near(check, measured, between)) else { return row };
    if sittings.may_go_on() {
        return Row { is_open: true, ..row };
    }
    // A limit is a line that a team drew: the measured value decides in the end.
    let Row { mut finding, .. } = row;
    finding.reason = format!("{}; {} is within the noise of its limit", finding.reason, value_text(check.metric.unit(), value));
    Row { finding, ..row }
}

/// Whether noise could explain on which side of its limit a value is.
#[expect(clippy::cast_precision_loss, reason = "a handful of loads")]
fn is_near(check: &Check<'_>, measured: &Measured, between: f64) -> bool {
    let Measured { measurement, estimates, .. } = measured;
    if matches!(check.metric, Metric::Failures(_)) {
        return failures_are_near(check, *measurement);
    }
    let Some(value) = measurement.value.filter(|value| *value > 0.0 && check.limit > 0.0 && !estimates.is_empty()) else { return false };
    let loads = estimates.len() as f64;
    let between = between * (SHARED_DAY + (1.0 - SHARED_DAY) / loads);
    let distance = (value / check.limit).ln();
    let towards_the_limit = |estimate: &Estimate| if distance > 0.0 { estimate.low } else { estimate.up };
    let sampling = estimates.iter().map(|estimate| towards_the_limit(estimate).powi(2)).sum::<f64>() / (loads * loads);
    distance.abs() < CLEAR * (between + sampling).sqrt()
}

/// The same for a failure rate. Where nothing failed, nothing is near; where only failures are counted that the server
/// answered, or those of `start` and `stop`, each one counts.
fn failures_are_near(check: &Check<'_>, measurement: Measurement) -> bool {
    let Some(failed) = failed_count(check, measurement).filter(|failed| *failed > 0 && check.limit > 0.0) else { return false };
    if matches!(check.scope, Scope::WholeRun) {
        return false;
    }
    limit_position(Proportion::new(failed, measurement.samples), check.limit, 1.0) == LimitPosition::Between
}

/// Judges the value as it was measured.
fn judge_value(check: &Check<'_>, figures: &Figures, measurement: Measurement) -> Row {
    let evidence = Evidence::of(measurement);
    if matches!(check.scope, Scope::WholeRun) && figures.summary.counts.requests == 0 {
        return check.row(FindingOutcome::Skipped, Cause::LeftOut, evidence, "no `start` or `stop` step asked it".into());
    }
    if let Some(shortage) = shortage(check.metric, &figures.summary.counts, measurement)
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
