//! GitHub as far as we use it, with a memory: comments, pull requests, artifacts, files. Every request and every answer
//! is held against GitHub's own description. Faults are switched on by the tests.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::openapi::Operation;
use super::server::{Reply, Request, Server};
use super::turns::Turns;

/// What the job's own token is, and under which name it writes.
pub const TOKEN: &str = "ghs_5ecr3t5ecr3t";
pub const OURS: &str = "github-actions[bot]";
const REPOSITORY: &str = "/repos/acme/shop";
pub const REPOSITORY_ID: u64 = 1;

/// GitHub on a free port of this machine.
pub struct Github {
    server: Server,
    store: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    comments: Vec<Value>,
    pulls: Vec<Value>,
    artifacts: Vec<Value>,
    runs: Vec<Value>,
    files: Vec<(String, String)>,
    checks: Vec<Value>,
    faults: Vec<Fault>,
    calls: Vec<String>,
    mistakes: Vec<String>,
    next_id: u64,
    store: String,
}

/// What goes wrong with the next calls that begin like this: `POST /repos/..`.
#[derive(Clone)]
pub struct Fault {
    pub call: &'static str,
    pub times: usize,
    pub done: Done,
    pub status: u16,
    pub headers: &'static str,
    pub body: &'static str,
}

/// Whether the call is carried out all the same.
#[derive(Clone, Copy, PartialEq)]
pub enum Done {
    Yes,
    No,
}

impl Github {
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State { next_id: 100, ..State::default() }));
        let (serving, storing) = (Arc::clone(&state), Arc::clone(&state));
        let store = Server::start(move |request| stored(&mut storing.lock().unwrap(), request));
        let server = Server::start(move |request| answer(&mut serving.lock().unwrap(), request));
        state.lock().unwrap().store = store.url();
        Self { server, store, state }
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    /// A door for one of several jobs, whose calls about comments are served in turn.
    pub fn door(&self, job: &'static str, turns: &Arc<Turns>) -> Server {
        let (state, turns) = (Arc::clone(&self.state), Arc::clone(turns));
        Server::start(move |request| {
            let serve = || answer(&mut state.lock().unwrap(), request);
            let (method, path) = request.line.split_once(' ').unwrap();
            if path.contains("/comments") { turns.serve(job, method, serve) } else { serve() }
        })
    }

    /// The variables of a job on a pull request.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let url = self.url();
        vec![
            ("GITHUB_ACTIONS", "true".into()),
            ("GITHUB_API_URL", url.clone()),
            ("GITHUB_GRAPHQL_URL", format!("{url}/graphql")),
            ("GITHUB_REPOSITORY", "acme/shop".into()),
            ("GITHUB_TOKEN", TOKEN.into()),
            ("GITHUB_WORKFLOW", "Gate".into()),
            ("GITHUB_JOB", "perf".into()),
            ("GITHUB_RUN_ID", "500".into()),
            ("GITHUB_RUN_ATTEMPT", "1".into()),
            ("GITHUB_SHA", "merge".into()),
        ]
    }

    pub fn fails(&self, fault: Fault) {
        self.state.lock().unwrap().faults.push(fault);
    }

    pub fn comment(&self, author: &str, body: &str) {
        let mut state = self.state.lock().unwrap();
        let comment = state.new_comment(author, body);
        state.comments.push(comment);
    }

    /// Author and body of every comment.
    pub fn comments(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.state.lock().unwrap().comments.iter().map(|comment| (text(&comment["user"]["login"]), text(&comment["body"]))).collect()
    }

    pub fn pull(&self, values: Value) {
        self.state.lock().unwrap().pulls.push(values);
    }

    pub fn file(&self, path: &str, text: &str) {
        self.state.lock().unwrap().files.push((path.to_owned(), text.to_owned()));
    }

    /// An artifact of the store that everything speaks for, but for what is said here of it and of its run.
    pub fn artifact(&self, name: &str, content: &[u8], of_artifact: &Value, of_run: &Value) {
        let mut state = self.state.lock().unwrap();
        state.next_id += 1;
        let id = state.next_id;
        let digest: Vec<String> = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        let mut artifact = json!({
            "id": id, "name": name, "expired": false, "created_at": format!("2026-11-20T12:{:02}:00Z", id % 60),
            "digest": format!("sha256:{}", digest.concat()), "size_in_bytes": content.len(), "content": content,
            "workflow_run": {"id": id, "repository_id": REPOSITORY_ID, "head_repository_id": REPOSITORY_ID, "head_branch": "main"},
        });
        let mut run = json!({
            "id": id, "event": "schedule", "conclusion": "success", "head_branch": "main", "path": ".github/workflows/nightly.yml",
            "repository": {"id": REPOSITORY_ID}, "head_repository": {"id": REPOSITORY_ID},
        });
        merge(&mut artifact, of_artifact);
        merge(&mut run, of_run);
        state.artifacts.push(artifact);
        state.runs.push(run);
    }

    pub fn checks(&self) -> Vec<Value> {
        self.state.lock().unwrap().checks.clone()
    }

    /// `GET /repos/..` of every call, in order.
    pub fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.clone()
    }

    /// What the store of artifacts was asked, whole.
    pub fn asked_of_store(&self) -> Vec<String> {
        self.store.remembered().into_iter().map(|request| request.text).collect()
    }

    /// That nothing was sent or answered that GitHub does not describe.
    #[track_caller]
    pub fn spoke_as_described(&self) {
        let state = self.state.lock().unwrap();
        assert!(state.mistakes.is_empty(), "{:#?}", state.mistakes);
    }
}

fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => base.clone_from(over),
    }
}

impl State {
    fn new_comment(&mut self, author: &str, body: &str) -> Value {
        self.next_id += 1;
        let kind = if author.ends_with("[bot]") { "Bot" } else { "User" };
        json!({
            "id": self.next_id, "body": body, "user": {"login": author, "type": kind},
            "html_url": format!("https://github.example/acme/shop/pull/7#issuecomment-{}", self.next_id),
        })
    }
}

/// The store of artifacts: another host, to which no token goes.
fn stored(state: &mut State, request: &Request) -> Reply {
    let id: u64 = request.line.rsplit('/').next().unwrap().split('?').next().unwrap().parse().unwrap();
    let artifact = state.artifacts.iter().find(|artifact| artifact["id"] == id).unwrap();
    let content: Vec<u8> =
        artifact["content"].as_array().unwrap().iter().map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap()).collect();
    raw(200, "content-type: application/zip\r\n", &content)
}

fn answer(state: &mut State, request: &Request) -> Reply {
    let (method, path) = request.line.split_once(' ').unwrap();
    let (head, body) = request.text.split_once("\r\n\r\n").unwrap();
    state.calls.push(request.line.clone());
    if !head.to_ascii_lowercase().contains(&format!("authorization: bearer {TOKEN}")) {
        return raw(401, "", br#"{"message": "Bad credentials"}"#);
    }
    if path == "/graphql" {
        return raw(200, "", json!({"data": {"viewer": {"login": OURS}}}).to_string().as_bytes());
    }
    // Enterprise serves the same below a prefix.
    let path = path.strip_prefix("/api/v3").unwrap_or(path);
    let Some(operation) = Operation::find(method, path) else {
        state.mistakes.push(format!("{method} {path} is not described"));
        return raw(404, "", br#"{"message": "Not Found"}"#);
    };
    let wrong = operation.mistakes_of_request(body.as_bytes());
    state.mistakes.extend(wrong.into_iter().map(|mistake| format!("{method} {path}: sent {mistake}")));
    let fault = state.faults.iter_mut().find(|fault| fault.times > 0 && request.line.starts_with(fault.call));
    let fault = fault.map(|fault| {
        fault.times -= 1;
        fault.clone()
    });
    match fault {
        Some(fault) => {
            if fault.done == Done::Yes {
                let _ = carried_out(state, operation, method, path, body);
            }
            raw(fault.status, fault.headers, fault.body.as_bytes())
        }
        None => described(state, operation, method, path, body),
    }
}

fn described(state: &mut State, operation: Operation, method: &str, path: &str, body: &str) -> Reply {
    let (status, headers, answer) = carried_out(state, operation, method, path, body);
    if status < 300 && status != 204 {
        let wrong = operation.mistakes_of_answer(status, answer.to_string().as_bytes());
        state.mistakes.extend(wrong.into_iter().map(|mistake| format!("{method} {path}: answered {mistake}")));
    }
    let text = if status == 204 || status == 302 { String::new() } else { answer.to_string() };
    raw(status, &headers, text.as_bytes())
}

fn carried_out(state: &mut State, operation: Operation, method: &str, path: &str, body: &str) -> (u16, String, Value) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let rest: Vec<&str> = path.strip_prefix(REPOSITORY).unwrap_or_default().split('/').skip(1).collect();
    let sent = || serde_json::from_str::<Value>(body).unwrap();
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(decoded);
    let ok = |values: Value| (200, String::new(), operation.body(200, &values));
    match (method, rest.as_slice()) {
        ("GET", []) => ok(json!({"default_branch": "main", "id": REPOSITORY_ID})),
        ("GET", ["issues", _, "comments"]) => page_of(state, operation, path, parameter("page")),
        ("POST", ["issues", _, "comments"]) => {
            let text = sent()["body"].as_str().unwrap().to_owned();
            let comment = state.new_comment(OURS, &text);
            state.comments.push(comment.clone());
            (201, String::new(), operation.body(201, &comment))
        }
        ("PATCH", ["issues", "comments", id]) => match state.comments.iter_mut().find(|comment| is(comment, id)) {
            Some(comment) => {
                comment["body"] = sent()["body"].clone();
                ok(comment.clone())
            }
            None => not_found(),
        },
        ("DELETE", ["issues", "comments", id]) => {
            let before = state.comments.len();
            state.comments.retain(|comment| !is(comment, id));
            if state.comments.len() < before { (204, String::new(), Value::Null) } else { not_found() }
        }
        ("GET", ["pulls"]) => {
            let head = parameter("head").unwrap();
            let fits = |pull: &&Value| format!("{}:{}", pull["owner"].as_str().unwrap(), pull["head"]["ref"].as_str().unwrap()) == head;
            ok(state.pulls.iter().filter(fits).map(without_owner).collect())
        }
        ("GET", ["commits", sha, "pulls"]) => {
            ok(state.pulls.iter().filter(|pull| pull["head"]["sha"] == *sha).map(without_owner).collect())
        }
        ("GET", ["actions", "artifacts"]) => {
            let name = parameter("name").unwrap();
            let found: Vec<Value> =
                state.artifacts.iter().filter(|artifact| artifact["name"] == name.as_str()).map(without_content).collect();
            let (shown, more) = on_page(&found, parameter("page"));
            let next = next_page(
                path,
                more,
                &format!("&name={}", percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC)),
            );
            (200, next, operation.body(200, &json!({"total_count": found.len(), "artifacts": shown})))
        }
        ("GET", ["actions", "artifacts", id, "zip"]) => {
            let location = format!("location: {}/{id}?signature=s3cr3t\r\n", state.store);
            (302, location, Value::Null)
        }
        ("GET", ["actions", "runs", id]) => match state.runs.iter().find(|run| is(run, id)) {
            Some(run) => ok(run.clone()),
            None => not_found(),
        },
        ("GET", ["contents", path @ ..]) => match state.files.iter().find(|(known, _)| *known == decoded(&path.join("/"))) {
            Some((path, text)) => {
                use base64::Engine as _;
                let content = base64::engine::general_purpose::STANDARD.encode(text);
                (
                    200,
                    String::new(),
                    json!({
                        "type": "file", "encoding": "base64", "size": text.len(), "name": path, "path": path, "content": content, "sha": "a",
                        "url": "https://x.example", "git_url": null, "html_url": null, "download_url": null,
                        "_links": {"git": null, "html": null, "self": "https://x.example"},
                    }),
                )
            }
            None => not_found(),
        },
        ("POST", ["check-runs"]) => {
            state.checks.push(sent());
            (201, String::new(), operation.body(201, &json!({"html_url": "https://github.example/check"})))
        }
        _ => not_found(),
    }
}

