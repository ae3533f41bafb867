//! Stores of runs, one file per store, and the choice between them. Which of the runs a new one is compared with,
//! and what follows where there is none, is the gate's.

mod address;
mod admission;
mod archive;
mod directory;
mod drift;
mod file;
mod git;
mod github;
mod index;
mod kept;
mod rounds;
mod sealed;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use self::admission::{Admission, admission};
pub use self::archive::ArchiveError;
pub use self::directory::Store;
pub use self::drift::{Drift, DriftSince, drifts};
pub use self::git::{Branch, GitError};
pub use self::github::artifact_name;
pub use self::index::{Entry, EntryId, Figure, IndexError};
use self::kept::Kept;
pub use self::kept::KeptError;
pub use self::rounds::KeptRound;
pub use self::sealed::SealedDigest;
use crate::exit::ExitCode;
use crate::files::{FileError, may_exist};
use crate::github::{Github, GithubError};
use crate::run::{Ask, Baseline, BaselineRun, Digests, StoredRound};
use crate::web::{Web, WebError, without_secrets};

/// Where runs to compare with may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `none`: nothing is compared.
    None,
    /// A store of runs in a folder, which need not exist.
    Directory(PathBuf),
    /// One run's file, which must exist.
    File(PathBuf),
    /// The newest artifact that can be trusted, of this workflow file where one is named.
    Github { workflow: Option<String> },
    /// A branch of the repository.
    Git(Branch),
    /// An address.
    Address(String),
}

/// What it takes to reach stores that are elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Reach<'a> {
    /// The scenario whose runs are wanted.
    pub scenario: &'a str,
    /// `None` where no token or repository is known.
    pub github: Option<&'a Github>,
    /// The branch whose runs are believed, where it is known without asking.
    pub default_branch: Option<&'a str>,
}

/// Why a store of runs could not be used.
#[derive(Debug, Error)]
pub enum BaselineError {
    #[error("baseline {} does not exist", path.display())]
    NotFound { path: PathBuf },
    #[error("baseline {} is a file, not a folder of runs", path.display())]
    NotAFolder { path: PathBuf },
    #[error("baseline {} is corrupt: {source}", path.display())]
    CorruptRun { path: PathBuf, source: KeptError },
    #[error("baseline {} is corrupt: {source}", path.display())]
    CorruptIndex { path: PathBuf, source: IndexError },
    #[error("baseline is corrupt: {} is listed in `baseline.json`, but missing", path.display())]
    MissingRun { path: PathBuf },
    #[error("{}", no_artifact(name, *looked_at, why))]
    NoArtifact { name: String, looked_at: usize, why: Vec<String> },
    #[error("baseline github needs `GITHUB_REPOSITORY` and a token in `GITHUB_TOKEN`")]
    NoAccess,
    #[error("baseline {place} does not exist")]
    NotThere { place: String },
    #[error("baseline {place} is corrupt: {source}")]
    CorruptArchive { place: String, source: Box<ArchiveError> },
    #[error("digest mismatch: expected {expected}, got {found}")]
    Digest { expected: String, found: String },
    #[error("baseline github: {0}")]
    Github(#[from] GithubError),
    #[error("baseline: {0}")]
    Web(#[from] WebError),
    #[error("baseline: {0}")]
    Git(#[from] GitError),
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

fn no_artifact(name: &str, looked_at: usize, why: &[String]) -> String {
    if looked_at == 0 {
        return format!("there is no artifact {name} yet: a nightly job with `command: refresh` makes it");
    }
    format!("no artifact {name} can be trusted (looked at {looked_at}){}", listed(why))
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
            Self::CorruptIndex { .. } => Some("restore the file, or remove it: it is made again from the runs beside it, without pins and without rounds of a build against itself".into()),
            Self::MissingRun { .. } => Some("restore the file, or remove `baseline.json`, which is made again from the runs".into()),
            Self::EmptySource => Some("use `github`, `git:BRANCH`, https://.., a folder of runs, a `run.json`, or `none`".into()),
            Self::NoArtifact { .. } | Self::NotThere { .. } => {
                Some("the nightly job makes it: `perfgate baseline refresh`, on the default branch; artifacts expire after the days that the repository keeps them".into())
            }
            Self::NoAccess => Some("hand the job's own token over: `GITHUB_TOKEN: ${{ github.token }}`".into()),
            Self::CorruptArchive { .. } | Self::Digest { .. } => Some("delete it, and let the nightly job make a new one".into()),
            Self::Github(error) => error.hint(),
            Self::Git(GitError::Failed { .. }) => Some("the remote `origin` must be reachable from here; pushing needs `contents: write`".into()),
            Self::Web(_) | Self::Git(_) | Self::NotAdmitted { .. } | Self::File(_) => None,
            Self::UnknownRun { .. } => Some("`perfgate baseline list` shows the runs".into()),
            Self::AmbiguousRun { .. } => Some("give more of its characters; `perfgate baseline list` shows the runs".into()),
        }
    }

    /// What the process ends with where nothing worse happened.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Github(error) if error.is_mistake() => ExitCode::Usage,
            Self::EmptySource
            | Self::UnknownRun { .. }
            | Self::AmbiguousRun { .. }
            | Self::NotAdmitted { .. }
            | Self::Web(WebError::Address { .. })
            | Self::Git(GitError::Name { .. }) => ExitCode::Usage,
            Self::File(FileError::Write { .. } | FileError::InUse { .. }) => ExitCode::NotDelivered,
            Self::NotFound { .. }
            | Self::NotAFolder { .. }
            | Self::CorruptRun { .. }
            | Self::CorruptIndex { .. }
            | Self::MissingRun { .. }
            | Self::NoArtifact { .. }
            | Self::NoAccess
            | Self::NotThere { .. }
            | Self::CorruptArchive { .. }
            | Self::Digest { .. }
            | Self::Github(_)
            | Self::Web(_)
            | Self::Git(_)
            | Self::File(_) => ExitCode::BaselineUnusable,
        }
    }

