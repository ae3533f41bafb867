//! What an exchange of a request for an answer gives, whichever protocol carried it.

use std::mem::MaybeUninit;
use std::time::Instant;

/// How many header lines an answer may have.
pub const HEADER_COUNT: usize = 128;

/// Whether the body is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyUse {
    Count,
    Keep,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// When its first byte and its last byte had been read.
    pub first_byte: Instant,
    pub done: Instant,
    /// Body bytes, as they came.
    pub bytes: u64,
    /// Length of the head at the beginning of the buffer, as HTTP/1.1 text: see [`headers`].
    pub head_length: usize,
    /// The body where it was asked for.
    pub body: Vec<u8>,
    /// Whether the connection may carry another request.
    pub reusable: bool,
    pub sets_cookies: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum ExchangeError {
    /// The connection ended or was reset.
    Closed {
        /// Whether any byte of an answer had come.
        answer_begun: bool,
        /// Whether any byte of the request had been taken.
        request_begun: bool,
    },
    /// The answer is not HTTP/1.1 as we accept it.
    Protocol(&'static str),
    /// The body is larger than the cap.
    TooLarge,
}

/// Calls `see` with name and value of each header of an answer's head, as it stands at the beginning of the buffer.
pub fn headers(head: &[u8], mut see: impl FnMut(&str, &[u8])) {
    let mut lines = [const { MaybeUninit::uninit() }; HEADER_COUNT];
    let mut response = httparse::Response::new(&mut []);
    if httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut response, head, &mut lines).is_ok() {
        for header in response.headers.iter() {
            see(header.name, header.value);
        }
    }
}

/// What comes of a body's bytes.
#[derive(Debug)]
pub struct Sink {
    pub body: Vec<u8>,
    pub bytes: u64,
    body_use: BodyUse,
    pub cap: u64,
}

impl Sink {
    #[must_use]
    pub fn new(body_use: BodyUse, cap: u64) -> Self {
        Self { body: Vec::new(), bytes: 0, body_use, cap }
    }

    /// Takes the next part of the body.
    ///
    /// # Errors
    /// [`ExchangeError::TooLarge`] where the cap is passed.
    pub fn take(&mut self, part: &[u8]) -> Result<(), ExchangeError> {
        self.bytes += part.len() as u64;
        if self.bytes > self.cap {
            return Err(ExchangeError::TooLarge);
        }
        if self.body_use == BodyUse::Keep {
            self.body.extend_from_slice(part);
        }
        Ok(())
    }
}
