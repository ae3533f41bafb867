//! The program under test: its release binary with a scenario of one request, and the run file that it leaves.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::Failure;
use crate::process::{Finished, run_client};

/// A folder with a scenario, and later its results.
#[derive(Debug)]
pub struct Perfgate {
    folder: TempDir,
}

/// What a run file says.
#[derive(Debug)]
pub struct RunFile(Value);

impl Perfgate {
    /// `load` is the scenario's `load` as YAML: `{users: 64, hold: 8s}`; `more` are further lines of the scenario.
    pub fn new(url: &str, load: &str, more: &str) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let scenario = format!("version: 1\nname: engine\ntarget: {url}\nload: {load}\ntasks:\n  - steps: [{{get: /}}]\n{more}");
        std::fs::write(folder.path().join("scenario.yaml"), scenario)?;
        Ok(Self { folder })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `perfgate run`, without what the environment would change.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perfgate"));
        command.current_dir(self.folder()).env_remove("PERFGATE_TARGET").args(["run", "scenario.yaml", "--out", "out"]);
        command
    }

    /// Runs it to its end and reads what it has written. A run that is unfit for a verdict is a run.
    pub fn run(&self) -> Result<RunFile, Failure> {
        self.run_file(&run_client(&mut self.command())?)
    }

    pub fn run_file(&self, finished: &Finished) -> Result<RunFile, Failure> {
        let path = self.folder().join("out").join("run.json");
        let complaint = || String::from_utf8_lossy(&finished.output.stderr).into_owned();
        Ok(RunFile(serde_json::from_slice(&std::fs::read(path).map_err(|_| complaint())?)?))
    }
}

impl RunFile {
    /// A number by its place: `/generator/late_p99_ms`.
    pub fn number(&self, place: &str) -> Option<f64> {
        self.0.pointer(place)?.as_f64()
    }

    /// A latency of the one endpoint, in ms: `p95`.
    pub fn latency_ms(&self, percentile: &str) -> Option<f64> {
        self.number(&format!("/endpoints/0/latency_ms/{percentile}"))
    }

    /// What speaks against the numbers, by its codes; empty for a healthy generator.
    pub fn problems(&self) -> Vec<&str> {
        let problems = self.0.pointer("/generator/problems").and_then(Value::as_array);
        problems.into_iter().flatten().filter_map(|problem| problem.get("code")?.as_str()).collect()
    }
}
