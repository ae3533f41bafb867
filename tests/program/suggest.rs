//! `perfgate thresholds suggest`: limits from stored runs.

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
