//! The shop over a real socket, by a small client of its own: what each endpoint answers, that the books are exact, and
//! that each regression moves what it is named after.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::*;

async fn start(regression: Option<Regression>) -> DemoServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    DemoServer::start(listener, DemoOptions { regression, seed: 1 }).await.unwrap()
}

/// One keep-alive connection with its token and cart cookie.
struct Client {
    stream: BufReader<TcpStream>,
    token: Option<String>,
    cart: Option<String>,
    /// Status and milliseconds of every answer, by `METHOD path`.
    answers: BTreeMap<String, Vec<(u16, f64)>>,
}

impl Client {
    async fn connect(server: &DemoServer) -> Self {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), token: None, cart: None, answers: BTreeMap::new() }
    }

    async fn signed_in(server: &DemoServer, username: &str) -> Self {
        let mut client = Self::connect(server).await;
        let (status, answer) = client.post("/auth/token", &format!(r#"{{"username": "{username}", "password": "demo"}}"#)).await;
        assert_eq!(status, 200);
        client.token = Some(answer["access_token"].as_str().unwrap().to_owned());
        client
    }

    async fn get(&mut self, path: &str) -> (u16, Value) {
        self.ask("GET", path, "").await
    }

    async fn post(&mut self, path: &str, body: &str) -> (u16, Value) {
        self.ask("POST", path, body).await
    }

    async fn ask(&mut self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let token = self.token.as_ref().map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let cart = self.cart.as_ref().map(|cart| format!("cookie: theme=dark; {cart}\r\n")).unwrap_or_default();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\n{token}{cart}content-length: {length}\r\n\r\n"
        );
        let started = Instant::now();
        self.stream.get_mut().write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let (status, body) = self.read_answer().await;
        let millis = started.elapsed().as_secs_f64() * 1000.0;
        let path = path.split('?').next().unwrap();
        self.answers.entry(format!("{method} {path}")).or_default().push((status, millis));
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn read_answer(&mut self) -> (u16, Vec<u8>) {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut length = 0;
        while line != "\r\n" {
            line.clear();
            assert_ne!(self.stream.read_line(&mut line).await.unwrap(), 0);
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            if let Some(cookie) = line.strip_prefix("set-cookie: ") {
                self.cart = cookie.split(';').next().map(str::to_owned);
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        (status, body)
    }
}

/// `clients` at once, each asking `path` `times` times: all latencies (ms), ascending.
async fn ask_often(server: &DemoServer, clients: usize, times: usize, path: &'static str) -> Vec<f64> {
    let mut asking = Vec::new();
    for _ in 0..clients {
        let mut client = Client::connect(server).await;
        asking.push(tokio::spawn(async move {
            for _ in 0..times {
                assert_eq!(client.get(path).await.0, 200);
            }
            client.answers.remove(path_label(path).as_str()).unwrap()
        }));
    }
    let mut latencies = Vec::new();
    for answers in asking {
        latencies.extend(answers.await.unwrap().into_iter().map(|(_, millis)| millis));
    }
    latencies.sort_by(f64::total_cmp);
    latencies
}

fn path_label(path: &str) -> String {
    format!("GET {}", path.split('?').next().unwrap())
}

/// `clients` at once, each buying `times` times: status and latency of every answer.
async fn buy_often(server: &DemoServer, clients: usize, times: usize) -> BTreeMap<String, Vec<(u16, f64)>> {
    let mut buying = Vec::new();
    for _ in 0..clients {
        let mut client = Client::signed_in(server, "user007").await;
        buying.push(tokio::spawn(async move {
            for _ in 0..times {
                client.post("/api/cart", r#"{"id": "p-017"}"#).await;
                client.post("/api/checkout", "").await;
            }
            client.answers
        }));
    }
    let mut answers: BTreeMap<String, Vec<(u16, f64)>> = BTreeMap::new();
    for client in buying {
        for (endpoint, more) in client.await.unwrap() {
            answers.entry(endpoint).or_default().extend(more);
        }
    }
    answers
}

fn at(sorted: &[f64], percent: usize) -> f64 {
    sorted[sorted.len() * percent / 100]
}

fn median_of(answers: &[(u16, f64)]) -> f64 {
    let mut latencies: Vec<f64> = answers.iter().map(|(_, millis)| *millis).collect();
    latencies.sort_by(f64::total_cmp);
    at(&latencies, 50)
}

#[test]
fn every_regression_is_found_by_its_name_and_no_other_is() {
    for regression in Regression::ALL {
        assert_eq!(regression.name().parse(), Ok(regression));
    }
    let error = "slow".parse::<Regression>().unwrap_err().to_string();
    assert_eq!(error, "unknown regression `slow`: allowed are missing-index, n-plus-one, small-pool, slow-dependency, errors");
}

#[tokio::test]
async fn products_are_listed_shown_and_searched() {
    let server = start(None).await;
    let mut client = Client::connect(&server).await;
    assert_eq!(client.get("/health").await.1, serde_json::json!({"status": "ok", "version": "2.3.0"}));

    let (status, page) = client.get("/api/products?page=2").await;
    assert_eq!((status, page["total"].as_u64(), page["items"].as_array().unwrap().len()), (200, Some(300), 20));
    assert_eq!(client.get("/api/products").await.1["items"][0]["id"], "p-001");
    let (status, product) = client.get("/api/products/p-021").await;
    assert_eq!((status, &product), (200, &page["items"][0]));
    assert!(product["price"].is_number() && product["name"].is_string());

    let (_, found) = client.get("/api/search?q=oak").await;
    assert_eq!((found["total"].as_u64(), &found["items"][0]["name"]), (Some(20), &Value::from("oak table")));
    let (_, team) = client.get("/api/teams/t-02/members").await;
    assert_eq!((team["total"].as_u64(), &team["items"][0]["username"]), (Some(12), &Value::from("user013")));
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_is_refused_with_a_reason() {
    let server = start(None).await;
    let mut client = Client::connect(&server).await;
    for (method, path, body, expected) in [
        ("GET", "/api/products/p-999", "", 404),
        ("GET", "/api/products?page=two", "", 400),
        ("GET", "/api/teams/t-99/members", "", 404),
        ("GET", "/api/orders/o-1", "", 404),
        ("GET", "/api/orders/%F0%9F%9B%92", "", 404),
        ("GET", "/nowhere", "", 404),
        ("DELETE", "/api/cart", "", 405),
        ("POST", "/auth/token", r#"{"username": "user001", "password": "guess"}"#, 401),
        ("POST", "/auth/token", r#"{"username": "nobody", "password": "demo"}"#, 401),
        ("POST", "/auth/token", "{", 400),
        ("POST", "/api/cart", r#"{"id": "p-001"}"#, 401),
        ("GET", "/api/cart", "", 401),
        ("POST", "/api/checkout", "", 401),
    ] {
        assert_eq!(client.ask(method, path, body).await.0, expected, "{method} {path}");
    }
    assert_eq!(server.books().answered_with("GET (no such path)", 404), 1);
    assert_eq!(server.books().total(), 13);
    server.stop().await;
}

#[tokio::test]
async fn a_user_signs_in_fills_a_cart_and_buys_it_once() {
    let server = start(None).await;
    let mut client = Client::signed_in(&server, "user025").await;
    assert_eq!(client.post("/api/checkout", "").await.0, 409);
    assert_eq!(client.get("/api/cart").await.1["items"], serde_json::json!([]));
    assert_eq!(client.post("/api/cart", r#"{"id": "p-001"}"#).await.0, 201);
    assert_eq!(client.post("/api/cart", r#"{"id": "p-002"}"#).await.0, 201);
    assert_eq!(client.post("/api/cart", r#"{"id": "p-000"}"#).await.0, 404);
    assert_eq!(client.get("/api/cart").await.1["items"].as_array().unwrap().len(), 2);

    let (status, order) = client.post("/api/checkout", "").await;
    assert_eq!((status, &order["id"], order["items"].as_u64()), (201, &Value::from("o-1"), Some(2)));
    assert_eq!(client.get("/api/orders/o-1").await, (200, order));
    assert_eq!(client.post("/api/checkout", "").await.0, 409);
    let books = server.books();
    assert_eq!((books.tokens_issued, books.carts_opened, books.orders_placed), (1, 1, 1));
    server.stop().await;
}

#[tokio::test]
async fn a_cart_belongs_to_the_user_who_opened_it() {
    let server = start(None).await;
    let mut owner = Client::signed_in(&server, "user001").await;
    owner.post("/api/cart", r#"{"id": "p-001"}"#).await;
    let mut other = Client::signed_in(&server, "user002").await;
    other.cart.clone_from(&owner.cart);
    assert_eq!(other.post("/api/checkout", "").await.0, 409);
    other.post("/api/cart", r#"{"id": "p-002"}"#).await;
    assert_ne!(other.cart, owner.cart);
    assert_eq!(owner.post("/api/checkout", "").await.0, 201);
    server.stop().await;
}

#[tokio::test]
async fn the_books_are_what_many_clients_together_counted() {
    let server = start(Some(Regression::Errors)).await;
    let answers = buy_often(&server, 20, 12).await;
    let mut counted: BTreeMap<String, BTreeMap<u16, u64>> = BTreeMap::new();
    for (endpoint, answers) in &answers {
        for (status, _) in answers {
            *counted.entry(endpoint.clone()).or_default().entry(*status).or_default() += 1;
        }
    }
    let books = server.books();
    assert_eq!(books.answers, counted);
    assert_eq!(books.tokens_issued, 20);
    assert_eq!(books.orders_placed, books.answered_with("POST /api/checkout", 201));

    let (_, shown) = Client::connect(&server).await.get("/admin/books").await;
    assert_eq!(shown, serde_json::to_value(&books).unwrap());
    assert_eq!(server.books(), books);
    server.stop().await;
}

#[tokio::test]
async fn stopping_closes_idle_connections_and_the_port() {
    let server = start(None).await;
    let (address, mut idle) = (server.address(), Client::connect(&server).await);
    idle.get("/health").await;
    let _never_used = TcpStream::connect(address).await.unwrap();
    let started = Instant::now();
    server.stop().await;
    assert!(started.elapsed() < STOP_GRACE, "{:?}", started.elapsed());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_missing_index_moves_the_p99_of_search_and_not_its_median() {
    let (healthy, slow) = tokio::join!(start(None), start(Some(Regression::MissingIndex)));
    let search = |server| ask_often(server, 20, 30, "/api/search?q=oak");
    let (before, after) = tokio::join!(search(&healthy), search(&slow));
    assert!(at(&after, 99) > 140.0, "{}", at(&after, 99));
    assert!(at(&after, 99) > 2.0 * at(&before, 99), "{} {}", at(&before, 99), at(&after, 99));
    assert!(at(&after, 50) < 1.3 * at(&before, 50), "{} {}", at(&before, 50), at(&after, 50));
}

#[tokio::test]
async fn n_plus_one_makes_the_members_of_a_team_three_times_slower() {
    let (healthy, slow) = tokio::join!(start(None), start(Some(Regression::NPlusOne)));
    let members = |server| ask_often(server, 10, 20, "/api/teams/t-07/members");
    let (before, after) = tokio::join!(members(&healthy), members(&slow));
    for percent in [50, 95] {
        assert!(at(&after, percent) > 2.0 * at(&before, percent), "{} {}", at(&before, percent), at(&after, percent));
    }
}

#[tokio::test]
async fn a_small_pool_queues_under_load_and_not_without() {
    let (healthy, slow) = tokio::join!(start(None), start(Some(Regression::SmallPool)));
    let calm = |server| ask_often(server, 3, 20, "/api/search?q=oak");
    let (before, after) = tokio::join!(calm(&healthy), calm(&slow));
    assert!(at(&after, 90) < 1.5 * at(&before, 90), "{} {}", at(&before, 90), at(&after, 90));

    let crowd = |server| ask_often(server, 20, 15, "/api/search?q=oak");
    let (before, after) = tokio::join!(crowd(&healthy), crowd(&slow));
    assert!(at(&after, 50) > 2.5 * at(&before, 50), "{} {}", at(&before, 50), at(&after, 50));
}

#[tokio::test]
async fn a_slow_dependency_is_seen_in_checkout_alone() {
    let (healthy, slow) = tokio::join!(start(None), start(Some(Regression::SlowDependency)));
    let (before, after) = tokio::join!(buy_often(&healthy, 8, 8), buy_often(&slow, 8, 8));
    let medians = |endpoint| (median_of(&before[endpoint]), median_of(&after[endpoint]));
    let (before, after) = medians("POST /api/checkout");
    assert!(after > before + 50.0, "{before} {after}");
    let (before, after) = medians("POST /api/cart");
    assert!(after < 1.5 * before, "{before} {after}");
}

#[tokio::test]
async fn errors_fail_some_checkouts_as_fast_as_ever() {
    let (healthy, broken) = tokio::join!(start(None), start(Some(Regression::Errors)));
    let (before, after) = tokio::join!(buy_often(&healthy, 25, 16), buy_often(&broken, 25, 16));
    let failed = |server: &DemoServer| server.books().answered_with("POST /api/checkout", 500);
    assert_eq!(failed(&healthy), 0);
    assert!((4..=40).contains(&failed(&broken)), "{}", failed(&broken));
    assert_eq!(healthy.books().answered_with("POST /api/checkout", 201), 400);
    let (before, after) = (median_of(&before["POST /api/checkout"]), median_of(&after["POST /api/checkout"]));
    assert!(after < 1.3 * before, "{before} {after}");
}
