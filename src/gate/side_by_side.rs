//! A comparison side by side, examined: does it keep still where nothing changed, and did the deployment beside the
//! release run as it usually does.

use super::change::Replay;
use super::comparison::Comparison;
use super::scope::gist_of;
use super::{Figures, GateSettings, Metric, Scope, SelfCheck, SelfCheckOutcome, Subject};
use crate::run::Digest;
use crate::stats::{Estimate, t_quantile};
use crate::units::{Percentile, format_millis};

/// So many replayed gates tell whether one of them in a hundred would fail.
const GATES_NEEDED: u64 = 4;
/// So many stored runs tell how fast a deployment usually is.
const RUNS_NEEDED: usize = 3;
/// Three standard deviations, one-sided, of what is known exactly.
const UNUSUAL: f64 = 0.998_65;
const METRIC: Metric = Metric::Percentile(Percentile::P95);
/// With three or four runs Student's t would let everything pass.
const LONGEST_TAIL: f64 = 6.0;

/// The self-check `calibrated`: rounds of a build against itself, judged as if they were a release.
pub(super) fn calibrated(replay: Replay) -> SelfCheck {
    let Replay { gates, alarms } = replay;
    let told = format!("{alarms} of {gates} gates failed that were made of rounds of a build against itself");
    if gates < GATES_NEEDED {
        let detail = format!(
            "not examined: needs {} kept rounds of a build against itself, see `perfgate baseline refresh --against`",
            2 * GATES_NEEDED
        );
        return check("calibrated", SelfCheckOutcome::Skipped, detail);
    }
    if replay.is_calibrated() {
        return check("calibrated", SelfCheckOutcome::Pass, told);
    }
    let detail = format!(
        "this gate is not calibrated: {told}, which the promised 1 % does not explain: find out what differs between the two \
         deployments; new rounds of `perfgate baseline refresh --against` take the place of these"
    );
    check("calibrated", SelfCheckOutcome::Warn, detail)
}

/// The self-check `balanced`: whether the deployment beside the release was as fast as its own runs before, or whether
/// the two take each other's capacity. `None` where nothing was loaded side by side.
pub(super) fn balanced(comparison: &Comparison<'_>, settings: &GateSettings) -> Option<SelfCheck> {
    comparison.beside()?;
    let known = comparison.other_side(settings).and_then(|(loads, jobs)| {
        let scope = Scope::Pooled { named: &[] };
        let now = loads.iter().filter_map(|run| METRIC.estimate(&Figures::of(run, Subject::Total, scope)?)).collect::<Vec<_>>();
        let quantity = METRIC.quantity()?;
        let of_digest = |digest: &&Digest| gist_of(digest, Subject::Total, scope)?.gauges.get(&quantity)?.estimate;
        let of_job = |job: &Vec<&Digest>| job.iter().find_map(of_digest);
        let before = jobs.iter().filter_map(of_job).collect::<Vec<Estimate>>();
        (!now.is_empty() && before.len() >= RUNS_NEEDED).then(|| (mean(&now), before))
    });
    let Some((now, before)) = known else {
        let detail = format!("not examined: needs {RUNS_NEEDED} stored runs that the deployment beside the release can be compared with");
        return Some(check("balanced", SelfCheckOutcome::Skipped, detail));
    };
    let told = format!(
        "p95 of all requests of the deployment beside the release was {}, {} in {} runs before",
        format_millis(now.exp()),
        format_millis(mean(&before).exp()),
        before.len()
    );
    Some(if now - mean(&before) > usual_distance(&before) {
        let advice = "the two sides may take each other's capacity: give each its own machine, or load them with fewer users";
        check("balanced", SelfCheckOutcome::Warn, format!("{told}: {advice}"))
    } else {
        check("balanced", SelfCheckOutcome::Pass, told)
    })
}

/// How far above the mean of these another run of the same build lies at most.
fn usual_distance(runs: &[Estimate]) -> f64 {
    let (count, level) = (number(runs.len()), mean(runs));
    let seen = runs.iter().map(|run| (run.log - level).powi(2)).sum::<f64>() / (count - 1.0);
    // A few runs may lie closer together than such runs do.
    let deviation = seen.sqrt().max(METRIC.usual_noise());
    t_quantile(UNUSUAL, count - 1.0).min(LONGEST_TAIL) * deviation * (1.0 + count.recip()).sqrt()
}

fn mean(estimates: &[Estimate]) -> f64 {
    estimates.iter().map(|estimate| estimate.log).sum::<f64>() / number(estimates.len())
}

#[expect(clippy::cast_precision_loss, reason = "a handful of runs")]
fn number(count: usize) -> f64 {
    count as f64
}

