//! What is served to a browser, and to whom: each rule of access, the live view of a check, runs begun from a page, and the
//! API as its own description has it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Dashboard, Reply, Server, Workspace};

/// It ends within two seconds; a busy machine needs some more to notice.
const SOON: Duration = Duration::from_secs(4);

fn serving() -> (Workspace, Dashboard) {
    let workspace = Workspace::empty();
    let dashboard = Dashboard::start(&workspace, "serve");
    (workspace, dashboard)
}

#[test]
fn d01_it_listens_on_loopback_alone_and_prints_its_token_once() {
    let (_workspace, dashboard) = serving();
    assert!(dashboard.host.starts_with("127.0.0.1:") && dashboard.token.len() >= 43, "{}", dashboard.host);
    assert_eq!(dashboard.said().matches(&dashboard.token).count(), 1);
    let (_workspace, other) = serving();
    assert!(other.host != dashboard.host && other.token != dashboard.token);
    let port = dashboard.host.rsplit(':').next().unwrap();
    let own = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr()));
    if let Some(own) = own.ok().map(|own| own.ip()).filter(|own| !own.is_loopback() && !own.is_unspecified()) {
        assert!(std::net::TcpStream::connect(format!("{own}:{port}")).is_err(), "{own} answers");
    }
}

#[test]
fn d02_an_address_that_others_reach_needs_a_word_and_still_the_token() {
    let workspace = Workspace::with_shop("http://127.0.0.1:9");
    workspace
        .perfgate("serve --bind 0.0.0.0:0")
        .with(7)
        .says("0.0.0.0:0 can be reached from other machines")
        .says("--i-know-this-exposes-results");
    workspace.perfgate("check shop.yaml --live=0.0.0.0:0").with(7).says("can be reached from other machines");
    assert!(!workspace.has("perfgate-out/run.json"), "nothing was loaded");
    let exposed = workspace.perfgate("check shop.yaml --live=0.0.0.0:0 --i-know-this-exposes-results").with(4);
    exposed.says("warning: other machines can reach this");
    let dashboard = Dashboard::start(&workspace, "serve --bind 0.0.0.0:0 --i-know-this-exposes-results");
    assert!(dashboard.said().contains("warning: other machines can reach this"), "{}", dashboard.said());
    dashboard.ask("GET /", "", "").with(401);
}

