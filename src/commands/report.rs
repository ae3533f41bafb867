//! `perfgate report`: a result rendered for people or for other tools.

use std::path::Path;

use super::context::World;
use super::error::CommandError;
use super::judging::open_baseline;
use super::reproduce::stored_run_command;
use super::surroundings::Surroundings;
use crate::cli::{ReportArgs, ReportFormat};
use crate::exit::ExitCode;
use crate::files::{read_capped, write_atomically};
use crate::gate::Verdict;
use crate::report::{Context, Format, Subject, page, render, render_run};
use crate::run::{Baseline, Run, load_beside, load_run, load_runs};

/// The largest verdict file that is read: 64 MiB.
const VERDICT_CAP: u64 = 64 * 1024 * 1024;

pub fn report(world: &mut World, args: &ReportArgs) -> Result<ExitCode, CommandError> {
    let format = format_of(args.format, world);
    let run = load_run(&args.results)?;
    let text = match verdict_beside(&args.results)? {
        Some(verdict) => {
            let reproduce = stored_run_command(&args.results, &run);
            let subject = Subject { verdict: &verdict, run: &run, reproduce: &reproduce };
            match format {
                Format::Html => {
                    let baseline = compared_with(world, args, &run)?;
                    let (mut loads, beside) = (load_runs(&args.results)?, load_beside(&args.results)?);
                    loads.pop();
                    page(&subject, &Context { baseline: baseline.as_ref(), earlier: loads.iter().collect(), beside: &beside })
                }
                _ => render(format, &subject, world.look())?,
            }
        }
        None => render_run(format, &run, world.look())?,
    };
    match &args.output {
        Some(path) => write_atomically(path, text.as_bytes()).map_err(CommandError::NotWritten)?,
        None => world.print(&text),
    }
    Ok(if run.complete { ExitCode::Pass } else { ExitCode::NoVerdict })
}

/// The runs that a verdict was compared with, where the user says where they are. What a result's own file names is not
/// opened: that file may come from anybody.
fn compared_with(world: &mut World, args: &ReportArgs, run: &Run) -> Result<Option<Baseline>, CommandError> {
    if args.baseline.is_empty() {
        return Ok(None);
    }
    let around = Surroundings::look(world)?;
    open_baseline(world, &args.baseline, &run.scenario.store_name(), &around)
}

fn format_of(asked: Option<ReportFormat>, world: &World) -> Format {
    match asked {
        Some(ReportFormat::Terminal) => Format::Terminal,
        Some(ReportFormat::Markdown) => Format::Markdown,
        Some(ReportFormat::Json) => Format::Json,
        Some(ReportFormat::Junit) => Format::Junit,
        Some(ReportFormat::Csv) => Format::Csv,
        Some(ReportFormat::Gitlab) => Format::Gitlab,
        Some(ReportFormat::Openmetrics) => Format::OpenMetrics,
        Some(ReportFormat::Html) => Format::Html,
        None if world.stdout_is_terminal => Format::Terminal,
        Some(ReportFormat::Plain) | None => Format::Plain,
    }
}

/// The verdict that stands in the same folder, if the folder was named and there is one.
fn verdict_beside(results: &Path) -> Result<Option<Verdict>, CommandError> {
    let path = results.join("verdict.json");
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = read_capped(&path, VERDICT_CAP).map_err(CommandError::NotRead)?;
    serde_json::from_slice(&bytes).map(Some).map_err(|source| CommandError::VerdictFile { path, source })
}
