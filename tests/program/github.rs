//! What `check` brings to a pull request on GitHub, and what the network, other jobs and other people may do to it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Done, Ended, Fault, Github, OURS, Prism, Reply, Running, Server, TOKEN, Turn, Turns, Workspace, at_once};

const MARKER: &str = "<!-- perfgate-gate:Gate/perf -->\n<!-- perfgate-run:500.1 -->\n";
const COMMENTS: &str = "GET /repos/acme/shop/issues/7/comments";
const POST: &str = "POST /repos/acme/shop/issues/7/comments";
const FORBIDDEN: &str = r#"{"message": "Resource not accessible by integration"}"#;
const LIMITED: &str = r#"{"message": "API rate limit exceeded"}"#;
const FAULT: Fault = Fault { call: POST, times: 1, done: Done::No, status: 502, headers: "", body: "{}" };
/// So often that a check that is run again, on a machine that was too busy for it, meets it too.
const ALWAYS: Fault = Fault { times: 99, ..FAULT };

/// A job on pull request 7 that checks a fast server.
struct Job {
    github: Github,
    workspace: Workspace,
    _server: Server,
}

impl Job {
    fn on_pull_request() -> Self {
        Self::with_event(&pull_request(1))
    }

    fn with_event(event: &Value) -> Self {
        let (github, server) = (Github::start(), Server::start(|_| Reply::slow(5)));
        let mut workspace = Workspace::with_shop(&server.url());
        workspace.edit("shop.yaml", "users: 30", "users: 12");
        workspace.write("event.json", &event.to_string());
        for (name, value) in github.variables() {
            workspace.set_variable(name, &value);
        }
        for (name, file) in [("GITHUB_EVENT_PATH", "event.json"), ("GITHUB_STEP_SUMMARY", "step.md"), ("GITHUB_OUTPUT", "output")] {
            let path = workspace.path(file).display().to_string();
            workspace.set_variable(name, &path);
        }
        let root = workspace.path("").display().to_string();
        workspace.set_variable("GITHUB_WORKSPACE", &root);
        Self { github, workspace, _server: server }
    }

    /// Checks; whatever happened on the way, GitHub was spoken to as it describes itself, and the token stays where it belongs.
    #[track_caller]
    fn check(&self, flags: &str) -> Ended {
        let ended = self.workspace.perfgate(&format!("check shop.yaml {flags}"));
        self.github.spoke_as_described();
        assert!(!ended.stdout.contains(TOKEN) && !ended.stderr.contains(TOKEN), "{}{}", ended.stdout, ended.stderr);
        ended
    }

    fn own_comments(&self) -> Vec<String> {
        self.github.comments().into_iter().filter(|(author, _)| author == OURS).map(|(_, body)| body).collect()
    }

    fn calls_about_comments(&self) -> usize {
        self.github.calls().iter().filter(|call| call.contains("comments") || call.contains("graphql")).count()
    }

    /// The outputs of the step, by name.
    fn output(&self, name: &str) -> String {
        let text = self.workspace.read("output");
        let at = text.rfind(&format!("{name}<<")).unwrap_or_else(|| panic!("no {name} in {text}"));
        text[at..].lines().nth(1).unwrap().to_owned()
    }
}

fn pull_request(head_repository: u64) -> Value {
    json!({
        "pull_request": {
            "number": 7,
            "head": {"sha": "abcdef0123456789", "ref": "feature", "repo": {"id": head_repository}},
            "base": {"sha": "ba5e", "ref": "main", "repo": {"id": 1}},
        },
        "repository": {"id": 1, "default_branch": "main"},
    })
}

