//! A small HTTP server that answers as a script says, and remembers what it was asked. One thread per connection.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How much of the requests is remembered.
const REMEMBERED: usize = 200;

/// What is done with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    Answer {
        status: u16,
        body: String,
        after: Duration,
    },
    /// An answer, byte by byte as given.
    Raw(Vec<u8>),
    /// The connection is closed without an answer.
    Close,
    /// Nothing is ever answered.
    Hang,
}

/// What was asked.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET /api/products?page=1`
    pub line: String,
    /// As it came, body included.
    pub text: String,
    /// How many requests had this line before.
    pub before: u64,
}

/// A server on a free port of this machine, until it is dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    connections: AtomicU64,
    requests: AtomicU64,
    lines: Mutex<BTreeMap<String, u64>>,
    remembered: Mutex<Vec<Request>>,
}

type Script = dyn Fn(&Request) -> Reply + Send + Sync;

impl Reply {
    pub fn ok() -> Self {
        Self::status(200)
    }

    pub fn status(status: u16) -> Self {
        Self::Answer { status, body: "{}".to_owned(), after: Duration::ZERO }
    }

    pub fn json(text: &str) -> Self {
        Self::Answer { status: 200, body: text.to_owned(), after: Duration::ZERO }
    }

    /// A good answer after so many milliseconds.
    pub fn slow(millis: u64) -> Self {
        Self::Answer { status: 200, body: "{}".to_owned(), after: Duration::from_millis(millis) }
    }
}

impl Server {
    /// A server that answers everything at once and well.
    pub fn healthy() -> Self {
        Self::start(|_| Reply::ok())
    }

    pub fn start(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let script: Arc<Script> = Arc::new(script);
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.stopping.load(Ordering::SeqCst) {
                    return;
                }
                serving.connections.fetch_add(1, Ordering::SeqCst);
                let (shared, script) = (Arc::clone(&serving), Arc::clone(&script));
                thread::spawn(move || stream.map(|stream| serve(stream, &shared, &*script)));
            }
        });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections it has taken.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many requests it has read.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// The first requests that it read.
    pub fn remembered(&self) -> Vec<Request> {
        self.shared.remembered.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // The listener looks up once more.
        let _ = TcpStream::connect(self.address);
    }
}

/// Answers the requests of one connection. A client that goes away ends it.
fn serve(stream: TcpStream, shared: &Shared, script: &Script) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(text) = read_request(&mut stream)? {
        let reply = script(&shared.note(text));
        match reply {
            Reply::Answer { status, body, after } => {
                thread::sleep(after);
                let length = body.len();
                let head = format!("HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
                stream.get_mut().write_all(format!("{head}{body}").as_bytes())?;
            }
            Reply::Raw(bytes) => stream.get_mut().write_all(&bytes)?,
            Reply::Close => return Ok(()),
            Reply::Hang => {
                while !shared.stopping.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(20));
                }
            }
        }
    }
    Ok(())
}

fn read_request(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut text = String::new();
    let mut length = 0;
    while !text.ends_with("\r\n\r\n") {
        let start = text.len();
        if stream.read_line(&mut text)? == 0 {
            return Ok(None);
        }
        if let Some((name, value)) = text[start..].split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    text.push_str(&String::from_utf8_lossy(&body));
    Ok(Some(text))
}

impl Shared {
    fn note(&self, text: String) -> Request {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let line = text.split(" HTTP/").next().unwrap_or_default().to_owned();
        let mut lines = self.lines.lock().unwrap();
        let count = lines.entry(line.clone()).or_default();
        let request = Request { line, text, before: *count };
        *count += 1;
        let mut remembered = self.remembered.lock().unwrap();
        if remembered.len() < REMEMBERED {
            remembered.push(request.clone());
        }
        request
    }
}
