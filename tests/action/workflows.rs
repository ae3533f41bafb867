//! The workflows to copy and this repository's own: pinned, with no more rights than they need, and taken step by step.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::support::{Machine, Program, Runner, read_yaml, repository, text_of, workflows};

/// What our own action is called by, everywhere.
const ACTION: &str = "perfgate/perfgate@v0";

fn example(name: &str) -> PathBuf {
    repository("examples/workflows").join(name)
}

fn all() -> Vec<PathBuf> {
    [workflows(".github/workflows"), workflows("examples/workflows")].concat()
}

fn recording() -> Runner {
    let runner = Runner::new(Machine::with(Program::Recorder));
    runner.machine.write("home/outputs", "outcome=pass\nexit-code=0\n");
    runner
}

/// The lines of a file that use an action, as they are written.
fn uses(file: &PathBuf) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("uses: ")).map(str::to_owned).collect()
}

#[test]
fn every_foreign_action_is_pinned_to_one_commit_that_is_named_by_its_version() {
    let mut pins: BTreeSet<String> = BTreeSet::new();
    for file in [all(), vec![repository("action.yml")]].concat() {
        for used in uses(&file) {
            if [ACTION, "./", "./.github/workflows/ci.yml"].contains(&used.as_str()) {
                continue;
            }
            let (name, pin) = used.split_once('@').unwrap_or_else(|| panic!("{}: {used}", file.display()));
            let (commit, version) = pin.split_once(" # v").unwrap_or_else(|| panic!("{}: {used}", file.display()));
            assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{used}");
            assert_eq!(version.split('.').count(), 3, "{used}");
            assert!(!pins.iter().any(|other| other.starts_with(&format!("{name}@")) && *other != used), "two versions of {name}");
            pins.insert(used);
        }
    }
    assert!(pins.len() >= 4, "{pins:?}");
}

#[test]
fn our_own_action_has_one_name() {
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let shown: Vec<&str> = readme.split("uses: ").skip(1).map(|rest| rest.split_whitespace().next().unwrap()).collect();
    assert!(shown.contains(&ACTION), "{shown:?}");
    assert!(shown.iter().all(|used| !used.contains("perfgate") || *used == ACTION), "{shown:?}");
    for file in workflows("examples/workflows") {
        assert!(uses(&file).iter().any(|used| used == ACTION), "{}", file.display());
    }
}

#[test]
fn every_job_has_an_end_and_says_what_it_may_do() {
    for file in all() {
        let workflow = read_yaml(&file);
        assert_eq!(workflow["permissions"], json!({}), "{}", file.display());
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            assert!(job["permissions"].as_object().is_some_and(|permissions| !permissions.is_empty()), "{}: {name}", file.display());
            assert!(job["timeout-minutes"].is_u64() || job["uses"].is_string(), "{}: {name}", file.display());
        }
    }
}

