//! The result folder: which files there are, that they belong together, and that nothing else in it is touched.

use std::collections::BTreeSet;

use crate::support::{Reply, Server, Workspace};

const RESULTS: [&str; 7] = ["junit.xml", "load-performance.json", "report.html", "run.json", "stats.csv", "summary.md", "verdict.json"];

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn results_replace_the_earlier_ones_as_a_set_and_foreign_files_stay() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.write("perfgate-out/mine.txt", "mine");
    workspace.perfgate("check shop.yaml --duration 400ms").with(0).says("results in perfgate-out");
    assert_eq!(workspace.names("perfgate-out"), &set(&RESULTS) | &set(&["mine.txt"]));
    let first = workspace.read("perfgate-out/run.json");

    workspace.perfgate("run shop.yaml --duration 200ms").with(0).says("kept in perfgate-out");
    assert_eq!(workspace.names("perfgate-out"), set(&["run.json", "mine.txt"]), "a verdict on another run stayed");
    assert_ne!(workspace.read("perfgate-out/run.json"), first);
    assert_eq!(workspace.read("perfgate-out/mine.txt"), "mine");
}

#[test]
fn what_a_killed_check_was_just_writing_is_gone_after_the_next_one() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    let foreign = [".mine.txt.7.tmp", ".run.json.backup.tmp", "run.json.7.tmp"];
    for name in [".run.json.7.tmp", ".report.html.812.tmp", ".run-2.json.9.tmp"].iter().chain(&foreign) {
        workspace.write(&format!("perfgate-out/{name}"), "half");
    }
    workspace.perfgate("check shop.yaml --duration 400ms").with(0);
    assert_eq!(workspace.names("perfgate-out"), &set(&RESULTS) | &set(&foreign));
}

#[test]
fn a_mistake_leaves_the_earlier_results_as_they_were() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.perfgate("check shop.yaml --duration 400ms").with(0);
    let verdict = workspace.read("perfgate-out/verdict.json");
    workspace.perfgate("check shop.yaml --baseline gone.json").with(5);
    assert_eq!(workspace.read("perfgate-out/verdict.json"), verdict);
}

#[test]
fn no_earlier_result_stands_beside_a_target_that_is_gone() {
    let workspace = Workspace::with_shop(&Server::healthy().url());
    for (arguments, left) in [("check shop.yaml", RESULTS.as_slice()), ("run shop.yaml", &[]), ("baseline refresh shop.yaml", &[])] {
        for name in RESULTS {
            workspace.write(&format!("perfgate-out/{name}"), "earlier");
        }
        workspace.perfgate(arguments).with(4);
        assert_eq!(workspace.names("perfgate-out"), set(left), "{arguments}");
        assert!(left.iter().all(|name| workspace.read(&format!("perfgate-out/{name}")) != "earlier"), "{arguments}");
    }
}

#[test]
fn several_scenarios_have_a_folder_each_and_one_summary() {
    let (good, slow) = (Server::healthy(), Server::start(|_| Reply::slow(40)));
    let workspace = Workspace::with_shop(&good.url());
    workspace.scenario("search", &slow.url());
    workspace.edit("thresholds/search.yaml", "400ms", "15ms");
    for name in RESULTS {
        workspace.write(&format!("perfgate-out/{name}"), "of one scenario, earlier");
    }
    let ended = workspace.perfgate("check shop.yaml search.yaml").with(1);
    ended.prints("perfgate: passed · 2 checks · shop on ").prints("perfgate: failed · 1 of 2 checks · search on ");
    assert_eq!(workspace.names("perfgate-out"), set(&["search", "shop", "summary.md"]));
    for (name, code) in [("shop", 0), ("search", 1)] {
        assert_eq!(workspace.names(&format!("perfgate-out/{name}")), set(&RESULTS));
        assert_eq!(workspace.json(&format!("perfgate-out/{name}/verdict.json"))["exit_code"], code);
    }
    let summary = workspace.read("perfgate-out/summary.md");
    let (failed, passed) = (summary.find("search on").unwrap(), summary.find("shop on").unwrap());
    assert!(failed < passed, "the worst comes first:\n{summary}");
}

/// The second scenario of a check is never begun: what an earlier check said of it must not be taken for this one's.
#[cfg(unix)]
#[test]
fn a_check_that_was_aborted_leaves_no_earlier_verdict_of_what_it_did_not_begin() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.scenario("search", &server.url());
    workspace.edit("shop.yaml", "hold: 1s", "hold: 30s");
    for name in ["search/verdict.json", "search/run.json", "shop/verdict.json", "summary.md"] {
        workspace.write(&format!("perfgate-out/{name}"), "earlier");
    }
    let mut running = workspace.start("check shop.yaml search.yaml");
    running.wait_until("requests came", || server.requests() > 50);
    running.signal(rustix::process::Signal::INT);
    running.end().with(130);
    assert_eq!(workspace.names("perfgate-out/search"), set(&[]));
    assert_eq!(workspace.json("perfgate-out/shop/verdict.json")["exit_code"], 130);
    assert_ne!(workspace.read("perfgate-out/summary.md"), "earlier");
}
