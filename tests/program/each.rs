//! `--each`: one endpoint at a time. What was asked when is told by the server's own log.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Reply, Server, Workspace};

/// Three endpoints, of which one needs what another one saves.
const JOURNEY: &str = r#"version: 1
name: shop
target: TARGET
load: {users: 30, hold: 800ms}
think: 30ms
start: [{post: /login}]
tasks:
  - steps:
      - {get: /list, save: {item: $.id}}
      - {get: /other}
      - {get: "/items/${item}", name: /items/:id}
"#;

fn journey(target: &str, rules: &str) -> Workspace {
    let workspace = Workspace::empty();
    workspace.write("shop.yaml", &JOURNEY.replace("TARGET", target));
    workspace.write("thresholds/shop.yaml", &format!("version: 1\nscenario: shop\ndefaults: {rules}\n"));
    workspace
}

/// A shop that lists item 7 after so many milliseconds; `GET /other` takes as many as are said last.
fn shop(millis: u64, other: u64) -> impl Fn(&str) -> Reply + Send + Sync + 'static {
    move |line| match line {
        "GET /other" => Reply::slow(other),
        "GET /list" => Reply::Answer { status: 200, body: r#"{"id": 7}"#.to_owned(), after: Duration::from_millis(millis) },
        _ => Reply::slow(millis),
    }
}

#[test]
fn only_one_endpoint_and_what_it_builds_on_is_asked_at_any_time() {
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let (writing, answer) = (Arc::clone(&log), shop(3, 3));
    let server = Server::start(move |request| {
        writing.lock().unwrap().push(request.line.clone());
        answer(&request.line)
    });
    let workspace = journey(&server.url(), "{p95: 400ms, failures: 1%}");
    workspace.perfgate("validate shop.yaml").with(0).prints("one endpoint at a time (`check --each`): 3 loads of 800ms, 2.4s in all");
    log.lock().unwrap().clear();
    let ended = workspace.perfgate("check shop.yaml --each").with(0).prints("each alone").prints("7 checks");
    ended.says("shop: 3 endpoints, one at a time, 800ms each, 2.4s in all").says("GET /items/:id, 3 of 3, after GET /list");

    let run = workspace.json("perfgate-out/run.json");
    let log = log.lock().unwrap();
    // A load that was tried again on a busy machine is in the log before: the last turns count.
    let turn_of_other = log.iter().rposition(|line| line == "GET /other").unwrap();
    let begin_of_other = turns_back(&log, turn_of_other, &["GET /other", "POST /login"]);
    let items = &log[turn_of_other + 1..];
    assert!(items.iter().any(|line| line == "GET /items/7"), "{items:?}");
    assert!(items.iter().all(|line| ["POST /login", "GET /list", "GET /items/7"].contains(&line.as_str())), "{items:?}");
    let begin_of_list = turns_back(&log, begin_of_other - 1, &["GET /list", "POST /login"]);
    assert!(begin_of_list == 0 || log[begin_of_list - 1] == "GET /items/7", "{:?}", &log[..begin_of_list]);

    let of = |name: &str| run["endpoints"].as_array().unwrap().iter().find(|endpoint| endpoint["name"] == name).unwrap().clone();
    let phases =
        |name: &str| of(name)["phases"].as_array().unwrap().iter().map(|phase| phase["requests"].as_u64().unwrap()).collect::<Vec<_>>();
    // At the end a user may have its list and no item yet.
    let ends = phases("GET /list")[1] - phases("GET /items/:id")[0];
    assert!(ends <= 30, "each item was asked after a list, which nobody judges: {ends}");
    assert_eq!((phases("GET /other")[1], phases("GET /items/:id")[1]), (0, 0));
    let asked = |name: &str| of(name)["requests"].as_u64().unwrap();
    assert_eq!(asked("GET /list"), phases("GET /list")[0]);
    assert_eq!(
        run["generator"]["sent"],
        run["phases"].as_array().unwrap().iter().map(|phase| phase["requests"].as_u64().unwrap()).sum::<u64>()
    );
    workspace.perfgate("judge perfgate-out").with(0);
}

/// Where the stretch of the log begins that ends here and holds only these lines.
fn turns_back(log: &[String], end: usize, lines: &[&str]) -> usize {
    log[..=end].iter().rposition(|line| !lines.contains(&line.as_str())).map_or(0, |before| before + 1)
}

