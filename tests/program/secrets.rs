//! No secret leaves by a report: a value of the environment reaches the server it is meant for, and nobody else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::{Ended, Reply, Server, Workspace};

/// With characters that every encoding changes.
const SECRET: &str = "c4nary/s3cr3t+w0rd?\"x";

const SCENARIO: &str = r#"
version: 1
name: shop
target: TARGET
env: [SHOP_SECRET]
load: {users: 10, hold: 1s}
think: 20ms
start:
  - post: /auth/token
    json: {password: "${env.SHOP_SECRET}"}
tasks:
  - steps:
      - get: /api/products
        query: {key: "${env.SHOP_SECRET}"}
        headers: {authorization: "Bearer ${env.SHOP_SECRET}"}
        expect: {json: {"$.key": "${env.SHOP_SECRET}"}}
      - get: /api/orders/${env.SHOP_SECRET}
        auth: {basic: {username: shop, password: "${env.SHOP_SECRET}"}}
      - post: /api/forms
        form: {key: "${env.SHOP_SECRET}"}
"#;

/// The secret as it is written in different places.
fn spellings() -> Vec<String> {
    let percent = |unreserved: &str| {
        let encoded = |c: char| {
            if c.is_ascii_alphanumeric() || unreserved.contains(c) { c.to_string() } else { format!("%{:02X}", c as u32) }
        };
        SECRET.chars().map(encoded).collect::<String>()
    };
    let json = serde_json::to_string(SECRET).unwrap();
    let mut spellings = vec![SECRET.to_owned(), json[1..json.len() - 1].to_owned(), percent(""), percent("/"), percent("/?+")];
    spellings.extend([SECRET.to_owned(), format!("shop:{SECRET}")].map(|text| STANDARD.encode(text)));
    // Where something stands before it, the encoding begins at another bit.
    spellings.extend(["x", "xx"].map(|before| STANDARD.encode(format!("{before}{SECRET}"))[4..20].to_owned()));
    spellings.push("c4nary".to_owned());
    spellings
}

#[track_caller]
fn clean(what: &str, text: &str) {
    for spelling in spellings() {
        assert!(!text.contains(&spelling), "{what} holds the secret as `{spelling}`:\n{text}");
    }
}

#[track_caller]
fn clean_end(what: &str, ended: &Ended) {
    clean(&format!("standard output of {what}"), &ended.stdout);
    clean(&format!("standard error of {what}"), &ended.stderr);
}

#[test]
fn a_secret_reaches_the_server_and_no_file_or_stream() {
    let server = Server::start(|request| match request.line.split(['/', '?']).nth(2) {
        Some("orders") => Reply::Answer { status: 500, body: request.text.clone(), after: std::time::Duration::ZERO },
        _ => Reply::json(&serde_json::json!({"key": request.text}).to_string()),
    });
    let mut workspace = Workspace::with_shop(&server.url());
    workspace.set_variable("SHOP_SECRET", SECRET);
    workspace.write("shop.yaml", SCENARIO.replace("TARGET", &server.url()).trim_start());
    for (arguments, code) in [
        ("check shop.yaml", 1),
        ("judge perfgate-out --format json", 1),
        ("report perfgate-out --format markdown", 0),
        ("run shop.yaml --out run", 0),
        ("report run --format json", 0),
        ("baseline refresh shop.yaml", 3),
        ("baseline list", 0),
        ("validate shop.yaml", 0),
        ("check shop.yaml --target https://staging.example", 7),
        ("check shop.yaml --baseline gone.json", 5),
    ] {
        clean_end(arguments, &workspace.perfgate(arguments).with(code));
    }
    let heard: String = server.remembered().into_iter().map(|request| request.text).collect();
    assert!(heard.contains(&format!("Bearer {SECRET}")) && heard.contains(&STANDARD.encode(format!("shop:{SECRET}"))), "{heard}");
    for path in workspace.all_files() {
        clean(&path.display().to_string(), &String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
    }
}

#[test]
fn a_secret_is_not_in_the_error_about_a_file_that_uses_it() {
    let server = Server::healthy();
    let mut workspace = Workspace::with_shop(&server.url());
    workspace.set_variable("SHOP_SECRET", SECRET);
    workspace.set_variable("PERFGATE_TARGET", &format!("https://me:{}@staging.example", "c4nary"));
    clean_end("a target with a password", &workspace.perfgate("check shop.yaml").with(2));
    workspace.set_variable("PERFGATE_TARGET", &server.url());
    for (from, to) in [
        ("{get: /api/products}", "{get: \"/${env.SHOP_SECRET}\", expcet: 200}"),
        ("expcet: 200", "headers: {authorization: \"${env.SHOP_SECRET}\", host: x}"),
    ] {
        workspace.edit("shop.yaml", from, to);
        clean_end(to, &workspace.perfgate("check shop.yaml").with(2));
        if !workspace.read("shop.yaml").contains("env:") {
            workspace.append("shop.yaml", "env: [SHOP_SECRET]");
        }
        clean_end(to, &workspace.perfgate("check shop.yaml").with(2));
    }
}
