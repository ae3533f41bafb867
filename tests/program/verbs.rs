//! The verbs beside `check`, one after another as a user would type them.

use std::fs;

use serde_json::Value;

use crate::support::{Reply, Server, Workspace};

#[test]
fn a_run_is_kept_judged_and_reported_later() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace
        .perfgate("run shop.yaml --out kept")
        .with(0)
        .prints("perfgate: run · shop on ")
        .prints("GET /api/products")
        .says("kept in kept");
    assert_eq!(workspace.names("kept").into_iter().collect::<Vec<_>>(), ["run.json"]);
    let requests = server.requests();

    workspace.perfgate("judge kept/run.json").with(0).prints("perfgate: passed · 2 checks").prints("exit 0 (pass)");
    workspace.write("strict.yaml", "version: 1\nscenario: shop\ndefaults: {max: 1us}\n");
    workspace.perfgate("judge kept --thresholds strict.yaml").with(1).prints("reproduce: perfgate judge kept");
    workspace.perfgate("judge kept --thresholds strict.yaml --soft").with(0).prints("exit 0 (soft: failed)");
    workspace.perfgate("judge kept --thresholds strict.yaml --out judged").with(1);
    assert_eq!(workspace.names("kept").len(), 1, "without --out nothing is written");
    assert_eq!(workspace.json("judged/verdict.json")["exit_code"], 1);
    assert_eq!(workspace.read("judged/run.json"), workspace.read("kept/run.json"));
    workspace.write("other.yaml", "version: 1\nscenario: shop\nendpoints: {GET /api/product: {p95: 1s}}\n");
    workspace.perfgate("judge kept --thresholds other.yaml").with(2).says("hint: did you mean `GET /api/products`?");
    workspace.perfgate("judge gone").with(2).says("error: cannot read gone");
    workspace.perfgate("judge shop.yaml").with(2).says("error: shop.yaml: not a run file: ");
    assert_eq!(server.requests(), requests, "judging sends nothing");
}

#[test]
fn a_result_is_reported_in_every_format() {
    let server = Server::start(|_| Reply::slow(20));
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit("thresholds/shop.yaml", "400ms", "5ms");
    workspace.perfgate("check shop.yaml --out judged").with(1);
    workspace.perfgate("run shop.yaml --out kept --duration 200ms").with(0);
    for (format, of_verdict, of_run) in [
        ("terminal", "perfgate: failed · 1 of 2 checks", Some("perfgate: run · shop on ")),
        ("plain", "GET /api/products is too slow", Some("perfgate: run · shop on ")),
        ("markdown", "### perfgate: failed · 1 of 2 checks", Some("### perfgate: run · shop on ")),
        ("json", "\"format\": \"perfgate-verdict\"", Some("\"format\":\"perfgate-run\"")),
        ("junit", "<failure ", None),
        ("csv", "Type,Name,Request Count,", Some("Type,Name,Request Count,")),
        ("gitlab", "\"http_reqs\"", Some("\"http_reqs\"")),
    ] {
        let printed = workspace.perfgate(&format!("report judged --format {format}")).with(0).prints(of_verdict).stdout;
        workspace.perfgate(&format!("report judged --format {format} -o reports/{format}")).with(0);
        assert_eq!(workspace.read(&format!("reports/{format}")), printed, "{format}");
        let run_alone = workspace.perfgate(&format!("report kept/run.json --format {format}"));
        match of_run {
            Some(text) => drop(run_alone.with(0).prints(text)),
            None => drop(run_alone.with(2).says("error: format junit needs a verdict")),
        }
    }
    for (format, file) in [("json", "verdict.json"), ("csv", "stats.csv"), ("gitlab", "load-performance.json")] {
        assert_eq!(workspace.read(&format!("reports/{format}")), workspace.read(&format!("judged/{file}")), "{format}");
    }
    workspace.perfgate("report judged -o shop.yaml/x").with(6).says("error: cannot write shop.yaml/x");
    workspace.perfgate("report gone").with(2).says("error: cannot read gone");
    workspace.write("judged/verdict.json", "{");
    workspace.perfgate("report judged").with(2).says("error: judged/verdict.json is not a verdict: ");
}