fn check(name: &str, outcome: SelfCheckOutcome, detail: impl Into<String>) -> SelfCheck {
    SelfCheck { name: name.to_owned(), outcome, detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{RunSample, baseline, thresholds};
    use super::super::{BaselineChoice, Beside, FindingOutcome, Outcome, Release, Verdict, judge_release};
    use super::*;
    use crate::run::{Round, Run, StoredRound};
    use crate::stats::Restarts;

    const RULES: &str = "defaults: {p95: {rise: 10%}}\ngate: {baseline: {runs: 30}}";

    fn load(round: usize, millis: f64) -> Run {
        let latencies: Vec<f64> = (0..2000).map(|at| millis * (0.9 + 0.2 * f64::from(at % 100) / 100.0)).collect();
        let begun = RunSample::new().ok_each("GET /a", "hold", &latencies);
        begun.with(|run| run.started_at += jiff::SignedDuration::from_mins(i64::try_from(round).unwrap())).done()
    }

    /// Each round with how much slower the first side was, by a factor.
    fn rounds(slower: &[f64]) -> Vec<StoredRound> {
        let of = |(at, factor): (usize, &f64)| {
            let round = Round::of(&load(at, 50.0 * factor), &load(at, 50.0), Restarts::BeforeEachRound);
            StoredRound { id: format!("round-{at}"), round }
        };
        slower.iter().enumerate().map(of).collect()
    }

    fn verdict(release: [f64; 2], other: f64, against_itself: &[StoredRound], before: Option<f64>) -> Verdict {
        let thresholds = thresholds(RULES);
        let loads: Vec<Run> = release.iter().enumerate().map(|(at, &millis)| load(at, millis)).collect();
        let beside: Vec<Run> = (0..2).map(|at| load(at, other)).collect();
        let history =
            before.map(|millis| baseline([0.99, 1.0, 1.01, 1.0].map(|factor| load(0, millis * factor))).digests(&thresholds.ask()));
        let beside =
            Beside { target: "http://old", loads: &beside, restarts: Restarts::BeforeEachRound, against_itself, history: history.as_ref() };
        judge_release(Release { loads: &loads, most_loads: 2 }, &thresholds, BaselineChoice::SideBySide(beside)).verdict
    }

    fn found<'v>(verdict: &'v Verdict, name: &str) -> &'v SelfCheck {
        verdict.self_checks.iter().find(|check| check.name == name).unwrap()
    }

    #[test]
    fn a_gate_that_fails_where_nothing_changed_proves_no_regression() {
        let calm = rounds(&[1.0, 1.01, 0.99, 1.0, 1.0, 1.01, 0.99, 1.0, 1.0, 1.0]);
        let proven = verdict([75.0, 75.0], 50.0, &calm, None);
        assert_eq!((proven.outcome, found(&proven, "calibrated").outcome), (Outcome::Fail, SelfCheckOutcome::Pass), "{proven:#?}");
        assert_eq!(found(&proven, "calibrated").detail, "0 of 5 gates failed that were made of rounds of a build against itself");

        let mut slower = [1.0; 24];
        slower[2..4].fill(1.6);
        slower[10..12].fill(1.6);
        let wild = rounds(&slower);
        let unproven = verdict([200.0, 200.0], 50.0, &wild, None);
        assert_eq!((unproven.outcome, unproven.exit_code), (Outcome::Inconclusive, 3), "{unproven:#?}");
        assert!(unproven.findings[0].reason.ends_with("this gate is not calibrated: it fails too often where nothing changed"));
        assert_eq!(found(&unproven, "calibrated").outcome, SelfCheckOutcome::Warn);
        let kept = verdict([50.0, 50.0], 50.0, &wild, None);
        assert!(kept.findings.iter().all(|finding| finding.outcome != FindingOutcome::Fail) && kept.exit_code != 1);
        assert!(kept.reasons.iter().any(|reason| reason.code == "calibrated"), "{:?}", kept.reasons);

        let few = verdict([75.0, 75.0], 50.0, &calm[..3], None);
        assert_eq!((few.outcome, found(&few, "calibrated").outcome), (Outcome::Fail, SelfCheckOutcome::Skipped));
    }

    #[test]
    fn a_deployment_that_is_slower_than_it_was_may_be_starved() {
        let usual = verdict([50.0, 50.0], 50.0, &[], Some(51.0));
        assert_eq!(found(&usual, "balanced").outcome, SelfCheckOutcome::Pass);
        assert_eq!(usual.outcome, Outcome::Pass, "{usual:#?}");
        let starved = verdict([90.0, 90.0], 90.0, &[], Some(50.0));
        let check = found(&starved, "balanced");
        assert_eq!((starved.outcome, check.outcome), (Outcome::Warn, SelfCheckOutcome::Warn), "{starved:#?}");
        assert!(check.detail.contains("in 4 runs before: the two sides may take each other's capacity"), "{}", check.detail);
        assert_eq!(
            found(&verdict([90.0, 90.0], 90.0, &[], Some(200.0)), "balanced").outcome,
            SelfCheckOutcome::Pass,
            "faster is not starved"
        );
        let unknown = verdict([50.0, 50.0], 50.0, &[], None);
        assert_eq!(found(&unknown, "balanced").outcome, SelfCheckOutcome::Skipped);
        let alone = super::super::samples::judged(&load(0, 50.0), "defaults: {p95: 400ms}");
        assert!(!alone.self_checks.iter().any(|check| ["balanced", "calibrated"].contains(&check.name.as_str())));
    }
}
