//! Why a result file could not be read: always with the file, where it can be told with the line, and with the cure.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Tool;
use crate::files::FileError;

/// What is said of a file that ends too early.
pub(super) const CUT_OFF: &str = "the file is cut off here";
const CUT_OFF_CURE: &str = "was the tool stopped, or the disk full? import a whole file";

/// Why a file is no run.
#[derive(Debug, Error)]
pub enum ImportError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: not a result of a tool that is known", path.display())]
    Unknown { path: PathBuf },
    #[error("{}: not a result of {tool}", path.display())]
    NotOfTool { path: PathBuf, tool: Tool },
    /// One line or row of the file is wrong.
    #[error("{}:{line}: {problem}", path.display())]
    Line { path: PathBuf, line: u64, problem: String, hint: Option<String> },
    /// The file as a whole is wrong.
    #[error("{}: {problem}", path.display())]
    Document { path: PathBuf, problem: String, hint: Option<String> },
    #[error("{}:{line}: more than {cap} different names, such as {}", path.display(), examples.join(", "))]
    TooManyNames { path: PathBuf, line: u64, cap: usize, examples: Vec<String>, hint: &'static str },
    #[error("{}: no request in it", path.display())]
    Empty { path: PathBuf },
}

impl ImportError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File(_) => None,
            Self::Unknown { .. } | Self::NotOfTool { .. } => {
                let tools: Vec<&str> = Tool::ALL.iter().map(|tool| tool.name()).collect();
                Some(format!("name a file that {} wrote; the README lists which of their files are read", tools.join(", ")))
            }
            Self::Line { hint: Some(hint), .. } | Self::Document { hint: Some(hint), .. } => Some(hint.clone()),
            Self::Document { problem, .. } if problem.ends_with(CUT_OFF) => Some(CUT_OFF_CURE.to_owned()),
            Self::Line { .. } | Self::Document { .. } => Some("import the file as the tool wrote it".to_owned()),
            Self::TooManyNames { hint, .. } => Some((*hint).to_owned()),
            Self::Empty { .. } => Some("did the load run? an empty result is no result".to_owned()),
        }
    }

    pub(super) fn document(path: &Path, problem: impl Into<String>) -> Self {
        Self::Document { path: path.to_owned(), problem: problem.into(), hint: None }
    }

    pub(super) fn cut_off(path: &Path, line: u64) -> Self {
        Self::Line {
            path: path.to_owned(),
            line,
            problem: CUT_OFF.into(),
            hint: Some(format!("{CUT_OFF_CURE}, or remove the incomplete last line")),
        }
    }

    /// With a cure, where it has none yet.
    pub(super) fn with_hint(self, text: &str) -> Self {
        match self {
            Self::Line { path, line, problem, hint: None } => Self::Line { path, line, problem, hint: Some(text.to_owned()) },
            Self::Document { path, problem, hint: None } => Self::Document { path, problem, hint: Some(text.to_owned()) },
            other => other,
        }
    }
}
