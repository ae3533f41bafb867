//! Which CI job this is: the system, commit, branch and pull request, out of the variables that it sets. Pure: the
//! variables and GitHub's event are handed in. What is done with it is not known here.

mod event;

pub use self::event::{EVENT_CAP, Event, PullEvent, RunEvent};

/// The CI systems that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    Github,
    Gitlab,
    Azure,
    Jenkins,
    Bitbucket,
    CircleCi,
    Buildkite,
}

/// One job of a CI system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub system: System,
    /// What all runs of the same job share.
    pub id: Option<String>,
    /// The commit that the people who review see, not a merge that the CI made for the test.
    pub commit: Option<String>,
    pub branch: Option<String>,
    /// The number of the pull or merge request.
    pub pull: Option<u64>,
    /// What the pull request is to be merged into, as a commit where it is known.
    pub base: Option<String>,
}

impl System {
    pub const ALL: [Self; 7] = [Self::Github, Self::Gitlab, Self::Azure, Self::Jenkins, Self::Bitbucket, Self::CircleCi, Self::Buildkite];

    /// Its name in run files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Azure => "azure",
            Self::Jenkins => "jenkins",
            Self::Bitbucket => "bitbucket",
            Self::CircleCi => "circleci",
            Self::Buildkite => "buildkite",
        }
    }

    /// The variable that only it sets.
    const fn sign(self) -> &'static str {
        match self {
            Self::Github => "GITHUB_ACTIONS",
            Self::Gitlab => "GITLAB_CI",
            Self::Azure => "TF_BUILD",
            Self::Jenkins => "JENKINS_URL",
            Self::Bitbucket => "BITBUCKET_BUILD_NUMBER",
            Self::CircleCi => "CIRCLECI",
            Self::Buildkite => "BUILDKITE",
        }
    }
}

