//! Pull requests, found by what leads to them for certain.

use serde::Deserialize;

use super::{Github, GithubError, PAGE_SIZE, encoded, parse};

/// One pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pull {
    pub number: u64,
    pub state: String,
    pub head: Head,
    pub base: Head,
}

/// One of its two ends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Head {
    pub sha: String,
    #[serde(rename = "ref")]
    pub branch: String,
    repo: Option<Repo>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Repo {
    id: u64,
}

#[derive(Deserialize)]
struct Settings {
    default_branch: String,
}

impl Head {
    /// The repository that the branch is in; `None` where it is gone.
    #[must_use]
    pub fn repository_id(&self) -> Option<u64> {
        self.repo.as_ref().map(|repo| repo.id)
    }
}

impl Github {
    /// One pull request.
    ///
    /// # Errors
    /// [`GithubError`].
    pub fn pull(&self, number: u64) -> Result<Pull, GithubError> {
        self.read("read the pull request", &self.path(&format!("/pulls/{number}")))
    }

    /// The open pull requests that a commit of this repository belongs to.
    ///
    /// # Errors
    /// [`GithubError`].
    pub fn pulls_of_commit(&self, sha: &str) -> Result<Vec<Pull>, GithubError> {
        let path = self.path(&format!("/commits/{}/pulls?per_page={PAGE_SIZE}", encoded(sha)));
        let pulls = self.read_all("find the pull request of a commit", &path, parse::<Vec<Pull>>)?;
        Ok(pulls.into_iter().filter(|pull| pull.state == "open").collect())
    }

    /// The open pull requests from a branch, also of a fork.
    ///
    /// # Errors
    /// [`GithubError`].
    pub fn pulls_of_branch(&self, owner: &str, branch: &str) -> Result<Vec<Pull>, GithubError> {
        let head = encoded(&format!("{owner}:{branch}"));
        let path = self.path(&format!("/pulls?state=open&head={head}&per_page={PAGE_SIZE}"));
        self.read_all("find the pull request of a branch", &path, parse::<Vec<Pull>>)
    }

    /// The repository's default branch.
    ///
    /// # Errors
    /// [`GithubError`].
    pub fn default_branch(&self) -> Result<String, GithubError> {
        self.read::<Settings>("read the repository", &self.path("")).map(|settings| settings.default_branch)
    }
}
