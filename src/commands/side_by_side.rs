//! `perfgate check --against URL`: the release and the old build, loaded at the same time in rounds until the difference
//! between them is sure. Where enough runs are stored, one load of the release alone comes first: it may be sure already.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::check::{Loaded, Order, most_loads};
use super::context::World;
use super::error::CommandError;
use super::measure::{self, find_target, open_scenario};
use super::plan_words::counted;
use super::surroundings::environment;
use crate::cli::{CheckArgs, LoadArgs};
use crate::gate::{Beside, Judgement};
use crate::load::{Abort, Endpoints};
use crate::run::{Likeness, Run};
use crate::scenario::Scenario;
use crate::stats::Restarts;

/// Fewer rounds than this decide nothing.
const LEAST_ROUNDS: usize = 2;

/// The scenario as it is sent to the other deployment.
pub fn open(world: &mut World, path: &Path, other: &str, args: &LoadArgs) -> Result<Arc<Scenario>, CommandError> {
    open_scenario(world, path, &LoadArgs { target: Some(other.to_owned()), ..args.clone() })
}

/// Loads the release, beside the other deployment where that is needed, as long as it may tell more and `--max-duration` allows.
pub fn load_until_sure(
    world: &mut World,
    order: &Order<'_>,
    other: &Arc<Scenario>,
    args: &CheckArgs,
    abort: &Abort,
) -> Result<Loaded, CommandError> {
    let pair = Pair { order, other, args, abort };
    let most = most_loads(order.scenario, args.max_duration);
    if most <= LEAST_ROUNDS || !pair.has_history(world) {
        return pair.rounds(world, most, Before::nothing());
    }
    let run = measure::load(world, order.scenario, order.endpoints.clone(), &args.load, order.results, abort)?;
    let written = order.results.write_run(&run);
    let Judgement { mut verdict, again } = order.judging.screen(&run, most);
    let Some(why) = again.filter(|_| abort.reason().is_none()) else {
        verdict.tell_how("by one load against the stored runs; it was not necessary to load side by side".to_owned());
        return Ok(Loaded { run, earlier: Vec::new(), beside: Vec::new(), verdict, written });
    };
    world.note(&format!("one load is not sure, rounds side by side follow: {why}"));
    let written = written.and_then(|()| order.results.set_aside(1));
    pair.rounds(
        world,
        most - 1,
        Before { loads: vec![run], written, told: format!("; one load against the stored runs was not sure: {why}") },
    )
}

/// The two deployments.
struct Pair<'a> {
    order: &'a Order<'a>,
    other: &'a Arc<Scenario>,
    args: &'a CheckArgs,
    abort: &'a Abort,
}

/// What happened before the first round.
struct Before {
    /// The runs that were set aside.
    loads: Vec<Run>,
    written: Result<(), CommandError>,
    /// For whoever asks how it was decided.
    told: String,
}

impl Before {
    fn nothing() -> Self {
        Self { loads: Vec::new(), written: Ok(()), told: String::new() }
    }
}

impl Pair<'_> {
    fn has_history(&self, world: &World) -> bool {
        let likeness = Likeness::of_load(&self.order.scenario.hash, &environment(world, &self.args.load));
        self.order.judging.has_history(&likeness, (world.now)())
    }

    /// Round after round, of which there may be `most`.
    fn rounds(&self, world: &mut World, most: usize, before: Before) -> Result<Loaded, CommandError> {
        let Self { order, other, args, abort } = *self;
        let Order { scenario, judging, results, .. } = order;
        let Before { loads: mut earlier, mut written, told } = before;
        let set_aside = earlier.len();
        let restarts = restarts(args.between_rounds.as_deref());
        let target = other.target.origin();
        let (mut loads, mut beside): (Vec<Run>, Vec<Run>) = (Vec::new(), Vec::new());
        loop {
            let round = loads.len() + 1;
            let (ours, theirs) = match &args.between_rounds {
                Some(command) => start_anew(command, [scenario, other], &args.load, abort)?,
                None => (order.endpoints.clone(), find_target(other, &args.load, abort)?),
            };
            let (run, run_beside) = measure::load_beside(world, (scenario, ours), (other, theirs), &args.load, results, abort, restarts)?;
            written = written.and_then(|()| results.write_run(&run)).and_then(|()| results.write_beside(round, &run_beside));
            loads.push(run);
            beside.push(run_beside);
            let judged_beside =
                Beside { target: &target, loads: &beside, restarts, against_itself: judging.rounds(), history: judging.history() };
            let Judgement { mut verdict, again } = judging.judge_beside(&loads, judged_beside, most);
            let Some(why) = again.filter(|_| abort.reason().is_none()) else {
                verdict.tell_how(format!("side by side, in {}{told}", counted(round as u64, "round")));
                let run = loads.swap_remove(round - 1);
                earlier.append(&mut loads);
                return Ok(Loaded { run, earlier, beside, verdict, written });
            };
            world.note(&format!("round {} of at most {most}: {why}", round + 1));
            written = written.and_then(|()| results.set_aside(set_aside + round));
        }
    }
}

/// Whether a command of `--between-rounds` starts both sides anew.
pub(super) fn restarts(command: Option<&str>) -> Restarts {
    if command.is_some() { Restarts::BeforeEachRound } else { Restarts::None }
}

/// Runs the command of `--between-rounds` and finds both deployments.
pub(super) fn start_anew(
    command: &str,
    sides: [&Scenario; 2],
    args: &LoadArgs,
    abort: &Abort,
) -> Result<(Endpoints, Endpoints), CommandError> {
    // Standard output belongs to the verdict.
    let status = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::null()).status();
    let failed = |what: String| CommandError::BetweenRounds { command: command.to_owned(), what };
    match status {
        Ok(status) if status.success() => Ok((find_target(sides[0], args, abort)?, find_target(sides[1], args, abort)?)),
        Ok(status) => Err(failed(status.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}
