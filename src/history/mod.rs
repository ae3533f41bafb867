//! The index of kept runs: what every run below some folders measured, in SQLite, so that thousands of them are found and
//! compared without being opened. The files stay the truth: the index is made of them, and again at any time.

mod compared;
mod entry;
mod files;
mod index;
mod opening;
#[cfg(test)]
pub(crate) mod samples;

use std::collections::BTreeSet;
use std::fs::canonicalize;
use std::path::{Path, PathBuf, absolute};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

pub use self::compared::Compared;
pub use self::entry::{EndpointFigures, KeptRun};
use self::files::{Found, find};
use self::index::Index;
pub use self::index::{Choices, Filter, Group, Trend, TrendRun, Unreadable};

/// A run whose file is gone is read from another one in the next round, and then nothing is left to read.
const ROUNDS: usize = 3;
/// So many of the newest runs say which groups of comparable ones there are, and so many may be of one pinned release.
const LOOKED_AT: u64 = 1000;
const PINNED: u64 = 20;
/// So many files that are no runs are told.
const TOLD: u64 = 200;
/// So far into the future may the clock of another machine be.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// Why the index could not be asked.
#[derive(Debug, Error)]
#[error("the index of the history cannot be used: {0}")]
pub struct HistoryError(#[from] rusqlite::Error);

/// What an index was opened from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// What was known is kept, and only files that changed are read.
    AsItWas,
    /// Everything is read again.
    Anew,
}

/// The kept runs below some folders.
#[derive(Debug)]
pub struct History {
    folders: Vec<PathBuf>,
    index: Mutex<Index>,
    /// What was said of the folders: each once, however often they are looked through.
    told: Mutex<BTreeSet<String>>,
    /// How many files were read, and whether all were looked at once.
    read_count: AtomicUsize,
    is_read: AtomicBool,
}

/// What came of looking through the folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Files that were read, and files that are gone.
    pub read: usize,
    pub gone: usize,
    /// Files that are no runs, each with the reason, once in the life of a [`History`].
    pub skipped: Vec<String>,
}

/// What the file of the index of these folders is called: those of other folders are other files, because each index holds
/// the runs of its folders and of no others.
#[must_use]
pub fn index_name(folders: &[PathBuf]) -> String {
    let real = |folder: &PathBuf| canonicalize(folder).or_else(|_| absolute(folder)).unwrap_or_else(|_| folder.clone());
    let real: BTreeSet<PathBuf> = folders.iter().map(real).collect();
    let mut hash = Sha256::new();
    for folder in real {
        hash.update(folder.as_os_str().as_encoded_bytes());
        hash.update([0]);
    }
    let hash = <[u8; 32]>::from(hash.finalize());
    let short = hash.iter().take(6).fold(0_u64, |short, byte| (short << 8) | u64::from(*byte));
    format!("history-{short:012x}.sqlite")
}

impl History {
    /// The index in this file; in memory where there is none or it cannot be used, which the second value tells.
    ///
    /// # Errors
    /// [`HistoryError`] where there is not even room for one in memory.
    pub fn open(file: Option<PathBuf>, folders: Vec<PathBuf>, opening: Opening) -> Result<(Self, Option<String>), HistoryError> {
        let (index, told) = match file.map(|file| (Index::open(&file, opening), file)) {
            Some((Ok((index, told)), _)) => (index, told),
            Some((Err(error), file)) => (
                Index::in_memory()?,
                Some(format!("{} cannot hold the index of the history, which is made anew at each start: {error}", file.display())),
            ),
            None => (Index::in_memory()?, None),
        };
        Ok((Self::of(index, folders), told))
    }

    fn of(index: Index, folders: Vec<PathBuf>) -> Self {
        let (read_count, is_read) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { folders, index: Mutex::new(index), told: Mutex::default(), read_count, is_read }
    }

