//! The store that is a GitHub artifact: the newest one that this repository's own work on the default branch made.
//! Anybody who may open a pull request can make an artifact of the same name; none of those is looked into.

use std::cmp::Reverse;

use sha2::{Digest as _, Sha256};

use super::kept::{Kept, KeptError};
use super::{BaselineError, Loaded, Reach, archive};
use crate::github::{Artifact, Github, GithubError, WorkflowRun};

/// What may start a run whose baseline is believed: nothing that a pull request can.
const TRUSTED_EVENTS: [&str; 3] = ["schedule", "push", "workflow_dispatch"];
/// How many runs are looked at, newest first, before giving up.
const CANDIDATES: usize = 5;

/// What the artifact of a scenario is called.
#[must_use]
pub fn artifact_name(scenario: &str) -> String {
    format!("perfgate-baseline-{scenario}")
}

/// What is made of each run of the newest artifact that can be trusted.
pub(super) fn load<T: Send>(
    reach: Reach<'_>,
    workflow: Option<&str>,
    make: &(impl Fn(Kept<'_>) -> Result<T, KeptError> + Sync),
) -> Result<Loaded<T>, BaselineError> {
    let Reach { scenario, github, default_branch } = reach;
    let github = github.ok_or(BaselineError::NoAccess)?;
    let name = artifact_name(scenario);
    let mut artifacts = github.artifacts(&name)?;
    artifacts.retain(|artifact| artifact.name == name);
    artifacts.sort_by_key(|artifact| Reverse((artifact.created_at.clone(), artifact.id)));
    let branch = match default_branch {
        _ if artifacts.is_empty() => return Err(BaselineError::NoArtifact { name, looked_at: 0, why: Vec::new() }),
        Some(branch) => branch.to_owned(),
        None => github.default_branch()?,
    };
    let looked_at = artifacts.len();
    let mut why = Vec::new();
    let mut asked = 0;
    for artifact in artifacts {
        let run = match run_behind(&artifact, &branch) {
            Ok(_) if asked == CANDIDATES => break,
            Ok(run) => run,
            Err(objection) => {
                note(&mut why, artifact.id, objection);
                continue;
            }
        };
        asked += 1;
        if let Some(objection) = objection(&github.workflow_run(run)?, &branch, workflow) {
            note(&mut why, artifact.id, objection);
            continue;
        }
        match download(github, &artifact) {
            Err(BaselineError::Github(GithubError::Gone { .. } | GithubError::NotFound { .. })) => {
                note(&mut why, artifact.id, "it is gone");
            }
            Err(error) => return Err(error),
            Ok(bytes) => {
                let place = format!("artifact {name} ({})", artifact.id);
                return archive::read(&bytes, make).map_err(|source| BaselineError::CorruptArchive { place, source: Box::new(source) });
            }
        }
    }
    Err(BaselineError::NoArtifact { name, looked_at, why })
}

/// The few that are told are enough to understand.
fn note(why: &mut Vec<String>, artifact: u64, objection: &str) {
    if why.len() < CANDIDATES {
        why.push(format!("{artifact}: {objection}"));
    }
}

/// The run that made it, where nothing that the artifact itself says speaks against it.
fn run_behind(artifact: &Artifact, branch: &str) -> Result<u64, &'static str> {
    let Some(run) = artifact.workflow_run.as_ref() else { return Err("it does not say which run made it") };
    match run {
        _ if artifact.expired => Err("it expired"),
        run if run.head_repository_id != run.repository_id => Err("a fork made it"),
        run if run.head_branch.as_deref() != Some(branch) => Err("another branch than the default one made it"),
        run => Ok(run.id),
    }
}

fn objection(run: &WorkflowRun, branch: &str, workflow: Option<&str>) -> Option<&'static str> {
    let file = run.path.split('@').next().unwrap_or_default();
    if !run.is_of_this_repository() {
        Some("a fork made it")
    } else if run.head_branch.as_deref() != Some(branch) {
        Some("another branch than the default one made it")
    } else if !TRUSTED_EVENTS.contains(&run.event.as_str()) {
        Some("its run was started by something else than a schedule, a push or by hand")
    } else if run.conclusion.as_deref() != Some("success") {
        Some("its run did not succeed")
    } else if workflow.is_some_and(|name| file.rsplit('/').next() != Some(name)) {
        Some("another workflow made it")
    } else {
        None
    }
}

/// The artifact's bytes, fetched once more where they are not those that GitHub stored.
fn download(github: &Github, artifact: &Artifact) -> Result<Vec<u8>, BaselineError> {
    let fetch = || github.download(artifact.id, archive::ARCHIVE_CAP);
    let bytes = fetch()?;
    let Some(expected) = artifact.digest.as_deref() else { return Ok(bytes) };
    if digest(&bytes) == expected {
        return Ok(bytes);
    }
    let bytes = fetch()?;
    let found = digest(&bytes);
    if found == expected { Ok(bytes) } else { Err(BaselineError::Digest { expected: expected.chars().take(80).collect(), found }) }
}

fn digest(bytes: &[u8]) -> String {
    let digits: Vec<String> = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", digits.concat())
}
