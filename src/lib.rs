//! The performance gate: loads a staging environment, judges every endpoint against thresholds and a baseline, and ends
//! with an exit code that a pipeline can act on.
//!
//! ```text
//! scenario -> plan -> load -> RUN -> gate -> verdict -> report
//!                              ^ ^
//!                     import --+ baseline = Runs kept to compare with
//! ```
//!
//! Everything meets in the [`run::Run`]. The parts that fill it (load, import) and the parts that read it (gate, baseline,
//! report) do not know each other. Before an arrow is added, ask whether the Run could carry the information.
//!
//! # Words
//!
//! One word has one meaning, in file names, types, flags, messages and documentation.
//!
//! | word | meaning |
//! |---|---|
//! | Scenario | what the user wrote: users, tasks, steps, load |
//! | Endpoint | the label that requests are counted and judged under: `METHOD name` |
//! | Plan | the scenario resolved: which step is due when, and when it ends |
//! | Schedule | due times as a pure function of elapsed time |
//! | Load | sending the requests; [`load::drive`] does it |
//! | Run | all that one load measured; the artifact |
//! | Baseline | the Runs to compare with, and why those |
//! | Digest | of a Run, what later runs need to know to be compared with it |
//! | Threshold, Finding, Verdict | one limit; one limit judged; all findings and the outcome |
//! | Report, publish | a verdict written for a reader; bringing it to where people look |
//! | History | the kept Runs and what came of them, over time |
//! | Live, Feed | a Run that is not finished, as a browser sees it; how it gets there |
//!
//! # Layers
//!
//! Imports go down only, without circles. `tests/architecture.rs` holds this table.
//!
//! | layer | modules | may import |
//! |---|---|---|
//! | 7 | `main.rs` | `cli`, `commands` |
//! | 6 | [`commands`] | everything below |
//! | 5 | [`dashboard`] | `report`, `history`, `gate`, `run`, `stats`, `exit`, `files`, `units` |
//! | 4 | [`publish`] | `gate`, `github`, `web`, `files`, `exit` |
//! | 4 | [`report`] | `gate`, `run`, `stats`, `exit`, `units` |
//! | 3 | [`gate`] | `run`, `stats`, `document`, `exit`, `units` |
//! | 3 | [`load`] | `plan`, `run`, `scenario`, `stats`, `units` |
//! | 3 | [`demo`], [`selftest`] | nothing of ours |
//! | 3 | [`history`] | `baseline`, `run`, `files`, `units` |
//! | 3 | [`baseline`] | `run`, `stats`, `github`, `web`, `files`, `parallel`, `exit`, `units` |
//! | 3 | [`import`] | `run`, `stats`, `files`, `units` |
//! | 3 | [`init`] | `plan`, `scenario`, `document`, `endpoint`, `units` |
//! | 2 | [`plan`] | `scenario`, `endpoint`, `units` |
//! | 2 | [`run`] | `stats`, `endpoint`, `files`, `parallel`, `units` |
//! | 1 | [`scenario`] | `document`, `endpoint`, `files`, `redact`, `units` |
//! | 1 | [`stats`], [`cli`] | `units` |
//! | 0 | [`github`] | `web` |
//! | 0 | [`document`] | `files` |
//! | 0 | [`units`], [`exit`], [`files`], [`endpoint`], [`ci`], [`web`], [`redact`], [`parallel`] | nothing of ours |
//!
//! - `plan`, `stats`, `gate`, `report` and `init` are pure: no I/O, no clock, no environment. Thresholds are read through `document`.
//! - The members of a family, which are the stores of `baseline`, the tools of `import`, the formats of `report` and the places of `publish`, do not import each other.
//! - Each outside crate that shapes a part has one door: clap in `cli`, the YAML reader in `document`, httparse and hyper in `load`,
//!   octocrab in `github`, the parser of Python in `init/python.rs`.
//!   The environment, the streams and the exit are touched in `commands/context.rs` and `main.rs` only.

/// Runs that are kept, where they are kept, and whether one may become a baseline.
pub mod baseline;
/// Which CI job this is.
pub mod ci;
/// What can be typed.
pub mod cli;
/// One file per verb: arguments, the flow, an exit code.
pub mod commands;
/// Runs in a browser: live, kept, compared.
pub mod dashboard;
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
/// GitHub's API, as far as it is used.
pub mod github;
/// The index of kept runs.
pub mod history;
/// Other tools' results as a Run.
pub mod import;
/// First files for a newcomer, drafted from what is there.
pub mod init;
/// From a Plan to a Run; holds the only sockets to the target.
pub mod load;
/// The same work for many things, on all cores.
pub mod parallel;
/// Who sends what when, without a clock.
pub mod plan;
/// From a rendered verdict to where people look, one file per place.
pub mod publish;
/// Values that must not be shown, blanked in every way to write them.
pub mod redact;
/// From a Verdict to text, one file per format.
pub mod report;
/// What was measured, and its file form.
pub mod run;
/// From a scenario file to a checked Scenario; the guard.
pub mod scenario;
/// A proxy that makes a target worse in a known way.
pub mod selftest;
/// Histograms and percentiles, and how sure a number is.
pub mod stats;
/// Durations, rates, shares and percentiles, each with its unit.
pub mod units;
/// HTTP to services other than the target.
pub mod web;
