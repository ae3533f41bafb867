//! The crate grows with its parts; this is what is there so far.

/// Runs that are kept, where they are kept, and whether one may become a baseline.
pub mod baseline;
/// What can be typed.
pub mod cli;
/// One file per verb: arguments, the flow, an exit code.
pub mod commands;
/// A small shop to load, healthy or with one known regression.
pub mod demo;
/// YAML as a person wrote it, with errors that show the line; shared by scenarios and thresholds.
pub mod document;
/// What part an endpoint plays; the word is needed by the scenario and by the Run.
pub mod endpoint;
/// The exit codes, which are an interface.
pub mod exit;
/// Files that are whole or not there, and reading with a cap.
pub mod files;
/// From a Run to a Verdict.
pub mod gate;
/// From a Plan to a Run; holds the only sockets to the target.
pub mod load;
/// Who sends what when, without a clock.
pub mod plan;
/// From a Verdict to text, one file per format.
pub mod report;
/// What was measured, and its file form.
pub mod run;
/// From a scenario file to a checked Scenario; the guard.
pub mod scenario;
/// Histograms and percentiles.
pub mod stats;
/// Durations, rates, shares and percentiles, each with its unit.
pub mod units;
