//! A runner: takes steps in order, keeps their outputs, and does for other people's actions what a test needs of them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use perfgate::document::Document;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};

use super::artifacts::{download, upload};
use super::environment::pairs;
use super::expression::{Known, text_of};
use super::machine::{Machine, repository};

/// A step that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(100);

/// The names under which our own action is used.
const OURS: [&str; 2] = ["./", "perfgate/perfgate@v0"];

type Moment = Box<dyn Fn(&Machine) -> bool>;

pub struct Runner {
    pub machine: Machine,
    /// Of other people's actions: which, and with what.
    pub used: Vec<(String, Map<String, Value>)>,
    /// `GITHUB_...`, without that beginning and in lower case, as the context has it.
    pub github: Map<String, Value>,
    /// The operating system and architecture that the runner says it is.
    pub system: (&'static str, &'static str),
    cancel: Option<(Signal, Moment)>,
    /// From `GITHUB_ENV` and `GITHUB_PATH`.
    environment: BTreeMap<String, String>,
    folders: Vec<String>,
    log: String,
    steps_taken: usize,
}

/// How an action or a job ended.
#[derive(Debug)]
pub struct Ended {
    pub succeeded: bool,
    /// The exit code of the first script that failed, 0 where none did.
    pub code: i32,
    pub outputs: Map<String, Value>,
    pub log: String,
}

impl Ended {
    pub fn output(&self, name: &str) -> &str {
        self.outputs.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// That it ended with this code, and is red for every code but 0.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!((self.code, self.succeeded), (code, code == 0), "{}", self.log);
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.log.contains(text), "no `{text}` in\n{}", self.log);
        self
    }
}

impl Runner {
    pub fn new(machine: Machine) -> Self {
        let github = json!({
            "actions": "true", "job": "gate", "workflow": "performance gate", "run_id": "7", "run_attempt": "1", "event_name": "push",
            "repository": "acme/shop", "ref": "refs/heads/release/1.2", "ref_name": "release/1.2",
            "sha": "3f9c1ab2f0c04d7b9a3e2f6d5c4b3a2918070605", "server_url": "https://github.com",
            // Nobody listens there: what a test wants to reach, it serves itself.
            "api_url": "http://127.0.0.1:9", "graphql_url": "http://127.0.0.1:9/graphql",
        });
        let Value::Object(github) = github else { unreachable!() };
        Self {
            machine,
            used: Vec::new(),
            github,
            system: ("Linux", "X64"),
            cancel: None,
            environment: BTreeMap::new(),
            folders: Vec::new(),
            log: String::new(),
            steps_taken: 0,
        }
    }

    /// Cancels the job by this signal, to the script that runs when something is so.
    pub fn cancel_when(&mut self, signal: Signal, is_so: impl Fn(&Machine) -> bool + 'static) {
        self.cancel = Some((signal, Box::new(is_so)));
    }

    /// Uses the action with these inputs.
    pub fn action(&mut self, inputs: &[(&str, &str)]) -> Ended {
        let inputs = inputs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let mut known = self.known();
        let (ended, _) = self.use_action(&inputs, &BTreeMap::new(), &mut known);
        ended
    }

    /// Runs a job of a workflow file.
    pub fn job(&mut self, workflow: &Path, job: &str) -> Ended {
        let workflow = read_yaml(workflow);
        let job_file = &workflow["jobs"][job];
        self.github.insert("job".to_owned(), json!(job));
        self.github.insert("workflow".to_owned(), workflow["name"].clone());
        let mut known = self.known();
        if !known.allows(job_file.get("if")) {
            return Ended { succeeded: true, code: 0, outputs: Map::new(), log: "skipped".to_owned() };
        }
        let environment = texts(&known.fill_all(job_file.get("env")));
        self.steps(&job_file["steps"], &environment, &mut known, false)
    }

    fn known(&self) -> Known {
        let mut github = self.github.clone();
        github.entry("token").or_insert_with(|| json!("ghs_canary"));
        github.entry("event").or_insert_with(|| json!({}));
        let contexts = json!({
            "github": github, "steps": {}, "env": {}, "inputs": {"version": "1.2.3"},
            "matrix": {"target": "x86_64-unknown-linux-gnu"},
            "runner": {"temp": self.machine.path("temp"), "os": self.system.0, "arch": self.system.1},
        });
        let Value::Object(contexts) = contexts else { unreachable!() };
        Known { contexts, ..Known::default() }
    }

    fn use_action(&mut self, with: &Map<String, Value>, environment: &BTreeMap<String, String>, outer: &mut Known) -> (Ended, bool) {
        let action = read_yaml(&self.machine.path("action/action.yml"));
        let declared = action["inputs"].as_object().unwrap();
        for name in with.keys() {
            assert!(declared.contains_key(name), "the action has no input `{name}`");
        }
        let mut known = Known { contexts: outer.contexts.clone(), ..Known::default() };
        let default =
            |name: &String, input: &Value| with.get(name).cloned().unwrap_or_else(|| json!(outer.fill(&text_of(&input["default"]))));
        let inputs: Map<String, Value> = declared.iter().map(|(name, input)| (name.clone(), default(name, input))).collect();
        known.contexts.insert("inputs".to_owned(), Value::Object(inputs));
        known.contexts.insert("steps".to_owned(), json!({}));
        let mut ended = self.steps(&action["runs"]["steps"], environment, &mut known, true);
        let value = |output: &Value| json!(known.fill(&text_of(&output["value"])));
        ended.outputs = action["outputs"].as_object().unwrap().iter().map(|(name, output)| (name.clone(), value(output))).collect();
        (ended, known.cancelled)
    }

