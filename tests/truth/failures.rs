//! Each way in which a target can fail is counted in its own class, with its cause in words of ours.

use std::io::Write as _;
use std::time::Duration;

use perfgate::load::{Abort, CertificateCheck, preflight};
use perfgate::run::FailureClass::{self, Check, Connect, Protocol, Reset, Status, Timeout, Tls, TooLarge};
use perfgate::units::Percentile;

use super::bench::{Bench, at_once, failures, in_time, whole};
use super::server::{Act, Server, Welcome, after, nobody, ok, reply, reply_with};

/// A few requests a second, from one user.
const FEW: &str = "load: {users: 1, hold: 200ms}\nthink: 30ms\n";

/// What one step comes to against a server that does this with every request.
fn outcome(acts: &[Act], step: &str) -> (u64, Vec<(FailureClass, u64)>, Vec<String>) {
    let acts = acts.to_vec();
    let server = Server::start(move |_| acts.clone());
    let run = Bench::new().run(&server, &format!("{FEW}tasks: [{{steps: [{step}]}}]\n"));
    let counts = run.total(perfgate::run::PhaseSelection::Whole).counts;
    assert_eq!(counts.requests, server.received().len() as u64, "{step}");
    assert!(counts.requests > 0, "{step}");
    let classes = FailureClass::ALL.into_iter().map(|class| (class, counts.failures.of(class))).filter(|(_, count)| *count > 0);
    (counts.ok, classes.collect(), counts.causes.into_keys().collect())
}

/// Every request fails, in this class and for this cause.
fn fails(acts: &[Act], step: &str, class: FailureClass, cause: &str) {
    let (ok, classes, causes) = outcome(acts, step);
    assert_eq!(ok, 0, "{step} {acts:?}");
    assert_eq!(classes.iter().map(|(class, _)| *class).collect::<Vec<_>>(), [class], "{step} {causes:?}");
    assert_eq!(causes, [cause], "{step}");
}