#[test]
fn d03_only_names_of_this_machine_are_answered() {
    let (_workspace, dashboard) = serving();
    let port = dashboard.host.rsplit(':').next().unwrap();
    let cookie = dashboard.open();
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        dashboard.send(&format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{cookie}\r\n")).with(200);
    }
    let foreign =
        ["evil.com".to_owned(), format!("localhost.evil.com:{port}"), format!("192.168.0.9:{port}"), "localhost:1".into(), String::new()];
    for host in foreign {
        let answer = dashboard.send(&format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{cookie}\r\n")).with(421);
        let (own, told) = (format!("http://{}/", dashboard.host), answer.body.contains("<nav") || answer.body.contains(&dashboard.token));
        assert!(answer.body.contains(&own) && !told, "{host}: {}", answer.body);
    }
    dashboard.send(&format!("GET / HTTP/1.1\r\nConnection: close\r\n{cookie}\r\n")).with(421);
    dashboard.send(&format!("GET http://evil.com/ HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{cookie}\r\n", dashboard.host)).with(421);
}

#[test]
fn d04_the_token_opens_once_and_becomes_a_cookie() {
    let (_workspace, dashboard) = serving();
    for query in ["/", "/?token=", "/?token=wrong", "/api/runs", "/assets/report.css", "/runs/1"] {
        let answer = dashboard.ask(&format!("GET {query}"), "Cookie: perfgate_1=x; perfgate=y\r\n", "").with(401);
        assert!(!answer.body.contains(&dashboard.token));
    }
    dashboard.ask(&format!("HEAD /?token={}", dashboard.token), "", "").with(401);
    let answer = dashboard.ask(&format!("GET /?token={}", dashboard.token), "", "").with(303);
    assert_eq!((answer.header("location"), answer.header("referrer-policy")), (Some("/"), Some("no-referrer")));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/") && !cookie.contains(&dashboard.token), "{cookie}");
    let cookie = format!("Cookie: a=b; {}\r\n", cookie.split(';').next().unwrap());
    let page = dashboard.ask("GET /", &cookie, "").with(200);
    assert_eq!(page.header("referrer-policy"), Some("same-origin"), "without it a browser hides where a form comes from");
    dashboard.ask(&format!("GET /?token={}", dashboard.token), "", "").with(401);
    // Who comes back with the cookie has it leave the address again.
    for query in ["token=wrong", &format!("token={}", dashboard.token)] {
        let again = dashboard.ask(&format!("GET /live?{query}"), &cookie, "").with(303);
        assert_eq!((again.header("location"), again.header("referrer-policy")), (Some("/live"), Some("no-referrer")));
    }
    dashboard.ask("GET /", &cookie.replace("\r\n", "x\r\n"), "").with(401);
}

#[test]
fn d05_other_sites_are_refused_and_told_nothing() {
    let (_workspace, dashboard) = serving();
    let cookie = dashboard.open();
    for path in ["GET /", "GET /api/runs", "OPTIONS /api/runs"] {
        let answer = dashboard.ask(path, &format!("{cookie}Origin: https://evil.example\r\n"), "");
        assert_eq!(answer.status, if path.starts_with("GET") { 403 } else { 405 });
        assert!(!answer.head.contains("access-control-"), "{}", answer.head);
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
    }
    for site in ["same-site", "cross-site"] {
        let within = format!("{cookie}Sec-Fetch-Site: {site}\r\nSec-Fetch-Mode: no-cors\r\n");
        dashboard.ask("GET /api/runs", &within, "").with(403);
        dashboard.ask("GET /", &within.replace("no-cors", "navigate"), "").with(200);
    }
    let answer = dashboard.ask("GET /api/runs", &format!("{cookie}Origin: http://{}\r\n", dashboard.host), "").with(200);
    assert!(!answer.head.contains("access-control-"), "{}", answer.head);
}

#[test]
fn d06_nothing_is_changed_unless_that_was_allowed_and_then_only_from_our_pages() {
    let (_workspace, dashboard) = serving();
    let cookie = dashboard.open();
    for line in ["POST /api/runs", "DELETE /api/runs/1", "PUT /api/runs/1", "POST /runs", "POST /runs/1/stop", "PATCH /", "POST /nowhere"] {
        let answer = dashboard.ask(line, &cookie, "").with(405);
        assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{line}");
    }
    let workspace = Workspace::with_shop("http://127.0.0.1:9");
    let dashboard = Dashboard::start(&workspace, "serve --allow-run shop.yaml");
    let body = r#"{"scenario": "shop"}"#;
    dashboard.ask("POST /api/runs", "", body).with(401);
    let cookie = dashboard.open();
    for foreign in
        ["Origin: https://evil.example\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n", "Origin: http://localhost:1\r\n"]
    {
        dashboard.ask("POST /api/runs", &format!("{cookie}{foreign}"), body).with(403);
        dashboard.ask("POST /runs", &format!("{cookie}{foreign}"), "scenario=shop").with(403);
    }
    dashboard.ask("PUT /api/runs", &cookie, body).with(405);
    let listing = dashboard.ask("GET /api/runs", &cookie, "").with(200).json();
    assert_eq!((&listing["runs"], &listing["may_be_begun"]), (&json!([]), &json!(["shop"])));
}

#[test]
fn d07_an_address_is_a_page_of_the_program_or_nothing() {
    let (_workspace, dashboard) = serving();
    let cookie = dashboard.open();
    let nothing = [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../mod.rs",
        "/assets/%2e%2e%2fmod.rs",
        "/assets/report.css%00",
        "/runs/%00",
        "/runs/1/../../x",
        "/runs/..%2f..%2fetc",
        "/runs/1;ls",
        "/runs/-1",
        "/runs/+1",
        "/runs/99999999999999999999999",
        "/runs/run.json",
        "/api/runs/x",
        "/runs/281474976710657",
        "/.perfgate/history.sqlite",
        "//",
        "/compare/x",
    ];
    for path in nothing {
        dashboard.ask(&format!("GET {path}"), &cookie, "").with(404);
    }
    dashboard.ask("GET /compare?run=1", &cookie, "").with(400);
}

#[test]
fn d08_no_client_takes_more_than_its_share() {
    let (_workspace, mut dashboard) = serving();
    let cookie = dashboard.open();
    let mut slow = dashboard.connect();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: loc").unwrap();
    let begun = Instant::now();
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    assert!(begun.elapsed() >= Duration::from_secs(4) && begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());

    let large = dashboard.ask("GET /", &format!("{cookie}Content-Length: 1000000000\r\n"), "");
    assert_eq!(large.status, 413);
    let workspace = Workspace::with_shop("http://127.0.0.1:9");
    let allowing = Dashboard::start(&workspace, "serve --allow-run shop.yaml");
    let own = allowing.open();
    allowing.ask("POST /api/runs", &own, &"x".repeat(9000)).with(413);
    let chunk = format!("2400\r\n{}\r\n0\r\n\r\n", "x".repeat(0x2400));
    let chunked = format!(
        "POST /api/runs HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{own}Transfer-Encoding: chunked\r\n\r\n{chunk}",
        allowing.host
    );
    allowing.send(&chunked).with(413);

    let mut open: Vec<_> = (0..64).map(|_| dashboard.connect()).collect();
    for stream in &mut open {
        stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    }
    std::thread::sleep(Duration::from_millis(300));
    let mut one_more = dashboard.connect();
    let _ = one_more.write_all(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", dashboard.host).as_bytes());
    let mut answer = Vec::new();
    let _ = one_more.read_to_end(&mut answer);
    assert!(answer.is_empty(), "the 65th connection was answered");
    #[cfg(unix)]
    {
        dashboard.signal(rustix::process::Signal::INT);
        let (code, took) = dashboard.end();
        assert!(code == 0 && took < SOON, "{code} after {took:?}");
    }
    drop(open);
}

#[test]
fn d15_so_many_follow_a_run_and_no_more_and_nobody_is_waited_for_who_is_gone() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit("shop.yaml", "hold: 1s", "hold: 4s");
    let mut dashboard = Dashboard::start(&workspace, "check shop.yaml --live");
    let cookie = dashboard.open();
    let mut followers: Vec<_> = (0..8).map(|_| dashboard.connect()).collect();
    for stream in &mut followers {
        stream.write_all(format!("GET /runs/1/parts HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", dashboard.host).as_bytes()).unwrap();
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 1);
    }
    dashboard.ask("GET /runs/1/parts", &cookie, "").with(503);
    dashboard.ask("GET /api/runs/1/events", &cookie, "").with(503);
    dashboard.ask("GET /", &cookie, "").with(200);
    drop(followers);
    std::thread::sleep(Duration::from_millis(1500));
    let events = dashboard.follow("/api/runs/1/events", &cookie, "end");
    assert!(events.len() > 1, "{events:?}");
    dashboard.end();
}

