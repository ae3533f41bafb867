//! The store in a folder: `baseline.json` lists the runs, `runs/<id>.json` holds each. A run's file is written before
//! it is listed and removed after it is not, so that a crash leaves at worst a file that nothing names.
//! One writer at a time: two would each write the list that they know, so that a command holds the folder while it writes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::index::{self, Entry, EntryId, Listing};
use super::kept::{self, Kept, KeptError};
use super::rounds::{self, KeptRound};
use super::{Admission, BaselineError, admission, read_if_exists};
use crate::files::{self, FileError, FolderLock};
use crate::parallel::on_all_cores;
use crate::run::{BaselineRun, RUN_FILE_CAP, Run, StoredRound, read_run, write_run};

const INDEX_NAME: &str = "baseline.json";
const RUNS_NAME: &str = "runs";
/// What the digests of a list may take, in bytes: the list must be readable again.
const MOST_DIGESTS: usize = 16 * 1024 * 1024;

/// A store of one scenario's runs in a folder.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    list: Listing,
    /// Held by one that is going to write.
    _lock: Option<FolderLock>,
}

impl Store {
    /// Opens the store in `folder`. A folder that does not exist is an empty store; without `baseline.json` the list
    /// is made again from the runs. Nothing is written.
    ///
    /// # Errors
    /// [`BaselineError`] where the list or, without one, a run is corrupt, or something can't be read.
    pub fn open(folder: &Path) -> Result<Self, BaselineError> {
        if folder.is_file() {
            return Err(BaselineError::NotAFolder { path: folder.to_owned() });
        }
        let mut store = Self { folder: folder.to_owned(), list: Listing::default(), _lock: None };
        let path = folder.join(INDEX_NAME);
        if let Some(bytes) = read_if_exists(&path, RUN_FILE_CAP)? {
            store.list = index::read(&bytes).map_err(|source| BaselineError::CorruptIndex { path, source })?;
        } else {
            store.rebuild()?;
        }
        Ok(store)
    }

    /// As [`Self::open`], to write: keeps other writers out of the folder, where there is one, until it is dropped.
    ///
    /// # Errors
    /// As [`Self::open`], and where another writes to it.
    pub fn open_to_write(folder: &Path) -> Result<Self, BaselineError> {
        if folder.is_file() {
            return Err(BaselineError::NotAFolder { path: folder.to_owned() });
        }
        let lock = files::lock_folder(folder)?;
        Ok(Self { _lock: Some(lock), ..Self::open(folder)? })
    }

    /// As [`Self::open_to_write`], for who is going to keep something: makes the folder.
    ///
    /// # Errors
    /// As [`Self::open_to_write`], and where the folder can't be made.
    pub fn make(folder: &Path) -> Result<Self, BaselineError> {
        if !folder.is_file() {
            fs::create_dir_all(folder).map_err(|source| FileError::Write { path: folder.to_owned(), source })?;
        }
        Self::open_to_write(folder)
    }

    /// The name of the scenario whose runs it holds. `None` until a run was admitted.
    #[must_use]
    pub fn scenario(&self) -> Option<&str> {
        self.list.scenario.as_deref()
    }