fn send(text: &str) -> Act {
    Act::Send(text.as_bytes().to_vec())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_connection_that_breaks_within_an_answer_is_a_reset() {
    let head = || send("HTTP/1.1 200 OK\r\ncontent-len");
    let body = || send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
    let chunk = || send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\nhalf");
    let endless = || send("HTTP/1.1 200 OK\r\n\r\nhalf");
    // What was sent must have arrived before the reset, which may overtake it.
    let wait = || Act::Wait(Duration::from_millis(20));
    let within = "connection closed within the answer";
    let before = "connection closed before an answer";
    let cases = [
        (vec![head(), Act::Close], within),
        (vec![head(), wait(), Act::Reset], within),
        (vec![body(), Act::Close], within),
        (vec![body(), wait(), Act::Reset], within),
        (vec![chunk(), Act::Close], within),
        (vec![chunk(), wait(), Act::Reset], within),
        (vec![endless(), wait(), Act::Reset], within),
        (vec![Act::Close], before),
        (vec![Act::Reset], before),
    ];
    at_once(cases, |(acts, cause)| fails(&acts, "{get: /}", Reset, cause));
}

#[test]
fn an_answer_that_is_not_one_is_a_protocol_failure() {
    let cases = [
        ("SSH-2.0-OpenSSH_9.6\r\n", "not an HTTP/1.1 answer"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}", "both content-length and transfer-encoding"),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", "a status that nobody asked for"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "bad chunk size"),
        ("HTTP/2 200\r\n\r\n", "not an HTTP/1.1 answer"),
        (&format!("HTTP/1.1 200 OK\r\n{}\r\n", "x-many: 1\r\n".repeat(5000)), "more than 128 headers"),
        (&format!("HTTP/1.1 200 OK\r\nx-long: {}", "x".repeat(100_000)), "head over 64 KB"),
        (&format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;{}", "x".repeat(100_000)), "bad chunk size"),
        (&format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-long: {}", "x".repeat(100_000)), "bad trailers"),
        (&String::from_utf8_lossy(&[0; 3000]), "not an HTTP/1.1 answer"),
    ];
    at_once(cases, |(text, cause)| fails(&[send(text), Act::Hang], "{get: /}", Protocol, cause));
}

#[test]
fn a_body_over_ten_mebibytes_is_too_large_announced_or_not() {
    let endless = "HTTP/1.1 200 OK\r\n\r\n".to_owned() + &"x".repeat(11 * 1024 * 1024);
    let cases = [vec![send("HTTP/1.1 200 OK\r\ncontent-length: 11534336\r\n\r\n"), Act::Hang], vec![send(&endless), Act::Close]];
    at_once(cases, |acts| fails(&acts, "{get: /}", TooLarge, "body over 10 MiB"));
}

#[test]
fn a_status_that_is_not_expected_is_a_status_failure() {
    let cases =
        [(500, "{get: /}"), (404, "{get: /}"), (302, "{get: /}"), (200, "{get: /, expect: 201}"), (503, "{get: /, expect: [200, 404]}")];
    at_once(cases, |(status, step)| fails(&reply(status, "{}"), step, Status, &format!("status {status}")));
    assert_eq!(outcome(&reply(404, "{}"), "{get: /, expect: [2xx, 404]}").1, []);
}

#[test]
fn an_expectation_that_is_not_met_is_a_check_failure_with_its_place() {
    let cases = [
        ("expect: {json: {'$.id': exists}}", "expected json $.id"),
        ("expect: {json: {'$.name': Ada}}", "expected json $.name"),
        ("expect: {body: {contains: Ada}}", "expected another body"),
        ("expect: {headers: {x-trace: exists}}", "expected header x-trace"),
        ("expect: {size: {min: 1000}}", "expected another body size"),
        ("expect: {within: 1ms}", "expected an answer within 1ms"),
        ("save: {id: $.id}", "nothing to save from json $.id"),
        ("save: {id: {header: location}}", "nothing to save from header location"),
        ("save: {id: {cookie: sid}}", "nothing to save from cookie sid"),
        ("save: {id: {regex: 'id=(\\d+)'}}", "nothing to save from regex id=(\\d+)"),
    ];
    at_once(cases, |(rest, cause)| fails(&after(5, reply(200, r#"{"name": "Bob"}"#)), &format!("{{get: /, {rest}}}"), Check, cause));
}

#[test]
fn an_expectation_that_is_met_is_not_a_failure() {
    let answer = reply_with(200, &[("x-trace", "7"), ("set-cookie", "sid=1")], br#"{"name": "Bob", "items": [{"id": 3}]}"#);
    let cases = [
        "expect: {json: {'$.items[0].id': 3, '$.name': Bob, '$.none': absent}, headers: {x-trace: 7}, body: {contains: Bob}, within: 5s}",
        "save: {id: '$.items[*].id random', all: '$.items all', sid: {cookie: sid}, trace: {header: X-Trace}, none: {json: $.none, default: 0}}",
    ];
    at_once(cases, |rest| assert_eq!(outcome(&answer, &format!("{{get: /, {rest}}}")).1, [], "{rest}"));
}

/// `expect.size` counts the bytes of the body as they came, of whatever framing.
#[test]
fn a_body_within_the_expected_size_is_ok_and_any_other_is_a_check_failure() {
    let hundred = "x".repeat(100);
    let chunked =
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3c\r\n{}\r\n28\r\n{}\r\n0\r\n\r\n", &hundred[..60], &hundred[60..]);
    let to_the_end = format!("HTTP/1.1 200 OK\r\n\r\n{hundred}");
    let packed = gzip(hundred.as_bytes());
    let plain = reply(200, &hundred);
    let met = [
        (plain.clone(), "100".to_owned()),
        (plain.clone(), "100..5000".to_owned()),
        (plain.clone(), "1..100".to_owned()),
        (plain.clone(), "{min: 100}".to_owned()),
        (plain.clone(), "{max: 100}".to_owned()),
        (vec![send(&chunked)], "100".to_owned()),
        (vec![send(&to_the_end), Act::Close], "100".to_owned()),
        (reply_with(200, &[("content-encoding", "gzip")], &packed), packed.len().to_string()),
        (reply(200, ""), "0".to_owned()),
    ];
    at_once(met, |(acts, size)| {
        let (ok, classes, causes) = outcome(&acts, &format!("{{get: /, expect: {{size: {size}}}}}"));
        assert!(ok > 0 && classes.is_empty(), "{size}: {classes:?} {causes:?}");
    });
    let not_met = [
        (plain.clone(), "99"),
        (plain.clone(), "101..5000"),
        (plain.clone(), "1..99"),
        (plain.clone(), "{min: 101}"),
        (plain, "{max: 99}"),
        (vec![send(&chunked)], "1..99"),
        (reply(200, ""), "{min: 1}"),
    ];
    at_once(not_met, |(acts, size)| fails(&acts, &format!("{{get: /, expect: {{size: {size}}}}}"), Check, "expected another body size"));
}

#[test]
fn a_refused_connection_is_a_connect_failure() {
    let address = nobody();
    let run = Bench::new().drive(address, &format!("{FEW}tasks: [{{steps: [{{get: /}}]}}]\n")).run;
    assert!(run.generator.sent > 0);
    assert_eq!(failures(&run, Connect), run.generator.sent);
    assert!(whole(&run, "GET /").counts.causes.contains_key("connection refused"));
}

#[test]
fn a_tls_failure_in_mid_run_is_a_tls_failure_and_the_rest_is_ok() {
    let garbage = || Welcome::Rude(vec![send("this is no handshake"), Act::Close]);
    let server = Server::welcoming(move |number| if number % 3 == 2 { garbage() } else { Welcome::Tls }, |_| ok());
    let bench = Bench::new();
    let rest = format!("connections: per_request\n{FEW}tasks: [{{steps: [{{get: /}}]}}]\n");
    let scenario = bench.scenario(&format!("https://{}", server.address), &rest);
    let endpoints = preflight(&scenario, CertificateCheck::Skipped, &Abort::default()).unwrap();
    let run = bench.drive_to(endpoints, scenario).run;
    let failed = (server.connections()) / 3;
    assert!(failed > 0);
    assert_eq!(failures(&run, Tls), failed);
    assert_eq!(run.generator.ok, server.received().len() as u64);
    assert_eq!(run.generator.sent, run.generator.ok + failed);
    assert!(whole(&run, "GET /").counts.causes.contains_key("TLS handshake failed"));
}

#[test]
fn an_unknown_certificate_is_refused_by_preflight_and_plain_text_too() {
    let server = Server::welcoming(|_| Welcome::Tls, |_| ok());
    let bench = Bench::new();
    let scenario = bench.scenario(&format!("https://{}", server.address), &format!("{FEW}tasks: [{{steps: [{{get: /}}]}}]\n"));
    assert!(preflight(&scenario, CertificateCheck::Required, &Abort::default()).is_err());
    assert_eq!(server.received().len(), 0);
}

#[test]
fn what_is_not_answered_whole_in_time_is_a_timeout_and_in_the_latency() {
    let drip = vec![send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"), Act::Drip(b"x".repeat(100))];
    let slow_head = vec![Act::Drip(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec())];
    let never_final = vec![send(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000)), Act::Hang];
    at_once([vec![Act::Hang], drip, slow_head, never_final], |acts| {
        let server = Server::start(move |_| acts.clone());
        let rest = "load: {rate: 20/s, hold: 500ms}\nhttp: {timeout: 250ms}\ntasks: [{steps: [{get: /}]}]\n";
        let driven = Bench::new().drive(server.address, rest);
        let (run, summary) = (&driven.run, whole(&driven.run, "GET /"));
        assert_eq!((run.generator.scheduled, failures(run, Timeout)), (10, 10));
        assert_eq!(summary.latency.count(), 10);
        let fastest = summary.latency.value_at_fraction(0.0).unwrap();
        assert!(fastest >= 249.8, "a time-out of 250 ms is told as {fastest} ms");
        assert!(summary.latency.percentile_ms(Percentile::P99).unwrap() < 500.0);
        assert_eq!(summary.counts.causes.into_keys().collect::<Vec<_>>(), ["no whole answer within 250ms"]);
        assert!(driven.took < Duration::from_millis(1500), "took {:?}", driven.took);
        assert!(run.complete);
    });
}

#[test]
fn a_step_has_a_timeout_of_its_own() {
    let server = Server::start(|_| after(150, ok()));
    let rest = "load: {users: 1, hold: 300ms}\nhttp: {timeout: 100ms}\ntasks: [{steps: [{get: /short}, {get: /long, timeout: 1s}]}]\n";
    let run = Bench::new().run(&server, rest);
    assert_eq!(whole(&run, "GET /short").counts.failures.of(Timeout), whole(&run, "GET /short").counts.requests);
    assert!(whole(&run, "GET /long").counts.ok > 0);
}

#[test]
fn a_compressed_body_is_looked_into_and_a_bomb_is_not_inflated() {
    let compressed = |body: &[u8]| reply_with(200, &[("content-encoding", "gzip")], &gzip(body));
    let good = compressed(br#"{"id": 7}"#);
    let bomb = compressed(&vec![b'a'; 64 * 1024 * 1024]);
    assert_eq!(outcome(&good, "{get: /, expect: {json: {'$.id': 7}}}").1, []);
    fails(&good, "{get: /, expect: {json: {'$.id': 8}}}", Check, "expected json $.id");
    fails(&bomb, "{get: /, expect: {body: {contains: b}}}", TooLarge, "inflated body over 10 MiB");
    assert_eq!(outcome(&bomb, "{get: /}").1, [], "a body that nobody looks into is not inflated");
    let broken = reply_with(200, &[("content-encoding", "gzip")], b"not gzip");
    fails(&broken, "{get: /, expect: {body: {contains: b}}}", Check, "compressed body cannot be inflated");
}

#[test]
fn a_compressed_body_is_no_failure_of_a_step_that_looks_elsewhere() {
    let compressed = reply_with(200, &[("content-encoding", "gzip"), ("x-trace", "7")], &gzip(b"{}"));
    for rest in ["expect: {within: 5s}", "expect: {headers: {x-trace: exists}}", "save: {trace: {header: x-trace}}"] {
        assert_eq!(outcome(&compressed, &format!("{{get: /, {rest}}}")).2, Vec::<String>::new(), "{rest}");
    }
    let head = vec![send("HTTP/1.1 200 OK\r\ncontent-length: 99\r\ncontent-encoding: gzip\r\n\r\n")];
    assert_eq!(outcome(&head, "{head: /, expect: {headers: {content-encoding: gzip}}}").2, Vec::<String>::new());
}

#[test]
fn connections_that_are_reset_as_fast_as_they_come_are_all_counted_and_the_load_ends_on_time() {
    in_time(|| {
        let results = at_once(["{users: 20, hold: 1s}", "{rate: 3000/s, hold: 1s}"], |load| {
            let server = Server::welcoming(|_| Welcome::Rude(vec![Act::Reset]), |_| ok());
            let driven = Bench::new().threads(2).drive(server.address, &format!("load: {load}\ntasks: [{{steps: [{{get: /}}]}}]\n"));
            let run = &driven.run;
            assert_eq!(failures(run, Reset) + failures(run, Connect), run.generator.sent, "{load}: {:?}", run.generator);
            assert!(run.generator.sent > 100 && run.generator.unfinished == 0, "{load}: {:?}", run.generator);
            driven.took
        });
        let longest = results.into_iter().max().unwrap();
        if longest < Duration::from_secs(3) { Ok(()) } else { Err(format!("took {longest:?}")) }
    });
}
