//! The two workflows for pull requests of forks, with the true program: the first measures and can tell nobody, the second
//! comments on the pull request that was measured, whatever the result says of itself.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Ended, Github, Machine, OURS, Program, REPOSITORY_ID, Runner, Shop, TOKEN, repository};

const FORK_ID: u64 = 2;
const HEAD: &str = "3f9c1ab2f0c04d7b9a3e2f6d5c4b3a2918070605";
const ATTEMPTS: usize = 4;

fn runner(event: &str, told: &Value, github: &Github) -> Runner {
    let machine = Machine::with(Program::True);
    machine.write("event.json", &told.to_string());
    let path = machine.path("event.json");
    let mut runner = Runner::new(machine);
    for (name, value) in [
        ("event_name", json!(event)),
        ("event_path", json!(path)),
        ("event", told.clone()),
        ("api_url", json!(github.url())),
        ("graphql_url", json!(format!("{}/graphql", github.url()))),
    ] {
        runner.github.insert(name.to_owned(), value);
    }
    runner
}

fn pull(number: u64, sha: &str) -> Value {
    json!({
        "number": number, "state": "open", "owner": "mallory",
        "head": {"sha": sha, "ref": "faster", "repo": {"id": FORK_ID}},
        "base": {"sha": "ba5e", "ref": "main", "repo": {"id": REPOSITORY_ID}},
    })
}

/// The first half, on a service where limits of so many milliseconds hold or not.
fn first(github: &Github, limit: &str) -> (Runner, Ended) {
    let shop = Shop::deploy(None);
    let opened = json!({
        "pull_request": {"number": 7, "head": {"sha": HEAD, "ref": "faster", "repo": {"id": FORK_ID, "fork": true}}, "base": {"ref": "main", "repo": {"id": REPOSITORY_ID}}},
        "repository": {"id": REPOSITORY_ID, "default_branch": "main"},
    });
    let mut runner = runner("pull_request", &opened, github);
    runner.github.insert("token".to_owned(), json!("ghs_reads_only"));
    runner.machine.write_program("bin/docker", "#!/bin/sh\n");
    let scenario = "version: 1\nname: shop\nload: {users: 4, hold: 2s}\ntasks:\n  - steps: [{get: /api/products}]\n";
    runner.machine.write("workspace/shop.yaml", scenario);
    runner.machine.write("workspace/thresholds/shop.yaml", &format!("version: 1\nscenario: shop\ndefaults: {{{limit}}}\n"));
    let workflow = fs::read_to_string(repository("examples/workflows/fork-gate.yml")).unwrap();
    let service = "http://127.0.0.1:8080";
    assert!(workflow.contains(service));
    runner.machine.write("fork-gate.yml", &workflow.replace(service, &shop.url()));
    let ended = runner.job(&runner.machine.path("fork-gate.yml"), "gate");
    (runner, ended)
}

/// The second half, on another machine that has nothing but the artifact.
fn second(github: &Github, first: &Runner, tamper: impl FnOnce(&Machine)) -> Ended {
    let completed = json!({
        "workflow_run": {
            "id": 7, "run_attempt": 1, "event": "pull_request", "conclusion": "failure", "head_sha": HEAD, "head_branch": "faster",
            "repository": {"id": REPOSITORY_ID}, "head_repository": {"id": FORK_ID, "owner": {"login": "mallory"}},
        },
        "repository": {"id": REPOSITORY_ID, "default_branch": "main"},
    });
    let mut runner = runner("workflow_run", &completed, github);
    runner.github.insert("token".to_owned(), json!(TOKEN));
    let result = "artifacts/pull-request-result";
    for entry in fs::read_dir(first.machine.path(result)).unwrap() {
        let entry = entry.unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        runner.machine.write(&format!("{result}/{}", entry.file_name().display()), &text);
    }
    tamper(&runner.machine);
    let ended = runner.job(&repository("examples/workflows/fork-comment.yml"), "comment");
    assert!(!ended.log.contains(TOKEN), "the token is in the log");
    ended
}

#[test]
fn what_a_fork_measured_becomes_the_one_comment_on_its_own_pull_request() {
    let github = Github::start();
    github.pull(pull(7, HEAD));
    github.pull(pull(8, "0000000000000000000000000000000000000000"));
    let measured = (0..ATTEMPTS).map(|_| first(&github, "p95: 1us")).find(|(_, ended)| ended.code == 1);
    let (first, ended) = measured.expect("a limit of 1 us is broken");
    assert!(github.comments().is_empty() && github.calls().is_empty(), "{}", ended.log);

    second(&github, &first, |_| {}).with(0);
    second(&github, &first, |_| {}).with(0);
    let comments = github.comments();
    let [(author, body)] = comments.as_slice() else { panic!("{comments:?}") };
    assert!(author == OURS && body.contains("perfgate: failed") && body.contains("GET /api/products"), "{body}");
    assert!(github.calls().iter().any(|call| call.starts_with("POST") && call.contains("/issues/7/comments")), "{:?}", github.calls());

    let supplied = "@everyone ![x](https://evil.example/x.png)";
    let forge = |machine: &Machine| {
        let path = "artifacts/pull-request-result/verdict.json";
        let verdict = machine.read(path);
        machine.write(path, &verdict.replace("GET /api/products", supplied));
        machine.write("artifacts/pull-request-result/summary.md", "supplied text");
    };
    second(&github, &first, forge);
    let calls = github.calls();
    assert!(!calls.iter().any(|call| call.contains("/issues/8/")), "{calls:?}");
    let bodies: String = github.comments().into_iter().map(|(_, body)| body).collect();
    // As a name it stands in a code span, where it is neither a mention nor an image.
    let rest = bodies.replace(&format!("`{supplied}`"), "");
    assert!(!rest.contains("supplied text") && !rest.contains("evil.example") && github.comments().len() == 1, "{bodies}");
}
