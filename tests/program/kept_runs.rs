//! What `serve` does with files that anybody may have written: a repository that brings an index of its own, results that are
//! longer than any load makes them; and with another program at the same place.

use serde_json::{Value, json};

use crate::support::{Dashboard, Workspace};

const RUN: &str = include_str!("../artifacts/run-v1.json");

/// A folder with one run below `place`.
fn with_run(place: &str) -> Workspace {
    let workspace = Workspace::empty();
    workspace.write(&format!("{place}/run.json"), RUN);
    workspace
}

fn listed(dashboard: &Dashboard, cookie: &str) -> Vec<Value> {
    let listing = dashboard.ask("GET /api/runs", cookie, "").with(200).json();
    listing["runs"].as_array().unwrap().clone()
}

#[cfg(unix)]
#[test]
fn d12_a_repository_chooses_neither_the_database_nor_the_runs_of_a_history() {
    let workspace = with_run("perfgate-out");
    workspace.write("app/keep", "");
    workspace.write(".perfgate/keep", "");
    let theirs = workspace.path("app/data.db");
    let database = rusqlite::Connection::open(&theirs).unwrap();
    database.execute_batch("CREATE TABLE run (mine TEXT); INSERT INTO run VALUES ('kept');").unwrap();
    drop(database);
    let before = std::fs::read(&theirs).unwrap();
    let index = workspace.path(".perfgate/history.sqlite");
    std::os::unix::fs::symlink("../app/data.db", &index).unwrap();
    for arguments in ["serve", "serve --reindex"] {
        let dashboard = Dashboard::start(&workspace, arguments);
        assert!(dashboard.said().contains("history.sqlite: it is a symbolic link"), "{}", dashboard.said());
        assert_eq!(listed(&dashboard, &dashboard.open()).len(), 1);
        assert_eq!(std::fs::read(&theirs).unwrap(), before);
        assert_eq!(workspace.names("app").len(), 2, "{:?}", workspace.names("app"));
    }
    std::fs::remove_file(&index).unwrap();
    drop(Dashboard::start(&workspace, "serve"));
    let database = rusqlite::Connection::open(&index).unwrap();
    let rosy = "CREATE TRIGGER rosy AFTER INSERT ON run BEGIN UPDATE run SET outcome = 'pass'; END;";
    let phantom = "INSERT INTO run SELECT id + 1, '/elsewhere/run.json', verdict, 'pass', scenario, hash, fingerprint, target, branch, commit_id, started_us, complete, pinned, requests, failures, p95, p99 FROM run;";
    database.execute_batch(&format!("{phantom}{rosy}")).unwrap();
    drop(database);
    let dashboard = Dashboard::start(&workspace, "serve");
    assert!(dashboard.said().contains("is made anew"), "{}", dashboard.said());
    let runs = listed(&dashboard, &dashboard.open());
    assert_eq!((runs.len(), &runs[0]["outcome"]), (1, &json!("unjudged")));
}

#[test]
fn d13_results_that_are_longer_than_any_load_makes_them_are_refused_or_shown_at_once() {
    let workspace = with_run("perfgate-out");
    workspace.write("thresholds/checkout.yaml", "version: 1\nscenario: checkout\ndefaults: {p50: 400ms}\n");
    let place = ".perfgate/$(touch owned)";
    workspace.perfgate("judge perfgate-out --baseline none --out judged");
    let mut verdict = workspace.json("judged/verdict.json");
    verdict["reasons"] = (0..60_000).map(|number| json!({"code": "warning", "text": "x".repeat(number % 500 + 1)})).collect();
    workspace.write(&format!("{place}/verdict.json"), &verdict.to_string());
    workspace.write(&format!("{place}/run.json"), RUN);
    let long = RUN.replace(r#""name":"checkout""#, &format!(r#""name":"{}""#, "x".repeat(2_000_000)));
    assert_ne!(long, RUN);
    workspace.write("perfgate-out/run.json", &long);
    let dashboard = Dashboard::start(&workspace, "serve");
    assert!(dashboard.said().contains("`name` is longer than 1000 characters"), "{}", dashboard.said());
    let cookie = dashboard.open();
    let runs = listed(&dashboard, &cookie);
    assert_eq!((runs.len(), &runs[0]["outcome"]), (1, &verdict["outcome"]));
    let report = dashboard.ask(&format!("GET /runs/{}", runs[0]["id"]), &cookie, "").with(200);
    assert!(report.body.contains("perfgate report '.perfgate/$(touch owned)'"), "a command that is safe to copy: {}", report.body);
}

#[test]
fn d14_two_programs_at_one_place_keep_their_own_histories() {
    let workspace = with_run("one/a");
    for (place, minute) in [("other/a", "01"), ("other/b", "02")] {
        workspace.write(&format!("{place}/run.json"), &RUN.replace("T12:00:00Z", &format!("T12:{minute}:00Z")));
    }
    let one = Dashboard::start(&workspace, "serve one");
    let other = Dashboard::start(&workspace, "serve other");
    let (of_one, of_other) = (one.open(), other.open());
    assert_eq!((listed(&one, &of_one).len(), listed(&other, &of_other).len()), (1, 2));
    assert_eq!(listed(&one, &of_one)[0]["started_at"], "2026-11-20T12:00:00Z");
    drop((one, other));
    let again = Dashboard::start(&workspace, "serve one");
    assert_eq!(listed(&again, &again.open()).len(), 1);
    assert!(!again.said().contains("files read"), "nothing had to be read again: {}", again.said());
}