#[test]
fn the_baseline_is_kept_listed_pinned_and_pruned() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace
        .perfgate("baseline list")
        .with(2)
        .says("error: there is no baseline under .perfgate/baselines\nhint: `perfgate baseline refresh");
    workspace.perfgate("baseline refresh shop.yaml --repeat 3 --duration 200ms --commit 0123456789abcdef").with(0);
    let listed = workspace.perfgate("baseline list").with(0).prints("0123456").stdout;
    let runs: Vec<&str> = listed.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(runs.len(), 3, "{listed}");
    workspace.perfgate("baseline show").with(0).prints("GET /api/products").says("3 runs of shop");

    let oldest = runs[2];
    workspace.perfgate(&format!("baseline pin {oldest}")).with(0).says(&format!("pinned {oldest}"));
    workspace.perfgate("baseline prune --runs 1").with(0).says("dropped 1 run");
    let listed = workspace.perfgate("baseline list").with(0).prints("pinned").stdout;
    assert!(listed.contains(oldest) && listed.contains(runs[0]) && !listed.contains(runs[1]), "{listed}");
    workspace.perfgate(&format!("baseline unpin {oldest} --scenario shop")).with(0);
    workspace.perfgate("baseline prune --runs 1 --baseline .perfgate/baselines/shop").with(0).says("dropped 1 run");
    workspace.perfgate(&format!("baseline pin {oldest}")).with(2).says(&format!("has no run `{oldest}`\nhint: `perfgate baseline list`"));
    workspace.perfgate("baseline prune").with(0).says("dropped 0 runs");
}

#[test]
fn a_verdict_is_the_same_whether_runs_are_read_or_their_digests() {
    let server = Server::start(|_| Reply::slow(3));
    let workspace = Workspace::with_shop(&server.url());
    let rules = "{p95: {max: 400ms, rise: 50%, at_least: 40ms}, mean: {rise: 90%}, failures: {rise: 1%}}";
    workspace.edit("thresholds/shop.yaml", "{p95: 400ms, failures: 1%}", rules);
    workspace.perfgate("baseline refresh shop.yaml --repeat 4").with(0);
    workspace.perfgate("run shop.yaml --out made").with(0);
    let judged = || workspace.perfgate("judge made --format json").stdout;
    let list = ".perfgate/baselines/shop/baseline.json";
    let (with_digests, mut content) = (judged(), workspace.json(list));
    for entry in content["entries"].as_array_mut().unwrap() {
        assert!(entry.as_object_mut().unwrap().remove("digest").is_some());
    }
    workspace.write(list, &content.to_string());
    assert_eq!(judged(), with_digests);
    workspace.perfgate("judge made --out whole").with(0);
    assert_eq!(workspace.read("whole/verdict.json").trim(), with_digests.trim());
    fs::remove_file(workspace.path(list)).unwrap();
    assert_eq!(judged(), with_digests);
}

#[test]
fn a_nightly_job_takes_over_the_store_of_the_night_before() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    let refresh = "baseline refresh shop.yaml --duration 200ms";
    workspace.perfgate(&format!("{refresh} --repeat 2 --keep monday")).with(0).says("baseline of shop in monday: 2 runs");
    workspace.perfgate(&format!("{refresh} --baseline monday --keep tuesday --runs 3")).with(0).says("baseline of shop in tuesday: 3 runs");
    workspace
        .perfgate(&format!("{refresh} --baseline tuesday --keep wednesday --runs 3"))
        .with(0)
        .says("baseline of shop in wednesday: 3 runs");
    assert_eq!(workspace.names("wednesday/runs").len(), 3);
    workspace.scenario("search", &server.url());
    workspace.perfgate("baseline refresh shop.yaml search.yaml --keep both").with(2).says("hint: refresh the scenarios one by one");
}

#[test]
fn a_run_that_may_not_be_compared_with_is_kept_and_rejected() {
    let server = Server::start(|_| Reply::status(500));
    let workspace = Workspace::with_shop(&server.url());
    let ended = workspace.perfgate("baseline refresh shop.yaml --duration 200ms").with(3);
    ended.says("rejected: only 0 % of the requests of `GET /api/products` were answered as expected").says("shop: 0 runs");
    let listed = workspace.perfgate("baseline list").with(0).prints("rejected").stdout;
    let run = listed.lines().nth(1).and_then(|line| line.split_whitespace().next()).unwrap();
    workspace.perfgate(&format!("baseline pin {run}")).with(2).says("was not admitted and can't be pinned: only 0 %");
    workspace.perfgate("baseline show").with(0).says("no runs yet");
}

