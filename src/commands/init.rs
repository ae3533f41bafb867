//! `perfgate init`: a source is read, a scenario drafted, and the first files written where nothing is lost.

use std::path::{Path, PathBuf};

use super::context::World;
use super::error::CommandError;
use super::judging::default_thresholds;
use crate::cli::InitArgs;
use crate::exit::ExitCode;
use crate::files::{read_text_capped, write_atomically};
use crate::init::{Draft, FirstFiles, InitError, first_files, from_har, from_locust, from_openapi, placeholder, single_request, slug};
use crate::scenario::Target;

/// Descriptions of whole platforms have some ten.
const OPENAPI_CAP: u64 = 64 * 1024 * 1024;
/// Recordings hold the bodies of all answers.
const HAR_CAP: u64 = 256 * 1024 * 1024;
const LOCUST_CAP: u64 = 1024 * 1024;

/// Where GitHub looks for workflows.
const GATE: &str = ".github/workflows/performance-gate.yml";
const NIGHTLY: &str = ".github/workflows/nightly-baseline.yml";

/// Reads a source: its name, its text, the wanted name and target.
type DraftFrom = fn(&str, &str, Option<&str>, Option<&str>) -> Result<Draft, InitError>;

pub fn init(world: &mut World, args: &InitArgs) -> Result<ExitCode, CommandError> {
    check_arguments(args)?;
    let mut draft = draft(world, args)?;
    let files = first_files(&mut draft)?;
    let files = placed(&draft, files, args);
    refuse_to_overwrite(&files, args)?;
    for (path, content) in &files {
        write_atomically(path, content.as_bytes()).map_err(CommandError::NotWritten)?;
        world.print(&format!("wrote {}\n", path.display()));
    }
    for note in &draft.notes {
        world.note(&format!("note: {note}"));
    }
    tell_next(world, &draft, args);
    Ok(ExitCode::Pass)
}

fn check_arguments(args: &InitArgs) -> Result<(), CommandError> {
    if let Some(target) = &args.target {
        target.parse::<Target>().map_err(InitError::Target)?;
    }
    match &args.name {
        Some(name) if slug(name).as_ref() != Some(name) => Err(CommandError::Usage {
            text: format!("`{name}` is no name for files"),
            hint: format!("lower-case letters, digits and `-`: --name {}", slug(name).unwrap_or_else(|| "shop".to_owned())),
        }),
        _ => Ok(()),
    }
}

fn draft(world: &World, args: &InitArgs) -> Result<Draft, CommandError> {
    let (name, target) = (args.name.as_deref(), args.target.as_deref());
    let sources: [(&Option<PathBuf>, u64, DraftFrom); 3] =
        [(&args.openapi, OPENAPI_CAP, from_openapi), (&args.har, HAR_CAP, from_har), (&args.from_locust, LOCUST_CAP, from_locust)];
    for (path, cap, draft_from) in sources {
        if let Some(path) = path {
            let text = read_text_capped(path, cap).map_err(CommandError::NotRead)?;
            return Ok(draft_from(&path.display().to_string(), &text, name, target)?);
        }
    }
    let folder = folder_name(world, &args.out);
    match &args.url {
        Some(url) => Ok(single_request(url, name, &folder)?),
        None => Ok(placeholder(name.unwrap_or(&folder), target)),
    }
}

/// The name of the folder that the files are for, which is often that of what it holds.
fn folder_name(world: &World, out: &Path) -> String {
    let whole = std::path::absolute(out).ok().or_else(|| world.variable("PWD").map(PathBuf::from)).unwrap_or_default();
    let components = whole.components().collect::<PathBuf>();
    components.file_name().and_then(|name| slug(&name.to_string_lossy())).unwrap_or_else(|| "shop".to_owned())
}

/// The files with their places: where `check` looks for them.
fn placed(draft: &Draft, files: FirstFiles, args: &InitArgs) -> Vec<(PathBuf, String)> {
    let FirstFiles { scenario, thresholds, gate, nightly } = files;
    let mut placed =
        vec![(args.out.join(format!("{}.yaml", draft.name)), scenario), (args.out.join(default_thresholds(&draft.name)), thresholds)];
    if !args.no_workflow {
        placed.extend([(args.out.join(GATE), gate), (args.out.join(NIGHTLY), nightly)]);
    }
    placed.into_iter().map(|(path, content)| (path.strip_prefix(".").map(Path::to_owned).unwrap_or(path), content)).collect()
}

fn refuse_to_overwrite(files: &[(PathBuf, String)], args: &InitArgs) -> Result<(), CommandError> {
    let there: Vec<String> =
        files.iter().filter(|(path, _)| path.symlink_metadata().is_ok()).map(|(path, _)| path.display().to_string()).collect();
    if args.force || there.is_empty() {
        return Ok(());
    }
    let are_workflows_alone = there.iter().all(|path| path.ends_with(GATE) || path.ends_with(NIGHTLY));
    let hint = if are_workflows_alone {
        "one gate checks several scenarios: --no-workflow writes the other files, then add the scenario to it; --force overwrites"
    } else {
        "--force overwrites, --name gives the files another name, --out another folder"
    };
    let verb = if there.len() == 1 { "is" } else { "are" };
    Err(CommandError::Usage { text: format!("{} {verb} there already; nothing was written", there.join(", ")), hint: hint.to_owned() })
}

/// What a newcomer does now.
fn tell_next(world: &mut World, draft: &Draft, args: &InitArgs) {
    let file = args.out.join(format!("{}.yaml", draft.name));
    let file = file.strip_prefix(".").unwrap_or(&file).display();
    if args.openapi.is_none() && args.har.is_none() && args.from_locust.is_none() && args.url.is_none() {
        world.note(&format!("next: write your target and paths into {file}; `perfgate schema scenario` knows all keys"));
    }
    let inside = if args.out == Path::new(".") { String::new() } else { format!("cd {} && ", args.out.display()) };
    let scenario = if inside.is_empty() { file.to_string() } else { format!("{}.yaml", draft.name) };
    world.note(&format!("next: {inside}perfgate validate {scenario}    # no traffic: what will be asked, and how often"));
    world.note(&format!("next: {inside}perfgate check {scenario}"));
    world.note("next: add perfgate-out/ and .perfgate/ to .gitignore: results, and the baseline of this machine");
}
