//! The program under a fault: a folder with a scenario that uses a secret, an environment full of canaries and proxies that
//! nobody asked for, and every run held against the invariants.

use std::ops::Deref;
use std::process::Command;
use std::time::Duration;

use crate::invariants::{Bounds, hold};
use crate::support::{Ended, Running, Server, Workspace};

/// With characters that every encoding changes. Each way in which a secret comes to us has its own.
pub const CANARIES: [(&str, &str); 4] = [
    ("SHOP_TOKEN", "c4nary-h/eader+1?\"x"),
    ("SHOP_PASSWORD", "c4nary-b/ody+2?\"x"),
    ("GITHUB_TOKEN", "c4nary-g/ithub+3?\"x"),
    ("ACTIONS_RUNTIME_TOKEN", "c4nary-r/untime+4?\"x"),
];

const SCENARIO: &str = r#"version: 1
name: shop
target: TARGET
env: [SHOP_TOKEN, SHOP_PASSWORD]
load: {users: 20, hold: 1s}
think: 20ms
http: {headers: {authorization: "Bearer ${env.SHOP_TOKEN}"}}
tasks:
  - steps: [{get: /api/products}]
"#;

const THRESHOLDS: &str = "version: 1\nscenario: shop\ndefaults: {p95: 400ms, failures: 1%}\n";

/// One fault, tried on the program.
pub struct Trial {
    workspace: Workspace,
    /// A host that nothing has declared; proxies of the environment lead to it.
    stranger: Server,
    bounds: Bounds,
}

impl Trial {
    /// With `shop.yaml`, twenty users for a second, and `thresholds/shop.yaml`, which any fast server keeps.
    pub fn on(target: &str) -> Self {
        let trial = Self::empty();
        trial.write("shop.yaml", &SCENARIO.replace("TARGET", target));
        trial.write("thresholds/shop.yaml", THRESHOLDS);
        trial
    }

    /// In an empty folder.
    pub fn empty() -> Self {
        let stranger = Server::healthy();
        let mut workspace = Workspace::empty();
        for (name, value) in CANARIES {
            workspace.set_variable(name, value);
        }
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
            workspace.set_variable(name, &stranger.url());
        }
        Self { workspace, stranger, bounds: Bounds::default() }
    }

    /// A longer load than usual: how long all loads of one run may take together, by plan.
    pub fn planned(mut self, planned: Duration) -> Self {
        self.bounds.planned = planned;
        self
    }

    /// Another ceiling for its memory, in MiB.
    pub fn within_mebibytes(mut self, mebibytes: u64) -> Self {
        self.bounds.peak_rss = mebibytes * 1024 * 1024;
        self
    }

    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.workspace.set_variable(name, value);
    }

    /// Runs the program to its end; arguments are split at white space.
    #[track_caller]
    pub fn perfgate(&self, arguments: &str) -> Ended {
        self.run(|| self.workspace.command(arguments))
    }

    /// The same with a command of its own.
    #[track_caller]
    pub fn run(&self, command: impl Fn() -> Command) -> Ended {
        self.hold(self.workspace.run(command))
    }

    /// That a program which was started by itself kept the invariants to its end.
    #[track_caller]
    pub fn ended(&self, running: Running) -> Ended {
        self.hold(running.end())
    }

    #[track_caller]
    fn hold(&self, ended: Ended) -> Ended {
        hold(&self.workspace, &ended, &self.bounds);
        assert_eq!(self.stranger.connections(), 0, "V8: a host that nothing has declared was connected to");
        ended
    }
}

impl Deref for Trial {
    type Target = Workspace;

    fn deref(&self) -> &Workspace {
        &self.workspace
    }
}
