//! Comments of a pull request, and who is speaking.

use serde::Deserialize;
use serde_json::json;

use super::{Github, GithubError, PAGE_SIZE, parse};
use crate::web::{Question, Repeat};

/// One comment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Comment {
    pub id: u64,
    #[serde(default)]
    pub body: String,
    pub html_url: String,
    user: Option<User>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct User {
    login: String,
}

impl Comment {
    /// Who wrote it; nobody where the account is gone.
    #[must_use]
    pub fn author(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.login.as_str())
    }
}

impl Github {
    /// All comments, oldest first.
    ///
    /// # Errors
    /// [`GithubError`], also where not all pages came: half a list must not pass for the whole.
    pub fn comments(&self, pull: u64) -> Result<Vec<Comment>, GithubError> {
        let path = self.path(&format!("/issues/{pull}/comments?per_page={PAGE_SIZE}"));
        self.read_all("list the comments", &path, parse)
    }

    /// Writes a new comment. Where [`GithubError::is_uncertain`], it may be there.
    ///
    /// # Errors
    /// [`GithubError`].
    pub fn create_comment(&self, pull: u64, body: &str) -> Result<Comment, GithubError> {
        let path = self.path(&format!("/issues/{pull}/comments"));
        self.write("comment", Repeat::Unsafe, "POST", &path, &json!({ "body": body }))
    }

    /// Replaces a comment's text.
    ///
    /// # Errors
    /// [`GithubError`].
    pub fn update_comment(&self, id: u64, body: &str) -> Result<Comment, GithubError> {
        self.write("update the comment", Repeat::Safe, "PATCH", &self.path(&format!("/issues/comments/{id}")), &json!({ "body": body }))
    }

    /// Removes a comment; one that is gone is removed.
    ///
    /// # Errors
    /// [`GithubError`].
    pub fn delete_comment(&self, id: u64) -> Result<(), GithubError> {
        let path = self.path(&format!("/issues/comments/{id}"));
        match self.call("remove a second comment", Repeat::Safe, "DELETE", &path, None::<&()>) {
            Ok(_) | Err(GithubError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The login under which this token writes, `github-actions[bot]` for a job's own. The REST API tells a job's token
    /// nothing of itself.
    ///
    /// # Errors
    /// [`GithubError`].
    pub fn viewer(&self) -> Result<String, GithubError> {
        #[derive(Deserialize)]
        struct Envelope {
            data: Data,
        }
        #[derive(Deserialize)]
        struct Data {
            viewer: User,
        }
        let authorization = format!("Bearer {}", self.token);
        let answer = self.web.persist(Repeat::Safe, &crate::web::host_of(&self.graphql), || {
            self.web.ask(&Question {
                method: "POST",
                url: &self.graphql,
                headers: &[("authorization", &authorization)],
                json: Some(json!({ "query": "query { viewer { login } }" }).to_string().into_bytes()),
                cap: super::ANSWER_CAP,
            })
        })?;
        let answer = super::checked("learn who this token is", answer)?;
        Ok(parse::<Envelope>("learn who this token is", &answer)?.data.viewer.login)
    }
}