#[test]
fn every_fuzz_target_has_seeds_and_its_time_in_the_night() {
    let names = |folder: &str| fs::read_dir(repository(folder)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let targets: BTreeSet<String> = names("fuzz/fuzz_targets").filter_map(|name| name.strip_suffix(".rs").map(str::to_owned)).collect();
    let nightly = read_yaml(&repository(".github/workflows/fuzz.yml"));
    let matrix = nightly["jobs"]["fuzz"]["strategy"]["matrix"]["target"].as_array().unwrap().iter().map(text_of).collect();
    assert_eq!(targets, matrix);
    let manifest = fs::read_to_string(repository("fuzz/Cargo.toml")).unwrap();
    for target in &targets {
        assert!(manifest.contains(&format!("name = \"{target}\"\npath = \"fuzz_targets/{target}.rs\"")), "{target}");
        assert!(names(&format!("fuzz/corpus/{target}")).any(|name| name.starts_with("seed-")), "{target} has no seeds");
    }
}

/// The rights of a job, written where others than `read`.
fn rights(file: &str, job: &str) -> Vec<String> {
    let workflow = read_yaml(&example(file));
    let Value::Object(rights) = &workflow["jobs"][job]["permissions"] else { panic!("{file}: {job}") };
    let mut rights: Vec<String> = rights.iter().map(|(name, right)| format!("{name}: {}", text_of(right))).collect();
    rights.sort();
    rights
}

#[test]
fn the_workflows_to_copy_may_do_no_more_than_they_need() {
    let rows: [(&str, &str, &[&str]); 4] = [
        ("release-candidate.yml", "gate", &["actions: read", "contents: read", "pull-requests: write"]),
        ("nightly-baseline.yml", "refresh", &["actions: read", "contents: read"]),
        ("fork-gate.yml", "gate", &["contents: read"]),
        ("fork-comment.yml", "comment", &["actions: read", "pull-requests: write"]),
    ];
    let files: BTreeSet<PathBuf> = workflows("examples/workflows").into_iter().collect();
    assert_eq!(files, rows.iter().map(|(file, ..)| example(file)).collect(), "each has its row");
    for (file, job, expected) in rows {
        assert_eq!(rights(file, job), expected, "{file}");
    }
}

#[test]
fn the_release_candidate_is_checked_with_the_defaults() {
    let mut runner = recording();
    runner.job(&example("release-candidate.yml"), "gate").with(0);
    assert_eq!(runner.machine.asked(), [["check", "--out=perfgate-out", "--", "shop.yaml"]]);
    let names: Vec<&str> = runner.used.iter().map(|(uses, _)| uses.split('@').next().unwrap()).collect();
    assert_eq!(names, ["actions/checkout", "actions/upload-artifact"]);
    assert!(runner.machine.has("artifacts/perfgate-results-gate/run.json"));

    let mut red = recording();
    red.machine.write("home/code", "1");
    red.job(&example("release-candidate.yml"), "gate").with(1);
    assert!(red.machine.has("artifacts/perfgate-results-gate/run.json"));
}

#[test]
fn the_nightly_job_takes_the_store_from_github_and_keeps_it_there() {
    let mut runner = recording();
    runner.job(&example("nightly-baseline.yml"), "refresh").with(0);
    let asked = runner.machine.asked().remove(0);
    assert_eq!(asked[..4], ["baseline", "refresh", "--out=perfgate-out", "--baseline=github"]);
    assert!(asked[4].starts_with("--keep=") && asked[5..] == ["--", "shop.yaml"], "{asked:?}");
    assert!(runner.machine.has("artifacts/perfgate-baseline-shop/baseline.json"));

    let mut each = recording();
    each.action(&[("command", "refresh"), ("scenario", "shop.yaml"), ("args", "--each")]).with(0);
    assert!(each.machine.has("artifacts/perfgate-baseline-shop-each/baseline.json"), "where `check --each` looks for it");

    let mut doubtful = recording();
    doubtful.machine.write("home/code", "3");
    doubtful.job(&example("nightly-baseline.yml"), "refresh").with(3);
    assert!(!doubtful.machine.has("artifacts/perfgate-baseline-shop"));
}

/// What GitHub tells the second half of the first.
fn completed(event: &str, conclusion: &str) -> Value {
    json!({"workflow_run": {"id": 7, "event": event, "conclusion": conclusion, "head_sha": "3f9c1ab2f0c04d7b9a3e2f6d5c4b3a2918070605"}})
}

#[test]
fn the_result_of_a_fork_travels_as_an_artifact_from_a_job_that_may_only_read_to_one_that_runs_no_foreign_code() {
    let mut runner = recording();
    runner.machine.write_program("bin/docker", "#!/bin/sh\necho \"docker $*\"\n");
    runner.machine.write("home/code", "1");
    runner.job(&example("fork-gate.yml"), "gate").with(1).says("docker compose up --detach --wait");
    let first = runner.machine.asked().remove(0);
    assert!(first.contains(&"--publish=github-summary".to_owned()), "{first:?}");
    assert!(first.contains(&"--target=http://127.0.0.1:8080".to_owned()), "{first:?}");
    assert!(runner.machine.has("artifacts/pull-request-result/run.json"));

    runner.machine.write("home/code", "0");
    fs::remove_dir_all(runner.machine.path("workspace/perfgate-out")).unwrap();
    runner.used.clear();
    runner.github.insert("event".to_owned(), completed("pull_request", "failure"));
    runner.job(&example("fork-comment.yml"), "comment").with(0);
    assert_eq!(runner.machine.asked()[1], ["publish", "--", "perfgate-out"]);
    assert!(runner.machine.has("workspace/perfgate-out/run.json"));
    let [(uses, with)] = runner.used.as_slice() else { panic!("{:?}", runner.used) };
    assert!(uses.starts_with("actions/download-artifact@"), "foreign code is checked out");
    assert_eq!(with.get("run-id"), Some(&json!("7")));

    let first = read_yaml(&example("fork-gate.yml"));
    let second = read_yaml(&example("fork-comment.yml"));
    assert_eq!(second["on"]["workflow_run"]["workflows"], json!([first["name"]]));
    let text = fs::read_to_string(example("fork-gate.yml")).unwrap();
    assert!(!text.contains("secrets.") && !text.contains("pull_request_target"));
}

#[test]
fn the_second_half_posts_nothing_for_other_events_or_cancelled_runs_and_is_red_without_a_result() {
    for (event, conclusion) in [("push", "success"), ("pull_request", "cancelled")] {
        let mut runner = recording();
        runner.github.insert("event".to_owned(), completed(event, conclusion));
        runner.job(&example("fork-comment.yml"), "comment").with(0);
        assert!(runner.used.is_empty() && runner.machine.asked().is_empty());
    }
    let mut runner = recording();
    runner.github.insert("event".to_owned(), completed("pull_request", "success"));
    runner.job(&example("fork-comment.yml"), "comment").with(1);
    assert!(runner.machine.asked().is_empty());
}

#[test]
fn the_gates_own_gate_wants_the_good_release_green_and_the_bad_one_red() {
    let own = repository(".github/workflows/gate.yml");
    let answer = |bad: &str| {
        let runner = recording();
        let script = runner.machine.read("home/perfgate");
        // The bad release is the one on the other port.
        let told = format!("case \"$*\" in *:8081*) {bad} ;; esac\ncat ");
        runner.machine.write_program("home/perfgate", &script.replacen("\ncat ", &format!("\n{told}"), 1));
        runner
    };
    let found_out = "printf 'outcome=fail\\nexit-code=1\\n' >> \"$GITHUB_OUTPUT\"; exit 1";
    let mut runner = answer(found_out);
    runner.job(&own, "check").with(0).says("good: pass 0, bad: fail 1");
    let asked = runner.machine.asked();
    assert_eq!(asked.iter().filter(|words| words[0] == "demo").count(), 2, "{asked:?}");
    let checks: Vec<_> = asked.iter().filter(|words| words[0] == "check").collect();
    assert_eq!(checks.len(), 2, "{asked:?}");
    assert!(checks[1].contains(&"--target=http://127.0.0.1:8081".to_owned()), "{asked:?}");

    answer(":").job(&own, "check").with(1).says("good: pass 0, bad: pass 0");
    let no_verdict = "printf 'outcome=inconclusive\\nexit-code=3\\n' >> \"$GITHUB_OUTPUT\"; exit 3";
    answer(no_verdict).job(&own, "check").with(1);

    let mut nightly = recording();
    nightly.github.insert("event_name".to_owned(), json!("schedule"));
    nightly.job(&own, "check").with(0).says("skipped");
    nightly.job(&own, "refresh").with(0);
    assert!(nightly.machine.has("artifacts/perfgate-baseline-shop/baseline.json"));
}

#[test]
fn what_the_workflows_ask_of_the_action_is_an_input_of_it() {
    let declared = read_yaml(&repository("action.yml"))["inputs"].clone();
    for file in all() {
        for job in read_yaml(&file)["jobs"].as_object().unwrap().values() {
            for step in
                job["steps"].as_array().into_iter().flatten().filter(|step| [ACTION, "./"].contains(&text_of(&step["uses"]).as_str()))
            {
                let none = Map::new();
                for input in step["with"].as_object().unwrap_or(&none).keys() {
                    assert!(declared.get(input).is_some(), "{}: {input}", file.display());
                }
            }
        }
    }
}
