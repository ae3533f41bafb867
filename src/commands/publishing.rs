//! Bringing what a check concluded to where people look. A place that cannot be reached is told and never changes a
//! verdict; only one that was marked as required ends with a code of its own.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::context::World;
use super::error::CommandError;
use super::surroundings::Surroundings;
use crate::ci::System;
use crate::cli::PublishingArgs;
use crate::exit::ExitCode;
use crate::gate::Outcome;
use crate::publish::{
    Choice, Key, Need, Order, Place, Posted, PublishError, Remark, azure, buildkite, github_annotations, github_check, github_comment,
    github_outputs, github_summary, gitlab_note,
};

/// Where to, and under which key.
#[derive(Debug)]
pub struct Publishing {
    places: Vec<(Place, Need)>,
    key: Key,
    order: Order,
    pull: Option<u64>,
    commit: Option<String>,
}

/// What there is to publish of one call, over all its scenarios.
#[derive(Debug)]
pub struct Finished<'a> {
    /// Markdown.
    pub summary: &'a str,
    pub headline: &'a str,
    pub outcome: Outcome,
    pub exit: ExitCode,
    pub remarks: &'a [Remark],
    pub folder: &'a Path,
}

/// What came of publishing.
#[derive(Debug, Default)]
pub struct Published {
    /// 6 where something that was required did not arrive.
    pub code: Option<ExitCode>,
    /// Of the comment.
    pub address: Option<String>,
}

impl Publishing {
    /// Decides where to publish, before anything is measured.
    ///
    /// # Errors
    /// [`CommandError::Usage`] for a place that does not exist.
    pub fn plan(world: &World, args: &PublishingArgs, around: &Surroundings, commit: Option<&str>) -> Result<Self, CommandError> {
        let choice: Choice = args.publish.parse().map_err(|error: crate::publish::UnknownPlace| CommandError::Usage {
            text: error.to_string(),
            hint: "for example `--publish github-comment!,github-summary`".to_owned(),
        })?;
        let places = match choice {
            Choice::Auto => usual(world, around),
            Choice::Places(places) => places,
        };
        let job = around.job.as_ref();
        Ok(Self {
            places,
            key: args.publish_key.as_deref().map_or_else(|| usual_key(world), Key::of),
            order: order(world, around),
            pull: args.pr.or_else(|| job.and_then(|job| job.pull)),
            commit: commit.map(str::to_owned).or_else(|| job.and_then(|job| job.commit.clone())),
        })
    }

    /// For a pull request that was found out, whatever the variables say.
    #[must_use]
    pub fn to(self, pull: u64, commit: &str) -> Self {
        Self { pull: Some(pull), commit: Some(commit.to_owned()), ..self }
    }

    /// Publishes everywhere, and tells what could not be reached.
    pub fn publish(&self, world: &mut World, around: &Surroundings, finished: &Finished<'_>) -> Published {
        let mut published = Published::default();
        for (place, need) in &self.places {
            match self.post(world, around, *place, finished) {
                Ok(Posted::Done { address }) if *place == Place::GithubComment => published.address = address,
                Ok(Posted::Done { .. }) => {}
                Ok(Posted::Newer) => world.note(&format!("notice: {place}: a later run has spoken already")),
                Err(PublishError::NoPullRequest) if *need == Need::Wished => {}
                Err(error) => {
                    let grave = if *need == Need::Required { "error" } else { "notice" };
                    world.note(&format!("{grave}: {place} skipped: {error}"));
                    if let Some(hint) = hint(&error) {
                        world.note(&format!("hint: {hint}"));
                    }
                    if *need == Need::Required {
                        published.code = Some(ExitCode::NotDelivered);
                    }
                }
            }
        }
        published
    }

    fn post(&self, world: &mut World, around: &Surroundings, place: Place, finished: &Finished<'_>) -> Result<Posted, PublishError> {
        match place {
            Place::GithubComment => self.comment(around, finished),
            Place::GithubCheck => self.check(around, finished),
            Place::GithubSummary => {
                let missing = PublishError::Missing { variable: "GITHUB_STEP_SUMMARY" };
                github_summary::post(Path::new(&world.variable("GITHUB_STEP_SUMMARY").ok_or(missing)?), finished.summary)
            }
            Place::GithubAnnotations => {
                for line in github_annotations::commands(finished.remarks) {
                    world.command(&line);
                }
                Ok(Posted::Done { address: None })
            }
            Place::GitlabNote => self.note(world, finished),
            Place::Azure => {
                let summary = std::path::absolute(finished.folder.join("summary.md")).unwrap_or_else(|_| PathBuf::from("summary.md"));
                for line in azure::commands(finished.remarks, &summary) {
                    world.command(&line);
                }
                Ok(Posted::Done { address: None })
            }
            Place::Buildkite => buildkite::post(&self.key, finished.outcome, finished.summary),
        }
    }

    fn comment(&self, around: &Surroundings, finished: &Finished<'_>) -> Result<Posted, PublishError> {
        // A pull request of a fork gets a token that may only read; asking would cost calls to learn the same.
        if around.event.as_ref().and_then(|event| event.pull_request.as_ref()).is_some_and(crate::ci::PullEvent::is_from_fork) {
            return Err(PublishError::Fork);
        }
        let github = around.github.as_ref().ok_or(PublishError::NoToken { variable: "GITHUB_TOKEN" })?;
        let pull = match (self.pull, self.commit.as_deref()) {
            (Some(pull), _) => pull,
            (None, Some(commit)) => {
                let pulls = github.pulls_of_commit(commit)?;
                let mut of_commit = pulls.iter().filter(|pull| pull.head.sha == commit);
                match (of_commit.next(), of_commit.next()) {
                    (Some(only), None) => only.number,
                    _ => return Err(PublishError::NoPullRequest),
                }
            }
            (None, None) => return Err(PublishError::NoPullRequest),
        };
        github_comment::post(github, &github_comment::Post { pull, key: &self.key, order: self.order, text: finished.summary })
    }

