//! Which files below a folder are runs: every `run.json`, and the runs of every baseline store. Nothing is followed that
//! only points elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::baseline::Store;
use crate::run::RUN_FILE_NAME;

/// Folders deeper than this are not looked into.
const DEPTH: usize = 8;
const VERDICT_NAME: &str = "verdict.json";
const STORE_LIST: &str = "baseline.json";
const STORE_RUNS: &str = "runs";

/// Stamps by path.
pub(super) type Known = BTreeMap<PathBuf, String>;

/// A file that should be a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunFile {
    pub path: PathBuf,
    /// The verdict on it, if there is one.
    pub verdict: Option<PathBuf>,
    /// Sizes and times of both: another stamp, another content.
    pub stamp: String,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub files: Vec<RunFile>,
    /// The files of pinned runs.
    pub pins: BTreeSet<PathBuf>,
    /// What could not be read, with the reason.
    pub skipped: Vec<String>,
}

/// Looks through folders, each once.
pub(super) fn find(folders: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for folder in folders {
        match fs::canonicalize(folder) {
            Ok(folder) => look(&folder, 0, &mut found),
            // What is not there yet may come.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => found.skipped.push(format!("{}: {error}", folder.display())),
        }
    }
    found.files.sort_by(|one, other| one.path.cmp(&other.path));
    found.files.dedup_by(|one, other| one.path == other.path);
    found
}

fn look(folder: &Path, depth: usize, found: &mut Found) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return found.skipped.push(format!("{}: {error}", folder.display())),
    };
    let is_store = folder.join(STORE_LIST).is_file();
    if is_store {
        note_pins(folder, found);
    }
    let runs_of_store =
        folder.file_name().is_some_and(|name| name == STORE_RUNS) && folder.parent().is_some_and(|store| store.join(STORE_LIST).is_file());
    for entry in entries.flatten() {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        if kind.is_dir() && depth < DEPTH {
            look(&path, depth + 1, found);
        } else if kind.is_file()
            && (entry.file_name() == RUN_FILE_NAME || (runs_of_store && path.extension().is_some_and(|extension| extension == "json")))
        {
            let verdict = folder.join(VERDICT_NAME);
            let verdict = (entry.file_name() == RUN_FILE_NAME && verdict.is_file()).then_some(verdict);
            let stamp = [Some(&path), verdict.as_ref()].into_iter().flatten().map(|path| stamp(path)).collect::<Vec<_>>().join(" ");
            found.files.push(RunFile { path, verdict, stamp });
        }
    }
}

fn note_pins(folder: &Path, found: &mut Found) {
    match Store::open(folder) {
        Ok(store) => found.pins.extend(store.entries().iter().filter(|entry| entry.pinned).map(|entry| store.run_path(&entry.id))),
        Err(error) => found.skipped.push(format!("{}: {error}", folder.join(STORE_LIST).display())),
    }
}

fn stamp(path: &Path) -> String {
    let Ok(metadata) = fs::metadata(path) else { return String::new() };
    let modified = metadata.modified().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok()).unwrap_or_default();
    format!("{}@{}", metadata.len(), modified.as_nanos())
}