#[test]
fn a_pull_request_gets_one_comment_that_is_kept_up_to_date() {
    let mut job = Job::on_pull_request();
    job.github.comment("alice", "Looks good");
    job.check("").with(0);
    let [comment] = &job.own_comments()[..] else { panic!("{:?}", job.github.comments()) };
    assert!(comment.starts_with(&format!("{MARKER}### perfgate: passed")), "{comment}");
    assert!(comment.contains("@ abcdef0") && !comment.contains("merge"), "the head of the branch, not the merge:\n{comment}");
    assert_eq!((job.output("outcome"), job.output("exit-code")), ("pass".into(), "0".into()));
    assert_eq!(job.output("summary-path"), "perfgate-out/summary.md");
    assert!(job.output("comment-url").starts_with("https://github.example/acme/shop/pull/7#issuecomment-"));
    assert!(job.workspace.read("step.md").starts_with("### perfgate: passed"));

    job.workspace.set_variable("GITHUB_RUN_ID", "501");
    job.workspace.edit("thresholds/shop.yaml", "400ms", "1ms");
    let ended = job.check("").with(1);
    let [comment] = &job.own_comments()[..] else { panic!("{:?}", job.github.comments()) };
    assert!(comment.contains("### perfgate: failed · 1 of 2 checks"), "{comment}");
    let calls = job.github.calls();
    let about_comments = |calls: &[String]| calls.iter().filter(|call| call.contains("comments") || call.contains("graphql")).count();
    let last_run = calls.iter().rposition(|call| call.contains("/contents/")).unwrap();
    assert!(calls[last_run..].len() <= 8 && about_comments(&calls[last_run..]) <= 4, "{calls:?}");
    let ended = ended.says("::error file=thresholds/shop.yaml,line=3,title=perfgate%3A shop::GET /api/products is too slow: p95 ");
    assert!(!ended.stdout.contains("::"), "{}", ended.stdout);
    assert_eq!((job.output("outcome"), job.output("exit-code")), ("fail".into(), "1".into()));

    // A run that was started earlier ends later.
    job.workspace.set_variable("GITHUB_RUN_ID", "499");
    job.workspace.edit("thresholds/shop.yaml", "1ms", "400ms");
    job.check("").with(0).says("notice: github-comment: a later run has spoken already");
    assert!(job.own_comments()[0].contains("### perfgate: failed"));
}

/// What goes wrong, what is said of it, and how many comments there are in the end.
type Row<'a> = (&'a [Fault], &'static str, usize);