    /// Brings the index up to date with the files. What cannot be read is skipped and told.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn refresh(&self) -> Result<Refreshed, HistoryError> {
        let Found { files, pins, mut skipped, too_deep: _ } = find(&self.folders);
        let there: BTreeSet<&PathBuf> = files.iter().map(|file| &file.path).collect();
        let gone: Vec<PathBuf> = self.index().known()?.into_keys().filter(|path| !there.contains(path)).collect();
        self.index().forget(&gone)?;
        let mut read_count = 0;
        for _ in 0..ROUNDS {
            self.index().pin(&pins)?;
            let known = self.index().known()?;
            let changed: Vec<_> = files.iter().filter(|file| known.get(&file.path) != Some(&file.stamp)).collect();
            for file in &changed {
                let read = entry::read(file);
                // One by one: pages are made in between, and no more than one run is held.
                self.index().put(vec![(file, read)])?;
                self.read_count.fetch_add(1, Ordering::Relaxed);
            }
            read_count += changed.len();
            if changed.is_empty() {
                break;
            }
        }
        self.is_read.store(true, Ordering::Relaxed);
        let (unreadable, _) = self.index().unreadable(TOLD)?;
        skipped.extend(unreadable.iter().map(|Unreadable { path, why }| format!("{}: {why}", path.display())));
        Ok(Refreshed { read: read_count, gone: gone.len(), skipped: self.untold(skipped) })
    }

    /// The newest runs that fit, without the first `skip` of them, and how many fit at all.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn runs(&self, filter: &Filter, skip: u64, most: u64) -> Result<(Vec<KeptRun>, u64), HistoryError> {
        Ok(self.index().runs(filter, skip, most)?)
    }

    /// One run; `None` where there is none with this id.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn run(&self, id: u64) -> Result<Option<KeptRun>, HistoryError> {
        Ok(self.index().run(id)?)
    }

    /// The run that this file holds; `None` where it holds none, or was not read yet.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn id_of_file(&self, file: &Path) -> Result<Option<u64>, HistoryError> {
        let Ok(file) = canonicalize(file) else { return Ok(None) };
        Ok(self.index().id_of_file(&file)?)
    }

    /// What each endpoint of a run did.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn endpoints(&self, id: u64) -> Result<Vec<EndpointFigures>, HistoryError> {
        Ok(self.index().endpoints(id)?)
    }

    /// The newest runs of one group of comparable ones that fit: of the group with this id, or else of the one that holds the
    /// newest run and has two at least. A single run of elsewhere hides nothing so, and after a change of the scenario the
    /// second run shows what is new; the largest group would show what is past for as long again. Runs that are dated more
    /// than a day after `now` are passed over, and those that are not whole.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn trend(&self, filter: &Filter, group: Option<&str>, most: u64, now: Timestamp) -> Result<Trend, HistoryError> {
        let (index, latest) = (self.index(), now + AHEAD);
        let groups = index.groups(filter, LOOKED_AT, latest)?;
        let asked = groups.iter().position(|known| group == Some(known.id().as_str()));
        let shown = asked.or_else(|| groups.iter().position(|group| group.runs > 1)).or_else(|| (!groups.is_empty()).then_some(0));
        let Some(group) = shown.and_then(|at| groups.get(at)) else { return Ok(Trend::default()) };
        let (runs, pinned) = (index.runs_of(group, filter, most, latest)?, index.pinned_of(group, PINNED, latest)?);
        Ok(Trend { groups, shown, runs, pinned })
    }

    /// Files that hold no run, with the reasons: the first of them, and how many there are.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn unreadable(&self, most: u64) -> Result<(Vec<Unreadable>, u64), HistoryError> {
        Ok(self.index().unreadable(most)?)
    }

    /// Where runs are looked for.
    #[must_use]
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// How many files were read so far by a first look that is not over; `None` once it is.
    #[must_use]
    pub fn reading(&self) -> Option<usize> {
        (!self.is_read.load(Ordering::Relaxed)).then(|| self.read_count.load(Ordering::Relaxed))
    }

    /// What can be filtered by.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn choices(&self) -> Result<Choices, HistoryError> {
        Ok(self.index().choices()?)
    }

    fn untold(&self, skipped: Vec<String>) -> Vec<String> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        skipped.into_iter().filter(|text| told.insert(text.clone())).collect()
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
