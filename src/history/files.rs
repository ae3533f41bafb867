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
    /// Sizes, times and places of both: another stamp, another content.
    pub stamp: String,
    /// Whether its store says that it is pinned.
    pub pinned: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub files: Vec<RunFile>,
    /// The files of pinned runs.
    pub pins: BTreeSet<PathBuf>,
    /// What could not be read, with the reason.
    pub skipped: Vec<String>,
    /// Folders of the one that is looked through which lie too deep.
    pub too_deep: usize,
}

/// Looks through folders, each once.
pub(super) fn find(folders: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for folder in folders {
        match fs::canonicalize(folder) {
            Ok(folder) => {
                look(&folder, 0, &mut found);
                match std::mem::take(&mut found.too_deep) {
                    0 => {}
                    count => found.skipped.push(format!("{}: {count} folders that lie more than {DEPTH} deep in it", folder.display())),
                }
            }
            // What is not there yet may come.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => found.skipped.push(format!("{}: {error}", folder.display())),
        }
    }
    found.files.sort_by(|one, other| one.path.cmp(&other.path));
    found.files.dedup_by(|one, other| one.path == other.path);
    for file in &mut found.files {
        file.pinned = found.pins.contains(&file.path);
    }
    found
}

fn look(folder: &Path, depth: usize, found: &mut Found) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return found.skipped.push(format!("{}: {error}", folder.display())),
    };
    if is_own_file(&folder.join(STORE_LIST)) {
        note_pins(folder, found);
    }
    let runs_of_store = is_runs_of_store(folder);
    for entry in entries.flatten() {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        if kind.is_dir() {
            if depth < DEPTH { look(&path, depth + 1, found) } else { found.too_deep += 1 }
        } else if kind.is_file()
            && (entry.file_name() == RUN_FILE_NAME || (runs_of_store && path.extension().is_some_and(|extension| extension == "json")))
        {
            note_run(path, found);
        }
    }
}

/// The store whose run this file is; `None` where it is of none.
pub(super) fn store_of(file: &Path) -> Option<&Path> {
    file.parent().filter(|runs| is_runs_of_store(runs))?.parent()
}

fn is_runs_of_store(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name == STORE_RUNS) && folder.parent().is_some_and(|store| is_own_file(&store.join(STORE_LIST)))
}

fn note_run(path: PathBuf, found: &mut Found) {
    if path.to_str().is_none() {
        return found.skipped.push(format!("{}: its path is no UTF-8 text", path.display()));
    }
    let is_named_so = path.file_name().is_some_and(|name| name == RUN_FILE_NAME);
    let verdict = Some(path.with_file_name(VERDICT_NAME)).filter(|verdict| is_named_so && is_own_file(verdict));
    let stamp = [Some(&path), verdict.as_ref()].into_iter().flatten().map(|path| stamp(path)).collect::<Vec<_>>().join(" ");
    found.files.push(RunFile { path, verdict, stamp, pinned: false });
}

/// A file, and not a link to one.
fn is_own_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
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
    format!("{}@{}{}", metadata.len(), modified.as_nanos(), place(&metadata))
}

/// What tells a file apart that another one has taken the place of, however alike it was made.
#[cfg(unix)]
fn place(metadata: &fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt as _;
    format!("#{}@{}.{}", metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn place(_: &fs::Metadata) -> String {
    String::new()
}
