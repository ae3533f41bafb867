//! What belongs to a user alone: its start and stop, its cookies, its connections.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use super::bench::{Bench, at_once, whole};
use super::server::{Act, Received, Server, after, ok, reply, reply_with};

const HEADERS: &str = "http: {headers: {x-user: '${user.id}'}}\n";

fn by_user(received: &[Received]) -> BTreeMap<u64, Vec<Received>> {
    let mut users: BTreeMap<u64, Vec<Received>> = BTreeMap::new();
    for request in received {
        users.entry(request.header("x-user").parse().unwrap()).or_default().push(request.clone());
    }
    users
}

const LIFE: &str = "start: [{post: /login, json: {user: '${user.id}'}, save: {token: $.token}}]
tasks: [{steps: [{get: '/task?token=${token}', name: /task}]}]
stop: [{delete: /session, headers: {x-token: '${token}'}}]
";

fn logs_in(request: &Received) -> Vec<Act> {
    match request.target.as_str() {
        "/login" => reply(200, &format!(r#"{{"token": "of-{}"}}"#, request.header("x-user"))),
        _ => ok(),
    }
}

#[test]
fn each_user_starts_once_and_stops_once_with_what_it_saved() {
    for load in ["{users: 5, ramp: 200ms, hold: 300ms}\nthink: 20ms", "{rate: 100/s, hold: 500ms}"] {
        let server = Server::start(logs_in);
        let run = Bench::new().threads(2).run(&server, &format!("load: {load}\n{HEADERS}{LIFE}"));
        assert_eq!(run.generator.failed, 0, "{load}");
        for (user, requests) in by_user(&server.received()) {
            let (first, last) = (&requests[0], &requests[requests.len() - 1]);
            assert_eq!((first.label().as_str(), last.label().as_str()), ("POST /login", "DELETE /session"), "{load}");
            assert!(last.at >= Duration::from_millis(450), "{load}: stopped after {:?}", last.at);
            assert_eq!(last.header("x-token"), format!("of-{user}"), "{load}");
            assert!(requests[1..requests.len() - 1].iter().all(|request| request.target == format!("/task?token=of-{user}")), "{load}");
        }
    }
}

#[test]
fn a_user_whose_start_failed_tries_again_and_does_no_task_before() {
    let server = Server::start(|request| {
        let fails = request.target == "/login" && request.header("x-user") == "2" && request.at < Duration::from_millis(500);
        if fails { reply(503, "{}") } else { logs_in(request) }
    });
    let run = Bench::new().run(&server, &format!("load: {{users: 3, hold: 1500ms}}\nthink: 50ms\n{HEADERS}{LIFE}"));
    let users = by_user(&server.received());
    let logins = |user| users[&user].iter().filter(|request: &&Received| request.target == "/login").count();
    assert_eq!((logins(1), logins(2), logins(3)), (1, 2, 1));
    assert_eq!(users[&2][1].target, "/login", "nothing between the failed start and the next");
    assert_eq!(whole(&run, "POST /login").counts.failures.total(), 1);
    assert_eq!(whole(&run, "DELETE /session").counts.ok, 3);
}

#[test]
fn a_user_who_never_started_does_not_stop() {
    let server = Server::start(|request| if request.target == "/login" { reply(401, "{}") } else { ok() });
    for load in ["{users: 2, hold: 200ms}", "{rate: 50/s, hold: 200ms}"] {
        let run = Bench::new().run(&server, &format!("load: {load}\n{HEADERS}{LIFE}"));
        assert_eq!(run.generator.ok, 0, "{load}");
        assert!(run.generator.problems.iter().any(|problem| problem.code == "not_started"), "{load}: {:?}", run.generator.problems);
    }
    assert!(server.received().iter().all(|request| request.target == "/login"));
}

#[test]
fn a_user_who_leaves_early_stops_when_it_leaves() {
    let server = Server::start(logs_in);
    let load = "load: {phases: [{for: 400ms, users: 4}, {for: 600ms, users: 1}]}\nthink: 20ms\n";
    Bench::new().run(&server, &format!("{load}{HEADERS}{LIFE}"));
    for (user, requests) in by_user(&server.received()) {
        let stops: Vec<&Received> = requests.iter().filter(|request| request.method == "DELETE").collect();
        assert_eq!(stops.len(), 1, "user {user}");
        let expected = Duration::from_millis(if user == 1 { 1000 } else { 400 });
        assert!(stops[0].at.abs_diff(expected) < Duration::from_millis(100), "user {user} stopped after {:?}", stops[0].at);
    }
}

/// Gives each user a cookie of its own for all paths, and one for a folder.
fn gives_cookies(request: &Received) -> Vec<Act> {
    let user = request.header("x-user");
    match request.target.as_str() {
        "/login" => {
            let (all, folder) = (format!("sid=s{user}; Path=/"), format!("cart=c{user}; Path=/shop"));
            let foreign = format!("evil=e{user}; Domain=other.example");
            reply_with(200, &[("set-cookie", &all), ("set-cookie", &folder), ("set-cookie", &foreign)], b"")
        }
        _ => ok(),
    }
}

const COOKIES: &str = "start: [{post: /login}]
tasks:
  - steps:
      - {get: /plain}
      - {get: /shop/cart}
      - {get: '/shop/items/${iteration}', name: /shop/items}
      - {get: '/other/${iteration}', name: /other}
";

fn cookies(request: &Received) -> BTreeSet<&str> {
    request.header("cookie").split("; ").filter(|pair| !pair.is_empty()).collect()
}

#[test]
fn cookies_belong_to_their_user_and_their_path() {
    for connections in ["per_user", "{shared: 2}"] {
        let server = Server::start(gives_cookies);
        let load = format!("load: {{users: 6, hold: 300ms}}\nthink: 5ms\nconnections: {connections}\n");
        Bench::new().threads(2).run(&server, &format!("{load}{HEADERS}{COOKIES}"));
        for request in server.received() {
            let user = request.header("x-user");
            let (sid, cart) = (format!("sid=s{user}"), format!("cart=c{user}"));
            let expected: BTreeSet<&str> = match request.target.as_str() {
                "/login" => BTreeSet::new(),
                path if path.starts_with("/shop") => [sid.as_str(), cart.as_str()].into(),
                _ => [sid.as_str()].into(),
            };
            assert_eq!(cookies(&request), expected, "{} {}", request.method, request.target);
        }
    }
}

#[test]
fn a_cookie_of_a_changing_path_is_kept_for_that_path_alone() {
    let server =
        Server::start(|request| if request.target.ends_with("/enter") { reply_with(200, &[("set-cookie", "room=1")], b"") } else { ok() });
    let steps = "{get: '/rooms/${user.id}/enter', name: /enter}, {get: '/rooms/${user.id}/look', name: /look}, {get: /outside}";
    Bench::new().run(&server, &format!("load: {{users: 2, hold: 100ms}}\nthink: 5ms\n{HEADERS}tasks: [{{steps: [{steps}]}}]\n"));
    for request in server.received().iter().filter(|request| !request.target.ends_with("/enter")) {
        assert_eq!(
            request.header("cookie") == "room=1",
            request.target.ends_with("/look"),
            "{} {}",
            request.target,
            request.header("cookie")
        );
    }
}

#[test]
fn no_cookie_is_kept_where_the_scenario_says_so() {
    let server = Server::start(gives_cookies);
    let headers = HEADERS.replace("http: {", "http: {cookies: false, ");
    Bench::new().run(&server, &format!("load: {{users: 2, hold: 100ms}}\nthink: 5ms\n{headers}{COOKIES}"));
    assert!(server.received().iter().all(|request| request.header("cookie").is_empty()));
}

fn connections(setting: &str, users: u64, threads: u64) -> (Server, u64) {
    let server = Server::start(|_| after(5, ok()));
    let scenario =
        format!("load: {{users: {users}, hold: 300ms}}\nthink: 5ms\nconnections: {setting}\n{HEADERS}tasks: [{{steps: [{{get: /}}]}}]\n");
    let run = Bench::new().threads(threads).run(&server, &scenario);
    assert_eq!((run.generator.failed, run.generator.connections_opened), (0, server.connections()), "{setting}");
    (server, run.generator.sent)
}

#[test]
fn connections_are_one_for_each_request_or_user_or_as_many_as_are_shared() {
    let (server, sent) = connections("per_request", 4, 2);
    assert_eq!(server.connections(), sent);
    let (server, _) = connections("per_user", 7, 2);
    assert_eq!(server.connections(), 7);
    let connections_of: BTreeSet<(u64, String)> =
        server.received().iter().map(|request| (request.connection, request.header("x-user").to_owned())).collect();
    assert_eq!(connections_of.len(), 7, "each user keeps to its own");
    for (shared, threads) in [(5, 1), (5, 2), (5, 4), (2, 4), (1, 2)] {
        let (server, _) = connections(&format!("{{shared: {shared}}}"), 20, threads);
        assert_eq!((server.connections(), server.most_open()), (shared, shared), "{shared} shared by {threads} threads");
    }
}

#[test]
fn no_more_is_under_way_at_once_than_was_allowed() {
    for (limit, threads) in [(1, 4), (3, 2), (6, 4)] {
        let server = Server::start(|_| after(30, ok()));
        let load = format!("load: {{rate: 400/s, hold: 200ms, max_in_flight: {limit}}}\n");
        let run = Bench::new().threads(threads).run(&server, &format!("{load}tasks: [{{steps: [{{get: /}}]}}]\n"));
        assert_eq!(server.most_open(), limit, "{limit} on {threads} threads");
        assert_eq!(run.generator.scheduled, 80);
    }
}

#[test]
fn waiting_for_a_shared_connection_is_latency_but_no_time_out_of_the_target() {
    let server = Server::start(|_| after(100, ok()));
    let rest = "load: {users: 6, hold: 1s}\nconnections: {shared: 1}\nhttp: {timeout: 400ms}\ntasks: [{steps: [{get: /}]}]\n";
    let run = Bench::new().run(&server, rest);
    assert_eq!((run.generator.failed, server.connections()), (0, 1), "each waits some 500 ms for its turn");
    let summary = whole(&run, "GET /");
    let at = |histogram: &perfgate::stats::Histogram, share| histogram.value_at_fraction(share).unwrap();
    assert!(at(&summary.latency, 0.9) > 400.0, "{:?}", summary.latency.max_ms());
    assert!(at(&summary.counts.service, 0.5) < 300.0, "{:?}", summary.counts.service.max_ms());
}

#[test]
fn starts_that_wait_for_a_shared_connection_make_an_open_load_unfit() {
    let server = Server::start(|_| after(50, ok()));
    let rest = "load: {rate: 60/s, hold: 700ms}\nconnections: {shared: 2}\ntasks: [{steps: [{get: /}]}]\n";
    let run = Bench::new().run(&server, rest);
    let problem = run.generator.problems.iter().find(|problem| problem.code == "max_in_flight").unwrap();
    assert!(problem.text.contains("2 shared connections"), "{}", problem.text);
    let abort = Bench::new();
    let hanging = Server::start(|_| vec![Act::Hang]);
    let run = abort
        .run(&hanging, "load: {rate: 60/s, hold: 500ms}\nhttp: {timeout: 1s}\nconnections: {shared: 2}\ntasks: [{steps: [{get: /}]}]\n");
    assert_eq!((run.generator.scheduled, run.generator.sent), (30, 2), "{:?}", run.generator);
}

/// Most connections at once, and the fewest that were open between then and the end.
fn most_and_fewest(server: &Server, bench: &Bench) -> (u64, u64) {
    let load = "load: {rate: 200/s, hold: 3s, max_in_flight: 100}\ntasks: [{steps: [{get: /}]}]\n";
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut fewest = u64::MAX;
            while !is_over.load(SeqCst) && server.received().len() < 560 {
                let (open, most) = (server.open(), server.most_open());
                fewest = if open == most { u64::MAX } else { fewest.min(open) };
                std::thread::sleep(Duration::from_millis(10));
            }
            fewest.min(server.open())
        });
        let run = bench.run(server, load);
        is_over.store(true, SeqCst);
        assert_eq!((run.generator.failed, run.generator.sent), (0, 600));
        (server.most_open(), watching.join().unwrap())
    })
}