    /// All runs, rejected ones too, newest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.list.entries
    }

    /// Whether `run` may become a baseline here.
    #[must_use]
    pub fn admission(&self, run: &Run) -> Admission {
        admission(run, self.scenario(), &self.list.entries)
    }

    /// Keeps `run` and lists it, admitted or rejected. The same run again keeps its pin.
    ///
    /// # Errors
    /// [`BaselineError::File`] where a file can't be written; the list is then as it was.
    pub fn admit(&mut self, run: &Run, admission: Admission) -> Result<EntryId, BaselineError> {
        let bytes = write_run(run);
        let id = EntryId::of(run.started_at, &bytes);
        files::write_atomically(&self.run_path(&id), &bytes)?;
        // What the file holds, which may be coarser than the run.
        let kept = read_run(&bytes).map_err(|source| BaselineError::CorruptRun { path: self.run_path(&id), source: source.into() })?;
        let (scenario, entries) = self.with_entry(Entry::of(id.clone(), run, admission).digested(&kept, &bytes), run);
        self.replace(scenario, entries)?;
        Ok(id)
    }

    /// All rounds of a build against itself, rejected ones too, newest first.
    #[must_use]
    pub fn rounds(&self) -> &[KeptRound] {
        &self.list.rounds
    }

    /// Keeps a round and lists it, admitted or rejected.
    ///
    /// # Errors
    /// [`BaselineError::File`] where the list can't be written; it is then as it was.
    pub fn keep_round(&mut self, round: KeptRound) -> Result<EntryId, BaselineError> {
        let id = round.id.clone();
        let mut list = self.list.clone();
        list.rounds.retain(|known| known.id != id);
        list.rounds.push(round);
        list.rounds = rounds::pruned(list.rounds, usize::MAX);
        self.replace_list(list)?;
        Ok(id)
    }

    /// Pins the run with this name, or the only one whose name begins so.
    ///
    /// # Errors
    /// [`BaselineError`] where no run or more than one is meant, the run was rejected, or the list can't be written.
    pub fn pin(&mut self, wanted: &str) -> Result<EntryId, BaselineError> {
        let index = self.find(wanted)?;
        let entry = &self.list.entries[index];
        if !entry.admitted {
            let reason = entry.reason.clone().unwrap_or_else(|| "no reason was kept".into());
            return Err(BaselineError::NotAdmitted { id: entry.id.clone(), reason });
        }
        self.set_pinned(index, true)
    }

    /// Takes a pin away, as [`Self::pin`].
    ///
    /// # Errors
    /// [`BaselineError`] where no run or more than one is meant, or the list can't be written.
    pub fn unpin(&mut self, wanted: &str) -> Result<EntryId, BaselineError> {
        let index = self.find(wanted)?;
        self.set_pinned(index, false)
    }

    /// Keeps the newest `keep` admitted runs and every pinned one, and drops rejected ones that are older than those
    /// newest; where there are none, all but the newest `keep` rejected ones. Of rounds likewise. Returns the runs that were
    /// removed, newest first.
    ///
    /// # Errors
    /// [`BaselineError::File`] where the list can't be written or a file can't be removed.
    pub fn prune(&mut self, keep: usize) -> Result<Vec<EntryId>, BaselineError> {
        let kept = kept_by_pruning(&self.list.entries, keep);
        let (remaining, dropped): (Vec<_>, Vec<_>) = self.list.entries.iter().cloned().zip(kept).partition(|(_, kept)| *kept);
        let removed: Vec<EntryId> = dropped.into_iter().map(|(entry, _)| entry.id).collect();
        let entries: Vec<Entry> = remaining.into_iter().map(|(entry, _)| entry).collect();
        let list = Listing { scenario: self.list.scenario.clone(), entries, rounds: rounds::pruned(self.list.rounds.clone(), keep) };
        if list == self.list {
            return Ok(removed);
        }
        self.replace_list(list)?;
        for id in &removed {
            remove_if_exists(&self.run_path(id))?;
        }
        Ok(removed)
    }

    /// The admitted runs, newest first.
    ///
    /// # Errors
    /// [`BaselineError`] with the file that is missing, corrupt or not readable.
    pub fn load_runs(&self) -> Result<Vec<BaselineRun>, BaselineError> {
        self.each_admitted(&kept::whole)
    }

    pub(super) fn admitted_rounds(&self) -> Vec<StoredRound> {
        rounds::admitted(&self.list.rounds)
    }

    /// What is made of each admitted run, newest first.
    ///
    /// # Errors
    /// [`BaselineError`] with the file that is missing, corrupt or not readable.
    pub(super) fn each_admitted<T: Send>(
        &self,
        make: &(impl Fn(Kept<'_>) -> Result<T, KeptError> + Sync),
    ) -> Result<Vec<T>, BaselineError> {
        let admitted: Vec<(usize, &Entry)> = self.list.entries.iter().filter(|entry| entry.admitted).enumerate().collect();
        let of_entry = |&(at, entry): &(usize, &Entry)| {
            let (path, file) = self.file_of(&entry.id)?;
            let kept = Kept { id: entry.id.as_str(), entry: Some(entry), file: &file, place: (at, admitted.len()) };
            make(kept).map_err(|source| BaselineError::CorruptRun { path, source })
        };
        on_all_cores(&admitted, of_entry).into_iter().collect()
    }

    /// Makes the digest of every admitted run anew, from its file: what the list said of them before does not matter. Returns
    /// what is wrong with runs that can't be read; they have none.
    ///
    /// # Errors
    /// [`BaselineError`] where the list can't be written.
    pub fn renew_digests(&mut self) -> Result<Vec<BaselineError>, BaselineError> {
        let renewed = |entry: &Entry| {
            let made = || {
                let (path, file) = self.file_of(&entry.id)?;
                let run = read_run(&file).map_err(|source| BaselineError::CorruptRun { path, source: source.into() })?;
                Ok(entry.clone().digested(&run, &file))
            };
            if entry.admitted { made() } else { Ok(entry.clone()) }
        };
        let (mut entries, mut unreadable) = (Vec::new(), Vec::new());
        for (entry, made) in self.list.entries.iter().zip(on_all_cores(&self.list.entries, renewed)) {
            entries.push(made.unwrap_or_else(|error: BaselineError| {
                unreadable.push(error);
                Entry { digest: None, ..entry.clone() }
            }));
        }
        if entries != self.list.entries {
            self.replace(self.list.scenario.clone(), entries)?;
        }
        Ok(unreadable)
    }

    /// One kept run, admitted or rejected.
    ///
    /// # Errors
    /// [`BaselineError`] with the file that is missing, corrupt or not readable.
    pub fn load_run(&self, id: &EntryId) -> Result<Run, BaselineError> {
        let (path, file) = self.file_of(id)?;
        read_run(&file).map_err(|source| BaselineError::CorruptRun { path, source: source.into() })
    }

    fn file_of(&self, id: &EntryId) -> Result<(PathBuf, Vec<u8>), BaselineError> {
        let path = self.run_path(id);
        let Some(bytes) = read_if_exists(&path, RUN_FILE_CAP)? else { return Err(BaselineError::MissingRun { path }) };
        Ok((path, bytes))
    }

    /// The file of a run.
    #[must_use]
    pub fn run_path(&self, id: &EntryId) -> PathBuf {
        self.folder.join(RUNS_NAME).join(format!("{id}.json"))
    }

    /// Lists what `runs/` holds, each run judged in the order in which they were made.
    fn rebuild(&mut self) -> Result<(), BaselineError> {
        let mut runs = Vec::new();
        for id in run_ids(&self.folder.join(RUNS_NAME))? {
            let (path, file) = self.file_of(&id)?;
            let run = read_run(&file).map_err(|source| BaselineError::CorruptRun { path, source: source.into() })?;
            runs.push((run, id, file));
        }
        runs.sort_by(|(run, id, _), (other, other_id, _)| (run.started_at, id).cmp(&(other.started_at, other_id)));
        for (run, id, file) in runs {
            let entry = Entry::of(id, &run, self.admission(&run)).digested(&run, &file);
            (self.list.scenario, self.list.entries) = self.with_entry(entry, &run);
        }
        Ok(())
    }

    /// The scenario and the entries once `entry` is listed. The first admitted run says whose store it is.
    fn with_entry(&self, mut entry: Entry, run: &Run) -> (Option<String>, Vec<Entry>) {
        let scenario = self.list.scenario.clone().or_else(|| entry.admitted.then(|| run.scenario.name.clone()));
        entry.pinned = entry.admitted && self.list.entries.iter().any(|known| known.id == entry.id && known.pinned);
        let mut entries: Vec<Entry> = self.list.entries.iter().filter(|known| known.id != entry.id).cloned().collect();
        entries.push(entry);
        index::sort(&mut entries);
        (scenario, entries)
    }

    fn set_pinned(&mut self, index: usize, pinned: bool) -> Result<EntryId, BaselineError> {
        let mut entries = self.list.entries.clone();
        entries[index].pinned = pinned;
        let id = entries[index].id.clone();
        self.replace(self.list.scenario.clone(), entries)?;
        Ok(id)
    }

    fn find(&self, wanted: &str) -> Result<usize, BaselineError> {
        if let Some(exact) = self.list.entries.iter().position(|entry| entry.id.as_str() == wanted) {
            return Ok(exact);
        }
        let begins = |entry: &Entry| !wanted.is_empty() && entry.id.as_str().starts_with(wanted);
        let matches: Vec<usize> = (0..self.list.entries.len()).filter(|&index| begins(&self.list.entries[index])).collect();
        match matches[..] {
            [one] => Ok(one),
            [] => Err(BaselineError::UnknownRun { wanted: wanted.to_owned(), store: self.folder.clone() }),
            _ => Err(BaselineError::AmbiguousRun { wanted: wanted.to_owned(), matches: matches.len() }),
        }
    }

    /// Writes the list, then believes it.
    fn replace(&mut self, scenario: Option<String>, entries: Vec<Entry>) -> Result<(), BaselineError> {
        self.replace_list(Listing { scenario, entries, rounds: self.list.rounds.clone() })
    }

    fn replace_list(&mut self, list: Listing) -> Result<(), BaselineError> {
        let mut list = list;
        list.forget_digests_beyond(MOST_DIGESTS);
        files::write_atomically(&self.folder.join(INDEX_NAME), &index::write(&list))?;
        self.list = list;
        Ok(())
    }
}

/// For each entry, newest first, whether pruning keeps it.
fn kept_by_pruning(entries: &[Entry], keep: usize) -> Vec<bool> {
    let newest = entries.iter().filter(|entry| entry.admitted).take(keep);
    let oldest_kept = newest.map(|entry| entry.started_at).last();
    let (mut admitted, mut rejected) = (0, 0);
    let mut kept = Vec::with_capacity(entries.len());
    for entry in entries {
        kept.push(if entry.admitted {
            admitted += 1;
            entry.pinned || admitted <= keep
        } else {
            rejected += 1;
            oldest_kept.map_or(rejected <= keep, |oldest| entry.started_at >= oldest)
        });
    }
    kept
}

/// The names of the runs in `folder`, in no order; files that are not a run's are passed over.
fn run_ids(folder: &Path) -> Result<Vec<EntryId>, BaselineError> {
    let reading = |source| FileError::Read { path: folder.to_owned(), source };
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(reading(error).into()),
    };
    let mut ids = Vec::new();
    for file in listing {
        let name = file.map_err(reading)?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".json"));
        ids.extend(stem.and_then(|stem| stem.parse::<EntryId>().ok()));
    }
    Ok(ids)
}

fn remove_if_exists(path: &Path) -> Result<(), BaselineError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(FileError::Write { path: path.to_owned(), source }.into()),
        _ => Ok(()),
    }
}
