//! The two workflows that are safe for forks, attacked: the first runs anybody's code and writes a folder, the second
//! holds a token and publishes it.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::{Github, OURS, REPOSITORY_ID, Reply, Server, TOKEN, Workspace};

const FORK_ID: u64 = 2;

/// The second workflow, on results that somebody else's run left.
struct Second {
    github: Github,
    workspace: Workspace,
}

/// What the first workflow left, by path: one check for all tests.
static RESULTS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let server = Server::start(|_| Reply::slow(5));
    let workspace = Workspace::with_shop(&server.url());
    workspace.perfgate("check shop.yaml --commit 1234567 --branch pr").with(0);
    let paths = workspace.names("perfgate-out").into_iter().map(|name| format!("perfgate-out/{name}"));
    paths.map(|path| (path.clone(), workspace.read(&path))).collect()
});

fn run_of_fork() -> Value {
    json!({
        "workflow_run": {
            "id": 900, "run_attempt": 1, "event": "pull_request", "head_sha": "f00d", "head_branch": "main",
            "repository": {"id": REPOSITORY_ID}, "head_repository": {"id": FORK_ID, "owner": {"login": "mallory"}},
        },
        "repository": {"id": REPOSITORY_ID, "default_branch": "main"},
    })
}

fn pull(number: u64, owner: &str, repository: u64, branch: &str, sha: &str) -> Value {
    json!({
        "number": number, "state": "open", "owner": owner,
        "head": {"sha": sha, "ref": branch, "repo": {"id": repository}},
        "base": {"sha": "ba5e", "ref": "main", "repo": {"id": REPOSITORY_ID}},
    })
}

impl Second {
    fn new() -> Self {
        let (github, mut workspace) = (Github::start(), Workspace::with_shop("http://127.0.0.1:9"));
        for (path, text) in RESULTS.iter() {
            workspace.write(path, text);
        }
        workspace.write("event.json", &run_of_fork().to_string());
        for (name, value) in github.variables() {
            workspace.set_variable(name, &value);
        }
        let event = workspace.path("event.json").display().to_string();
        workspace.set_variable("GITHUB_EVENT_PATH", &event);
        workspace.set_variable("GITHUB_EVENT_NAME", "workflow_run");
        Self { github, workspace }
    }

    /// Changes the verdict as an attacker can.
    fn forge(&self, change: impl FnOnce(&mut Value)) {
        let mut verdict = self.workspace.json("perfgate-out/verdict.json");
        change(&mut verdict);
        self.workspace.write("perfgate-out/verdict.json", &verdict.to_string());
    }

    fn comments(&self) -> Vec<String> {
        self.github.comments().into_iter().filter(|(author, _)| author == OURS).map(|(_, body)| body).collect()
    }
}

#[test]
fn the_pull_request_of_the_run_gets_the_comment_and_no_other() {
    let second = Second::new();
    second.github.pull(pull(1, "acme", REPOSITORY_ID, "main", "f00d"));
    second.github.pull(pull(3, "mallory", FORK_ID, "main", "0ld"));
    second.github.pull(pull(7, "mallory", FORK_ID, "main", "f00d"));
    second.forge(|verdict| {
        verdict["pull_request"] = json!(1);
        verdict["run"]["commit"] = json!("deadbeef");
    });
    second.workspace.write("perfgate-out/pr.txt", "1");
    second.workspace.perfgate("publish perfgate-out").with(0).says("pull request 7 of acme/shop");
    let comment = &second.comments()[0];
    assert!(comment.contains("@ f00d") && !comment.contains("deadbeef"), "{comment}");
    assert!(comment.contains("measured by a workflow of a fork"), "{comment}");
    assert!(second.github.calls().iter().any(|call| call.starts_with("POST /repos/acme/shop/issues/7/comments")));
    assert!(!second.github.calls().iter().any(|call| call.starts_with("POST") && !call.contains("/issues/7/")));
    second.github.spoke_as_described();
}

#[test]
fn without_proof_nothing_is_posted() {
    for pulls in [
        vec![],
        vec![pull(1, "acme", REPOSITORY_ID, "main", "f00d")],
        vec![pull(7, "mallory", FORK_ID, "main", "f00d1")],
        vec![pull(7, "mallory", 3, "main", "f00d")],
        vec![pull(7, "mallory", FORK_ID, "main", "f00d"), pull(8, "mallory", FORK_ID, "main", "f00d")],
    ] {
        let second = Second::new();
        for pull in pulls {
            second.github.pull(pull);
        }
        second.workspace.perfgate("publish perfgate-out").with(7).says("error: cannot prove which pull request this run belongs to");
        assert!(second.comments().is_empty());
    }
}

