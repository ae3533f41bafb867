//! The baseline that travels: which artifact is believed, which is not, and the stores beside it.

use std::io::Write as _;
use std::process::Command;

use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::{Done, Fault, Github, Reply, Server, TOKEN, Workspace, at_once};

const NAME: &str = "perfgate-baseline-checkout";
const LIST: &str = "GET /repos/acme/shop/actions/artifacts";

/// A job of the nightly or of a check, with three runs kept in `kept` and a new one in `measured`.
struct Job {
    github: Github,
    workspace: Workspace,
    _server: Server,
}

impl Job {
    fn new() -> Self {
        let (github, server) = (Github::start(), Server::start(|_| Reply::slow(3)));
        let mut workspace = Workspace::empty();
        workspace.scenario("checkout", &server.url());
        workspace.write("thresholds/checkout.yaml", "version: 1\nscenario: checkout\ndefaults: {p50: {rise: 50%, at_least: 100ms}}\n");
        for day in 1..=3 {
            workspace.write(&format!("kept/runs/2026110{day}T120000Z-{day}.json"), &run_of(day));
        }
        workspace.write("measured/run.json", &run_of(9));
        workspace.perfgate("baseline pin 20261101 --baseline kept").with(0);
        for (name, value) in github.variables() {
            workspace.set_variable(name, &value);
        }
        Self { github, workspace, _server: server }
    }

