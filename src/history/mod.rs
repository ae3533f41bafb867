//! The index of kept runs: what every run below some folders measured, in SQLite, so that thousands of them are found and
//! compared without being opened. The files stay the truth: the index is made of them, and again at any time.

mod entry;
mod files;
mod index;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use thiserror::Error;

pub use self::entry::{EndpointFigures, KeptRun};
use self::files::{Found, find};
use self::index::Index;
pub use self::index::{Choices, Filter, TrendRun};

/// So many files are read before what they hold is put down.
const BATCH: usize = 64;

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
        Ok((Self { folders, index: Mutex::new(index) }, told))
    }

    /// Brings the index up to date with the files. What cannot be read is skipped and told.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn refresh(&self) -> Result<Refreshed, HistoryError> {
        let Found { files, pins, mut skipped } = find(&self.folders);
        let there: BTreeSet<&PathBuf> = files.iter().map(|file| &file.path).collect();
        let gone: Vec<PathBuf> = self.index().known()?.into_keys().filter(|path| !there.contains(path)).collect();
        self.index().forget(&gone)?;
        let known = self.index().known()?;
        let changed: Vec<_> = files.iter().filter(|file| known.get(&file.path) != Some(&file.stamp)).collect();
        for batch in changed.chunks(BATCH) {
            let read: Vec<_> = batch.iter().map(|file| (*file, entry::read(file))).collect();
            skipped.extend(read.iter().filter_map(|(file, read)| Some(format!("{}: {}", file.path.display(), read.as_ref().err()?))));
            self.index().put(read)?;
        }
        self.index().pin(&pins)?;
        Ok(Refreshed { read: changed.len(), gone: gone.len(), skipped })
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

    /// What each endpoint of a run did.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn endpoints(&self, id: u64) -> Result<Vec<EndpointFigures>, HistoryError> {
        Ok(self.index().endpoints(id)?)
    }

    /// The newest runs that fit and are comparable with the newest of them, oldest first, each with its endpoints; and how
    /// many of the looked-at ones are not comparable.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn trend(&self, filter: &Filter, most: u64) -> Result<(Vec<TrendRun>, usize), HistoryError> {
        Ok(self.index().trend(filter, most)?)
    }

    /// What can be filtered by.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn choices(&self) -> Result<Choices, HistoryError> {
        Ok(self.index().choices()?)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