#[test]
fn whatever_the_network_does_the_verdict_stands_and_there_is_one_comment() {
    let endless: &'static str = Box::leak(format!("[{}", "1,".repeat(3_000_000)).into_boxed_str());
    let rows: &[Row<'_>] = &[
        (&[Fault { done: Done::Yes, ..FAULT }], "", 1),
        (&[FAULT], "", 1),
        (&[Fault { call: COMMENTS, times: 2, ..FAULT }], "", 1),
        (&[Fault { call: COMMENTS, ..ALWAYS }], "notice: github-comment skipped: ", 0),
        (&[Fault { status: 403, body: FORBIDDEN, ..ALWAYS }], "hint: the job needs `permissions:`", 0),
        (&[Fault { status: 401, ..ALWAYS }], "notice: github-comment skipped: GitHub rejected the token (401)", 0),
        (
            &[Fault { status: 403, body: r#"{"message": "Unable to create comment because issue is locked."}"#, ..ALWAYS }],
            "hint: unlock the conversation",
            0,
        ),
        (
            &[Fault { status: 404, ..ALWAYS }],
            "cannot comment: not found (404): the repository, the pull request or the token's permission",
            0,
        ),
        (
            &[Fault { status: 403, body: r#"{"message": "You have exceeded a secondary rate limit"}"#, ..ALWAYS }],
            "rate limited, without saying for how long",
            0,
        ),
        (&[Fault { status: 429, headers: "retry-after: -1\r\n", body: LIMITED, ..ALWAYS }], "rate limited", 0),
        (
            &[Fault { status: 429, headers: "retry-after: 99999999\r\n", body: LIMITED, ..ALWAYS }],
            "the wait of 99999999 s is longer than the ",
            0,
        ),
        (&[Fault { status: 410, ..ALWAYS }], "notice: github-comment skipped: cannot comment: gone (410)", 0),
        (&[Fault { status: 422, body: r#"{"message": "no\u001b[31m"}"#, ..ALWAYS }], "GitHub answered 422: no [31m", 0),
        (&[Fault { status: 429, headers: "retry-after: 2\r\n", body: LIMITED, ..FAULT }], "", 1),
        (&[Fault { status: 429, headers: "retry-after: 3600\r\n", body: LIMITED, ..ALWAYS }], "the wait of 3600 s is longer than the ", 0),
        (
            &[Fault { status: 403, headers: "x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 4102444800\r\n", body: LIMITED, ..ALWAYS }],
            "rate limited until 2100-01-01T00:00:00Z",
            0,
        ),
        (&[Fault { call: COMMENTS, status: 200, body: "<html>", ..ALWAYS }], "cannot list the comments: unexpected response", 0),
        (
            &[Fault { call: COMMENTS, status: 200, body: "[{\"id\": 1, \"bod", ..ALWAYS }],
            "cannot list the comments: unexpected response",
            0,
        ),
        (&[Fault { call: COMMENTS, status: 200, body: "null", ..ALWAYS }], "cannot list the comments: unexpected response", 0),
        (
            &[Fault { call: COMMENTS, status: 200, body: r#"[{"id": "one", "html_url": 7}]"#, ..ALWAYS }],
            "cannot list the comments: unexpected response",
            0,
        ),
        (&[Fault { call: COMMENTS, status: 200, body: endless, ..ALWAYS }], "is larger than 5242880 bytes", 0),
        (
            &[Fault { call: COMMENTS, status: 301, headers: "location: /repos/acme/shop/issues/7/comments\r\n", ..ALWAYS }],
            "more than 3 redirects",
            0,
        ),
        (
            &[Fault { call: COMMENTS, status: 307, headers: "location: https://evil.example/x\r\n", ..ALWAYS }],
            "it leads to another host",
            0,
        ),
        (&[Fault { call: COMMENTS, status: 301, headers: "location: /repos/acme/shop/issues/7/comments\r\n", ..FAULT }], "", 1),
    ];
    let job = Job::on_pull_request();
    job.check("--publish none").with(0);
    at_once(rows, |(faults, said, comments)| {
        let github = Github::start();
        for fault in *faults {
            github.fails(fault.clone());
        }
        let mut command = job.workspace.command("publish perfgate-out");
        command.env("GITHUB_API_URL", github.url()).env("GITHUB_GRAPHQL_URL", format!("{}/graphql", github.url()));
        let started = Instant::now();
        let ended = Running::start(&mut command).end().with(0).says(said);
        assert_eq!(github.comments().len(), *comments, "{said}\n{}", ended.stderr);
        assert_eq!(ended.stderr.contains("notice: github-comment"), *comments == 0, "{}", ended.stderr);
        assert!(started.elapsed() < Duration::from_secs(60));
        github.spoke_as_described();
    });
}

#[test]
fn what_is_required_and_did_not_arrive_has_its_own_code() {
    let job = Job::on_pull_request();
    let failing = Fault { call: COMMENTS, times: 99, status: 403, ..FAULT };
    job.github.fails(failing);
    job.check("--publish github-comment!,github-summary")
        .with(6)
        .says("error: github-comment skipped: GitHub does not let this token list");
    assert_eq!((job.output("outcome"), job.output("exit-code")), ("pass".into(), "6".into()));
    job.workspace.edit("thresholds/shop.yaml", "400ms", "1ms");
    job.check("--publish github-comment!").with(1);
    job.check("--publish none").with(1);
    assert_eq!(job.own_comments().len(), 0);
}

#[test]
fn a_fork_gets_a_notice_and_no_call() {
    let job = Job::with_event(&pull_request(2));
    job.check("").with(0).says("notice: github-comment skipped: read-only token: the code comes from a fork");
    assert_eq!(job.calls_about_comments(), 0);
    assert!(job.workspace.read("step.md").contains("### perfgate: passed"));
}

#[test]
fn a_forged_marker_is_left_alone() {
    let job = Job::on_pull_request();
    job.github.comment("mallory", &format!("{MARKER}### perfgate: passed"));
    job.github.comment("helper[bot]", &format!("{MARKER}### perfgate: passed"));
    job.github.comment(OURS, &format!("mallory wrote:\n{MARKER}"));
    job.check("").with(0);
    let comments = job.github.comments();
    assert_eq!(comments.len(), 4, "{comments:?}");
    assert!(comments[3].1.starts_with(MARKER) && comments[0].1.ends_with("### perfgate: passed"));
}

#[test]
fn the_comment_is_found_behind_many_others() {
    let mut job = Job::on_pull_request();
    (0..300).for_each(|at| job.github.comment("alice", &format!("comment {at}")));
    job.check("").with(0);
    job.workspace.set_variable("GITHUB_RUN_ID", "502");
    job.check("").with(0);
    assert_eq!(job.own_comments().len(), 1);
    job.github.fails(Fault { call: "GET /repos/acme/shop/issues/7/comments?per_page=100&page=2", times: 9, status: 404, ..FAULT });
    job.check("").with(0).says("notice: github-comment skipped: cannot list the comments");
    assert_eq!(job.own_comments().len(), 1, "half a list is no list");
}

/// What several jobs do that begin with the same list: every order of their calls that ends in another way.
#[rustfmt::skip]
const RACES: &[(&str, &[Turn])] = &[
    ("both create, the earlier first", &[
        ("601", "GET"), ("602", "GET"), ("601", "POST"), ("602", "POST"),
        ("601", "GET"), ("602", "GET"), ("602", "PATCH"), ("602", "DELETE"), ("602", "GET"),
    ]),
    ("both create, the earlier first, and looks when the later has written", &[
        ("601", "GET"), ("602", "GET"), ("601", "POST"), ("602", "POST"),
        ("602", "GET"), ("602", "PATCH"), ("601", "GET"), ("602", "DELETE"), ("602", "GET"),
    ]),
    ("both create, the later first, and removes the other", &[
        ("601", "GET"), ("602", "GET"), ("602", "POST"), ("601", "POST"),
        ("602", "GET"), ("602", "DELETE"), ("601", "GET"), ("602", "GET"),
    ]),
    ("both create, the later first, and both remove the other", &[
        ("601", "GET"), ("602", "GET"), ("602", "POST"), ("601", "POST"),
        ("602", "GET"), ("601", "GET"), ("601", "DELETE"), ("602", "DELETE"), ("602", "GET"),
    ]),
    ("the earlier thinks that it is alone", &[
        ("601", "GET"), ("602", "GET"), ("601", "POST"), ("601", "GET"),
        ("602", "POST"), ("602", "GET"), ("602", "PATCH"), ("602", "DELETE"), ("602", "GET"),
    ]),
    ("the later thinks that it is alone", &[
        ("601", "GET"), ("602", "GET"), ("602", "POST"), ("602", "GET"),
        ("601", "POST"), ("601", "GET"), ("601", "DELETE"),
    ]),
    ("of three, one writes what it meant to write before the last one came", &[
        ("601", "GET"), ("602", "GET"), ("603", "GET"), ("601", "POST"), ("602", "POST"), ("602", "GET"),
        ("603", "POST"), ("603", "GET"), ("603", "PATCH"), ("603", "DELETE"), ("603", "DELETE"),
        ("602", "PATCH"), ("602", "DELETE"), ("603", "GET"), ("603", "PATCH"), ("602", "GET"), ("601", "GET"),
    ]),
];

#[test]
fn whatever_jobs_do_in_between_one_comment_is_left_with_the_latest_text() {
    let job = Job::on_pull_request();
    job.check("--publish none").with(0);
    at_once(RACES, |(race, order)| raced(&job, race, order, |_| {}));
}

#[test]
fn a_text_that_an_earlier_job_overwrites_is_written_again() {
    let job = Job::on_pull_request();
    job.check("--publish none").with(0);
    let stands = |github: &Github| github.comment(OURS, &format!("{MARKER}### perfgate: passed"));
    #[rustfmt::skip]
    let order = [
        ("601", "GET"), ("602", "GET"), ("602", "PATCH"), ("601", "PATCH"), ("602", "GET"), ("602", "PATCH"),
    ];
    raced(&job, "both write, the earlier last", &order, stands);
}

/// Publishes at the same time for every job of the order, which is held to the end of it.
fn raced(job: &Job, race: &str, order: &[Turn], prepare: impl Fn(&Github)) {
    let (github, turns) = (Github::start(), Arc::new(Turns::new(order)));
    prepare(&github);
    let jobs: BTreeSet<&'static str> = order.iter().map(|(job, _)| *job).collect();
    let publish = |run: &&'static str| {
        let door = github.door(run, &turns);
        let mut command = job.workspace.command("publish perfgate-out --pr 7");
        command.env("GITHUB_RUN_ID", run).env("GITHUB_API_URL", door.url());
        command.env("GITHUB_GRAPHQL_URL", format!("{}/graphql", door.url()));
        (Running::start(&mut command), door)
    };
    let running: Vec<_> = jobs.iter().map(publish).collect();
    for (running, _door) in running {
        running.end().with(0);
    }
    assert_eq!(turns.left(), [], "{race}: {:#?}", github.calls());
    let comments = github.comments();
    let [(author, body)] = &comments[..] else { panic!("{race}: {comments:#?}") };
    let latest = format!("<!-- perfgate-run:{}.1 -->", jobs.last().unwrap());
    assert!(author == OURS && body.contains(&latest), "{race}: {body}");
    github.spoke_as_described();
}

#[test]
fn a_push_comments_on_the_one_pull_request_of_its_commit() {
    let mut job = Job::with_event(&json!({"repository": {"id": 1, "default_branch": "main"}}));
    job.workspace.set_variable("GITHUB_SHA", "abcdef0");
    job.check("").with(0);
    assert_eq!(job.own_comments().len(), 0);
    let pull = |number: u64, sha: &str| json!({"number": number, "state": "open", "owner": "acme", "head": {"sha": sha, "ref": "x"}, "base": {"ref": "main", "sha": "b"}});
    job.github.pull(pull(7, "abcdef0"));
    job.check("").with(0);
    assert_eq!(job.own_comments().len(), 1);
}

/// Whatever an event lacks, and however its branch is called, no number is guessed: the summary of the step is what is left.
#[test]
fn an_event_without_a_pull_request_gets_a_summary_and_no_comment() {
    let job = Job::on_pull_request();
    job.check("--publish none").with(0);
    let repository = json!({"id": 1, "default_branch": "main"});
    let rows: [(&str, String); 8] = [
        ("push", json!({"ref": "refs/heads/pull/7/merge", "repository": repository}).to_string()),
        ("merge_group", json!({"merge_group": {"head_sha": "a"}, "repository": repository}).to_string()),
        ("schedule", json!({"schedule": "0 3 * * *", "repository": repository}).to_string()),
        ("workflow_dispatch", json!({"inputs": {"pr": "7"}, "repository": repository}).to_string()),
        ("pull_request", json!({"pull_request": null, "repository": repository}).to_string()),
        ("pull_request", "<html>".to_owned()),
        ("pull_request", String::new()),
        ("push", format!("{{\"commits\": [{}1], \"repository\": {repository}}}", "1,".repeat(5_000_000))),
    ];
    at_once(&rows, |(name, event)| {
        let (github, folder) = (Github::start(), tempfile::tempdir().unwrap());
        let (path, step) = (folder.path().join("event.json"), folder.path().join("step.md"));
        std::fs::write(&path, event).unwrap();
        let mut command = job.workspace.command("publish perfgate-out");
        command.env("GITHUB_API_URL", github.url()).env("GITHUB_EVENT_NAME", name).env("GITHUB_EVENT_PATH", path);
        command
            .env("GITHUB_STEP_SUMMARY", &step)
            .env("GITHUB_REF", "refs/heads/7/merge")
            .env("GITHUB_REF_NAME", "7")
            .env("GITHUB_HEAD_REF", "pr-7");
        Running::start(&mut command).end().with(0);
        assert!(github.comments().is_empty(), "{name}");
        assert!(!github.calls().iter().any(|call| call.contains("/issues/")), "{name}: {:?}", github.calls());
        assert!(std::fs::read_to_string(step).unwrap().starts_with("### perfgate: passed"), "{name}");
    });
}

#[test]
fn without_a_token_the_verdict_stands_and_the_reason_is_told() {
    let job = Job::on_pull_request();
    let ended = job.workspace.run(|| {
        let mut command = job.workspace.command("check shop.yaml --baseline none");
        command.env_remove("GITHUB_TOKEN");
        command
    });
    ended.with(0).says("notice: github-comment skipped: no token: `GITHUB_TOKEN` is not set").says("hint: `env: {GITHUB_TOKEN: ");
    assert!(job.workspace.read("step.md").starts_with("### perfgate: passed"));
    assert!(job.github.calls().is_empty());
}

#[test]
fn a_check_run_is_made_for_the_head_of_the_branch() {
    let job = Job::on_pull_request();
    job.workspace.edit("thresholds/shop.yaml", "400ms", "1ms");
    job.check("--publish github-check").with(1);
    let checks = job.github.checks();
    let check = checks.last().unwrap();
    assert_eq!(
        (&check["head_sha"], &check["conclusion"], &check["name"]),
        (&json!("abcdef0123456789"), &json!("failure"), &json!("perfgate: Gate/perf"))
    );
    assert_eq!(check["output"]["annotations"][0]["path"], "thresholds/shop.yaml");
}

#[test]
fn enterprise_is_reached_below_its_prefix_and_never_without_encryption() {
    let mut job = Job::on_pull_request();
    let url = format!("{}/api/v3", job.github.url());
    job.workspace.set_variable("GITHUB_API_URL", &url);
    job.check("").with(0);
    assert_eq!(job.own_comments().len(), 1);
    assert!(job.github.calls().iter().filter(|call| !call.contains("graphql")).all(|call| call.contains(" /api/v3/repos/acme/shop")));
    job.workspace.set_variable("GITHUB_API_URL", "http://ghe.example/api/v3");
    job.check("").with(2).says("error: GITHUB_API_URL is `http://ghe.example/api/v3`: http is only for this machine");
}

#[test]
fn loosened_thresholds_are_seen_and_the_base_can_judge() {
    let job = Job::on_pull_request();
    let base = job.workspace.read("thresholds/shop.yaml").replace("400ms", "1ms").replace("failures: 1%", "failures: 2%");
    job.github.file("thresholds/shop.yaml", &base);
    let loosened = "the thresholds got looser: p95 of every endpoint: max 1 ms -> 400 ms";
    let loosened = loosened.replace("1 ms", "1.00 ms");
    let ended = job.check("").with(0);
    assert!(ended.stderr.contains("::warning file=thresholds/shop.yaml,line=3,"), "{}", ended.stderr);
    assert!(ended.stdout.contains(&loosened), "{}", ended.stdout);
    assert!(job.own_comments()[0].contains("the thresholds got looser"), "{}", job.own_comments()[0]);
    let verdict = job.workspace.json("perfgate-out/verdict.json");
    assert_eq!((&verdict["outcome"], &verdict["reasons"][0]["code"]), (&json!("pass"), &json!("thresholds_loosened")));
    let changes = verdict["thresholds"]["changes"].as_array().unwrap();
    assert_eq!(changes.iter().map(|change| &change["direction"]).collect::<Vec<_>>(), ["looser", "stricter"], "{changes:?}");
    let report = job.workspace.read("perfgate-out/report.html");
    assert!(report.contains("Changed with what is judged") && report.contains("stricter"), "the report leaves out what changed");
    job.check("--thresholds-from-base").with(1);
    let contents = job.github.calls().into_iter().filter(|call| call.contains("/contents/")).collect::<Vec<_>>();
    assert_eq!(contents[0], "GET /repos/acme/shop/contents/thresholds/shop%2Eyaml?ref=ba5e");

    job.workspace.write("old.yaml", &base);
    let diff = job.workspace.perfgate("thresholds diff old.yaml thresholds/shop.yaml").with(0);
    diff.prints("looser").prints("p95 of every endpoint: max 1.00 ms -> 400 ms");
}

#[test]
fn another_reader_of_githubs_description_agrees() {
    let mut job = Job::on_pull_request();
    let Some(prism) = Prism::before(&job.github.url()) else { return };
    job.workspace.set_variable("GITHUB_API_URL", prism.url());
    // Its templates match one segment of a path, where GitHub's is a whole path.
    let thresholds = job.workspace.read("thresholds/shop.yaml");
    job.workspace.write("limits.yaml", &thresholds);
    job.github.file("limits.yaml", &thresholds);
    job.github.artifact("perfgate-baseline-shop", b"{}", &json!({}), &json!({"conclusion": "failure"}));
    let flags = "--thresholds limits.yaml --publish github-comment!,github-check!";
    job.check(flags).with(0);
    job.workspace.set_variable("GITHUB_RUN_ID", "501");
    job.check(flags).with(0);
    assert_eq!(job.own_comments().len(), 1);
    assert!(job.github.checks().len() >= 2);
    let calls = job.github.calls().join("\n");
    for call in
        ["GET /repos/acme/shop/contents/", "GET /repos/acme/shop/actions/artifacts?", "GET /repos/acme/shop/actions/runs/", "PATCH "]
    {
        assert!(calls.contains(call), "{call}\n{calls}");
    }
}
