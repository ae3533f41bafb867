//! Buildkite: an annotation of the build, handed to the agent. The same context replaces an earlier one.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{Key, Posted, PublishError};
use crate::gate::Outcome;

const AGENT: &str = "buildkite-agent";

/// Annotates the build.
///
/// # Errors
/// [`PublishError::Program`].
pub fn post(key: &Key, outcome: Outcome, text: &str) -> Result<Posted, PublishError> {
    let failed = |reason: String| PublishError::Program { program: AGENT, reason };
    let style = match outcome {
        Outcome::Pass => "success",
        Outcome::Warn | Outcome::Inconclusive => "warning",
        Outcome::Fail | Outcome::Error => "error",
    };
    let mut agent = Command::new(AGENT)
        .args(["annotate", "--style", style, "--context", &format!("perfgate-{key}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    // Dropped at the end of the statement, which closes it.
    let written = agent.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(text.as_bytes()));
    let status = agent.wait().map_err(|error| failed(error.to_string()))?;
    match (written, status.success()) {
        (_, false) => Err(failed(status.to_string())),
        (Err(error), _) => Err(failed(error.to_string())),
        _ => Ok(Posted::Done { address: None }),
    }
}
