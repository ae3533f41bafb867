//! Two deployments side by side, examined by what was kept before: a gate that cries wolf proves no regression, and a
//! deployment that is slower than it was may be starved.

use serde_json::{Value, json};

use crate::support::{Ended, Reply, Server, Workspace};

const STORE: &str = ".perfgate/baselines/shop";

/// Kept rounds of which two nights, of two rounds each, were slower on one side by this factor's logarithm.
const TWO_WILD_NIGHTS: [f64; 24] = {
    let mut logs = [0.0; 24];
    (logs[2], logs[3], logs[10], logs[11]) = (1.2, 1.2, 1.2, 1.2);
    logs
};

/// `shop.yaml`, of which these rules say what may change.
fn shop(target: &Server, rules: &str) -> Workspace {
    let workspace = Workspace::with_shop(&target.url());
    workspace.edit("thresholds/shop.yaml", "defaults: {p95: 400ms, failures: 1%}", rules);
    workspace
}

/// Checks `target` beside `other`, in two rounds at most.
fn check(workspace: &Workspace, target: &Server, other: &Server) -> Ended {
    workspace.perfgate(&format!("check shop.yaml --target {} --against {} --max-duration 2s", target.url(), other.url()))
}

/// Makes the one round that is kept into so many, whose p95 differed by these logarithms.
fn keep_rounds(workspace: &Workspace, logs: &[f64]) {
    let path = format!("{STORE}/baseline.json");
    let mut store = workspace.json(&path);
    let round = store["rounds"][0].clone();
    let made: jiff::Timestamp = round["started_at"].as_str().unwrap().parse().unwrap();
    let of = |(hours, log): (i64, &f64)| {
        let mut round = round.clone();
        round["id"] = json!(format!("round-{hours}"));
        round["started_at"] = json!((made - jiff::SignedDuration::from_hours(hours)).to_string());
        for part in round["parts"].as_array_mut().unwrap() {
            part["changes"]["p95"] = json!([billionths(*log), billionths(0.01), billionths(0.01)]);
            part["changes"]["throughput"] = json!([billionths(-log), billionths(0.01), billionths(0.01)]);
        }
        round
    };
    store["rounds"] = (0..).zip(logs).map(of).collect();
    workspace.write(&path, &store.to_string());
}

#[expect(clippy::cast_possible_truncation, reason = "small logarithms")]
fn billionths(log: f64) -> i64 {
    (log * 1e9) as i64
}

/// Outcome and detail of a self-check in `verdict.json`.
fn self_check(workspace: &Workspace, name: &str) -> (String, String) {
    let verdict = workspace.json("perfgate-out/verdict.json");
    let checks = verdict["self_checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}: {checks:#?}"));
    (check["outcome"].as_str().unwrap().to_owned(), check["detail"].as_str().unwrap().to_owned())
}

/// Rule and outcome of every finding.
fn outcomes(workspace: &Workspace) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let verdict = workspace.json("perfgate-out/verdict.json");
    verdict["findings"].as_array().unwrap().iter().map(|finding| (text(&finding["rule"]), text(&finding["outcome"]))).collect()
}

#[test]
fn a_gate_that_fails_where_nothing_changed_warns_and_proves_no_rise_and_no_fall() {
    let (old, same, slower) = (Server::start(|_| Reply::slow(8)), Server::start(|_| Reply::slow(8)), Server::start(|_| Reply::slow(90)));
    let rules =
        "defaults: {p95: {rise: 50%, must_detect: 500%}}\ntotal: {throughput: {fall: 30%, must_detect: 90%}}\ngate: {baseline: {runs: 30}}";
    let workspace = shop(&same, rules);
    workspace.perfgate(&format!("baseline refresh shop.yaml --against {} --rounds 1", old.url())).with(0).says("kept round ");

    keep_rounds(&workspace, &TWO_WILD_NIGHTS);
    let told = "this gate is not calibrated: 2 of 12 gates failed that were made of rounds of a build against itself";
    let ended = check(&workspace, &slower, &old).with(3);
    ended.prints(told).prints("; but this gate is not calibrated: it fails too often where nothing changed").prints("exit 3 (no verdict)");
    let undecided = [("rise", "inconclusive"), ("fall", "inconclusive")].map(|(rule, outcome)| (rule.to_owned(), outcome.to_owned()));
    assert_eq!(outcomes(&workspace), undecided);
    let (outcome, detail) = self_check(&workspace, "calibrated");
    assert!(outcome == "warn" && detail.starts_with(told), "{outcome}: {detail}");
    assert_eq!(self_check(&workspace, "balanced").0, "skipped", "no run is stored");

    let ended = check(&workspace, &same, &old).with(0);
    ended.prints("perfgate: passed with warnings").prints(told).prints("exit 0 (pass)");
    assert_eq!(self_check(&workspace, "calibrated").0, "warn");

    keep_rounds(&workspace, &[0.0, 0.01, -0.01, 0.0, 0.0, 0.01, -0.01, 0.0, 0.0, 0.0]);
    check(&workspace, &slower, &old).with(1).prints("GET /api/products got slower: p95 ");
    let (outcome, detail) = self_check(&workspace, "calibrated");
    assert_eq!((outcome.as_str(), detail.as_str()), ("pass", "0 of 5 gates failed that were made of rounds of a build against itself"));
}

#[test]
fn a_deployment_beside_the_release_that_is_slower_than_it_was_is_a_warning() {
    let (usual, busy, release) =
        (Server::start(|_| Reply::slow(8)), Server::start(|_| Reply::slow(90)), Server::start(|_| Reply::slow(90)));
    let workspace = shop(&usual, "defaults: {p95: {rise: 400%, must_detect: 900%}}");
    workspace.perfgate("baseline refresh shop.yaml --repeat 3").with(0).says("3 runs");

    let advice = "in 3 runs before: the two sides may take each other's capacity";
    check(&workspace, &release, &busy).with(0).prints("perfgate: passed with warnings").prints(advice).prints("exit 0 (pass)");
    let (outcome, detail) = self_check(&workspace, "balanced");
    assert!(outcome == "warn" && detail.contains(advice), "{outcome}: {detail}");
    assert_eq!(outcomes(&workspace), [("rise".to_owned(), "pass".to_owned())]);
    assert_eq!(self_check(&workspace, "calibrated").0, "skipped", "no round is kept");

    check(&workspace, &usual, &usual).with(0).prints("perfgate: passed · 1 check");
    let (outcome, detail) = self_check(&workspace, "balanced");
    assert!(outcome == "pass" && detail.contains(" in 3 runs before"), "{outcome}: {detail}");
}
