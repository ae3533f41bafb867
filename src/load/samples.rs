//! Scenarios, plans and headings to test the parts of a load with.

use std::path::Path;

use super::collector::Heading;
use crate::document::Document;
use crate::run::Environment;
use crate::scenario::{Overrides, Scenario, Step, Surroundings};

/// A scenario from all but version, name and target.
pub fn scenario(rest: &str) -> Scenario {
    let text = format!("version: 1\nname: sample\ntarget: http://127.0.0.1:8080\n{rest}");
    let surroundings = Surroundings { folder: Path::new("."), environment: &|_| None };
    Scenario::from_document(&Document::from_text("s.yaml", &text), &surroundings, &Overrides::default())
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A scenario of one user whose only task has these steps.
pub fn scenario_of(steps: &str) -> Scenario {
    scenario(&format!("load: {{users: 1, hold: 10s}}\ntasks: [{{steps: [{steps}]}}]\n"))
}

/// The last of these steps.
pub fn step(steps: &str) -> Step {
    scenario_of(steps).kinds.swap_remove(0).tasks.swap_remove(0).steps.pop().unwrap()
}

pub fn heading() -> Heading {
    let environment = Environment {
        name: None,
        os: "linux".into(),
        arch: "x86_64".into(),
        cores: 2,
        cpu: None,
        perfgate: "0.1.0".into(),
        ci: None,
        job: None,
        commit: None,
        branch: None,
    };
    Heading { started_at: "2026-11-20T12:00:00Z".parse().unwrap(), environment, overrides: Vec::new(), threads: 1 }
}
