//! `rise` and `fall`: a measured value against the baseline's. Latencies and rates are decided together, once all of
//! them are known; failure rates likewise, in a family of their own.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::change::{self, Compared, Decision, Limits, Paired, Replay, Worse};
use super::check::{Cause, Check, Evidence, Row};
use super::comparison::{Before, Comparison, Jobs, RUNS_NEEDED, Standing, baseline_value, history_estimates};
use super::enough_data::samples_needed;
use super::failures::{PendingRate, decide_rates};
use super::imported::resolution_ms;
use super::movement::Movement;
use super::sittings::Measured;
use super::wording::value_text;
use super::{Change, Figures, FindingOutcome, Metric, Rule, Scope, Subject, Unit};
use crate::stats::{Estimate, Restarts, Series, history_noise, last_change_point};
use crate::units::{format_count, format_share};

/// Without another word, a change of this must be found.
const MUST_DETECT: f64 = 0.2;
/// And of so many times what is allowed.
const MUST_DETECT_TIMES: f64 = 2.0;
/// A fall to less than this share of the baseline is as far as a fall can go.
const LEAST_SHARE: f64 = 0.01;

/// What a subject is compared with.
pub(super) struct History<'a> {
    pub(super) comparison: &'a Comparison<'a>,
    /// What the subject did in the baseline's runs, by job.
    jobs: Jobs<'a>,
    /// What was estimated of them already, for each job: several rules ask for the same.
    estimates: RefCell<BTreeMap<Metric, Vec<Option<Estimate>>>>,
}

impl<'a> History<'a> {
    pub(super) fn of(comparison: &'a Comparison<'a>, subject: Subject<'_>, scope: Scope<'_>) -> Self {
        Self { comparison, jobs: comparison.before(subject, scope), estimates: RefCell::default() }
    }

    /// One estimate for each job that has enough samples, newest first, since the metric last stepped to another level.
    fn estimates(&self, metric: Metric) -> Vec<Estimate> {
        let of_jobs = self.of_jobs(metric);
        of_jobs.into_iter().take(self.job_count(metric)).flatten().collect()
    }

    /// How many of the newest jobs lie behind the metric's last step: what was before is another build's level, and would
    /// pass for noise.
    fn job_count(&self, metric: Metric) -> usize {
        if self.comparison.beside().is_some() {
            return self.jobs.len();
        }
        let oldest_first: Vec<f64> = self.of_jobs(metric).iter().rev().map(|job| job.map_or(f64::NAN, |job| job.log)).collect();
        self.jobs.len() - last_change_point(&oldest_first).unwrap_or(0)
    }

    fn of_jobs(&self, metric: Metric) -> Vec<Option<Estimate>> {
        self.estimates.borrow_mut().entry(metric).or_insert_with(|| history_estimates(metric, &self.jobs)).clone()
    }

    /// How much runs of one build differ in this metric: the variance of the logarithm, 0 where too few runs tell.
    pub(super) fn variance_between(&self, metric: Metric) -> f64 {
        if self.comparison.standing != Standing::Ready || metric.unit() == Unit::Share {
            return 0.0;
        }
        let history = self.estimates(metric);
        let series = [Series { history: &history, kind: kind(metric), usual: metric.usual_noise() }];
        history_noise(&series)[0].map_or(0.0, |noise| noise.between)
    }
}

/// A row, or what becomes one once all that is compared is known.
#[derive(Debug)]
pub(super) enum Slot<'a> {
    Row(Row),
    Pending(Pending<'a, Compared>),
    Paired(Pending<'a, Paired>, Restarts),
    Rate(PendingRate<'a>),
}

/// A check of a value that has a history.
#[derive(Debug)]
pub(super) struct Pending<'a, T> {
    check: Check<'a>,
    evidence: Evidence,
    value: f64,
    /// Within which values (ms) are not told apart.
    resolution: f64,
    compared: T,
}

/// How often the release may be loaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sittings {
    pub(super) done: usize,
    pub(super) most: usize,
}

impl Sittings {
    /// Whether another load may follow.
    pub(super) fn may_go_on(self) -> bool {
        self.done < self.most
    }
}

