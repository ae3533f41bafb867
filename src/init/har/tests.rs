use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::init::first_files;

fn entry(at: f64, method: &str, url: &str) -> Value {
    let seconds = format!("2026-11-20T12:00:{at:06.3}Z");
    json!({
        "startedDateTime": seconds, "time": 100.0,
        "request": {"method": method, "url": url, "headers": []},
        "response": {"status": 200, "headers": [], "content": {"mimeType": "application/json"}},
    })
}

fn with(mut entry: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    entry.pointer_mut(parent).unwrap()[key] = value;
    entry
}

fn header(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value})
}

fn drafted(entries: &[Value]) -> (String, Vec<String>) {
    let text = json!({"log": {"version": "1.2", "entries": entries}}).to_string();
    let mut draft = from_har("visit.har", &text, None, None).unwrap_or_else(|error| panic!("{error}"));
    let files = first_files(&mut draft).unwrap_or_else(|error| panic!("{error}"));
    (files.scenario, draft.notes)
}

const SHOP: &str = "https://staging.shop.example";

#[test]
fn a_visit_is_a_task_with_its_pauses() {
    let (scenario, _) = drafted(&[
        entry(3.0, "GET", &format!("{SHOP}/api/products/42?ref=a%20b")),
        entry(0.0, "GET", &format!("{SHOP}/api/products")),
        with(
            entry(5.6, "POST", &format!("{SHOP}/api/cart")),
            "/request/postData",
            json!({"mimeType": "application/json", "text": "{\"id\": 42}"}),
        ),
        with(entry(5.7, "GET", &format!("{SHOP}/old")), "/response/status", json!(302)),
    ]);
    let steps = scenario.split("    steps:\n").nth(1).unwrap();
    assert_eq!(
        steps,
        "      - get: /api/products\n        think: 2.9s\n      - get: /api/products/42\n        name: /api/products/:id\n        query: {ref: a b}\n        \
         think: 2.5s\n      - post: /api/cart\n        json: {id: 42}\n      - get: /old\n        expect: 302\n"
    );
    assert!(scenario.contains("name: shop\ntarget: https://staging.shop.example\n"), "{scenario}");
}

#[test]
fn static_files_foreign_hosts_and_errors_are_left_out_and_named() {
    let (scenario, notes) = drafted(&[
        entry(0.0, "GET", &format!("{SHOP}/api/a")),
        entry(0.1, "GET", &format!("{SHOP}/logo.png")),
        with(entry(0.2, "GET", &format!("{SHOP}/style")), "/_resourceType", json!("stylesheet")),
        entry(0.3, "GET", "https://ads.example/pixel"),
        with(entry(0.4, "GET", &format!("{SHOP}/api/broken")), "/response/status", json!(500)),
        with(entry(0.5, "GET", &format!("{SHOP}/api/blocked")), "/response/status", json!(0)),
        entry(0.6, "OPTIONS", &format!("{SHOP}/api/a")),
        entry(0.7, "GET", "data:text/plain,x"),
        entry(0.8, "PROPFIND", &format!("{SHOP}/api/a")),
    ]);
    assert_eq!(scenario.matches("- get: ").count(), 1, "{scenario}");
    for part in [
        "2 requests for static files",
        "https://ads.example (1)",
        "1 requests that were answered with an error",
        "got no answer",
        "data, blob",
    ] {
        assert!(notes.iter().any(|note| note.contains(part)), "{part}: {notes:#?}");
    }
}