#[test]
fn one_endpoint_at_a_time_ends_with_the_figures_of_all() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit("shop.yaml", "[{get: /api/products}]", "[{get: /api/products}, {get: /api/cart}, {get: /api/orders}]");
    let mut dashboard = Dashboard::start(&workspace, "check shop.yaml --each --live");
    let events = dashboard.follow("/api/runs/1/events", &dashboard.open(), "end");
    dashboard.end();
    let told: Value = serde_json::from_str(&events[events.len() - 2].1).unwrap();
    let run = workspace.json("perfgate-out/run.json");
    assert_eq!((&told["requests"], &told["failures"]), (&run["total"]["requests"], &run["total"]["failures"]));
    let requests = |of: &Value| of["endpoints"].as_array().unwrap().iter().map(|endpoint| endpoint["requests"].clone()).collect::<Vec<_>>();
    assert_eq!((requests(&told), requests(&told).len()), (requests(&run), 3));
}

#[test]
fn d09_a_port_that_is_taken_is_a_warning_for_a_check_and_a_mistake_for_serve() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace
        .perfgate(&format!("check shop.yaml --live={address}"))
        .with(0)
        .says(&format!("warning[dashboard]: cannot listen on {address}"));
    workspace.perfgate(&format!("serve --bind {address}")).with(2).says(&format!("error: cannot listen on {address}")).says("Port 0");
}