/// The job that this is; `None` outside of CI. `event` is GitHub's, where there is one.
#[must_use]
pub fn detect(variable: &dyn Fn(&str) -> Option<String>, event: Option<&Event>) -> Option<Job> {
    let system = System::ALL.into_iter().find(|system| variable(system.sign()).is_some())?;
    let first = |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
    let branch = |names: &[&str]| first(names).map(|name| name.strip_prefix("refs/heads/").unwrap_or(&name).to_owned());
    let number = |names: &[&str]| first(names).and_then(|text| text.parse().ok());
    let joined = |names: [&str; 2]| Some(format!("{}/{}", variable(names[0])?, variable(names[1]).unwrap_or_default()));
    Some(match system {
        System::Github => github(&first, joined, event),
        System::Gitlab => Job {
            system,
            id: joined(["CI_PIPELINE_ID", "CI_JOB_NAME"]),
            commit: first(&["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_COMMIT_SHA"]),
            branch: branch(&["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME"]),
            pull: number(&["CI_MERGE_REQUEST_IID"]),
            base: first(&["CI_MERGE_REQUEST_DIFF_BASE_SHA"]),
        },
        System::Azure => Job {
            system,
            id: joined(["BUILD_BUILDID", "SYSTEM_JOBNAME"]),
            commit: first(&["SYSTEM_PULLREQUEST_SOURCECOMMITID", "BUILD_SOURCEVERSION"]),
            branch: branch(&["SYSTEM_PULLREQUEST_SOURCEBRANCH", "BUILD_SOURCEBRANCH"]),
            // For repositories on GitHub the id is Azure's own.
            pull: number(&["SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "SYSTEM_PULLREQUEST_PULLREQUESTID"]),
            base: branch(&["SYSTEM_PULLREQUEST_TARGETBRANCH"]).map(|name| format!("origin/{name}")),
        },
        System::Jenkins => Job {
            system,
            id: first(&["BUILD_TAG", "BUILD_URL"]),
            commit: first(&["ghprbActualCommit", "GIT_COMMIT"]),
            branch: branch(&["CHANGE_BRANCH", "ghprbSourceBranch", "BRANCH_NAME", "GIT_BRANCH"]),
            pull: number(&["CHANGE_ID", "ghprbPullId", "gitlabMergeRequestIid"]),
            base: branch(&["CHANGE_TARGET", "ghprbTargetBranch"]).map(|name| format!("origin/{name}")),
        },
        System::Bitbucket => Job {
            system,
            id: joined(["BITBUCKET_BUILD_NUMBER", "BITBUCKET_STEP_UUID"]),
            commit: first(&["BITBUCKET_COMMIT"]),
            branch: branch(&["BITBUCKET_BRANCH"]),
            pull: number(&["BITBUCKET_PR_ID"]),
            base: first(&["BITBUCKET_PR_DESTINATION_COMMIT"])
                .or_else(|| branch(&["BITBUCKET_PR_DESTINATION_BRANCH"]).map(|name| format!("origin/{name}"))),
        },
        System::CircleCi => Job {
            system,
            id: joined(["CIRCLE_WORKFLOW_ID", "CIRCLE_JOB"]),
            commit: first(&["CIRCLE_SHA1"]),
            branch: branch(&["CIRCLE_BRANCH"]),
            pull: number(&["CIRCLE_PR_NUMBER"])
                .or_else(|| first(&["CIRCLE_PULL_REQUEST"]).and_then(|url| url.rsplit_once("/pull/")?.1.parse().ok())),
            base: None,
        },
        System::Buildkite => Job {
            system,
            id: joined(["BUILDKITE_BUILD_ID", "BUILDKITE_STEP_KEY"]),
            commit: first(&["BUILDKITE_COMMIT"]).filter(|commit| commit != "HEAD"),
            branch: branch(&["BUILDKITE_BRANCH"]),
            // `false` where there is none.
            pull: number(&["BUILDKITE_PULL_REQUEST"]),
            base: branch(&["BUILDKITE_PULL_REQUEST_BASE_BRANCH"]).map(|name| format!("origin/{name}")),
        },
    })
}

fn github(first: &dyn Fn(&[&str]) -> Option<String>, joined: impl Fn([&str; 2]) -> Option<String>, event: Option<&Event>) -> Job {
    let pull = event.and_then(|event| event.pull_request.as_ref());
    let run = event.and_then(|event| event.workflow_run.as_ref());
    let of_ref = || first(&["GITHUB_REF"])?.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok();
    Job {
        system: System::Github,
        id: joined(["GITHUB_RUN_ID", "GITHUB_JOB"]),
        commit: pull.map(|pull| pull.head.sha.clone()).or_else(|| run.map(|run| run.head_sha.clone())).or_else(|| first(&["GITHUB_SHA"])),
        branch: first(&["GITHUB_HEAD_REF"]).or_else(|| run.and_then(|run| run.head_branch.clone())).or_else(|| first(&["GITHUB_REF_NAME"])),
        pull: pull.map(|pull| pull.number).or_else(of_ref),
        base: pull.map(|pull| pull.base.sha.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(variables: &[(&str, &str)], event: &str) -> Option<Job> {
        let event = Event::read(event.as_bytes());
        detect(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()), event.as_ref())
    }

    /// Variables, then system, commit, branch, pull request and base.
    type Row = (&'static [(&'static str, &'static str)], (&'static str, &'static str, &'static str, Option<u64>, Option<&'static str>));

    const ROWS: &[Row] = &[
        (
            &[
                ("GITLAB_CI", "true"),
                ("CI_MERGE_REQUEST_ID", "9001"),
                ("CI_MERGE_REQUEST_IID", "12"),
                ("CI_COMMIT_SHA", "abc"),
                ("CI_COMMIT_REF_NAME", "refs/merge-requests/12/head"),
                ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "feature"),
                ("CI_MERGE_REQUEST_DIFF_BASE_SHA", "base"),
            ],
            ("gitlab", "abc", "feature", Some(12), Some("base")),
        ),
        (&[("GITLAB_CI", "true"), ("CI_COMMIT_SHA", "abc"), ("CI_COMMIT_REF_NAME", "main")], ("gitlab", "abc", "main", None, None)),
        (
            &[
                ("TF_BUILD", "True"),
                ("BUILD_SOURCEVERSION", "merge"),
                ("SYSTEM_PULLREQUEST_SOURCECOMMITID", "abc"),
                ("SYSTEM_PULLREQUEST_SOURCEBRANCH", "refs/heads/feature/x"),
                ("SYSTEM_PULLREQUEST_TARGETBRANCH", "main"),
                ("SYSTEM_PULLREQUEST_PULLREQUESTID", "77001"),
                ("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "12"),
            ],
            ("azure", "abc", "feature/x", Some(12), Some("origin/main")),
        ),
        (
            &[("JENKINS_URL", "https://ci"), ("CHANGE_ID", "12"), ("GIT_COMMIT", "abc"), ("CHANGE_BRANCH", "x"), ("CHANGE_TARGET", "main")],
            ("jenkins", "abc", "x", Some(12), Some("origin/main")),
        ),
        (
            &[
                ("BITBUCKET_BUILD_NUMBER", "3"),
                ("BITBUCKET_PR_ID", "12"),
                ("BITBUCKET_COMMIT", "abc"),
                ("BITBUCKET_BRANCH", "x"),
                ("BITBUCKET_PR_DESTINATION_BRANCH", "main"),
            ],
            ("bitbucket", "abc", "x", Some(12), Some("origin/main")),
        ),
        (
            &[
                ("CIRCLECI", "true"),
                ("CIRCLE_PULL_REQUEST", "https://github.com/a/b/pull/12"),
                ("CIRCLE_SHA1", "abc"),
                ("CIRCLE_BRANCH", "x"),
            ],
            ("circleci", "abc", "x", Some(12), None),
        ),
        (
            &[("BUILDKITE", "true"), ("BUILDKITE_PULL_REQUEST", "false"), ("BUILDKITE_COMMIT", "abc"), ("BUILDKITE_BRANCH", "x")],
            ("buildkite", "abc", "x", None, None),
        ),
        (
            &[("GITHUB_ACTIONS", "true"), ("GITHUB_SHA", "abc"), ("GITHUB_REF", "refs/heads/main"), ("GITHUB_REF_NAME", "main")],
            ("github", "abc", "main", None, None),
        ),
        (
            &[("GITHUB_ACTIONS", "true"), ("GITHUB_SHA", "merge"), ("GITHUB_REF", "refs/pull/12/merge"), ("GITHUB_HEAD_REF", "x")],
            ("github", "merge", "x", Some(12), None),
        ),
    ];

    #[test]
    fn every_system_says_commit_branch_and_pull_request() {
        for (variables, (system, commit, branch, pull, base)) in ROWS {
            let job = job(variables, "{}").unwrap();
            let found = (job.system.name(), job.commit.as_deref(), job.branch.as_deref(), job.pull, job.base.as_deref());
            assert_eq!(found, (*system, Some(*commit), Some(*branch), *pull, *base), "{variables:?}");
        }
        assert_eq!(job(&[("CI", "true")], "{}"), None);
    }

    #[test]
    fn the_head_of_a_pull_request_counts_and_not_the_merge() {
        let event = r#"{"pull_request": {"number": 7, "head": {"sha": "head", "ref": "x", "repo": {"id": 2}}, "base": {"sha": "base", "ref": "main", "repo": {"id": 1}}}}"#;
        let variables =
            [("GITHUB_ACTIONS", "true"), ("GITHUB_SHA", "merge"), ("GITHUB_HEAD_REF", "x"), ("GITHUB_RUN_ID", "5"), ("GITHUB_JOB", "gate")];
        let job = job(&variables, event).unwrap();
        assert_eq!(
            (job.commit.as_deref(), job.pull, job.base.as_deref(), job.id.as_deref()),
            (Some("head"), Some(7), Some("base"), Some("5/gate"))
        );
    }
}
