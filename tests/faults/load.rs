//! L: what a target can do to a load. Each fault is met by the whole program: it is counted in its class, the gate fails,
//! and the program ends on time, in bounded memory.

use std::cell::Cell;
use std::io::Write;
use std::time::Duration;

use serde_json::Value;

use crate::server::{Act, Server, Welcome, after, nobody, ok, reply, reply_with};
use crate::shell::{limited, limited_by};
use crate::support::{self, at_once};
use crate::trial::Trial;

const LOAD: &str = "users: 20, hold: 1s";
const STEP: &str = "{get: /api/products}";
const LOOKS: &str = "{get: /api/products, expect: {body: {matches: a}}}";

/// What a server does with every request, and what each of them must be counted as.
struct Answer {
    row: &'static str,
    fault: &'static str,
    acts: Vec<Act>,
    step: &'static str,
    timeout: &'static str,
    class: &'static str,
}

fn row(row: &'static str, fault: &'static str, acts: Vec<Act>, class: &'static str) -> Answer {
    Answer { row, fault, acts, step: STEP, timeout: "5s", class }
}

fn send(text: &str) -> Act {
    Act::Send(text.as_bytes().to_vec())
}

fn answers(head: &str) -> Vec<Act> {
    vec![send(&format!("HTTP/1.1 {head}")), Act::Wait(Duration::from_millis(20)), Act::Close]
}

fn cut(head: &str, end: Act) -> Vec<Act> {
    // What was sent must have arrived before the reset, which may overtake it.
    vec![send(&format!("HTTP/1.1 {head}")), Act::Wait(Duration::from_millis(20)), end]
}

/// An answer that is a thousandth of its size as long as nobody inflates it.
fn bomb(encoding: &str, mebibytes: u32) -> Vec<Act> {
    let best = flate2::Compression::best();
    let gzip = |bytes: &[u8], times| packed(flate2::write::GzEncoder::new(Vec::new(), best), bytes, times).finish().unwrap();
    let mebibyte = vec![b'a'; 1024 * 1024];
    let body = match encoding {
        "gzip" => gzip(&mebibyte, mebibytes),
        "gzip, gzip" => gzip(&gzip(&mebibyte, mebibytes), 1),
        "deflate" => packed(flate2::write::ZlibEncoder::new(Vec::new(), best), &mebibyte, mebibytes).finish().unwrap(),
        _ => zstd(mebibytes),
    };
    reply_with(200, &[("content-encoding", encoding)], &body)
}

fn packed<W: Write>(mut encoder: W, bytes: &[u8], times: u32) -> W {
    (0..times).for_each(|_| encoder.write_all(bytes).unwrap());
    encoder
}

/// A frame of RFC 8878 with a window of 128 KiB, and in it blocks that are one byte so often.
fn zstd(mebibytes: u32) -> Vec<u8> {
    let block = |last: u32| {
        let header = (128 * 1024) << 3 | 1 << 1 | last;
        [&header.to_le_bytes()[..3], b"a"].concat()
    };
    let count = mebibytes as usize * 8;
    [&[0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3][..], &block(0).repeat(count - 1), &block(1)].concat()
}

