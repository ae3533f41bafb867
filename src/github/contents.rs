//! A file of the repository as it was at a commit.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Github, GithubError, encoded};

impl Github {
    /// The text of a file at a commit; `None` where there is none.
    ///
    /// # Errors
    /// [`GithubError`].
    pub fn file_at(&self, path: &str, commit: &str) -> Result<Option<String>, GithubError> {
        #[derive(Deserialize)]
        struct Content {
            encoding: String,
            content: String,
        }
        const WHAT: &str = "read the base branch's thresholds";
        let segments: Vec<String> = path.split('/').map(encoded).collect();
        let content: Content = match self.read(WHAT, &self.path(&format!("/contents/{}?ref={}", segments.join("/"), encoded(commit)))) {
            Ok(content) => content,
            Err(GithubError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let unexpected = |problem: &str| GithubError::Unexpected { what: WHAT, problem: problem.to_owned() };
        if content.encoding != "base64" {
            return Err(unexpected("the file is not in base64"));
        }
        let compact: String = content.content.split_whitespace().collect();
        let bytes = STANDARD.decode(compact).map_err(|_| unexpected("the base64 is broken"))?;
        String::from_utf8(bytes).map(Some).map_err(|_| unexpected("the file is not UTF-8 text"))
    }
}
