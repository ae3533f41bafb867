//! What a run of another tool can't answer: a figure that its file does not hold is never judged as if it did, and a
//! difference that its buckets can't show is no change.

use super::check::{Cause, Check, Evidence, Row};
use super::metric::FailureKind;
use super::{Figures, FindingOutcome, Metric, Subject};
use crate::run::{FailureDetail, Imported, Run, StatedLatency};

/// Why a check can't be judged at all; `None` where it can.
pub(super) fn not_stated(run: &Run, check: &Check<'_>, figures: &Figures) -> Option<String> {
    let imported = run.imported.as_ref()?;
    match check.metric {
        Metric::Percentile(percentile) => missing(imported, figures, check, |stated| stated.percentiles.contains_key(&percentile)),
        Metric::Max => missing(imported, figures, check, |stated| stated.max.is_some()),
        Metric::Mean => missing(imported, figures, check, |stated| stated.mean.is_some()),
        Metric::TimeToFirstByte(_) => {
            let none = figures.summary.counts.ttfb.is_empty() && figures.summary.counts.requests > 0;
            none.then(|| format!("{} is not in {}", check.metric.title(), source(imported)))
        }
        Metric::Failures(kind) => unknown_failures(imported, kind),
        Metric::Throughput if imported.failures == FailureDetail::Unknown => {
            Some(format!("{} does not say which requests failed, so that the answered ones can't be counted", source(imported)))
        }
        Metric::Throughput => None,
    }
}

fn missing(imported: &Imported, figures: &Figures, check: &Check<'_>, has: impl Fn(&StatedLatency) -> bool) -> Option<String> {
    let title = check.metric.title();
    let Some(stated) = &figures.summary.stated else {
        let summary_only = check.subject == Subject::Total && figures.summary.latency.is_empty() && !imported.stated.is_empty();
        return summary_only.then(|| format!("{title} is not in {}, and can't be made of the endpoints' figures", source(imported)));
    };
    if has(stated) {
        return None;
    }
    let known: Vec<String> = stated.percentiles.keys().map(ToString::to_string).collect();
    let known = if known.is_empty() { "no percentile".to_owned() } else { known.join(", ") };
    Some(format!("{title} is not in {}, which states {known}", source(imported)))
}

fn unknown_failures(imported: &Imported, kind: FailureKind) -> Option<String> {
    match (imported.failures, kind) {
        (FailureDetail::Unknown, _) => Some(format!("{} does not say which requests failed", source(imported))),
        (FailureDetail::Count, FailureKind::All) | (FailureDetail::Classes | FailureDetail::AnsweredOnly, _) => None,
        (FailureDetail::Count, _) => Some(format!("{} says how many requests failed, not why", source(imported))),
    }
}

/// A share of failures is a lower bound where the file lacks those without an answer: it can break a limit, not keep it.
pub(super) fn lower_bound_only(run: &Run, mut row: Row) -> Row {
    let Some(imported) = run.imported.as_ref().filter(|imported| imported.failures == FailureDetail::AnsweredOnly) else { return row };
    let is_share = matches!(row.metric, Metric::Failures(_));
    if is_share && matches!(row.finding.outcome, FindingOutcome::Pass | FindingOutcome::Warn) {
        row.finding.outcome = FindingOutcome::Inconclusive;
        row.cause = Cause::NotStated;
        row.finding.reason = format!("{} leaves out requests without an answer; {}", source(imported), row.finding.reason);
    }
    row
}

/// The width (ms) within which the run's latencies near `millis` are not told apart.
pub(super) fn resolution_ms(figures: &Figures, metric: Metric, millis: f64) -> f64 {
    let is_latency = matches!(metric, Metric::Percentile(_) | Metric::Max | Metric::TimeToFirstByte(_));
    if is_latency { figures.resolution.width_at(millis) } else { 0.0 }
}

/// The row of a check that the import can't answer.
pub(super) fn unjudged(check: &Check<'_>, figures: &Figures, why: String) -> Row {
    check.row(FindingOutcome::Inconclusive, Cause::NotStated, Evidence::measured(check, figures), why)
}

fn source(imported: &Imported) -> String {
    format!("the {} {}", imported.tool, imported.format)
}
