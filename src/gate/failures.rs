//! Rises of failure rates, all of a gate together: failures come in bursts, so that their counts say less than they seem
//! to, and what looks like a rise must show in a second load before it fails.

use super::check::{Cause, Check, Evidence, Row};
use super::comparison::{Before, Jobs};
use super::metric::FailureKind;
use super::movement::Movement;
use super::relative::Sittings;
use super::{Change, Figures, FindingOutcome};
use crate::run::PhaseSeries;
use crate::stats::{FailureHistory, Proportion, RateChange, rate_changes};

/// A rise of a failure rate that has a history.
#[derive(Debug)]
pub(super) struct PendingRate<'a> {
    check: Check<'a>,
    evidence: Evidence,
    /// One for each load.
    loads: Vec<Proportion>,
    /// One for each baseline job.
    before: Vec<Proportion>,
}

impl<'a> PendingRate<'a> {
    pub(super) fn of(check: &Check<'a>, kind: FailureKind, evidence: Evidence, loads: &[Figures], jobs: &Jobs<'_>) -> Self {
        let of_job = |job: &Vec<_>| {
            let all: Vec<Proportion> = job.iter().map(|(_, before): &(_, Before<'_>)| proportion(kind, before.counts())).collect();
            together(&all)
        };
        Self {
            check: *check,
            evidence,
            loads: loads.iter().map(|figures| proportion(kind, &figures.summary.counts)).collect(),
            before: jobs.iter().map(of_job).collect(),
        }
    }
}

/// Decides all of them.
pub(super) fn decide_rates(pending: Vec<PendingRate<'_>>, sittings: Sittings) -> Vec<Row> {
    let pooled = changes(&pending, |one| together(&one.loads));
    let most = pending.iter().map(|one| one.loads.len()).max().unwrap_or(0);
    let by_load: Vec<Vec<Option<RateChange>>> =
        (0..most).map(|index| changes(&pending, |one| one.loads.get(index).copied().unwrap_or_default())).collect();
    let row = |(index, one): (usize, PendingRate<'_>)| {
        let suspected = by_load.iter().filter(|load| load[index].is_some_and(|change| change.suspect)).count();
        one.row(pooled[index], suspected, sittings)
    };
    pending.into_iter().enumerate().map(row).collect()
}

fn changes(pending: &[PendingRate<'_>], now: impl Fn(&PendingRate<'_>) -> Proportion) -> Vec<Option<RateChange>> {
    let histories: Vec<FailureHistory<'_>> =
        pending.iter().map(|one| FailureHistory { now: now(one), before: &one.before, slices: &[], allowed: one.check.limit }).collect();
    rate_changes(&histories)
}

impl PendingRate<'_> {
    fn row(self, change: Option<RateChange>, suspected: usize, sittings: Sittings) -> Row {
        let Self { check, mut evidence, loads, .. } = self;
        let Some(change) = change else {
            let reason = format!("{} can't be compared", check.metric.title());
            return check.row(FindingOutcome::Inconclusive, Cause::Undefined, evidence, reason);
        };
        let now = change.before + change.difference;
        let movement = Movement::of(&check, change.before, now);
        if let Some(baseline) = &mut evidence.baseline {
            baseline.value = change.before;
        }
        evidence.change = Some(Change {
            percent: change.difference * 100.0,
            low: Some(change.interval.low * 100.0),
            high: Some(change.interval.high * 100.0),
            visible: change.visible.map(|visible| visible * 100.0),
            noise: None,
        });
        let sentence = movement.sentence(&check, Some((change.interval.low, change.interval.high)));
        let is_alone = sittings.most == 1;
        let is_proven = suspected >= 2 || (suspected == 1 && is_alone);
        if is_proven {
            let excess = movement.bound.excess(now);
            return Row { excess, ..check.row(FindingOutcome::Fail, Cause::Evaluated, evidence, sentence) };
        }
        if suspected > 0 && sittings.may_go_on() {
            let reason = format!("{sentence}; it looks like a rise, which a second load would prove");
            return Row { is_open: true, ..check.row(FindingOutcome::Inconclusive, Cause::Undecided, evidence, reason) };
        }
        if movement.is_breach() == Some(true) {
            let why = if suspected > 0 { format!("in one of {} loads only", loads.len()) } else { "so few failures may be chance".into() };
            let reason = format!("{sentence}; {why}");
            return check.row(FindingOutcome::Warn, Cause::Evaluated, evidence, reason);
        }
        check.row(FindingOutcome::Pass, Cause::Evaluated, evidence, sentence)
    }
}

fn proportion(kind: FailureKind, counts: &PhaseSeries) -> Proportion {
    Proportion::new(kind.count(counts), counts.requests)
}

fn together(parts: &[Proportion]) -> Proportion {
    parts.iter().fold(Proportion::default(), |sum, part| Proportion::new(sum.failed + part.failed, sum.requests + part.requests))
}
