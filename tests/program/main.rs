//! The whole program at the boundary that a user touches: arguments and files in; exit code, streams and files out;
//! against real servers on loopback. What the parts do inside is tested beside them.
#![cfg(test)]

mod bad_input;
mod check;
mod comment_markdown;
mod dashboard;
mod each;
mod examples;
mod files;
mod github;
mod github_baseline;
mod github_forks;
mod hostile_files;
mod hostile_input;
mod hostile_text;
mod imports;
mod init;
mod kept_runs;
mod newcomers;
mod other_ci;
mod schemas;
mod secrets;
mod side_by_side;
mod signals;
mod suggest;
mod support;
mod unavailable;
mod verbs;
