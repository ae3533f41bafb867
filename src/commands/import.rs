//! `perfgate import`: another tool's result as a run; and the opening of whatever may be judged.

use std::path::{Path, PathBuf};

use super::context::World;
use super::error::CommandError;
use super::results::Results;
use super::surroundings::environment;
use crate::cli::{ImportArgs, LoadArgs, ToolName, UnitName};
use crate::exit::ExitCode;
use crate::import::{ImportOptions, TimeUnit, Tool, import as read_result, is_known};
use crate::report::{Format, render_run};
use crate::run::{RUN_FILE_NAME, Run, load_run};

/// How many files of a folder are looked into.
const FILES_LOOKED_INTO: usize = 200;
/// What Locust writes beside its figures.
const BESIDE: [&str; 3] = ["_failures.csv", "_exceptions.csv", "_stats_history.csv"];

pub fn import(world: &mut World, args: &ImportArgs) -> Result<ExitCode, CommandError> {
    let surroundings =
        LoadArgs { environment: args.environment.clone(), commit: args.commit.clone(), branch: args.branch.clone(), ..LoadArgs::default() };
    let options = ImportOptions {
        tool: args.tool.map(tool),
        unit: args.unit.map(unit),
        name: args.name.clone(),
        environment: environment(world, &surroundings),
    };
    let run = read_result(&args.file, &options)?;
    let results = Results::prepare(&args.out)?;
    results.clear()?;
    results.write_run(&run)?;
    let format = if world.stdout_is_terminal { Format::Terminal } else { Format::Plain };
    let text = render_run(format, &run, world.look())?;
    world.print(&text);
    world.note(&format!("kept in {}; `perfgate judge {}` judges it", results.folder().display(), results.folder().display()));
    Ok(if run.generator.healthy() { ExitCode::Pass } else { ExitCode::NoVerdict })
}

/// A run of ours or another tool's result, from a file or from a folder with one of them.
pub fn open_run(world: &World, path: &Path, name: Option<String>) -> Result<Run, CommandError> {
    let file = if path.is_dir() && !path.join(RUN_FILE_NAME).exists() { only_result_in(path)? } else { path.to_owned() };
    if file.is_dir() || !is_known(&file) {
        return Ok(load_run(&file)?);
    }
    let environment = environment(world, &LoadArgs::default());
    Ok(read_result(&file, &ImportOptions { tool: None, unit: None, name, environment })?)
}

/// The one result in a folder; a folder without any is left to the reader of runs, which says what it lacks.
fn only_result_in(folder: &Path) -> Result<PathBuf, CommandError> {
    let entries = std::fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default();
    let mut files: Vec<PathBuf> = entries;
    files.sort();
    let is_beside = |path: &Path| BESIDE.iter().any(|suffix| path.to_string_lossy().ends_with(suffix));
    files.retain(|path| path.is_file() && !is_beside(path));
    let known: Vec<PathBuf> = files.into_iter().take(FILES_LOOKED_INTO).filter(|path| is_known(path)).collect();
    match known.as_slice() {
        [] => Ok(folder.to_owned()),
        [only] => Ok(only.clone()),
        several => Err(CommandError::Usage {
            text: format!("{} holds {} results", folder.display(), several.len()),
            hint: format!("name one of them, for example {}", several[0].display()),
        }),
    }
}

const fn tool(name: ToolName) -> Tool {
    match name {
        ToolName::Locust => Tool::Locust,
        ToolName::K6 => Tool::K6,
        ToolName::Jmeter => Tool::Jmeter,
        ToolName::Vegeta => Tool::Vegeta,
        ToolName::Oha => Tool::Oha,
        ToolName::Hdr => Tool::Hdr,
        ToolName::Artillery => Tool::Artillery,
        ToolName::H2load => Tool::H2load,
    }
}

const fn unit(name: UnitName) -> TimeUnit {
    match name {
        UnitName::Ns => TimeUnit::Nanoseconds,
        UnitName::Us => TimeUnit::Microseconds,
        UnitName::Ms => TimeUnit::Milliseconds,
        UnitName::S => TimeUnit::Seconds,
    }
}
