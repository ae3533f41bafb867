//! The store on a branch of the repository, `<scenario>/baseline.json` and `<scenario>/runs/..`: nothing expires, and
//! whoever may push to the branch is trusted. The branch has no history: each push leaves one commit without a parent.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use thiserror::Error;

use crate::files;
use crate::run::RUN_FILE_CAP;

const REMOTE: &str = "origin";
/// How often a push is tried where somebody else was first.
const TRIES: usize = 3;

/// Why a branch could not serve as a store.
#[derive(Debug, Error)]
pub enum GitError {
    #[error("`{branch}` cannot be the name of a branch")]
    Name { branch: String },
    #[error("cannot run git: {0}")]
    Program(std::io::Error),
    #[error("git {verb} failed: {reason}")]
    Failed { verb: String, reason: String },
    #[error("branch {branch} holds {path}, which is not a plain file of a store")]
    Strange { branch: String, path: String },
    #[error("branch {branch} was changed by somebody else, {TRIES} times in a row")]
    Raced { branch: String },
    #[error(transparent)]
    File(#[from] files::FileError),
}

/// The name of a branch, safe on a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch(String);

impl Branch {
    /// Reads a name.
    ///
    /// # Errors
    /// [`GitError::Name`].
    pub fn parse(text: &str) -> Result<Self, GitError> {
        let plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with(['.', '-'])
                && !part.ends_with('.')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        let good =
            text.len() <= 200 && text.split('/').all(|part| plain(part) && part.strip_suffix(".lock").is_none()) && !text.contains("..");
        if good { Ok(Self(text.to_owned())) } else { Err(GitError::Name { branch: text.chars().take(100).collect() }) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn reference(&self) -> String {
        format!("refs/heads/{}", self.0)
    }

    /// Writes the files of a scenario's store below `folder`, which is empty; false where the branch has none.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn read_into(&self, scenario: &str, folder: &Path) -> Result<bool, GitError> {
        let Some(commit) = self.fetch()? else { return Ok(false) };
        let below = format!("{scenario}/");
        let mut found = false;
        for (mode, object, path) in tree(&commit)? {
            let Some(name) = path.strip_prefix(&below) else { continue };
            if mode != "100644" || !is_of_store(name) {
                return Err(GitError::Strange { branch: self.0.clone(), path });
            }
            let content = git(&["cat-file", "blob", &object], None)?;
            if content.len() as u64 > RUN_FILE_CAP {
                return Err(files::FileError::TooLarge { path: path.into(), cap: RUN_FILE_CAP }.into());
            }
            files::write_atomically(&folder.join(name), &content)?;
            found = true;
        }
        Ok(found)
    }

    /// Puts the store in `folder` on the branch, in place of the one of this scenario, and pushes.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn keep(&self, scenario: &str, folder: &Path) -> Result<(), GitError> {
        for _ in 0..TRIES {
            let old = self.fetch()?;
            let commit = commit(scenario, folder, old.as_deref())?;
            let lease = format!("--force-with-lease={}:{}", self.reference(), old.unwrap_or_default());
            let pushed = git(&["push", "--quiet", "--porcelain", &lease, REMOTE, &format!("{commit}:{}", self.reference())], None);
            match pushed {
                Ok(_) => return Ok(()),
                Err(GitError::Failed { reason, .. }) if reason.contains("stale info") || reason.contains("[rejected]") => {}
                Err(error) => return Err(error),
            }
        }
        Err(GitError::Raced { branch: self.0.clone() })
    }

