//! One HTTP/2 exchange, on a connection that may carry many at once. The protocol is hyper's; this is the same request and
//! the same answer as over HTTP/1.1.

use std::future::Future;
use std::io;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::exchange::{Answer, BodyUse, ExchangeError, HEADER_COUNT, Sink};
use crate::scenario::Scheme;

/// Headers that belong to an HTTP/1.1 connection and may not stand in an HTTP/2 request; the host goes with the address.
const CONNECTION_HEADERS: [&str; 5] = ["host", "connection", "keep-alive", "transfer-encoding", "upgrade"];

/// The sending side of a connection; clones share the connection.
#[derive(Debug, Clone)]
pub struct Streams {
    sender: SendRequest<Full<Bytes>>,
    scheme: Scheme,
}

/// Runs hyper's tasks on the thread of the load.
#[derive(Debug, Clone, Copy)]
struct LocalExecutor;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}

impl Streams {
    /// Shakes hands on an open connection. Must be called inside a `LocalSet`.
    ///
    /// # Errors
    /// Where the other side does not speak HTTP/2.
    pub async fn open<S: AsyncRead + AsyncWrite + Unpin + 'static>(stream: S, scheme: Scheme) -> io::Result<Self> {
        let (sender, connection) = http2::handshake(LocalExecutor, TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::task::spawn_local(async {
            // What ends the connection ends its requests too, and is counted with them.
            let _ = connection.await;
        });
        Ok(Self { sender, scheme })
    }

    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends a request that is composed as HTTP/1.1 and reads the answer; `buffer` then begins with the answer's head, as
    /// HTTP/1.1 text.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub async fn exchange(
        &mut self,
        request: &[u8],
        body_use: BodyUse,
        body_cap: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<Answer, ExchangeError> {
        let request = self.translated(request)?;
        let not_begun = |_| ExchangeError::Closed { answer_begun: false, request_begun: false };
        self.sender.ready().await.map_err(not_begun)?;
        let response = self.sender.send_request(request).await.map_err(|error| failure(&error, AnswerBegun::No))?;
        let first_byte = Instant::now();
        let sets_cookies = response.headers().contains_key("set-cookie");
        let status = response.status().as_u16();
        write_head(&response, buffer);
        let mut sink = Sink::new(body_use, body_cap);
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            if let Some(part) = frame.map_err(|error| failure(&error, AnswerBegun::Yes))?.data_ref() {
                sink.take(part)?;
            }
        }
        let Sink { body, bytes, .. } = sink;
        let reusable = !self.sender.is_closed();
        Ok(Answer { status, first_byte, done: Instant::now(), bytes, head_length: buffer.len(), body, reusable, sets_cookies })
    }

    fn translated(&self, request: &[u8]) -> Result<Request<Full<Bytes>>, ExchangeError> {
        const BAD: ExchangeError = ExchangeError::Protocol("a request that HTTP/2 cannot carry");
        let mut lines = [httparse::EMPTY_HEADER; HEADER_COUNT];
        let mut parsed = httparse::Request::new(&mut lines);
        let Ok(httparse::Status::Complete(head_length)) = parsed.parse(request) else { return Err(BAD) };
        let host = parsed.headers.iter().find(|header| header.name == "host").and_then(|header| std::str::from_utf8(header.value).ok());
        let (Some(host), Some(path)) = (host, parsed.path) else { return Err(BAD) };
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        let mut builder = Request::builder().method(parsed.method.unwrap_or_default()).uri(format!("{scheme}://{host}{path}"));
        for header in parsed.headers.iter().filter(|header| !CONNECTION_HEADERS.contains(&header.name)) {
            builder = builder.header(header.name, header.value);
        }
        builder.body(Full::new(Bytes::copy_from_slice(&request[head_length..]))).map_err(|_| BAD)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AnswerBegun {
    Yes,
    No,
}

/// A stream that was never begun may be sent again; what ended with its connection was a reset; the rest broke the protocol.
fn failure(error: &hyper::Error, begun: AnswerBegun) -> ExchangeError {
    let answer_begun = begun == AnswerBegun::Yes;
    if error.is_canceled() {
        return ExchangeError::Closed { answer_begun, request_begun: false };
    }
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<io::Error>() {
            return ExchangeError::Closed { answer_begun, request_begun: true };
        }
        source = cause.source();
    }
    if error.is_closed() || error.is_incomplete_message() {
        return ExchangeError::Closed { answer_begun, request_begun: true };
    }
    ExchangeError::Protocol("HTTP/2 stream or connection error")
}

fn write_head(response: &Response<Incoming>, buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.extend_from_slice(format!("HTTP/1.1 {} \r\n", response.status().as_u16()).as_bytes());
    for (name, value) in response.headers() {
        buffer.extend_from_slice(name.as_str().as_bytes());
        buffer.extend_from_slice(b": ");
        buffer.extend_from_slice(value.as_bytes());
        buffer.extend_from_slice(b"\r\n");
    }
    buffer.extend_from_slice(b"\r\n");
}