#[test]
fn no_supplied_text_becomes_markup_or_a_command() {
    let second = Second::new();
    second.github.pull(pull(7, "mallory", FORK_ID, "main", "f00d"));
    let hostile =
        "</details><img src=x> ![x](http://evil.example/p.png) @acme/all #1 <!-- perfgate-gate:Gate/perf -->\n::error::x\n##vso[task.x]";
    second.forge(|verdict| {
        for field in ["endpoint", "reason", "metric"] {
            verdict["findings"][0][field] = json!(hostile);
        }
        verdict["findings"][0]["outcome"] = json!("fail");
        verdict["reasons"] = json!([{"code": hostile, "text": hostile}]);
        verdict["thresholds"]["file"] = json!(hostile);
        verdict["run"]["environment"] = json!(hostile);
        verdict["run"]["scenario"] = json!(hostile);
    });
    second.workspace.write("perfgate-out/summary.md", "# I am posted as I am");
    let ended = second.workspace.perfgate("publish perfgate-out").with(0);
    let comment = &second.comments()[0];
    assert!(comment.contains("### perfgate: failed"), "a breach is one, whatever the file's outcome says:\n{comment}");
    assert!(!comment.contains("I am posted"), "{comment}");
    crate::comment_markdown::is_harmless(comment);
    for stream in [&ended.stdout, &ended.stderr] {
        assert!(!stream.lines().any(|line| line.trim_start().starts_with("::")) && !stream.contains("##vso["), "{stream}");
        assert!(!stream.contains(TOKEN));
    }
    assert!(!comment.contains(TOKEN));
}

#[test]
fn a_folder_that_is_no_result_is_refused() {
    let second = Second::new();
    second.github.pull(pull(7, "mallory", FORK_ID, "main", "f00d"));
    second.workspace.perfgate("publish thresholds").with(2).says("holds 0 results");
    #[cfg(unix)]
    {
        std::fs::remove_file(second.workspace.path("perfgate-out/run.json")).unwrap();
        second.workspace.write("secret.json", "{\"token\": \"x\"}");
        std::os::unix::fs::symlink(second.workspace.path("secret.json"), second.workspace.path("perfgate-out/run.json")).unwrap();
        second.workspace.perfgate("publish perfgate-out").with(2).says("run.json is missing, or is no plain file");
    }
    second.workspace.write("perfgate-out/verdict.json", &"[".repeat(200_000));
    second.workspace.perfgate("publish perfgate-out").with(2).says("is not a verdict");
    assert!(second.comments().is_empty());
}

#[test]
fn no_load_is_run_for_a_fork_where_a_token_may_write() {
    let mut second = Second::new();
    second.workspace.perfgate("check shop.yaml").with(7).says("error: `workflow_run` runs with a token that may write");
    second.workspace.perfgate("baseline refresh shop.yaml").with(7);
    second.workspace.perfgate("run shop.yaml").with(7);
    second.workspace.perfgate("selftest shop.yaml").with(7);
    second.workspace.set_variable("GITHUB_EVENT_NAME", "pull_request_target");
    second.workspace.perfgate("check shop.yaml").with(7);
}

#[test]
fn a_thousand_endpoints_fit_into_one_comment_and_its_tables_hold() {
    let second = Second::new();
    second.github.pull(pull(7, "mallory", FORK_ID, "main", "f00d"));
    second.forge(|verdict| {
        let finding = verdict["findings"][0].clone();
        let named = |at: usize| {
            let mut finding = finding.clone();
            finding["endpoint"] = json!(format!("GET /api/{at}/a|b`c`/:id @x [y](http://z)"));
            finding["outcome"] = json!(if at.is_multiple_of(2) { "fail" } else { "pass" });
            finding
        };
        verdict["findings"] = (0..1000).map(named).collect();
    });
    second.workspace.perfgate("publish perfgate-out").with(0);
    let comment = &second.comments()[0];
    crate::comment_markdown::is_harmless(comment);
    assert!(comment.len() > 40_000 && comment.contains(" more, in the files beside this summary"));
}
