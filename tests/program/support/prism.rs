//! Prism before the stub: an implementation of GitHub's description that is not ours judges what is sent and answered.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Lacking, skip};

/// Where its program is; `.ci/run` installs it.
const VARIABLE: &str = "PERFGATE_PRISM";
const READY: Duration = Duration::from_secs(60);

/// A proxy that answers what does not fit with an error of its own.
pub struct Prism {
    child: Child,
    url: String,
}

impl Prism {
    /// Before `upstream`; `None` where it is not installed and nobody insists.
    pub fn before(upstream: &str) -> Option<Self> {
        let Some(program) = std::env::var_os(VARIABLE) else {
            skip(Lacking::Tool("Prism, whose place `PERFGATE_PRISM` says"));
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let description = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/github/openapi-subset.json");
        let mut command = Command::new("node");
        command.arg(program).args(["proxy", description, upstream, "--errors", "-h", "127.0.0.1", "-p", &port.to_string()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut prism = Self { child, url: format!("http://127.0.0.1:{port}") };
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(prism.child.try_wait().unwrap().is_none(), "Prism ended");
            assert!(started.elapsed() < READY, "Prism does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(prism)
    }

    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
