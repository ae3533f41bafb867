//! Baselines that are no basis for a comparison, kind by kind: none of them makes a release pass that nothing was compared
//! with, and each says what is wrong with it.

use super::samples::{RunSample, baseline, compared, first_reason, steady};
use super::{Outcome, Verdict};
use crate::run::{EndpointRole, Exactness, FailureClass, FailureDetail, Imported, Measure, Resolution, Run, StatedLatency};
use crate::units::Percentile;

const RULES: &str = "defaults: {p95: {rise: 10%}}";

/// A release as it was and one that is three times as slow, each against four such runs.
fn against(before: &Run) -> [Verdict; 2] {
    [100.0, 300.0].map(|millis| compared(&steady(millis), RULES, &baseline(vec![before.clone(); 4])))
}

fn changed(change: impl FnOnce(&mut Run)) -> Run {
    let mut run = steady(100.0);
    change(&mut run);
    run
}

/// As another tool measured it, which states this for p95 (ms), if anything.
fn imported(run: Run, measure: Measure, stated: Option<f64>) -> Run {
    let of = |millis| StatedLatency { samples: 2000, percentiles: [(Percentile::P95, millis)].into(), max: None, mean: None };
    let imported = Imported {
        tool: "k6".into(),
        format: "summary".into(),
        measure,
        exactness: Exactness::Summary,
        failures: FailureDetail::Classes,
        failures_in_latency: false,
        resolution: Resolution::default(),
        notes: Vec::new(),
        warnings: Vec::new(),
        stated: stated.map(|millis| ("GET /a".to_owned(), of(millis))).into_iter().collect(),
        total: None,
    };
    Run { imported: Some(imported), ..run }
}

#[test]
fn runs_that_may_not_be_compared_with_are_left_out_by_name() {
    let future = "2027-01-20T12:00:00Z".parse().unwrap();
    for (kind, before, why) in [
        ("another scenario", changed(|run| run.scenario.hash = "sha256:2".into()), "made with another version of the scenario"),
        ("another machine class", changed(|run| run.environment.cores = 8), "made on linux x86_64, 8 cores, this run on "),
        ("another environment", changed(|run| run.environment.name = Some("eu".into())), "made on linux x86_64, 2 cores, eu, this run on "),
        ("another tool and measure", imported(steady(100.0), Measure::Service, None), "it holds "),
        ("future-dated", changed(|run| run.started_at = future), "dated in the future"),
        ("cut short", changed(|run| run.complete = false), "not complete"),
    ] {
        for verdict in against(&before) {
            assert_eq!((verdict.outcome, verdict.exit_code), (Outcome::Inconclusive, 3), "{kind}");
            let left_out = verdict.baseline.unwrap().left_out;
            assert!(left_out.len() == 4 && left_out[0].starts_with(&format!("run-0: {why}")), "{kind}: {left_out:?}");
        }
    }
}

#[test]
fn a_baseline_without_enough_to_go_by_decides_nothing() {
    let empty = RunSample::new().declare("GET /a", EndpointRole::Task).done();
    let all_failed = RunSample::new().failed("GET /a", "hold", 2000, FailureClass::Connect).done();
    for (kind, before) in [
        ("empty", empty),
        ("one sample", RunSample::new().ok("GET /a", "hold", 1, 100.0).done()),
        ("all failed", all_failed),
        ("too few requests", RunSample::new().ok("GET /a", "hold", 199, 100.0).done()),
        ("the endpoint is missing", RunSample::new().ok("GET /b", "hold", 2000, 100.0).done()),
    ] {
        for verdict in against(&before) {
            assert_eq!((verdict.outcome, verdict.exit_code), (Outcome::Inconclusive, 3), "{kind}");
            let text = "only 0 of 4 baseline runs had the 200 requests that p95 needs";
            assert_eq!(first_reason(&verdict), text, "{kind}");
        }
    }
}

#[test]
fn a_value_that_is_no_number_is_compared_with_nothing() {
    let stated = |millis| imported(steady(100.0), Measure::Service, Some(millis));
    for (kind, before, now) in [
        ("no number before", f64::NAN, 100.0),
        ("endless before", f64::INFINITY, 100.0),
        ("no number now", 100.0, f64::NAN),
        ("endless now", 100.0, f64::INFINITY),
    ] {
        let verdict = compared(&stated(now), RULES, &baseline(vec![stated(before); 4]));
        assert_eq!((verdict.outcome, verdict.exit_code), (Outcome::Inconclusive, 3), "{kind}: {verdict:#?}");
        assert!(verdict.findings.iter().all(|finding| finding.measured.is_none_or(f64::is_finite)), "{kind}");
    }
}

#[test]
fn another_version_of_this_program_made_a_baseline_like_any_other() {
    let [same, slower] = against(&changed(|run| run.environment.perfgate = "9.9.9".into()));
    assert_eq!((same.exit_code, slower.exit_code), (0, 1));
}
