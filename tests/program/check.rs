//! What `check` concludes: every outcome of a measurement, its exit code, and what is printed and written of it.

use crate::support::{Reply, Request, Server, Workspace, at_once};

/// A release that behaves in one way, what is asked of it, and what must come of it.
struct Row {
    server: fn(&Request) -> Reply,
    /// File, from, to.
    edits: &'static [(&'static str, &'static str, &'static str)],
    flags: &'static str,
    code: i32,
    outcome: &'static str,
    /// Endpoint, metric, rule and outcome of the first finding.
    first: [&'static str; 4],
    prints: &'static [&'static str],
}

const SCENARIO: &str = "shop.yaml";
const THRESHOLDS: &str = "thresholds/shop.yaml";
const PASS: Row = Row {
    server: |_| Reply::ok(),
    edits: &[],
    flags: "",
    code: 0,
    outcome: "pass",
    first: ["GET /api/products", "p95", "max", "pass"],
    prints: &["perfgate: passed · 2 checks · shop on 127.0.0.1:", "exit 0 (pass)"],
};

fn holds(row: &Row) {
    let server = Server::start(row.server);
    let workspace = Workspace::with_shop(&server.url());
    for (file, from, to) in row.edits {
        workspace.edit(file, from, to);
    }
    let ended = workspace.perfgate(&format!("check shop.yaml {}", row.flags)).with(row.code);
    row.prints.iter().fold(ended, |ended, text| ended.prints(text));
    let verdict = workspace.json("perfgate-out/verdict.json");
    let first = ["endpoint", "metric", "rule", "outcome"].map(|key| verdict["findings"][0][key].as_str().unwrap());
    assert_eq!((verdict["outcome"].as_str(), first), (Some(row.outcome), row.first), "{:#}", verdict["findings"]);
    assert_eq!(verdict["exit_code"], row.code);
}

/// Exit codes 0, 1 and 3: what each is for.
const OUTCOMES: &[Row] = &[
    PASS,
    Row {
        edits: &[(THRESHOLDS, "400ms", "{max: 400ms, rise: 10%}")],
        outcome: "warn",
        first: ["GET /api/products", "p95", "rise", "skipped"],
        prints: &[
            "perfgate: passed with warnings · 2 checks, 1 skipped",
            "no baseline: comparison starts after 3 baseline runs; 0 of 3 so far",
            "exit 0 (pass)",
        ],
        ..PASS
    },
    Row {
        server: |_| Reply::slow(40),
        edits: &[(THRESHOLDS, "400ms", "15ms")],
        code: 1,
        outcome: "fail",
        first: ["GET /api/products", "p95", "max", "fail"],
        prints: &[
            "perfgate: failed · 1 of 2 checks",
            "GET /api/products is too slow: p95 ",
            "reproduce: perfgate check shop.yaml\n",
            "exit 1 (gate failed)",
        ],
        ..PASS
    },
    Row {
        server: |request| Reply::status(if request.before % 20 == 0 { 500 } else { 200 }),
        code: 1,
        outcome: "fail",
        first: ["GET /api/products", "failures", "max", "fail"],
        prints: &["GET /api/products fails too often: failures ", "limit 1 %"],
        ..PASS
    },
    Row {
        server: |request| if request.before > 100 { Reply::Close } else { Reply::ok() },
        edits: &[(THRESHOLDS, "failures: 1%", "failures.reset: 1%")],
        code: 1,
        outcome: "fail",
        first: ["GET /api/products", "failures.reset", "max", "fail"],
        prints: &["GET /api/products fails too often: failures.reset "],
        ..PASS
    },
    Row {
        server: |_| Reply::Hang,
        edits: &[(SCENARIO, "think: 30ms", "http: {timeout: 50ms}"), (THRESHOLDS, "p95: 400ms, failures: 1%", "failures.timeout: 1%")],
        code: 1,
        outcome: "fail",
        first: ["GET /api/products", "failures.timeout", "max", "fail"],
        prints: &["failures.timeout 100 %"],
        ..PASS
    },
    Row {
        server: |_| Reply::slow(40),
        edits: &[(THRESHOLDS, "400ms", "15ms")],
        flags: "--soft",
        outcome: "fail",
        first: ["GET /api/products", "p95", "max", "fail"],
        prints: &["perfgate: failed (soft) · 1 of 2 checks", "exit 0 (soft: failed)"],
        ..PASS
    },
    Row {
        edits: &[(THRESHOLDS, "p95", "p99"), (SCENARIO, "users: 30", "users: 5")],
        code: 3,
        outcome: "inconclusive",
        first: ["GET /api/products", "p99", "max", "inconclusive"],
        prints: &["1 of 2 checks has too few samples: GET /api/products p99", "needs 1,000 requests for p99", "exit 3 (no verdict)"],
        ..PASS
    },
    Row {
        edits: &[(SCENARIO, "[{get: /api/products}]", "[{get: /api/products}, {get: /api/never, when: \"0\"}]")],
        code: 3,
        outcome: "inconclusive",
        first: ["GET /api/never", "p95", "max", "inconclusive"],
        prints: &["no request in a judged phase: GET /api/never", "exit 3 (no verdict)"],
        ..PASS
    },
    Row {
        server: |_| Reply::slow(400),
        edits: &[(SCENARIO, "users: 30", "rate: 100/s, max_in_flight: 2")],
        code: 3,
        outcome: "inconclusive",
        first: ["GET /api/products", "p95", "max", "inconclusive"],
        prints: &["due requests could not be sent with 2 under way: raise `max_in_flight`", "exit 3 (no verdict)"],
        ..PASS
    },
    Row {
        server: |_| Reply::slow(400),
        edits: &[(SCENARIO, "users: 30", "rate: 100/s, max_in_flight: 2")],
        flags: "--soft",
        outcome: "inconclusive",
        first: ["GET /api/products", "p95", "max", "inconclusive"],
        prints: &["exit 0 (soft: no verdict)"],
        ..PASS
    },
    Row {
        edits: &[(THRESHOLDS, "{p95: 400ms, failures: 1%}", "{p95: {rise: 10%}}")],
        code: 3,
        outcome: "inconclusive",
        first: ["GET /api/products", "p95", "rise", "skipped"],
        prints: &["no check could be evaluated"],
        ..PASS
    },
];

