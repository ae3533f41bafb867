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
mod support;
mod tools;
mod workflows;