    /// The kept store as the artifact's upload packs it.
    fn zip(&self) -> Vec<u8> {
        let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let mut names = vec!["baseline.json".to_owned()];
        names.extend(self.workspace.names("kept/runs").into_iter().map(|name| format!("runs/{name}")));
        for name in names {
            writer.start_file(&name, SimpleFileOptions::default()).unwrap();
            writer.write_all(self.workspace.read(&format!("kept/{name}")).as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }
}

/// The run of a day of November, made on a machine that had time for it, by no job.
fn run_of(day: u8) -> String {
    let mut run: Value = serde_json::from_str(include_str!("../artifacts/run-v1.json")).unwrap();
    run["started_at"] = json!(format!("2026-11-0{day}T12:00:00Z"));
    run["environment"]["job"] = Value::Null;
    run["generator"]["problems"] = json!([]);
    run["generator"]["healthy"] = json!(true);
    run.to_string()
}

#[test]
fn the_newest_trusted_artifact_is_compared_with_in_four_calls() {
    let job = Job::new();
    job.github.artifact(NAME, &job.zip(), &json!({}), &json!({}));
    job.github.artifact("perfgate-baseline-other", b"x", &json!({}), &json!({}));
    job.workspace.perfgate("judge measured").with(0).prints("baseline (3 runs)").prints("baseline: 3 runs from github");
    let calls = job.github.calls();
    assert!(calls.iter().filter(|call| call.contains("/actions/") || call.ends_with("/acme/shop")).count() <= 4, "{calls:?}");
    let [asked] = &job.github.asked_of_store()[..] else { panic!() };
    assert!(!asked.contains(TOKEN) && !asked.to_ascii_lowercase().contains("authorization"), "{asked}");
    job.github.spoke_as_described();
}

/// What is different with the artifact and its run, and what is said of it.
fn untrusted() -> Vec<(Value, Value, &'static str)> {
    vec![
        (json!({"expired": true}), json!({}), "it expired"),
        (json!({"workflow_run": {"head_repository_id": 2}}), json!({}), "a fork made it"),
        (json!({"workflow_run": {"head_branch": "feature"}}), json!({}), "another branch than the default one made it"),
        (json!({"workflow_run": null}), json!({}), "it does not say which run made it"),
        // A fork's branch may be called `main` too, and the artifact may say what it likes: the run is asked.
        (json!({}), json!({"head_repository": {"id": 2}}), "a fork made it"),
        (json!({}), json!({"event": "pull_request"}), "started by something else than a schedule"),
        (json!({}), json!({"event": "pull_request_target"}), "started by something else than a schedule"),
        (json!({}), json!({"conclusion": "failure"}), "its run did not succeed"),
        (json!({}), json!({"conclusion": null}), "its run did not succeed"),
        (json!({}), json!({"head_branch": "feature"}), "another branch than the default one made it"),
    ]
}

#[test]
fn an_artifact_that_anybody_could_have_made_is_not_looked_into() {
    let job = Job::new();
    at_once(&untrusted(), |(artifact, run, said)| {
        let github = Github::start();
        github.artifact(NAME, &job.zip(), artifact, run);
        let command = |flags: &str| {
            let mut command = job.workspace.command(&format!("judge measured {flags}"));
            command.env("GITHUB_API_URL", github.url());
            crate::support::Running::start(&mut command).end()
        };
        command("--baseline github").with(5).says("error: no artifact perfgate-baseline-checkout can be trusted (looked at 1)").says(said);
        command("").with(3).says(said).prints("comparison starts after 3 baseline runs; 0 of 3 so far");
        assert!(github.asked_of_store().is_empty());
        github.spoke_as_described();
    });
}

#[test]
fn what_is_corrupt_or_out_of_reach_is_never_taken_for_none() {
    let job = Job::new();
    let good = job.zip();
    let mut damaged = good.clone();
    damaged.truncate(good.len() / 2);
    let rows: Vec<(Vec<u8>, Value, Option<Fault>, &str)> = vec![
        (damaged, json!({}), None, "is corrupt: ambiguous archive"),
        (b"<html>Sign in</html>".to_vec(), json!({}), None, "is corrupt: not a run file"),
        (Vec::new(), json!({}), None, "is corrupt: it is empty"),
        (good.clone(), json!({"digest": "sha256:00"}), None, "digest mismatch: expected sha256:00, got sha256:"),
        (good.clone(), json!({}), Some((LIST, 403)), "GitHub does not let this token list the artifacts (403)"),
        (good.clone(), json!({}), Some((LIST, 404)), "cannot list the artifacts: not found (404)"),
        (good.clone(), json!({}), Some(("GET /repos/acme/shop/actions/runs", 404)), "cannot read the workflow run"),
    ]
    .into_iter()
    .map(|(content, artifact, fault, said): (_, _, Option<(&'static str, u16)>, _)| {
        let fault = fault.map(|(call, status)| Fault { call, times: 99, done: Done::No, status, headers: "", body: "{}" });
        (content, artifact, fault, said)
    })
    .collect();
    at_once(&rows, |(content, artifact, fault, said)| {
        let github = Github::start();
        github.artifact(NAME, content, artifact, &json!({}));
        if let Some(fault) = fault {
            github.fails(fault.clone());
        }
        let mut command = job.workspace.command("judge measured");
        command.env("GITHUB_API_URL", github.url());
        crate::support::Running::start(&mut command).end().with(5).says(said);
    });
}

#[test]
fn an_artifact_of_another_workflow_is_passed_over_where_one_is_named() {
    let job = Job::new();
    job.github.artifact(NAME, &job.zip(), &json!({}), &json!({"path": ".github/workflows/other.yml@main"}));
    job.workspace.perfgate("judge measured --baseline github:nightly.yml").with(5).says("another workflow made it");
    job.github.artifact(NAME, &job.zip(), &json!({}), &json!({}));
    job.workspace.perfgate("judge measured --baseline github:nightly.yml").with(0).prints("baseline (3 runs)");
}

#[test]
fn an_artifact_that_goes_while_it_is_looked_for_gives_way_to_the_one_before() {
    let job = Job::new();
    for _ in 0..2 {
        job.github.artifact(NAME, &job.zip(), &json!({}), &json!({}));
    }
    let gone = |call| Fault { call, times: 1, done: Done::No, status: 410, headers: "", body: r#"{"message": "Artifact has expired"}"# };
    job.github.fails(gone("GET /repos/acme/shop/actions/artifacts/102/zip"));
    job.workspace.perfgate("judge measured").with(0).prints("baseline (3 runs)");
    job.github.fails(gone("GET /repos/acme/shop/actions/artifacts/102/zip"));
    job.github.fails(Fault { status: 404, ..gone("GET /repos/acme/shop/actions/artifacts/101/zip") });
    job.workspace.perfgate("judge measured --baseline github").with(5).says("102: it is gone; 101: it is gone");
}

/// A folder may come with the change that is judged: it counts only while nobody else kept anything.
#[test]
fn a_folder_of_the_checkout_does_not_take_the_place_of_the_artifact() {
    let job = Job::new();
    job.workspace.write(".perfgate/baselines/checkout/README", "nothing");
    job.workspace.perfgate("judge measured").with(3).prints("comparison starts after 3 baseline runs");
    job.github.artifact(NAME, &job.zip(), &json!({}), &json!({}));
    job.workspace.perfgate("judge measured").with(0).prints("baseline (3 runs)").prints("github");
    job.workspace
        .perfgate("judge measured --baseline .perfgate/baselines/checkout")
        .with(3)
        .prints("comparison starts after 3 baseline runs");
}

#[test]
fn a_long_list_of_artifacts_is_walked_whole_or_not_believed() {
    let job = Job::new();
    for _ in 0..335 {
        job.github.artifact(NAME, b"x", &json!({"expired": true}), &json!({}));
    }
    job.github.artifact(NAME, &job.zip(), &json!({}), &json!({}));
    job.workspace.perfgate("judge measured").with(0).prints("baseline (3 runs)");
    assert_eq!(job.github.calls().iter().filter(|call| call.starts_with(LIST) && !call.contains("/zip")).count(), 4);
    let second = "GET /repos/acme/shop/actions/artifacts?per_page=100&page=2";
    for (status, body, said) in [
        (404, "{}", "cannot list the artifacts: not found (404)"),
        (200, r#"{"total_count": 336, "artifacts": []}"#, "cannot list the artifacts: the list is incomplete (100 of 336)"),
        (200, r#"{"artifacts": []}"#, "cannot list the artifacts: unexpected response"),
        (200, "<html>", "cannot list the artifacts: unexpected response"),
    ] {
        job.github.fails(Fault { call: second, times: 1, done: Done::No, status, headers: "", body });
        job.workspace.perfgate("judge measured").with(5).says(said);
    }
}

#[test]
fn the_nightly_job_takes_the_last_store_and_appends_to_it() {
    let job = Job::new();
    let refresh = "baseline refresh checkout.yaml --duration 500ms --baseline github --keep next";
    job.workspace.perfgate(refresh).with(0).says("there is no artifact").says("baseline of checkout in next: 1 run");
    job.github.artifact(NAME, &job.zip(), &json!({}), &json!({}));
    job.workspace.perfgate(refresh).with(0).says("baseline of checkout in next: 5 runs");
    let listed = job.workspace.perfgate("baseline list --baseline next").with(0).stdout;
    assert_eq!(listed.lines().filter(|line| line.contains(" kept ") || line.contains(" pinned ")).count(), 5, "{listed}");
    job.github.fails(Fault { call: LIST, times: 9, done: Done::No, status: 403, headers: "", body: "{}" });
    job.workspace.perfgate(refresh).with(5);
    job.github.spoke_as_described();
}

fn git(folder: &std::path::Path, arguments: &str) -> String {
    let output = Command::new("git").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "git {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_branch_keeps_the_runs_without_expiry_and_without_history() {
    let mut job = Job::new();
    let (remote, here) = (tempfile::tempdir().unwrap(), job.workspace.path(""));
    git(remote.path(), "init --quiet --bare");
    git(&here, "init --quiet");
    git(&here, &format!("remote add origin {}", remote.path().display()));
    job.workspace.perfgate("judge measured --baseline git:perf").with(5).says("error: baseline git:perf does not exist");
    for night in 1..=3 {
        job.workspace.set_variable("GITHUB_RUN_ID", &night.to_string());
        let ended = job.workspace.perfgate("baseline refresh checkout.yaml --duration 500ms --keep git:perf").with(0);
        ended.says("pushed to perf").says(&format!("{night} run"));
        std::fs::remove_dir_all(job.workspace.path(".perfgate")).unwrap();
    }
    job.workspace.perfgate("judge measured --baseline git:perf").with(3).prints("from git:perf, 3 left out");
    assert_eq!(git(remote.path(), "rev-list --count perf"), "1");
    assert_eq!(git(remote.path(), "ls-tree -r --name-only perf").lines().count(), 4);
    assert!(!job.workspace.has(".perfgate/baselines/checkout"), "reading leaves nothing behind");
}

/// A branch whose store is no plain file: a link, what a large-file storage left in its place, another repository.
#[test]
fn a_branch_that_holds_something_else_than_a_store_is_refused() {
    let job = Job::new();
    let (remote, here) = (tempfile::tempdir().unwrap(), job.workspace.path(""));
    git(remote.path(), "init --quiet --bare");
    git(&here, "init --quiet");
    git(&here, &format!("remote add origin {}", remote.path().display()));
    job.workspace.write("target", "/etc/passwd");
    job.workspace.write("pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n");
    let (link, pointer) = (git(&here, "hash-object -w target"), git(&here, "hash-object -w pointer"));
    let zero = "0123456789012345678901234567890123456789";
    for (branch, entry, said) in [
        (
            "link",
            format!("120000,{link},checkout/baseline.json"),
            "branch link holds checkout/baseline.json, which is not a plain file of a store",
        ),
        ("program", format!("100755,{link},checkout/baseline.json"), "which is not a plain file of a store"),
        ("module", format!("160000,{zero},checkout/runs/a.json"), "which is not a plain file of a store"),
        ("other", format!("100644,{link},checkout/notes.md"), "branch other holds checkout/notes.md, which is not a plain file"),
        ("large", format!("100644,{pointer},checkout/baseline.json"), "baseline.json is corrupt: "),
    ] {
        git(&here, "read-tree --empty");
        git(&here, &format!("update-index --add --cacheinfo {entry}"));
        let tree = git(&here, "write-tree");
        let commit = git(&here, &format!("-c user.name=a -c user.email=a@b.example commit-tree {tree} -m x"));
        git(&here, &format!("push --quiet origin {commit}:refs/heads/{branch}"));
        job.workspace.perfgate(&format!("judge measured --baseline git:{branch}")).with(5).says(said);
        assert!(!job.workspace.has(".perfgate/scratch"), "{branch}");
    }
    for branch in ["--upload-pack=touch", "-x", "a/../b", "a:b", "refs/heads/x.lock"] {
        let ended = job.workspace.perfgate(&format!("judge measured --baseline git:{branch}")).with(2);
        ended.says("cannot be the name of a branch");
    }
}

#[test]
fn a_store_behind_an_address_that_refuses_is_named_without_its_signature() {
    let job = Job::new();
    let elsewhere = |to: &str| Reply::Raw(format!("HTTP/1.1 307 Said\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").into_bytes());
    let store = Server::start(move |request| match request.line.split(['/', '?']).nth(1).unwrap() {
        "denied" => {
            Reply::Answer { status: 403, body: "<Error>SignatureDoesNotMatch s3cr3t</Error>".into(), after: std::time::Duration::ZERO }
        }
        "region" => elsewhere("http://other-region.example/shop.zip?signature=s3cr3t"),
        "inside" => elsewhere("http://169.254.169.254/latest?signature=s3cr3t"),
        "round" => elsewhere("/round?signature=s3cr3t"),
        _ => Reply::Close,
    });
    let host = store.url().replace("http://", "");
    at_once(
        &[
            ("denied", "status 403"),
            ("region", "its redirect is `http://other-region.example/shop.zip`: http is only for this machine"),
            ("inside", "its redirect is `http://169.254.169.254/latest`: http is only for this machine"),
            ("round", "more than 3 redirects"),
        ],
        |(path, said)| {
            let mut command = job.workspace.command(&format!("judge measured --baseline http://{host}/{path}?signature=s3cr3t"));
            let ended = crate::support::Running::start(&mut command).end().with(5).says(&host).says(said);
            assert!(!ended.stderr.contains("s3cr3t") && !ended.stdout.contains("s3cr3t"), "{}", ended.stderr);
        },
    );
}

#[test]
fn an_address_gives_the_same_store_or_one_run() {
    let job = Job::new();
    let zip = job.zip();
    let store = Server::start(move |request| match request.line.as_str() {
        "GET /shop.zip?signature=s3cr3t" => {
            Reply::Raw([format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", zip.len()).as_bytes(), &zip].concat())
        }
        _ => Reply::status(404),
    });
    let url = format!("{}/shop.zip?signature=s3cr3t", store.url());
    let ended = job.workspace.perfgate(&format!("judge measured --baseline {url} --out judged")).with(0).prints("baseline (3 runs)");
    assert!(!ended.stdout.contains("s3cr3t"), "{}", ended.stdout);
    for name in job.workspace.names("judged") {
        assert!(!job.workspace.read(&format!("judged/{name}")).contains("s3cr3t"), "the signature is in {name}");
    }
    let gone = format!("{}/gone?signature=s3cr3t", store.url());
    let ended = job.workspace.perfgate(&format!("judge measured --baseline {gone}")).with(5).says("/gone does not exist");
    assert!(!ended.stderr.contains("s3cr3t"), "{}", ended.stderr);
    job.workspace.perfgate(&format!("judge measured --baseline {gone} --baseline kept")).with(0).prints("baseline: 3 runs from kept");
}