/// Begins to judge a `rise` or `fall`.
pub(super) fn compare<'a>(check: &Check<'a>, measured: &Measured, loads: &[Figures], history: &History<'_>) -> Slot<'a> {
    let History { comparison, jobs, .. } = history;
    let baseline = baseline_value(check.metric, &jobs[..history.job_count(check.metric)]);
    let measurement = measured.measurement;
    let movement = measurement.value.zip(baseline.as_ref()).map(|(value, baseline)| Movement::of(check, baseline.value, value));
    let change = movement.as_ref().and_then(Movement::shown);
    let run_count = baseline.as_ref().map_or(0, |baseline| baseline.runs);
    let evidence = Evidence { measurement, baseline, change };
    if let Standing::TooFew { text, .. } = &comparison.standing {
        return Slot::Row(not_compared(check, evidence, movement.filter(|_| measured.shortage.is_none()), text));
    }
    if let Some(shortage) = &measured.shortage {
        return Slot::Row(check.row(FindingOutcome::Inconclusive, shortage.kind.into(), evidence, shortage.text.clone()));
    }
    let Some(movement) = movement.filter(|_| run_count >= comparison.runs_needed() as u64) else {
        let reason = format!(
            "only {run_count} of {} baseline runs had the {} requests that {} needs",
            comparison.run_count(),
            format_count(samples_needed(check.metric)),
            check.metric.title()
        );
        return Slot::Row(check.row(FindingOutcome::Inconclusive, Cause::TooFewSamples, evidence, reason));
    };
    if let Metric::Failures(kind) = check.metric {
        return Slot::Rate(PendingRate::of(check, kind, evidence, loads, jobs));
    }
    let resolution = resolution_ms(&measured.figures, check.metric, movement.from.max(movement.to));
    if let Some(beside) = comparison.beside() {
        return Slot::Paired(
            Pending {
                check: *check,
                value: movement.to,
                resolution,
                compared: paired(check, &movement, measured, loads, history),
                evidence,
            },
            beside.restarts,
        );
    }
    let history = history.estimates(check.metric);
    if history.len() < RUNS_NEEDED || measured.estimates.is_empty() {
        let reason = movement.sentence(check, None);
        return Slot::Row(check.row(FindingOutcome::Inconclusive, Cause::Undefined, evidence, reason));
    }
    Slot::Pending(Pending {
        check: *check,
        value: movement.to,
        resolution,
        compared: Compared {
            limits: limits(check, movement.from),
            worse: worse(check.rule),
            kind: kind(check.metric),
            usual: check.metric.usual_noise(),
            history,
            sittings: measured.estimates.clone(),
            tail: measured.tail(check.metric),
        },
        evidence,
    })
}

/// What became of rounds of one build, judged by the same rules; `None` where nothing is compared side by side.
pub(super) fn replay(slots: &[Slot<'_>]) -> Option<Replay> {
    let paired: Vec<Paired> = slots.iter().filter_map(Slot::paired).cloned().collect();
    (!paired.is_empty()).then(|| change::replay(&paired, restarts(slots)))
}

/// Decides what is pending, all of it together. A gate that failed too often where nothing changed (`replay`) proves no
/// regression.
pub(super) fn decide(slots: Vec<Slot<'_>>, comparison: &Comparison<'_>, sittings: Sittings, replay: Option<Replay>) -> Vec<Row> {
    let compared: Vec<Compared> = slots.iter().filter_map(Slot::compared).cloned().collect();
    let judge = if comparison.is_screen() { change::screen_history } else { change::judge_history };
    let mut changes = judge(&compared, sittings.most).into_iter();
    let paired: Vec<Paired> = slots.iter().filter_map(Slot::paired).cloned().collect();
    let mut of_rounds = change::judge_rounds(&paired, restarts(&slots), sittings.most).into_iter();
    let mut rows = Vec::with_capacity(slots.len());
    let mut rates = Vec::new();
    for slot in slots {
        match slot {
            Slot::Row(row) => rows.push(row),
            Slot::Pending(Pending { check, evidence, value, resolution, compared: Compared { limits, .. } }) => {
                let pending = Pending { check, evidence, value, resolution, compared: limits };
                rows.push(pending.row(changes.next().flatten(), sittings));
            }
            Slot::Paired(Pending { check, evidence, value, resolution, compared: Paired { limits, .. } }, _) => {
                let pending = Pending { check, evidence, value, resolution, compared: limits };
                let row = pending.row(of_rounds.next().flatten(), sittings);
                rows.push(if replay.is_some_and(|replay| !replay.is_calibrated()) { unproven(row) } else { row });
            }
            Slot::Rate(rate) => rates.push(rate),
        }
    }
    rows.extend(decide_rates(rates, sittings));
    rows
}

impl Slot<'_> {
    fn compared(&self) -> Option<&Compared> {
        match self {
            Self::Pending(pending) => Some(&pending.compared),
            Self::Row(_) | Self::Rate(_) | Self::Paired(..) => None,
        }
    }

    fn paired(&self) -> Option<&Paired> {
        match self {
            Self::Paired(pending, _) => Some(&pending.compared),
            Self::Row(_) | Self::Rate(_) | Self::Pending(_) => None,
        }
    }
}

