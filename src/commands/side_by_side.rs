//! `perfgate check --against URL`: the release and the old build, loaded at the same time in rounds until the difference
//! between them is sure.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::check::{Loaded, Order, most_loads};
use super::context::World;
use super::error::CommandError;
use super::measure::{self, find_target, open_scenario};
use crate::cli::{CheckArgs, LoadArgs};
use crate::gate::{Beside, Judgement};
use crate::load::{Abort, Endpoints};
use crate::run::Run;
use crate::scenario::Scenario;
use crate::stats::Restarts;

/// The scenario as it is sent to the other deployment.
pub fn open(world: &mut World, path: &Path, other: &str, args: &LoadArgs) -> Result<Arc<Scenario>, CommandError> {
    open_scenario(world, path, &LoadArgs { target: Some(other.to_owned()), ..args.clone() })
}

/// Loads both deployments, round after round as long as that may tell more and `--max-duration` allows.
pub fn load_until_sure(
    world: &mut World,
    order: &Order<'_>,
    other: &Arc<Scenario>,
    args: &CheckArgs,
    abort: &Abort,
) -> Result<Loaded, CommandError> {
    let Order { scenario, judging, results, .. } = order;
    let most = most_loads(scenario, args.max_duration);
    let restarts = if args.between_rounds.is_some() { Restarts::BeforeEachRound } else { Restarts::None };
    let target = other.target.origin();
    let (mut loads, mut beside): (Vec<Run>, Vec<Run>) = (Vec::new(), Vec::new());
    let mut written = Ok(());
    loop {
        let round = loads.len() + 1;
        let (ours, theirs) = start_anew(order, other, args, abort)?;
        let (run, run_beside) = measure::load_beside(world, (scenario, ours), (other, theirs), &args.load, results, abort)?;
        written = written.and_then(|()| results.write_run(&run)).and_then(|()| results.write_beside(round, &run_beside));
        loads.push(run);
        beside.push(run_beside);
        let judged_beside = Beside { target: &target, loads: &beside, restarts };
        let Judgement { verdict, again } = judging.judge_beside(&loads, judged_beside, most);
        match again.filter(|_| abort.reason().is_none()) {
            Some(why) => {
                world.note(&format!("round {} of at most {most}: {why}", round + 1));
                written = written.and_then(|()| results.set_aside(round));
            }
            None => return Ok(Loaded { run: loads.swap_remove(round - 1), verdict, written }),
        }
    }
}

/// Runs the command of `--between-rounds` and finds both deployments.
fn start_anew(order: &Order<'_>, other: &Scenario, args: &CheckArgs, abort: &Abort) -> Result<(Endpoints, Endpoints), CommandError> {
    let Some(command) = &args.between_rounds else {
        return Ok((order.endpoints.clone(), find_target(other, &args.load, abort)?));
    };
    // Standard output belongs to the verdict.
    let status = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok((find_target(order.scenario, &args.load, abort)?, find_target(other, &args.load, abort)?)),
        Ok(status) => Err(CommandError::BetweenRounds { command: command.clone(), what: status.to_string() }),
        Err(error) => Err(CommandError::BetweenRounds { command: command.clone(), what: error.to_string() }),
    }
}
