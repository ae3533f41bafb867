//! Why a scenario could not be read, or does not go with what the command line changes of it.

use thiserror::Error;

use super::target::TargetError;
use crate::document::{DocumentError, Mistake};

/// A scenario that cannot be run: exit code 2, always.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// The file cannot be read, or something in it is wrong; the message shows where.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The file is fine, but a flag does not go with it.
    #[error(transparent)]
    Override(#[from] OverrideError),
}

/// A flag that does not go with the scenario.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OverrideError {
    #[error("`--users` was given, but the load is a rate\nhint: use `--rate`")]
    UsersOnRate,
    #[error("`--rate` was given, but the load is in users\nhint: use `--users`")]
    RateOnUsers,
    #[error("`--duration` was given, but the load has `phases`\nhint: change `for` of the phases in the file")]
    DurationOnPhases,
    #[error("`{flag}` must be above 0 and at most {most}")]
    OutOfRange { flag: &'static str, most: &'static str },
    #[error("`--target`: {0}")]
    Target(#[source] TargetError),
    #[error("the tags leave no step to run\nhint: {}", if .known.is_empty() { "the file has no tags".to_owned() } else { format!("tags of the file: {}", .known.join(", ")) })]
    NothingToRun { known: Vec<String> },
}

impl From<Box<Mistake>> for ScenarioError {
    fn from(mistake: Box<Mistake>) -> Self {
        Self::Document(mistake.into())
    }
}
