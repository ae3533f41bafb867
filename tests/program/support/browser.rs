//! A dashboard that the program serves, and somebody who asks it byte by byte, as no browser would.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::Workspace;

/// A dashboard that was started, and the address that it printed.
pub struct Dashboard {
    child: Child,
    /// `127.0.0.1:4711`
    pub host: String,
    pub token: String,
    said: Arc<Mutex<String>>,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// In lower case, without the status line.
    pub head: String,
    pub body: String,
}

impl Answer {
    #[track_caller]
    pub fn with(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Dashboard {
    /// Starts the program and reads the address that opens its dashboard.
    pub fn start(workspace: &Workspace, arguments: &str) -> Self {
        let mut child = workspace.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let streams: [Box<dyn std::io::Read + Send>; 2] = [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    said.lock().unwrap().extend([line.as_str(), "\n"]);
                }
            });
        }
        let begun = Instant::now();
        let url = loop {
            let found = said
                .lock()
                .unwrap()
                .split_whitespace()
                .find(|word| word.starts_with("http://") && word.contains("/?token="))
                .map(str::to_owned);
            if let Some(url) = found {
                break url;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "no address: {}", said.lock().unwrap());
            assert!(child.try_wait().unwrap().is_none(), "it ended: {}", said.lock().unwrap());
            std::thread::sleep(Duration::from_millis(10));
        };
        let (host, token) = url.trim_start_matches("http://").split_once("/?token=").unwrap();
        Self { child, host: host.to_owned(), token: token.to_owned(), said }
    }

    /// What it has written so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends a request as it stands, and reads one answer to its end.
    pub fn send(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        // A connection that is cut off where the answer stands already is as good as one that is closed.
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let (_, head) = head.split_once("\r\n").unwrap_or_default();
        let head: Vec<String> = head
            .lines()
            .map(|line| line.split_once(": ").map_or(line.to_owned(), |(name, value)| format!("{}: {value}", name.to_ascii_lowercase())))
            .collect();
        let body = if head.iter().any(|line| line == "transfer-encoding: chunked") { unchunked(body) } else { body.to_owned() };
        Answer { status, head: head.join("\n"), body }
    }

    /// A request with the right host, and these headers.
    pub fn ask(&self, line: &str, headers: &str, body: &str) -> Answer {
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        self.send(&format!("{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}{length}\r\n{body}", self.host))
    }

    /// Opens it with the token; the header that a browser sends from then on.
    pub fn open(&self) -> String {
        let answer = self.ask(&format!("GET /?token={}", self.token), "", "").with(303);
        format!("Cookie: {}\r\n", answer.header("set-cookie").unwrap().split(';').next().unwrap())
    }

    /// Reads a stream of events until one has this name, and returns the data of the one before of every name.
    pub fn follow(&self, path: &str, cookie: &str, until: &str) -> Vec<(String, String)> {
        let mut stream = self.connect();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", self.host).as_bytes()).unwrap();
        let (mut events, mut name) = (Vec::new(), String::new());
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Some(event) = line.strip_prefix("event: ") {
                event.clone_into(&mut name);
            } else if let Some(told) = line.strip_prefix("data: ") {
                events.push((name.clone(), told.to_owned()));
                if name == until {
                    return events;
                }
            }
        }
        panic!("the stream ended without `{until}`: {events:?}");
    }

    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// CPU time that its thread of this name has used; `None` where the system does not tell.
    pub fn computed_by(&self, thread: &str) -> Option<Duration> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).ok()?;
        let named = |folder: &std::path::PathBuf| std::fs::read_to_string(folder.join("comm")).is_ok_and(|name| name.trim() == thread);
        let folder = threads.flatten().map(|entry| entry.path()).find(named)?;
        let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
        let ticks: Vec<u64> = stat.rsplit(')').next()?.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
        Some(Duration::from_millis(10 * ticks.iter().sum::<u64>()))
    }

    /// Waits for its end: the code, and how long that took.
    pub fn end(&mut self) -> (i32, Duration) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code().unwrap_or(-1), begun.elapsed());
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not end: {}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The parts of a chunked body put together.
fn unchunked(body: &str) -> String {
    let (mut rest, mut whole) = (body.as_bytes(), Vec::new());
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let Ok(length) = usize::from_str_radix(&String::from_utf8_lossy(&rest[..end]), 16) else { break };
        let Some(part) = rest.get(end + 2..end + 2 + length).filter(|_| length > 0) else { break };
        whole.extend_from_slice(part);
        rest = rest.get(end + 2 + length + 2..).unwrap_or_default();
    }
    String::from_utf8_lossy(&whole).into_owned()
}
