//! From a few lines of scenario to a Run whose books have been checked.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use perfgate::document::Document;
use perfgate::load::{Abort, Endpoints, Event, Heading, Order, descriptor_limit, drive};
use perfgate::plan::{Plan, Workload};
use perfgate::run::{EndpointRun, Environment, FailureClass, PhaseSelection, Run, Summary};
use perfgate::scenario::{Overrides, Scenario, Surroundings};

use super::inspection::check_books;
use super::server::Server;

/// Where scenarios are run.
pub struct Bench {
    folder: tempfile::TempDir,
    threads: u64,
    seed: Option<u64>,
    tags: Vec<String>,
    unneeded_after: Option<Duration>,
    pub abort: Abort,
}

/// A Run, and how long the load took.
pub struct Driven {
    pub run: Run,
    pub took: Duration,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, threads: 1, seed: None, tags: Vec::new(), unneeded_after: None, abort: Abort::default() }
    }

    pub fn threads(self, threads: u64) -> Self {
        Self { threads, ..self }
    }

    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    pub fn tags(self, tags: &[&str]) -> Self {
        Self { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..self }
    }

    /// How long users of an open load stay that are not needed.
    pub fn unneeded_after(self, after: Duration) -> Self {
        Self { unneeded_after: Some(after), ..self }
    }

    /// A data file with one column `id`, counting from 1.
    pub fn rows(self, file: &str, count: u64) -> Self {
        let lines: String = (1..=count).map(|id| format!("{id}\n")).collect::<Vec<_>>().concat();
        std::fs::write(self.folder.path().join(file), format!("id\n{lines}")).unwrap();
        self
    }

    /// Runs the rest of a scenario (all but version, name and target) against a server.
    pub fn run(&self, server: &Server, rest: &str) -> Run {
        self.drive(server.address, rest).run
    }

    pub fn drive(&self, address: SocketAddr, rest: &str) -> Driven {
        let scenario = self.scenario(&format!("http://{address}"), rest);
        self.drive_to(Endpoints { addresses: vec![address], tls: None, version: scenario.http.version }, scenario)
    }

    pub fn drive_to(&self, endpoints: Endpoints, scenario: Arc<Scenario>) -> Driven {
        let mut plan = Plan::new(&scenario, descriptor_limit());
        if let (Workload::Open { unneeded_after, .. }, Some(after)) = (&mut plan.workload, self.unneeded_after) {
            *unneeded_after = after;
        }
        let order = Order { scenario, plan: Arc::new(plan), endpoints, heading: heading(self.threads) };
        let began = Instant::now();
        let run = drive(order, &self.abort, &mut |event| {
            if let Event::Checkpoint(run) = event {
                check_books(run);
            }
        });
        let driven = Driven { run: run.unwrap(), took: began.elapsed() };
        check_books(&driven.run);
        driven
    }

    pub fn scenario(&self, target: &str, rest: &str) -> Arc<Scenario> {
        let text = format!("version: 1\nname: truth\ntarget: {target}\n{rest}");
        open(self.folder.path(), &text, &self.overrides())
    }

    /// A scenario of `examples/` with these replacements, each of which must find something.
    pub fn example(&self, file: &str, target: &str, changes: &[(&str, &str)]) -> Arc<Scenario> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        let mut text = std::fs::read_to_string(folder.join(file)).unwrap();
        for (from, to) in changes {
            assert!(text.contains(from), "no `{from}` in {file}");
            text = text.replace(from, to);
        }
        open(&folder, &text, &Overrides { target: Some(target.to_owned()), ..self.overrides() })
    }

    fn overrides(&self) -> Overrides {
        Overrides { seed: self.seed, tags: self.tags.clone(), ..Overrides::default() }
    }
}

fn open(folder: &Path, text: &str, overrides: &Overrides) -> Arc<Scenario> {
    let surroundings = Surroundings { folder, environment: &|_| None };
    let scenario = Scenario::from_document(&Document::from_text("truth.yaml", text), &surroundings, overrides);
    Arc::new(scenario.unwrap_or_else(|error| panic!("{error}\n{text}")))
}

fn heading(threads: u64) -> Heading {
    let environment = Environment {
        name: None,
        os: "linux".into(),
        arch: "x86_64".into(),
        cores: 2,
        cpu: None,
        perfgate: "0.1.0".into(),
        ci: None,
        job: None,
        commit: None,
        branch: None,
    };
    Heading { started_at: "2026-11-20T12:00:00Z".parse().unwrap(), environment, overrides: Vec::new(), threads }
}

/// The endpoint with this label.
pub fn endpoint<'a>(run: &'a Run, label: &str) -> &'a EndpointRun {
    run.endpoints.iter().find(|endpoint| endpoint.name == label).unwrap_or_else(|| panic!("no endpoint `{label}`"))
}

/// An endpoint's figures over the whole run.
pub fn whole(run: &Run, label: &str) -> Summary {
    run.summary(endpoint(run, label), PhaseSelection::Whole)
}

/// All failures of a class in the whole run.
pub fn failures(run: &Run, class: FailureClass) -> u64 {
    run.endpoints.iter().flat_map(|endpoint| &endpoint.phases).map(|series| series.failures.of(class)).sum()
}

/// Whether the generator noted this problem.
pub fn has_problem(run: &Run, code: &str) -> bool {
    run.generator.problems.iter().any(|problem| problem.code == code)
}

/// A comparison of times may be spoilt by a busy machine: it is made up to three times. Counts never are.
pub fn in_time(mut compare: impl FnMut() -> Result<(), String>) {
    let mut last = String::new();
    for _ in 0..3 {
        match compare() {
            Ok(()) => return,
            Err(difference) => last = difference,
        }
    }
    panic!("three times: {last}");
}

/// All of these at once, each on a thread of its own.
pub fn at_once<T: Send, R: Send>(cases: impl IntoIterator<Item = T>, each: impl Fn(T) -> R + Sync) -> Vec<R> {
    let each = &each;
    std::thread::scope(|scope| {
        let threads: Vec<_> = cases.into_iter().map(|case| scope.spawn(move || each(case))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}