    fn check(&self, around: &Surroundings, finished: &Finished<'_>) -> Result<Posted, PublishError> {
        let github = around.github.as_ref().ok_or(PublishError::NoToken { variable: "GITHUB_TOKEN" })?;
        let commit = self.commit.as_deref().ok_or(PublishError::Missing { variable: "GITHUB_SHA" })?;
        let Finished { summary, headline, outcome, exit, remarks, .. } = *finished;
        github_check::post(
            github,
            &github_check::Check { commit, key: &self.key, order: self.order, outcome, exit, headline, text: summary, remarks },
        )
    }

    fn note(&self, world: &World, finished: &Finished<'_>) -> Result<Posted, PublishError> {
        let variable = |name: &'static str| world.variable(name).ok_or(PublishError::Missing { variable: name });
        let token = world.variable("GITLAB_TOKEN").ok_or(PublishError::NoToken { variable: "GITLAB_TOKEN" })?;
        let (api_url, project) = (variable("CI_API_V4_URL")?, variable("CI_PROJECT_ID")?);
        let merge_request = self.pull.ok_or(PublishError::NoPullRequest)?;
        let access = gitlab_note::Access { api_url: &api_url, project: &project, merge_request, token: &token };
        gitlab_note::post(&access, &self.key, self.order, finished.summary)
    }
}

/// The outputs of a step in GitHub Actions.
pub fn write_outputs(world: &mut World, outputs: &[(&str, String)]) {
    let Some(file) = world.variable("GITHUB_OUTPUT").filter(|_| world.variable("GITHUB_ACTIONS").is_some()) else { return };
    if let Err(error) = github_outputs::post(Path::new(&file), outputs) {
        world.note(&format!("notice: the step's outputs were not written: {error}"));
    }
}

/// What fits where this is run.
fn usual(world: &World, around: &Surroundings) -> Vec<(Place, Need)> {
    let Some(job) = &around.job else { return Vec::new() };
    let places: &[Place] = match job.system {
        System::Github => &[Place::GithubAnnotations, Place::GithubSummary, Place::GithubComment],
        System::Gitlab if job.pull.is_some() => &[Place::GitlabNote],
        System::Azure => &[Place::Azure],
        System::Buildkite => &[Place::Buildkite],
        System::Gitlab | System::Jenkins | System::Bitbucket | System::CircleCi => &[],
    };
    let has_summary = world.variable("GITHUB_STEP_SUMMARY").is_some();
    // Without a pull request there is nobody to tell that no token was given.
    let has_reader = around.github.is_some() || job.pull.is_some();
    let fits = |place: &&Place| match place {
        Place::GithubSummary => has_summary,
        Place::GithubComment => has_reader,
        _ => true,
    };
    places.iter().filter(fits).map(|place| (*place, Need::Wished)).collect()
}

/// The workflow and the job, which tell the gates of one repository apart.
fn usual_key(world: &World) -> Key {
    let names = [
        ["GITHUB_WORKFLOW", "GITHUB_JOB"],
        ["CI_PROJECT_NAME", "CI_JOB_NAME"],
        ["BUILD_DEFINITIONNAME", "SYSTEM_JOBNAME"],
        ["BUILDKITE_PIPELINE_SLUG", "BUILDKITE_STEP_KEY"],
        ["CIRCLE_PROJECT_REPONAME", "CIRCLE_JOB"],
    ];
    let found = names.iter().find_map(|[first, second]| Some([world.variable(first)?, world.variable(second).unwrap_or_default()]));
    Key::of(&found.map(|[first, second]| format!("{first}/{second}")).unwrap_or_default())
}

/// Workflow runs are numbered; elsewhere the clock tells which is later, for a pipeline of GitLab that of its beginning.
fn order(world: &World, around: &Surroundings) -> Order {
    let number = |name: &str| world.variable(name).and_then(|text| text.parse().ok());
    let of_event =
        around.event.as_ref().and_then(|event| event.workflow_run.as_ref()).map(|run| Order { run: run.id, attempt: run.run_attempt });
    let of_run = || Some(Order { run: number("GITHUB_RUN_ID")?, attempt: number("GITHUB_RUN_ATTEMPT").unwrap_or(1) });
    let at = |time: Timestamp, attempt| Order { run: u64::try_from(time.as_second()).unwrap_or_default(), attempt };
    let of_pipeline = || {
        let created = world.variable("CI_PIPELINE_CREATED_AT").filter(|_| around.is_in(System::Gitlab))?;
        Some(at(created.parse().ok()?, number("CI_JOB_ID").unwrap_or(1)))
    };
    let by_clock = || at((world.now)(), 1);
    of_event.or_else(of_run).or_else(of_pipeline).unwrap_or_else(by_clock)
}

fn hint(error: &PublishError) -> Option<String> {
    match error {
        PublishError::Github(error) => error.hint(),
        PublishError::Fork => Some("`perfgate publish` in a second workflow comments for forks: see Forks in the README".to_owned()),
        PublishError::NoToken { variable: "GITHUB_TOKEN" } => Some("`env: {GITHUB_TOKEN: ${{ github.token }}}` hands it over".to_owned()),
        PublishError::NoToken { .. } => Some("a project access token with the scope `api`; a job's own token may not comment".to_owned()),
        _ => None,
    }
}
