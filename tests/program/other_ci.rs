//! GitLab, Azure Pipelines and Buildkite: what each is told, and in whose words.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{Reply, Server, Workspace};

fn failing() -> (Server, Workspace) {
    let server = Server::start(|_| Reply::slow(5));
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit("shop.yaml", "users: 30", "users: 12");
    workspace.edit("thresholds/shop.yaml", "400ms", "1ms");
    (server, workspace)
}

#[test]
fn a_merge_request_gets_one_note() {
    let (_server, mut workspace) = failing();
    let notes: Arc<Mutex<Vec<Value>>> = Arc::new(Mutex::new(vec![json!({"id": 1, "body": "Hello", "author": {"id": 9}})]));
    let kept = Arc::clone(&notes);
    let gitlab = Server::start(move |request| {
        let mut notes = kept.lock().unwrap();
        assert!(request.text.to_ascii_lowercase().contains("private-token: glpat-x"), "{}", request.text);
        let body = || serde_json::from_str::<Value>(request.text.split_once("\r\n\r\n").unwrap().1).unwrap()["body"].clone();
        match request.line.split('?').next().unwrap() {
            "GET /api/v4/projects/42/merge_requests/12/notes" => Reply::json(&Value::Array(notes.clone()).to_string()),
            "GET /api/v4/user" => Reply::json("{\"id\": 5}"),
            "POST /api/v4/projects/42/merge_requests/12/notes" => {
                notes.push(json!({"id": 2, "body": body(), "author": {"id": 5}}));
                Reply::status(201)
            }
            "PUT /api/v4/projects/42/merge_requests/12/notes/2" => {
                notes[1]["body"] = body();
                Reply::ok()
            }
            _ => Reply::status(404),
        }
    });
    for (name, value) in [
        ("GITLAB_CI", "true"),
        ("CI_API_V4_URL", &format!("{}/api/v4", gitlab.url())),
        ("CI_PROJECT_ID", "42"),
        ("CI_MERGE_REQUEST_IID", "12"),
        ("CI_MERGE_REQUEST_ID", "90012"),
        ("CI_PROJECT_NAME", "shop"),
        ("CI_JOB_NAME", "gate"),
        ("CI_COMMIT_SHA", "abcdef0123"),
    ] {
        workspace.set_variable(name, value);
    }
    workspace.perfgate("check shop.yaml").with(1).says("notice: gitlab-note skipped: no token: `GITLAB_TOKEN` is not set");
    workspace.set_variable("GITLAB_TOKEN", "glpat-x");
    workspace.perfgate("publish perfgate-out").with(0);
    workspace.perfgate("publish perfgate-out").with(0);
    let notes = notes.lock().unwrap();
    assert_eq!(notes.len(), 2, "{notes:#?}");
    let body = notes[1]["body"].as_str().unwrap();
    assert!(
        body.starts_with("<!-- perfgate-gate:shop/gate -->\n") && body.contains("### perfgate: failed") && body.contains("@ abcdef0"),
        "{body}"
    );
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
