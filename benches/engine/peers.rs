//! Other load generators, as far as they are installed: how each is asked to send as fast as it can, and to keep a crowd.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::process::on_path;

/// Connections, users or workers of every client.
pub const CONNECTIONS: u32 = 64;

/// A k6 script: `URL` and `PAUSE` (s) come from its environment.
const K6_SCRIPT: &str = "import http from 'k6/http';
import { sleep } from 'k6';
const pause = Number(__ENV.PAUSE);
export default function () { http.get(__ENV.URL); if (pause > 0) { sleep(pause); } }
";

/// The same for Locust.
const LOCUST_FILE: &str = "import os
from locust import FastHttpUser, constant, task
class Asker(FastHttpUser):
    wait_time = constant(float(os.environ['PAUSE']))
    @task
    def ask(self):
        self.client.get('/')
";

/// A load generator that can be called by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Wrk,
    Wrk2,
    Ab,
    H2load,
    Oha,
    Hey,
    K6,
    Locust,
}

impl Peer {
    const ALL: [Self; 8] = [Self::Wrk, Self::Wrk2, Self::Ab, Self::H2load, Self::Oha, Self::Hey, Self::K6, Self::Locust];

    /// Those that are installed.
    pub fn installed() -> Vec<Self> {
        Self::ALL.into_iter().filter(|peer| on_path(peer.program()).is_some()).collect()
    }

    pub const fn program(self) -> &'static str {
        match self {
            Self::Wrk => "wrk",
            Self::Wrk2 => "wrk2",
            Self::Ab => "ab",
            Self::H2load => "h2load",
            Self::Oha => "oha",
            Self::Hey => "hey",
            Self::K6 => "k6",
            Self::Locust => "locust",
        }
    }

    /// What it says of its version; empty where it does not.
    pub fn version(self) -> String {
        let question = match self {
            Self::Wrk | Self::Wrk2 => "-v",
            Self::Ab => "-V",
            Self::K6 => "version",
            Self::H2load | Self::Oha | Self::Locust => "--version",
            Self::Hey => return self.program().to_owned(),
        };
        let output = Command::new(self.program()).arg(question).output();
        let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let words: Vec<&str> = text.lines().next().unwrap_or_default().split_whitespace().collect();
        let version = words.iter().find(|word| word.trim_start_matches(['v', '<']).starts_with(|first: char| first.is_ascii_digit()));
        format!("{} {}", self.program(), version.unwrap_or(&"of unknown version"))
    }

    /// As fast as it can, on one thread where it can be told so.
    pub fn saturating(self, url: &str, seconds: u32, folder: &Path) -> io::Result<Command> {
        let url = format!("{url}/");
        let time = seconds.to_string();
        let unit = format!("{seconds}s");
        let count = CONNECTIONS.to_string();
        let mut command = Command::new(self.program());
        match self {
            Self::Wrk => command.args(["-t", "1", "-c", &count, "-d", &unit, &url]),
            // It must have a rate; this one it never reaches.
            Self::Wrk2 => command.args(["-t", "1", "-c", &count, "-d", &unit, "-R", "1000000", &url]),
            // The number stands behind the time, which would set it to 50,000; it holds a record for each.
            Self::Ab => command.args(["-q", "-k", "-c", &count, "-t", &time, "-n", &(500_000 * u64::from(seconds)).to_string(), &url]),
            Self::H2load => command.args(["--h1", "-t", "1", "-c", &count, "-D", &time, &url]),
            Self::Oha => command.args(["--no-tui", "-c", &count, "-z", &unit, &url]),
            Self::Hey => command.args(["-cpus", "1", "-c", &count, "-z", &unit, &url]),
            Self::K6 => k6(&mut command, folder, &url, 0)?.args(["--vus", &count, "--duration", &unit]).arg(folder.join("script.js")),
            Self::Locust => locust(&mut command, folder, &url, 0)?.args(["-u", &count, "-r", &count, "-t", &unit]),
        };
        Ok(command)
    }

    /// Whether it knows users who think.
    pub const fn has_users(self) -> bool {
        matches!(self, Self::K6 | Self::Locust)
    }

    /// So many users with a connection each, who make one request and then think for ten minutes.
    pub fn crowd(self, url: &str, users: u64, folder: &Path) -> io::Result<Command> {
        let url = format!("{url}/");
        let count = users.to_string();
        let mut command = Command::new(self.program());
        match self {
            Self::K6 => k6(&mut command, folder, &url, 600)?.args(["--vus", &count, "--duration", "600s"]).arg(folder.join("script.js")),
            Self::Locust => locust(&mut command, folder, &url, 600)?.args(["-u", &count, "-r", "1000", "-t", "600s"]),
            Self::Wrk | Self::Wrk2 | Self::Ab | Self::H2load | Self::Oha | Self::Hey => return Err(io::ErrorKind::Unsupported.into()),
        };
        Ok(command)
    }
}

fn k6<'a>(command: &'a mut Command, folder: &Path, url: &str, pause: u32) -> io::Result<&'a mut Command> {
    std::fs::write(folder.join("script.js"), K6_SCRIPT)?;
    Ok(command.args(["run", "--quiet", "--env", &format!("URL={url}"), "--env", &format!("PAUSE={pause}")]))
}

fn locust<'a>(command: &'a mut Command, folder: &Path, url: &str, pause: u32) -> io::Result<&'a mut Command> {
    let file = folder.join("locustfile.py");
    std::fs::write(&file, LOCUST_FILE)?;
    let host = url.trim_end_matches('/');
    Ok(command.env("PAUSE", pause.to_string()).args(["--headless", "--only-summary", "--loglevel", "ERROR", "-H", host, "-f"]).arg(file))
}
