//! GitLab, Azure Pipelines and Buildkite: what each is told, and in whose words.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Reply, Request, Server, Workspace};

fn failing() -> (Server, Workspace) {
    let server = Server::start(|_| Reply::slow(5));
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit("shop.yaml", "users: 30", "users: 12");
    workspace.edit("thresholds/shop.yaml", "400ms", "1ms");
    (server, workspace)
}

/// A merge request of a GitLab with notes.
struct MergeRequest {
    notes: Vec<Value>,
    /// What another job writes between a job's looking and its writing.
    between: Option<Value>,
    /// Whether the answer to a new note is lost.
    loses_answer: bool,
}

impl MergeRequest {
    /// Begun with one note of somebody else.
    fn start(between: Option<Value>, loses_answer: bool) -> (Server, Arc<Mutex<Self>>) {
        let notes = vec![json!({"id": 1, "body": "Hello", "author": {"id": 9}})];
        let known = Arc::new(Mutex::new(Self { notes, between, loses_answer }));
        let kept = Arc::clone(&known);
        (Server::start(move |request| kept.lock().unwrap().answer(request)), known)
    }

    fn answer(&mut self, request: &Request) -> Reply {
        assert!(request.text.to_ascii_lowercase().contains("private-token: glpat-x"), "{}", request.text);
        let body = || {
            serde_json::from_str::<Value>(request.text.split_once("\r\n\r\n").unwrap().1).unwrap()["body"]
                .as_str()
                .unwrap()
                .trim_end()
                .to_owned()
        };
        let (method, path) = request.line.split('?').next().unwrap().split_once(' ').unwrap();
        let Some(note) = path.strip_prefix("/api/v4/projects/42/merge_requests/12/notes") else {
            return if path == "/api/v4/user" { Reply::json("{\"id\": 5}") } else { Reply::status(404) };
        };
        let place = |notes: &[Value]| notes.iter().position(|known| note == format!("/{}", known["id"]));
        match (method, note, place(&self.notes)) {
            ("GET", "", _) => Reply::json(&json!(self.notes).to_string()),
            ("POST", "", _) => {
                self.notes.extend(self.between.take());
                let note = json!({"id": self.notes.len() + 1, "body": body(), "author": {"id": 5}});
                self.notes.push(note.clone());
                let status = if self.loses_answer { 502 } else { 201 };
                Reply::Answer { status, body: note.to_string(), after: Duration::ZERO }
            }
            ("PUT", _, Some(index)) => {
                self.notes[index]["body"] = body().into();
                Reply::json(&self.notes[index].to_string())
            }
            ("DELETE", _, Some(index)) => {
                self.notes.remove(index);
                Reply::Raw(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())
            }
            _ => Reply::status(404),
        }
    }
}

fn set_gitlab(workspace: &mut Workspace, gitlab: &Server) {
    for (name, value) in [
        ("GITLAB_CI", "true"),
        ("CI_API_V4_URL", &*format!("{}/api/v4", gitlab.url())),
        ("CI_PROJECT_ID", "42"),
        ("CI_MERGE_REQUEST_IID", "12"),
        ("CI_MERGE_REQUEST_ID", "90012"),
        ("CI_PROJECT_NAME", "shop"),
        ("CI_JOB_NAME", "gate"),
        ("CI_COMMIT_SHA", "abcdef0123"),
    ] {
        workspace.set_variable(name, value);
    }
}

#[test]
fn a_merge_request_gets_one_note() {
    let (_server, mut workspace) = failing();
    let (gitlab, known) = MergeRequest::start(None, true);
    set_gitlab(&mut workspace, &gitlab);
    workspace.perfgate("check shop.yaml").with(1).says("notice: gitlab-note skipped: no token: `GITLAB_TOKEN` is not set");
    workspace.set_variable("GITLAB_TOKEN", "glpat-x");
    workspace.set_variable("CI_PIPELINE_CREATED_AT", "2026-11-20T12:00:00Z");
    workspace.perfgate("publish perfgate-out").with(0);
    workspace.perfgate("publish perfgate-out").with(0);
    assert!(gitlab.remembered().iter().all(|request| !request.line.starts_with("PUT ")), "it says what it said");
    let notes = &known.lock().unwrap().notes;
    assert_eq!(notes.len(), 2, "{notes:#?}");
    let body = notes[1]["body"].as_str().unwrap();
    assert!(
        body.starts_with("<!-- perfgate-gate:shop/gate -->\n") && body.contains("### perfgate: failed") && body.contains("@ abcdef0"),
        "{body}"
    );
}

#[test]
fn two_jobs_of_one_merge_request_leave_one_note_with_the_later_text() {
    let (_server, mut workspace) = failing();
    workspace.perfgate("check shop.yaml").with(1);
    workspace.set_variable("GITLAB_TOKEN", "glpat-x");
    workspace.set_variable("CI_PIPELINE_CREATED_AT", "2026-11-20T12:00:00Z");
    workspace.set_variable("CI_JOB_ID", "500");
    for (other, is_ours) in [("1795175999.999", true), ("1795176000.499", true), ("1795176000.501", false), ("1795176001.1", false)] {
        let text = format!("<!-- perfgate-gate:shop/gate -->\n<!-- perfgate-run:{other} -->\nanother");
        let (gitlab, known) = MergeRequest::start(Some(json!({"id": 2, "body": text, "author": {"id": 5}})), false);
        set_gitlab(&mut workspace, &gitlab);
        workspace.perfgate("publish perfgate-out").with(0);
        let notes = &known.lock().unwrap().notes;
        let ids: Vec<&Value> = notes.iter().map(|note| &note["id"]).collect();
        assert_eq!(ids, [1, 2], "{other}: {notes:#?}");
        assert_eq!(notes[1]["body"].as_str().unwrap().contains("### perfgate: failed"), is_ours, "{other}: {notes:#?}");
    }
}

#[test]
fn azure_is_told_in_logging_commands() {
    let (_server, mut workspace) = failing();
    workspace.set_variable("TF_BUILD", "True");
    workspace
        .perfgate("check shop.yaml")
        .with(1)
        .says("##vso[task.logissue type=error;sourcepath=thresholds/shop.yaml;linenumber=3;]perfgate: shop: GET /api/products is too slow")
        .says("##vso[task.uploadsummary]/");
}

#[cfg(unix)]
#[test]
fn buildkite_gets_an_annotation_by_its_agent() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_server, mut workspace) = failing();
    workspace.write("bin/buildkite-agent", "#!/bin/sh\necho \"$@\" > asked\ncat > annotation\n");
    std::fs::set_permissions(workspace.path("bin/buildkite-agent"), std::fs::Permissions::from_mode(0o755)).unwrap();
    workspace.set_variable("BUILDKITE", "true");
    workspace.set_variable("BUILDKITE_PIPELINE_SLUG", "shop");
    workspace.set_variable("PATH", "/usr/bin:/bin");
    workspace.perfgate("check shop.yaml").with(1).says("notice: buildkite skipped: buildkite-agent did not take it");
    let path = format!("{}:/usr/bin:/bin", workspace.path("bin").display());
    workspace.set_variable("PATH", &path);
    workspace.perfgate("check shop.yaml").with(1);
    assert_eq!(workspace.read("asked"), "annotate --style error --context perfgate-shop/\n");
    assert!(workspace.read("annotation").starts_with("### perfgate: failed"));
}
