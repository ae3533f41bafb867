//! `perfgate merge`: shards of one load as one run.

use super::context::World;
use super::error::CommandError;
use super::results::Results;
use crate::cli::MergeArgs;
use crate::exit::ExitCode;
use crate::report::{Format, render_run};
use crate::run::{Run, RunFileError, load_run, merge as merge_runs};

pub fn merge(world: &mut World, args: &MergeArgs) -> Result<ExitCode, CommandError> {
    let shards: Vec<(String, Run)> =
        args.runs.iter().map(|path| Ok((path.display().to_string(), load_run(path)?))).collect::<Result<_, RunFileError>>()?;
    let run = merge_runs(&shards)?;
    let results = Results::prepare(&args.out)?;
    results.clear()?;
    results.write_run(&run)?;
    let format = if world.stdout_is_terminal { Format::Terminal } else { Format::Plain };
    let text = render_run(format, &run, world.look())?;
    world.print(&text);
    world.note(&format!("{} shards as one run in {}", shards.len(), results.folder().display()));
    Ok(if run.complete && run.generator.healthy() { ExitCode::Pass } else { ExitCode::NoVerdict })
}
