//! The README's way to a first gate, taken as it stands: one workflow and two files pasted, a staging that is there.

use std::fs;

use serde_json::json;

use crate::support::{Ended, Machine, Program, Runner, Shop, repository};

const ATTEMPTS: usize = 4;

/// The first blocks of YAML in a section of the README.
fn blocks<const N: usize>(title: &str) -> [String; N] {
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let section = readme.split("\n## ").find(|section| section.starts_with(title)).unwrap_or_else(|| panic!("no section {title}"));
    let blocks = section.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap().to_owned());
    blocks.take(N).collect::<Vec<_>>().try_into().unwrap()
}

fn workflow() -> String {
    let [workflow] = blocks("A gate on GitHub");
    workflow
}

/// The gate, with a load that a test has time for, on a staging where limits of so many milliseconds hold or not.
fn gate(limit: &str) -> Ended {
    let [scenario, thresholds] = blocks("A first gate in five minutes");
    let shop = Shop::deploy(None);
    let machine = Machine::with(Program::True);
    machine.write("workspace/.github/workflows/performance-gate.yml", &workflow());
    let edit = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "no `{from}` in\n{text}");
        text.replace(from, to)
    };
    let scenario = edit(&scenario, "https://staging.shop.example", &shop.url());
    machine.write("workspace/shop.yaml", &edit(&scenario, "users: 50, hold: 60s", "users: 8, hold: 2s"));
    machine.write("workspace/thresholds/shop.yaml", &edit(&thresholds, "p95: 300ms, p99: 800ms", limit));
    let mut runner = Runner::new(machine);
    runner.github.insert("token".to_owned(), json!(""));
    let workflow = runner.machine.path("workspace/.github/workflows/performance-gate.yml");
    runner.job(&workflow, "gate")
}

#[test]
fn one_workflow_and_two_files_are_a_gate_that_is_green_and_red_as_it_should() {
    for (limit, code, said) in [("p95: 5s, p99: 6s", 0, "perfgate: passed"), ("p95: 1us, p99: 1us", 1, "perfgate: failed")] {
        let ended = (0..ATTEMPTS).map(|_| gate(limit)).find(|ended| ended.code == code);
        ended.unwrap_or_else(|| gate(limit)).with(code).says(said);
    }
}

#[test]
fn the_workflow_of_the_readme_is_the_one_under_examples() {
    let example = fs::read_to_string(repository("examples/workflows/release-candidate.yml")).unwrap();
    let lines: Vec<&str> = example.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    assert_eq!(workflow().trim(), lines.join("\n").trim());
}
