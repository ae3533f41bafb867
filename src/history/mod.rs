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
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

pub use self::compared::Compared;
pub use self::entry::{EndpointFigures, KeptRun};
use self::files::{Found, find};
use self::index::Index;
pub use self::index::{Choices, Filter, TrendRun};

/// A run whose file is gone is read from another one in the next round, and then nothing is left to read.
const ROUNDS: usize = 3;
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
}

/// What came of looking through the folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Files that were read, and files that are gone.
    pub read: usize,
    pub gone: usize,
    /// Files that are no runs, each with the reason.
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
        Ok((Self { folders, index: Mutex::new(index), told: Mutex::default() }, told))
    }

    /// Brings the index up to date with the files. What cannot be read is skipped and told.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn refresh(&self) -> Result<Refreshed, HistoryError> {
        let Found { files, pins, skipped, too_deep: _ } = find(&self.folders);
        let mut skipped = self.untold(skipped);
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
                skipped.extend(read.as_ref().err().map(|why| format!("{}: {why}", file.path.display())));
                // One by one: pages are made in between, and no more than one run is held.
                self.index().put(vec![(file, read)])?;
            }
            read_count += changed.len();
            if changed.is_empty() {
                break;
            }
        }
        Ok(Refreshed { read: read_count, gone: gone.len(), skipped })
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

    /// The newest runs that fit and are comparable with the newest of them, oldest first, each with its endpoints; and how
    /// many of the looked-at ones are not comparable. Runs that are dated more than a day after `now` are passed over.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn trend(&self, filter: &Filter, most: u64, now: Timestamp) -> Result<(Vec<TrendRun>, usize), HistoryError> {
        Ok(self.index().trend(filter, most, now + AHEAD)?)
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
