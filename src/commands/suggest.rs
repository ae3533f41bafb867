//! `perfgate thresholds suggest`: limits from what stored runs measured.

use std::path::Path;

use super::context::World;
use super::error::CommandError;
use super::judging::open_baseline;
use super::surroundings::Surroundings;
use crate::cli::SuggestArgs;
use crate::exit::ExitCode;
use crate::gate;
use crate::run::{Baseline, Run, incomparable};
use crate::scenario::{Overrides, Scenario};

pub fn suggest(world: &mut World, args: &SuggestArgs) -> Result<ExitCode, CommandError> {
    let around = Surroundings::look(world)?;
    let name = name_of(world, &args.scenario)?;
    let Some(baseline) = open_baseline(world, &args.baseline, &name, &around)? else {
        return Err(CommandError::Usage {
            text: "`--baseline none` leaves nothing to suggest limits from".to_owned(),
            hint: "name a folder of runs, or leave --baseline away".to_owned(),
        });
    };
    let runs = comparable(world, &baseline);
    let suggestion =
        gate::suggest(&runs).map_err(|too_few| CommandError::TooFewRuns { too_few, store: baseline.source.clone(), scenario: name })?;
    world.print(&suggestion.to_yaml(&baseline.source));
    world.note("limits from measurements say what is usual, not what users need: look at every `max` before it is used");
    Ok(ExitCode::Pass)
}

/// A scenario's file says its name; anything else is the name.
fn name_of(world: &World, scenario: &str) -> Result<String, CommandError> {
    let path = Path::new(scenario);
    if !path.is_file() {
        return Ok(scenario.to_owned());
    }
    Ok(Scenario::open(path, &Overrides::default(), &|name| world.variable(name))?.name)
}

/// The whole runs that may be compared with the newest; what is left out is told.
fn comparable<'a>(world: &mut World, baseline: &'a Baseline) -> Vec<&'a Run> {
    let whole = || baseline.runs.iter().map(|kept| &kept.run).filter(|run| run.complete);
    let Some(newest) = whole().max_by_key(|run| run.started_at) else { return Vec::new() };
    let runs: Vec<&Run> = whole().filter(|run| incomparable(newest, run).is_none()).collect();
    let left_out = baseline.runs.len() - runs.len();
    if left_out > 0 {
        world.note(&format!("{left_out} of {} runs are left out: not comparable with the newest", baseline.runs.len()));
    }
    runs
}
