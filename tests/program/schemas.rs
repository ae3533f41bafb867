//! The schemas for editors say what the reader says: what is read fits the schema, and a key that the reader does not know
//! fails in both. Every file is changed at every place. On purpose an editor asks for more in three things: a text that YAML
//! takes for a number or a flag, a key with nothing behind it, and a whole number in quotes.

use std::path::Path;

use perfgate::document::Document;
use perfgate::gate::Thresholds;
use perfgate::scenario::{Overrides, Scenario, Surroundings};
use serde_json::{Value, json};

use crate::support::Workspace;

/// Every key of a scenario, in both forms of those that have two.
const SCENARIO: &str = r#"
version: 1
name: all
target: http://127.0.0.1
ready: /health
seed: 7
env: [A_KEY]
data:
  rows: {file: rows.csv, order: unique, on_exhausted: recycle}
load:
  arrivals: poisson
  max_in_flight: 20
  phases:
    - {name: up, for: 1s, rate: 1/s..5/s, measure: false}
    - {for: 2s, rate: [2/s, 4/s]}
    - {for: 1s, rate: 5/s}
http: {timeout: 9s, connect_timeout: 1s, version: 1.1, headers: {x-a: b, x-n: 5}, cookies: false, redirects: 2}
connections: {shared: 5}
tls: {}
think: {normal: {mean: 1s, sd: 100ms}}
mix: random
users:
  one:
    weight: 2
    start: [{post: /in, form: {a: 1, b: true}, save: {token: $.t, all: "$.x[*] all"}}]
    think: 1s..2s
    stop: [{delete: /out, auth: {bearer: "${token}"}}]
    tasks:
      - name: t
        weight: 1.5
        tags: [a, b]
        think: {exponential: 1s}
        pacing: 2s
        steps:
          - get: /a/${rows.id}
            name: /a/:id
            tags: [c]
            query: {q: x, n: 1}
            headers: {accept: "*/*"}
            auth: {basic: {username: u, password: "${env.A_KEY}"}}
            expect: {status: [200, 3xx], headers: {etag: exists, x: {matches: y}}, json: {"$.a": 1, "$.b": {equals: [1, {a: null}]}, "$.c": absent}, body: [a, b], size: {min: 1, max: 9000}, within: 1s}
            save: {h: {header: etag, default: none}, c: {cookie: id, default: ""}, r: {regex: "a(b)", default: "1"}, j: {json: $.x first}}
            when: ${h} == x
            repeat: 2
            think: 0s
            timeout: 3s
          - head: /b
            expect: 2xx
          - put: /c
            json: {a: [1, 2.5, null, true, "x", {b: "${uuid()}"}]}
            expect: {body: {contains: a, matches: b, equals: c}, size: 10..20}
            foreach: {list: "${all}", as: item}
          - patch: /d
            body: text
            expect: [200, 201]
          - options: /e
            think: 5ms
          - post: /f
            body_file: rows.csv
          - post: /g
            multipart: {a: text, n: 4, f: {file: rows.csv, type: text/csv}}
  two: {tasks: [{steps: [{get: /}]}]}
"#;

const THRESHOLDS: &str = r"
version: 1
scenario: all
defaults: {p95: {max: 300ms, warn: 200ms, rise: 10%, at_least: 5ms, must_detect: 30%}, p99.9: 2s, ttfb.p50: 1s, mean: off, max: {max: off}, failures: 1%}
endpoints:
  GET /: {p95: 100ms, failures.timeout: {max: 0%, rise: 0.5%}, failures.429: 1%}
total: {throughput: {min: 5/s, warn: 6/s, fall: 10%, at_least: 1/s}}
phases:
  up: {defaults: {p50: 1s}, endpoints: {GET /: {p99: 2s}}, total: {failures: 5%}}
gate:
  baseline: {missing: warn, other: fail, runs: 10, max_age: 14d, pinned: v2.3.0}
waivers:
  - {endpoint: GET /, metric: p99, max: 1200ms, until: 2026-12-31, reason: moves, issue: https://a.example/1}
";

/// What the reader says, `Err` with its message.
type Read<'a> = dyn Fn(&Value) -> Result<(), String> + 'a;

fn folder() -> Workspace {
    let workspace = Workspace::empty();
    workspace.write("rows.csv", "id\n1\n2\n3\n");
    workspace
}

fn read_scenario(folder: &Path, value: &Value) -> Result<(), String> {
    let surroundings = Surroundings { folder, environment: &|_| Some("a-long-value".to_owned()) };
    let read = Scenario::from_document(&Document::from_text("s.yaml", value.to_string()), &surroundings, &Overrides::default());
    read.map(drop).map_err(|error| error.to_string())
}

fn read_thresholds(value: &Value) -> Result<(), String> {
    Thresholds::from_document(&Document::from_text("t.yaml", value.to_string())).map(drop).map_err(|error| error.to_string())
}

/// JSON pointers to every value.
fn pointers(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut add = |key: &str, inner: &Value| {
        let key = key.replace('~', "~0").replace('/', "~1");
        found.extend(pointers(inner).into_iter().map(|below| format!("/{key}{below}")));
    };
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, inner)| add(key, inner)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, inner)| add(&index.to_string(), inner)),
        _ => {}
    }
    found
}

