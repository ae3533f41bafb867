//! The one comment on a pull request.

use std::cell::RefCell;
use std::time::Duration;

use super::one_comment::{self, Board, Comment};
use super::{Key, Order, Posted, PublishError};
use crate::github::{self, Github};

/// Under which a workflow's own token writes.
const OF_ACTIONS: &str = "github-actions[bot]";

/// What is to stand on the pull request.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    pub pull: u64,
    pub key: &'a Key,
    pub order: Order,
    /// Markdown.
    pub text: &'a str,
}

/// Brings the one comment up to date.
///
/// # Errors
/// [`PublishError`]. Where the comments could not be listed whole, nothing is written.
pub fn post(github: &Github, post: &Post<'_>) -> Result<Posted, PublishError> {
    let pull = PullRequest { github, number: post.pull, account: RefCell::default() };
    one_comment::post(&pull, post.key, post.order, post.text)
}

struct PullRequest<'a> {
    github: &'a Github,
    number: u64,
    /// Under which this token writes, once that is known.
    account: RefCell<Option<String>>,
}

impl PullRequest<'_> {
    fn account(&self) -> Result<String, PublishError> {
        if let Some(known) = &*self.account.borrow() {
            return Ok(known.clone());
        }
        let login = match self.github.viewer() {
            Ok(login) => login,
            Err(error) if error.is_missing_permission() => OF_ACTIONS.to_owned(),
            Err(error) => return Err(error.into()),
        };
        self.account.replace(Some(login.clone()));
        Ok(login)
    }
}

impl Board for PullRequest<'_> {
    fn own(&self, key: &Key) -> Result<Vec<Comment>, PublishError> {
        let mut marked = self.github.comments(self.number)?;
        marked.retain(|comment| key.marks(&comment.body));
        if marked.is_empty() {
            return Ok(Vec::new());
        }
        let account = self.account()?;
        Ok(marked.into_iter().filter(|comment| comment.author() == Some(&account)).map(standing).collect())
    }

    fn create(&self, body: &str) -> Result<Comment, PublishError> {
        let created = self.github.create_comment(self.number, body)?;
        // What was written tells for sure.
        if let Some(author) = created.author() {
            self.account.replace(Some(author.to_owned()));
        }
        Ok(standing(created))
    }

    fn update(&self, id: u64, body: &str) -> Result<(), PublishError> {
        Ok(self.github.update_comment(id, body).map(drop)?)
    }

    fn delete(&self, id: u64) -> Result<(), PublishError> {
        Ok(self.github.delete_comment(id)?)
    }

    fn wait(&self, time: Duration) {
        self.github.web().wait(time);
    }
}

fn standing(comment: github::Comment) -> Comment {
    Comment { id: comment.id, body: comment.body, address: Some(comment.html_url) }
}