    fn steps(&mut self, steps: &Value, environment: &BTreeMap<String, String>, known: &mut Known, in_action: bool) -> Ended {
        let mut first_code = 0;
        for step in steps.as_array().unwrap() {
            let id = step.get("id").map(text_of).unwrap_or_default();
            if !known.allows(step.get("if")) {
                remember(known, &id, &Map::new());
                continue;
            }
            let mut environment = environment.clone();
            environment.extend(texts(&known.fill_all(step.get("env"))));
            let (succeeded, code, outputs) = match (step.get("run"), step.get("uses")) {
                (Some(script), None) => {
                    assert!(!in_action || step["shell"] == "bash", "a step of an action names its shell");
                    let script = known.fill(&text_of(script));
                    self.script(&script, in_action || step.get("shell").is_some(), &environment, known)
                }
                (None, Some(uses)) => {
                    let with = known.fill_all(step.get("with"));
                    self.uses(&text_of(uses), &with, &environment, known)
                }
                _ => panic!("a step has either `run` or `uses`: {step}"),
            };
            remember(known, &id, &outputs);
            if !succeeded && step.get("continue-on-error") != Some(&Value::Bool(true)) {
                known.failed = true;
                first_code = if first_code == 0 { code } else { first_code };
            }
        }
        Ended { succeeded: !known.failed && !known.cancelled, code: first_code, outputs: Map::new(), log: self.log.clone() }
    }

    fn uses(
        &mut self,
        uses: &str,
        with: &Map<String, Value>,
        environment: &BTreeMap<String, String>,
        known: &mut Known,
    ) -> (bool, i32, Map<String, Value>) {
        if OURS.contains(&uses) {
            let (ended, cancelled) = self.use_action(with, environment, known);
            known.cancelled |= cancelled;
            return (ended.succeeded, ended.code, ended.outputs);
        }
        self.used.push((uses.to_owned(), with.clone()));
        let named = |key: &str| with.get(key).map(text_of).unwrap_or_default();
        let succeeded = match uses.split('@').next().unwrap() {
            "actions/checkout" => true,
            "actions/upload-artifact" => upload(&self.machine, &named("name"), &named("path"), &named("if-no-files-found")),
            "actions/download-artifact" => download(&self.machine, &(named("name") + &named("pattern")), &named("path")),
            other => panic!("no test says what {other} does"),
        };
        (succeeded, i32::from(!succeeded), Map::new())
    }

    fn script(
        &mut self,
        script: &str,
        is_named: bool,
        environment: &BTreeMap<String, String>,
        known: &mut Known,
    ) -> (bool, i32, Map<String, Value>) {
        self.steps_taken += 1;
        let folder = self.machine.path(&format!("temp/_runner/{}", self.steps_taken));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("script.sh"), script).unwrap();
        let files = ["output", "env", "path", "step_summary"];
        for file in files {
            fs::write(folder.join(file), "").unwrap();
        }

        let mut command = Command::new(self.machine.path("bin/bash"));
        // As GitHub calls it, where `shell: bash` is written and where it is not.
        command.args(if is_named { ["--noprofile", "--norc", "-e", "-o", "pipefail"].as_slice() } else { &["-e"] });
        command.arg(folder.join("script.sh")).env_clear().current_dir(self.machine.path("workspace"));
        let told = self.github.iter().filter(|(name, value)| *name != "token" && value.is_string());
        command.envs(told.map(|(name, value)| (variable(name), text_of(value))));
        command.envs([("CI", "true"), ("RUNNER_OS", self.system.0), ("RUNNER_ARCH", self.system.1)]);
        command.env("RUNNER_TEMP", self.machine.path("temp")).env("HOME", self.machine.path("home"));
        command.env("GITHUB_WORKSPACE", self.machine.path("workspace")).env("GITHUB_ACTION_PATH", self.machine.path("action"));
        command.envs(files.map(|file| (variable(file), folder.join(file))));
        command.envs(&self.environment).envs(environment);
        let folders = self.folders.iter().rev().map(PathBuf::from).chain([self.machine.path("bin")]);
        command.env("PATH", std::env::join_paths(folders).unwrap());
        let log = File::create(folder.join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);

        let code = self.wait(command.spawn().unwrap(), known);
        let said = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
        self.log += &said("log");
        self.environment.extend(texts(&pairs(&said("env"))));
        self.folders.extend(said("path").lines().map(str::to_owned));
        (code == 0, code, pairs(&said("output")))
    }

    fn wait(&mut self, mut child: Child, known: &mut Known) -> i32 {
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            if let Some((signal, _)) = self.cancel.take_if(|(_, is_so)| is_so(&self.machine)) {
                kill_process(Pid::from_child(&child), signal).unwrap();
                known.cancelled = true;
            }
            if begun.elapsed() > DEADLINE {
                child.kill().unwrap();
                panic!("a step hangs\n{}", self.log);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A YAML file of this repository, or of a test.
pub fn read_yaml(path: &Path) -> Value {
    Document::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).parse().unwrap()
}

/// The workflow files in a folder of this repository.
pub fn workflows(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(repository(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 3, "{folder}: {files:?}");
    files
}

fn remember(known: &mut Known, id: &str, outputs: &Map<String, Value>) {
    if !id.is_empty() {
        known.contexts["steps"][id] = json!({"outputs": outputs});
    }
}

fn variable(name: &str) -> String {
    format!("GITHUB_{}", name.to_uppercase())
}

fn texts(values: &Map<String, Value>) -> BTreeMap<String, String> {
    values.iter().map(|(name, value)| (name.clone(), text_of(value))).collect()
}
