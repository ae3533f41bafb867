//! `perfgate validate`: scenario and threshold files, without any traffic, and the plan in words.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::context::World;
use super::error::CommandError;
use super::judging::default_thresholds;
use super::plan_words::{headline, plan_in_words};
use crate::cli::ValidateArgs;
use crate::document::Document;
use crate::exit::ExitCode;
use crate::files::may_exist;
use crate::gate::Thresholds;
use crate::report::harmless_lines;
use crate::run::EndpointRole;
use crate::scenario::{Overrides, Scenario};

/// Stands for a variable that is not set here: a number goes wherever a value may stand.
const PLACEHOLDER: &str = "1000000";

/// A file with what it turned out to be.
struct Checked {
    path: PathBuf,
    content: Content,
}

enum Content {
    Scenario(Box<Scenario>),
    Thresholds(Box<Thresholds>),
}

pub fn validate(world: &mut World, args: &ValidateArgs) -> ExitCode {
    let mut code = ExitCode::Pass;
    let mut checked = Vec::new();
    for path in &args.files {
        match check_file(world, path) {
            Ok(content) => checked.push(Checked { path: path.clone(), content }),
            Err(error) => code = code.worse(error.tell(world)),
        }
    }
    code = code.worse(add_default_thresholds(world, &mut checked));
    for file in &checked {
        let said = match &file.content {
            Content::Scenario(scenario) => Ok(describe(scenario, &checked)),
            Content::Thresholds(thresholds) => held_against(&file.path, thresholds, &checked),
        };
        match said {
            Ok(words) => world.print(&format!("{}\n", harmless_lines(&format!("{}: ok, {words}", file.path.display())))),
            Err(error) => code = code.worse(error.tell(world)),
        }
    }
    code
}

/// A threshold file has rules, a scenario has something to send: the keys tell them apart.
fn check_file(world: &mut World, path: &Path) -> Result<Content, CommandError> {
    let document = Document::open(path)?;
    let keys: BTreeMap<String, serde_json::Value> = document.parse()?;
    let is_thresholds = ["defaults", "endpoints", "total", "scenario", "waivers"].iter().any(|key| keys.contains_key(*key))
        && !["tasks", "load", "target", "users"].iter().any(|key| keys.contains_key(*key));
    if is_thresholds {
        return Ok(Content::Thresholds(Box::new(Thresholds::from_document(&document)?)));
    }
    let (missing, read) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let variable = |name: &str| {
        world.variable(name).inspect(|value| read.borrow_mut().push(value.clone())).or_else(|| {
            missing.borrow_mut().push(name.to_owned());
            Some(PLACEHOLDER.to_owned())
        })
    };
    let opened = Scenario::open(path, &Overrides::default(), &variable);
    world.hide(&read.into_inner());
    let scenario = opened?;
    for warning in &scenario.warnings {
        world.note(&format!("warning: {}: {warning}", path.display()));
    }
    for name in missing.into_inner() {
        world.note(&format!("warning: {}: environment variable `{name}` is not set here: `check` will need it", path.display()));
    }
    Ok(Content::Scenario(Box::new(scenario)))
}

/// Thresholds in the place where `check` looks for them are checked along.
fn add_default_thresholds(world: &mut World, checked: &mut Vec<Checked>) -> ExitCode {
    let mut code = ExitCode::Pass;
    let lacking: Vec<PathBuf> = scenarios(checked)
        .filter(|scenario| thresholds_of(checked, scenario).is_none())
        .map(|scenario| default_thresholds(&scenario.name))
        .collect();
    for path in lacking {
        let is_given = checked.iter().any(|file| file.path == path);
        if is_given || !may_exist(&path) {
            continue;
        }
        match check_file(world, &path) {
            Ok(content) => checked.push(Checked { path, content }),
            Err(error) => code = code.worse(error.tell(world)),
        }
    }
    code
}

fn scenarios(checked: &[Checked]) -> impl Iterator<Item = &Scenario> {
    checked.iter().filter_map(|file| if let Content::Scenario(scenario) = &file.content { Some(&**scenario) } else { None })
}

/// The thresholds that name the scenario, else those that fit every one.
fn thresholds_of<'c>(checked: &'c [Checked], scenario: &Scenario) -> Option<&'c Thresholds> {
    let all =
        || checked.iter().filter_map(|file| if let Content::Thresholds(thresholds) = &file.content { Some(&**thresholds) } else { None });
    all().find(|thresholds| thresholds.scenario() == scenario.name).or_else(|| all().find(|thresholds| thresholds.scenario() == "*"))
}

fn describe(scenario: &Scenario, checked: &[Checked]) -> String {
    let thresholds = thresholds_of(checked, scenario);
    let mut lines = vec![headline(scenario)];
    lines.extend(plan_in_words(scenario, thresholds));
    let place = default_thresholds(&scenario.name);
    if thresholds.is_none() && !checked.iter().any(|file| file.path == place) {
        lines.push(format!("  no thresholds: they were not named, and {} is not there", place.display()));
    }
    lines.join("\n")
}

/// Thresholds are held against every scenario that `check` would judge by them: those that they name, and the one in whose
/// place they lie. Those that fit none of the scenarios given judge nothing.
fn held_against(path: &Path, thresholds: &Thresholds, checked: &[Checked]) -> Result<String, CommandError> {
    let is_meant = |scenario: &&Scenario| {
        thresholds.scenario() == "*" || thresholds.scenario() == scenario.name || *path == default_thresholds(&scenario.name)
    };
    let meant: Vec<&Scenario> = scenarios(checked).filter(is_meant).collect();
    let held: Vec<&Scenario> = if meant.is_empty() { scenarios(checked).take(1).collect() } else { meant };
    let mut words = format!("thresholds for {}", thresholds.scenario());
    for scenario in held {
        let endpoints: Vec<(&str, EndpointRole)> =
            scenario.endpoints.iter().map(|endpoint| (endpoint.name.as_str(), endpoint.role)).collect();
        let phases: Vec<(&str, bool)> = scenario.load.phases.iter().map(|phase| (phase.name.as_str(), phase.measured)).collect();
        thresholds.check_against(&scenario.name, &endpoints, &phases)?;
        words = format!("{words}, fit scenario {}", scenario.name);
    }
    Ok(words)
}
