//! The one harness of these tests: a runner's machine, its expressions, and the steps taken on it.

mod artifacts;
mod environment;
mod expression;
#[expect(dead_code, reason = "most faults are for the program's own tests")]
#[path = "../../program/support/github.rs"]
mod github;
mod machine;
#[path = "../../program/support/openapi.rs"]
mod openapi;
mod runner;
#[expect(dead_code, reason = "most of it is for the program's own tests")]
#[path = "../../program/support/server.rs"]
mod server;
#[path = "../../program/support/shop.rs"]
mod shop;
#[expect(dead_code, reason = "only the program's own tests have jobs that run at the same time")]
#[path = "../../program/support/turns.rs"]
mod turns;

pub use expression::text_of;
pub use github::{Github, OURS, REPOSITORY_ID, TOKEN};
pub use machine::{Machine, Program, found_on_path, repository};
pub use runner::{Ended, Runner, read_yaml, workflows};
pub use shop::Shop;
