//! A verdict and a run in which every name and every sentence is the given text.

use std::sync::LazyLock;

use perfgate::gate::Verdict;
use perfgate::run::{Run, read_run};
use serde_json::Value;

/// Keys whose values are free text; the others are words of a list, times and hashes.
const TEXTS: [&str; 14] = [
    "endpoint",
    "metric",
    "reason",
    "code",
    "text",
    "name",
    "detail",
    "scenario",
    "target",
    "commit",
    "branch",
    "environment",
    "source",
    "file",
];

static RUN: LazyLock<Run> = LazyLock::new(|| read_run(include_bytes!("../../../tests/artifacts/run-v1.json")).unwrap());

pub fn run(text: &str) -> Run {
    let mut run = RUN.clone();
    run.scenario.name = text.to_owned();
    run.environment.branch = Some(text.to_owned());
    run.environment.commit = Some(text.to_owned());
    for endpoint in &mut run.endpoints {
        text.clone_into(&mut endpoint.name);
    }
    run
}

pub fn verdict(text: &str) -> Verdict {
    let mut verdict: Value = serde_json::from_str(include_str!("../../corpus/verdict_json/seed-failed")).unwrap();
    replace(&mut verdict, text);
    serde_json::from_value(verdict).unwrap()
}

fn replace(value: &mut Value, text: &str) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                match value {
                    Value::String(old) if TEXTS.contains(&key.as_str()) => text.clone_into(old),
                    value => replace(value, text),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, text)),
        _ => {}
    }
}
