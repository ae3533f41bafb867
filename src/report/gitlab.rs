//! `load-performance.json`: the few figures that GitLab's merge-request widget reads, in the layout of k6's summary export.

use serde::Serialize;

use super::ReportError;
use crate::gate::{FindingOutcome, Verdict};
use crate::run::{PhaseSelection, Run};
use crate::stats::Histogram;

#[derive(Serialize)]
struct LoadPerformance {
    metrics: Metrics,
}

#[derive(Serialize)]
struct Metrics {
    http_reqs: Requests,
    /// Time to first byte (ms), absent without an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    http_req_waiting: Option<Waiting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Checks>,
}

#[derive(Serialize)]
struct Requests {
    count: u64,
    rate: f64,
}

#[derive(Serialize)]
struct Waiting {
    #[serde(rename = "p(90)")]
    p90: f64,
    #[serde(rename = "p(95)")]
    p95: f64,
}

#[derive(Serialize)]
struct Checks {
    passes: usize,
    fails: usize,
}

/// The figures of the judged phases; `checks` are the verdict's, absent without one.
pub(super) fn load_performance(run: &Run, verdict: Option<&Verdict>) -> Result<String, ReportError> {
    let total = run.total(PhaseSelection::Judged).counts;
    let seconds = run.duration_of(PhaseSelection::Judged).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let rate = if seconds > 0.0 { total.requests as f64 / seconds } else { 0.0 };
    let metrics = Metrics {
        http_reqs: Requests { count: total.requests, rate },
        http_req_waiting: waiting(&total.ttfb),
        checks: verdict.map(checks),
    };
    let mut text = serde_json::to_string_pretty(&LoadPerformance { metrics })?;
    text.push('\n');
    Ok(text)
}

fn waiting(ttfb: &Histogram) -> Option<Waiting> {
    Some(Waiting { p90: ttfb.value_at_fraction(0.9)?, p95: ttfb.value_at_fraction(0.95)? })
}

/// What was not judged (skipped, waived) counts on neither side.
fn checks(verdict: &Verdict) -> Checks {
    let count = |outcomes: [FindingOutcome; 2]| verdict.findings.iter().filter(|finding| outcomes.contains(&finding.outcome)).count();
    Checks {
        passes: count([FindingOutcome::Pass, FindingOutcome::Warn]),
        fails: count([FindingOutcome::Fail, FindingOutcome::Inconclusive]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn the_widget_finds_its_keys() {
        insta::assert_snapshot!("load_performance_json", load_performance(&samples::run(), Some(&samples::failed())).unwrap());
    }

    #[test]
    fn without_answers_there_is_no_time_to_first_byte() {
        let mut run = samples::run();
        run.endpoints.clear();
        assert!(!load_performance(&run, None).unwrap().contains("http_req_waiting"));
    }
}