/// What two deployments side by side come to in each round.
fn paired(check: &Check<'_>, movement: &Movement, measured: &Measured, loads: &[Figures], history: &History<'_>) -> Paired {
    let quantity = check.metric.quantity();
    let beside = history.jobs.iter().filter_map(|job| match job.first() {
        Some((_, Before::Beside(figures))) => Some(figures),
        Some((_, Before::Kept(_))) | None => None,
    });
    let rounds = loads.iter().zip(beside).filter_map(|(now, before)| now.paired_estimate(before, quantity?));
    Paired {
        limits: limits(check, movement.from),
        worse: worse(check.rule),
        kind: kind(check.metric),
        usual: check.metric.usual_round_noise(),
        rounds: rounds.collect(),
        against_itself: quantity.map_or_else(Vec::new, |quantity| history.comparison.against_itself(check.subject, check.scope, quantity)),
        tail: measured.tail(check.metric),
    }
}

fn restarts(slots: &[Slot<'_>]) -> Restarts {
    let of = |slot: &Slot<'_>| match slot {
        Slot::Paired(_, restarts) => Some(*restarts),
        Slot::Row(_) | Slot::Rate(_) | Slot::Pending(_) => None,
    };
    slots.iter().find_map(of).unwrap_or(Restarts::None)
}

impl Pending<'_, Limits> {
    fn row(self, change: Option<change::Change>, sittings: Sittings) -> Row {
        let Self { check, mut evidence, value, resolution, compared: limits } = self;
        let Some(change) = change else {
            let reason = format!("{} can't be compared", check.metric.title());
            return check.row(FindingOutcome::Inconclusive, Cause::Undefined, evidence, reason);
        };
        let from = value / change.log.exp();
        let movement = Movement::of(&check, from, value);
        if let Some(baseline) = &mut evidence.baseline {
            baseline.value = from;
        }
        let worse = worse(check.rule);
        evidence.change = shown(&change, worse);
        let sentence = movement.sentence(&check, Some((change.low.exp_m1(), change.high.exp_m1())));
        let may_go_on = sittings.may_go_on();
        let visible = format!("+{}", format_share(visible_share(&change, worse)));
        let (outcome, cause, reason) = match change.decision {
            Decision::Regressed if movement.within(resolution) => (
                FindingOutcome::Warn,
                Cause::Evaluated,
                format!("{sentence}, but the import does not tell {} apart", value_text(check.metric.unit(), resolution)),
            ),
            Decision::Regressed => (FindingOutcome::Fail, Cause::Evaluated, sentence),
            Decision::Unchanged => (FindingOutcome::Pass, Cause::Evaluated, sentence),
            Decision::Unresolvable => (
                FindingOutcome::Warn,
                Cause::Evaluated,
                format!("{sentence}; loads like this can only see {}", visible.replace('+', signed(worse))),
            ),
            Decision::Undecided => (FindingOutcome::Inconclusive, Cause::Undecided, undecided(&check, &change, &sentence, limits)),
            Decision::Hidden => (
                FindingOutcome::Inconclusive,
                Cause::Hidden,
                format!("{}; more loads like this would not tell", undecided(&check, &change, &sentence, limits)),
            ),
        };
        let is_open = may_go_on && (change.decision == Decision::Undecided || change.suspect);
        let excess = if outcome == FindingOutcome::Fail { movement.bound.excess(value) } else { 0.0 };
        Row { excess, is_open, ..check.row(outcome, cause, evidence, reason) }
    }
}

