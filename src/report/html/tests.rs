//! The page as a whole: what stands where, that nothing of others becomes markup, and that the policy fits its assets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::SignedDuration;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::overall::Overall;
use super::past::{Past, PastValues};
use super::{charts, code, run as run_page, verdict as verdict_page};
use crate::gate::{BaselineRef, Finding, FindingOutcome, Verdict};
use crate::report::{Context, Subject, samples};
use crate::run::{
    Baseline, BaselineRun, Exactness, FailureDetail, Imported, Measure, PhaseSelection, Resolution, Run, ScenarioRef, StatedLatency,
};

fn page(verdict: &Verdict, run: &Run) -> String {
    verdict_page(&Subject { verdict, run, reproduce: samples::REPRODUCE }, &Context::default())
}

/// The run on some earlier nights.
fn nights(run: &Run, count: u32) -> Baseline {
    let night = |night: u32| {
        let mut run = run.clone();
        run.started_at = run.started_at.checked_sub(std::time::Duration::from_secs(86_400) * (night + 1)).unwrap();
        BaselineRun { id: format!("night-{night}"), pinned: false, run }
    };
    Baseline { source: "nights".into(), runs: (0..count).map(night).collect(), rounds: Vec::new() }
}

/// A failed verdict that was compared with all nights but those left out.
fn compared(baseline: &Baseline, left_out: &[&str]) -> Verdict {
    let times = || baseline.runs.iter().map(|kept| kept.run.started_at);
    let mut verdict = samples::failed();
    verdict.baseline = Some(BaselineRef {
        source: baseline.source.clone(),
        runs: (baseline.runs.len() - left_out.len()) as u64,
        left_out: left_out.iter().map(|id| format!("{id}: not complete")).collect(),
        newest: times().max(),
        oldest: times().min(),
    });
    verdict
}

/// What is between the first `open` and the next `close` behind it.
fn between<'a>(text: &'a str, open: &str, close: &str) -> &'a str {
    let rest = text.split_once(open).unwrap_or_else(|| panic!("no `{open}`")).1;
    rest.split_once(close).unwrap_or_else(|| panic!("no `{close}`")).0
}

#[test]
fn the_outcome_comes_first_and_every_part_is_there() {
    for (verdict, first) in [
        (samples::passed(), "passed · 6 checks · checkout on staging @ 3f9c1ab"),
        (samples::warned(), "passed with warnings · 4 checks, 2 skipped · checkout on staging @ 3f9c1ab"),
        (samples::failed(), "failed · 2 of 8 checks · checkout on staging @ 3f9c1ab"),
        (samples::inconclusive(), "no verdict · 2 of 6 checks undecided · checkout on staging @ 3f9c1ab"),
        (samples::error(), "error · checkout on staging @ 3f9c1ab"),
        (samples::soft(), "failed (soft) · 2 of 8 checks · checkout on staging @ 3f9c1ab"),
    ] {
        let page = page(&verdict, &samples::run());
        assert_eq!(between(&page, "<h1>", "</h1>"), first);
        let sections =
            ["checks", "over-time", "distribution", "endpoints", "failures", "generator", "thresholds", "reproduce", "environment"];
        let places: Vec<_> = sections.map(|id| page.find(&format!("<section id=\"{id}\"")).unwrap_or_else(|| panic!("no {id}"))).to_vec();
        assert!(places.is_sorted());
        assert_eq!(page.matches("<article").count(), attention(&verdict), "{first}");
    }
}

/// A card for each finding that asks for attention, three of those that are no breach; without one, for the nearest to its limit.
fn attention(verdict: &Verdict) -> usize {
    use crate::gate::FindingOutcome::{Fail, Inconclusive, Waived, Warn};
    let count = |wanted: &[FindingOutcome]| verdict.findings.iter().filter(|finding| wanted.contains(&finding.outcome)).count();
    let cards = count(&[Fail]) + count(&[Inconclusive, Waived, Warn]).min(3);
    cards.max(usize::from(!verdict.findings.is_empty()))
}

