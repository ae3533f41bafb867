//! The action and the workflows, step by step as a runner takes them: environment files, inputs, conditions, outcomes.
//! The scripts run with the true bash; other people's actions are stood in for, and nothing reaches the network.
#![cfg(unix)]
#![cfg(test)]

mod cancel;
mod forks;
mod inputs;
mod install;
mod newcomer;
mod outcomes;
mod release;
#[path = "../program/support/skip.rs"]
#[expect(dead_code, reason = "what only other tests lack")]
mod skip;
mod support;
mod tools;
mod workflows;