#[test]
fn a_slow_endpoint_does_not_slow_another() {
    let database = Mutex::new(());
    let server = Server::start(move |request| {
        let _turn = database.lock().unwrap();
        if request.line == "GET /slow" {
            std::thread::sleep(Duration::from_millis(400));
        }
        Reply::ok()
    });
    let workspace = Workspace::empty();
    let tasks = "[{weight: 39, steps: [{get: /fast}]}, {steps: [{get: /slow}]}]";
    let text = format!("version: 1\nname: shop\ntarget: {}\nload: {{rate: 80/s, hold: 2500ms}}\ntasks: {tasks}\n", server.url());
    workspace.write("shop.yaml", &text);
    workspace.write("thresholds/shop.yaml", "version: 1\nscenario: shop\nendpoints: {GET /fast: {p90: 200ms}}\n");
    workspace.perfgate("check shop.yaml").with(1).prints("GET /fast is too slow: p90");
    workspace.perfgate("check shop.yaml --each").with(0);
    let run = workspace.json("perfgate-out/run.json");
    let requests: Vec<&Value> = run["endpoints"].as_array().unwrap().iter().map(|endpoint| &endpoint["requests"]).collect();
    assert_eq!(requests, [195, 5], "as often as in the whole");
}

#[test]
fn runs_of_endpoints_alone_are_compared_with_their_like_and_one_regression_fails_one_endpoint() {
    let (good, bad) = (shop(20, 20), shop(20, 100));
    let (good, bad) = (Server::start(move |request| good(&request.line)), Server::start(move |request| bad(&request.line)));
    let workspace = journey(&good.url(), "{p95: {rise: 50%, at_least: 40ms}}");
    workspace.edit("shop.yaml", "users: 30", "users: 120");
    workspace.perfgate("baseline refresh shop.yaml --repeat 3").with(0).says("baseline of shop in .perfgate/baselines/shop: 3 runs");
    workspace.perfgate("check shop.yaml --each").with(3).prints("0 of 3 so far");
    let others = workspace.perfgate("judge perfgate-out --baseline .perfgate/baselines/shop").with(3);
    others.prints("made with another version of the scenario");
    let refreshed = workspace.perfgate("baseline refresh shop.yaml --each --repeat 3").with(0);
    refreshed.says("baseline of shop in .perfgate/baselines/shop-each: 3 runs");
    workspace.perfgate("check shop.yaml --baseline .perfgate/baselines/shop-each").with(3);

    workspace.perfgate("check shop.yaml --each").with(0).prints("baseline (3 runs)");
    workspace.perfgate("judge perfgate-out").with(0).prints("baseline (3 runs)");
    let ended = workspace.perfgate(&format!("check shop.yaml --each --target {}", bad.url())).with(1);
    ended.prints("GET /other got slower: p95 ").says("loading shop again, 2 of at most 3");
    let verdict = workspace.json("perfgate-out/verdict.json");
    let failed: Vec<&Value> = verdict["findings"].as_array().unwrap().iter().filter(|finding| finding["outcome"] == "fail").collect();
    assert!(failed.iter().all(|finding| finding["endpoint"] == "GET /other") && failed.len() == 1, "{failed:#?}");
    assert!(workspace.read("perfgate-out/summary.md").contains("perfgate check shop.yaml --target"), "how to do it again");
    workspace.perfgate("check shop.yaml --each --against http://127.0.0.1:9").with(2);
    workspace.edit("shop.yaml", "hold: 800ms", "hold: 50m");
    workspace.perfgate("check shop.yaml --each").with(7).says("2h30m");
}

#[cfg(unix)]
#[test]
fn what_is_aborted_in_the_middle_is_kept_and_says_so() {
    let answer = shop(3, 3);
    let server = Server::start(move |request| answer(&request.line));
    let workspace = journey(&server.url(), "{p95: 400ms}");
    workspace.edit("shop.yaml", "800ms", "30s");
    let mut running = workspace.start("check shop.yaml --each");
    running.wait_until("it loads", || server.requests() > 100);
    running.signal(rustix::process::Signal::INT);
    running.end().with(130);
    let run = workspace.json("perfgate-out/run.json");
    assert_eq!((&run["complete"], run["endpoints"].as_array().unwrap().len()), (&Value::Bool(false), 4));
    assert!(run["aborted_by"].as_str().unwrap().starts_with("SIGINT"), "{}", run["aborted_by"]);
}
