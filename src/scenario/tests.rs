//! Whole scenario files: good ones by what they come to, bad ones by what is said about them.

use std::fs;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::document::Document;

const SIX_LINES: &str = "version: 1\nname: shop\ntarget: https://staging.shop.example\nload: {users: 50, hold: 60s}\ntasks:\n  - steps: [{get: /api/products}]\n";

/// A scenario file in a folder of its own, with data beside it.
struct Bench {
    folder: tempfile::TempDir,
    overrides: Overrides,
    environment: Vec<(String, String)>,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
            overrides: Overrides::default(),
            environment: vec![("STAGING_PASSWORD".into(), "s3cr3t \"word\"".into()), ("PIN".into(), "1234".into())],
        };
        bench.file("data/products.csv", "id,price\n1,9.50\n2,12\n");
        bench.file("data/accounts.csv", format!("username\n{}", (1..=200).map(|n| format!("user{n}\n")).collect::<Vec<_>>().concat()));
        bench
    }

    fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn with(mut self, change: impl FnOnce(&mut Overrides)) -> Self {
        change(&mut self.overrides);
        self
    }

    fn open(&self, text: &str) -> Result<Scenario, ScenarioError> {
        let environment = |name: &str| self.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let surroundings = Surroundings { folder: self.folder.path(), environment: &environment };
        Scenario::from_document(&Document::from_text("s.yaml", text), &surroundings, &self.overrides)
    }

    fn good(&self, text: &str) -> Scenario {
        self.open(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn bad(&self, text: &str) -> String {
        match self.open(text) {
            Ok(_) => panic!("accepted:\n{text}"),
            Err(error) => error.to_string().replace(&self.folder.path().display().to_string(), "[folder]"),
        }
    }
}

/// The six lines with other steps in their only task, each on a line of its own.
fn steps(steps: &str) -> String {
    let steps = steps.lines().map(|line| format!("      {line}\n")).collect::<Vec<_>>().concat();
    format!(
        "version: 1\nname: shop\ntarget: https://staging.shop.example\nenv: [STAGING_PASSWORD]\ndata: {{products: {{file: data/products.csv}}}}\nload: {{users: 50, hold: 60s}}\ntasks:\n  - steps:\n{steps}"
    )
}

/// The six lines with another load.
fn load(load: &str) -> String {
    SIX_LINES.replace("{users: 50, hold: 60s}", load)
}

fn step(text: &str) -> Step {
    let mut scenario = Bench::new().good(&steps(text));
    scenario.kinds.swap_remove(0).tasks.swap_remove(0).steps.pop().unwrap()
}

/// A template as it would be written, with the escape behind each value.
fn shown(template: &Template) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.to_string(),
        Part::Value { expression, escape } => format!("<{expression:?} {escape:?}>"),
    };
    template.parts().iter().map(part).collect()
}

