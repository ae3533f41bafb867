//! The one harness of these tests: a runner's machine, its expressions, and the steps taken on it.

mod artifacts;
mod environment;
mod expression;
mod machine;
mod runner;
#[path = "../../program/support/shop.rs"]
mod shop;

pub use expression::text_of;
pub use machine::{Machine, Program, found_on_path, repository};
pub use runner::{Ended, Runner, read_yaml, workflows};
pub use shop::Shop;
