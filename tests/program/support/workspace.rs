//! A folder as a user has it: scenario and thresholds in their places, the program run inside of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::program::{self, Ended, Running};

/// How often a load is tried on a machine that is too busy for it.
const TRIES: usize = 6;

/// What the program says of a machine that starves it.
const STARVED: [&str; 4] =
    ["this machine was too busy", "a load thread was busy", "the hypervisor took away", "the generator was not healthy: "];

/// A folder of its own, gone with it.
pub struct Workspace {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Workspace {
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// With `shop.yaml`, thirty users for a second, and `thresholds/shop.yaml`, which any fast server keeps.
    pub fn with_shop(target: &str) -> Self {
        let workspace = Self::empty();
        workspace.scenario("shop", target);
        workspace
    }

    /// Writes a scenario and its thresholds.
    pub fn scenario(&self, name: &str, target: &str) {
        self.write(
            &format!("{name}.yaml"),
            &format!(
                "version: 1\nname: {name}\ntarget: {target}\nload: {{users: 30, hold: 1s}}\nthink: 30ms\ntasks:\n  - steps: [{{get: /api/products}}]\n"
            ),
        );
        self.write(&format!("thresholds/{name}.yaml"), &format!("version: 1\nscenario: {name}\ndefaults: {{p95: 400ms, failures: 1%}}\n"));
    }

    /// Sets a variable of the environment in which the program runs from now on.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn write_bytes(&self, path: &str, content: &[u8]) {
        fs::write(self.path(path), content).unwrap();
    }

    /// Changes a file in one place, which must be there.
    #[track_caller]
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let content = self.read(path);
        assert!(content.contains(from), "no `{from}` in {path}:\n{content}");
        self.write(path, &content.replacen(from, to, 1));
    }

    /// Adds lines to a file.
    pub fn append(&self, path: &str, lines: &str) {
        self.write(path, &format!("{}{lines}\n", self.read(path)));
    }

    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    #[track_caller]
    pub fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// What stands in a folder; nothing where there is none.
    pub fn names(&self, folder: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Every file below the folder.
    pub fn all_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files
    }

    /// Runs the program to its end; arguments are split at white space.
    pub fn perfgate(&self, arguments: &str) -> Ended {
        self.run(|| self.command(arguments))
    }

    /// Runs a command to its end. Where the machine was too busy to load anything, the folder is put back and it runs once
    /// more, as the program advises: what is tested is the program and not the machine.
    pub fn run(&self, command: impl Fn() -> Command) -> Ended {
        let before = tempfile::tempdir().unwrap();
        copy(self.folder.path(), before.path());
        for _ in 1..TRIES {
            let ended = Running::start(&mut command()).end();
            if ended.code != 3 || !self.was_starved(&ended) {
                return ended;
            }
            clear(self.folder.path());
            copy(before.path(), self.folder.path());
        }
        Running::start(&mut command()).end()
    }

    /// Whether a run ended without a verdict because this machine starved it.
    fn was_starved(&self, ended: &Ended) -> bool {
        let told = |text: &str| STARVED.iter().any(|sign| text.contains(sign));
        let results = || self.all_files().into_iter().filter(|path| path.ends_with("verdict.json"));
        told(&ended.stdout) || told(&ended.stderr) || results().any(|path| fs::read_to_string(path).is_ok_and(|text| told(&text)))
    }

    pub fn start(&self, arguments: &str) -> Running {
        Running::start(&mut self.command(arguments))
    }

    pub fn command(&self, arguments: &str) -> Command {
        program::command(self.folder.path(), arguments, &self.environment)
    }
}

impl AsRef<Path> for Workspace {
    fn as_ref(&self) -> &Path {
        self.folder.path()
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
            fs::set_permissions(&target, entry.metadata().unwrap().permissions()).unwrap();
        } else if kind.is_file() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn clear(folder: &Path) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
}