    /// Whether there is nothing at the place that was asked, rather than something wrong with it.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::NoArtifact { .. } | Self::NoAccess | Self::NotThere { .. })
    }
}

fn listed(why: &[String]) -> String {
    why.iter().flat_map(|reason| ["; ", reason.as_str()]).collect()
}

impl Source {
    /// Whether there is anything at this place: a store may be empty, but a name that leads nowhere is a mistake.
    #[must_use]
    pub fn exists(&self) -> bool {
        match self {
            // What is elsewhere is there until somebody looks.
            Self::None | Self::Github { .. } | Self::Git(_) | Self::Address(_) => true,
            Self::Directory(path) | Self::File(path) => may_exist(path),
        }
    }

    /// Reads what stands behind `--baseline`: `none`, `github`, `github:WORKFLOW.yml`, `git:BRANCH`, an address, an
    /// existing file or a `*.json` path, else a folder.
    ///
    /// # Errors
    /// [`BaselineError`] for no text, what is no branch, and addresses without encryption.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        match text {
            "" => Err(BaselineError::EmptySource),
            "none" => Ok(Self::None),
            "github" => Ok(Self::Github { workflow: None }),
            _ if text.contains("://") => {
                crate::web::service_address("--baseline", text)?;
                Ok(Self::Address(text.to_owned()))
            }
            _ => match text.split_once(':') {
                Some(("github", workflow)) if !workflow.is_empty() => Ok(Self::Github { workflow: Some(workflow.to_owned()) }),
                Some(("git", branch)) => Ok(Self::Git(Branch::parse(branch)?)),
                _ => Ok(Self::of_path(text)),
            },
        }
    }

    fn of_path(text: &str) -> Self {
        let path = PathBuf::from(text);
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        if path.is_file() || (is_json && !path.is_dir()) { Self::File(path) } else { Self::Directory(path) }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Github { workflow: None } => f.write_str("github"),
            Self::Github { workflow: Some(workflow) } => write!(f, "github:{workflow}"),
            Self::Git(branch) => write!(f, "git:{}", branch.as_str()),
            Self::Address(address) => f.write_str(&without_secrets(address)),
            Self::Directory(path) | Self::File(path) => path.display().fmt(f),
        }
    }
}