/// Every way in which a recording holds secrets; each value must be gone.
#[test]
fn no_secret_of_the_visit_is_copied() {
    const SECRETS: [&str; 9] = [
        "hunter2hunter2",
        "jo@shop.example",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "key-9f86d081884c",
        "sess-0a1b2c3d4e5f",
        "csrf-77aa88bb99cc",
        "dXNlcjpwYXNz",
        "4111111111111111",
        "rEs3tT0k3nV4lu3W1thN01se",
    ];
    let [password, user, jwt, key, session, csrf, basic, card, path] = SECRETS;
    let login = with(
        entry(0.0, "POST", &format!("{SHOP}/api/login")),
        "/request/postData",
        json!({"mimeType": "application/json", "text": json!({"email": user, "password": password}).to_string()}),
    );
    let login = with(login, "/response/content/text", json!(json!({"data": {"access_token": jwt}}).to_string()));
    let login = with(login, "/request/headers", json!([header("Cookie", &format!("sid={session}; _ga=1")), header("X-CSRF-Token", csrf)]));
    let own = with(
        entry(1.0, "GET", &format!("{SHOP}/api/me?api_key={key}&who={password}")),
        "/request/headers",
        json!([header("Authorization", &format!("Bearer {jwt}"))]),
    );
    let pay = with(
        entry(2.0, "POST", &format!("{SHOP}/api/pay")),
        "/request/postData",
        json!({"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "card_number", "value": card}, {"name": "qty", "value": "2"}]}),
    );
    let old = with(
        entry(3.0, "GET", &format!("{SHOP}/reset/{path}")),
        "/request/headers",
        json!([header("Authorization", &format!("Basic {basic}"))]),
    );
    let soap = with(
        entry(4.0, "POST", &format!("{SHOP}/soap")),
        "/request/postData",
        json!({"mimeType": "text/xml", "text": format!("<a><password>{password}</password></a>")}),
    );
    let (scenario, notes) = drafted(&[login, own, pay, old, soap]);
    for secret in SECRETS {
        assert!(!scenario.contains(secret) && !notes.join("\n").contains(secret), "{secret}\n{scenario}\n{notes:#?}");
    }
    for part in [
        "json: {email: \"${env.STAGING_USERNAME}\", password: \"${env.STAGING_PASSWORD}\"}",
        "save: {access_token: $.data.access_token}",
        "headers: {authorization: \"Bearer ${access_token}\"}",
        "who: \"${env.STAGING_PASSWORD}\"",
        "form: {card_number: \"${env.STAGING_CARD_NUMBER}\", qty: \"2\"}",
        "/reset/${env.STAGING_PATH}\n        name: /reset/:id",
        "cookie: \"${env.STAGING_COOKIE}\"",
    ] {
        assert!(scenario.contains(part), "{part}\n{scenario}");
    }
    assert!(notes.iter().any(|note| note.contains("brought cookies along (sid)")), "{notes:#?}");
}

#[test]
fn texts_of_the_page_are_taken_literally() {
    let (scenario, _) = drafted(&[with(
        entry(0.0, "POST", &format!("{SHOP}/api/${{x}}/graphql?q=${{env.HOME}}")),
        "/request/postData",
        json!({"mimeType": "application/json", "text": json!({"operationName": "GetCart", "query": "{a(b: \"${c}\")}"}).to_string()}),
    )]);
    assert!(scenario.contains("$${c}") && scenario.contains("$${env.HOME}") && scenario.contains("graphql GetCart"), "{scenario}");
}

#[test]
fn long_pauses_and_long_visits_are_cut() {
    let (scenario, notes) = drafted(&[entry(0.0, "GET", &format!("{SHOP}/a")), entry(59.0, "GET", &format!("{SHOP}/b"))]);
    assert!(scenario.contains("think: 30s") && notes.iter().any(|note| note.contains("the longest was 59 s")), "{scenario}");
    let many: Vec<Value> = (0..MAX_STEPS + 5).map(|number| entry(1.0, "GET", &format!("{SHOP}/p/{number}"))).collect();
    assert!(drafted(&many).1.iter().any(|note| note.contains("only the first 200 of 205 requests")));
}

#[test]
fn what_is_no_recording_is_told_apart() {
    let fails = |text: &str| from_har("x.har", text, None, None).unwrap_err().to_string();
    assert_eq!(fails("{\"openapi\": \"3.0.0\"}"), "x.har is not a HAR file");
    assert!(fails("{\"log\": {\"entries\": [").starts_with("x.har is not JSON: EOF"));
    assert!(fails("{\"log\": {\"entries\": []}}").starts_with("x.har has nothing to ask"));
    assert!(fails(&format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000))).contains("x.har is not"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_was_visited_the_draft_reads(
        paths in prop::collection::vec("[ -~é]{0,12}", 1..5), names in prop::collection::vec("\\PC{0,8}", 1..5), body in "\\PC{0,30}", media in "(application/json|text/xml|multipart/form-data|application/x-www-form-urlencoded|)"
    ) {
        let entries: Vec<Value> = paths.iter().zip(names.iter().cycle()).map(|(path, name)| {
            let entry = with(entry(1.0, "POST", &format!("{SHOP}/{path}")), "/request/headers", json!([header(name, &body), header("x-a", &body)]));
            with(entry, "/request/postData", json!({"mimeType": media, "text": body, "params": [{"name": name, "value": body}]}))
        }).collect();
        let text = json!({"log": {"entries": entries}}).to_string();
        if let Ok(mut draft) = from_har("x.har", &text, None, None) {
            let files = first_files(&mut draft);
            prop_assert!(files.is_ok(), "{}\n{}", files.unwrap_err(), crate::init::write::scenario_yaml(&draft));
        }
    }
}
