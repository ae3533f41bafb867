//! The one comment of a gate where people talk about a change. Created once, whatever the network does and however many
//! jobs write at the same time; updated by later runs, never by earlier ones.

use std::time::Duration;

use super::{Key, Order, Posted, PublishError};

/// How often a comment is created where nobody knows what became of the first try.
const TRIES: u32 = 3;
/// Until a comment that was created shows up in the list.
const SETTLING: Duration = Duration::from_secs(1);

/// A comment that stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comment {
    /// A comment that was created later has a higher one.
    pub(super) id: u64,
    pub(super) body: String,
    pub(super) address: Option<String>,
}

/// Where the comments of one change are, seen by one account.
pub(super) trait Board {
    /// The comments that this account wrote under this key. Anybody can write the marker.
    fn own(&self, key: &Key) -> Result<Vec<Comment>, PublishError>;

    /// Where the error [is uncertain](PublishError::is_uncertain), it may stand there nevertheless.
    fn create(&self, body: &str) -> Result<Comment, PublishError>;

    fn update(&self, id: u64, body: &str) -> Result<(), PublishError>;

    /// One that is gone is removed.
    fn delete(&self, id: u64) -> Result<(), PublishError>;

    fn wait(&self, time: Duration);
}

/// Brings the one comment up to date. Where the comments could not be listed whole, nothing is written.
pub(super) fn post(board: &impl Board, key: &Key, order: Order, text: &str) -> Result<Posted, PublishError> {
    let job = Job { board, key, order, body: key.mark(order, text) };
    for _ in 0..TRIES {
        if let Some((first, others)) = job.own()?.split_first() {
            return job.renew(first, others);
        }
        match board.create(&job.body) {
            Ok(created) => return job.settle(&created),
            // The list tells.
            Err(error) if error.is_uncertain() => board.wait(SETTLING),
            Err(error) => return Err(error),
        }
    }
    match job.own()?.split_first() {
        Some((first, others)) => job.renew(first, others),
        None => Err(PublishError::Unexpected { what: "comment", problem: format!("{TRIES} tries, and no comment stands there") }),
    }
}

/// One job with something to say.
struct Job<'a, B> {
    board: &'a B,
    key: &'a Key,
    order: Order,
    body: String,
}

impl<B: Board> Job<'_, B> {
    /// First one first.
    fn own(&self) -> Result<Vec<Comment>, PublishError> {
        let mut own = self.board.own(self.key)?;
        own.sort_by_key(|comment| comment.id);
        Ok(own)
    }

    /// Brings what stood there up to date. A job that wrote looks again: an earlier one may have looked before that, and
    /// write after it.
    fn renew(&self, first: &Comment, others: &[Comment]) -> Result<Posted, PublishError> {
        let posted = self.bring(first, others)?;
        if posted == Posted::Newer || first.body == self.body {
            return Ok(posted);
        }
        self.board.wait(SETTLING);
        self.settle(first)
    }

    /// Gives the first comment this job's text and removes the others. A job writes no text but its own, and removes
    /// nothing later than that: where a later one stands, its job does the rest.
    fn bring(&self, first: &Comment, others: &[Comment]) -> Result<Posted, PublishError> {
        let orders = others.iter().chain([first]).map(|comment| Order::of(&comment.body));
        if orders.max() > Some(self.order) {
            return Ok(Posted::Newer);
        }
        if first.body != self.body {
            self.board.update(first.id, &self.body)?;
        }
        for other in others {
            self.board.delete(other.id)?;
        }
        Ok(done(first))
    }

    /// Other jobs may have written a comment in the same moment. All see all, and keep the first with the latest text. One
    /// that met others looks again: an earlier one may have been about to write.
    fn settle(&self, written: &Comment) -> Result<Posted, PublishError> {
        let mut posted = done(written);
        for _ in 0..TRIES {
            let own = self.own()?;
            let Some((first, others)) = own.split_first() else { break };
            posted = self.bring(first, others)?;
            if posted == Posted::Newer {
                if others.iter().any(|other| other.id == written.id) {
                    self.board.delete(written.id)?;
                }
                break;
            }
            if others.is_empty() {
                break;
            }
            self.board.wait(SETTLING);
        }
        Ok(posted)
    }
}

fn done(comment: &Comment) -> Posted {
    Posted::Done { address: comment.address.clone() }
}
