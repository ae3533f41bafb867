//! A connection that the server closed while it was idle: what may be sent again is, what may not never is.

use std::collections::BTreeMap;
use std::time::Duration;

use perfgate::run::FailureClass::{Reset, Timeout};
use perfgate::run::Run;

use super::bench::{Bench, failures, whole};
use super::server::{Act, Server, ok};

fn scenario(step: &str) -> String {
    format!(
        "load: {{users: 3, hold: 400ms}}\nthink: 10ms\nhttp: {{timeout: 300ms, headers: {{x-id: '${{user.id}} ${{iteration}}'}}}}\ntasks: [{{steps: [{step}]}}]\n"
    )
}

/// How often the server received each request.
fn copies(server: &Server) -> BTreeMap<String, u64> {
    let mut copies = BTreeMap::new();
    for request in server.received() {
        *copies.entry(request.header("x-id").to_owned()).or_default() += 1;
    }
    copies
}

/// Reads the second request of each connection, and closes without a word.
fn closes_on_the_second(step: &str) -> (Run, Server) {
    let server = Server::start(|request| if request.turn == 1 { vec![Act::Close] } else { ok() });
    let run = Bench::new().run(&server, &scenario(step));
    (run, server)
}

#[test]
fn a_get_on_a_connection_that_was_closed_is_sent_once_more_and_counted_as_retried() {
    let (run, server) = closes_on_the_second("{get: /}");
    let counts = whole(&run, "GET /").counts;
    let closed = server.received().iter().filter(|request| request.turn == 1).count() as u64;
    assert!(closed > 5);
    assert_eq!((counts.ok, counts.retried), (counts.requests, closed));
    assert_eq!(server.received().len() as u64, counts.requests + closed);
    assert!(copies(&server).values().all(|count| *count <= 2));
}

#[test]
fn a_post_that_the_server_has_seen_is_never_sent_twice() {
    for step in ["{post: /, json: {a: 1}}", "{put: /, body: x}", "{delete: /}", "{patch: /, body: x}"] {
        let (run, server) = closes_on_the_second(step);
        let closed = server.received().iter().filter(|request| request.turn == 1).count() as u64;
        assert!(closed > 5, "{step}");
        assert!(copies(&server).values().all(|count| *count == 1), "{step}");
        assert_eq!((run.generator.sent, failures(&run, Reset)), (server.received().len() as u64, closed), "{step}");
    }
}

#[test]
fn a_post_after_its_connection_was_closed_goes_out_on_a_new_one() {
    let server = Server::start(|_| [ok(), vec![Act::Close]].concat());
    let run = Bench::new().run(&server, &scenario("{post: /, json: {a: 1}}"));
    assert_eq!((run.generator.failed, run.generator.sent), (0, server.received().len() as u64));
    assert!(copies(&server).values().all(|count| *count == 1));
    assert_eq!(server.connections(), run.generator.sent);
    assert_eq!(run.generator.connections_opened, run.generator.sent);
}

#[test]
fn a_get_on_a_new_connection_is_not_sent_again() {
    let server = Server::start(|_| vec![Act::Close]);
    let run = Bench::new().run(&server, &scenario("{get: /}"));
    assert_eq!(failures(&run, Reset), run.generator.sent);
    assert_eq!((whole(&run, "GET /").counts.retried, server.received().len() as u64), (0, run.generator.sent));
}

#[test]
fn a_get_is_sent_at_most_twice_and_the_second_time_is_told_even_if_it_is_not_answered() {
    let server = Server::start(|request| match (request.connection, request.turn) {
        (0, 0) => ok(),
        (0, _) => vec![Act::Close],
        _ => vec![Act::Hang],
    });
    let run = Bench::new().run(&server, &scenario("{get: /}").replace("users: 3", "users: 1"));
    let counts = whole(&run, "GET /").counts;
    assert_eq!((counts.failures.of(Timeout), counts.retried), (counts.requests - 1, 1));
    assert_eq!(server.received().len() as u64, counts.requests + 1);
}

#[test]
fn what_a_server_says_unasked_is_never_the_answer_to_the_next_request() {
    let farewell = || Act::Send(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_vec());
    let server = Server::start(move |_| [ok(), vec![Act::Wait(Duration::from_millis(30)), farewell(), Act::Close]].concat());
    for step in ["{get: /}", "{post: /, json: {a: 1}}"] {
        let run = Bench::new().run(&server, &scenario(step).replace("think: 10ms", "think: 90ms"));
        assert!(run.generator.sent > 6, "{step}");
        assert_eq!((run.generator.failed, run.generator.connections_opened), (0, run.generator.sent), "{step}");
    }
}

#[test]
fn a_connection_with_more_on_it_than_the_answer_is_closed_and_another_is_counted() {
    let server = Server::start(|_| vec![Act::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}{}".to_vec())]);
    let run = Bench::new().run(&server, &scenario("{get: /}"));
    assert!(run.generator.sent > 6 && run.generator.failed == 0);
    assert_eq!((run.generator.connections_opened, server.connections()), (run.generator.sent, run.generator.sent));
}
