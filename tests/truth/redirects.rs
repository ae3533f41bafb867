//! Redirects: not followed unless asked, and never to another host.

use perfgate::run::FailureClass::Status;
use perfgate::run::Run;

use super::bench::{Bench, failures};
use super::server::{Act, Received, Server, ok, reply_with};

fn moved(status: u16, location: &str) -> Vec<Act> {
    reply_with(status, &[("location", location)], b"")
}

/// One user who asks a step as often as it can in a moment.
fn run(server: &Server, redirects: u32, step: &str) -> Run {
    let http = format!("http: {{redirects: {redirects}, headers: {{authorization: Bearer secret}}}}");
    Bench::new().run(server, &format!("load: {{users: 1, hold: 100ms}}\nthink: 30ms\n{http}\ntasks: [{{steps: [{step}]}}]\n"))
}

fn targets(server: &Server) -> Vec<String> {
    server.received().iter().map(|request| format!("{} {}", request.method, request.target)).collect()
}

/// `/a` leads to `/b`, and so on to `/e`.
fn chain(request: &Received) -> Vec<Act> {
    match request.target.as_str() {
        "/e" => ok(),
        path => moved(302, &format!("/{}", char::from(path.as_bytes()[1] + 1))),
    }
}

#[test]
fn a_redirect_is_not_followed_unless_asked() {
    let server = Server::start(chain);
    let run = run(&server, 0, "{get: /a}");
    assert_eq!(failures(&run, Status), run.generator.sent);
    assert!(targets(&server).iter().all(|target| target == "GET /a"));
}

#[test]
fn as_many_redirects_are_followed_as_asked_and_one_request_is_counted() {
    let server = Server::start(chain);
    let three = run(&server, 3, "{get: /b}");
    assert_eq!((three.generator.failed, three.endpoints[0].phases[0].statuses.keys().copied().collect::<Vec<_>>()), (0, vec![200]));
    assert_eq!(server.received().len() as u64, three.generator.sent * 4);
    let server = Server::start(chain);
    let too_far = run(&server, 3, "{get: /a}");
    assert_eq!(failures(&too_far, Status), too_far.generator.sent);
    assert!(!targets(&server).contains(&"GET /e".to_owned()));
}

#[test]
fn a_redirect_never_leads_to_another_host_and_takes_no_header_there() {
    let other = Server::start(|_| ok());
    let address = other.address;
    let port = address.port();
    for location in [
        format!("http://{address}/steal"),
        format!("//{address}/steal"),
        format!("http://localhost:{port}/steal"),
        format!("https://{address}/steal"),
        format!("http://user:password@{address}/steal"),
        "http://[::1/".to_owned(),
        "javascript:alert(1)".to_owned(),
    ] {
        let elsewhere = location.clone();
        let server = Server::start(move |_| moved(302, &elsewhere));
        let run = run(&server, 5, "{get: /a}");
        assert_eq!(failures(&run, Status), run.generator.sent, "{location}");
        assert!(targets(&server).iter().all(|target| target == "GET /a"), "{location}");
    }
    assert_eq!((other.connections(), other.received().len()), (0, 0));
}

#[test]
fn the_method_and_the_body_follow_the_status() {
    for (status, step, expected, body) in [
        (302, "{post: /a, body: x}", "GET /z", ""),
        (303, "{put: /a, body: x}", "GET /z", ""),
        (307, "{post: /a, body: x}", "POST /z", "x"),
        (308, "{put: /a, body: x}", "PUT /z", "x"),
        (301, "{head: /a}", "HEAD /z", ""),
    ] {
        let server = Server::start(move |request| if request.target == "/z" { reply_with(200, &[], b"") } else { moved(status, "/z") });
        let run = run(&server, 1, step);
        assert_eq!(run.generator.failed, 0, "{step}");
        let last = server.received().pop().unwrap();
        assert_eq!((last.label().as_str(), last.body.as_str()), (expected, body), "{status}");
        assert_eq!(last.header("authorization"), "Bearer secret", "the same host may see what it was sent before");
    }
}

#[test]
fn a_redirected_answer_is_looked_into() {
    let server = Server::start(|request| if request.target == "/z" { reply_with(200, &[], br#"{"id": 7}"#) } else { moved(302, "/z") });
    for step in ["{get: /a, expect: {json: {'$.id': 7}}}", "{get: /a, save: {id: $.id}}"] {
        assert_eq!(run(&server, 1, step).generator.failed, 0, "{step}");
    }
}

#[test]
fn a_redirect_after_a_redirect_starts_from_the_method_of_the_first() {
    let server = Server::start(|request| match request.target.as_str() {
        "/a" => moved(303, "/b"),
        "/b" => moved(307, "/c"),
        _ => ok(),
    });
    run(&server, 2, "{post: /a, body: x}");
    assert_eq!(targets(&server)[..3], ["POST /a", "GET /b", "GET /c"]);
}

#[test]
fn a_relative_redirect_starts_from_the_path_that_was_asked() {
    let server = Server::start(|request| if request.target.ends_with("/next") { ok() } else { moved(302, "next") });
    let run = run(&server, 1, "{get: '/shop/${iteration}/first', name: /first}");
    assert_eq!(run.generator.failed, 0);
    assert_eq!(targets(&server)[..2], ["GET /shop/1/first", "GET /shop/1/next"]);
}

#[test]
fn a_redirect_resends_the_same_bytes_whatever_was_drawn_for_them() {
    for status in [307, 308, 303] {
        let server = Server::start(move |request| if request.target == "/z" { ok() } else { moved(status, "/z") });
        run(&server, 1, "{post: /a, body: '${uuid()}', headers: {x-id: '${uuid()}', x-size: '${random_int(1, 1000000)}'}}");
        let received = server.received();
        for pair in received.chunks(2).filter(|pair| pair.len() == 2) {
            let of = |request: &Received| (request.header("x-id").to_owned(), request.header("x-size").to_owned());
            assert_eq!(of(&pair[0]), of(&pair[1]), "{status}");
            assert_eq!(pair[1].body, if status == 303 { "" } else { &pair[0].body }, "{status}");
        }
        assert!(received.len() > 3 && received[0].header("x-id") != received[2].header("x-id"), "{status}");
    }
}
