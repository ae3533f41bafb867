//! `perfgate report`: a result rendered for people or for other tools.

use std::path::Path;

use super::context::World;
use super::error::CommandError;
use super::reproduce::report_command;
use crate::cli::{ReportArgs, ReportFormat};
use crate::exit::ExitCode;
use crate::files::{read_capped, write_atomically};
use crate::gate::Verdict;
use crate::report::{Format, Subject, render, render_run};
use crate::run::load_run;

/// The largest verdict file that is read: 64 MiB.
const VERDICT_CAP: u64 = 64 * 1024 * 1024;

pub fn report(world: &mut World, args: &ReportArgs) -> Result<ExitCode, CommandError> {
    let format = format_of(args.format, world);
    let run = load_run(&args.results)?;
    let text = match verdict_beside(&args.results)? {
        Some(verdict) => {
            let reproduce = report_command(&args.results);
            render(format, &Subject { verdict: &verdict, run: &run, reproduce: &reproduce }, world.look())?
        }
        None => render_run(format, &run, world.look())?,
    };
    match &args.output {
        Some(path) => write_atomically(path, text.as_bytes()).map_err(CommandError::NotWritten)?,
        None => world.print(&text),
    }
    Ok(if run.complete { ExitCode::Pass } else { ExitCode::NoVerdict })
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