#[test]
fn a_gate_is_proven_to_go_red() {
    let server = Server::start(|_| Reply::slow(40));
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit(
        "thresholds/shop.yaml",
        "{p95: 400ms, failures: 1%}",
        "{p95: {max: 55ms, rise: 50%, must_detect: 300%}, p99: 45ms, failures: 1%}",
    );
    workspace.edit("shop.yaml", "users: 30", "users: 60");
    let ended = workspace.perfgate("selftest shop.yaml --aa 5");
    let disturbed = ended.stdout.lines().find(|line| line.contains("one in twenty an error")).unwrap().to_owned();
    assert!(disturbed.contains("red, as it must be"), "{}", ended.stdout);
    ended.prints("the target against itself, 5 times: ").prints("GET /api/products  p95 ").prints("20 % slower ");
    assert!(workspace.has("perfgate-selftest/same-5/run.json") && workspace.has("perfgate-selftest/errors-1/run.json"));

    workspace.write("thresholds/shop.yaml", "version: 1\nscenario: shop\ndefaults: {p95: 10s}\n");
    let ended = workspace.perfgate("selftest shop.yaml --aa 5 --duration 300ms").with(3);
    ended.prints("NOT red").prints("no `rise` or `fall` rule was judged").prints("tighten its limits");
}

#[test]
fn thresholds_that_check_would_refuse_are_refused_by_validate() {
    let workspace = Workspace::with_shop("http://127.0.0.1:9");
    let other = "thresholds/shop.yaml:2:11: these thresholds are for scenario `checkout`, not `shop`\n";
    workspace.edit("thresholds/shop.yaml", "scenario: shop", "scenario: checkout");
    for typed in ["shop.yaml", "shop.yaml thresholds/shop.yaml"] {
        workspace.perfgate(&format!("validate {typed}")).with(2).says(other).says("hint: name the scenario, or write '*'");
    }
    workspace.perfgate("check shop.yaml").with(2).says(other);
    // Another scenario that fits them does not make them fit the one in whose place they lie.
    workspace.scenario("checkout", "http://127.0.0.1:9");
    workspace.perfgate("validate shop.yaml checkout.yaml").with(2).says(other).prints("checkout.yaml: ok");
    workspace.write("elsewhere.yaml", "version: 1\nscenario: cart\ndefaults: {p95: 1s}\n");
    workspace
        .perfgate("validate checkout.yaml elsewhere.yaml")
        .with(2)
        .says("elsewhere.yaml:2:11: these thresholds are for scenario `cart`");
    workspace.perfgate("validate elsewhere.yaml").with(0).prints("thresholds for cart\n");
}

#[test]
fn validate_checks_each_file_and_sends_nothing() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    let ended = workspace.perfgate("validate thresholds/shop.yaml shop.yaml").with(0);
    ended
        .prints("shop.yaml: ok, scenario shop: 30 users for 1s, 1 endpoint\n")
        .prints("thresholds/shop.yaml: ok, thresholds for shop, fit scenario shop\n");
    workspace.write("bad.yaml", "version: 1\nname: bad\ntaks: []\n");
    workspace.append("thresholds/shop.yaml", "endpoints: {GET /gone: {p95: 1s}}");
    workspace.perfgate("validate thresholds/shop.yaml").with(0).prints("thresholds for shop\n");
    let ended = workspace.perfgate("validate bad.yaml gone.yaml thresholds/shop.yaml shop.yaml").with(2).prints("shop.yaml: ok");
    ended
        .says("error: bad.yaml:3:1: unknown key `taks`\n")
        .says("error: cannot read gone.yaml: ")
        .says("error: thresholds/shop.yaml:4:13: the scenario has no endpoint `GET /gone`\n");
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_schemas_fit_the_files_of_real_runs() {
    let server = Server::start(|request| match request.before % 9 {
        3 => Reply::status(500),
        5 => Reply::Close,
        _ => Reply::slow(3),
    });
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit("thresholds/shop.yaml", "400ms", "{max: 400ms, rise: 10%}");
    let validator = |of: &str| jsonschema::validator_for(&workspace.perfgate(&format!("schema {of}")).with(0).json()).unwrap();
    let (run, verdict) = (validator("run"), validator("verdict"));
    for (arguments, code) in [("check shop.yaml --out failed", 1), ("check shop.yaml --target http://127.0.0.1:1 --out gone", 4)] {
        workspace.perfgate(arguments).with(code);
        let folder = arguments.split_whitespace().last().unwrap();
        for (schema, name) in [(&run, "run.json"), (&verdict, "verdict.json")] {
            let file = workspace.json(&format!("{folder}/{name}"));
            let errors: Vec<String> = schema.iter_errors(&file).map(|error| format!("{} at {}", error, error.instance_path())).collect();
            assert_eq!(errors, [""; 0], "{folder}/{name}");
        }
    }
    assert!(!run.is_valid(&workspace.json("failed/verdict.json")) && !verdict.is_valid(&workspace.json("failed/run.json")));
}