/// Of a gate that fails too often where nothing changed.
fn unproven(mut row: Row) -> Row {
    if row.finding.outcome == FindingOutcome::Fail {
        row.finding.outcome = FindingOutcome::Inconclusive;
        row.finding.reason.push_str("; but this gate is not calibrated: it fails too often where nothing changed");
        row.cause = Cause::Undecided;
    }
    row
}

/// Why neither a pass nor a failure is proven.
fn undecided(check: &Check<'_>, change: &change::Change, sentence: &str, limits: Limits) -> String {
    let noise = format!("runs of one build differ by {} here", format_share(change.noise.exp_m1()));
    let is_beyond = match worse(check.rule) {
        Worse::Higher => change.log > limits.allowed,
        Worse::Lower => -change.log > limits.allowed,
    };
    let why = if change.suspect {
        "it looks like a regression, which a second load would prove".to_owned()
    } else if is_beyond {
        format!("noise may explain it: {noise}")
    } else {
        let (direction, share) = match worse(check.rule) {
            Worse::Higher => ("rise", limits.must_detect.exp_m1()),
            Worse::Lower => ("fall", -(-limits.must_detect).exp_m1()),
        };
        format!("a {direction} of {} can't be excluded: {noise}", format_share(share))
    };
    format!("{sentence}; {why}")
}

const fn signed(worse: Worse) -> &'static str {
    match worse {
        Worse::Higher => "+",
        Worse::Lower => "-",
    }
}

fn visible_share(change: &change::Change, worse: Worse) -> f64 {
    match worse {
        Worse::Higher => change.visible.exp_m1(),
        Worse::Lower => -(-change.visible).exp_m1(),
    }
}

fn shown(change: &change::Change, worse: Worse) -> Option<Change> {
    let percent = |log: f64| Some(log.exp_m1() * 100.0).filter(|percent| percent.is_finite());
    let visible = Some(visible_share(change, worse) * 100.0).filter(|visible| visible.is_finite());
    Some(Change {
        percent: percent(change.log)?,
        low: percent(change.low),
        high: percent(change.high),
        visible,
        noise: percent(change.noise),
    })
}

/// What a rule allows and must find, as logarithms; `at_least` is an absolute floor below which nothing is a change.
fn limits(check: &Check<'_>, from: f64) -> Limits {
    let log = |share: f64| match worse(check.rule) {
        Worse::Higher => share.ln_1p(),
        Worse::Lower => -(1.0 - share).max(LEAST_SHARE).ln(),
    };
    let floor = check.rules.at_least.map_or(0.0, |least| least / from);
    let allowed = check.limit.max(floor);
    let asked = check.rules.must_detect.filter(|&asked| asked > allowed);
    let must_detect = asked.unwrap_or_else(|| MUST_DETECT.max(MUST_DETECT_TIMES * allowed));
    Limits { allowed: log(allowed), must_detect: log(must_detect) }
}

fn worse(rule: Rule) -> Worse {
    match rule {
        Rule::Rise | Rule::Max => Worse::Higher,
        Rule::Fall | Rule::Min => Worse::Lower,
    }
}

/// Metrics of the same kind share their noise.
fn kind(metric: Metric) -> u32 {
    match metric {
        Metric::Mean => 0,
        Metric::Max => 1,
        Metric::Throughput => 2,
        Metric::Failures(_) => 3,
        Metric::Percentile(percentile) => 2 * percentile.thousandths() + 4,
        Metric::TimeToFirstByte(percentile) => 2 * percentile.thousandths() + 5,
    }
}

/// Too young or no baseline: what would be a breach warns, everything else is skipped.
fn not_compared(check: &Check<'_>, evidence: Evidence, movement: Option<Movement>, why: &str) -> Row {
    let run_count = evidence.baseline.as_ref().map_or(0, |baseline| baseline.runs);
    let Some(movement) = movement else {
        return check.row(FindingOutcome::Skipped, Cause::NotCompared, evidence, why.to_owned());
    };
    let reason = format!("{}; baseline too young: {run_count} of {RUNS_NEEDED} runs", movement.sentence(check, None));
    let outcome = if movement.is_breach() == Some(true) { FindingOutcome::Warn } else { FindingOutcome::Skipped };
    check.row(outcome, Cause::NotCompared, evidence, reason)
}
