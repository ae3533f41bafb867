//! `perfgate validate`: scenario and threshold files, without any traffic.

use std::collections::BTreeMap;
use std::path::Path;

use super::context::World;
use super::error::CommandError;
use crate::cli::ValidateArgs;
use crate::document::Document;
use crate::exit::ExitCode;
use crate::gate::Thresholds;
use crate::run::EndpointRole;
use crate::scenario::{Model, Overrides, Scenario};
use crate::units::{format_count, format_duration};

/// What a file turned out to be.
enum Checked {
    Scenario(Box<Scenario>),
    Thresholds(Box<Thresholds>),
}

pub fn validate(world: &mut World, args: &ValidateArgs) -> ExitCode {
    let mut code = ExitCode::Pass;
    let mut checked = Vec::new();
    for path in &args.files {
        match check_file(world, path) {
            Ok(file) => checked.push((path, file)),
            Err(error) => code = code.worse(error.tell(world)),
        }
    }
    let scenarios: Vec<&Scenario> =
        checked.iter().filter_map(|(_, file)| if let Checked::Scenario(scenario) = file { Some(&**scenario) } else { None }).collect();
    for (path, file) in &checked {
        let fitting = match file {
            Checked::Scenario(scenario) => Ok(describe(scenario)),
            Checked::Thresholds(thresholds) => held_against(thresholds, &scenarios),
        };
        if let Checked::Thresholds(thresholds) = file
            && !scenarios.is_empty()
            && thresholds.scenario() != "*"
            && !scenarios.iter().any(|scenario| scenario.name == thresholds.scenario())
        {
            world.note(&format!("warning: {}: none of the scenarios given is called `{}`", path.display(), thresholds.scenario()));
        }
        match fitting {
            Ok(words) => world.print(&format!("{}: ok, {words}\n", path.display())),
            Err(error) => code = code.worse(error.tell(world)),
        }
    }
    code
}

/// A threshold file has rules, a scenario has something to send: the keys tell them apart.
fn check_file(world: &mut World, path: &Path) -> Result<Checked, CommandError> {
    let document = Document::open(path)?;
    let keys: BTreeMap<String, serde_json::Value> = document.parse()?;
    let is_thresholds = ["defaults", "endpoints", "total", "scenario", "waivers"].iter().any(|key| keys.contains_key(*key))
        && !["tasks", "load", "target", "users"].iter().any(|key| keys.contains_key(*key));
    if is_thresholds {
        return Ok(Checked::Thresholds(Box::new(Thresholds::from_document(&document)?)));
    }
    let scenario = Scenario::open(path, &Overrides::default(), &|name| world.variable(name))?;
    for warning in &scenario.warnings {
        world.note(&format!("warning: {}: {warning}", path.display()));
    }
    Ok(Checked::Scenario(Box::new(scenario)))
}

/// `scenario checkout: 200 users for 2m30s, 5 endpoints`
fn describe(scenario: &Scenario) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a finite peak that was checked to be positive")]
    let load = match scenario.load.model {
        Model::Closed => format!("{} users", format_count(scenario.load.peak() as u64)),
        Model::Open { .. } => format!("{} starts a second", scenario.load.peak()),
    };
    format!("scenario {}: {load} for {}, {} endpoints", scenario.name, format_duration(scenario.load.duration()), scenario.endpoints.len())
}

/// Thresholds are held against the scenario that they name, where it was given too.
fn held_against(thresholds: &Thresholds, scenarios: &[&Scenario]) -> Result<String, CommandError> {
    let named = scenarios.iter().filter(|scenario| matches!(thresholds.scenario(), name if name == "*" || name == scenario.name));
    let mut words = format!("thresholds for {}", thresholds.scenario());
    for scenario in named {
        let endpoints: Vec<(&str, EndpointRole)> =
            scenario.endpoints.iter().map(|endpoint| (endpoint.name.as_str(), endpoint.role)).collect();
        let phases: Vec<(&str, bool)> = scenario.load.phases.iter().map(|phase| (phase.name.as_str(), phase.measured)).collect();
        thresholds.check_against(&scenario.name, &endpoints, &phases)?;
        words = format!("{words}, fit scenario {}", scenario.name);
    }
    Ok(words)
}
