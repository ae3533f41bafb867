//! What is there to be copied works as it stands: examples, thresholds, the first lines of a newcomer, the README.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use perfgate::demo::Regression;
use perfgate::document::Document;
use serde_json::Value;

use crate::support::{Ended, Server, Shop, Workspace, at_once};

/// Long enough for every rule of the example: its p99s need 1,000 requests.
const HOLD: &str = "--duration 8s";
/// A machine that is busy with something else can spoil a measurement, but not each of these.
const ATTEMPTS: usize = 3;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn yaml_files(folder: &str) -> Vec<String> {
    let paths = fs::read_dir(repository(folder)).unwrap().map(|entry| entry.unwrap().path());
    let yaml = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let mut files: Vec<String> = yaml.map(|path| format!("{folder}/{}", path.file_name().unwrap().to_string_lossy())).collect();
    files.sort();
    files
}

/// A copy of what a user copies.
fn copied() -> Workspace {
    let workspace = Workspace::empty();
    for folder in ["examples", "examples/data", "thresholds"] {
        for entry in fs::read_dir(repository(folder)).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            let name = entry.file_name().into_string().unwrap();
            workspace.write(&format!("{folder}/{name}"), &fs::read_to_string(entry.path()).unwrap());
        }
    }
    workspace
}

#[test]
fn every_example_and_threshold_file_validates() {
    let files = [yaml_files("examples"), yaml_files("thresholds")].concat();
    assert!(files.len() >= 2, "{files:?}");
    let ended = copied().perfgate(&format!("validate {}", files.join(" "))).with(0);
    assert_eq!(ended.stderr, "", "a warning");
}

#[test]
fn every_example_and_threshold_file_fits_the_schema_for_editors() {
    let workspace = Workspace::empty();
    for (of, folder) in [("scenario", "examples"), ("thresholds", "thresholds")] {
        let schema = jsonschema::validator_for(&workspace.perfgate(&format!("schema {of}")).with(0).json()).unwrap();
        for file in yaml_files(folder) {
            let value: Value = Document::open(&repository(&file)).unwrap().parse().unwrap();
            let errors: Vec<String> = schema.iter_errors(&value).map(|error| format!("{error} at {}", error.instance_path())).collect();
            assert_eq!(errors, [""; 0], "{file}");
        }
        assert!(!schema.is_valid(&serde_json::json!({"version": 1, "nonsense": true})), "{of}");
    }
}

/// A release of the shop and what must be first among the findings, `None` where it must pass.
struct Release {
    regression: Option<Regression>,
    found: Option<(&'static [&'static str], &'static [&'static str])>,
}

/// Checked once: what was expected came out, or what came instead.
fn checked(release: &Release) -> Result<(), String> {
    let shop = Shop::deploy(release.regression);
    let workspace = copied();
    let ended = workspace.perfgate(&format!("check examples/shop.yaml {HOLD} --target {}", shop.url()));
    let finding = &workspace.json("perfgate-out/verdict.json")["findings"][0];
    let is_expected = match release.found {
        None => ended.code == 0,
        Some((endpoints, metrics)) => {
            let is_one = |key: &str, allowed: &[&str]| finding[key].as_str().is_some_and(|found| allowed.contains(&found));
            ended.code == 1 && is_one("endpoint", endpoints) && is_one("metric", metrics) && finding["outcome"] == "fail"
        }
    };
    let Ended { code, stdout, stderr, .. } = &ended;
    if is_expected { Ok(()) } else { Err(format!("{:?}: exit {code}\n{stdout}{stderr}", release.regression)) }
}

#[test]
fn the_example_passes_the_healthy_shop_and_names_each_regression_first() {
    const SEARCH: &[&str] = &["GET /api/search"];
    const MEMBERS: &[&str] = &["GET /api/teams/:id/members"];
    const CHECKOUT: &[&str] = &["POST /api/checkout"];
    const DATABASE: &[&str] = &[
        "GET /api/products",
        "GET /api/products/:id",
        "GET /api/search",
        "GET /api/teams/:id/members",
        "POST /api/cart",
        "POST /api/checkout",
        "GET /api/orders/:id",
    ];
    let releases = [
        Release { regression: None, found: None },
        Release { regression: Some(Regression::MissingIndex), found: Some((SEARCH, &["p99"])) },
        Release { regression: Some(Regression::NPlusOne), found: Some((MEMBERS, &["p95"])) },
        Release { regression: Some(Regression::SmallPool), found: Some((DATABASE, &["p95", "p99"])) },
        Release { regression: Some(Regression::SlowDependency), found: Some((CHECKOUT, &["p95"])) },
        Release { regression: Some(Regression::Errors), found: Some((CHECKOUT, &["failures"])) },
    ];
    at_once(&releases, |release| {
        let attempts: Vec<String> = (0..ATTEMPTS).map_while(|_| checked(release).err()).collect();
        assert!(attempts.len() < ATTEMPTS, "{}", attempts.join("\n"));
    });
}

/// The whole of a first gate, as the documentation shows it.
const FIRST_SCENARIO: &str = "\
version: 1
name: shop
target: https://staging.shop.example
load: {users: 50, hold: 60s}
tasks:
  - steps: [{get: /api/products}]
";
const FIRST_THRESHOLDS: &str = "\
version: 1
scenario: shop
defaults: {p95: 300ms, p99: 800ms, failures: 1%}
";

