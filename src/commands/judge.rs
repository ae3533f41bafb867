//! `perfgate judge`: a stored run, by the same rules.

use super::context::World;
use super::error::CommandError;
use super::import::open_runs;
use super::judging::{Judging, Reading, print_verdict, soften};
use super::reproduce::judge_command;
use super::results::Results;
use super::surroundings::Surroundings;
use crate::cli::{JudgeArgs, JudgingArgs};
use crate::exit::ExitCode;
use crate::gate::Thresholds;
use crate::report::Subject;
use crate::run::Run;

pub fn judge(world: &mut World, args: &JudgeArgs) -> Result<ExitCode, CommandError> {
    let loads = open_runs(world, &args.run, named_by(&args.judging)?)?;
    let Some(run) = loads.last() else { unreachable!("a file or a folder holds at least one run") };
    let around = Surroundings::look(world)?;
    let reading = if args.out.is_some() { Reading::Whole } else { Reading::Digests };
    let judging = Judging::for_run(world, &args.judging, run, &around, reading)?;
    let results = args.out.as_deref().map(Results::prepare).transpose()?;
    let mut verdict = judging.judge_loads(&loads, loads.len()).verdict;
    if args.judging.soft {
        soften(&mut verdict);
    }
    let reproduce = world.redacted(&judge_command(&args.run, &args.judging));
    let subject = Subject { verdict: &verdict, run, reproduce: &reproduce };
    print_verdict(world, args.judging.format, &subject)?;
    let Some(results) = results else { return Ok(verdict.exit()) };
    let written = results.clear().and_then(|()| write_loads(&results, &loads));
    let written = written.and_then(|()| results.write_reports(&subject, judging.baseline(), world.look()));
    // A delivery that failed never hides what was measured.
    Ok(written.map_or_else(|error| verdict.exit().worse(error.tell(world)), |()| verdict.exit()))
}

fn write_loads(results: &Results, loads: &[Run]) -> Result<(), CommandError> {
    for (number, run) in loads.iter().enumerate() {
        if number > 0 {
            results.set_aside(number)?;
        }
        results.write_run(run)?;
    }
    Ok(())
}

/// The scenario that the thresholds are for: another tool's result has no name of its own.
fn named_by(args: &JudgingArgs) -> Result<Option<String>, CommandError> {
    let Some(path) = &args.thresholds else { return Ok(None) };
    Ok(Some(Thresholds::open(path)?.scenario().to_owned()).filter(|name| name != "*"))
}