#[test]
fn d11_a_hostile_result_is_shown_as_text() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.perfgate("check shop.yaml --branch HOSTILE --commit HOSTILE").with(0);
    let hostile = "<script>alert(1)</script>\\\"'><img src=x onerror=alert(2)>\u{202e}";
    for file in ["perfgate-out/run.json", "perfgate-out/verdict.json"] {
        let text = workspace.read(file).replace("HOSTILE", hostile).replace("GET /api/products", &format!("GET /{hostile}"));
        workspace.write(file, &text);
    }
    let dashboard = Dashboard::start(&workspace, "serve");
    let cookie = dashboard.open();
    let listing = dashboard.ask("GET /api/runs", &cookie, "").with(200).json();
    let id = &listing["runs"][0]["id"];
    assert!(listing["runs"][0]["branch"].as_str().unwrap().contains("<script>"), "{listing}");
    for path in ["/".to_owned(), format!("/runs/{id}"), format!("/compare?run={id}&run={id}")] {
        let answer = dashboard.ask(&format!("GET {path}"), &cookie, "").with(200);
        assert!(answer.body.contains("alert(1)") && !answer.body.contains("<script>alert") && !answer.body.contains("<img"), "{path}");
        // The value of a filter is what it is; what is read is not.
        assert!(path == "/" || !answer.body.contains('\u{202e}'), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[test]
fn a_check_is_followed_live_and_ends_although_a_tab_is_open() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit("shop.yaml", "hold: 1s", "hold: 5s");
    let mut dashboard = Dashboard::start(&workspace, "check shop.yaml --live --archive kept");
    let cookie = dashboard.open();
    let page = dashboard.ask("GET /", &cookie, "").with(200);
    assert!(page.body.contains("data-parts=\"/runs/1/parts\"") && page.header("cache-control") == Some("no-store"), "{}", page.body);
    let mut tab = dashboard.connect();
    tab.write_all(format!("GET /runs/1/parts HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", dashboard.host).as_bytes()).unwrap();
    let events = dashboard.follow("/api/runs/1/events", &cookie, "end");
    if let Some(computed) = dashboard.computed_by("dashboard") {
        println!("two browsers for five seconds: {computed:?} of CPU");
        // Of a program that was built without optimisation; 3 % is what a release may take.
        assert!(computed < Duration::from_millis(500), "{computed:?}");
    }
    let (code, took) = dashboard.end();
    assert!(took < SOON, "{took:?} after the last word");
    assert!(code == 0 || code == 3, "{code}: {}", dashboard.said());
    let progress: Vec<Value> =
        events.iter().filter(|event| event.0 == "progress").map(|event| serde_json::from_str(&event.1).unwrap()).collect();
    let loading = progress.iter().filter(|told| told["state"] == "running" && told["now"]["requests_per_s"].as_f64() > Some(0.0)).count();
    assert!(loading >= 2, "{progress:#?}");
    let (last, run) = (progress.last().unwrap(), workspace.json("perfgate-out/run.json"));
    let endpoint = &run["endpoints"][0];
    assert_eq!(last["requests"], run["total"]["requests"]);
    assert_eq!(last["failures"], run["total"]["failures"]);
    for (told, written) in [("p95_ms", "p95"), ("p99_ms", "p99")] {
        let (told, written) = (last[told].as_f64().unwrap(), endpoint["latency_ms"][written].as_f64().unwrap());
        assert!((told - written).abs() < 0.002, "{told} and {written}: the file rounds to a microsecond");
    }
    assert_eq!((&last["endpoints"][0]["name"], &last["endpoints"][0]["requests"]), (&endpoint["name"], &endpoint["requests"]));
    assert!(events.last().unwrap().1.contains(&format!("(exit {code})")), "{events:?}");
    let kept = workspace.names("kept/shop").into_iter().next().unwrap();
    assert_eq!(workspace.read(&format!("kept/shop/{kept}/run.json")), workspace.read("perfgate-out/run.json"));
    assert_eq!(workspace.json(&format!("kept/shop/{kept}/verdict.json"))["exit_code"], code);
}

#[test]
fn a_run_is_begun_followed_stopped_and_kept_as_the_description_says() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit("shop.yaml", "hold: 1s", "hold: 20s");
    let mut dashboard = Dashboard::start(&workspace, "serve --allow-run shop.yaml");
    let cookie = dashboard.open();
    let description = dashboard.ask("GET /api/openapi.json", &cookie, "").with(200).json();
    let origin = format!("{cookie}Origin: http://{}\r\n", dashboard.host);
    let ask = |line: &str, body: &str, status: u16, template: &str, method: &str| {
        let answer = dashboard.ask(line, &origin, body).with(status).json();
        fits(&description, template, method, status, &answer);
        answer
    };
    ask("POST /api/runs", r#"{"scenario": "other"}"#, 400, "/api/runs", "post");
    ask("POST /api/runs", r#"{"scenario": "shop", "users": 1000000}"#, 400, "/api/runs", "post");
    let begun = ask("POST /api/runs", r#"{"scenario": "shop"}"#, 201, "/api/runs", "post");
    assert_eq!((&begun["id"], &begun["state"], &begun["scenario"]), (&json!(1), &json!("running"), &json!("shop")));
    ask("POST /api/runs", r#"{"scenario": "shop"}"#, 409, "/api/runs", "post");
    ask("GET /api/runs", "", 200, "/api/runs", "get");
    let begun = Instant::now();
    while ask("GET /api/runs/1", "", 200, "/api/runs/{id}", "get")["now"]["requests"].as_u64().unwrap_or_default() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", dashboard.said());
        std::thread::sleep(Duration::from_millis(50));
    }
    ask("POST /api/runs/1/stop", "", 202, "/api/runs/{id}/stop", "post");
    let events = dashboard.follow("/api/runs/1/events", &cookie, "end");
    let told: Value = serde_json::from_str(&events[events.len() - 2].1).unwrap();
    fits(&description, "/api/runs/{id}", "get", 200, &told);
    assert_eq!((&told["state"], told["outcome"].as_str()), (&json!("ended"), Some("no verdict (exit 3)")), "{}", dashboard.said());
    assert!(told["started_at"].is_string() && told["kept_id"].is_null(), "{told}");
    ask("DELETE /api/runs/1", "", 409, "/api/runs/{id}", "delete");
    let nowhere = ask("GET /api/runs?scenario=nope", "", 200, "/api/runs", "get");
    assert_eq!((&nowhere["runs"], &nowhere["kept"]), (&json!([]), &json!(0)));
    ask("DELETE /api/runs/7", "", 404, "/api/runs/{id}", "delete");
    let kept = loop {
        let listing = ask("GET /api/runs", "", 200, "/api/runs", "get");
        if listing["kept"] == 1 {
            break listing["runs"][1].clone();
        }
        assert!(begun.elapsed() < Duration::from_secs(50), "{listing}");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert_eq!((&kept["state"], &kept["complete"], &kept["requests"]), (&json!("kept"), &json!(false), &told["requests"]));
    assert_eq!(ask("GET /api/runs/1", "", 200, "/api/runs/{id}", "get")["kept_id"], kept["id"]);
    let way = dashboard.ask("GET /runs/1/report", &cookie, "").with(303);
    assert_eq!(way.header("location"), Some(format!("/runs/{}", kept["id"]).as_str()));
    let shown = ask(&format!("GET /api/runs/{}", kept["id"]), "", 200, "/api/runs/{id}", "get");
    assert_eq!(shown["endpoints"][0]["requests"], told["requests"]);
    let report = dashboard.ask(&format!("GET /runs/{}", kept["id"]), &cookie, "").with(200);
    assert!(report.body.contains("stopped from the dashboard") && report.body.contains("All runs"), "{}", report.body);
    #[cfg(unix)]
    {
        dashboard.signal(rustix::process::Signal::TERM);
        let (code, took) = dashboard.end();
        assert!(code == 0 && took < SOON, "{code} after {took:?}");
    }
    // The history survives the end of the process.
    let again = Dashboard::start(&workspace, "serve");
    let cookie = again.open();
    let page = again.ask("GET /?scenario=shop&outcome=inconclusive", &cookie, "").with(200);
    assert!(page.body.contains(&format!("/runs/{}", kept["id"])), "{}", page.body);
    assert!(!again.ask("GET /?outcome=pass", &cookie, "").with(200).body.contains(&format!("/runs/{}", kept["id"])));
}

#[cfg(unix)]
#[test]
fn d08_a_signal_ends_it_soon_although_a_load_hangs_and_a_tab_is_open_and_what_was_measured_is_kept() {
    // From then on nothing is answered any more: what is under way stays so to the end.
    let server = Server::start(|request| if request.before < 60 { Reply::ok() } else { Reply::Hang });
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit("shop.yaml", "hold: 1s", "hold: 50s");
    let mut dashboard = Dashboard::start(&workspace, "serve --allow-run shop.yaml");
    let cookie = dashboard.open();
    dashboard.ask("POST /api/runs", &format!("{cookie}Origin: http://{}\r\n", dashboard.host), r#"{"scenario": "shop"}"#).with(201);
    let mut tab = dashboard.connect();
    tab.write_all(format!("GET /runs/1/parts HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", dashboard.host).as_bytes()).unwrap();
    let begun = Instant::now();
    while dashboard.ask("GET /api/runs/1", &cookie, "").json()["now"]["requests"].as_u64().unwrap_or_default() < 50 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", dashboard.said());
        std::thread::sleep(Duration::from_millis(50));
    }
    dashboard.signal(rustix::process::Signal::TERM);
    let (code, took) = dashboard.end();
    println!("it ended {took:?} after the signal");
    assert!(code == 0 && took < SOON, "{code} after {took:?}: {}", dashboard.said());
    let kept = workspace.names(".perfgate/history/shop").into_iter().next().unwrap();
    let run = workspace.json(&format!(".perfgate/history/shop/{kept}/run.json"));
    assert!(run["aborted_by"].as_str().unwrap().starts_with("SIGTERM") && run["complete"] == false, "{run}");
    assert!(run["total"]["requests"].as_u64().unwrap() >= 50, "{}", run["total"]);
    assert!(run["generator"]["unfinished"].as_u64().unwrap() > 0, "nothing was under way: {}", run["generator"]);
    assert_eq!(workspace.json(&format!(".perfgate/history/shop/{kept}/verdict.json"))["exit_code"], 143);
}

#[test]
fn a_run_that_is_stopped_as_soon_as_it_is_begun_is_kept_or_says_that_it_is_not() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit("shop.yaml", "hold: 1s", "hold: 20s");
    let dashboard = Dashboard::start(&workspace, "serve --allow-run shop.yaml");
    let cookie = dashboard.open();
    let origin = format!("{cookie}Origin: http://{}\r\n", dashboard.host);
    dashboard.ask("POST /api/runs", &origin, r#"{"scenario": "shop"}"#).with(201);
    dashboard.ask("POST /api/runs/1/stop", &origin, "").with(202);
    let events = dashboard.follow("/api/runs/1/events", &cookie, "end");
    assert!(events.last().unwrap().1.contains("no verdict"), "{events:?}");
    let begun = Instant::now();
    loop {
        let way = dashboard.ask("GET /runs/1/report", &cookie, "");
        if way.status == 303 || way.body.contains("Nothing was kept of this run") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{way:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn what_cannot_be_read_is_named_at_each_start_and_on_the_page() {
    let workspace = Workspace::empty();
    workspace.write("kept/half/run.json", "{");
    for _ in 0..2 {
        let dashboard = Dashboard::start(&workspace, "serve kept nowhere");
        assert!(dashboard.said().contains("warning: nowhere: there is no such folder"), "{}", dashboard.said());
        assert!(dashboard.said().contains("warning: not in the history: ") && dashboard.said().contains("half"), "{}", dashboard.said());
        let page = dashboard.ask("GET /?page=999", &dashboard.open(), "").with(200).body;
        assert!(page.contains("1 file could not be read") && page.contains("<code>kept</code>") && page.contains("(not there)"), "{page}");
    }
}

#[test]
fn the_report_of_a_kept_run_shows_the_runs_that_it_was_compared_with_and_no_others() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.write("thresholds/shop.yaml", "version: 1\nscenario: shop\ndefaults: {p95: {max: 400ms, rise: 300%}, failures: 1%}\n");
    workspace.perfgate("baseline refresh shop.yaml --repeat 3").with(0);
    workspace.perfgate("check shop.yaml --out .perfgate/judged");
    // One that came later.
    workspace.perfgate("baseline refresh shop.yaml").with(0);
    let dots = |page: &str| page.matches("<circle class=\"past\"").count();
    let written = dots(&workspace.read(".perfgate/judged/report.html"));
    assert!(written >= 3 && written.is_multiple_of(3), "{written} dots");
    let page_of_it = || {
        let dashboard = Dashboard::start(&workspace, "serve");
        let cookie = dashboard.open();
        let listing = dashboard.ask("GET /api/runs", &cookie, "").with(200).json();
        let judged = listing["runs"].as_array().unwrap().iter().find(|run| run["outcome"] != "unjudged").unwrap()["id"].clone();
        dashboard.ask(&format!("GET /runs/{judged}"), &cookie, "").with(200).body
    };
    assert_eq!(dots(&page_of_it()), written);
    // A store that lost the newest of them may hold others in its place.
    let newest = workspace.names(".perfgate/baselines/shop/runs").into_iter().nth(2).unwrap();
    std::fs::remove_file(workspace.path(&format!(".perfgate/baselines/shop/runs/{newest}"))).unwrap();
    let page = page_of_it();
    assert!(dots(&page) == 0 && page.contains("baseline "), "{} dots", dots(&page));
}

/// That an answer is what the description promises.
#[track_caller]
fn fits(description: &Value, path: &str, method: &str, status: u16, answer: &Value) {
    let response = &description["paths"][path][method]["responses"][status.to_string()];
    let schema = &response["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path} {status} is not described");
    let whole = json!({"$ref": schema["$ref"], "components": description["components"]});
    let validator = jsonschema::validator_for(&whole).unwrap();
    let mistakes: Vec<String> = validator.iter_errors(answer).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(mistakes.is_empty(), "{method} {path} {status}: {mistakes:#?}\n{answer:#}");
}
