//! `rise` and `fall`: a measured value against the baseline's. Compared are the measured values themselves: with too
//! few baseline runs a breach is only a warning.

use jiff::Timestamp;

use super::check::{Bound, Cause, Check, Evidence, Row, Side, side};
use super::comparison::{Comparison, RUNS_NEEDED, Standing, baseline_value};
use super::enough_data::{samples_needed, shortage};
use super::wording::{changes_apart, told_apart, value_text};
use super::{Change, Figures, FindingOutcome, Measurement, Rule, Unit};
use crate::units::format_count;

/// A value beside its baseline.
struct Movement {
    from: f64,
    to: f64,
    /// As the rule counts it: a fraction of the baseline, for shares the difference.
    change: f64,
    /// The last value that the rule allows.
    bound: Bound,
    /// Whether the difference is as large as one must be to count; `None` where it is no number.
    counts: Option<bool>,
}

/// What a subject is compared with.
pub(super) struct History<'a> {
    pub(super) comparison: &'a Comparison<'a>,
    /// The subject's figures in the baseline's runs, by job.
    pub(super) jobs: Vec<Vec<(Timestamp, Figures)>>,
}

/// Judges a `rise` or `fall`.
pub(super) fn judge_relative(check: &Check<'_>, figures: &Figures, measurement: Measurement, history: &History<'_>) -> Row {
    let History { comparison, jobs } = history;
    let baseline = baseline_value(check.metric, jobs);
    let movement = measurement.value.zip(baseline.as_ref()).map(|(value, baseline)| Movement::of(check, baseline.value, value));
    let change = movement.as_ref().and_then(Movement::shown);
    let run_count = baseline.as_ref().map_or(0, |baseline| baseline.runs);
    let evidence = Evidence { measurement, baseline, change };
    let shortage = shortage(check.metric, figures, measurement);
    if let Standing::TooFew { text, .. } = &comparison.standing {
        return not_compared(check, evidence, movement.filter(|_| shortage.is_none()), text);
    }
    if let Some(shortage) = shortage {
        return check.row(FindingOutcome::Inconclusive, shortage.kind.into(), evidence, shortage.text);
    }
    let Some(movement) = movement.filter(|_| run_count >= RUNS_NEEDED as u64) else {
        let reason = format!(
            "only {run_count} of {} baseline runs had the {} requests that {} needs",
            comparison.run_count(),
            format_count(samples_needed(check.metric)),
            check.metric.title()
        );
        return check.row(FindingOutcome::Inconclusive, Cause::TooFewSamples, evidence, reason);
    };
    let reason = movement.sentence(check);
    match movement.is_breach() {
        None => check.row(FindingOutcome::Inconclusive, Cause::Undefined, evidence, reason),
        Some(false) => check.row(FindingOutcome::Pass, Cause::Evaluated, evidence, reason),
        Some(true) => {
            let excess = movement.bound.excess(movement.to);
            Row { excess, ..check.row(FindingOutcome::Fail, Cause::Evaluated, evidence, reason) }
        }
    }
}

/// Too young or no baseline: what would be a breach warns, everything else is skipped.
fn not_compared(check: &Check<'_>, evidence: Evidence, movement: Option<Movement>, why: &str) -> Row {
    let run_count = evidence.baseline.as_ref().map_or(0, |baseline| baseline.runs);
    let Some(movement) = movement else {
        return check.row(FindingOutcome::Skipped, Cause::NotCompared, evidence, why.to_owned());
    };
    let reason = format!("{}; baseline too young: {run_count} of {RUNS_NEEDED} runs", movement.sentence(check));
    let outcome = if movement.is_breach() == Some(true) { FindingOutcome::Warn } else { FindingOutcome::Skipped };
    check.row(outcome, Cause::NotCompared, evidence, reason)
}

impl Movement {
    fn of(check: &Check<'_>, from: f64, to: f64) -> Self {
        let limit = check.limit;
        let (change, furthest) = match (check.metric.unit(), check.rule) {
            (Unit::Share, Rule::Fall | Rule::Min) => (to - from, from - limit),
            (Unit::Share, Rule::Rise | Rule::Max) => (to - from, from + limit),
            (_, Rule::Fall | Rule::Min) => (to / from - 1.0, from * (1.0 - limit)),
            (_, Rule::Rise | Rule::Max) => (to / from - 1.0, from * (1.0 + limit)),
        };
        let counts = match check.rules.at_least {
            None => Some(true),
            Some(least) => side((to - from).abs(), least).map(|side| side != Side::Below),
        };
        Self { from, to, change, bound: Bound::of(check.rule, furthest), counts }
    }

    /// Beyond what is allowed, and by enough to count; `None` where it can't be told.
    fn is_breach(&self) -> Option<bool> {
        if !self.change.is_finite() {
            return None;
        }
        Some(self.bound.is_broken_by(self.to)? && self.counts?)
    }

    fn shown(&self) -> Option<Change> {
        self.change.is_finite().then_some(Change { percent: self.change * 100.0, low: None, high: None, visible: None })
    }

    fn sentence(&self, check: &Check<'_>) -> String {
        let unit = check.metric.unit();
        let title = check.metric.title();
        if !self.change.is_finite() {
            return format!("{title} {} can't be compared with a baseline of {}", value_text(unit, self.to), value_text(unit, self.from));
        }
        let (from, to) = told_apart(unit, self.from, self.to);
        let signed_limit = if self.bound.broken == Side::Below { -check.limit } else { check.limit };
        let (change, allowed) = changes_apart(unit, self.change, signed_limit);
        let moved = match side(self.to, self.from) {
            Some(Side::Above) => format!("{title} rose from {from} to {to} ({change})"),
            Some(Side::Below) => format!("{title} fell from {from} to {to} ({change})"),
            Some(Side::At) | None => format!("{title} stayed at {to}"),
        };
        let too_small = self.bound.is_broken_by(self.to) == Some(true) && self.counts == Some(false);
        match check.rules.at_least.filter(|_| too_small) {
            Some(least) => format!("{moved}, allowed {allowed}, but by less than {}", value_text(unit, least)),
            None => format!("{moved}, allowed {allowed}"),
        }
    }
}
