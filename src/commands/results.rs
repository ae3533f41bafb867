//! The result folder of one scenario: own files are replaced as a set, everything else in it is left alone.

use std::path::{Path, PathBuf};

use super::error::CommandError;
use crate::files::{FileError, FolderLock, check_no_link, check_writable, lock_folder, remove_leftovers, write_atomically};
use crate::report::{Context, Format, Look, Subject, page, render};
use crate::run::{RUN_FILE_NAME, Run, beside_run_file_name, earlier_run_file_name, save_run};

/// Where the results of one scenario go.
#[derive(Debug)]
pub struct Results {
    folder: PathBuf,
    _lock: FolderLock,
}

#[derive(Debug, PartialEq, Eq)]
enum Removed {
    Yes,
    No,
}

impl Results {
    /// Makes sure that the folder can be written, and that no other run does so, before anything is measured.
    ///
    /// # Errors
    /// [`CommandError::NotWritten`].
    pub fn prepare(folder: &Path) -> Result<Self, CommandError> {
        let prepared = check_no_link(folder).and_then(|()| check_writable(folder)).and_then(|()| lock_folder(folder));
        Ok(Self { folder: folder.to_owned(), _lock: prepared.map_err(CommandError::NotWritten)? })
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Removes what an earlier result left, so that no old verdict stands beside a new run.
    ///
    /// # Errors
    /// [`CommandError::NotWritten`] for a file of ours that stays.
    pub fn clear(&self) -> Result<(), CommandError> {
        for format in Format::ALL {
            if let Some(name) = format.file_name() {
                self.remove(name)?;
            }
        }
        self.remove(RUN_FILE_NAME)?;
        for name in [earlier_run_file_name, beside_run_file_name] {
            let mut number = 1;
            while self.remove(&name(number))? == Removed::Yes {
                number += 1;
            }
        }
        remove_leftovers(&self.folder, is_own);
        Ok(())
    }

    /// A folder of that name is none of ours; what is not there need not go.
    fn remove(&self, name: &str) -> Result<Removed, CommandError> {
        let path = self.folder.join(name);
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(Removed::Yes),
            Err(_) if !path.is_file() => Ok(Removed::No),
            Err(source) => Err(CommandError::NotWritten(FileError::Write { path, source })),
        }
    }

    /// Writes the run of the deployment that was loaded beside the release in this round, counted from 1.
    ///
    /// # Errors
    /// [`CommandError::NotWritten`].
    pub fn write_beside(&self, number: usize, run: &Run) -> Result<(), CommandError> {
        save_run(&self.folder.join(beside_run_file_name(number)), run).map_err(CommandError::NotWritten)
    }

    /// Gives the run that was written a name of its own, because the same release is loaded once more.
    ///
    /// # Errors
    /// [`CommandError::NotWritten`].
    pub fn set_aside(&self, number: usize) -> Result<(), CommandError> {
        let (from, to) = (self.folder.join(RUN_FILE_NAME), self.folder.join(earlier_run_file_name(number)));
        std::fs::rename(from, &to).map_err(|source| CommandError::NotWritten(FileError::Write { path: to, source }))
    }

    /// Writes `run.json`, checkpoint or whole.
    ///
    /// # Errors
    /// [`CommandError::NotWritten`].
    pub fn write_run(&self, run: &Run) -> Result<(), CommandError> {
        save_run(&self.folder.join(RUN_FILE_NAME), run).map_err(CommandError::NotWritten)
    }

    /// Writes every file that is made of a verdict, the page with what else is at hand.
    ///
    /// # Errors
    /// [`CommandError::NotWritten`] for the first that could not be written.
    pub fn write_reports(&self, subject: &Subject<'_>, context: &Context<'_>, look: Look) -> Result<(), CommandError> {
        for format in Format::ALL {
            if let Some(name) = format.file_name() {
                let text = if format == Format::Html { page(subject, context) } else { render(format, subject, look)? };
                self.write(name, text.as_bytes())?;
            }
        }
        Ok(())
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), CommandError> {
        write_atomically(&self.folder.join(name), content).map_err(CommandError::NotWritten)
    }
}

/// Whether a file of this name is one of ours.
fn is_own(name: &str) -> bool {
    let numbered = |before: &str| {
        name.strip_prefix(before).and_then(|rest| rest.strip_suffix(".json")).is_some_and(|number| number.parse::<usize>().is_ok())
    };
    name == RUN_FILE_NAME || numbered("run-") || numbered("against-") || Format::ALL.iter().any(|format| format.file_name() == Some(name))
}