#[test]
fn every_outcome_has_its_exit_code() {
    at_once(OUTCOMES, holds);
}

#[test]
fn a_release_is_compared_with_the_runs_that_the_nightly_job_kept() {
    let (good, slower) = (Server::start(|_| Reply::slow(3)), Server::start(|_| Reply::slow(150)));
    let workspace = Workspace::with_shop(&good.url());
    workspace.edit("shop.yaml", "hold: 1s", "hold: 1500ms");
    workspace.edit("thresholds/shop.yaml", "{p95: 400ms, failures: 1%}", "{p95: {rise: 50%, at_least: 40ms}}");
    workspace.perfgate("baseline refresh shop.yaml --repeat 2").with(0).says("baseline of shop in .perfgate/baselines/shop: 2 runs");
    workspace.perfgate("check shop.yaml").with(3).prints("comparison starts after 3 baseline runs; 2 of 3 so far");
    workspace.perfgate("baseline refresh shop.yaml").with(0).says("baseline of shop in .perfgate/baselines/shop: 3 runs");

    workspace.perfgate("check shop.yaml").with(0).prints("perfgate: passed · 1 check ").prints("baseline (3 runs)");
    let dots = |page: &str| page.matches("<circle").count();
    assert_eq!(dots(&workspace.read("perfgate-out/report.html")), 3, "each compared run is a dot");
    let page = |flags: &str| workspace.perfgate(&format!("report perfgate-out --format html {flags}")).with(0).stdout;
    assert_eq!([dots(&page("--baseline .perfgate/baselines/shop")), dots(&page(""))], [3, 0]);
    let target = format!("--target {}", slower.url());
    let ended = workspace.perfgate(&format!("check shop.yaml {target}")).with(1);
    ended
        .prints("GET /api/products got slower: p95 ")
        .prints("allowed +50 %")
        .says("loading shop again, 2 of at most 3: GET /api/products: p95 rose");
    assert!(workspace.has("perfgate-out/run-1.json") && !workspace.has("perfgate-out/run-2.json"));
    assert_eq!(workspace.json("perfgate-out/verdict.json")["run"]["loads"], 2);
    assert!(workspace.read("perfgate-out/report.html").contains("loaded 2 times; each check is judged over all of these loads"));
    workspace.perfgate("judge perfgate-out").with(1);
    let finding = &workspace.json("perfgate-out/verdict.json")["findings"][0];
    assert_eq!((&finding["rule"], &finding["baseline"]["runs"]), (&"rise".into(), &3.into()), "{finding:#}");
    workspace.perfgate(&format!("check shop.yaml {target} --max-duration 1s")).with(1);
    assert!(!workspace.has("perfgate-out/run-1.json"), "the earlier loads went with their result");
    workspace.perfgate(&format!("check shop.yaml {target} --baseline none")).with(3);
}