#[test]
fn each_compared_run_is_a_dot_and_one_that_was_left_out_is_none() {
    let run = samples::run();
    let baseline = nights(&run, 5);
    let verdict = compared(&baseline, &["night-2"]);
    let subject = Subject { verdict: &verdict, run: &run, reproduce: samples::REPRODUCE };
    let past = Past::of(&subject, &Context { baseline: Some(&baseline), ..Context::default() });
    let finding = verdict.findings.iter().find(|finding| finding.metric == "p95").unwrap();
    let compared = past.values(finding);
    let values = &compared.values;
    let endpoint = run.endpoints.iter().find(|endpoint| endpoint.name == finding.endpoint).unwrap();
    let own = run.summary(endpoint, PhaseSelection::Judged).latency.percentile_ms(crate::units::Percentile::P95).unwrap();
    assert_eq!(values.iter().map(|value| value.value).collect::<Vec<_>>(), vec![own; 4]);
    assert!(values.is_sorted_by_key(|value| value.started_at), "the oldest stands left");
    assert_eq!(charts::finding(finding, &compared, "f").into_string().matches("<circle").count(), 4);
    assert!(
        Past::of(&subject, &Context::default()).values(finding).values.is_empty(),
        "without the runs there is the baseline's value alone"
    );
}

#[test]
fn the_loads_of_the_deployment_beside_the_release_are_its_dots() {
    let run = samples::run();
    let later = |run: &Run, minutes| Run { started_at: run.started_at + SignedDuration::from_mins(minutes), ..run.clone() };
    let beside: Vec<Run> = (0..3).map(|round| Run { target: "http://old.example".into(), ..later(&run, round - 2) }).collect();
    let earlier = [later(&run, -2), later(&run, -1)];
    let mut verdict = compared(&nights(&run, 5), &[]);
    verdict.run.loads = 3;
    let subject = Subject { verdict: &verdict, run: &run, reproduce: samples::REPRODUCE };
    let context = Context { baseline: None, earlier: earlier.iter().collect(), beside: &beside };
    let page = verdict_page(&subject, &context);
    assert!(page.contains("loaded 3 times beside http://old.example; each check is judged over all of these rounds"));
    assert!(page.contains("3 loads of the other deployment") && !page.contains("Since when") && !page.contains("baseline run"));
    let loads = between(&page, "<section id=\"loads\"", "</section>");
    assert_eq!(
        (loads.matches("<tr>").count(), loads.matches("http://old.example").count(), loads.matches("(this page)").count()),
        (7, 3, 1)
    );
    let stranger =
        |beside: &Run| Run { scenario: ScenarioRef { hash: "sha256:other".into(), ..beside.scenario.clone() }, ..beside.clone() };
    let strangers: Vec<Run> = beside.iter().map(stranger).collect();
    let strange = verdict_page(&subject, &Context { beside: &strangers, ..Context::default() });
    assert!(!strange.contains("loads of the other deployment"), "what sent something else is no dot");
    // Where the others are not at hand, that there were some is told all the same.
    let alone = verdict_page(&subject, &Context::default());
    assert!(alone.contains("loaded 3 times; each check is judged over all of these loads") && !alone.contains("<section id=\"loads\""));
    verdict.run.loads = 1;
    assert!(!self::page(&verdict, &run).contains("<strong>Loads:"));
}

#[test]
fn each_endpoint_shows_its_percentiles_over_those_of_the_newest_compared_runs() {
    let mut run = samples::run();
    let baseline = nights(&run, 7);
    let verdict = compared(&baseline, &["night-2"]);
    let page = verdict_page(
        &Subject { verdict: &verdict, run: &run, reproduce: samples::REPRODUCE },
        &Context { baseline: Some(&baseline), ..Context::default() },
    );
    for id in ["hdr", "e0-hdr", "e1-hdr"] {
        let chart = between(&page, &format!("aria-labelledby=\"{id}-t {id}-d\""), "</figure>");
        assert_eq!((chart.matches("line earlier").count(), chart.matches("line p95").count()), (5, 1), "{id}");
        assert!(chart.contains("baseline, highest") && chart.contains("; p95 "), "{id}");
    }
    // The endpoint that asks for attention stands first, and its card leads to it.
    let first = between(&page, "<details class=\"endpoint\">", "</details>");
    assert!(first.contains("GET /api/orders/:id") && first.contains("id=\"endpoint-0\""), "{first}");
    assert!(page.contains("href=\"#endpoint-0\""));
    assert!(!run_page(&run).contains("baseline, highest"), "without a baseline there is the run alone");
    let stated = StatedLatency { samples: 100, max: Some(900.0), ..StatedLatency::default() };
    let name = run.endpoints[0].name.clone();
    run.imported = Some(Imported {
        tool: "Locust".into(),
        format: "CSV".into(),
        measure: Measure::Response,
        exactness: Exactness::Summary,
        failures: FailureDetail::Count,
        failures_in_latency: false,
        resolution: Resolution::default(),
        notes: Vec::new(),
        warnings: Vec::new(),
        stated: [(name, stated)].into(),
        total: None,
    });
    assert_eq!(run_page(&run).matches("the distribution behind them is not known").count(), 1);
}