fn body(step: &Step) -> String {
    match step.body.as_ref().unwrap() {
        Body::Template(template) => shown(template),
        Body::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn header(step: &Step, name: &str) -> Option<String> {
    step.headers.iter().find(|(other, _)| other == name).map(|(_, value)| shown(value))
}

#[test]
fn a_graphql_operation_is_a_json_body_and_its_errors_are_no_success() {
    let told = step(
        "- post: /graphql\n  graphql:\n    query: |-\n      query Get($id: ID!) {\n        product(id: $id) { name }\n      }\n    operation: Get\n    variables: {id: '${products.id}', first: 3}",
    );
    assert_eq!(
        body(&told),
        r#"{"query":"query Get($id: ID!) {\n  product(id: $id) { name }\n}","operationName":"Get","variables":{"id":<Column { data: 0, column: 0 } JsonValue>,"first":3}}"#
    );
    assert_eq!(header(&told, "content-type").as_deref(), Some("application/json"));
    assert!(
        matches!(told.expect.json.as_slice(), [(path, Matcher::Absent)] if format!("{path:?}").contains(r#"DotName("errors")"#)),
        "{:?}",
        told.expect.json
    );
    for (path, matchers) in [("$.errors[0].message", 1), ("$[\"errors\"]", 1), ("$.errors", 1), ("$.errorsSeen", 2), ("$.data.errors", 2)] {
        let told = step(&format!("- post: /graphql\n  graphql: {{query: '{{ a }}'}}\n  expect: {{json: {{'{path}': exists}}}}"));
        assert_eq!(told.expect.json.len(), matchers, "{path}");
    }
}

#[test]
fn the_mix_of_a_phase_names_tasks() {
    let mixed = |mix: &str| {
        format!(
            "version: 1\nname: shop\ntarget: https://staging.shop.example\nload: {{phases: [{{for: 5s, users: 2}}, {{name: sale, for: 5s, users: 2, mix: {mix}}}]}}\ntasks:\n  - {{name: look, weight: 3, tags: [read], steps: [{{get: /}}]}}\n  - {{name: buy, steps: [{{post: /b}}]}}\n"
        )
    };
    let bench = Bench::new();
    let scenario = bench.good(&mixed("{buy: 1.5}"));
    assert_eq!(scenario.load.phases.iter().map(|phase| phase.mix.clone()).collect::<Vec<_>>(), [vec![], vec![vec![3000, 1500]]]);
    let hashes = ["{buy: 1.5}", "{buy: 2}", "{}"].map(|mix| bench.good(&mixed(mix)).hash);
    assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2]);
    for (mix, message) in [
        ("{by: 1}", "no task is called `by`"),
        ("{by: 1}", "hint: did you mean `buy`?"),
        ("{buy: -1}", "weight `-1` is not a number from 0.001"),
        ("{buy: 0, look: 0}", "in phase `sale` there is nothing to do: every task has the weight 0"),
    ] {
        let told = bench.bad(&mixed(mix));
        assert!(told.contains(message), "{told}");
    }
    let chosen = Bench::new().with(|overrides| overrides.tags = vec!["read".into()]);
    assert_eq!(chosen.good(&mixed("{buy: 2}")).load.phases[1].mix, [vec![3000]]);
}

const EXAMPLE: &str = r#"version: 1
name: checkout
target: https://staging.shop.example
ready: /health
seed: 7
env: [STAGING_PASSWORD]
data:
  products: {file: data/products.csv, order: random}
  accounts: {file: data/accounts.csv, order: unique, on_exhausted: stop}

load:
  users: 200
  ramp: 20s
  warmup: 10s
  hold: 2m

http: {timeout: 30s, connect_timeout: 5s, version: auto, headers: {accept: application/json}, cookies: true, redirects: 0}
connections: per_user

think: 1s..3s
start:
  - post: /auth/token
    json: {username: "${accounts.username}", password: "${env.STAGING_PASSWORD}"}
    expect: 200
    save: {token: $.access_token}
tasks:
  - name: browse
    weight: 3
    tags: [read]
    steps:
      - get: /api/products
        headers: {authorization: "Bearer ${token}"}
        expect: {status: 200, json: {"$.items[0].id": exists}, within: 2s}
        save: {product: "$.items[*].id random"}
      - get: /api/products/${product}
        name: /api/products/:id
        headers: {authorization: "Bearer ${token}"}
  - name: buy
    weight: 1
    tags: [write]
    steps:
      - post: /api/cart
        json: {id: "${products.id}"}
      - post: /api/checkout
        think: 5s..8s
"#;

#[test]
fn six_lines_are_a_scenario() {
    let scenario = Bench::new().good(SIX_LINES);
    assert_eq!(scenario.target.origin(), "https://staging.shop.example");
    assert_eq!(scenario.load.model, Model::Closed);
    let hold = Phase { name: "hold".into(), length: Duration::from_mins(1), shape: Shape::Constant(50.0), measured: true, mix: Vec::new() };
    assert_eq!(scenario.load.phases, [hold]);
    assert_eq!(scenario.endpoints, [Endpoint { name: "GET /api/products".into(), role: EndpointRole::Task }]);
    assert_eq!(scenario.kinds[0].tasks[0].name, "task 1");
    assert_eq!(scenario.kinds[0].tasks[0].steps[0].timeout, Duration::from_secs(30));
    assert_eq!((scenario.warnings.len(), scenario.kinds.len()), (0, 1));
}

#[test]
fn the_full_example_comes_to_its_numbers() {
    let scenario = Bench::new().good(EXAMPLE);
    assert_eq!((scenario.name.as_str(), scenario.seed, scenario.ready.as_deref()), ("checkout", 7, Some("/health")));
    let phases: Vec<_> = scenario.load.phases.iter().map(|p| (p.name.as_str(), p.length.as_secs(), p.shape.clone(), p.measured)).collect();
    assert_eq!(
        phases,
        [
            ("ramp-up", 20, Shape::Ramp(0.0, 200.0), false),
            ("warm-up", 10, Shape::Constant(200.0), false),
            ("hold", 120, Shape::Constant(200.0), true)
        ]
    );
    let names: Vec<_> = scenario.endpoints.iter().map(|e| (e.name.as_str(), e.role)).collect();
    assert_eq!(
        names,
        [
            ("POST /auth/token", EndpointRole::Lifecycle),
            ("GET /api/products", EndpointRole::Task),
            ("GET /api/products/:id", EndpointRole::Task),
            ("POST /api/cart", EndpointRole::Task),
            ("POST /api/checkout", EndpointRole::Task)
        ]
    );
    assert_eq!(scenario.variables, ["token", "product"]);
    assert_eq!(scenario.secrets, ["s3cr3t \"word\""]);
    assert_eq!(
        scenario.data.iter().map(|set| (set.rows.len(), set.order)).collect::<Vec<_>>(),
        [(2, DataOrder::Random), (200, DataOrder::Unique)]
    );
    let kind = &scenario.kinds[0];
    assert_eq!(
        kind.tasks.iter().map(|task| (task.weight, task.data.as_slice())).collect::<Vec<_>>(),
        [(3000, [].as_slice()), (1000, &[0])]
    );
    let login = &kind.start[0];
    assert_eq!(body(login), r#"{"username":<Column { data: 1, column: 0 } JsonValue>,"password":"s3cr3t \"word\""}"#);
    assert_eq!(header(login, "content-type").as_deref(), Some("application/json"));
    assert_eq!(header(login, "accept").as_deref(), Some("application/json"));
    assert_eq!(login.expect.status, [StatusPattern::Exactly(200)]);
    let browse = &kind.tasks[0].steps;
    assert_eq!(header(&browse[0], "authorization").as_deref(), Some("Bearer <Variable(0) Header>"));
    assert_eq!(browse[0].expect.within, Some(Duration::from_secs(2)));
    assert!(matches!(browse[0].save[0], Save { slot: 1, from: SaveFrom::Json { pick: Pick::Random, .. }, default: None }));
    assert_eq!(shown(&browse[1].path), "/api/products/<Variable(1) Percent>");
    let usual = Some(Think::Range(Duration::from_secs(1), Duration::from_secs(3)));
    assert_eq!(
        (browse[0].think, kind.tasks[1].steps[1].think),
        (usual, Some(Think::Range(Duration::from_secs(5), Duration::from_secs(8))))
    );
}

#[test]
fn mistakes_are_shown_where_they_stand() {
    let cases = [
        (
            steps("- get: /a/${tokn}\n  save: {token: $.t}"),
            "s.yaml:9:17: nothing sets `${tokn}`\n   |\n 9 |       - get: /a/${tokn}\n   |                 ^\nhint: did you mean `${token}`?",
        ),
        (
            load("{users: 50, hold: 60}"),
            "s.yaml:4:25: `60` has no unit: write for example `60s` or `60ms`\n   |\n 4 | load: {users: 50, hold: 60}\n   |                         ^",
        ),
        (
            load("{users: 50, rate: 5/s, hold: 1s}"),
            "s.yaml:4:25: both `users` and `rate` are given\n   |\n 4 | load: {users: 50, rate: 5/s, hold: 1s}\n   |                         ^\nhint: `users` keeps so many at work, `rate` starts so many tasks a second: keep one of the two",
        ),
        (
            SIX_LINES.replace("{get: ", "{gte: "),
            "s.yaml:6:14: unknown key `gte`\n   |\n 6 |   - steps: [{gte: /api/products}]\n   |              ^\nhint: did you mean `get`?",
        ),
        (
            SIX_LINES.replace("load:", "data: {products: {file: data/product.csv}}\nload:"),
            "s.yaml:4:25: cannot read [folder]/data/product.csv: No such file or directory (os error 2)\n   |\n 4 | data: {products: {file: data/product.csv}}\n   |                         ^\nhint: paths are relative to the scenario file, and lead to its folder or below",
        ),
        (
            steps("- get: /a\n  headers: {x: \"${products.idd}\"}"),
            "s.yaml:10:23: data set `products` has no column `idd`\n    |\n 10 |         headers: {x: \"${products.idd}\"}\n    |                       ^\nhint: did you mean `id`?",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(Bench::new().bad(&text), message);
    }
}

/// Each text with a part of what is said about it, its place included.
fn all_bad(cases: &[(String, &str)]) {
    let bench = Bench::new();
    let wrong: Vec<String> = cases
        .iter()
        .map(|(text, said)| (bench.bad(text), said))
        .filter(|(error, said)| !error.contains(*said))
        .map(|(error, said)| format!("expected: {said}\nfound: {error}\n"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn head(line: &str) -> String {
    format!("{SIX_LINES}{line}\n")
}

#[test]
fn loads_that_cannot_be_meant_are_refused() {
    let phases = |phases: &str| load(&format!("{{phases: [{phases}]}}"));
    all_bad(&[
        (load("{hold: 60s}"), "s.yaml:4:7: neither `users` nor `rate` is given"),
        (load("{users: 5}"), "s.yaml:4:7: key `hold` is missing\n"),
        (load("{users: 0, hold: 60s}"), "`users` must be above 0"),
        (load("{users: -5, hold: 60s}"), "users `-5` is out of range: from 0 to 10000000"),
        (load("{users: 1.5, hold: 60s}"), "`1.5` is not a whole number of users"),
        (load("{users: .nan, hold: 60s}"), "4:15: "),
        (load("{users: \"50\\\" \", hold: 60s}"), "is not a whole number of users"),
        (load("{users: [5], hold: 60s}"), "a list of 1 steps"),
        (load("{users: [5, 6], hold: 60s}"), "ranges and lists stand in `phases` only"),
        (load("{users: 5..9, hold: 60s}"), "ranges and lists stand in `phases` only"),
        (load("{users: 99999999999999999999, hold: 60s}"), "4:15: "),
        (load("{rate: 300, hold: 60s}"), "s.yaml:4:14: `300` has no unit: write for example `300/s`"),
        (load("{rate: 0/s, hold: 60s}"), "`rate` must be above 0"),
        (load("{rate: 1e9/s, hold: 60s}"), "is not a rate"),
        (load("{rate: 99999999999/s, hold: 60s}"), "rate `99999999999/s` is out of range"),
        (load("{users: 5, hold: 0s}"), "s.yaml:4:24: `hold` must be above 0"),
        (load("{users: 5, hold: -1s}"), "`-1s` is not a duration"),
        (load("{users: 5, hold: 1s, ramp: 5}"), "`5` has no unit"),
        (load("{users: 5, hold: 1s, arrivals: poisson}"), "s.yaml:4:38: `arrivals` goes with `rate`"),
        (load("{users: 5, hold: 1s, max_in_flight: 5}"), "`max_in_flight` goes with `rate`"),
        (load("{rate: 5/s, hold: 1s, max_in_flight: 0}"), "`max_in_flight` must be above 0"),
        (load("{rate: 5/s, hold: 1s, arrivals: posson}"), "unknown value `posson`"),
        (load("{users: 5, phases: [{for: 1s, users: 5}]}"), "`users` stands beside `phases`"),
        (load("{hold: 5s, phases: [{for: 1s, users: 5}]}"), "`hold` stands beside `phases`"),
        (phases(""), "`phases` is empty"),
        (phases("{for: 1s}"), "neither `users` nor `rate`"),
        (phases("{for: 0s, users: 5}"), "`for` must be above 0"),
        (phases("{users: 5}"), "key `for` is missing"),
        (phases("{for: 1s, users: 5}, {for: 1s, rate: 5/s}"), "some phases have `users`, others `rate`"),
        (phases("{name: a, for: 1s, users: 5}, {name: a, for: 1s, users: 5}"), "two phases are called `a`"),
        (phases("{for: 1s, users: 5..9}"), "no phase is judged"),
        (phases("{for: 1s, users: 5, measure: false}"), "no phase is judged"),
        (phases("{for: 1s, users: 5..x}"), "`x` is not a whole number of users"),
        (phases("{for: 1s, rate: 5..9/s}"), "`5` has no unit"),
        (phases("{for: 1s, users: 0..0}"), "`users` must be above 0"),
        (phases("{for: 1s, users: [1, x]}"), "`x` is not a whole number"),
    ]);
}

#[test]
fn load_shapes_are_read() {
    let long = "{phases: [{for: 10s, users: 20}, {name: up, for: 1m, users: 20..200}, {for: 4m, users: [100, 200, 300]}, {for: 1s, users: 9..1, measure: true}, {for: 1s, users: 7, measure: false}]}";
    let phases: Vec<_> = Bench::new().good(&load(long)).load.phases.into_iter().map(|p| (p.name, p.shape, p.measured)).collect();
    let expected = [
        ("phase 1", Shape::Constant(20.0), true),
        ("up", Shape::Ramp(20.0, 200.0), false),
        ("phase 3", Shape::Steps(vec![100.0, 200.0, 300.0]), false),
        ("phase 4", Shape::Ramp(9.0, 1.0), true),
        ("phase 5", Shape::Constant(7.0), false),
    ];
    assert_eq!(phases, expected.map(|(name, shape, measured)| (name.to_owned(), shape, measured)));
    let open = Bench::new().good(&load("{rate: 90/m, arrivals: poisson, max_in_flight: 9, ramp: 0s, hold: 1m}")).load;
    assert_eq!(open.model, Model::Open { arrivals: Arrivals::Poisson, max_in_flight: Some(9) });
    assert_eq!(open.phases.iter().map(|p| p.shape.clone()).collect::<Vec<_>>(), [Shape::Constant(1.5)]);
    let rates = Bench::new().good(&load("{phases: [{for: 1s, rate: 5/s..9/s, measure: true}, {for: 1s, rate: [1/s, 60/m]}]}")).load;
    assert_eq!(rates.phases[0].shape, Shape::Ramp(5.0, 9.0));
    assert_eq!(rates.phases[1].shape, Shape::Steps(vec![1.0, 1.0]));
}

#[test]
fn overrides_scale_every_phase() {
    let staged = load("{phases: [{for: 10s, users: 20}, {for: 1m, users: 0..200}, {for: 4m, users: [1, 200]}]}");
    let scaled = Bench::new().with(|o| o.users = Some(50)).good(&staged).load;
    let shapes: Vec<_> = scaled.phases.into_iter().map(|phase| phase.shape).collect();
    assert_eq!(shapes, [Shape::Constant(5.0), Shape::Ramp(0.0, 50.0), Shape::Steps(vec![1.0, 50.0])]);
    let open = load("{rate: 300/s, ramp: 5s, hold: 1m}");
    let scaled = Bench::new().with(|o| o.rate = Rate::per_second(30.0)).good(&open).load;
    assert_eq!((scaled.phases[0].shape.clone(), scaled.peak()), (Shape::Ramp(0.0, 30.0), 30.0));
    let longer = Bench::new().with(|o| o.duration = Some(Duration::from_secs(5))).good(&load("{users: 5, warmup: 1s}"));
    assert_eq!(longer.load.duration(), Duration::from_secs(6));
    let other = Bench::new().with(|o| (o.seed, o.target) = (Some(9), Some("http://127.0.0.1:8080/v2".into()))).good(SIX_LINES);
    assert_eq!((other.seed, other.target.origin()), (9, "http://127.0.0.1:8080".to_owned()));
    assert_eq!(shown(&other.kinds[0].tasks[0].steps[0].path), "/v2/api/products");
}

#[test]
fn overrides_that_do_not_go_with_the_file_are_refused() {
    let second = Duration::from_secs(1);
    let open = load("{rate: 300/s, hold: 1m}");
    let staged = load("{phases: [{for: 10s, users: 20}]}");
    let closed = SIX_LINES.to_owned();
    let users = |users| Overrides { users: Some(users), ..Overrides::default() };
    let cases = [
        (&open, users(5), "`--users` was given, but the load is a rate\nhint: use `--rate`"),
        (
            &closed,
            Overrides { rate: Rate::per_second(1.0), ..Overrides::default() },
            "`--rate` was given, but the load is in users\nhint: use `--users`",
        ),
        (
            &staged,
            Overrides { duration: Some(second), ..Overrides::default() },
            "`--duration` was given, but the load has `phases`\nhint: change `for` of the phases in the file",
        ),
        (
            &closed,
            Overrides { duration: Some(Duration::ZERO), ..Overrides::default() },
            "`--duration` must be above 0 and at most 10 years",
        ),
        (&closed, users(0), "`--users` must be above 0 and at most 10000000"),
        (&open, Overrides { rate: Rate::per_second(0.0), ..Overrides::default() }, "`--rate` must be above 0 and at most 10000000/s"),
        (
            &closed,
            Overrides { target: Some("ftp://x".into()), ..Overrides::default() },
            "`--target`: scheme `ftp` is not supported: a target begins with `http://` or `https://`",
        ),
        (
            &closed,
            Overrides { tags: vec!["x".into()], ..Overrides::default() },
            "the tags leave no step to run\nhint: the file has no tags",
        ),
    ];
    for (text, overrides, message) in cases {
        assert_eq!(Bench::new().with(|o| *o = overrides).bad(text), message);
    }
}

#[test]
fn heads_that_cannot_be_meant_are_refused() {
    let replaced = |from: &str, to: &str| SIX_LINES.replace(from, to);
    all_bad(&[
        (replaced("version: 1", "version: 99"), "s.yaml:1:10: version `99` is not supported: this program reads version 1"),
        (replaced("version: 1", "version: \"1\""), "version `1` is not supported"),
        (replaced("version: 1\n", ""), "key `version` is missing"),
        (replaced("name: shop", "name: a/b"), "s.yaml:2:7: `a/b` cannot be the name of a scenario"),
        (replaced("name: shop", "name: ..\n"), "cannot be the name"),
        (replaced("https://staging", "https://me:hunter2@staging"), "a target holds no user name or password"),
        (replaced("target: https://staging.shop.example\n", ""), "key `target` is missing\nhint: write `target:"),
        (replaced("https://staging", "staging"), "s.yaml:3:9: a target is a URL such as"),
        (head("ready: health"), "`ready: health` is not a plain path"),
        (head("ready: /${x}"), "is not a plain path"),
        (head("name: again"), "key `name` stands here twice"),
        (head("env: [GITHUB_TOKEN]"), "s.yaml:7:7: environment variable `GITHUB_TOKEN` is not allowed in scenarios"),
        (head("env: [ACTIONS_RUNTIME_TOKEN]"), "is not allowed in scenarios"),
        (head("env: [PIN, PIN]"), "environment variable `PIN` stands here twice"),
        (head("env: ['a b']"), "is not the name of an environment variable"),
        (head("think: 5"), "`5` has no unit"),
        (head("think: 3s..1s"), "the pause `3s..1s` ends before it begins"),
        (head("think: {normal: {mean: 1s}}"), "key `sd` is missing"),
        (head("think: {}"), "this is not a pause"),
        (head("think: {normal: {mean: 1s, sd: 1s}, exponential: 1s}"), "this is not a pause"),
        (head("mix: random-ish"), "unknown value `random-ish`"),
        (head("http: {timeout: 0s}"), "`timeout` must be above 0"),
        (head("http: {timeout: 2h}"), "`timeout` is at most 1h"),
        (head("http: {version: 3}"), "HTTP version `3` is not supported"),
        (head("http: {redirects: 99}"), "`redirects: 99` is above 20"),
        (head("http: {headers: {host: x}}"), "header `host` is not set by a scenario"),
        (head("http: {headers: {A: x, a: y}}"), "header `a` stands here twice"),
        (head("http: {headers: {x: '${token}'}}"), "nothing sets `${token}`"),
        (head("connections: {shared: 0}"), "`shared` must be above 0"),
        (head("connections: often"), "this says nothing about connections"),
        (head("tls: {cert: a.pem}"), "`cert` and `key` go together"),
        (head("tls: {ca: ca.pem}"), "cannot read [folder]/ca.pem"),
        (head("tls: {ca: data/products.csv}"), "is not in PEM form"),
        (head("users: 5"), "hint: how many users there are stands under `load`"),
        (head("users: {a: {tasks: [{steps: [{get: /}]}]}}"), "`users` stands in place of"),
        (replaced("tasks:\n  - steps: [{get: /api/products}]\n", ""), "the scenario has no `tasks`"),
        (replaced("\n  - steps: [{get: /api/products}]", " []"), "s.yaml:5:8: `tasks` is empty"),
        (replaced("[{get: /api/products}]", "[]"), "`steps` is empty"),
        (String::new(), "the file is empty"),
        (format!("{SIX_LINES}---\nversion: 1\n"), "s.yaml:7:1: "),
    ]);
}

#[test]
fn a_password_in_the_target_is_not_shown() {
    let error = Bench::new().bad(&SIX_LINES.replace("https://staging", "https://me:hunter2@staging"));
    assert!(error.contains("***@staging.shop.example"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn data_that_cannot_be_used_is_refused() {
    let data = |set: &str| head(&format!("data: {{{set}}}"));
    let bench = Bench::new();
    bench.file("empty.csv", "");
    bench.file("header.csv", "a,b\n");
    bench.file("ragged.csv", "a,b\n1,2\n3\n");
    bench.file("twice.csv", "a,a\n1,2\n");
    bench.file("nameless.csv", "a,\n1,2\n");
    bench.file("binary.csv", b"a\n\xff\n");
    for (set, said) in [
        ("a: {file: empty.csv}", "s.yaml:7:18: the data file `empty.csv` is empty"),
        ("a: {file: header.csv}", "has no rows below its header"),
        ("a: {file: ragged.csv}", "line 3 has 1 fields, the header has 2"),
        ("a: {file: twice.csv}", "has two columns of the same name, the second is column 2"),
        ("a: {file: nameless.csv}", "has no name for column 2"),
        ("a: {file: binary.csv}", "line 2 is not UTF-8 text"),
        ("a: {file: ../../etc/passwd}", "the file `../../etc/passwd` is outside the scenario's folder"),
        ("a: {file: /etc/passwd}", "is outside the scenario's folder"),
        ("a: {file: data}", "not a regular file"),
        ("a: {file: data/products.csv, order: uniq}", "unknown value `uniq`"),
        ("user: {file: data/products.csv}", "a data set is not called `user`"),
        ("a b: {file: data/products.csv}", "`a b` is not a name"),
    ] {
        let error = bench.bad(&data(set));
        assert!(error.contains(said), "{set}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_folder_is_refused() {
    let bench = Bench::new();
    std::os::unix::fs::symlink("/etc/passwd", bench.folder.path().join("link.csv")).unwrap();
    let error = bench.bad(&head("data: {a: {file: link.csv}}"));
    assert!(error.contains("is outside the scenario's folder"), "{error}");
}

#[test]
fn data_is_read_as_a_spreadsheet_writes_it() {
    let bench = Bench::new();
    bench.file("bom.csv", "\u{feff}id, name\r\n1,\"a, b\"\r\n\r\n2,c\r\n");
    let scenario = bench.good(&head("data: {a: {file: bom.csv, order: unique}}"));
    assert_eq!(scenario.data[0].columns, ["id", "name"]);
    assert_eq!(scenario.data[0].rows[0].iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["1", "a, b"]);
    assert_eq!((scenario.data[0].rows.len(), scenario.data[0].on_exhausted), (2, OnExhausted::Stop));
    assert_eq!(scenario.warnings, ["data set `a` is used by no step"]);
}

#[test]
fn too_few_unique_rows_are_refused() {
    let text = |more: &str| {
        let data = format!("data: {{a: {{file: data/products.csv, order: unique{more}}}}}\nload:");
        SIX_LINES.replace("load:", &data).replace("/api/products", "'/${a.id}'")
    };
    assert_eq!(
        Bench::new().bad(&text("")),
        "s.yaml:4:8: data set `a` has 2 rows, and 50 users need one each\n   |\n 4 | data: {a: {file: data/products.csv, order: unique}}\n   |        ^\nhint: say `on_exhausted: recycle`, add rows, or use at most 2 users"
    );
    Bench::new().good(&text(", on_exhausted: recycle"));
    Bench::new().with(|o| o.users = Some(2)).good(&text(""));
}

#[test]
fn steps_that_cannot_be_meant_are_refused() {
    let json = |matcher: &str| steps(&format!("- get: /\n  expect: {{json: {matcher}}}"));
    let expect = |expect: &str| steps(&format!("- get: /\n  expect: {expect}"));
    let save = |save: &str| steps(&format!("- get: /\n  save: {{a: {save}}}"));
    let with = |more: &str| steps(&format!("- post: /\n  {more}"));
    all_bad(&[
        (steps("- name: x"), "s.yaml:9:9: the step has no method and path"),
        (steps("- get: /\n  post: /"), "this one has both GET and POST"),
        (steps("- get: api"), "the path `api` does not begin with `/`\n"),
        (steps("- get: https://other.example/x"), "s.yaml:9:14: `other.example` is not the target: only the target's host can be loaded"),
        (steps("- get: //other.example/x"), "`other.example` is not the target"),
        (steps("- get: https://staging.shop.example@other.example/x"), "`other.example` is not the target"),
        (steps("- get: 'https://staging.shop.example\\@other.example/x'"), "does not begin with `/`"),
        (steps("- get: https://staging.shop.example:8443/x"), "`staging.shop.example:8443` is not the target"),
        (steps("- get: http://staging.shop.example/x"), "is not the target"),
        (steps("- get: https://${env.STAGING_PASSWORD}/x"), "is not the target"),
        (steps("- get: '/a#b'"), "a path holds no `#`"),
        (steps("- get: \"/a\\nb\""), "a path holds no line breaks"),
        (steps("- get: /${a"), "s.yaml:9:15: `${` is not closed by a `}`"),
        (steps("- get: /${a + b}"), "`${a + b}` is not a value"),
        (steps("- get: /${}"), "`${}` is not a value"),
        (steps("- get: /${products}"), "hint: `products` is a data set: name a column, as `${products.id}`"),
        (steps("- get: /${product.id}"), "there is no data set `product`\n"),
        (steps("- get: /${product.id}"), "hint: did you mean `${products.id}`?"),
        (steps("- get: /${uuid}"), "hint: did you mean `${uuid()}`?"),
        (steps("- get: /${uid()}"), "there is no function `uid`"),
        (steps("- get: /${uuid(1)}"), "takes nothing between its parentheses"),
        (steps("- get: /${random_int(5, 1)}"), "takes two whole numbers"),
        (steps("- get: /${random_int(5)}"), "takes two whole numbers"),
        (steps("- get: /${random_choice()}"), "takes at least one choice"),
        (steps("- get: /${number(nope)}"), "nothing sets `${number(nope)}`"),
        (steps("- get: /${number('x')}"), "takes a number"),
        (steps("- get: /${user.name}"), "did you mean `user.id`?"),
        (steps("- get: /${env.HOME}"), "environment variable `HOME` is not listed under `env`"),
        (steps("- get: /${env.STAGING_PASSWROD}"), "hint: did you mean `STAGING_PASSWORD`?"),
        (steps("- get: /x\n  name: ''"), "`name` is one line of text"),
        (steps(&format!("- get: /{}", "x".repeat(200))), "has 205 characters, at most 200 are allowed"),
        (with("json: {}\n  body: x"), "both `json` and `body` are given"),
        (with("json: {}\n  graphql: {query: '{ a }'}"), "both `json` and `graphql` are given"),
        (with("graphql: {variables: {a: 1}}"), "key `query` is missing"),
        (with("json: {a: .inf}"), "10:19: "),
        (with("headers: {'a:b': x}"), "`a:b` is not the name of a header"),
        (with("headers: {Content-Length: 5}"), "header `Content-Length` is not set by a scenario"),
        (with("headers: {a: \"x\\r\\ny\"}"), "holds no line breaks"),
        (with("headers: {authorization: x}\n  auth: {bearer: y}"), "both `auth` and a header `authorization`"),
        (with("auth: {}"), "`auth` holds exactly one of"),
        (with("auth: {basic: {username: 'a:b', password: c}}"), "holds no `:`"),
        (with("body_file: ../x"), "is outside the scenario's folder"),
        (with("body_file: x.bin"), "cannot read [folder]/x.bin"),
        (with("multipart: {a: [1]}"), "a list is no field of a form"),
        (with("multipart: {a: {file: data/products.csv, type: csv}}"), "`csv` is not a media type"),
        (with("repeat: 0"), "`repeat: 0` is not a whole number from 1 to 100000"),
        (with("foreach: {list: '${products.id}', as: user}"), "nothing is saved as `user`"),
        (with("foreach: {list: abc, as: x}"), "`list` is one saved value"),
        (with("repeat: 2\n  foreach: {list: '${products.id}', as: x}"), "both `repeat` and `foreach`"),
        (with("when: ''"), "`when` is empty"),
        (with("timeout: 5"), "`5` has no unit"),
        (expect("20"), "s.yaml:10:17: `20` is not a status"),
        (expect("2yx"), "`2yx` is not a status"),
        (expect("[]"), "the list of statuses is empty"),
        (expect("{within: 0s}"), "`within` must be above 0"),
        (expect("{size: 5..1}"), "ends before it begins"),
        (expect("{size: big}"), "this is not a size"),
        (expect("{body: {}}"), "nothing is expected here"),
        (expect("{body: {matches: '('}}"), "the regular expression cannot be used: unclosed group"),
        (expect("{body: {matches: '(a{1000}){1000}'}}"), "cannot be used: too large"),
        (expect("{status: 200, jsn: {}}"), "unknown key `jsn`"),
        (json("{'$.a[': exists}"), "`$.a[` is not a JSONPath, at its character"),
        (json("{a: exists}"), "hint: a path begins with `$`"),
        (json("{$.a: {}}"), "nothing is expected here"),
        (json(&format!("{{'$[?{}@.a]': 1}}", "(".repeat(100))), "too long or nests too deep"),
        (json(&format!("{{'$[?{}@.a]': 1}}", "!".repeat(900))), "is not a JSONPath"),
        (save("token"), "`token` is not a JSONPath"),
        (save("{}"), "a saved value comes from exactly one place"),
        (save("{header: a, cookie: b}"), "exactly one place"),
        (save("{regex: '('}"), "regular expression cannot be used"),
        (steps("- get: /\n  save: {iteration: $.a}"), "nothing is saved as `iteration`"),
        (steps("- get: /\n  save: {a.b: $.a}"), "`a.b` is not a name"),
    ]);
}

#[test]
fn requests_are_compiled() {
    let column = "<Column { data: 0, column: 0 } ";
    for (text, path) in [
        ("- get: /a b/é?x=1&y=%20", "/a%20b/%C3%A9?x=1&y=%20".to_owned()),
        (
            "- get: '/a/${products.id}'\n  query: {q: 'a b&${products.id}', page: 007}",
            format!("/a/{column}Percent>?q=a%20b%26{column}Percent>&page=007"),
        ),
        ("- get: /a?b=1\n  query: {c: 2}", "/a?b=1&c=2".to_owned()),
        ("- get: https://staging.shop.example/x?y=1", "/x?y=1".to_owned()),
        ("- get: HTTPS://STAGING.shop.example:443", "/".to_owned()),
        ("- get: /${env.STAGING_PASSWORD}", "/s3cr3t%20%22word%22".to_owned()),
        ("- get: '/$${x}'", "/$%7Bx%7D".to_owned()),
        (
            "- get: '/${ random_choice(\"a\", ''}'', c d) }'",
            "/<RandomChoice([Literal(\"a\"), Literal(\"}\"), Literal(\"c d\")]) Percent>".to_owned(),
        ),
    ] {
        assert_eq!(shown(&step(text).path), path, "{text}");
    }
}

#[test]
fn bodies_are_compiled() {
    let column = |escape: &str| format!("<Column {{ data: 0, column: 0 }} {escape}>");
    for (text, expected, content_type) in [
        (
            "json: {z: 1, a: [1.5, true, ~, 'x\"${products.id}', '${products.id}', {}], e: []}",
            format!("{{\"z\":1,\"a\":[1.5,true,null,\"x\\\"{}\",{},{{}}],\"e\":[]}}", column("JsonString"), column("JsonValue")),
            "application/json",
        ),
        ("json: {n: '${number(products.price)}'}", "{\"n\":<Number(Column { data: 0, column: 1 }) JsonValue>}".into(), "application/json"),
        ("form: {a b: 'c&${products.id}', d: 1}", format!("a%20b=c%26{}&d=1", column("Percent")), "application/x-www-form-urlencoded"),
        ("body: 'a ${products.id}'", format!("a {}", column("None")), "text/plain; charset=utf-8"),
        ("body: x\n  headers: {Content-Type: text/xml}", "x".into(), "text/xml"),
        ("body_file: data/products.csv", "id,price\n1,9.50\n2,12\n".into(), "text/csv; charset=utf-8"),
    ] {
        let step = step(&format!("- post: /\n  {text}"));
        assert_eq!(body(&step), expected);
        assert_eq!(header(&step, "content-type").as_deref(), Some(content_type));
    }
}

#[test]
fn a_multipart_form_is_compiled() {
    for (field, is_static) in [("x", true), ("${products.id}", false)] {
        let step = step(&format!(
            "- post: /\n  headers: {{content-type: text/plain}}\n  multipart: {{note: '{field}', f: {{file: data/products.csv, type: text/csv}}}}"
        ));
        let content_type = header(&step, "content-type").unwrap();
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        let value = if is_static { "x" } else { "<Column { data: 0, column: 0 } None>" };
        assert_eq!(
            body(&step),
            format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\n{value}\r\n--{boundary}\r\ncontent-disposition: form-data; name=\"f\"; filename=\"products.csv\"\r\ncontent-type: text/csv\r\n\r\nid,price\n1,9.50\n2,12\n\r\n--{boundary}--\r\n"
            )
        );
        assert_eq!(matches!(step.body, Some(Body::Bytes(_))), is_static);
    }
}

#[test]
fn credentials_are_compiled() {
    for (auth, expected) in [
        ("{basic: {username: me, password: pw}}", "Basic bWU6cHc="),
        ("{basic: {username: me, password: '${env.STAGING_PASSWORD}'}}", "Basic bWU6czNjcjN0ICJ3b3JkIg=="),
        ("{bearer: 'a ${products.id}'}", "Bearer a <Column { data: 0, column: 0 } Header>"),
    ] {
        assert_eq!(header(&step(&format!("- get: /\n  auth: {auth}")), "authorization").as_deref(), Some(expected));
    }
    let text = steps("- get: /\n  auth: {basic: {username: me, password: '${env.STAGING_PASSWORD}'}}");
    assert_eq!(Bench::new().good(&text).secrets, ["s3cr3t \"word\"", "bWU6czNjcjN0ICJ3b3JkIg=="]);
    let per_row = step("- get: /\n  auth: {basic: {username: '${products.id}', password: x}}");
    assert!(header(&per_row, "authorization").unwrap().starts_with("Basic <Base64("));
}

#[test]
fn expectations_are_compiled() {
    let expect = |text: &str| step(&format!("- get: /\n  expect: {text}")).expect;
    let exactly = StatusPattern::Exactly;
    assert_eq!(expect("201").status, [exactly(201)]);
    assert_eq!(expect("2xx").status, [StatusPattern::Hundred(2)]);
    assert_eq!(expect("[200, 4XX]").status, [exactly(200), StatusPattern::Hundred(4)]);
    assert_eq!(expect("{status: [200, 201]}").status, [exactly(200), exactly(201)]);
    let sizes = |text: &str| (expect(text).min_size, expect(text).max_size);
    assert_eq!(sizes("{size: 100..5000}"), (Some(100), Some(5000)));
    assert_eq!(sizes("{size: {min: 7}}"), (Some(7), None));
    assert_eq!(sizes("{size: 7}"), (Some(7), Some(7)));
    for (text, matchers) in [
        ("exists", "[Exists]"),
        ("absent", "[Absent]"),
        ("{equals: absent}", "[Equals(Json(String(\"absent\")))]"),
        ("1.5", "[Equals(Json(Number(1.5)))]"),
        ("~", "[Equals(Json(Null))]"),
        ("[1, a]", "[Equals(Json(Array [Number(1), String(\"a\")]))]"),
        ("{equals: {a: [1]}}", "[Equals(Json(Object {\"a\": Array [Number(1)]}))]"),
        ("'a$${'", "[Equals(Json(String(\"a${\")))]"),
        ("{contains: a, matches: '^a+$'}", "[Contains(Template { parts: [Text(\"a\")] }), Matches(Regex(\"^a+$\"))]"),
    ] {
        let found = expect(&format!("{{json: {{$.a: {text}}}}}")).json;
        assert_eq!(format!("{:?}", found.into_iter().map(|(_, matcher)| matcher).collect::<Vec<_>>()), matchers, "{text}");
    }
    let filled = expect("{json: {$.a: '${products.id}'}, headers: {ETag: exists, X-A: b}, body: [a, b]}");
    assert!(matches!(&filled.json[0].1, Matcher::Equals(Expected::Template(_))));
    assert_eq!(filled.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["etag", "x-a"]);
    assert!(matches!(filled.body.as_slice(), [Matcher::Contains(_), Matcher::Contains(_)]));
}

#[test]
fn saves_conditions_and_repeats_are_compiled() {
    let save = |text: &str| format!("{:?}", step(&format!("- get: /\n  save: {{a: {text}}}")).save[0].from);
    for (text, said) in [
        ("$.a", "pick: First"),
        ("'$.a[*] last'", "pick: Last"),
        ("'$.a[*] all'", "pick: All"),
        ("{json: '$.a[?@.b == \"random\"] random'}", "pick: Random"),
        ("{header: Location}", "Header { name: \"location\" }"),
        ("{cookie: SID}", "Cookie { name: \"SID\" }"),
        ("{regex: 'id=(\\d+)', default: 0}", "Regex("),
    ] {
        assert!(save(text).contains(said), "{text}: {}", save(text));
    }
    let when = |text: &str| step(&format!("- get: /\n  when: {text}")).when.unwrap();
    assert!(matches!(when("${products.id}"), Condition::Truthy(_)));
    let Condition::Equal(left, right) = when("\"${products.id} == 'a b'\"") else { panic!("equal") };
    assert_eq!((shown(&left), shown(&right)), ("<Column { data: 0, column: 0 } None>".into(), "a b".into()));
    assert!(matches!(when("${products.id} != 3"), Condition::NotEqual(..)));
    assert!(matches!(step("- get: /\n  repeat: 3").repeat, Repeat::Times(3)));
    let each = step("- get: /ids\n  save: {ids: '$[*].id all'}\n- get: /ids/${id}\n  foreach: {list: '${ids}', as: id}");
    assert!(matches!(each.repeat, Repeat::Each { item: 1, .. }));
}

#[test]
fn pauses_are_read() {
    let second = Duration::from_secs(1);
    for (text, think) in [
        ("2s", Some(Think::Fixed(2 * second))),
        ("1s..3s", Some(Think::Range(second, 3 * second))),
        ("0s", None),
        ("{normal: {mean: 2s, sd: 500ms}}", Some(Think::Normal { mean: 2 * second, sd: second / 2 })),
        ("{exponential: 2s}", Some(Think::Exponential(2 * second))),
    ] {
        assert_eq!(Bench::new().good(&head(&format!("think: {text}"))).kinds[0].tasks[0].steps[0].think, think, "{text}");
    }
    let task = "tasks:\n  - {steps: [{get: /, think: 0s}, {get: /b}], think: 5s, pacing: 10s, weight: 0.5}\nthink: 1s\n";
    let scenario = Bench::new().good(&format!("{}{task}", SIX_LINES.split("tasks:").next().unwrap()));
    let task = &scenario.kinds[0].tasks[0];
    assert_eq!((task.think, task.pacing, task.weight), (Some(Think::Fixed(5 * second)), Some(10 * second), 500));
    assert_eq!(task.steps.iter().map(|step| step.think).collect::<Vec<_>>(), [None, Some(Think::Fixed(second))]);
}

const KINDS: &str = r"version: 1
name: shop
target: https://staging.shop.example
load: {users: 50, hold: 60s}
think: 1s
users:
  shopper:
    weight: 3
    think: 2s
    start: [{post: /login, save: {token: $.t}}]
    tasks:
      - {tags: [read], steps: [{get: '/a/${token}'}, {get: /slow, tags: [slow]}]}
      - {tags: [write], steps: [{post: /b, save: {id: $.id}}, {get: '/b/${id}'}]}
    stop: [{post: '/logout/${id}'}]
  robot:
    tasks: [{tags: [read], steps: [{get: /A}]}]
";

#[test]
fn two_tasks_of_a_kind_have_two_names() {
    let tasks = |tasks: &str| SIX_LINES.replace("  - steps: [{get: /api/products}]", tasks);
    let told = Bench::new().bad(&tasks(
        "  - name: browse\n    steps: [{get: /a}]\n  - {name: buy, steps: [{get: /b}]}\n  - {name: browse, steps: [{get: /c}]}",
    ));
    assert_eq!(
        told.split(" | ").next().unwrap().trim_end(),
        "s.yaml:9:12: two tasks are called `browse`: the other one stands in line 6\n   |\n 9",
        "{told}"
    );
    assert!(told.contains("hint: give each its own name"), "{told}");
    let told = Bench::new().bad(&tasks("  - {name: task 2, steps: [{get: /a}]}\n  - steps: [{get: /b}]"));
    assert!(told.contains("two tasks are called `task 2`: the other one stands in line 6"), "{told}");
    let kinds = KINDS.replace("- {tags: [read], steps: [{get: /A}]}", "- {name: task 1, steps: [{get: /A}]}");
    assert_eq!(Bench::new().good(&kinds).kinds.len(), 2, "tasks of two kinds may share a name");
}

#[test]
fn kinds_of_user_are_compiled() {
    let scenario = Bench::new().good(KINDS);
    let kinds: Vec<_> = scenario.kinds.iter().map(|k| (k.name.as_deref(), k.weight, k.start.len(), k.tasks.len(), k.stop.len())).collect();
    assert_eq!(kinds, [(Some("shopper"), 3000, 1, 2, 1), (Some("robot"), 1000, 0, 1, 0)]);
    assert_eq!(scenario.kinds[0].tasks[0].steps[0].think, Some(Think::Fixed(Duration::from_secs(2))));
    assert_eq!(scenario.kinds[1].tasks[0].steps[0].think, Some(Think::Fixed(Duration::from_secs(1))));
}

#[test]
fn tags_choose_steps_and_leave_the_rest_excluded() {
    let chosen = |tags: &[&str], without: &[&str]| {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let bench = Bench::new().with(|o| (o.tags, o.exclude_tags) = (words(tags), words(without)));
        let scenario = bench.good(&KINDS.replace("/logout/${id}", "/logout"));
        let of = |usage| scenario.endpoints.iter().filter(|e| e.role == usage).map(|e| e.name.clone()).collect::<Vec<_>>().join(", ");
        (of(EndpointRole::Task), of(EndpointRole::Lifecycle), of(EndpointRole::Excluded), scenario.kinds.len(), scenario.warnings)
    };
    let told = |tasks: &str, excluded: &str, kinds: usize, warnings: &[&str]| {
        let warnings = warnings.iter().map(|&warning| warning.to_owned()).collect::<Vec<_>>();
        (tasks.to_owned(), "POST /login, POST /logout".to_owned(), excluded.to_owned(), kinds, warnings)
    };
    assert_eq!(chosen(&["write"], &[]), told("POST /b, GET /b/${id}", "GET /a/${token}, GET /slow, GET /A", 1, &[]));
    assert_eq!(chosen(&["read"], &["slow"]), told("GET /a/${token}, GET /A", "GET /slow, POST /b, GET /b/${id}", 2, &[]));
    let unknown = ["no task or step has the tag `x`"];
    assert_eq!(chosen(&["slow", "x"], &[]), told("GET /slow", "GET /a/${token}, POST /b, GET /b/${id}, GET /A", 1, &unknown));
    let nothing = Bench::new().with(|o| o.tags = vec!["x".into()]).bad(KINDS);
    assert_eq!(nothing, "the tags leave no step to run\nhint: tags of the file: read, slow, write");
}

#[test]
fn a_variable_has_to_be_set_before_it_is_read() {
    let bench = Bench::new();
    for (text, said) in [
        (KINDS.replace("get: /A", "get: '/${token}'"), "`${token}` is set by users of the kind `shopper` only"),
        (KINDS.replace("post: /login", "post: '/login/${token}'"), "`${token}` is read here before a step sets it"),
        (KINDS.replace("post: /login", "post: '/login/${id}'"), "`${id}` is read here before a step sets it"),
    ] {
        let error = bench.bad(&text);
        assert!(error.contains(said), "{error}");
    }
    let error = Bench::new().with(|o| o.tags = vec!["read".into()]).bad(KINDS);
    assert!(error.starts_with("s.yaml:14:28: the steps that set `${id}` are left out by the tags"), "{error}");
    bench.good(&steps("- get: /${late}\n- get: /b\n  save: {late: $.x}"));
}

#[test]
fn what_is_worth_telling_is_told() {
    let text = steps("- get: /Api/a\n- get: /api/a/\n- get: /api/a").replace("[STAGING_PASSWORD]", "[STAGING_PASSWORD, PIN]");
    assert_eq!(
        Bench::new().good(&text).warnings,
        [
            "endpoints `GET /Api/a` and `GET /api/a/` differ only by case or a slash: they are counted apart",
            "endpoints `GET /Api/a` and `GET /api/a` differ only by case or a slash: they are counted apart",
            "data set `products` is used by no step",
            "environment variable `STAGING_PASSWORD` is used by no step",
            "environment variable `PIN` is used by no step",
            "environment variable `PIN` is shorter than 6 characters: it is not blanked where it is shown"
        ]
    );
}

#[test]
fn names_that_look_the_same_are_told() {
    let names = ["/api/a", "/\\u0430pi/a", "/caf\\u00e9", "/cafe\\u0301", "/x/\\u200by", "/x/y", "/z", "/w"];
    let steps_text: String = names.map(|name| format!("- get: /a\n  name: \"{name}\"\n")).concat();
    let warnings = Bench::new().good(&steps(steps_text.trim_end())).warnings;
    let alike =
        |one: &str, other: &str| format!("endpoints `GET {one}` and `GET {other}` look the same and are not: they are counted apart");
    assert_eq!(
        warnings.into_iter().filter(|warning| warning.starts_with("endpoints")).collect::<Vec<_>>(),
        [alike("/api/a", "/\\u{430}pi/a"), alike("/caf\\u{e9}", "/cafe\\u{301}"), alike("/x/\\u{200b}y", "/x/y"),]
    );
}

#[test]
fn an_unset_environment_variable_is_refused_where_it_is_used() {
    let mut bench = Bench::new();
    bench.environment = vec![("STAGING_PASSWORD".into(), String::new())];
    let error = bench.bad(EXAMPLE);
    assert!(error.starts_with("s.yaml:23:57: environment variable `STAGING_PASSWORD` is not set or empty"), "{error}");
}

#[test]
fn more_than_a_thousand_endpoints_are_refused() {
    let text = |count: usize| steps(&(0..count).map(|n| format!("- get: /{n}\n")).collect::<Vec<_>>().concat());
    assert_eq!(Bench::new().good(&text(1000)).endpoints.len(), 1000);
    let error = Bench::new().bad(&text(1001));
    assert!(error.starts_with("s.yaml:1009:14: more than 1000 endpoints"), "{error}");
}

#[test]
fn the_hash_is_of_what_is_sent() {
    let hash = |text: &str| Bench::new().good(text).hash;
    let original = hash(EXAMPLE);
    assert!(original.starts_with("sha256:") && original.len() == 71, "{original}");
    for (from, to) in [
        ("name: checkout", "name: other"),
        ("https://staging.shop.example", "http://localhost:8080/prefix"),
        ("seed: 7", "seed: 8"),
        ("hold: 2m", "hold: 5m"),
        ("ramp: 20s", "ramp: 10s"),
        ("timeout: 30s", "timeout: 20s"),
        ("name: browse", "name: look"),
        ("ready: /health", "# no ready"),
        ("expect: 200", "expect: [200] # the same"),
    ] {
        assert_eq!(hash(&EXAMPLE.replace(from, to)), original, "{to}");
    }
    for (from, to) in [
        ("users: 200", "users: 100"),
        ("ramp: 20s", "ramp: 0s"),
        ("post: /api/cart", "post: /api/carts"),
        ("post: /api/cart", "put: /api/cart"),
        ("weight: 3", "weight: 2"),
        ("{id: \"${products.id}\"}", "{id: \"${products.price}\"}"),
        ("think: 1s..3s", "think: 1s..2s"),
        ("accept: application/json", "accept: '*/*'"),
        ("version: auto", "version: 2"),
        ("per_user", "per_request"),
        ("within: 2s", "within: 1s"),
        ("exists", "absent"),
        ("id random", "id first"),
        ("order: random", "order: shuffle"),
    ] {
        assert_ne!(hash(&EXAMPLE.replace(from, to)), original, "{to}");
    }
    let mut bench = Bench::new();
    bench.environment[0].1 = "another secret".into();
    assert_eq!(bench.good(EXAMPLE).hash, original, "a secret is not in the hash");
    bench.file("data/products.csv", "id,price\n1,9.50\n3,12\n");
    assert_ne!(bench.good(EXAMPLE).hash, original, "the content of data files is");
    assert_ne!(Bench::new().with(|o| o.tags = vec!["read".into()]).good(EXAMPLE).hash, original);
    assert_ne!(Bench::new().with(|o| o.users = Some(100)).good(EXAMPLE).hash, original);
    assert_eq!(Bench::new().with(|o| o.duration = Some(Duration::from_secs(9))).good(EXAMPLE).hash, original);
}

#[test]
fn the_hash_stays_the_same_from_version_to_version() {
    assert_eq!(Bench::new().good(EXAMPLE).hash, "sha256:5d40e7d132ff9147db6f828f1f0e629d51c2458a8b544fcf9aed424120d0e57d");
}

#[test]
fn the_guard_examines_target_and_size() {
    let check = |text: &str, file_target: Option<&str>, permissions: &Permissions| {
        check_scenario(&Bench::new().good(text), file_target, permissions).map_err(|refusal| (refusal.to_string(), refusal.hint()))
    };
    let none = Permissions::default();
    let to = |host: &str| SIX_LINES.replace("staging.shop.example", host);
    let said = |refusal: &str, hint: &str| Err((refusal.to_owned(), hint.to_owned()));
    assert_eq!(check(SIX_LINES, None, &none), Ok(()));
    assert_eq!(check(SIX_LINES, Some("https://staging.shop.example/x"), &none), Ok(()));
    assert_eq!(
        check(SIX_LINES, Some("https://other.example"), &none),
        said(
            "`staging.shop.example` is not an allowed target: the scenario's is `other.example`",
            "if its owner agrees, say `--allow-host staging.shop.example`"
        )
    );
    assert_eq!(
        check(&to("api.prod2.example"), None, &none),
        said("`api.prod2.example` looks like production: it has the word `prod`", "if its owner agrees, say `--allow-production`")
    );
    assert_eq!(
        check(&to("0xa9fea9fe"), None, &Permissions { production: true, load: true, hosts: vec![] }),
        said("`169.254.169.254` is a blocked address: link-local, where clouds keep their metadata", "such addresses are never loaded")
    );
    for (load_text, refusal) in [
        ("{users: 20001, hold: 1s}", "20,001 users are above the limit of 20,000"),
        ("{rate: 100001/s, hold: 1s}", "100,001 starts a second are above the limit of 100,000"),
        ("{users: 1, hold: 2h, warmup: 1m}", "2h1m of load are above the limit of 2h"),
    ] {
        assert_eq!(check(&load(load_text), None, &none), said(refusal, "if it is meant, say `--allow-load`"));
        assert_eq!(check(&load(load_text), None, &Permissions { load: true, ..Permissions::default() }), Ok(()));
    }
}

#[test]
fn a_scenario_is_opened_from_its_file() {
    let bench = Bench::new();
    bench.file("checkout.yaml", format!("\u{feff}{}", EXAMPLE.replace('\n', "\r\n")));
    let environment = |_: &str| Some("a password".to_owned());
    let open = |name: &str| Scenario::open(&bench.folder.path().join(name), &Overrides::default(), &environment);
    let scenario = open("checkout.yaml").unwrap();
    assert_eq!((scenario.name.as_str(), scenario.hash), ("checkout", Bench::new().good(EXAMPLE).hash));
    assert!(open("data").unwrap_err().to_string().ends_with("not a regular file"));
    assert!(open("missing.yaml").unwrap_err().to_string().contains("cannot read"));
    let document = Document::open(&bench.folder.path().join("checkout.yaml")).unwrap();
    assert_eq!(Scenario::target_of_file(&document).unwrap().as_deref(), Some("https://staging.shop.example"));
}

#[test]
fn the_schema_accepts_what_is_accepted_and_refuses_unknown_keys() {
    let validator = jsonschema::validator_for(&Scenario::schema()).unwrap();
    let value = |text: &str| Document::from_text("s.yaml", text).parse::<serde_json::Value>().unwrap();
    for text in [SIX_LINES, EXAMPLE, KINDS] {
        let errors: Vec<String> = validator.iter_errors(&value(text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
    for (from, to) in [("version: 1", "version: 2"), ("hold: 60s", "holt: 60s"), ("{get: ", "{gte: "), ("name: shop\n", "")] {
        assert!(!validator.is_valid(&value(&SIX_LINES.replace(from, to))), "{to}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
        let bench = Bench::new();
        let _ = bench.open(&text);
        let _ = bench.open(&steps(&format!("- get: {text}")));
        let _ = bench.open(&steps(&format!("- get: '/{}'", text.replace('\'', "''"))));
    }

    #[test]
    fn any_change_of_a_good_file_is_read_or_refused(at in 0..EXAMPLE.len(), length in 0_usize..30, new in "[\\PC\n{}\\[\\]:$,'\" ]{0,8}") {
        let start = EXAMPLE.floor_char_boundary(at);
        let end = EXAMPLE.floor_char_boundary((at + length).min(EXAMPLE.len()));
        let _ = Bench::new().open(&format!("{}{new}{}", &EXAMPLE[..start], &EXAMPLE[end..]));
    }

    #[test]
    fn any_value_is_read_or_refused(inner in "[a-z.(),'\" ${}0-9-]{0,30}", key in "(when|body|name|think|repeat|expect|timeout)") {
        let quoted = inner.replace('\'', "''");
        let _ = Bench::new().open(&steps(&format!("- post: '/${{{quoted}}}'\n  {key}: '${{{quoted}}} {quoted}'")));
    }
}