#[test]
fn two_deployments_are_compared_side_by_side() {
    let (old, same, slower) = (Server::start(|_| Reply::slow(20)), Server::start(|_| Reply::slow(20)), Server::start(|_| Reply::slow(70)));
    let workspace = Workspace::with_shop(&same.url());
    workspace.edit(
        "thresholds/shop.yaml",
        "{p95: 400ms, failures: 1%}",
        "{p95: {rise: 50%, at_least: 20ms, must_detect: 200%}, failures: {rise: 1%}}",
    );
    let check = |target: &Server, more: &str| format!("check shop.yaml --target {} --against {} {more}", target.url(), old.url());
    let ended = workspace.perfgate(&check(&slower, "--archive kept")).with(1).says("round 2 of at most 3: GET /api/products: p95 rose");
    ended.prints("GET /api/products got slower: p95 ").prints(&format!("{}, loaded side by side", old.url()));
    assert!(workspace.has("perfgate-out/against-2.json") && workspace.has("perfgate-out/run-1.json"));
    assert!(old.connections() > 0);
    let told = format!("loaded 2 times beside {}; each check is judged over all of these rounds", old.url());
    let lists_loads = |report: &str| {
        report.contains(&told) && report.contains("<section id=\"loads\"") && report.contains("2 loads of the other deployment")
    };
    assert!(lists_loads(&workspace.read("perfgate-out/report.html")), "the report does not tell of the rounds");
    assert!(lists_loads(&workspace.perfgate("report perfgate-out --format html").with(0).stdout));
    let kept = std::fs::read_dir(workspace.path("kept/shop")).unwrap().next().unwrap().unwrap().path();
    assert!(
        lists_loads(&workspace.perfgate(&format!("report {} --format html", kept.display())).with(0).stdout),
        "the archive keeps every load"
    );
    let compared = |folder: &str| workspace.json(&format!("{folder}/verdict.json"))["findings"].clone();
    workspace.perfgate("judge perfgate-out --out again").with(1).prints(&format!("{}, loaded side by side", old.url()));
    assert_eq!(compared("again"), compared("perfgate-out"), "what was loaded side by side is judged so");
    workspace.perfgate("judge again").with(1).prints("GET /api/products got slower: p95 ");
    std::fs::remove_file(workspace.path("again/against-1.json")).unwrap();
    workspace.perfgate("judge again").with(2).says("some are missing").says("perfgate judge again/run.json");
    std::fs::remove_file(workspace.path("again/against-2.json")).unwrap();
    workspace.perfgate("judge again").with(2).says("not loaded side by side");

    workspace.perfgate(&check(&same, "--between-rounds 'echo>>restarts'").replace('\'', "")).with(0);
    assert!(workspace.read("restarts").len() >= 2, "once before each round");
    assert_eq!(workspace.json("perfgate-out/run.json")["round"]["started_anew"], true);
    workspace.perfgate("judge perfgate-out --out anew").with(0).prints("loaded side by side");
    assert_eq!(compared("anew"), compared("perfgate-out"));
    workspace.edit("anew/run.json", "\"started_anew\":true", "\"started_anew\":false");
    workspace.perfgate("judge anew --out anew");
    assert_ne!(compared("anew"), compared("perfgate-out"), "what an instance has by chance is in all rounds");
    workspace.perfgate(&check(&same, "--between-rounds false")).with(4).says("`false` of --between-rounds failed: exit status: 1");
    workspace.perfgate("check shop.yaml --against http://127.0.0.1:9").with(4);
    workspace.perfgate("check shop.yaml --against http://staging.example").with(7).says("--allow-host");
}

/// How a verdict was decided, as every report tells it.
fn decided(workspace: &Workspace) -> String {
    let verdict = workspace.json("perfgate-out/verdict.json");
    let checks = verdict["self_checks"].as_array().unwrap();
    let how = checks.iter().find(|check| check["name"] == "decided").unwrap();
    how["detail"].as_str().unwrap().to_owned()
}