#[test]
fn the_picture_of_a_finding() {
    let rise = samples::rise("POST /api/checkout", "p95", 142.2, 120.6);
    let drawn = |finding: &Finding| charts::finding(finding, &PastValues::default(), "f0").into_string().replace("><", ">\n<");
    insta::assert_snapshot!("html_rise", drawn(&rise));
    insta::assert_snapshot!("html_max", drawn(&samples::failures("GET /api/orders/:id", 0.0213)));
    assert_eq!(drawn(&Finding { measured: None, ..rise.clone() }), "", "what was not measured has no picture");
    assert_eq!(drawn(&Finding { baseline: None, change: None, ..rise }), "", "nor has what nothing is held against");
}

#[test]
fn a_run_over_time() {
    let mut run = samples::run();
    run.endpoints.truncate(1);
    run.endpoints[0].slices.truncate(6);
    run.endpoints[0].slices.remove(2);
    run.endpoints[0].per_second.requests = [40, 50, 60].into_iter().collect();
    run.endpoints[0].per_second.failures = [0, 2, 0].into_iter().collect();
    run.complete = false;
    insta::assert_snapshot!("html_over_time", charts::over_time(&Overall::of(&run, &[])).into_string().replace("><", ">\n<"));
}

#[test]
fn a_run_that_lacks_everything_is_still_a_page() {
    let mut run = samples::run();
    for text in [run_page(&run), page(&samples::failed(), &run)] {
        assert!(text.contains("class=\"plot"));
    }
    for endpoint in &mut run.endpoints {
        endpoint.slices.clear();
        endpoint.phases.clear();
        endpoint.per_second = crate::run::PerSecond::default();
    }
    run.generator = crate::run::Generator::default();
    let bare = page(&samples::error(), &run);
    for none in ["no values over time", "No request in a judged phase has a latency", "No request was made", "no books of a generator"] {
        assert!(bare.contains(none), "{none}");
    }
    run.endpoints.clear();
    run.phases.clear();
    assert!(run_page(&run).contains("The scenario has no endpoint."));
}

#[test]
fn the_policy_allows_this_style_and_this_script_and_nothing_else() {
    let page = page(&samples::failed(), &samples::run());
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"").replace("&#39;", "'");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    for (tag, source) in [("style", "style-src"), ("script", "script-src")] {
        assert_eq!(page.matches(&format!("<{tag}")).count(), 1);
        let asset = between(&page, &format!("<{tag}>"), &format!("</{tag}>"));
        assert!(policy.contains(&format!("{source} 'sha256-{}'", BASE64.encode(Sha256::digest(asset)))), "{policy}");
    }
    for outside in ["http://", "https://", "style=\"", "url(", "@import", " onload=", " src="] {
        let page = page.replace("http://www.w3.org/2000/svg", "").replace("https://staging.shop.example", "");
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_path_that_is_read_from_the_right_keeps_its_order() {
    assert_eq!(code("GET /a/<b>").into_string(), "<code>GET /a/&lt;b&gt;</code>");
    assert_eq!(code("GET /طلبات/14").into_string(), "<code><bdi>GET </bdi>/<bdi>طلبات</bdi>/<bdi>14</bdi></code>");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Never empty: a fact without a value is left out together with its markup.
    #[test]
    fn no_text_of_others_becomes_markup(label in "[ -~\n\u{202e}é|`<>@#\\\\\u{0}]{1,200}|</style><script>|\"><img src=x>|<!--|\\]\\]>") {
        let opened = |label: &str| {
            let (verdict, run) = samples::hostile(label);
            let page = verdict_page(&Subject { verdict: &verdict, run: &run, reproduce: label }, &Context::default());
            let body = page.split_once("</style>").unwrap().1.to_owned();
            (body.matches('<').count(), body.matches('>').count(), body.matches('"').count(), page)
        };
        let (plain, hostile) = (opened("GET a"), opened(&label));
        prop_assert_eq!((plain.0, plain.1, plain.2), (hostile.0, hostile.1, hostile.2));
        let invisible = hostile.3.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}');
        prop_assert!(!invisible);
    }
}