#[test]
fn users_whom_a_stall_made_go_with_their_connections_once_they_are_not_needed() {
    let stall = Duration::from_millis(200)..Duration::from_millis(500);
    let stalls = move |request: &Received| {
        let wait = if stall.contains(&request.at) { vec![Act::WaitUntil(stall.end)] } else { Vec::new() };
        [wait, ok()].concat()
    };
    let outcome = |bench: Bench| most_and_fewest(&Server::start(stalls.clone()), &bench);
    let [(most, left), (usual_most, stayed)] =
        at_once([Bench::new().unneeded_after(Duration::from_millis(400)), Bench::new()], outcome)[..]
    else {
        unreachable!()
    };
    assert!(most > 40 && left < most / 2, "{left} of {most} were left");
    assert!(usual_most > 40 && stayed == usual_most, "they stay for half a minute: {stayed} of {usual_most}");
}

#[test]
fn a_user_who_comes_back_goes_on_where_it_left() {
    let server = Server::start(|_| ok());
    let load = "load: {phases: [{for: 200ms, users: 2}, {for: 200ms, users: 1}, {for: 200ms, users: 2}]}\nthink: 20ms\n";
    let http = "http: {headers: {x-user: '${user.id}', x-iteration: '${iteration}'}}\n";
    Bench::new().run(&server, &format!("{load}{http}tasks: [{{steps: [{{get: /}}]}}]\n"));
    for (user, requests) in by_user(&server.received()) {
        let iterations: Vec<u64> = requests.iter().map(|request| request.header("x-iteration").parse().unwrap()).collect();
        assert_eq!(iterations, (1..=iterations.len() as u64).collect::<Vec<_>>(), "user {user}");
    }
}

