//! A target on one thread that answers every request head at once: what a request costs its client is to be seen, not this.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::SystemTime;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use super::{BODY, QUESTION, answer};

/// What is read at once; more than any head.
const BUFFER_SIZE: usize = 4096;

/// What the target has seen.
#[derive(Debug, Default)]
struct Seen {
    requests: Cell<u64>,
    first: Cell<Option<SystemTime>>,
}

pub fn serve(listener: std::net::TcpListener) -> io::Result<()> {
    // Raised as far as it goes: each user of the other side is a descriptor here.
    let _ = perfgate::load::descriptor_limit();
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::from_std(listener)?;
        let seen = Rc::new(Seen::default());
        let usual: Rc<[u8]> = answer(BODY).into();
        loop {
            let (stream, _) = listener.accept().await?;
            let (seen, usual) = (Rc::clone(&seen), Rc::clone(&usual));
            tokio::task::spawn_local(async move { converse(stream, &seen, &usual).await });
        }
    })
}

/// Answers one connection's requests until it ends.
async fn converse(mut stream: TcpStream, seen: &Seen, usual: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; BUFFER_SIZE];
    let mut filled = 0;
    loop {
        let count = stream.read(&mut buffer[filled..]).await?;
        if count == 0 {
            return Ok(());
        }
        filled += count;
        let mut begin = 0;
        while let Some(length) = head_length(&buffer[begin..filled]) {
            if buffer[begin..filled].starts_with(QUESTION) {
                return stream.write_all(&seen.tell(&buffer[begin + QUESTION.len()..filled])).await;
            }
            seen.note();
            stream.write_all(usual).await?;
            begin += length;
        }
        buffer.copy_within(begin..filled, 0);
        filled -= begin;
    }
}

/// Up to the empty line; `None` where it has not come.
fn head_length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

impl Seen {
    fn note(&self) {
        if self.requests.replace(self.requests.get() + 1) == 0 {
            self.first.set(Some(SystemTime::now()));
        }
    }

    /// The answer to a question: `count`, or `first` for the time of the first request in nanoseconds since 1970.
    fn tell(&self, question: &[u8]) -> Vec<u8> {
        let since_1970 = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        if question.starts_with(b"first") {
            return answer(&self.first.get().map_or(0, since_1970).to_string());
        }
        answer(&self.requests.get().to_string())
    }
}
