//! Check runs.

use serde::{Deserialize, Serialize};

use super::{Github, GithubError};
use crate::web::Repeat;

/// A finished check run, as it is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckRun<'a> {
    pub name: &'a str,
    pub head_sha: &'a str,
    /// What tells runs of one key apart.
    pub external_id: &'a str,
    pub status: &'static str,
    pub conclusion: &'static str,
    pub output: Output<'a>,
}

/// What a check run shows; each text at most 65,535 characters, at most 50 annotations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Output<'a> {
    pub title: &'a str,
    pub summary: &'a str,
    pub annotations: &'a [Annotation],
}

/// A remark at a line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Annotation {
    pub path: String,
    pub start_line: usize,
    pub end_line: usize,
    pub annotation_level: &'static str,
    pub title: String,
    pub message: String,
}

#[derive(Deserialize)]
struct Created {
    html_url: Option<String>,
}

impl Github {
    /// Creates a check run; its address, if GitHub says so. A second one of the same name and commit takes the place of the first.
    ///
    /// # Errors
    /// [`GithubError`].
    pub fn create_check_run(&self, check: &CheckRun<'_>) -> Result<Option<String>, GithubError> {
        let created: Created = self.write("create the check run", Repeat::Safe, "POST", &self.path("/check-runs"), check)?;
        Ok(created.html_url)
    }
}
