//! `perfgate judge`: a stored run, by the same rules.

use super::context::World;
use super::error::CommandError;
use super::judging::{Judging, Reading, print_verdict, soften};
use super::kept::Kept;
use super::reproduce::judge_command;
use super::results::Results;
use super::surroundings::Surroundings;
use crate::cli::{JudgeArgs, JudgingArgs};
use crate::exit::ExitCode;
use crate::gate::Thresholds;
use crate::report::Subject;

pub fn judge(world: &mut World, args: &JudgeArgs) -> Result<ExitCode, CommandError> {
    let kept = Kept::open(world, &args.run, named_by(&args.judging)?)?;
    let run = kept.run();
    let around = Surroundings::look(world)?;
    let reading = if args.out.is_some() { Reading::Whole } else { Reading::Digests };
    let judging = Judging::for_run(world, &args.judging, run, &around, reading)?;
    let results = args.out.as_deref().map(Results::prepare).transpose()?;
    let mut verdict = kept.judge(&judging);
    if args.judging.soft {
        soften(&mut verdict);
    }
    let reproduce = world.redacted(&judge_command(&args.run, &args.judging));
    let subject = Subject { verdict: &verdict, run, reproduce: &reproduce };
    print_verdict(world, args.judging.format, &subject)?;
    let Some(results) = results else { return Ok(verdict.exit()) };
    let written = results.clear().and_then(|()| kept.write(&results));
    let written = written.and_then(|()| results.write_reports(&subject, &kept.context(judging.baseline()), world.look()));
    // A delivery that failed never hides what was measured.
    Ok(written.map_or_else(|error| verdict.exit().worse(error.tell(world)), |()| verdict.exit()))
}

/// The scenario that the thresholds are for: another tool's result has no name of its own.
fn named_by(args: &JudgingArgs) -> Result<Option<String>, CommandError> {
    let Some(path) = &args.thresholds else { return Ok(None) };
    Ok(Some(Thresholds::open(path)?.scenario().to_owned()).filter(|name| name != "*"))
}
