//! Stores of runs, one file per store, and the choice between them. Which of the runs a new one is compared with,
//! and what follows where there is none, is the gate's.

mod admission;
mod directory;
mod drift;
mod file;
mod index;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use self::admission::{Admission, admission};
pub use self::directory::Store;
pub use self::drift::{Drift, DriftSince, drifts};
pub use self::index::{Entry, EntryId, Figure, IndexError};
use crate::exit::ExitCode;
use crate::files::FileError;
use crate::run::{Baseline, RunFileError};

/// Where runs to compare with may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `none`: nothing is compared.
    None,
    /// A store of runs in a folder, which need not exist.
    Directory(PathBuf),
    /// One run's file, which must exist.
    File(PathBuf),
}

/// Why a store of runs could not be used.
#[derive(Debug, Error)]
pub enum BaselineError {
    #[error("baseline {} does not exist", path.display())]
    NotFound { path: PathBuf },
    #[error("baseline {} is a file, not a folder of runs", path.display())]
    NotAFolder { path: PathBuf },
    #[error("baseline {} is corrupt: {source}", path.display())]
    CorruptRun { path: PathBuf, source: RunFileError },
    #[error("baseline {} is corrupt: {source}", path.display())]
    CorruptIndex { path: PathBuf, source: IndexError },
    #[error("baseline is corrupt: {} is listed in `baseline.json`, but missing", path.display())]
    MissingRun { path: PathBuf },
    #[error("baseline source `{text}` is not yet supported")]
    Unsupported { text: String },
    #[error("baseline source is empty")]
    EmptySource,
    #[error("baseline {} has no run `{wanted}`", store.display())]
    UnknownRun { wanted: String, store: PathBuf },
    #[error("`{wanted}` is the beginning of {matches} runs")]
    AmbiguousRun { wanted: String, matches: usize },
    #[error("run {id} was not admitted and can't be pinned: {reason}")]
    NotAdmitted { id: EntryId, reason: String },
    #[error(transparent)]
    File(#[from] FileError),
}

impl BaselineError {
    /// What to do about it, where more can be said than in the message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { .. } => {
                Some("name a `run.json`, a folder of runs, or `none`; `perfgate baseline refresh --keep DIR` makes the folder".into())
            }
            Self::NotAFolder { .. } => Some("name the folder that `perfgate baseline refresh --keep` wrote".into()),
            Self::CorruptRun { source, .. } => {
                source.hint().or_else(|| Some("remove the file, or restore it; `perfgate baseline refresh` makes a new one".into()))
            }
            Self::CorruptIndex { source: IndexError::UnknownVersion { .. }, .. } => {
                Some("it was written by a newer perfgate: update this one".into())
            }
            Self::CorruptIndex { .. } => Some("remove the file: it is made again from the runs beside it, without their pins".into()),
            Self::MissingRun { .. } => Some("restore the file, or remove `baseline.json`, which is made again from the runs".into()),
            Self::Unsupported { .. } | Self::EmptySource => Some("use a folder of runs, a `run.json`, or `none`".into()),
            Self::UnknownRun { .. } => Some("`perfgate baseline list` shows the runs".into()),
            Self::AmbiguousRun { .. } => Some("give more of its characters; `perfgate baseline list` shows the runs".into()),
            Self::NotAdmitted { .. } | Self::File(_) => None,
        }
    }

    /// What the process ends with where nothing worse happened.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Unsupported { .. }
            | Self::EmptySource
            | Self::UnknownRun { .. }
            | Self::AmbiguousRun { .. }
            | Self::NotAdmitted { .. } => ExitCode::Usage,
            Self::File(FileError::Write { .. }) => ExitCode::NotDelivered,
            Self::NotFound { .. }
            | Self::NotAFolder { .. }
            | Self::CorruptRun { .. }
            | Self::CorruptIndex { .. }
            | Self::MissingRun { .. }
            | Self::File(_) => ExitCode::BaselineUnusable,
        }
    }
}

impl Source {
    /// Whether there is anything at this place: a store may be empty, but a name that leads nowhere is a mistake.
    #[must_use]
    pub fn exists(&self) -> bool {
        match self {
            Self::None => true,
            Self::Directory(path) | Self::File(path) => path.exists(),
        }
    }

    /// Reads what stands behind `--baseline`: `none`, an existing file or a `*.json` path, else a folder.
    ///
    /// # Errors
    /// [`BaselineError::Unsupported`] for `github`, `git:BRANCH` and URLs, [`BaselineError::EmptySource`] for no text.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        match text {
            "" => Err(BaselineError::EmptySource),
            "none" => Ok(Self::None),
            _ if text == "github" || text.starts_with("git:") || text.contains("://") => {
                Err(BaselineError::Unsupported { text: without_secrets(text) })
            }
            _ => {
                let path = PathBuf::from(text);
                let is_json = path.extension().is_some_and(|extension| extension == "json");
                Ok(if path.is_file() || (is_json && !path.is_dir()) { Self::File(path) } else { Self::Directory(path) })
            }
        }
    }
}

/// A source as it may be shown: a URL may hold a password before its host and a signature in its query.
fn without_secrets(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Directory(path) | Self::File(path) => path.display().fmt(f),
        }
    }
}

/// The runs of the first source that has any, newest first. Without any it has none, and names all that were asked.
///
/// # Errors
/// [`BaselineError`] where a named file is missing, or anything is corrupt or not readable.
pub fn load(sources: &[Source]) -> Result<Baseline, BaselineError> {
    for source in sources {
        let runs = match source {
            Source::None => Vec::new(),
            Source::Directory(folder) => Store::open(folder)?.load_runs()?,
            Source::File(path) => vec![file::load(path)?],
        };
        if !runs.is_empty() {
            return Ok(Baseline { source: source.to_string(), runs });
        }
    }
    let asked: Vec<String> = sources.iter().map(Source::to_string).collect();
    Ok(Baseline { source: asked.join(", "), runs: Vec::new() })
}

/// A file's bytes; `None` where there is no such file.
fn read_if_exists(path: &Path, cap: u64) -> Result<Option<Vec<u8>>, BaselineError> {
    match crate::files::read_capped(path, cap) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FileError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