/// One page of the comments, and where the next one is.
fn page_of(state: &State, operation: Operation, path: &str, page: Option<String>) -> (u16, String, Value) {
    let (shown, more) = on_page(&state.comments, page);
    (200, next_page(path, more, ""), operation.body(200, &Value::Array(shown)))
}

const PAGE_SIZE: usize = 100;

/// What stands on a page, and the number of the next one.
fn on_page(all: &[Value], page: Option<String>) -> (Vec<Value>, Option<usize>) {
    let page: usize = page.map_or(1, |page| page.parse().unwrap());
    let shown = all.iter().skip((page - 1) * PAGE_SIZE).take(PAGE_SIZE).cloned().collect();
    (shown, (all.len() > page * PAGE_SIZE).then_some(page + 1))
}

fn next_page(path: &str, more: Option<usize>, query: &str) -> String {
    more.map(|page| format!("link: <{path}?per_page={PAGE_SIZE}&page={page}{query}>; rel=\"next\"\r\n")).unwrap_or_default()
}

fn is(thing: &Value, id: &str) -> bool {
    thing["id"].as_u64() == id.parse().ok()
}

fn not_found() -> (u16, String, Value) {
    (404, String::new(), json!({"message": "Not Found"}))
}

fn without_owner(pull: &Value) -> Value {
    let mut pull = pull.clone();
    pull.as_object_mut().unwrap().remove("owner");
    pull
}

fn without_content(artifact: &Value) -> Value {
    let mut artifact = artifact.clone();
    artifact.as_object_mut().unwrap().remove("content");
    artifact
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

fn raw(status: u16, headers: &str, body: &[u8]) -> Reply {
    let head = format!("HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n", body.len());
    let without_body = matches!(status, 204 | 304);
    let head = if without_body { format!("HTTP/1.1 {status} Said\r\n\r\n") } else { head };
    Reply::Raw([head.as_bytes(), body].concat())
}