#[test]
fn the_run_file_has_the_keys_that_are_promised_and_its_books_add_up() {
    let server = Server::start(|request| Reply::status(if request.before % 10 == 3 { 503 } else { 200 }));
    let workspace = Workspace::with_shop(&server.url());
    workspace.perfgate("run shop.yaml --seed 9 --environment eu --commit abc --branch main").with(0);
    let run = workspace.json("perfgate-out/run.json");
    let count = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{value} in {run:#}"));
    assert_eq!((&run["format"], &run["version"], &run["complete"]), (&"perfgate-run".into(), &1.into(), &true.into()));
    assert_eq!((&run["scenario"]["name"], &run["scenario"]["seed"], &run["target"]), (&"shop".into(), &9.into(), &server.url().into()));
    let environment = &run["environment"];
    assert_eq!((&environment["name"], &environment["commit"], &environment["branch"]), (&"eu".into(), &"abc".into(), &"main".into()));
    let (endpoint, generator) = (&run["endpoints"][0], &run["generator"]);
    assert_eq!(
        count(&endpoint["ok"]) + count(&endpoint["failures"]["total"]) + count(&endpoint["unfinished"]),
        count(&endpoint["requests"])
    );
    assert_eq!(count(&endpoint["failures"]["status"]), count(&endpoint["statuses"]["503"]));
    assert_eq!(count(&generator["sent"]), count(&generator["ok"]) + count(&generator["failed"]) + count(&generator["unfinished"]));
    assert_eq!(count(&generator["scheduled"]), count(&generator["sent"]) + count(&generator["not_sent"]));
    assert_eq!(count(&generator["sent"]), server.requests(), "the server counted otherwise");
    for key in ["p50", "p75", "p90", "p95", "p99", "p99.9", "max", "mean"] {
        assert!(endpoint["latency_ms"][key].is_number() && endpoint["service_ms"][key].is_number(), "{key}");
    }
}

#[test]
fn help_lists_only_verbs_that_work() {
    let workspace = Workspace::empty();
    let help = workspace.perfgate("--help").with(0).prints("Exit codes: 0 pass, 1 gate failed, 2 usage,").stdout;
    let verbs: Vec<&str> = help.lines().filter_map(|line| line.strip_prefix("  ")?.split_once("  ").map(|(verb, _)| verb)).collect();
    let verbs: Vec<&str> = verbs.into_iter().filter(|verb| *verb != "help" && verb.starts_with(|c: char| c.is_ascii_lowercase())).collect();
    assert_eq!(verbs[..6], ["init", "validate", "check", "baseline", "report", "demo"], "{help}");
    for verb in &verbs {
        workspace.perfgate(&format!("{verb} --help")).with(0).prints("Usage: perfgate ");
    }
    assert!(!verbs.contains(&"capacity"), "{help}");
    workspace.perfgate("capacity").with(2).says("error: unrecognized subcommand 'capacity'");
    workspace.perfgate("").with(2).says("Usage: perfgate <COMMAND>");
    workspace.perfgate("--version").with(0).prints(concat!("perfgate ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn what_only_prints_goes_to_standard_output() {
    let workspace = Workspace::empty();
    for (arguments, text) in [
        ("exit-codes", " 3     no verdict "),
        ("completions bash", "complete -F _perfgate"),
        ("completions zsh", "#compdef perfgate"),
        ("completions fish", "complete -c perfgate"),
        ("man", ".TH perfgate 1"),
        ("schema scenario", "\"$schema\""),
        ("schema thresholds", "\"$schema\""),
        ("schema run", "\"$schema\""),
        ("schema verdict", "\"$schema\""),
    ] {
        assert_eq!(workspace.perfgate(arguments).with(0).prints(text).stderr, "", "{arguments}");
    }
    let codes = workspace.perfgate("exit-codes").stdout;
    for code in perfgate::exit::ExitCode::ALL {
        assert!(codes.contains(&format!(" {}  ", code.number())), "{code}:\n{codes}");
    }
    assert!(workspace.names("").is_empty(), "a verb that prints wrote a file");
}