#[test]
fn one_load_may_pass_before_two_deployments_are_compared() {
    let (old, slower) = (Server::start(|_| Reply::slow(20)), Server::start(|_| Reply::slow(150)));
    let workspace = Workspace::with_shop(&old.url());
    workspace.edit("shop.yaml", "users: 30", "users: 60");
    workspace.edit(
        "thresholds/shop.yaml",
        "{p95: 400ms, failures: 1%}",
        "{p95: {rise: 50%, at_least: 60ms, must_detect: 500%}, failures: {rise: 1%}}",
    );
    let check = |target: &Server, more: &str| format!("check shop.yaml --target {} --against {} {more}", target.url(), old.url());
    workspace.perfgate("baseline refresh shop.yaml --repeat 2").with(0);
    workspace.perfgate(&check(&old, "")).with(0);
    assert!(decided(&workspace).starts_with("side by side, in 2 rounds"), "{}", decided(&workspace));
    workspace.perfgate("baseline refresh shop.yaml").with(0);

    workspace.perfgate(&check(&old, "")).with(0);
    assert_eq!(decided(&workspace), "by one load against the stored runs; it was not necessary to load side by side");
    assert!(!workspace.has("perfgate-out/against-1.json"));
    let ended = workspace.perfgate(&check(&slower, "")).with(1).says("one load is not sure, rounds side by side follow: GET /api/products");
    ended.says("round 2 of at most 2").prints(&format!("{}, loaded side by side", old.url()));
    assert!(decided(&workspace).starts_with("side by side, in 2 rounds; one load against the stored runs was not sure: "));
    assert!(workspace.has("perfgate-out/run-2.json") && workspace.has("perfgate-out/against-2.json"));
    workspace.perfgate("judge perfgate-out --out again").with(1).prints("loaded side by side");
    assert_eq!(workspace.names("again"), workspace.names("perfgate-out"), "the load before the rounds is kept too");
    workspace.perfgate(&check(&old, "--baseline none")).with(0);
    assert!(decided(&workspace).starts_with("side by side"));
}

#[test]
fn rounds_of_a_build_against_itself_are_kept_and_used() {
    let (here, there) = (Server::start(|_| Reply::slow(20)), Server::start(|_| Reply::slow(20)));
    let workspace = Workspace::with_shop(&here.url());
    workspace.edit("shop.yaml", "hold: 1s", "hold: 600ms");
    workspace.edit(
        "thresholds/shop.yaml",
        "{p95: 400ms, failures: 1%}",
        "{p95: {rise: 50%, at_least: 20ms, must_detect: 200%}, failures: {rise: 1%}}",
    );
    let refresh = format!("baseline refresh shop.yaml --against {} --rounds", there.url());
    workspace.perfgate(&format!("{refresh} 2 --between-rounds true")).with(0).says("kept round ");
    workspace.perfgate(&format!("{refresh} 1")).with(0);
    let listed = workspace.perfgate("baseline list").with(0).stdout;
    assert_eq!(listed.lines().filter(|line| line.contains(" round")).count(), 3, "{listed}");

    let source = |flags: &str| {
        workspace.perfgate(&format!("check shop.yaml --against {} {flags}", there.url())).with(0);
        workspace.json("perfgate-out/verdict.json")["baseline"].clone()
    };
    let all = source("");
    assert!(all["source"].as_str().unwrap().ends_with("as noisy as 3 rounds of a build against itself"), "{all:#}");
    let only_anew = source("--between-rounds true");
    assert!(only_anew["source"].as_str().unwrap().ends_with("as noisy as 2 rounds of a build against itself"), "{only_anew:#}");
    assert!(only_anew["left_out"][0].as_str().unwrap().ends_with("both sides were not started anew for it"), "{only_anew:#}");
    assert_eq!(source("--users 29")["left_out"].as_array().unwrap().len(), 3, "another load");

    workspace.perfgate(&format!("{refresh} 2 --keep elsewhere --baseline .perfgate/baselines/shop --runs 2")).with(0);
    assert_eq!(workspace.json("elsewhere/baseline.json")["rounds"].as_array().unwrap().len(), 2, "taken over and pruned");
    workspace.perfgate("baseline refresh shop.yaml --rounds 1").with(2).says("--against");
}