fn endless_chunks() -> Vec<Act> {
    let chunk = format!("40000\r\n{}\r\n", "x".repeat(0x40000));
    let mut acts = vec![send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")];
    acts.extend((0..100).map(|_| send(&chunk)));
    acts
}

#[rustfmt::skip]
fn broken_answers() -> Vec<Answer> {
    vec![
        row("L03", "reset within the head", cut("200 OK\r\ncontent-len", Act::Reset), "reset"),
        row("L03", "closed within the body", cut("200 OK\r\ncontent-length: 100\r\n\r\nhalf", Act::Close), "reset"),
        row("L03", "reset within the body", cut("200 OK\r\ncontent-length: 100\r\n\r\nhalf", Act::Reset), "reset"),
        Answer { timeout: "150ms", ..row("L04", "never answers", vec![Act::Hang], "timeout") },
        Answer { timeout: "150ms", ..row("L05", "drips", vec![send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"), Act::Drip(vec![b'x'; 100])], "timeout") },
        row("L06", "an endless chunked body", endless_chunks(), "too_large"),
        Answer { step: LOOKS, ..row("L07", "a bomb by gzip that is looked into", bomb("gzip", 64), "too_large") },
        Answer { step: LOOKS, ..row("L07", "a bomb by deflate that is looked into", bomb("deflate", 64), "too_large") },
        Answer { step: LOOKS, ..row("L07", "a bomb in a bomb that is looked into", bomb("gzip, gzip", 256), "check") },
        Answer { step: LOOKS, ..row("L07", "a bomb by zstd that is looked into", bomb("zstd", 1024), "check") },
        Answer { step: LOOKS, ..row("L07", "a bomb by br that is looked into", bomb("br", 1), "check") },
        row("L08", "five thousand headers", answers(&format!("200 OK\r\n{}\r\n", "x-many: 1\r\n".repeat(5000))), "protocol"),
        row("L08", "a head of a megabyte", answers(&format!("200 OK\r\nx-long: {}\r\n\r\n", "x".repeat(1 << 20))), "protocol"),
        Answer { timeout: "150ms", ..row("L08", "interim answers only", vec![send(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(20_000)), Act::Hang], "timeout") },
        row("L09", "length and chunks", answers("200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"), "protocol"),
        row("L09", "two lengths", answers("200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"), "protocol"),
        row("L09", "a negative length", answers("200 OK\r\ncontent-length: -1\r\n\r\n{}"), "protocol"),
        row("L09", "a length beyond 64 bits", answers("200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n{}"), "protocol"),
        row("L09", "a chunk beyond 64 bits", answers("200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}"), "protocol"),
        row("L09", "HTTP/0.9", vec![send("<html>hello</html>\r\n"), Act::Close], "protocol"),
        row("L09", "zeros", vec![Act::Send(vec![0; 3000]), Act::Close], "protocol"),
        row("L09", "status 099", answers("099 What\r\ncontent-length: 0\r\n\r\n"), "protocol"),
        row("L09", "status 999", answers("999 What\r\ncontent-length: 0\r\n\r\n"), "status"),
        row("L10", "a hundred gigabytes, declared", answers("200 OK\r\ncontent-length: 107374182400\r\n\r\nx"), "too_large"),
        Answer { step: "{get: /api/products, expect: {body: {contains: Ada}}}", ..row("L12", "another body", ok(), "check") },
        row("L14", "429 with Retry-After", reply_with(429, &[("retry-after", "600")], b""), "status"),
        row("L15", "a redirect to another host", reply_with(302, &[("location", "http://127.0.0.1:9/steal")], b""), "status"),
    ]
}

/// L03 to L10, L12, L14, L15.
#[test]
fn each_way_to_answer_badly_is_counted_in_its_class_and_fails_the_gate() {
    for rows in broken_answers().chunks(6) {
        at_once(rows, |row| {
            let Answer { row, fault, acts, step, timeout, class } = row;
            let acts = acts.clone();
            let server = Server::start(move |_| acts.clone());
            let trial = Trial::on(&format!("http://{}", server.address));
            trial.edit("shop.yaml", LOAD, "users: 4, hold: 400ms");
            trial.edit("shop.yaml", STEP, step);
            trial.edit("shop.yaml", "http: {", &format!("http: {{timeout: {timeout}, "));
            // A busy machine may have had to try again: the last load counts.
            let before = Cell::new(0);
            let ended = trial.run(|| {
                before.set(server.received().len());
                trial.command("check shop.yaml --max-duration 400ms")
            });
            ended.with(1).prints("GET /api/products fails too often: failures 100 %");
            let run = trial.json("perfgate-out/run.json");
            let endpoint = &run["endpoints"][0];
            assert_eq!(endpoint["failures"][class], endpoint["requests"], "{row} {fault}: {endpoint:#}");
            assert_eq!(endpoint["ok"], 0, "{row} {fault}");
            assert_eq!(endpoint["requests"], server.received().len() - before.get(), "{row} {fault}: not each once");
            if *class == "timeout" {
                assert!(endpoint["latency_ms"]["p50"].as_f64().unwrap() > 149.0, "{row} {fault}: {endpoint:#}");
            }
        });
    }
}

/// L07, L09, L12: what looks bad and is none of the gate's business without an expectation.
#[test]
fn a_bomb_that_nobody_looks_into_and_a_body_behind_204_change_nothing() {
    let cases = [
        bomb("gzip", 256),
        bomb("deflate", 256),
        bomb("gzip, gzip", 256),
        bomb("zstd", 1024),
        answers("204 No\r\ncontent-length: 5\r\n\r\nhello"),
        reply(200, "[]"),
    ];
    at_once(&cases, |acts| {
        let acts = acts.clone();
        let server = Server::start(move |_| acts.clone());
        let trial = Trial::on(&format!("http://{}", server.address));
        trial.edit("thresholds/shop.yaml", "p95: 400ms, ", "");
        trial.perfgate("check shop.yaml --users 4").with(0);
        assert_eq!(trial.json("perfgate-out/run.json")["endpoints"][0]["failures"]["total"], 0);
    });
}

/// L13: an error page is served faster than the real one.
#[test]
fn errors_that_come_fast_fail_the_gate_however_good_the_latency_is() {
    let server = support::Server::start(|_| support::Reply::status(500));
    let trial = Trial::on(&server.url());
    trial.perfgate("check shop.yaml").with(1).prints("GET /api/products fails too often: failures 100 %");
    let run = trial.json("perfgate-out/run.json");
    let endpoint = &run["endpoints"][0];
    assert_eq!((&endpoint["failures"]["status"], &endpoint["ok"]), (&endpoint["requests"], &0.into()), "{endpoint:#}");
    assert_eq!(endpoint["latency_ms"]["p95"], Value::Null, "no success, no latency");
}

/// L01, L16: nobody listens, or no such name.
#[test]
fn a_target_that_is_not_there_is_told_before_the_load() {
    let rows = [
        (format!("http://{}", nobody()), "did not accept a connection: Connection refused"),
        ("http://no-such-host.invalid".to_owned(), "error: cannot resolve no-such-host.invalid: "),
    ];
    at_once(&rows, |(target, said)| {
        let trial = Trial::on(target);
        trial.perfgate("check shop.yaml").with(4).says(said).says("hint: ").prints("exit 4 (target unavailable)");
        assert_eq!(trial.json("perfgate-out/run.json")["generator"]["scheduled"], 0);
        assert_eq!(trial.json("perfgate-out/verdict.json")["outcome"], "error");
    });
}

/// L02, R02, T14: every connection is reset as soon as it is there, and nobody thinks in between.
#[test]
fn resets_as_fast_as_two_cores_can_are_all_counted_in_bounded_memory() {
    let server = Server::welcoming(|_| Welcome::Rude(vec![Act::Reset]), |_| ok());
    let trial = Trial::on(&format!("http://{}", server.address));
    trial.edit("shop.yaml", "think: 20ms\n", "");
    trial.edit("shop.yaml", LOAD, "rate: 2000/s, hold: 1500ms, max_in_flight: 200");
    // A reset that comes at once may be met by the look before the load, which then takes the target for absent.
    let mut tries = std::iter::repeat_with(|| trial.perfgate("check shop.yaml")).take(10);
    let ended = tries.find(|ended| ended.code != 4).unwrap().with(1).prints("failures 100 %");
    let run = trial.json("perfgate-out/run.json");
    let of = |key: &str| run["endpoints"][0]["failures"][key].as_u64().unwrap();
    assert_eq!(of("reset") + of("connect"), run["endpoints"][0]["requests"].as_u64().unwrap(), "{run:#}");
    assert!(of("total") > 500 && ended.took < Duration::from_secs(6), "{} in {:?}", of("total"), ended.took);
    assert_eq!(run["generator"]["connections_opened"], run["generator"]["sent"], "a failed request connects once");
}

/// An HTTP/2 frame (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// L11: servers that are rude in HTTP/2.
#[test]
fn floods_over_http2_are_failures_in_bounded_memory() {
    let settings = || Act::Send(frame(4, 0, 0, &[]));
    let goaway = || Act::Send(frame(7, 0, 0, &[0; 8]));
    let asked = || Act::Wait(Duration::from_millis(30));
    let many = |bytes: &[u8]| Act::Send(bytes.repeat(50_000));
    let rows = [
        ("GOAWAY for every connection", vec![settings(), goaway(), asked(), Act::Close]),
        ("a flood of RST_STREAM", vec![settings(), asked(), many(&frame(3, 0, 1, &[0, 0, 0, 2])), Act::Hang]),
        ("a flood of empty DATA", vec![settings(), asked(), Act::Send(frame(1, 4, 1, &[0x88])), many(&frame(0, 0, 1, &[])), Act::Hang]),
        ("a flood of SETTINGS", vec![many(&frame(4, 0, 0, &[])), Act::Hang]),
        ("a flood of PING", vec![settings(), many(&frame(6, 0, 0, &[7; 8])), Act::Hang]),
        ("a window that never opens", vec![Act::Send(frame(4, 0, 0, &[0, 4, 0, 0, 0, 0])), Act::Hang]),
    ];
    at_once(&rows, |(fault, acts)| {
        let acts = acts.clone();
        let server = Server::welcoming(move |_| Welcome::Rude(acts.clone()), |_| ok());
        let trial = Trial::on(&format!("http://{}", server.address));
        trial.edit("shop.yaml", LOAD, "users: 4, hold: 700ms");
        trial.edit("shop.yaml", "think: 20ms\n", "");
        trial.edit("shop.yaml", "http: {", "http: {version: 2, timeout: 300ms, ");
        trial.edit("shop.yaml", STEP, "{post: /api/products, body: xxxxxxxxxx}");
        let before = Cell::new(0);
        let ended = trial.run(|| {
            before.set(server.connections());
            trial.command("check shop.yaml --max-duration 700ms")
        });
        let ended = ended.with(1).prints("failures 100 %");
        assert!(ended.cpu.is_none_or(|cpu| cpu < ended.took), "{fault}: {:?} of CPU in {:?}", ended.cpu, ended.took);
        let run = trial.json("perfgate-out/run.json");
        assert_eq!(run["generator"]["failed"], run["generator"]["sent"], "{fault}");
        assert!(server.connections() - before.get() <= run["generator"]["sent"].as_u64().unwrap() + 2, "{fault}: connects in a loop");
    });
}

/// L11: nobody thinks between a refused connection and the next one, and nothing waits before it is made.
#[test]
fn a_target_that_refuses_every_connection_meets_each_request_once_and_is_left_alone() {
    let server = Server::start(|_| after(5, ok()));
    let trial = Trial::on(&format!("http://{}", server.address)).planned(Duration::from_secs(20));
    trial.edit("shop.yaml", "think: 20ms\n", "");
    trial.edit("shop.yaml", LOAD, "users: 1, hold: 60s");
    // What keeps a core busy for ten seconds is polite to the tests beside it.
    let polite = "set -- -n 19 \"$0\" \"$@\"";
    let mut running = support::Running::start(&mut limited_by(&trial.command("check shop.yaml --max-duration 60s"), polite, "nice"));
    running.wait_until("it loads", || server.received().len() > 50);
    drop(server);
    let ended = trial.ended(running).with(1).prints("target failing: ").prints("requests failed in the last 10 s; stopped after 1");
    assert!(ended.took < Duration::from_secs(20), "{:?}", ended.took);
    let run = trial.json("perfgate-out/run.json");
    let (generator, failures) = (&run["generator"], &run["endpoints"][0]["failures"]);
    assert!(failures["connect"].as_u64().unwrap() + 1 >= generator["failed"].as_u64().unwrap(), "{failures:#}");
    assert!(generator["connections_opened"].as_u64().unwrap() <= generator["sent"].as_u64().unwrap(), "{generator:#}");
}

/// L21, L22: an endpoint without an answer, alone and beside one that fails.
#[test]
fn a_check_without_samples_is_no_verdict_and_hides_no_breach() {
    let slow = Server::start(|_| after(900, ok()));
    let trial = Trial::on(&format!("http://{}", slow.address));
    trial.perfgate("check shop.yaml --users 2 --duration 200ms").with(3).prints("exit 3 (no verdict)");
    let broken = Server::start(|_| reply(500, "{}"));
    let trial = Trial::on(&format!("http://{}", broken.address));
    trial.edit("shop.yaml", STEP, "{get: /api/products}, {get: /api/never, when: \"0\"}");
    let ended = trial.perfgate("check shop.yaml").with(1);
    ended.prints("GET /api/products fails too often").prints("no request in a judged phase: GET /api/never");
    let good = Server::start(|_| ok());
    trial.perfgate(&format!("check shop.yaml --target http://{}", good.address)).with(3).prints("GET /api/never");
}

/// L23: this machine runs out of descriptors before the target is slow.
#[test]
fn a_generator_at_its_limits_is_not_the_targets_failure() {
    let slow = Server::start(|_| after(900, ok()));
    let trial = Trial::on(&format!("http://{}", slow.address));
    trial.edit("shop.yaml", LOAD, "rate: 200/s, hold: 1s");
    let few = || limited(&trial.command("check shop.yaml"), "ulimit -n 84");
    trial.run(few).with(3).prints("due requests could not be sent with 20 under way: allow more open files (`ulimit -n ");
    let run = trial.json("perfgate-out/run.json");
    assert_eq!(run["endpoints"][0]["failures"]["total"], 0, "{run:#}");
    assert!(run["generator"]["not_sent"].as_u64().unwrap() > 50, "{run:#}");
}

/// L24: the server dies half way.
#[test]
fn a_server_that_dies_in_mid_run_is_a_breach_and_the_moment_is_seen() {
    let server = Server::start(|_| ok());
    let trial = Trial::on(&format!("http://{}", server.address));
    trial.edit("shop.yaml", LOAD, "users: 10, hold: 3s");
    let mut running = trial.start("check shop.yaml --max-duration 3s");
    running.wait_until("half of it is over", || server.received().len() > 500);
    drop(server);
    let ended = trial.ended(running).with(1);
    ended.prints("fails too often: failures ");
    let run = trial.json("perfgate-out/run.json");
    let by_second: Vec<u64> =
        run["endpoints"][0]["per_second"]["failures"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect();
    assert!(by_second[0] == 0 && by_second.last().is_some_and(|last| *last > 0), "{by_second:?}");
}

/// L25: nobody knows how much longer than an hour it took, and no limit is as high. Another tool's requests, since ours have
/// not the time.
#[test]
fn a_latency_beyond_the_range_is_told_as_at_least_its_end_and_fails() {
    let trial = Trial::on("http://shop");
    let row = |number: u64| {
        let nanos = (1_795_183_200_000 + number * 100) * 1_000_000;
        let latency = if number.is_multiple_of(10) { 3_600_000_000_000_u64 } else { 5_000_000 };
        format!("{nanos},200,{latency},0,10,,e30=,,{number},GET,http://shop/api/products,\n")
    };
    trial.write("slow.csv", &(0..400).map(row).collect::<String>());
    trial.perfgate("import slow.csv --name shop --out kept").with(0).prints("GET /api/products: 40 of its requests took 1 h or longer");
    trial.edit("thresholds/shop.yaml", "400ms", "59m59.9s");
    let ended = trial.perfgate("judge kept --out perfgate-out").with(1);
    ended.prints("GET /api/products is too slow: p95 \u{2265} 1 h, limit 3599.90 s");
    assert!(trial.read("perfgate-out/report.html").contains("40 of its requests took 1 h or longer"));
}
