//! Thresholds under review: the base branch's file beside this one, so that a pull request cannot loosen its own gate
//! unseen; and `perfgate thresholds diff`.

use std::path::Path;
use std::process::Command;

use super::context::World;
use super::error::CommandError;
use super::surroundings::{Surroundings, path_in_repository};
use crate::document::Document;
use crate::exit::ExitCode;
use crate::gate::{Alteration, Direction, Thresholds, compare};
use crate::report::listing;

/// `perfgate thresholds diff`.
pub fn diff(world: &mut World, base: &Path, head: &Path) -> Result<ExitCode, CommandError> {
    let alterations = compare(&Thresholds::open(base)?, &Thresholds::open(head)?);
    if alterations.is_empty() {
        world.note("nothing changes");
        return Ok(ExitCode::Pass);
    }
    let rows: Vec<Vec<String>> = alterations.iter().map(row).collect();
    world.print(&listing(&["", "what", "line"], &rows));
    Ok(ExitCode::Pass)
}

fn row(alteration: &Alteration) -> Vec<String> {
    let Alteration { direction, text, place } = alteration;
    let word = match direction {
        Direction::Looser => "looser",
        Direction::Stricter => "stricter",
    };
    vec![word.to_owned(), text.clone(), if place.line == 0 { String::new() } else { place.line.to_string() }]
}

/// The thresholds of the base branch, where this is a pull request and it has such a file.
pub fn of_base(world: &mut World, around: &Surroundings, path: &Path) -> Option<Thresholds> {
    let job = around.job.as_ref().filter(|job| job.pull.is_some())?;
    let base = job.base.as_deref()?;
    let (text, trouble) = match by_git(base, path) {
        Some(text) => (Some(text), None),
        None => by_api(world, around, base, path),
    };
    if let Some(trouble) = trouble {
        world.note(&format!("notice: the base branch's thresholds were not read: {trouble}"));
    }
    let name = format!("{} of the base branch", path.display());
    match Thresholds::from_document(&Document::from_text(name, text?)) {
        Ok(thresholds) => Some(thresholds),
        Err(mistake) => {
            world.note(&format!("notice: the base branch's thresholds cannot be compared with: {mistake}"));
            None
        }
    }
}

/// Only where the commit is here already: nothing is fetched, since a checkout may hold no credentials.
fn by_git(base: &str, path: &Path) -> Option<String> {
    if path.is_absolute() || base.starts_with('-') {
        return None;
    }
    let object = format!("{base}:./{}", path.to_str()?);
    let shown = Command::new("git").args(["cat-file", "blob", &object]).env("GIT_TERMINAL_PROMPT", "0").output().ok()?;
    shown.status.success().then(|| String::from_utf8(shown.stdout).ok())?
}

fn by_api(world: &World, around: &Surroundings, base: &str, path: &Path) -> (Option<String>, Option<String>) {
    let Some(github) = around.github.as_ref().filter(|_| around.is_in(crate::ci::System::Github)) else {
        return (None, Some(format!("commit {base} is not in this checkout (fetch-depth: 0 brings it)")));
    };
    let Some(path) = path_in_repository(world, path) else { return (None, None) };
    match github.file_at(&path, base) {
        Ok(text) => (text, None),
        Err(error) => (None, Some(error.to_string())),
    }
}