#[test]
fn the_first_lines_of_a_newcomer_are_a_gate() {
    let server = Server::healthy();
    let workspace = Workspace::empty();
    workspace.write("shop.yaml", FIRST_SCENARIO);
    workspace.write("thresholds/shop.yaml", FIRST_THRESHOLDS);
    workspace.perfgate("validate shop.yaml thresholds/shop.yaml").with(0);
    // Without a pause fifty users keep this machine busy: the load is cut, the files are as they stand.
    let arguments = format!("check shop.yaml --target {} --users 4 --duration 1s", server.url());
    workspace.perfgate(&arguments).with(0).prints("perfgate: passed · 3 checks · shop on 127.0.0.1:");
}

/// The fenced blocks of a language, of every one for `None`.
fn blocks_of<'a>(markdown: &'a str, language: Option<&str>) -> Vec<&'a str> {
    let fenced = markdown.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    fenced.filter(|(info, _)| language.is_none_or(|language| *info == language)).map(|(_, text)| text).collect()
}

/// The command lines in fenced blocks, without what stands before and behind; a `\` at the end joins lines.
fn commands_in(markdown: &str) -> Vec<String> {
    const BEFORE: [&str; 4] = ["$ ", "- run: ", "run: ", "exec "];
    const PROGRAMS: [&str; 3] = ["perfgate ", "cargo run --release -- ", "./target/release/perfgate "];
    const BEHIND: [&str; 6] = [" #", " |", " &&", ";", " >", " 2>"];
    let mut commands = Vec::new();
    for line in blocks_of(&markdown.replace("\\\n", " "), None).iter().flat_map(|block| block.lines()) {
        let line = BEFORE.iter().fold(line.trim(), |line, before| line.strip_prefix(before).unwrap_or(line));
        if let Some(arguments) = PROGRAMS.iter().find_map(|program| line.strip_prefix(program)) {
            let end = BEHIND.iter().filter_map(|behind| arguments.find(behind)).min().unwrap_or(arguments.len());
            commands.push(arguments[..end].trim().to_owned());
        }
    }
    commands
}

#[test]
fn every_command_of_the_readme_can_be_typed() {
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let commands = commands_in(&readme);
    assert!(!commands.is_empty(), "the README shows no command");
    for command in commands {
        let words = command.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
        let typed = std::iter::once("perfgate").chain(words).map(OsString::from);
        if let Err(error) = perfgate::cli::parse(typed) {
            assert!(!error.use_stderr(), "perfgate {command}\n{error}");
        }
    }
}

/// The demo has a test of its own parts; it takes a minute as a whole. `serve` has its own too, and ends when it is told to.
#[test]
fn every_command_of_the_readme_runs_on_a_shop_of_that_name() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    for result in ["k6-2.2.0/points.json", "wrk2-4.0.0/latency.txt"] {
        let path = repository(&format!("tests/results/{result}"));
        workspace.write(&format!("results/{}", path.file_name().unwrap().to_string_lossy()), &fs::read_to_string(&path).unwrap());
    }
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let ends = |command: &String| !["demo", "serve"].iter().any(|verb| command.starts_with(verb));
    let commands: Vec<String> = commands_in(&readme).into_iter().filter(ends).collect();
    assert!(commands.len() >= 3, "{commands:?}");
    for command in commands {
        workspace.perfgate(&command).with(0);
    }
}

#[test]
fn every_whole_file_of_the_readme_validates() {
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let mut workspace = Workspace::empty();
    workspace.set_variable("STAGING_PASSWORD", "long enough");
    workspace.write("data/products.csv", "id\n1\n");
    let accounts: Vec<String> = (1..=1000).map(|number| format!("user{number}\n")).collect();
    workspace.write("data/accounts.csv", &format!("username\n{}", accounts.concat()));
    let files: Vec<&str> = blocks_of(&readme, Some("yaml")).into_iter().filter(|block| block.starts_with("version: 1\n")).collect();
    assert!(files.len() >= 2, "the README shows no whole file");
    let names: Vec<String> = (1..=files.len()).map(|number| format!("{number}.yaml")).collect();
    names.iter().zip(files).for_each(|(name, content)| workspace.write(name, content));
    let ended = workspace.perfgate(&format!("validate {}", names.join(" "))).with(0);
    assert_eq!(ended.stderr, "", "a warning");
}

#[test]
fn commands_are_found_in_fenced_blocks_only() {
    let markdown = "perfgate no\n```sh\n$ perfgate check a.yaml \\\n  --soft # why\n- run: exec perfgate demo | head\necho perfgate no\n```\nperfgate no\n";
    assert_eq!(commands_in(markdown), ["check a.yaml    --soft", "demo"]);
}

#[test]
fn every_command_of_the_pipelines_to_copy_is_one_that_can_be_typed() {
    let word = regex::Regex::new(r"perfgate (check|baseline refresh|report) ([^'\n|]*)").unwrap();
    let mut found = 0;
    for entry in fs::read_dir(repository("examples/ci")).unwrap().map(Result::unwrap) {
        let text = fs::read_to_string(entry.path()).unwrap();
        for command in word.captures_iter(&text) {
            let ended = Workspace::empty().perfgate(&format!("{} {}", &command[1], command[2].trim()));
            // Typed well, it gets as far as a file that is not there.
            ended.with(2).says("error: cannot read ");
            found += 1;
        }
    }
    assert!(found >= 12, "{found}");
}
