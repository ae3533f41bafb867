//! `init`: what it writes validates, runs against a real server, holds no secret, and overwrites nothing.

use serde_json::{Value, json};

use crate::support::{Reply, Server, Workspace, at_once};

const SIX_LINES: &str = "\
version: 1
name: shop
target: https://staging.shop.example
load: {users: 50, hold: 60s}
tasks:
  - steps: [{get: /api/products}]
";

#[test]
fn bare_init_asks_nothing_and_overwrites_nothing() {
    let workspace = Workspace::empty();
    workspace
        .perfgate("init --name shop")
        .with(0)
        .prints("wrote shop.yaml\nwrote thresholds/shop.yaml\nwrote .github/workflows/performance-gate.yml\nwrote .github/workflows/nightly-baseline.yml\n")
        .says("next: perfgate check shop.yaml");
    assert_eq!(workspace.read("shop.yaml"), SIX_LINES);
    assert_eq!(workspace.read("thresholds/shop.yaml").lines().count(), 4);
    workspace.perfgate("validate shop.yaml").with(0).prints("enough for p99\n");

    workspace.write("shop.yaml", "mine");
    let ended = workspace.perfgate("init --name shop").with(2);
    ended.says(
        "error: shop.yaml, thresholds/shop.yaml, .github/workflows/performance-gate.yml, .github/workflows/nightly-baseline.yml are there already; nothing was written\nhint: --force",
    );
    workspace
        .perfgate("init --name other")
        .with(2)
        .says("nightly-baseline.yml are there already")
        .says("hint: one gate checks several scenarios: --no-workflow");
    workspace.perfgate("init --name other --no-workflow").with(0);
    assert_eq!(workspace.read("shop.yaml"), "mine");
    workspace.perfgate("init --name shop --force").with(0);
    assert_eq!(workspace.read("shop.yaml"), SIX_LINES);
    workspace.perfgate("init --dir elsewhere/deep").with(0);
    assert!(workspace.has("elsewhere/deep/deep.yaml") && workspace.has("elsewhere/deep/.github/workflows/performance-gate.yml"));
}

#[test]
fn what_cannot_be_drafted_from_is_told_with_its_cure() {
    let workspace = Workspace::empty();
    workspace.write("openapi.yaml", "openapi: 3.0.3\npaths: {}\n");
    workspace.write("visit.har", "{\"log\": {\"entries\": []}}");
    workspace.write("locustfile.py", "import this\n");
    workspace.write("pets.json", "{\"swagger\": \"2.0\"}");
    for (arguments, says) in [
        ("--openapi gone.yaml", "error: cannot read gone.yaml: "),
        ("--openapi openapi.yaml", "error: openapi.yaml has nothing to ask: it has no operation under `paths`\nhint: "),
        ("--openapi pets.json", "error: pets.json is not an OpenAPI 3 description\nhint: it is Swagger 2"),
        ("--openapi visit.har", "error: visit.har is not an OpenAPI 3 description\nhint: "),
        ("--har visit.har", "error: visit.har has nothing to ask: no request of a page or an API was answered\nhint: "),
        ("--har openapi.yaml", "error: openapi.yaml is not JSON: "),
        ("--from-locust locustfile.py", "error: locustfile.py has nothing to ask: it has no class that is an HttpUser"),
        ("--url staging.shop.example", "\nhint: it begins with http:// or https://"),
        ("--url ftp://a.example", "error: "),
        ("--name ../up", "error: `../up` is no name for files\nhint: lower-case letters, digits and `-`: --name up"),
        ("--openapi openapi.yaml --har visit.har", "cannot be used with"),
    ] {
        workspace.perfgate(&format!("init {arguments}")).with(2).says(says);
    }
    assert_eq!(workspace.names("").len(), 4, "nothing was written");
}

const OPENAPI: &str = "\
openapi: 3.0.3
info: {title: Shop}
servers: [{url: /api}]
security: [{login: []}]
components:
  securitySchemes:
    login: {type: http, scheme: bearer}
  schemas:
    Product: {type: object, required: [name], properties: {name: {type: string, example: oak table}, parts: {type: array, items: {$ref: '#/components/schemas/Product'}}}}
paths:
  /products/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer, example: 42}}]
    get: {responses: {200: {description: one}}}
  /products:
    post:
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Product'}}}}
      responses: {201: {description: made}}
";

fn recording(origin: &str) -> String {
    let entry = |at: u32, method: &str, path: &str, body: Option<Value>, answer: &str| {
        json!({
            "startedDateTime": format!("2026-11-20T12:00:{at:02}.000Z"), "time": 50,
            "request": {"method": method, "url": format!("{origin}{path}"), "postData": body,
                        "headers": [{"name": "Authorization", "value": if at == 0 { "" } else { "Bearer t0k3n-of-the-visit" }}]},
            "response": {"status": 200, "headers": [], "content": {"mimeType": "application/json", "text": answer}},
        })
    };
    let login = json!({"mimeType": "application/json", "text": "{\"username\": \"jo\", \"password\": \"hunter2hunter2\"}"});
    let entries = [
        entry(0, "POST", "/login", Some(login), "{\"token\": \"t0k3n-of-the-visit\"}"),
        entry(1, "GET", "/api/products/42", None, "{}"),
        entry(2, "GET", "/app.js", None, ""),
    ];
    json!({"log": {"version": "1.2", "entries": entries}}).to_string()
}

