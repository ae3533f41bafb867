//! A value beside its baseline, as measured: what moved, by how much, and in which words.

use super::check::{Bound, Check, Side, side};
use super::wording::{changes_apart, told_apart, value_text};
use super::{Change, Rule, Unit};

/// A value beside its baseline.
pub(super) struct Movement {
    pub(super) from: f64,
    pub(super) to: f64,
    /// As the rule counts it: a fraction of the baseline, for shares the difference.
    pub(super) change: f64,
    /// The last value that the rule allows.
    pub(super) bound: Bound,
    /// Whether the difference is as large as one must be to count; `None` where it is no number.
    counts: Option<bool>,
}

impl Movement {
    pub(super) fn of(check: &Check<'_>, from: f64, to: f64) -> Self {
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
    pub(super) fn is_breach(&self) -> Option<bool> {
        if !self.change.is_finite() {
            return None;
        }
        Some(self.bound.is_broken_by(self.to)? && self.counts?)
    }

    /// Whether the difference is no wider than what is told apart.
    pub(super) fn within(&self, width: f64) -> bool {
        width > 0.0 && side((self.to - self.from).abs(), width) != Some(Side::Above)
    }

    pub(super) fn shown(&self) -> Option<Change> {
        self.change.is_finite().then_some(Change { percent: self.change * 100.0, low: None, high: None, visible: None, noise: None })
    }

    /// `p95 rose from 121 ms to 142 ms (+18 %, between +12 % and +24 %), allowed +10 %`
    pub(super) fn sentence(&self, check: &Check<'_>, interval: Option<(f64, f64)>) -> String {
        let unit = check.metric.unit();
        let title = check.metric.title();
        if !self.change.is_finite() {
            return format!("{title} {} can't be compared with a baseline of {}", value_text(unit, self.to), value_text(unit, self.from));
        }
        let (from, to) = told_apart(unit, self.from, self.to);
        let signed_limit = if self.bound.broken == Side::Below { -check.limit } else { check.limit };
        let (change, allowed) = changes_apart(unit, self.change, signed_limit);
        let change = match interval {
            Some((low, high)) => {
                let (low, high) = changes_apart(unit, low, high);
                format!("{change}, between {low} and {high}")
            }
            None => change,
        };
        let moved = match side(self.to, self.from) {
            Some(Side::Above) => format!("{title} rose from {from} to {to} ({change})"),
            Some(Side::Below) => format!("{title} fell from {from} to {to} ({change})"),
            Some(Side::At) | None if interval.is_some() => format!("{title} stayed at {to} ({change})"),
            Some(Side::At) | None => format!("{title} stayed at {to}"),
        };
        let too_small = self.bound.is_broken_by(self.to) == Some(true) && self.counts == Some(false);
        match check.rules.at_least.filter(|_| too_small) {
            Some(least) => format!("{moved}, allowed {allowed}, but by less than {}", value_text(unit, least)),
            None => format!("{moved}, allowed {allowed}"),
        }
    }
}
