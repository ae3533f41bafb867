//! `perfgate run`: the load alone.

use super::context::{World, exit_of_signal};
use super::error::CommandError;
use super::measure::{find_target, load, open_scenario};
use super::results::Results;
use super::surroundings::Surroundings;
use crate::cli::RunArgs;
use crate::exit::ExitCode;
use crate::report::{Format, render_run};

pub fn run(world: &mut World, args: &RunArgs) -> Result<ExitCode, CommandError> {
    Surroundings::look(world)?.refuse_foreign_code(world)?;
    let scenario = open_scenario(world, &args.scenario, &args.load)?;
    let results = Results::prepare(&args.out)?;
    let abort = world.abort_on_signals();
    results.clear()?;
    let endpoints = find_target(&scenario, &args.load, &abort)?;
    let run = load(world, &scenario, endpoints, &args.load, &results, &abort)?;
    results.write_run(&run)?;
    let format = if world.stdout_is_terminal { Format::Terminal } else { Format::Plain };
    let text = render_run(format, &run, world.look())?;
    world.print(&text);
    world.note(&format!("kept in {}", results.folder().display()));
    Ok(match &run.aborted_by {
        Some(reason) => exit_of_signal(reason).unwrap_or(ExitCode::NoVerdict),
        None if !run.generator.healthy() => ExitCode::NoVerdict,
        None => ExitCode::Pass,
    })
}