#[test]
fn an_open_user_who_makes_room_for_another_kind_says_good_bye() {
    let server = Server::start(|_| ok());
    let kind = |name: &str| {
        format!(
            "  {name}: {{start: [{{post: /{name}/login}}], tasks: [{{steps: [{{get: /{name}}}]}}], stop: [{{delete: /{name}/session}}]}}\n"
        )
    };
    let users = format!("users:\n{}{}", kind("shopper"), kind("admin"));
    let run = Bench::new().run(&server, &format!("load: {{rate: 40/s, hold: 500ms, max_in_flight: 1}}\n{users}"));
    assert_eq!(run.generator.failed, 0);
    for name in ["shopper", "admin"] {
        let ok = |label: String| whole(&run, &label).counts.ok;
        let logins = ok(format!("POST /{name}/login"));
        assert!(logins > 3, "{logins}");
        assert_eq!(ok(format!("DELETE /{name}/session")), logins, "{name}");
    }
}

#[test]
fn kinds_of_user_come_by_weight_and_do_only_what_is_theirs() {
    let kind = |name: &str, weight: u64| {
        format!(
            "  {name}:
    weight: {weight}
    start: [{{post: /{name}/login, save: {{token: $.token}}}}]
    tasks:
      - {{weight: 2, steps: [{{get: '/{name}/often?t=${{token}}', name: /{name}/often}}]}}
      - {{steps: [{{get: /{name}/seldom}}]}}
    stop: [{{delete: '/{name}/session/${{token}}', name: /{name}/session}}]
"
        )
    };
    let server = Server::start(|request| reply(200, &format!(r#"{{"token": "of-{}"}}"#, request.header("x-user"))));
    let users = format!("users:\n{}{}{}", kind("shopper", 5), kind("editor", 2), kind("robot", 1));
    let run = Bench::new().threads(2).run(&server, &format!("load: {{users: 16, hold: 600ms}}\nthink: 10ms\n{HEADERS}{users}"));
    assert_eq!(run.generator.failed, 0);
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for (user, requests) in by_user(&server.received()) {
        let kind = requests[0].target.split('/').nth(1).unwrap().to_owned();
        let labels: Vec<String> = requests.iter().map(|request| format!("{} {}", request.method, request.target)).collect();
        let (first, last) = (&labels[0], &labels[labels.len() - 1]);
        assert_eq!((first, last), (&format!("POST /{kind}/login"), &format!("DELETE /{kind}/session/of-{user}")));
        let tasks = &labels[1..labels.len() - 1];
        let often = tasks.iter().filter(|label| **label == format!("GET /{kind}/often?t=of-{user}")).count();
        let seldom = tasks.iter().filter(|label| **label == format!("GET /{kind}/seldom")).count();
        assert_eq!(often + seldom, tasks.len(), "user {user}: {labels:?}");
        assert!(tasks.len() > 10 && often.abs_diff(2 * seldom) <= 2, "user {user}: {often} to {seldom}");
        *kinds.entry(kind).or_default() += 1;
    }
    assert_eq!(kinds, BTreeMap::from([("shopper".to_owned(), 10), ("editor".to_owned(), 4), ("robot".to_owned(), 2)]));
}

#[test]
fn the_first_request_of_a_task_counts_from_when_it_was_due_and_a_login_from_when_the_user_acts() {
    let server = Server::start(|request| if request.target == "/login" { after(100, logs_in(request)) } else { after(900, ok()) });
    let run = Bench::new().run(&server, &format!("load: {{rate: 30/s, hold: 500ms}}\n{HEADERS}{LIFE}"));
    let slowest = |label: &str| whole(&run, label).latency.max_ms().unwrap();
    let fastest = |label: &str| whole(&run, label).latency.value_at_fraction(0.0).unwrap();
    assert_eq!((run.generator.failed, run.generator.not_sent), (0, 0));
    assert!(fastest("POST /login") >= 99.0 && slowest("POST /login") < 700.0, "{}", slowest("POST /login"));
    assert!(fastest("GET /task") >= 995.0, "every start needed a new user, who logged in first: {}", fastest("GET /task"));
}
