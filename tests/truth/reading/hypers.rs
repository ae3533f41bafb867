//! What hyper's client makes of the bytes of an answer.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use perfgate::load::StreamEnd;
use perfgate::scenario::Method;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// In the words of [`super::ours`].
pub fn reading(method: Method, parts: &[&[u8]], end: StreamEnd) -> String {
    // The clock is paused: it moves on, at once, when nothing else can happen any more.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let stream =
        Scripted { parts: parts.iter().filter(|part| !part.is_empty()).map(|part| part.to_vec()).collect(), end, asked: Asked::No(None) };
    runtime.block_on(read(method, stream, end))
}

async fn read(method: Method, stream: Scripted, end: StreamEnd) -> String {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder().method(method.name()).uri("/").header("host", "a").body(Empty::<Bytes>::new()).unwrap();
    let answer = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        Ok::<_, hyper::Error>((status, response.into_body().collect().await?.to_bytes()))
    };
    let (status, body) = match tokio::time::timeout(Duration::from_secs(1), answer).await {
        Err(_) => return "waits".into(),
        Ok(Err(error)) if error.is_incomplete_message() || is_end(&error) => return "ends early".into(),
        Ok(Err(_)) => return "refused".into(),
        Ok(Ok(answer)) => answer,
    };
    // Time to notice what else has come.
    tokio::time::sleep(Duration::from_secs(1)).await;
    super::told(status, sender.is_ready() && end == StreamEnd::StaysOpen, &body)
}

/// The end of the stream within a body comes as an error of the stream.
fn is_end(error: &hyper::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof) {
            return true;
        }
        source = cause.source();
    }
    false
}

/// Says its parts once it was asked.
struct Scripted {
    parts: VecDeque<Vec<u8>>,
    end: StreamEnd,
    asked: Asked,
}

enum Asked {
    No(Option<Waker>),
    Yes,
}

impl AsyncRead for Scripted {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Asked::No(waiting) = &mut self.asked {
            *waiting = Some(context.waker().clone());
            return Poll::Pending;
        }
        let Some(mut part) = self.parts.pop_front() else {
            return if self.end == StreamEnd::Closes { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        let later = part.split_off(part.len().min(into.remaining()));
        into.put_slice(&part);
        if !later.is_empty() {
            self.parts.push_front(later);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Asked::No(Some(waiting)) = std::mem::replace(&mut self.asked, Asked::Yes) {
            waiting.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
