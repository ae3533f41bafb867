//! The event that started a GitHub workflow, as far as it says which pull request or which other run this is about.
//! The runner writes it, so it is believed; what a fork could write is not in it but for names.

use serde::Deserialize;

/// The largest payload that GitHub sends: 25 MB.
pub const EVENT_CAP: u64 = 25_000_000;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Event {
    pub pull_request: Option<PullEvent>,
    pub workflow_run: Option<RunEvent>,
    repository: Option<Repository>,
}

/// The pull request of an event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PullEvent {
    pub number: u64,
    pub head: End,
    pub base: End,
}

/// One end of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct End {
    pub sha: String,
    repo: Option<Repository>,
}

/// The run of another workflow that ended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RunEvent {
    pub id: u64,
    #[serde(default)]
    pub run_attempt: u64,
    /// What had started it.
    pub event: String,
    pub head_sha: String,
    pub head_branch: Option<String>,
    repository: Repository,
    head_repository: Option<Repository>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Repository {
    id: u64,
    default_branch: Option<String>,
    owner: Option<Owner>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Owner {
    login: String,
}

impl Event {
    /// Reads a payload; `None` where it is none.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The branch that the repository's own work ends on.
    #[must_use]
    pub fn default_branch(&self) -> Option<&str> {
        self.repository.as_ref()?.default_branch.as_deref()
    }

    /// Whether the code in question comes from another repository: its authors may not write to this one.
    #[must_use]
    pub fn is_from_fork(&self) -> bool {
        self.pull_request.as_ref().is_some_and(PullEvent::is_from_fork) || self.workflow_run.as_ref().is_some_and(RunEvent::is_from_fork)
    }
}

impl PullEvent {
    /// Whether the branch lies in another repository, or its repository is gone.
    #[must_use]
    pub fn is_from_fork(&self) -> bool {
        let id = |end: &End| end.repo.as_ref().map(|repo| repo.id);
        id(&self.head).is_none() || id(&self.head) != id(&self.base)
    }
}

impl RunEvent {
    /// The repository that its code came from: id and owner.
    #[must_use]
    pub fn head_repository(&self) -> Option<(u64, &str)> {
        let head = self.head_repository.as_ref()?;
        Some((head.id, head.owner.as_ref()?.login.as_str()))
    }

    #[must_use]
    pub fn repository_id(&self) -> u64 {
        self.repository.id
    }

    /// Whether it ran code of another repository.
    #[must_use]
    pub fn is_from_fork(&self) -> bool {
        self.head_repository.as_ref().is_none_or(|head| head.id != self.repository.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_of_any_event_are_read() {
        for (text, fork) in [
            ("{}", false),
            (r#"{"pull_request": null}"#, false),
            (r#"{"schedule": "0 3 * * *", "repository": {"id": 1, "default_branch": "trunk"}}"#, false),
            (r#"{"pull_request": {"number": 7, "head": {"sha": "a", "repo": {"id": 1}}, "base": {"sha": "b", "repo": {"id": 1}}}}"#, false),
            (r#"{"pull_request": {"number": 7, "head": {"sha": "a", "repo": {"id": 2}}, "base": {"sha": "b", "repo": {"id": 1}}}}"#, true),
            (r#"{"pull_request": {"number": 7, "head": {"sha": "a", "repo": null}, "base": {"sha": "b", "repo": {"id": 1}}}}"#, true),
            (
                r#"{"workflow_run": {"id": 5, "run_attempt": 1, "event": "pull_request", "head_sha": "a", "head_branch": "x", "repository": {"id": 1}, "head_repository": {"id": 2, "owner": {"login": "o"}}}}"#,
                true,
            ),
        ] {
            assert_eq!(Event::read(text.as_bytes()).unwrap().is_from_fork(), fork, "{text}");
        }
        assert_eq!(Event::read(b"<html>"), None);
        assert_eq!(Event::read(br#"{"repository": {"id": 1, "default_branch": "trunk"}}"#).unwrap().default_branch(), Some("trunk"));
    }
}
