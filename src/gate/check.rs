//! One check: a rule of one metric for one subject in one scope, and the row that comes of it.

use super::{BaselineValue, Change, Figures, Finding, FindingOutcome, Measurement, Metric, Rule, Rules, Scope, Subject};

/// How far two numbers may differ in relation and still be equal: what arithmetic adds, far below what is measured.
const ROUNDING: f64 = 1e-9;

/// One rule to judge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Check<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) scope: Scope<'a>,
    pub(super) metric: Metric,
    pub(super) rule: Rule,
    /// As in [`Finding::limit`].
    pub(super) limit: f64,
    /// What else is said of the metric.
    pub(super) rules: Rules,
}

/// A finding, with what the outcome needs to know beyond it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) finding: Finding,
    pub(super) cause: Cause,
    /// How far a failed value is beyond what is allowed, in relation to it.
    pub(super) excess: f64,
    /// Whether loading the release once more could change it.
    pub(super) is_open: bool,
    pub(super) metric: Metric,
}

/// Where a row's outcome comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// A value on enough data was held against the rule.
    Evaluated,
    NoSamples,
    TooFewSamples,
    /// A value that is no number.
    Undefined,
    /// Neither beyond noise nor a change excluded.
    Undecided,
    /// The same, and more such loads would not tell.
    Hidden,
    /// The file that was imported does not hold it.
    NotStated,
    /// There was nothing to compare with.
    NotCompared,
    /// The run can't be trusted.
    Distrusted,
    /// Nothing was to be judged: left out by tags, or no such request was due.
    LeftOut,
}

/// What was measured and compared, for a row.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    pub(super) measurement: Measurement,
    pub(super) baseline: Option<BaselineValue>,
    pub(super) change: Option<Change>,
}

/// On which side of a bound a value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Above,
    At,
    Below,
}

/// What a rule compares a value with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    pub(super) value: f64,
    /// The side that breaks the rule.
    pub(super) broken: Side,
}

impl Evidence {
    /// No samples at all.
    pub(super) const NONE: Self = Self { measurement: Measurement { value: None, samples: 0 }, baseline: None, change: None };

    pub(super) fn of(measurement: Measurement) -> Self {
        Self { measurement, baseline: None, change: None }
    }

    /// What the check's metric is, without a judgement.
    pub(super) fn measured(check: &Check<'_>, figures: &Figures) -> Self {
        Self::of(check.metric.measure(figures))
    }
}

impl Bound {
    /// The bound of a rule whose broken side follows from its kind.
    pub(super) fn of(rule: Rule, value: f64) -> Self {
        let broken = match rule {
            Rule::Max | Rule::Rise => Side::Above,
            Rule::Min | Rule::Fall => Side::Below,
        };
        Self { value, broken }
    }

    /// Whether a value breaks it; `None` where either is no number.
    pub(super) fn is_broken_by(&self, value: f64) -> Option<bool> {
        side(value, self.value).map(|side| side == self.broken)
    }

    /// How far a value is beyond it, in relation.
    pub(super) fn excess(&self, value: f64) -> f64 {
        match self.broken {
            Side::Above => value / self.value - 1.0,
            Side::Below | Side::At => self.value / value - 1.0,
        }
    }
}

/// On which side of `bound` a value lies; `None` where either is no number, so that no comparison passes by accident.
pub(super) fn side(value: f64, bound: f64) -> Option<Side> {
    let difference = value - bound;
    if difference.abs() <= bound.abs() * ROUNDING {
        return Some(Side::At);
    }
    match difference.partial_cmp(&0.0)? {
        std::cmp::Ordering::Greater => Some(Side::Above),
        std::cmp::Ordering::Equal => Some(Side::At),
        std::cmp::Ordering::Less => Some(Side::Below),
    }
}

impl Check<'_> {
    /// Every check that the rules of one metric make.
    pub(super) fn all<'a>(subject: Subject<'a>, scope: Scope<'a>, metric: Metric, rules: Rules) -> impl Iterator<Item = Check<'a>> {
        let Rules { max, min, warn: _, rise, fall, at_least: _, must_detect: _ } = rules;
        [(Rule::Max, max), (Rule::Min, min), (Rule::Rise, rise), (Rule::Fall, fall)]
            .into_iter()
            .filter_map(move |(rule, limit)| Some(Check { subject, scope, metric, rule, limit: limit?, rules }))
    }

    /// Whether the rule compares with a baseline.
    pub(super) fn is_relative(&self) -> bool {
        matches!(self.rule, Rule::Rise | Rule::Fall)
    }

    /// The row with this outcome.
    pub(super) fn row(&self, outcome: FindingOutcome, cause: Cause, evidence: Evidence, reason: String) -> Row {
        let Evidence { measurement, baseline, change } = evidence;
        let finding = Finding {
            endpoint: self.subject.name().to_owned(),
            phase: self.scope.phase().map(ToOwned::to_owned),
            metric: self.metric.to_string(),
            rule: self.rule,
            outcome,
            measured: measurement.value.filter(|value| value.is_finite()),
            limit: self.limit,
            unit: self.metric.unit(),
            samples: measurement.samples,
            baseline,
            change,
            reason,
        };
        Row { finding, cause, excess: 0.0, is_open: false, metric: self.metric }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_at_its_limit_is_within_it_and_no_number_is_nowhere() {
        assert_eq!(side(200.0, 200.0), Some(Side::At));
        assert_eq!(side(0.1 + 0.2, 0.3), Some(Side::At));
        assert_eq!(side(110.0, 100.0 * 1.1), Some(Side::At));
        assert_eq!(side(200.001, 200.0), Some(Side::Above));
        assert_eq!(side(0.000_01, 0.0), Some(Side::Above));
        assert_eq!(side(f64::INFINITY, 1.0), Some(Side::Above));
        assert_eq!(side(f64::NAN, 1.0), None);
        assert_eq!(side(1.0, f64::NAN), None);
    }
}
