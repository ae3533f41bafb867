//! The load tells the truth: what a Run says is held against what the server itself received and did.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accuracy;
mod bench;
mod counts;
mod determinism;
mod ending;
mod failures;
mod freeze;
mod http2;
mod inspection;
mod journeys;
mod reading;
mod redirects;
mod retries;
mod rows;
mod server;
mod steps;
mod users;
mod wire;
