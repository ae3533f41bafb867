//! What the community's own checkers say of the action and of every workflow: zizmor of their safety, action-validator of
//! their form. `.ci/tools/install` installs them; without them the tests are skipped.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::skip::{Lacking, skip};
use crate::support::{found_on_path, repository, workflows};

/// Where the tool is; `None` where the test is to be skipped.
fn tool(name: &str, installed: &str) -> Option<PathBuf> {
    let found = Some(repository(installed)).filter(|path| path.exists()).or_else(|| found_on_path(name));
    if found.is_none() {
        skip(Lacking::Tool(name));
    }
    found
}

fn files() -> Vec<PathBuf> {
    [vec![repository("action.yml")], workflows(".github/workflows"), workflows("examples/workflows")].concat()
}

#[test]
fn zizmor_finds_nothing_that_is_not_ignored_with_a_reason() {
    let Some(zizmor) = tool("zizmor", "target/tools/python/bin/zizmor") else { return };
    let ask = |files: &[PathBuf]| {
        let mut command = Command::new(&zizmor);
        command.args(["--offline", "--no-progress", "--persona", "pedantic", "--config"]).arg(repository(".github/zizmor.yml"));
        let output = command.args(files).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
    };
    let (code, said) = ask(&files());
    assert_eq!(code, Some(0), "{said}");

    // Without its reasons it has something to say: it did look.
    let folder = tempfile::tempdir().unwrap();
    let unsafe_file = folder.path().join("unsafe.yml");
    let text = fs::read_to_string(repository("examples/workflows/fork-comment.yml")).unwrap();
    let (before, comment) = text.split_once(" # zizmor: ").unwrap();
    let (_, behind) = comment.split_once('\n').unwrap();
    fs::write(&unsafe_file, format!("{before}\n{behind}")).unwrap();
    let (code, said) = ask(&[unsafe_file]);
    assert!(code != Some(0) && said.contains("dangerous-triggers"), "{said}");
}

#[test]
fn every_file_has_the_form_that_github_expects() {
    let Some(validator) = tool("action-validator", "target/tools/node_modules/.bin/action-validator") else { return };
    let folder = tempfile::tempdir().unwrap();
    let is_valid = |text: &str, name: &str| {
        // It tells actions and workflows apart by the name.
        let copy = folder.path().join(name);
        fs::write(&copy, text).unwrap();
        let output = Command::new(&validator).arg(&copy).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
    };
    for file in files() {
        let name = file.file_name().unwrap().to_str().unwrap();
        // Its schema is older than this right, which actions/attest asks for.
        let text: Vec<String> = fs::read_to_string(&file)
            .unwrap()
            .lines()
            .filter(|line| !line.trim_start().starts_with("attestations: "))
            .map(str::to_owned)
            .collect();
        let (valid, said) = is_valid(&text.join("\n"), name);
        assert!(valid, "{}: {said}", file.display());
    }
    let (valid, said) = is_valid("name: x\non: push\njobs: {a: {runs-on: ubuntu-24.04, step: []}}\n", "wrong.yml");
    assert!(!valid, "{said}");
}