    /// The branch's commit as the remote has it now, brought here; `None` where there is no such branch.
    fn fetch(&self) -> Result<Option<String>, GitError> {
        let listed = git(&["ls-remote", "--heads", REMOTE, &self.reference()], None)?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let Some(commit) = listed.split_whitespace().next().filter(|id| id.chars().all(|c| c.is_ascii_hexdigit())) else { return Ok(None) };
        git(&["fetch", "--quiet", "--no-tags", "--depth=1", "--no-write-fetch-head", REMOTE, &self.reference()], None)?;
        Ok(Some(commit.to_owned()))
    }
}

/// A commit without a parent: what `old` holds of other scenarios, and this one's store.
fn commit(scenario: &str, folder: &Path, old: Option<&str>) -> Result<String, GitError> {
    let below = format!("{scenario}/");
    let mut entries: Vec<(String, String)> = Vec::new();
    for (_, object, path) in old.map(tree).transpose()?.unwrap_or_default() {
        if !path.starts_with(&below) {
            entries.push((object, path));
        }
    }
    for name in files_of(folder)? {
        let content = files::read_capped(&folder.join(&name), RUN_FILE_CAP)?;
        let object = text(&git(&["hash-object", "-w", "--stdin"], Some(&content))?);
        entries.push((object, format!("{below}{name}")));
    }
    let tree = tree_of(entries)?;
    let message = format!("perfgate: baseline of {scenario}");
    Ok(text(&git(&["-c", "user.name=perfgate", "-c", "user.email=perfgate@localhost", "commit-tree", &tree, "-m", &message], None)?))
}

/// A tree of these files, folders made from the inside out.
fn tree_of(entries: Vec<(String, String)>) -> Result<String, GitError> {
    let mut listed = String::new();
    let mut folders: std::collections::BTreeMap<String, Vec<(String, String)>> = std::collections::BTreeMap::new();
    for (object, path) in entries {
        match path.split_once('/') {
            Some((folder, rest)) => folders.entry(folder.to_owned()).or_default().push((object, rest.to_owned())),
            None => listed.extend(["100644 blob ", &object, "\t", &path, "\0"]),
        }
    }
    for (folder, below) in folders {
        listed.extend(["040000 tree ", &tree_of(below)?, "\t", &folder, "\0"]);
    }
    Ok(text(&git(&["mktree", "-z"], Some(listed.as_bytes()))?))
}

/// Mode, object and path of every file of a commit.
fn tree(commit: &str) -> Result<Vec<(String, String, String)>, GitError> {
    let listed = git(&["ls-tree", "-r", "-z", "--full-tree", commit], None)?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let parse = |line: &str| {
        let (head, path) = line.split_once('\t')?;
        let mut words = head.split(' ');
        Some((words.next()?.to_owned(), words.nth(1)?.to_owned(), path.to_owned()))
    };
    Ok(listed.split('\0').filter_map(parse).collect())
}

fn is_of_store(name: &str) -> bool {
    let run = |name: &str| {
        name.strip_prefix("runs/").and_then(|rest| rest.strip_suffix(".json")).is_some_and(|id| id.parse::<super::EntryId>().is_ok())
    };
    name == "baseline.json" || run(name)
}

/// The files of a store in a folder.
fn files_of(folder: &Path) -> Result<Vec<String>, GitError> {
    let reading = |source| files::FileError::Read { path: folder.to_owned(), source };
    let mut names = vec!["baseline.json".to_owned()];
    for entry in std::fs::read_dir(folder.join("runs")).map_err(reading)? {
        let name = format!("runs/{}", entry.map_err(reading)?.file_name().to_string_lossy());
        if is_of_store(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).trim().to_owned()
}

/// Runs git without asking anybody anything.
fn git(arguments: &[&str], input: Option<&[u8]>) -> Result<Vec<u8>, GitError> {
    let mut command = Command::new("git");
    command.args(["-c", "protocol.ext.allow=never"]).args(arguments).env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() }).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(GitError::Program)?;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        // Where git ends early, its status says why.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().map_err(GitError::Program)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let reason = crate::web::without_secrets_within(said.trim());
    let verb = arguments.iter().find(|word| !word.starts_with('-') && !word.contains('=')).unwrap_or(&"").to_string();
    Err(GitError::Failed { verb, reason: reason.chars().take(400).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_cannot_be_an_option_or_lead_elsewhere() {
        for good in ["perfgate-baseline", "perf/baseline", "a.b_c"] {
            assert!(Branch::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["", "-x", "--upload-pack=x", "a/../b", "a//b", "/a", "a/", "a b", "a:b", "a\nb", "x.lock", "a..b", ".a", "a@{1}", "a~1", "a^"]
        {
            assert!(Branch::parse(bad).is_err(), "{bad}");
        }
    }
}
