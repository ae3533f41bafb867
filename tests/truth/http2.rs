//! HTTP/2 tells the same truth as HTTP/1.1, on connections that carry many requests.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use perfgate::load::{CertificateCheck, preflight};
use perfgate::run::FailureClass;

use super::bench::Bench;

/// What an HTTP/2 server (prior knowledge, no TLS) has seen.
#[derive(Default)]
struct Seen {
    connections: AtomicU64,
    open: AtomicU64,
    most_open: AtomicU64,
    answers: Mutex<BTreeMap<(String, u16), u64>>,
    cookies: Mutex<Vec<String>>,
}

fn serve() -> (SocketAddr, Arc<Seen>) {
    serve_for(Duration::from_secs(60))
}

/// Closes each connection after so long, whatever is under way.
fn serve_for(life: Duration) -> (SocketAddr, Arc<Seen>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Seen::default());
    let kept = Arc::clone(&seen);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                kept.connections.fetch_add(1, Ordering::Relaxed);
                kept.most_open.fetch_max(kept.open.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    let seen = Arc::clone(&kept);
                    let service = hyper::service::service_fn(move |request| answer(Arc::clone(&seen), request));
                    let mut connection = std::pin::pin!(
                        hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service)
                    );
                    let _ = tokio::time::timeout(life, connection.as_mut()).await;
                    // Before the other side can see the end of it.
                    kept.open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
    });
    (address, seen)
}

async fn answer(seen: Arc<Seen>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let label = format!("{} {}", request.method(), request.uri().path());
    if let Some(cookie) = request.headers().get("cookie") {
        seen.cookies.lock().unwrap().push(cookie.to_str().unwrap().to_owned());
    }
    let (status, body) = match label.as_str() {
        "GET /broken" => (500, Bytes::new()),
        "GET /never" => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            (200, Bytes::new())
        }
        "POST /echo" => (201, request.into_body().collect().await.unwrap().to_bytes()),
        _ => (200, Bytes::from_static(b"{\"id\": 7}")),
    };
    *seen.answers.lock().unwrap().entry((label, status)).or_default() += 1;
    Ok(Response::builder().status(StatusCode::from_u16(status).unwrap()).header("set-cookie", "sid=1").body(Full::new(body)).unwrap())
}

#[test]
fn http2_requests_are_counted_as_the_server_counts_them() {
    let (address, seen) = serve();
    let bench = Bench::new();
    let rest = "ready: /health\nhttp: {version: 2}\nload: {users: 4, hold: 700ms}\nthink: 2ms\ntasks:\n  - steps:\n      \
                - {get: /item, save: {id: $.id}}\n      - {post: /echo, json: {id: '${id}'}, expect: {status: 201, body: '{\"id\":7}'}}\n      \
                - get: /broken\n";
    let scenario = bench.scenario(&format!("http://{address}"), rest);
    let endpoints = preflight(&scenario, CertificateCheck::Required, &bench.abort).unwrap();
    let before = seen.connections.load(Ordering::Relaxed);
    let run = bench.drive_to(endpoints, scenario).run;
    let answers = seen.answers.lock().unwrap();
    for (endpoint, status) in [("GET /item", 200), ("POST /echo", 201), ("GET /broken", 500)] {
        let measured = run.endpoints.iter().find(|measured| measured.name == endpoint).unwrap();
        let counted: u64 = measured.phases.iter().filter_map(|series| series.statuses.get(&status)).sum();
        assert!(counted > 50, "{endpoint}");
        assert_eq!(answers.get(&(endpoint.to_owned(), status)), Some(&counted), "{endpoint}");
    }
    assert_eq!(run.generator.failed, answers[&("GET /broken".to_owned(), 500)]);
    assert_eq!(seen.connections.load(Ordering::Relaxed) - before, 4, "one connection for each user");
    assert!(seen.cookies.lock().unwrap().iter().all(|cookie| cookie == "sid=1"));
}

#[test]
fn shared_http2_connections_carry_many_requests_at_once() {
    let (address, seen) = serve();
    let run = Bench::new()
        .drive(address, "http: {version: 2, timeout: 2s}\nconnections: {shared: 2}\nload: {users: 30, hold: 600ms}\nthink: 5ms\ntasks: [{steps: [{get: /item}]}]\n")
        .run;
    assert_eq!(run.generator.failed, 0);
    assert!(run.generator.ok > 500, "{}", run.generator.ok);
    assert_eq!(seen.connections.load(Ordering::Relaxed), 2);
}

#[test]
fn an_http2_answer_that_does_not_come_is_a_time_out() {
    let (address, _) = serve();
    let run = Bench::new()
        .drive(address, "http: {version: 2, timeout: 300ms}\nload: {users: 2, hold: 500ms}\ntasks: [{steps: [{get: /never}]}]\n")
        .run;
    let failures = run.endpoints[0].phases[0].failures;
    assert!(failures.of(FailureClass::Timeout) >= 2 && failures.total() == failures.of(FailureClass::Timeout));
}

#[test]
fn no_more_connections_are_open_than_are_shared_even_where_they_break() {
    let (address, seen) = serve_for(Duration::from_millis(60));
    let rest = "http: {version: 2, timeout: 2s}\nconnections: {shared: 2}\nload: {users: 30, hold: 900ms}\nthink: 2ms\ntasks: [{steps: [{get: /item}]}]\n";
    let run = Bench::new().drive(address, rest).run;
    assert!(seen.connections.load(Ordering::Relaxed) > 6 && run.generator.ok > 100, "{:?}", run.generator);
    assert_eq!(run.generator.connections_opened, seen.connections.load(Ordering::Relaxed));
    assert_eq!(seen.most_open.load(Ordering::Relaxed), 2);
}
