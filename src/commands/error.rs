//! Why a command ended without a result: which exit code that is, and how it is told.

use std::path::PathBuf;

use thiserror::Error;

use super::context::World;
use crate::baseline::BaselineError;
use crate::dashboard::DashboardError;
use crate::document::{DocumentError, Mistake};
use crate::exit::ExitCode;
use crate::files::FileError;
use crate::gate::TooFewRuns;
use crate::github::GithubError;
use crate::history::HistoryError;
use crate::import::ImportError;
use crate::init::InitError;
use crate::load::{LoadError, PreflightError};
use crate::report::ReportError;
use crate::run::{MergeError, RunFileError};
use crate::scenario::{Refusal, ScenarioError};

/// An error of any layer below, as a command passes it on.
#[derive(Debug, Error)]
pub enum CommandError {
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error(transparent)]
    Mistake(#[from] Box<Mistake>),
    #[error("{} does not exist, and a gate without thresholds checks nothing", path.display())]
    NoThresholds { path: PathBuf },
    #[error(transparent)]
    Baseline(Box<BaselineError>),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    NotWritten(FileError),
    #[error(transparent)]
    NotRead(FileError),
    #[error(transparent)]
    RunFile(#[from] RunFileError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error("{} is not a verdict: {source}", path.display())]
    VerdictFile { path: PathBuf, source: serde_json::Error },
    #[error(transparent)]
    Init(#[from] InitError),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("the schema cannot be printed: {0}")]
    Schema(serde_json::Error),
    #[error("cannot write: {0}")]
    Output(std::io::Error),
    #[error("there are no thresholds {} of a base branch to judge by", path.display())]
    NoBaseThresholds { path: PathBuf },
    #[error(transparent)]
    Github(Box<GithubError>),
    #[error("`{event}` runs with a token that may write, and this is the code of a fork: nothing of it is run here")]
    ForeignCode { event: String },
    #[error("cannot prove which pull request this run belongs to: {why}")]
    Unproven { why: String },
    #[error("two scenarios are called `{name}`")]
    SameName { name: String },
    #[error("the run was aborted: {reason}")]
    Aborted { reason: String, code: ExitCode },
    #[error("`{command}` of --between-rounds failed: {what}")]
    BetweenRounds { command: String, what: String },
    #[error("{too_few} of {scenario} in {store}")]
    TooFewRuns { too_few: TooFewRuns, store: String, scenario: String },
    #[error(transparent)]
    Dashboard(#[from] DashboardError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error("{text}")]
    Usage { text: String, hint: String },
    #[error("the demo cannot listen on 127.0.0.1:{port}: {source}")]
    Demo { port: u16, source: std::io::Error },
}

impl From<BaselineError> for CommandError {
    fn from(error: BaselineError) -> Self {
        Self::Baseline(Box::new(error))
    }
}

impl From<GithubError> for CommandError {
    fn from(error: GithubError) -> Self {
        Self::Github(Box::new(error))
    }
}

impl CommandError {
    /// The exit code that it means.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        match self {
            Self::Baseline(error) => error.exit_code(),
            Self::TooFewRuns { .. } => ExitCode::BaselineUnusable,
            Self::Refused(_) | Self::Preflight(PreflightError::Refused(_)) | Self::ForeignCode { .. } | Self::Unproven { .. } => {
                ExitCode::Refused
            }
            Self::Dashboard(DashboardError::Exposed { .. }) => ExitCode::Refused,
            Self::Load(LoadError::Thread(_) | LoadError::Panicked) | Self::Schema(_) | Self::Preflight(PreflightError::Runtime(_)) => {
                ExitCode::Internal
            }
            Self::Dashboard(DashboardError::Randomness(_) | DashboardError::Thread(_))
            | Self::History(_)
            | Self::Init(InitError::Drafted { .. }) => ExitCode::Internal,
            Self::Report(error) if !matches!(error, ReportError::NeedsVerdict(_)) => ExitCode::Internal,
            Self::Preflight(error) if !matches!(error, PreflightError::TlsFiles(_)) => ExitCode::TargetUnavailable,
            Self::BetweenRounds { .. } => ExitCode::TargetUnavailable,
            Self::Github(error) if !error.is_mistake() => ExitCode::NotDelivered,
            Self::NotWritten(_) | Self::Output(_) => ExitCode::NotDelivered,
            Self::Aborted { code, .. } => *code,
            // What is left is wrong in what was typed or written.
            _ => ExitCode::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoThresholds { path } => Some(format!(
                "write it, four lines are enough, or name another with --thresholds:\n      version: 1\n      scenario: {}\n      defaults: {{p95: 300ms, p99: 800ms, failures: 1%}}",
                path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default()
            )),
            Self::Baseline(error) => error.hint(),
            Self::Refused(refusal) => Some(refusal.hint()),
            Self::Preflight(error) => error.hint(),
            Self::Load(error) => error.hint(),
            Self::Init(error) => error.hint().map(str::to_owned),
            Self::RunFile(error) => error.hint(),
            Self::Import(error) => error.hint(),
            Self::Merge(error) => error.hint(),
            Self::NotWritten(_) => Some("is the folder writable, and is there room? --out names another".to_owned()),
            Self::NoBaseThresholds { .. } => {
                Some("--thresholds-from-base is for pull requests whose base branch has the file; elsewhere leave it away".to_owned())
            }
            Self::Github(error) => error.hint(),
            Self::ForeignCode { .. } => Some("run it on `pull_request`, and `perfgate publish` on `workflow_run`".to_owned()),
            Self::Unproven { .. } => Some("nothing was posted; --pr N names it, where you know it".to_owned()),
            Self::SameName { .. } => Some("the name decides where results and baselines go: rename one".to_owned()),
            Self::Demo { .. } => Some("another port with --port N; 0 picks a free one".to_owned()),
            Self::BetweenRounds { .. } => Some("it must start both deployments, wait until they are ready, and end with 0".to_owned()),
            Self::TooFewRuns { .. } => Some("`perfgate baseline refresh SCENARIO --repeat 3` makes three".to_owned()),
            Self::Dashboard(error) => error.hint().map(str::to_owned),
            Self::Usage { hint, .. } => Some(hint.clone()),
            _ => None,
        }
    }

    /// Tells it on standard error, with the cure where there is one; returns the exit code.
    pub fn tell(&self, world: &mut World) -> ExitCode {
        let text = world.redacted(&self.to_string());
        if let Some(feed) = &world.live {
            feed.because(self.code(), &text);
        }
        world.note(&format!("error: {self}"));
        if let Some(hint) = self.hint() {
            world.note(&format!("hint: {hint}"));
        }
        self.code()
    }
}
