//! The connections that all users of a worker share: as many as the scenario says, taken in turn, waited for in order.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::load::connection::Connection;

/// Connections that are shared.
#[derive(Debug)]
pub(super) struct Pool {
    size: usize,
    /// One for each connection that is in use or being opened.
    permits: Semaphore,
    idle: RefCell<Vec<Connection>>,
    /// Connections that carry many requests at once; each is taken in turn.
    multiplexed: RefCell<VecDeque<Connection>>,
    /// How many are being opened.
    opening: Cell<usize>,
}

/// A connection to use, and the right to use one.
#[derive(Debug)]
pub struct Lease<'a> {
    /// One that is open already.
    pub connection: Option<Connection>,
    right: Right<'a>,
}

#[derive(Debug)]
enum Right<'a> {
    /// Connections are not shared.
    Own,
    /// A part in a connection that carries many requests, which is not this request's to replace.
    Part,
    /// One of the connections of the pool, open or to be opened.
    Whole { _permit: SemaphorePermit<'a>, opening: Option<Opening<'a>> },
}

/// Counts a connection that is being opened.
#[derive(Debug)]
struct Opening<'a>(&'a Pool);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.opening.set(self.0.opening.get() - 1);
    }
}

impl Lease<'_> {
    pub(super) const fn own(connection: Option<Connection>) -> Self {
        Self { connection, right: Right::Own }
    }

    /// Whether a connection may be opened in place of the one that was to be used.
    pub const fn may_open(&self) -> bool {
        !matches!(self.right, Right::Part)
    }

    /// It was opened.
    pub fn opened(&mut self) {
        if let Right::Whole { opening, .. } = &mut self.right {
            *opening = None;
        }
    }
}

impl Pool {
    pub(super) fn new(size: usize) -> Self {
        Self { size, permits: Semaphore::new(size), idle: RefCell::default(), multiplexed: RefCell::default(), opening: Cell::new(0) }
    }

    /// What is free now.
    pub(super) fn try_lease(&self) -> Option<Lease<'_>> {
        if let Some(connection) = self.next_multiplexed(self.size) {
            return Some(Lease { connection: Some(connection), right: Right::Part });
        }
        self.permits.try_acquire().ok().map(|permit| self.lease_with(permit))
    }

    /// Waits until something is free.
    pub(super) async fn lease(&self) -> Lease<'_> {
        match self.permits.acquire().await {
            Ok(permit) => self.lease_with(permit),
            Err(_) => unreachable!("nobody closes the semaphore"),
        }
    }

    fn lease_with<'a>(&'a self, permit: SemaphorePermit<'a>) -> Lease<'a> {
        // While this one waited, the others may have opened all that may be open, or be about to.
        if let Some(connection) = self.next_multiplexed(self.size.saturating_sub(self.opening.get())) {
            return Lease { connection: Some(connection), right: Right::Part };
        }
        let connection = self.take_idle();
        let opening = connection.is_none().then(|| {
            self.opening.set(self.opening.get() + 1);
            Opening(self)
        });
        Lease { connection, right: Right::Whole { _permit: permit, opening } }
    }

    /// A connection for one more request under a right that is held already.
    pub(super) fn renew(&self, lease: &mut Lease<'_>) {
        lease.connection = self.next_multiplexed(1).or_else(|| self.take_idle());
    }

    pub(super) fn keep(&self, connection: Connection) {
        // One that carries many requests is here already.
        if connection.multiplexed().is_none() {
            self.idle.borrow_mut().push(connection);
        }
    }

    /// A connection was opened: all may use it where it carries many requests.
    pub(super) fn share(&self, connection: &Connection) {
        self.multiplexed.borrow_mut().extend(connection.multiplexed());
    }

    fn take_idle(&self) -> Option<Connection> {
        self.idle.borrow_mut().pop()
    }

    /// The next of the connections that carry many requests, once so many are open.
    fn next_multiplexed(&self, least: usize) -> Option<Connection> {
        let mut open = self.multiplexed.borrow_mut();
        open.retain(|connection| !connection.is_stale());
        if open.is_empty() || open.len() < least {
            return None;
        }
        open.rotate_left(1);
        open.front().and_then(Connection::multiplexed)
    }
}
