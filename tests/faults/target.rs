//! T: targets that must not be loaded, and one that must not be loaded any longer.

use std::time::Duration;

use crate::support::{Reply, Server, at_once};
use crate::trial::Trial;

/// What is answered to a request, by how many came before it.
type Script = fn(u64) -> Reply;

/// Refused, with this said and nothing sent.
#[track_caller]
fn refused(code: i32, rows: &[(&str, &str)]) {
    let server = Server::healthy();
    let trial = Trial::on(&server.url());
    for (flags, said) in rows {
        let ended = trial.perfgate(&format!("check shop.yaml {flags}")).with(code).says("error: ").says("hint: ");
        assert!(ended.stderr.contains(said), "{flags}: {}", ended.stderr);
        assert!(!trial.has("perfgate-out/run.json"), "{flags}");
    }
    assert_eq!(server.connections(), 0);
}

/// T01, T03: the name is looked at before anybody is asked for its address: nobody could tell one for these.
#[test]
fn a_foreign_host_and_a_production_host_are_refused_before_their_names_are_looked_up() {
    refused(
        7,
        &[
            ("--target http://foreign.invalid", "`foreign.invalid` is not an allowed target"),
            ("--target http://api-prod.invalid --allow-host api-prod.invalid", "it has the word `prod`"),
            ("--target http://prod2.invalid --allow-host prod2.invalid", "it has the word `prod`"),
            ("--target http://shop.production.invalid --allow-host shop.production.invalid", "it has the word `production`"),
            ("--target http://LIVE.invalid. --allow-host live.invalid", "it has the word `live`"),
        ],
    );
    let server = Server::healthy();
    let trial = Trial::on(&server.url());
    trial
        .perfgate("check shop.yaml --target http://products.invalid --allow-host products.invalid")
        .with(4)
        .says("cannot resolve products.invalid");
}

/// T04, T05: metadata, link-local and unspecified addresses, however they are spelt; no flag allows them.
#[test]
fn blocked_addresses_are_refused_however_they_are_spelt() {
    let hosts = [
        "169.254.169.254",
        "169.254.169.254.",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "0",
        "[::]",
        "metadata.google.internal",
    ];
    let rows: Vec<String> =
        hosts.iter().map(|host| format!("--target http://{host}:1 --allow-host {host} --allow-production --allow-load")).collect();
    refused(7, &rows.iter().map(|flags| (flags.as_str(), "blocked address")).collect::<Vec<_>>());
}

/// T05: another spelling of this machine is this machine.
#[test]
fn this_machine_is_this_machine_however_it_is_spelt() {
    let server = Server::healthy();
    let port = server.url().rsplit(':').next().unwrap().to_owned();
    at_once(&["0x7f.1", "2130706433", "127.1", "017700000001"], |host| {
        let trial = Trial::on(&server.url());
        trial.edit("thresholds/shop.yaml", "p95: 400ms, ", "");
        trial.perfgate(&format!("check shop.yaml --target http://{host}:{port} --users 4 --duration 600ms")).with(0).prints("127.0.0.1");
    });
}

/// T06, T07: what would hide where the load goes is refused where it stands.
#[test]
fn a_target_that_hides_where_it_leads_is_a_mistake() {
    let server = Server::healthy();
    for (target, said) in [
        ("http://staging.example@prod.example/", "a target holds no user name or password"),
        ("http://u:c4nary@staging.example", "a target holds no user name or password"),
        ("'http://staging.example\\@prod.example'", "a target holds no white space, control characters or backslashes"),
        ("\"http://stag\\ting.example\"", "a target holds no white space, control characters or backslashes"),
        ("http://staging%2f.example", "a target is a URL such as"),
        ("file:///etc/passwd", "scheme `file` is not supported"),
        ("ftp://staging.example", "scheme `ftp` is not supported"),
        ("unix:///var/run/x.sock", "scheme `unix` is not supported"),
        ("ws://staging.example", "scheme `ws` is not supported"),
    ] {
        let trial = Trial::on(&server.url());
        trial.edit("shop.yaml", &server.url(), target);
        let ended = trial.perfgate("check shop.yaml").with(2).says("error: shop.yaml:3:9: ");
        assert!(ended.stderr.contains(said), "{target}: {}", ended.stderr);
        assert!(!ended.stderr.contains("c4nary"), "{target}: {}", ended.stderr);
    }
    // Letters that look like others are shown as what they are.
    let trial = Trial::on("http://st\u{430}ging.example");
    trial.perfgate("check shop.yaml --target http://staging.example").with(7).says("the scenario's is `xn--stging-");
    assert_eq!(server.connections(), 0);
}

/// T08: more than anybody loads by accident.
#[test]
fn a_load_beyond_the_usual_is_refused_unless_it_is_allowed() {
    refused(
        7,
        &[("--users 20001", "20,001 users are above the limit of 20,000"), ("--duration 121m", "of load are above the limit of 2h")],
    );
    let server = Server::healthy();
    let trial = Trial::on(&server.url());
    trial.edit("shop.yaml", "users: 20, hold: 1s", "rate: 100001/s, hold: 1s");
    trial
        .perfgate("check shop.yaml")
        .with(7)
        .says("100,001 starts a second are above the limit of 100,000\nhint: if it is meant, say `--allow-load`");
    assert_eq!(server.connections(), 0);
}

/// T11: an outage is not loaded on; what was counted stays, and a limit that would bear it does not hide it.
#[test]
fn a_target_that_fails_for_ten_seconds_is_left_alone_and_fails_the_gate() {
    let rows: [(Script, &str); 2] =
        [(|_| Reply::status(500), "failures: 1%"), (|before| if before < 100 { Reply::ok() } else { Reply::Close }, "failures: off")];
    at_once(&rows, |(reply, limit)| {
        let reply = *reply;
        let server = Server::start(move |request| reply(request.before));
        let trial = Trial::on(&server.url()).planned(Duration::from_secs(20));
        trial.edit("shop.yaml", "users: 20, hold: 1s", "users: 5, hold: 60s");
        trial.edit("thresholds/shop.yaml", "failures: 1%", limit);
        let ended = trial.perfgate("check shop.yaml --max-duration 60s").with(1);
        let ended = ended.prints("target failing: ").prints("requests failed in the last 10 s; stopped after 1");
        assert!(ended.took < Duration::from_secs(20), "{:?}", ended.took);
        let (run, verdict) = (trial.json("perfgate-out/run.json"), trial.json("perfgate-out/verdict.json"));
        assert_eq!((&run["complete"], &verdict["outcome"]), (&false.into(), &"fail".into()), "{verdict:#}");
        assert!(verdict["reasons"].to_string().contains("target_failing"), "{verdict:#}");
        let sent = run["generator"]["sent"].as_u64().unwrap();
        assert!(sent > 200 && server.requests() >= sent, "{}", run["generator"]);
    });
}