/// The file changed at one place in every way: another value, a key more, a key less.
fn changes(whole: &Value) -> Vec<Change> {
    let others = [
        json!(null),
        json!(true),
        json!(1),
        json!(2.5),
        json!(-1),
        json!("x"),
        json!("5s"),
        json!("1%"),
        json!("${rows.id}"),
        json!([]),
        json!(["a", "b"]),
        json!({}),
        json!({"a": "b"}),
        json!("off"),
        json!("2026-12-31"),
        json!("$.a"),
        json!("200"),
    ];
    let mut changed = Vec::new();
    for pointer in pointers(whole) {
        let before = whole.pointer(&pointer).unwrap();
        let mut add = |what: String, is_convenience: bool, change: &dyn Fn(&mut Value)| {
            let mut file = whole.clone();
            change(file.pointer_mut(&pointer).unwrap());
            changed.push(Change { what: format!("{pointer}: {what}"), file, is_convenience });
        };
        for other in &others {
            add(format!("is {other}"), is_convenience(before, other), &|value| *value = other.clone());
        }
        if let Some(entries) = before.as_object() {
            add("has a key more".to_owned(), false, &|value| value["nonsense"] = json!("1s"));
            for key in entries.keys() {
                add(format!("lacks {key}"), false, &|value| drop(value.as_object_mut().unwrap().remove(key)));
            }
        }
    }
    changed
}

/// A file that differs from another in one place.
struct Change {
    what: String,
    file: Value,
    /// YAML's conveniences, which editors need not share.
    is_convenience: bool,
}

fn is_convenience(before: &Value, after: &Value) -> bool {
    match before {
        Value::String(_) => after.is_number() || after.is_boolean(),
        Value::Object(_) | Value::Array(_) => after.is_null(),
        Value::Number(_) => after.is_string(),
        _ => false,
    }
}

fn agree(of: &str, whole: &Value, read: &Read<'_>) {
    let schema = jsonschema::validator_for(&Workspace::empty().perfgate(&format!("schema {of}")).with(0).json()).unwrap();
    read(whole).unwrap_or_else(|error| panic!("{error}"));
    let (mut wrong, mut unknown) = (Vec::new(), 0);
    let as_it_is = Change { what: "as it is".to_owned(), file: whole.clone(), is_convenience: false };
    for Change { what, file, is_convenience } in std::iter::once(as_it_is).chain(changes(whole)) {
        match read(&file) {
            Ok(()) => {
                if let Some(error) = schema.iter_errors(&file).next().filter(|_| !is_convenience) {
                    wrong.push(format!("{what}: is read, but the schema says {error}"));
                }
            }
            // `--target` may say what the file does not.
            Err(error) if error.contains("key `target` is missing") => {}
            Err(error) if error.contains("unknown key `nonsense`") || error.contains("is missing") => {
                unknown += 1;
                if schema.is_valid(&file) {
                    wrong.push(format!("{what}: the schema allows it, the reader says {}", error.lines().next().unwrap_or_default()));
                }
            }
            Err(_) => {}
        }
    }
    assert!(unknown > 10, "{of}: only {unknown} changes were refused for their keys");
    assert!(wrong.is_empty(), "{of}: {} differences\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_schema_of_a_scenario_agrees_with_its_reader() {
    let workspace = folder();
    let whole: Value = Document::from_text("s.yaml", SCENARIO).parse().unwrap();
    agree("scenario", &whole, &|value| read_scenario(workspace.as_ref(), value));
}

#[test]
fn the_schema_of_the_short_forms_agrees_with_the_reader() {
    let workspace = folder();
    let text = "version: 1\nname: s\ntarget: http://127.0.0.1\nload: {users: 5, ramp: 1s, warmup: 1s, hold: 5s}\nconnections: per_request\nthink: 1s\ntasks:\n  - steps: [{get: /a, expect: 200}, {get: /b, think: 1s..2s}]\n";
    let whole: Value = Document::from_text("s.yaml", text).parse().unwrap();
    agree_on_values("scenario", &whole, &|value| read_scenario(workspace.as_ref(), value));
}

/// As [`agree`], for a file that is too short for many unknown keys.
fn agree_on_values(of: &str, whole: &Value, read: &Read<'_>) {
    let schema = jsonschema::validator_for(&Workspace::empty().perfgate(&format!("schema {of}")).with(0).json()).unwrap();
    let wrong: Vec<String> = changes(whole)
        .into_iter()
        .filter(|change| !change.is_convenience && read(&change.file).is_ok() && !schema.is_valid(&change.file))
        .map(|change| change.what)
        .collect();
    assert!(wrong.is_empty(), "is read, but does not fit the schema: {wrong:#?}");
}

#[test]
fn the_schema_of_thresholds_agrees_with_their_reader() {
    let whole: Value = Document::from_text("t.yaml", THRESHOLDS).parse().unwrap();
    agree("thresholds", &whole, &read_thresholds);
}
