//! The one harness of these tests: a folder to work in, the program with a scrubbed environment, and servers to load.

mod browser;
mod github;
mod openapi;
mod prism;
mod program;
mod server;
mod shop;
mod skip;
#[cfg(unix)]
mod stranger;
mod turns;
mod workspace;

pub use browser::Dashboard;
pub use github::{Done, Fault, Github, OURS, REPOSITORY_ID, TOKEN};
pub use prism::Prism;
pub use program::{Ended, Running};
pub use server::{Reply, Request, Server};
pub use shop::Shop;
pub use skip::{Lacking, skip};
#[cfg(unix)]
pub use stranger::Stranger;
pub use turns::{Turn, Turns};
pub use workspace::Workspace;

/// Works on every row at the same time; a row that fails fails the test under its own name.
pub fn at_once<T: Sync>(rows: &[T], work: impl Fn(&T) + Sync) {
    std::thread::scope(|scope| {
        let working: Vec<_> = rows.iter().map(|row| scope.spawn(|| work(row))).collect();
        let failed = working.into_iter().filter_map(|row| row.join().err()).count();
        assert_eq!(failed, 0, "{failed} of {} rows failed, each told above", rows.len());
    });
}
