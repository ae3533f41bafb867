//! Bringing a finished verdict to where people look: one place per file. What is said comes rendered; where it is
//! allowed to go, and what follows from a failure, is decided by the commands.

pub mod azure;
pub mod buildkite;
pub mod github_annotations;
pub mod github_check;
pub mod github_comment;
pub mod github_outputs;
pub mod github_summary;
pub mod gitlab_note;
mod one_comment;
mod sticky;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

pub use self::sticky::{Key, Order};
use crate::files::FileError;
use crate::github::GithubError;
use crate::web::WebError;

/// Where a verdict can be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// One comment on the pull request, updated.
    GithubComment,
    /// A check run on the head commit.
    GithubCheck,
    /// The summary of the step.
    GithubSummary,
    /// Remarks at lines of the threshold file.
    GithubAnnotations,
    /// One note on the merge request, updated.
    GitlabNote,
    /// Issues of the task and its summary.
    Azure,
    /// An annotation of the build.
    Buildkite,
}

/// What `--publish` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// What fits the CI system and the token.
    Auto,
    /// Each with whether it is required.
    Places(Vec<(Place, Need)>),
}

/// What follows where a place cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A notice.
    Wished,
    /// Exit code 6, where the verdict itself does not end worse.
    Required,
}

/// What came of one publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// It stands there, at this address where it has one.
    Done { address: Option<String> },
    /// A later run has spoken already, and this one keeps still.
    Newer,
}

/// A remark at a line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    pub level: Level,
    /// Below the repository's root.
    pub file: String,
    /// From 1; 0 for the file as a whole.
    pub line: usize,
    pub title: String,
    pub message: String,
}

/// How grave a remark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Error,
    Warning,
}

/// Why a verdict was not published.
#[derive(Debug, Error)]
pub enum PublishError {
    #[error(transparent)]
    Github(#[from] GithubError),
    #[error(transparent)]
    Web(#[from] WebError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("no token: `{variable}` is not set")]
    NoToken { variable: &'static str },
    #[error("`{variable}` is not set")]
    Missing { variable: &'static str },
    #[error("no pull request belongs to this commit")]
    NoPullRequest,
    #[error("read-only token: the code comes from a fork")]
    Fork,
    #[error("cannot {what}: {host} answered {status}")]
    Refused { what: &'static str, host: String, status: u16 },
    #[error("cannot {what}: unexpected response: {problem}")]
    Unexpected { what: &'static str, problem: String },
    #[error("{program} did not take it: {reason}")]
    Program { program: &'static str, reason: String },
}

impl PublishError {
    /// Whether nobody knows if it was carried out.
    fn is_uncertain(&self) -> bool {
        match self {
            Self::Github(error) => error.is_uncertain(),
            Self::Web(error) => error.is_uncertain(),
            Self::Refused { status, .. } => *status >= 500,
            Self::Unexpected { .. } => true,
            Self::File(_) | Self::NoToken { .. } | Self::Missing { .. } | Self::NoPullRequest | Self::Fork | Self::Program { .. } => false,
        }
    }
}

/// What is not a [`Choice`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{word}` is no place to publish: write auto, none, or some of {}, with `!` behind what is required", names())]
pub struct UnknownPlace {
    word: String,
}

impl Place {
    pub const ALL: [Self; 7] = [
        Self::GithubComment,
        Self::GithubCheck,
        Self::GithubSummary,
        Self::GithubAnnotations,
        Self::GitlabNote,
        Self::Azure,
        Self::Buildkite,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GithubComment => "github-comment",
            Self::GithubCheck => "github-check",
            Self::GithubSummary => "github-summary",
            Self::GithubAnnotations => "github-annotations",
            Self::GitlabNote => "gitlab-note",
            Self::Azure => "azure",
            Self::Buildkite => "buildkite",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Choice {
    type Err = UnknownPlace;

    fn from_str(text: &str) -> Result<Self, UnknownPlace> {
        match text.trim() {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::Places(Vec::new())),
            list => list.split(',').map(|word| place_of(word.trim())).collect::<Result<_, _>>().map(Self::Places),
        }
    }
}

fn place_of(word: &str) -> Result<(Place, Need), UnknownPlace> {
    let (name, need) = word.strip_suffix('!').map_or((word, Need::Wished), |name| (name, Need::Required));
    let place = Place::ALL.into_iter().find(|place| place.name() == name);
    place.map(|place| (place, need)).ok_or_else(|| UnknownPlace { word: word.chars().take(60).collect() })
}

fn names() -> String {
    Place::ALL.map(Place::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_chosen_by_name_and_required_by_a_mark() {
        assert_eq!("auto".parse(), Ok(Choice::Auto));
        assert_eq!("none".parse(), Ok(Choice::Places(Vec::new())));
        let places = vec![(Place::GithubComment, Need::Required), (Place::GitlabNote, Need::Wished)];
        assert_eq!("github-comment!, gitlab-note".parse(), Ok(Choice::Places(places)));
        for wrong in ["", "github", "github-comment!!", "auto,none"] {
            assert!(wrong.parse::<Choice>().unwrap_err().to_string().contains("write auto, none, or some of github-comment, "), "{wrong}");
        }
    }
}
