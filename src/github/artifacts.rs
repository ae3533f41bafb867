//! Artifacts of workflow runs: listed by name, examined by the run that made them, downloaded by id.

use std::cell::Cell;

use serde::Deserialize;
use url::Url;

use super::{Github, GithubError, PAGE_SIZE, encoded, parse};
use crate::web::{Answer, Question, Repeat, service_address};

/// How often a download address is asked for: it holds for one minute.
const DOWNLOAD_TRIES: usize = 2;

/// A stored artifact. What the API may leave out is left out here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Artifact {
    pub id: u64,
    pub name: String,
    pub size_in_bytes: u64,
    pub expired: bool,
    pub created_at: Option<String>,
    /// `sha256:..` of the bytes as they are downloaded.
    pub digest: Option<String>,
    pub workflow_run: Option<ArtifactRun>,
}

/// What an artifact says of the run that made it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ArtifactRun {
    pub id: u64,
    pub repository_id: u64,
    pub head_repository_id: u64,
    pub head_branch: Option<String>,
}

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WorkflowRun {
    pub id: u64,
    pub event: String,
    pub conclusion: Option<String>,
    pub head_branch: Option<String>,
    /// `.github/workflows/nightly.yml`, with `@ref` behind it where the file came from another ref.
    pub path: String,
    repository: Repo,
    head_repository: Option<Repo>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Repo {
    id: u64,
}

impl WorkflowRun {
    /// Whether it ran code of this repository and not of a fork.
    #[must_use]
    pub fn is_of_this_repository(&self) -> bool {
        self.head_repository.as_ref().is_some_and(|head| head.id == self.repository.id)
    }
}

impl Github {
    /// All artifacts of a name, in no order.
    ///
    /// # Errors
    /// [`GithubError`], also where not all pages came.
    pub fn artifacts(&self, name: &str) -> Result<Vec<Artifact>, GithubError> {
        #[derive(Deserialize)]
        struct Page {
            total_count: usize,
            artifacts: Vec<Artifact>,
        }
        const WHAT: &str = "list the artifacts";
        let path = self.path(&format!("/actions/artifacts?name={}&per_page={PAGE_SIZE}", encoded(name)));
        let total = Cell::new(0);
        let artifacts = self.read_all(WHAT, &path, |what, answer| {
            let page: Page = parse(what, answer)?;
            total.set(page.total_count);
            Ok(page.artifacts)
        })?;
        let (seen, total) = (artifacts.len(), total.get());
        if seen < total { Err(GithubError::Short { what: WHAT, seen, total }) } else { Ok(artifacts) }
    }

    /// The run of a workflow.
    ///
    /// # Errors
    /// [`GithubError`].
    pub fn workflow_run(&self, id: u64) -> Result<WorkflowRun, GithubError> {
        self.read("read the workflow run", &self.path(&format!("/actions/runs/{id}")))
    }

    /// An artifact's bytes, at most `cap`. The store that holds them is another host: it does not get the token.
    ///
    /// # Errors
    /// [`GithubError`]; [`GithubError::Gone`] where it expired.
    pub fn download(&self, artifact: u64, cap: usize) -> Result<Vec<u8>, GithubError> {
        const WHAT: &str = "download the artifact";
        let path = self.path(&format!("/actions/artifacts/{artifact}/zip"));
        let mut last = None;
        for _ in 0..DOWNLOAD_TRIES {
            let answer = self.call(WHAT, Repeat::Safe, "GET", &path, None::<&()>)?;
            let stored = self.fetch(&location_of(WHAT, &answer)?, cap)?;
            match stored.status {
                200 => return Ok(stored.body),
                status => last = Some(GithubError::Refused { what: WHAT, status, message: "said by the store".to_owned() }),
            }
        }
        Err(last.unwrap_or(GithubError::NotFound { what: WHAT }))
    }

    fn fetch(&self, location: &Url, cap: usize) -> Result<Answer, GithubError> {
        let question = Question { method: "GET", url: location, headers: &[], json: None, cap };
        Ok(self.web.persist(Repeat::Safe, &crate::web::host_of(location), || self.web.ask(&question))?)
    }
}

fn location_of(what: &'static str, answer: &Answer) -> Result<Url, GithubError> {
    let location = answer.header("location").filter(|_| answer.status == 302);
    let location = location.ok_or_else(|| GithubError::Unexpected { what, problem: "it leads nowhere".to_owned() })?;
    Ok(service_address("the artifact's store", location)?)
}
