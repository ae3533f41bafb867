//! Whatever CI, staging and hostile input can do to a gate: each row of `catalogue/` is proven by a named test, and every
//! run of the program in these tests is held against the invariants. The rows are listed in `tests/FAULTS.md`.
#![cfg(test)]

mod catalogue;
mod determinism;
mod dns;
mod invariants;
mod load;
mod process;
mod resources;
#[path = "../truth/server.rs"]
#[expect(dead_code, reason = "what only the tests of the load ask of it")]
mod server;
mod shell;
#[path = "../program/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "what only the tests of the program ask of it")]
mod support;
mod target;
mod tls;
mod torture;
mod trial;