/// The runs of the first source that has any, newest first. Without any it has none, and names all that were asked.
///
/// # Errors
/// [`BaselineError`] where a named file or every other store is missing, or anything is corrupt or not readable.
pub fn load(sources: &[Source], reach: Reach<'_>) -> Result<Baseline, BaselineError> {
    let (source, (runs, rounds)) = load_each(sources, reach, &kept::whole)?;
    Ok(Baseline { source, runs, rounds })
}

/// The runs of a store as it travels, newest first.
///
/// # Errors
/// [`ArchiveError`].
pub fn read_archive(bytes: &[u8]) -> Result<Vec<BaselineRun>, ArchiveError> {
    archive::read(bytes, &kept::whole).map(|(runs, _)| runs)
}

/// Of the same runs what is asked, without reading those whose digest can be believed; `turn` says which is read all the same.
///
/// # Errors
/// As [`load`], and where that run's digest is false.
pub fn load_digests(sources: &[Source], reach: Reach<'_>, ask: &Ask, turn: u64) -> Result<Digests, BaselineError> {
    let (source, (runs, rounds)) = load_each(sources, reach, &|kept: Kept<'_>| kept.digested(ask, turn))?;
    Ok(Digests { source, runs, rounds })
}

/// What was made of a store's runs, and its rounds of a build against itself.
type Loaded<T> = (Vec<T>, Vec<StoredRound>);

fn load_each<T: Send>(
    sources: &[Source],
    reach: Reach<'_>,
    make: &(impl Fn(Kept<'_>) -> Result<T, KeptError> + Sync),
) -> Result<(String, Loaded<T>), BaselineError> {
    let mut missing = None;
    let mut found_a_store = false;
    for source in sources {
        let (runs, rounds) = match load_one(source, reach, make) {
            Ok(loaded) => loaded,
            Err(error) if error.is_missing() && !matches!(source, Source::File(_)) => {
                missing = missing.or(Some(error));
                continue;
            }
            Err(error) => return Err(error),
        };
        if !runs.is_empty() || !rounds.is_empty() {
            return Ok((source.to_string(), (runs, rounds)));
        }
        found_a_store |= source.exists();
    }
    if let Some(error) = missing.filter(|_| !found_a_store) {
        return Err(error);
    }
    let asked: Vec<String> = sources.iter().map(Source::to_string).collect();
    Ok((asked.join(", "), (Vec::new(), Vec::new())))
}

fn load_one<T: Send>(
    source: &Source,
    reach: Reach<'_>,
    make: &(impl Fn(Kept<'_>) -> Result<T, KeptError> + Sync),
) -> Result<Loaded<T>, BaselineError> {
    let of_store = |folder: &Path| {
        let store = Store::open(folder)?;
        Ok((store.each_admitted(make)?, store.admitted_rounds()))
    };
    match source {
        Source::None => Ok((Vec::new(), Vec::new())),
        Source::Directory(folder) => of_store(folder),
        Source::File(path) => Ok((vec![file::load(path, make)?], Vec::new())),
        Source::Github { workflow } => github::load(reach, workflow.as_deref(), make),
        Source::Git(branch) => {
            let folder = Scratch::new()?;
            if !branch.read_into(reach.scenario, &folder.0)? {
                return Err(BaselineError::NotThere { place: source.to_string() });
            }
            of_store(&folder.0)
        }
        Source::Address(address) => address::load(&Web::new()?, address, make),
    }
}

/// A folder that is gone when it is not needed any more.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, BaselineError> {
        let folder = PathBuf::from(".perfgate").join(format!("scratch-{}", std::process::id()));
        // What is there already is not what is going to be read.
        let _ = std::fs::remove_dir_all(&folder);
        let made = std::fs::create_dir_all(".perfgate").and_then(|()| std::fs::create_dir(&folder));
        made.map_err(|source| FileError::Write { path: folder.clone(), source })?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left is one folder that nothing reads.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A file's bytes; `None` where there is no such file.
fn read_if_exists(path: &Path, cap: u64) -> Result<Option<Vec<u8>>, BaselineError> {
    match crate::files::read_capped(path, cap) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FileError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
