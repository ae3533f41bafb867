//! The one comment on a pull request. Created once, whatever the network does and however many jobs write at the same
//! time; updated by later runs, never by earlier ones.

use std::time::Duration;

use super::{Key, Order, Posted, PublishError};
use crate::github::{Comment, Github};

/// How often a comment is created where nobody knows what became of the first try.
const TRIES: u32 = 3;
/// Until a comment that was created shows up in the list.
const SETTLING: Duration = Duration::from_secs(1);
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
    let body = post.key.mark(post.order, post.text);
    for _ in 0..TRIES {
        let comments = github.comments(post.pull)?;
        if let Some((first, others)) = own(github, post.key, &comments)?.split_first() {
            return renew(github, post, first, others, &body);
        }
        match github.create_comment(post.pull, &body) {
            Ok(created) => return settle(github, post, &created, &body),
            // It may stand there nevertheless: the list tells.
            Err(error) if error.is_uncertain() => github.web().wait(SETTLING),
            Err(error) => return Err(error.into()),
        }
    }
    let comments = github.comments(post.pull)?;
    match own(github, post.key, &comments)?.split_first() {
        Some((first, others)) => renew(github, post, first, others, &body),
        None => Err(PublishError::Unexpected { what: "comment", problem: format!("{TRIES} tries, and no comment stands there") }),
    }
}

/// Brings what stood there up to date. A job that wrote looks again: an earlier one may have looked before that, and write
/// after it.
fn renew(github: &Github, post: &Post<'_>, first: &Comment, others: &[&Comment], body: &str) -> Result<Posted, PublishError> {
    let posted = bring(github, post, first, others, body)?;
    if posted == Posted::Newer || first.body == body {
        return Ok(posted);
    }
    github.web().wait(SETTLING);
    settle(github, post, first, body)
}

/// Gives the first comment this job's text and removes the others. A job writes no text but its own, and removes nothing
/// later than that: where a later one stands, its job does the rest.
fn bring(github: &Github, post: &Post<'_>, first: &Comment, others: &[&Comment], body: &str) -> Result<Posted, PublishError> {
    let orders = others.iter().chain([&first]).map(|comment| Order::of(&comment.body));
    if orders.max() > Some(post.order) {
        return Ok(Posted::Newer);
    }
    if first.body != body {
        github.update_comment(first.id, body)?;
    }
    for other in others {
        github.delete_comment(other.id)?;
    }
    Ok(done(first))
}

/// Other jobs may have written a comment in the same moment. All see all, and keep the first with the latest text. One that
/// met others looks again: an earlier one may have been about to write.
fn settle(github: &Github, post: &Post<'_>, written: &Comment, body: &str) -> Result<Posted, PublishError> {
    let mut posted = done(written);
    for _ in 0..TRIES {
        let comments = github.comments(post.pull)?;
        let same_author = |comment: &&Comment| comment.author() == written.author() && post.key.marks(&comment.body);
        let mut own: Vec<&Comment> = comments.iter().filter(same_author).collect();
        own.sort_by_key(|comment| comment.id);
        let Some((first, others)) = own.split_first() else { break };
        posted = bring(github, post, first, others, body)?;
        if posted == Posted::Newer {
            if others.iter().any(|other| other.id == written.id) {
                github.delete_comment(written.id)?;
            }
            break;
        }
        if others.is_empty() {
            break;
        }
        github.web().wait(SETTLING);
    }
    Ok(posted)
}

/// The comments that this token wrote under this key, first one first. Anybody can write the marker.
fn own<'a>(github: &Github, key: &Key, comments: &'a [Comment]) -> Result<Vec<&'a Comment>, PublishError> {
    let mut marked: Vec<&Comment> = comments.iter().filter(|comment| key.marks(&comment.body)).collect();
    if marked.is_empty() {
        return Ok(marked);
    }
    let login = match github.viewer() {
        Ok(login) => login,
        Err(error) if error.is_missing_permission() => OF_ACTIONS.to_owned(),
        Err(error) => return Err(error.into()),
    };
    marked.retain(|comment| comment.author() == Some(&login));
    marked.sort_by_key(|comment| comment.id);
    Ok(marked)
}

fn done(comment: &Comment) -> Posted {
    Posted::Done { address: Some(comment.html_url.clone()) }
}
