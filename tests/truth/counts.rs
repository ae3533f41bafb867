//! What the Run counts for each endpoint and status is what the server counted, every time.

use std::collections::BTreeMap;

use perfgate::demo::{Books, DemoOptions, DemoServer};
use perfgate::load::{Abort, CertificateCheck, preflight};
use perfgate::run::Run;

use super::bench::{Bench, at_once};
use super::server::{Received, Server, after, reply};

pub type Counts = BTreeMap<String, BTreeMap<u16, u64>>;

/// Answers by endpoint and status, as the Run has them.
pub fn counted(run: &Run) -> Counts {
    let mut counts = Counts::new();
    for endpoint in &run.endpoints {
        for (status, count) in endpoint.phases.iter().flat_map(|series| &series.statuses) {
            *counts.entry(endpoint.name.clone()).or_default().entry(*status).or_default() += count;
        }
    }
    counts
}

/// The same, as the scripted server has them.
fn answered(received: &[Received]) -> Counts {
    let mut counts = Counts::new();
    for request in received {
        let (status, _) = request.answered.expect("everything was answered");
        *counts.entry(request.label()).or_default().entry(status).or_default() += 1;
    }
    counts
}

const LOADS: [&str; 5] = [
    "load: {users: 12, ramp: 300ms, warmup: 200ms, hold: 500ms}\nthink: 2ms..8ms\n",
    "load: {phases: [{for: 300ms, users: 1..9}, {for: 400ms, users: [9, 3, 12], measure: true}, {for: 300ms, users: 2, measure: false}]}\nthink: 3ms\n",
    "load: {rate: 400/s, ramp: 300ms, hold: 700ms}\n",
    "load: {rate: 300/s, arrivals: poisson, warmup: 300ms, hold: 700ms, max_in_flight: 50}\n",
    "load: {phases: [{for: 300ms, rate: 50/s..400/s}, {for: 300ms, rate: [100/s, 500/s]}, {for: 400ms, rate: 20/s}]}\n",
];

const STATUSES: &str = "http: {headers: {x-user: '${user.id}'}}
start: [{post: /login}]
tasks:
  - weight: 2
    steps: [{get: /ok}, {post: /made, json: {n: 1}}]
  - steps: [{get: '/missing?n=${iteration}', name: /missing}, {put: /broken, body: x}]
  - steps: [{get: /moved, expect: 302}, {delete: /gone}, {head: /ok}]
stop: [{post: /logout}]
";

#[test]
fn every_answer_of_a_scripted_server_is_counted_once_ten_times_out_of_ten() {
    let cases = LOADS.iter().flat_map(|load| [(load, 1), (load, 2)]);
    at_once(cases, |(load, threads)| {
        let server = Server::start(|request| match request.target.split('?').next().unwrap_or_default() {
            "/made" => reply(201, "{}"),
            "/missing" => reply(404, "{}"),
            "/broken" => after(3, reply(500, "{}")),
            "/moved" => reply(302, "{}"),
            "/gone" => reply(410, "{}"),
            _ if request.method == "HEAD" => reply(200, ""),
            _ => after(2, reply(200, "{}")),
        });
        let run = Bench::new().threads(threads).run(&server, &format!("{load}{STATUSES}"));
        let received = server.received();
        assert!(received.len() > 100, "{load}: {} requests", received.len());
        assert_eq!(run.generator.sent, received.len() as u64, "{load}");
        assert_eq!(counted(&run), answered(&received), "{load}");
        assert_eq!(run.generator.unfinished, 0, "{load}");
    });
}

/// A shop on a thread of its own, told to hand out its books.
pub fn with_shop<R>(drive: impl FnOnce(std::net::SocketAddr) -> R) -> (R, Books) {
    let (up, address) = std::sync::mpsc::channel();
    let (closing, closed) = tokio::sync::oneshot::channel::<()>();
    let shop = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let shop = DemoServer::start(listener, DemoOptions::default()).await.unwrap();
            up.send(shop.address()).unwrap();
            let _ = closed.await;
            let books = shop.books();
            shop.stop().await;
            books
        })
    });
    let driven = drive(address.recv().unwrap());
    drop(closing);
    (driven, shop.join().unwrap())
}

const SHOPPING: &str = "ready: /health
start:
  - post: /auth/token
    json: {username: user001, password: demo}
    save: {token: $.access_token}
tasks:
  - weight: 2
    steps:
      - get: /api/products
        query: {page: '${random_int(1, 10)}'}
        save: {product: '$.items[*].id random'}
      - {get: '/api/products/${product}', name: /api/products/:id}
  - steps: [{get: '/api/products/none', name: /api/products/:id}, {get: /api/search, query: {q: red}}]
  - steps:
      - {post: /api/cart, json: {id: p-001}}
      - {post: /api/cart, json: {id: p-001}, headers: {authorization: 'Bearer ${token}'}}
";

#[test]
fn what_the_shop_counted_is_what_the_run_counts() {
    at_once(LOADS, |load| {
        let load = load.replace("think: 3ms", "think: 8ms");
        let ((run, asked), books) = with_shop(|address| {
            let bench = Bench::new().threads(2);
            let scenario = bench.scenario(&format!("http://{address}"), &format!("{load}{SHOPPING}"));
            let endpoints = preflight(&scenario, CertificateCheck::Required, &Abort::default()).unwrap();
            (bench.drive_to(endpoints, scenario).run, 1)
        });
        let mut counts = counted(&run);
        counts.insert("GET /health".into(), BTreeMap::from([(200, asked)]));
        assert_eq!(counts, books.answers, "{load}");
        let saved = |label: &str, status| books.answered_with(label, status);
        assert!(
            books.orders_placed == 0
                && saved("GET /api/products/:id", 404) > 0
                && saved("POST /api/cart", 401) > 0
                && saved("GET /api/products", 200) > 0,
            "{load}"
        );
    });
}