#[test]
fn a_round_that_may_not_be_used_is_kept_and_rejected() {
    let (here, broken) = (Server::healthy(), Server::start(|_| Reply::status(500)));
    let workspace = Workspace::with_shop(&here.url());
    let refresh = format!("baseline refresh shop.yaml --against {} --rounds 1", broken.url());
    workspace.perfgate(&refresh).with(3).says("rejected: the deployment beside it: only 0 %");
    workspace.perfgate("baseline list").with(0).prints("rejected round");
}

#[test]
fn another_load_or_environment_is_not_compared() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit("thresholds/shop.yaml", "400ms", "{max: 400ms, rise: 50%, at_least: 100ms}");
    workspace.perfgate("baseline refresh shop.yaml --repeat 3 --duration 500ms").with(0);
    for (flags, is_compared) in [("", true), ("--users 29", false), ("--environment eu", false)] {
        workspace.perfgate(&format!("check shop.yaml {flags}")).with(0);
        let verdict = workspace.json("perfgate-out/verdict.json");
        let rise = verdict["findings"].as_array().unwrap().iter().find(|finding| finding["rule"] == "rise").unwrap();
        assert_eq!(rise["outcome"] != "skipped", is_compared, "{flags}: {rise:#}");
        assert!(is_compared || verdict["outcome"] == "warn", "{flags}");
    }
}

#[test]
fn the_shape_of_standard_output_is_chosen() {
    let server = Server::healthy();
    let mut workspace = Workspace::with_shop(&server.url());
    let verdict = workspace.perfgate("check shop.yaml --format json").with(0).json();
    assert_eq!(verdict, workspace.json("perfgate-out/verdict.json"));
    assert_eq!((&verdict["format"], &verdict["version"]), (&"perfgate-verdict".into(), &1.into()));

    let judged = |workspace: &Workspace, format: &str| workspace.perfgate(&format!("judge perfgate-out --format {format}")).with(0).stdout;
    let plain = judged(&workspace, "plain");
    assert!(!plain.contains('\u{1b}') && !plain.contains('─'), "{plain}");
    assert_eq!(judged(&workspace, "auto"), plain, "standard output is no terminal");
    assert!(judged(&workspace, "terminal").contains('─'));
    workspace.set_variable("CLICOLOR_FORCE", "1");
    assert!(judged(&workspace, "terminal").contains("\u{1b}["));
    assert!(!judged(&workspace, "json").contains('\u{1b}'));
    assert!(!workspace.perfgate("report perfgate-out --format markdown").with(0).stdout.contains('\u{1b}'));
    workspace.set_variable("NO_COLOR", "1");
    assert!(!judged(&workspace, "terminal").contains('\u{1b}'));
}

#[cfg(unix)]
#[test]
fn a_reader_who_has_seen_enough_changes_nothing() {
    let server = Server::start(|_| Reply::slow(30));
    let workspace = Workspace::with_shop(&server.url());
    for (limit, code) in [("400ms", 0), ("5ms", 1)] {
        workspace.edit("thresholds/shop.yaml", if code == 0 { "400ms" } else { "p95: 400ms" }, if code == 0 { limit } else { "p95: 5ms" });
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = workspace.run(|| printing_to(workspace.command("check shop.yaml"), writer.try_clone().unwrap())).with(code);
        assert!(!ended.stderr.contains("panic") && !ended.stderr.contains("error"), "{}", ended.stderr);
        assert_eq!(workspace.json("perfgate-out/verdict.json")["exit_code"], code);
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    workspace.run(|| printing_to(workspace.command("completions bash"), writer.try_clone().unwrap())).with(0);
}

#[cfg(unix)]
fn printing_to(mut command: std::process::Command, output: std::io::PipeWriter) -> std::process::Command {
    command.stdout(output);
    command
}

#[test]
fn rate_limiting_is_a_metric_of_its_own() {
    let server = Server::start(|request| if request.before % 4 == 3 { Reply::status(429) } else { Reply::ok() });
    for (rules, code, said) in [
        ("failures.429: 10%", 1, "failures.429"),
        ("failures.429: 40%", 0, "perfgate: passed · 1 check"),
        ("failures: 40%, failures.429: 40%, failures.5xx: 0%", 0, "perfgate: passed · 3 checks"),
    ] {
        let workspace = Workspace::with_shop(&server.url());
        workspace.edit("thresholds/shop.yaml", "p95: 400ms, failures: 1%", rules);
        workspace.perfgate("check shop.yaml").with(code).prints(said);
    }
}
