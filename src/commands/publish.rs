//! `perfgate publish DIR`: the second half of the flow that is safe for forks. The folder came from code that nobody has
//! reviewed: its figures are read with limits and rendered anew, its texts are shown as text, and where it is posted
//! does not depend on it.

use std::path::{Path, PathBuf};

use super::context::World;
use super::error::CommandError;
use super::publishing::{Finished, Publishing, write_outputs};
use super::reproduce::stored_run_command;
use super::surroundings::Surroundings;
use crate::ci::RunEvent;
use crate::cli::PublishArgs;
use crate::exit::ExitCode;
use crate::files::read_capped;
use crate::gate::{Outcome, Reason, Verdict};
use crate::github::{Github, Pull};
use crate::report::{Subject, headline, summary_of_all};
use crate::run::{RUN_FILE_NAME, Run, read_run};

/// The largest file that is read of somebody else.
const FILE_CAP: u64 = 16 * 1024 * 1024;
/// How many scenarios one folder may hold.
const SCENARIOS: usize = 20;
/// How many findings, reasons and the like one verdict may hold.
const ENTRIES: usize = 50_000;

pub fn publish(world: &mut World, args: &PublishArgs) -> Result<ExitCode, CommandError> {
    let around = Surroundings::look(world)?;
    let publishing = Publishing::plan(world, &args.publishing, &around, None)?;
    let run = around.event.as_ref().and_then(|event| event.workflow_run.as_ref());
    let mut results = read_results(&args.results)?;
    if let Some(run) = run {
        for (verdict, measured) in &mut results {
            set_straight(verdict, measured, run);
        }
    }
    let publishing = match (run, args.publishing.pr, around.github.as_ref()) {
        (Some(run), None, Some(github)) => {
            let pull = pull_of(github, run)?;
            world.note(&format!("pull request {} of {}", pull.number, github.repository()));
            publishing.to(pull.number, &run.head_sha)
        }
        _ => publishing,
    };
    let commands: Vec<String> = results.iter().map(|(_, run)| stored_run_command(Path::new("DIR"), run)).collect();
    let subjects = results.iter().zip(&commands).map(|((verdict, run), reproduce)| Subject { verdict, run, reproduce });
    let subjects: Vec<Subject<'_>> = subjects.collect();
    let summary = summary_of_all(&subjects);
    let Some(worst) = subjects.iter().map(|subject| subject.verdict).reduce(worse) else { return Ok(ExitCode::Usage) };
    let finished = Finished {
        summary: &summary,
        headline: &headline(worst),
        outcome: worst.outcome,
        exit: worst.exit(),
        remarks: &[],
        folder: &args.results,
    };
    let published = publishing.publish(world, &around, &finished);
    write_outputs(world, &[("comment-url", published.address.unwrap_or_default())]);
    Ok(published.code.unwrap_or(ExitCode::Pass))
}

fn worse<'a>(one: &'a Verdict, other: &'a Verdict) -> &'a Verdict {
    if one.exit().worse(other.exit()) == one.exit() { one } else { other }
}

/// The one open pull request whose head is the very commit, branch and repository that was run. Its number is in no file.
fn pull_of(github: &Github, run: &RunEvent) -> Result<Pull, CommandError> {
    let unproven = |why: &str| CommandError::Unproven { why: why.to_owned() };
    let (repository, owner) = run.head_repository().ok_or_else(|| unproven("the repository that was run is gone"))?;
    let branch = run.head_branch.as_deref().ok_or_else(|| unproven("the run was of no branch"))?;
    let pulls = github.pulls_of_branch(owner, branch)?;
    let mut proven = pulls.into_iter().filter(|pull| {
        pull.state == "open"
            && pull.head.sha == run.head_sha
            && pull.head.branch == branch
            && pull.head.repository_id() == Some(repository)
            && pull.base.repository_id() == Some(run.repository_id())
    });
    match (proven.next(), proven.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(unproven("no open one has this commit as its head")),
        (Some(_), Some(_)) => Err(unproven("more than one has this commit as its head")),
    }
}

/// What is known for certain takes the place of what the files say.
fn set_straight(verdict: &mut Verdict, measured: &mut Run, run: &RunEvent) {
    for (commit, branch) in
        [(&mut verdict.run.commit, &mut verdict.run.branch), (&mut measured.environment.commit, &mut measured.environment.branch)]
    {
        *commit = Some(run.head_sha.clone());
        branch.clone_from(&run.head_branch);
    }
    if run.is_from_fork() {
        let text = "measured by a workflow of a fork, which could have written any figures: see it as a hint".to_owned();
        verdict.reasons.push(Reason { code: "advisory".to_owned(), text });
    }
}

/// The verdict and run of a folder, or of every folder in it.
fn read_results(folder: &Path) -> Result<Vec<(Verdict, Run)>, CommandError> {
    let mut folders = vec![folder.to_owned()];
    if !is_plain_file(&folder.join("verdict.json")) {
        folders = std::fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default();
        folders.retain(|folder| is_plain_folder(folder) && is_plain_file(&folder.join("verdict.json")));
        folders.sort();
    }
    if folders.is_empty() || folders.len() > SCENARIOS {
        return Err(CommandError::Usage {
            text: format!("{} holds {} results, 1 to {SCENARIOS} can be published", folder.display(), folders.len()),
            hint: "name the folder that `perfgate check --out` wrote".to_owned(),
        });
    }
    folders.iter().map(|folder| read_result(folder)).collect()
}

fn read_result(folder: &Path) -> Result<(Verdict, Run), CommandError> {
    let path = folder.join("verdict.json");
    let bytes = read_plain(&path)?;
    let verdict: Verdict = serde_json::from_slice(&bytes).map_err(|source| CommandError::VerdictFile { path: path.clone(), source })?;
    let Verdict { reasons, findings, self_checks, format, .. } = &verdict;
    let too_many =
        [reasons.len(), findings.len(), self_checks.len(), verdict.run.overrides.len()].into_iter().any(|length| length > ENTRIES);
    if format != "perfgate-verdict" || too_many {
        return Err(CommandError::Usage {
            text: format!("{} is not a verdict", path.display()),
            hint: "name the folder that `perfgate check --out` wrote".to_owned(),
        });
    }
    let run = read_run(&read_plain(&folder.join(RUN_FILE_NAME))?)?;
    Ok((consistent(verdict), run))
}

/// A verdict whose headline follows from its findings: a file may say `pass` over a breach.
fn consistent(mut verdict: Verdict) -> Verdict {
    let breached = verdict.findings.iter().any(|finding| finding.outcome == crate::gate::FindingOutcome::Fail);
    if breached && matches!(verdict.outcome, Outcome::Pass | Outcome::Warn) {
        verdict.outcome = Outcome::Fail;
        verdict.exit_code = ExitCode::GateFailed.number();
    }
    verdict
}

/// No link is followed out of the folder.
fn read_plain(path: &Path) -> Result<Vec<u8>, CommandError> {
    if !is_plain_file(path) {
        return Err(CommandError::Usage {
            text: format!("{} is missing, or is no plain file", path.display()),
            hint: "name the folder that `perfgate check --out` wrote".to_owned(),
        });
    }
    read_capped(path, FILE_CAP).map_err(CommandError::NotRead)
}

fn is_plain_file(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

fn is_plain_folder(path: &PathBuf) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}
