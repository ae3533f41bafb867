//! What the bytes of an HTTP/1.1 answer come to: the load's own reader on a stream in memory, so that it can be held against
//! any bytes, and against other readers, without a socket.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::exchange::{Answer, BodyUse, ExchangeError};
use super::http1;
use crate::scenario::Method;

/// What follows the last byte of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    Closes,
    StaysOpen,
}

/// What the bytes of an answer come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    Answer {
        status: u16,
        body: Vec<u8>,
        /// Whether the connection may carry another request.
        reusable: bool,
    },
    /// More bytes are needed.
    Waits,
    /// The stream ended too early.
    Closed { answer_begun: bool },
    /// It is not an answer as the load accepts it, and why.
    Refused(&'static str),
    /// The body is larger than the cap.
    TooLarge,
}

/// Reads the answer to a request of this method that comes in these parts, one read each.
#[must_use]
pub fn read_answer(method: Method, parts: &[&[u8]], end: StreamEnd, body_cap: u64) -> Reading {
    let parts = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    let mut stream = Memory { parts, end };
    let mut buffer = Vec::new();
    // A stream in memory wakes nobody: what is not ready at once never will be.
    let read =
        pin!(http1::exchange(&mut stream, b"", method, BodyUse::Keep, body_cap, &mut buffer)).poll(&mut Context::from_waker(Waker::noop()));
    match read {
        Poll::Pending => Reading::Waits,
        // What comes later, unasked, makes a connection stale: it carries no other request.
        Poll::Ready(Ok(Answer { status, body, reusable, .. })) => {
            Reading::Answer { status, body, reusable: reusable && stream.parts.is_empty() }
        }
        Poll::Ready(Err(ExchangeError::Closed { answer_begun, .. })) => Reading::Closed { answer_begun },
        Poll::Ready(Err(ExchangeError::Protocol(why))) => Reading::Refused(why),
        Poll::Ready(Err(ExchangeError::TooLarge)) => Reading::TooLarge,
    }
}

/// Bytes to be read; what is written is nobody's concern.
struct Memory<'a> {
    parts: VecDeque<&'a [u8]>,
    end: StreamEnd,
}

impl AsyncRead for Memory<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(part) = self.parts.pop_front() else {
            return if self.end == StreamEnd::Closes { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        let (now, later) = part.split_at(part.len().min(into.remaining()));
        into.put_slice(now);
        if !later.is_empty() {
            self.parts.push_front(later);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
