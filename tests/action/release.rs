//! A release, from its checks to the table: the tag adds one file to the commit that was built, and the action at that tag
//! downloads what the file lists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Machine, Program, Runner, read_yaml, repository};

const TARGETS: [&str; 6] = [
    "aarch64-apple-darwin",
    "aarch64-unknown-linux-gnu",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "x86_64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
];

fn git(folder: &Path, arguments: &str) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=t", "-c", "user.email=t@localhost"]).args(arguments.split(' ')).current_dir(folder);
    let output = git.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "git {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A checkout of a commit that is to be version 1.2.3, with everything built.
fn about_to_release() -> Runner {
    let machine = Machine::with(Program::Recorder);
    machine.write("workspace/Cargo.toml", "[package]\nname = \"perfgate\"\nversion = \"1.2.3\"\n");
    machine.write("workspace/CHANGELOG.md", "# Changelog\n\n## 1.2.3\n\n- What is new.\n\n## 1.2.2\n\n- What was.\n");
    machine.write("workspace/.github/zizmor.yml", "rules: {}\n");
    let workspace = machine.path("workspace");
    git(&machine.path(""), "init --quiet --bare --initial-branch main origin.git");
    git(&workspace, "init --quiet --initial-branch main");
    git(&workspace, "add .");
    git(&workspace, "commit --quiet --message built");
    git(&workspace, "remote add origin ../origin.git");
    git(&workspace, "push --quiet origin main");
    for target in TARGETS {
        let archive = machine.release(target, &machine.read("home/perfgate"));
        let name = archive.file_name().unwrap().to_str().unwrap();
        fs::create_dir_all(machine.path(&format!("artifacts/release-{target}"))).unwrap();
        fs::copy(&archive, machine.path(&format!("artifacts/release-{target}/{name}"))).unwrap();
    }
    machine.write("artifacts/release-sbom/perfgate.cdx.json", "{}");
    machine.write_program("bin/gh", "#!/bin/sh\necho \"$*\" >> \"$HOME/gh\"\n");
    let mut runner = Runner::new(machine);
    runner.github.extend([("ref".to_owned(), json!("refs/heads/main")), ("repository".to_owned(), json!("acme/perfgate"))]);
    runner
}

fn workflow() -> std::path::PathBuf {
    repository(".github/workflows/release.yml")
}

#[test]
fn only_a_new_version_of_main_that_is_written_down_is_released() {
    about_to_release().job(&workflow(), "plan").with(0);

    let mut branch = about_to_release();
    branch.github.insert("ref".to_owned(), json!("refs/heads/other"));
    branch.job(&workflow(), "plan").with(1);

    for (file, content) in [("Cargo.toml", "version = \"1.2.4\"\n"), ("CHANGELOG.md", "## Unreleased\n")] {
        let mut other = about_to_release();
        other.machine.write(&format!("workspace/{file}"), content);
        other.job(&workflow(), "plan").with(1);
    }

    let mut again = about_to_release();
    git(&again.machine.path("workspace"), "push --quiet origin main:refs/tags/v1.2.3");
    again.job(&workflow(), "plan").with(1);
}

#[test]
fn the_tagged_commit_adds_the_table_to_the_one_that_was_built_and_the_action_there_downloads_it() {
    let mut runner = about_to_release();
    let built = git(&runner.machine.path("workspace"), "rev-parse main");
    runner.job(&workflow(), "publish").with(0);

    let origin = runner.machine.path("origin.git");
    assert_eq!(git(&origin, "rev-parse v1.2.3~1"), built);
    assert_eq!(git(&origin, "diff --name-only v1.2.3~1 v1.2.3"), ".github/checksums.txt");
    assert_eq!(git(&origin, "rev-parse v1"), git(&origin, "rev-parse v1.2.3"));
    assert_eq!(git(&origin, "rev-parse main"), built, "main stays as it is");
    let asked = runner.machine.read("home/gh");
    let files: Vec<&str> = asked.split_whitespace().filter_map(|word| word.rsplit_once("/dist/")).map(|(_, file)| file).collect();
    let archives = TARGETS.map(|target| format!("perfgate-{target}.tar.gz"));
    assert_eq!(
        files,
        [&["SHA256SUMS", "perfgate-aarch64-apple-darwin.tar.gz"], &archives.each_ref().map(String::as_str)[1..], &["perfgate.cdx.json"]]
            .concat()
    );
    assert_eq!(runner.machine.read("temp/notes.md").trim(), "- What is new.");

    let user = Machine::with(Program::Recorder);
    user.write("action/.github/checksums.txt", &git(&origin, "show v1.2.3:.github/checksums.txt"));
    let archive = "releases/perfgate-x86_64-unknown-linux-gnu.tar.gz";
    fs::copy(runner.machine.path(archive), user.path(archive)).unwrap();
    let mut user = Runner::new(user);
    user.action(&[("command", "publish"), ("version", "v1.2.3")]).with(0);
    assert!(!user.machine.has("home/cargo"), "it was built");
    let address = "https://github.com/acme/perfgate/releases/download/v1.2.3/perfgate-x86_64-unknown-linux-gnu.tar.gz";
    assert!(user.machine.read("home/curl").trim_end().ends_with(address));
}

#[test]
fn what_is_built_is_started_and_packed_as_the_action_unpacks_it() {
    let mut runner = about_to_release();
    fs::remove_dir_all(runner.machine.path("artifacts")).unwrap();
    fs::create_dir_all(runner.machine.path("artifacts")).unwrap();
    runner.machine.write("workspace/LICENSE", "MIT");
    runner.machine.write("workspace/README.md", "# perfgate");
    runner.machine.write_program("bin/rustup", "#!/bin/sh\n");
    let cargo = "#!/bin/sh\nmkdir -p target/$TARGET/release && cp \"$HOME/perfgate\" target/$TARGET/release/perfgate\n";
    runner.machine.write_program("bin/cargo", cargo);
    runner.job(&workflow(), "build").with(0);
    let asked = || -> BTreeSet<String> { runner.machine.asked().into_iter().filter_map(|words| words.into_iter().next()).collect() };
    // The shop is started beside the load, and may be the later of the two to say so.
    let begun = Instant::now();
    while asked().len() < 2 && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(asked().into_iter().collect::<Vec<_>>(), ["demo", "run"]);

    let name = "perfgate-x86_64-unknown-linux-gnu.tar.gz";
    let archive = runner.machine.path(&format!("artifacts/release-x86_64-unknown-linux-gnu/{name}"));
    let unpacked = tempfile::tempdir().unwrap();
    let mut tar = Command::new("tar");
    assert!(tar.arg("-xzf").arg(&archive).arg("-C").arg(unpacked.path()).arg("perfgate").status().unwrap().success());
    assert_eq!(fs::read_to_string(unpacked.path().join("perfgate")).unwrap(), runner.machine.read("home/perfgate"));
}

#[test]
fn everything_that_is_built_is_released_under_the_name_that_the_action_looks_for() {
    let release = read_yaml(&workflow());
    let rows = release["jobs"]["build"]["strategy"]["matrix"]["include"].as_array().unwrap();
    let mut built: Vec<&str> = rows.iter().map(|row| row["target"].as_str().unwrap()).collect();
    built.sort_unstable();
    assert_eq!(built, TARGETS);
    let action = fs::read_to_string(repository("action.yml")).unwrap();
    assert!(TARGETS.iter().all(|target| action.contains(target)));
    assert!(!repository(".github/checksums.txt").exists(), "the table belongs into a release's own commit only");
}