const LOCUSTFILE: &str = "\
from locust import HttpUser, task, between
class Shopper(HttpUser):
    wait_time = between(0.01, 0.02)
    def on_start(self):
        self.token = self.client.post('/login', json={'password': 'hunter2hunter2'}).json()['token']
    @task(3)
    def look(self):
        self.client.get(f'/api/products/{42}', headers={'Authorization': f'Bearer {self.token}'}, name='/api/products/:id')
        while True:
            break
";

#[test]
fn what_is_drafted_runs_against_a_real_server() {
    let server = || {
        Server::start(|request| match request.line.as_str() {
            "POST /login" => Reply::json("{\"token\": \"t-1\"}"),
            "POST /api/products" => Reply::status(201),
            _ => Reply::ok(),
        })
    };
    let servers = [server(), server(), server(), server()];
    let url = |at: usize| servers[at].url();
    let rows = [
        (
            "openapi.yaml",
            OPENAPI.to_owned(),
            format!("--openapi openapi.yaml --target {}", url(0)),
            &["GET /api/products/42", "POST /api/products"][..],
            "no traffic",
        ),
        (
            "visit.har",
            recording(&url(1)),
            "--har visit.har --name shop".to_owned(),
            &["POST /login", "GET /api/products/42"],
            "note: left out: 1 requests for static",
        ),
        (
            "locustfile.py",
            LOCUSTFILE.to_owned(),
            format!("--from-locust locustfile.py --name shop --target {}", url(2)),
            &["POST /login", "GET /api/products/42"],
            "note: lines 9 to 10: not carried over: `while True:`",
        ),
        ("none", String::new(), format!("--url {}/api/products?page=2 --name shop", url(3)), &["GET /api/products?page=2"], "next: "),
    ];
    let rows: Vec<_> = servers.iter().zip(rows).collect();
    at_once(&rows, |(server, (source, content, arguments, asked, said))| {
        let mut workspace = Workspace::empty();
        workspace.write(source, content);
        workspace.perfgate(&format!("init {arguments}")).with(0).says(said);
        assert_eq!(server.remembered().len(), 0, "init sends nothing");
        for file in
            ["shop.yaml", "thresholds/shop.yaml", ".github/workflows/performance-gate.yml", ".github/workflows/nightly-baseline.yml"]
        {
            let text = workspace.read(file);
            assert!(!text.contains("hunter2") && !text.contains("t0k3n-of"), "{source} {file}\n{text}");
        }
        workspace.perfgate("validate shop.yaml").with(0).prints("thresholds/shop.yaml: ok, thresholds for shop, fit scenario shop\n");
        for name in ["STAGING_LOGIN_TOKEN", "STAGING_USERNAME", "STAGING_PASSWORD"] {
            workspace.set_variable(name, "from-the-environment");
        }
        let ended = workspace.perfgate("validate shop.yaml").with(0);
        assert!(!ended.stderr.contains("is not set"), "{}", ended.stderr);
        // On a busy machine the measurement may be doubtful; what was asked is not.
        let ended = workspace.start("run shop.yaml --users 2 --duration 2s").end();
        assert!([0, 3].contains(&ended.code), "{}", ended.stderr);
        let run = workspace.json("perfgate-out/run.json");
        assert_eq!(run["total"]["failures"], 0, "{source}\n{}", workspace.read("shop.yaml"));
        for line in *asked {
            let text =
                server.remembered().into_iter().find(|request| request.line == *line).unwrap_or_else(|| panic!("{source}: {line}")).text;
            let is_authorized =
                text.contains("authorization: Bearer t-1\r\n") || text.contains("authorization: Bearer from-the-environment\r\n");
            assert!(is_authorized || line.ends_with("login") || *source == "none", "{source}\n{text}");
        }
    });
}

#[test]
fn the_first_url_is_a_gate_at_once() {
    let server = Server::healthy();
    let workspace = Workspace::empty();
    workspace.perfgate(&format!("init --url {}/api/products --name shop", server.url())).with(0);
    workspace.perfgate("check shop.yaml --users 4 --duration 4s").with(0).prints("perfgate: passed · 3 checks");
}

#[test]
fn the_workflow_hands_over_the_secrets_that_the_scenario_reads() {
    let workspace = Workspace::empty();
    workspace.write("openapi.yaml", OPENAPI);
    workspace.perfgate("init --openapi openapi.yaml").with(0);
    let job = |file: &str, job: &str| {
        let text = workspace.read(&format!(".github/workflows/{file}"));
        let workflow: Value = perfgate::document::Document::from_text(file, text).parse().unwrap();
        assert_eq!(workflow["concurrency"], json!({"group": "staging-load"}));
        workflow["jobs"][job].clone()
    };
    let gate = job("performance-gate.yml", "gate");
    assert_eq!(gate["permissions"], json!({"contents": "read", "actions": "read", "pull-requests": "write"}));
    for job in [gate, job("nightly-baseline.yml", "refresh")] {
        let step = job["steps"].as_array().unwrap().last().unwrap();
        assert_eq!(step["with"]["scenario"], "shop.yaml");
        assert_eq!(step["env"], json!({"STAGING_LOGIN_TOKEN": "${{ secrets.STAGING_LOGIN_TOKEN }}"}));
    }
}
