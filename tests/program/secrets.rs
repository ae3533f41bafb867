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
    let server = Server::start(|request| {
        match request.line.split(['/', '?']).nth(2) {
        Some("orders") => Reply::Answer { status: 500, body: request.text.clone(), after: std::time::Duration::ZERO },
        // The secret comes back in a header, where a redirect leads, and in a cookie.
        Some("forms") => Reply::Raw(
            format!("HTTP/1.1 302 {SECRET}\r\nlocation: http://{SECRET}/\r\nset-cookie: k={SECRET}\r\nx-key: {SECRET}\r\ncontent-length: 0\r\n\r\n")
                .into_bytes(),
        ),
        _ => Reply::json(&serde_json::json!({"key": request.text}).to_string()),
    }
    });
    let mut workspace = Workspace::with_shop(&server.url());
    workspace.set_variable("SHOP_SECRET", SECRET);
    // What makes other programs talkative.
    for (name, value) in [("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full"), ("RUST_LIB_BACKTRACE", "full"), ("SSLKEYLOGFILE", "keys")] {
        workspace.set_variable(name, value);
    }
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
        ("check shop.yaml --target http://127.0.0.1:1", 4),
        ("check shop.yaml --branch c4nary/s3cr3t+w0rd?\"x --environment c4nary%2Fs3cr3t%2Bw0rd%3F%22x --out named", 1),
    ] {
        clean_end(arguments, &workspace.perfgate(arguments).with(code));
    }
    let heard: String = server.remembered().into_iter().map(|request| request.text).collect();
    assert!(heard.contains(&format!("Bearer {SECRET}")) && heard.contains(&STANDARD.encode(format!("shop:{SECRET}"))), "{heard}");
    assert!(!workspace.has("keys"), "the keys of TLS were written down");
    for path in workspace.all_files() {
        clean(&path.display().to_string(), &String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
    }
}

/// A name of an endpoint stands in every report.
#[test]
fn a_secret_that_was_written_out_in_a_name_is_refused_and_not_repeated() {
    let server = Server::healthy();
    let mut workspace = Workspace::with_shop(&server.url());
    workspace.set_variable("SHOP_SECRET", "hunter22");
    workspace.append("shop.yaml", "env: [SHOP_SECRET]");
    workspace.edit("shop.yaml", "/api/products}", "/api/hunter22/x}");
    for arguments in ["check shop.yaml", "validate shop.yaml"] {
        let ended = workspace.perfgate(arguments).with(2);
        assert!(!ended.stderr.contains("hunter22"), "{}", ended.stderr);
        ended.says("error: shop.yaml:7:19: the endpoint's name holds the value of environment variable `SHOP_SECRET`");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_value_that_everybody_knows_or_that_is_short_is_not_blanked_and_said_so() {
    let mut workspace = Workspace::with_shop("http://127.0.0.1:1");
    for (value, said) in [("1234", "is shorter than 6 characters"), ("password", "is a common word")] {
        workspace.set_variable("SHOP_KEY", value);
        workspace.write(
            "s.yaml",
            &format!("{}env: [SHOP_KEY]\n", workspace.read("shop.yaml").replace("/api/products", "'/api?key=${env.SHOP_KEY}'")),
        );
        let ended = workspace.perfgate("validate s.yaml").with(0);
        ended.says(&format!("warning: s.yaml: environment variable `SHOP_KEY` {said}: it is not blanked where it is shown"));
    }
}

/// The log of a job is written to by others too: the runner blanks what it is told.
#[test]
fn github_is_told_each_line_of_a_secret_once_before_anything_else_is_said() {
    let mut workspace = Workspace::with_shop("http://127.0.0.1:1");
    workspace.set_variable("GITHUB_ACTIONS", "true");
    workspace.set_variable("SHOP_KEY", "first%line\nsecond-line\nx");
    workspace.edit("shop.yaml", "/api/products}", "/api/products, headers: {x: '${env.SHOP_KEY}'}, when: '1'}");
    workspace.append("shop.yaml", "env: [SHOP_KEY, UNUSED]");
    let ended = workspace.perfgate("check shop.yaml --publish none --baseline none").with(4);
    assert!(ended.stderr.starts_with("::add-mask::first%25line\n::add-mask::second-line\n"), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("::add-mask::").count(), 2, "{}", ended.stderr);
    assert!(!ended.stdout.contains("::add-mask::"));
}

/// Neither the target nor a service is asked through what a variable names, and no core is ever dumped.
#[cfg(target_os = "linux")]
#[test]
fn a_proxy_of_the_environment_sees_nothing_and_no_core_is_dumped() {
    let (server, proxy) = (Server::start(|_| Reply::slow(5)), Server::healthy());
    let mut workspace = Workspace::with_shop(&server.url());
    workspace.append("shop.yaml", "ready: /health");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        workspace.set_variable(name, &proxy.url());
    }
    workspace.write(".netrc", "machine 127.0.0.1 login me password c4nary-netrc\n");
    let home = workspace.path("").display().to_string();
    workspace.set_variable("HOME", &home);
    let github = crate::support::Github::start();
    for (name, value) in github.variables() {
        workspace.set_variable(name, &value);
    }
    let mut running = workspace.start("check shop.yaml --pr 7 --baseline none");
    running.wait_until("requests came", || server.requests() > 20);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).collect::<Vec<_>>(), ["0", "0", "bytes"], "{core}");
    running.end();
    workspace.perfgate("publish perfgate-out --pr 7 --publish github-comment!").with(0);
    workspace.perfgate(&format!("judge perfgate-out --baseline {}/gone.json", server.url()));
    assert_eq!(proxy.connections(), 0, "a proxy of the environment was asked");
    assert_eq!(github.comments().len(), 1);
    assert!(server.remembered().iter().all(|request| !request.text.contains("c4nary")));
}

#[test]
fn a_token_on_the_command_line_is_refused_with_the_way_to_hand_it_over() {
    let workspace = Workspace::with_shop("http://127.0.0.1:1");
    for flags in ["--token ghs_c4nary", "--github-token=ghs_c4nary", "--gitlab-token ghs_c4nary"] {
        let ended = workspace.perfgate(&format!("check shop.yaml {flags}")).with(2);
        assert!(!ended.stderr.contains("c4nary"), "{}", ended.stderr);
        ended.says(
            "hint: tokens come from the environment, as GITHUB_TOKEN or GITLAB_TOKEN: everybody on a machine can read a command line",
        );
    }
}

/// An address that was written out with a key in it.
#[test]
fn what_stands_in_an_address_is_not_repeated_by_the_error_about_it() {
    let workspace = Workspace::with_shop("http://127.0.0.1:1");
    let good = workspace.read("shop.yaml");
    for (from, to) in [
        ("http://127.0.0.1:1", "https://me:c4nary@staging.example/x"),
        ("http://127.0.0.1:1", "https://staging.example/x?token=c4nary#c4nary"),
        ("/api/products}", "'https://other.example/x?token=c4nary'}"),
        ("/api/products}", "'https://me:c4nary@127.0.0.1:1/x'}"),
        ("/api/products}", "'/x?token=c4nary', heders: {a: b}}"),
    ] {
        workspace.write("s.yaml", &good.replace(from, to));
        let ended = workspace.perfgate("check s.yaml").with(2);
        assert!(!ended.stderr.contains("c4nary"), "{to}: {}", ended.stderr);
    }
    let ended = workspace.perfgate("check shop.yaml --target https://staging.example/x?token=c4nary").with(2);
    assert!(!ended.stderr.contains("c4nary"), "{}", ended.stderr);
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
