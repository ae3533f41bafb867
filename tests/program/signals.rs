//! An aborted run: the exit code of its signal, what was measured kept and marked as incomplete, and a quick end.
#![cfg(unix)]

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{Reply, Running, Server, Workspace, at_once};

/// One second for what is under way, and a busy machine.
const QUICK: Duration = Duration::from_secs(4);

fn long(server: &Server) -> Workspace {
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit("shop.yaml", "hold: 1s", "hold: 50s");
    workspace
}

fn under_load(workspace: &Workspace, server: &Server, arguments: &str) -> Running {
    let mut running = workspace.start(arguments);
    running.wait_until("requests came", || server.requests() > 20);
    running
}

#[test]
fn each_signal_ends_a_load_with_its_code_and_keeps_what_was_measured() {
    let rows = [
        ("check shop.yaml", Signal::INT, 130, "SIGINT"),
        ("check shop.yaml --soft", Signal::TERM, 143, "SIGTERM"),
        ("check shop.yaml", Signal::HUP, 129, "SIGHUP"),
        ("run shop.yaml", Signal::TERM, 143, "SIGTERM"),
        ("run shop.yaml", Signal::INT, 130, "SIGINT"),
    ];
    at_once(&rows, |(arguments, signal, code, name)| {
        let server = Server::healthy();
        let workspace = long(&server);
        let running = under_load(&workspace, &server, arguments);
        let signalled = Instant::now();
        running.signal(*signal);
        running.end().with(*code);
        assert!(signalled.elapsed() < QUICK, "{arguments}: {:?}", signalled.elapsed());
        let run = workspace.json("perfgate-out/run.json");
        assert_eq!(run["complete"], false);
        assert!(run["aborted_by"].as_str().unwrap().starts_with(name), "{}", run["aborted_by"]);
        assert!(run["total"]["requests"].as_u64().unwrap() > 10, "{}", run["total"]);
        workspace.perfgate("report perfgate-out").with(3);
        workspace.perfgate("judge perfgate-out").with(3);
        if arguments.starts_with("check") {
            assert_eq!(workspace.json("perfgate-out/verdict.json")["exit_code"], *code);
        }
    });
}

#[test]
fn an_aborted_refresh_keeps_no_baseline() {
    let server = Server::healthy();
    let workspace = long(&server);
    let running = under_load(&workspace, &server, "baseline refresh shop.yaml --repeat 3");
    running.signal(Signal::INT);
    running.end().with(130).says("error: the run was aborted: SIGINT");
    workspace.perfgate("baseline list --scenario shop").with(0).prints("run  started");
    assert!(workspace.names(".perfgate/baselines/shop/runs").is_empty());
}

#[test]
fn a_second_signal_ends_at_once() {
    let server = Server::start(|_| Reply::Hang);
    let workspace = long(&server);
    let running = under_load(&workspace, &server, "check shop.yaml");
    running.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(200));
    let signalled = Instant::now();
    running.signal(Signal::INT);
    running.end().with(143);
    assert!(signalled.elapsed() < Duration::from_secs(1), "{:?}", signalled.elapsed());
    assert!(!workspace.has("perfgate-out/verdict.json"));
}

#[test]
fn a_signal_ends_the_wait_for_a_target_that_does_not_answer() {
    let server = Server::start(|_| Reply::Hang);
    let workspace = long(&server);
    workspace.append("shop.yaml", "ready: /health");
    let mut running = workspace.start("check shop.yaml");
    running.wait_until("it asks whether the target is ready", || server.requests() > 0);
    let signalled = Instant::now();
    running.signal(Signal::INT);
    running.end().with(130);
    assert!(signalled.elapsed() < QUICK, "{:?}", signalled.elapsed());
    assert_eq!(workspace.json("perfgate-out/verdict.json")["exit_code"], 130);
}

#[test]
fn a_program_that_is_killed_leaves_its_last_checkpoint() {
    let server = Server::healthy();
    let workspace = long(&server);
    workspace.write("perfgate-out/verdict.json", "earlier");
    let mut running = under_load(&workspace, &server, "check shop.yaml");
    running.wait_until("the first checkpoint", || workspace.has("perfgate-out/run.json"));
    running.signal(Signal::KILL);
    running.end().with(-9);
    assert_eq!(workspace.json("perfgate-out/run.json")["complete"], false);
    assert!(!workspace.has("perfgate-out/verdict.json"));
    workspace.perfgate("judge perfgate-out").with(3).prints("the run is not complete");
}

#[test]
fn the_served_demo_ends_with_its_signal() {
    let workspace = Workspace::empty();
    let printed = std::fs::File::create(workspace.path("printed")).unwrap();
    let mut running = Running::start(workspace.command("demo --serve-only --port 0 --regression errors").stdout(printed));
    running.wait_until("it serves", || workspace.read("printed").starts_with("serving http://127.0.0.1:"));
    running.signal(Signal::INT);
    running.end().with(0).says("a bad release: errors; Ctrl-C ends it");
}

#[test]
fn a_load_that_stood_still_has_no_verdict_and_says_why() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit("shop.yaml", "hold: 1s", "hold: 3s");
    let running = under_load(&workspace, &server, "check shop.yaml --max-duration 3s");
    running.signal(Signal::STOP);
    std::thread::sleep(Duration::from_millis(1500));
    running.signal(Signal::CONT);
    running.end().with(3).prints("stood still");
    let problems = workspace.json("perfgate-out/run.json")["generator"]["problems"].to_string();
    assert!(problems.contains("\"clock\""), "{problems}");
}
