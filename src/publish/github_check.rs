//! A check run on the commit that is reviewed.

use super::{Key, Level, Order, Posted, PublishError, Remark};
use crate::exit::ExitCode;
use crate::gate::Outcome;
use crate::github::{Annotation, CheckRun, Github, Output};

/// The most annotations that one call takes.
const ANNOTATIONS: usize = 50;

/// What the check run says.
#[derive(Debug, Clone, Copy)]
pub struct Check<'a> {
    /// The head of the pull request, never the merge commit.
    pub commit: &'a str,
    pub key: &'a Key,
    pub order: Order,
    pub outcome: Outcome,
    pub exit: ExitCode,
    pub headline: &'a str,
    /// Markdown.
    pub text: &'a str,
    pub remarks: &'a [Remark],
}

/// Creates the check run.
///
/// # Errors
/// [`PublishError`].
pub fn post(github: &Github, check: &Check<'_>) -> Result<Posted, PublishError> {
    let annotations: Vec<Annotation> = check.remarks.iter().take(ANNOTATIONS).map(annotation).collect();
    let address = github.create_check_run(&CheckRun {
        name: &format!("perfgate: {}", check.key),
        head_sha: check.commit,
        external_id: &format!("{}.{}", check.order.run, check.order.attempt),
        status: "completed",
        conclusion: conclusion(check.outcome, check.exit),
        output: Output { title: check.headline, summary: check.text, annotations: &annotations },
    })?;
    Ok(Posted::Done { address })
}

/// Red where the pipeline is red; neither where `--soft` lifted it.
const fn conclusion(outcome: Outcome, exit: ExitCode) -> &'static str {
    match (outcome, exit) {
        (Outcome::Pass | Outcome::Warn, ExitCode::Pass) => "success",
        (_, ExitCode::Pass) => "neutral",
        (_, ExitCode::AbortedByHup | ExitCode::AbortedByInt | ExitCode::AbortedByTerm) => "cancelled",
        _ => "failure",
    }
}

fn annotation(remark: &Remark) -> Annotation {
    let annotation_level = match remark.level {
        Level::Error => "failure",
        Level::Warning => "warning",
    };
    let line = remark.line.max(1);
    Annotation {
        path: remark.file.clone(),
        start_line: line,
        end_line: line,
        annotation_level,
        title: remark.title.clone(),
        message: remark.message.clone(),
    }
}
