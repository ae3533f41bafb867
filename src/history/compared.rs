//! The runs that a judged one was compared with, found again in the stores among the kept runs. They are believed to be those
//! only where a store still holds the newest of them and no others; what a verdict is, is not known here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::files::store_of;
use super::{History, HistoryError};
use crate::baseline::{Entry, Store};
use crate::run::{Baseline, BaselineRun, Run, load_run};

/// So many runs are read at most, the newest, and so much of their files (bytes).
const MOST_RUNS: usize = 20;
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// In so many stores they are looked for.
const MOST_STORES: usize = 16;

/// Which runs one was compared with, as far as its judgement tells.
#[derive(Debug, Clone)]
pub struct Compared<'a> {
    /// The run that was judged.
    pub run: &'a Run,
    /// How many there were; several of one job count as one.
    pub jobs: u64,
    /// When the first and the last of them began.
    pub oldest: Timestamp,
    pub newest: Timestamp,
    /// The names of those that were in the store and not compared with.
    pub left_out: Vec<&'a str>,
}

impl History {
    /// The runs that are meant, newest first. `None` where they are not among the kept ones any more, or cannot be read.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn compared(&self, compared: &Compared<'_>) -> Result<Option<Baseline>, HistoryError> {
        let files = self.index().files_like(compared.run, (compared.oldest, compared.newest))?;
        let stores: BTreeSet<&Path> = files.iter().filter_map(|file| store_of(file)).collect();
        let opened = stores.into_iter().take(MOST_STORES).filter_map(|folder| Some((folder, Store::open(folder).ok()?)));
        let known = opened.filter_map(|(folder, store)| Some((folder, compared.files_of(&store)?)));
        let most = known.max_by_key(|(_, files)| files.len());
        Ok(most.and_then(|(folder, files)| Some(Baseline { source: folder.display().to_string(), runs: read(files)?, rounds: Vec::new() })))
    }
}

impl Compared<'_> {
    /// Those that this store still holds, newest first, with their names. `None` where it may hold others.
    fn files_of(&self, store: &Store) -> Option<Vec<(String, PathBuf)>> {
        let used: Vec<&Entry> = store.entries().iter().filter(|entry| self.holds(entry)).collect();
        let jobs: BTreeSet<&str> = used.iter().filter_map(|entry| entry.job.as_deref()).collect();
        let count = jobs.len() + used.iter().filter(|entry| entry.job.is_none()).count();
        let are_those = used.first()?.started_at == self.newest && count as u64 <= self.jobs;
        are_those.then(|| used.iter().map(|entry| (entry.id.to_string(), store.run_path(&entry.id))).collect())
    }

    fn holds(&self, entry: &Entry) -> bool {
        entry.admitted
            && (self.oldest..=self.newest).contains(&entry.started_at)
            && entry.hash == self.run.scenario.hash
            && entry.fingerprint == self.run.environment.fingerprint()
            && !self.left_out.contains(&entry.id.as_str())
    }
}

fn read(files: Vec<(String, PathBuf)>) -> Option<Vec<BaselineRun>> {
    let mut room = MOST_BYTES;
    let mut runs = Vec::new();
    for (id, path) in files.into_iter().take(MOST_RUNS) {
        let Some(left) = room.checked_sub(fs::symlink_metadata(&path).ok()?.len()) else { break };
        room = left;
        runs.push(BaselineRun { id, pinned: false, run: load_run(&path).ok()? });
    }
    Some(runs)
}
