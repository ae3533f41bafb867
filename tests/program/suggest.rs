//! What stored runs tell beyond a comparison: limits that fit them, and whether they drifted.

use serde_json::{Value, json};

use crate::support::{Server, Workspace};

#[test]
fn limits_are_suggested_from_stored_runs_as_a_file_that_fits_the_scenario() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.perfgate("thresholds suggest shop").with(5).says("error: limits rest on at least 3 comparable runs, there are 0 of shop");
    workspace.perfgate("baseline refresh shop.yaml --repeat 3").with(0);
    let requests = server.requests();
    let suggested = workspace.perfgate("thresholds suggest shop.yaml").with(0).says("look at every `max`");
    assert_eq!(suggested.stdout, workspace.perfgate("thresholds suggest shop").with(0).stdout);
    let suggested =
        suggested.prints("# Suggested from 3 runs of shop in .perfgate/baselines/shop, ").prints("  GET /api/products:\n    p95: {max: ");
    workspace.write("thresholds/shop.yaml", &suggested.stdout);
    workspace.perfgate("validate thresholds/shop.yaml shop.yaml").with(0).prints("thresholds for shop, fit scenario shop\n");
    workspace.perfgate("judge perfgate-out --baseline .perfgate/baselines/shop").with(0);
    assert_eq!(server.requests(), requests, "suggesting sends nothing");

    workspace.perfgate("thresholds suggest shop --baseline none").with(2).says("hint: name a folder of runs");
    workspace.perfgate("thresholds suggest shop --baseline perfgate-out/run.json").with(5).says("there is 1 of shop");
    workspace.perfgate("thresholds suggest shop --baseline gone").with(5).says("error: baseline gone does not exist");
}

/// A store of nights that are copies of one real run, the logarithm of whose percentiles is `offset` higher.
fn store_of_nights(workspace: &Workspace, offsets: &[f64]) {
    const STORE: &str = ".perfgate/baselines/shop";
    workspace.perfgate("baseline refresh shop.yaml --duration 200ms").with(0);
    let index = workspace.json(&format!("{STORE}/baseline.json"));
    let run = workspace.read(&format!("{STORE}/runs/{}.json", index["entries"][0]["id"].as_str().unwrap()));
    let night = |(number, offset): (usize, &f64)| {
        let mut entry = index["entries"][0].clone();
        entry["id"] = json!(format!("night-{number:02}"));
        entry["started_at"] = json!(format!("2025-01-{:02}T03:00:00Z", number + 1));
        for figure in entry["figures"].as_array_mut().unwrap() {
            figure["log_quantile"] = json!(figure["log_quantile"].as_f64().unwrap() + offset);
        }
        workspace.write(&format!("{STORE}/runs/night-{number:02}.json"), &run);
        entry
    };
    let entries: Vec<Value> = offsets.iter().enumerate().map(night).collect();
    let index = json!({"format": index["format"], "version": index["version"], "scenario": "shop", "entries": entries});
    workspace.write(&format!("{STORE}/baseline.json"), &index.to_string());
}

#[test]
fn nights_that_drifted_are_shown_and_warned_of() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    store_of_nights(&workspace, &[0.0; 12]);
    workspace.perfgate("baseline show").with(0).says("no run is pinned");
    assert!(!workspace.perfgate("baseline show").with(0).stdout.contains("drift"));

    let stepped: Vec<f64> = (0..20).map(|night| if night < 8 { 0.0 } else { 2.0 }).collect();
    store_of_nights(&workspace, &stepped);
    workspace.perfgate("baseline pin night-07").with(0);
    let shown =
        workspace.perfgate("baseline show").with(0).prints("run night-08 of 2025-01-09").prints("the pinned run night-07").prints("+639 %");
    assert!(!shown.stderr.contains("no run is pinned"), "{}", shown.stderr);
    workspace
        .perfgate("baseline refresh shop.yaml --duration 200ms --runs 40")
        .with(0)
        .says("warning: p95 of GET /api/products drifted from ")
        .says(" since run night-08 of 2025-01-09");
}
