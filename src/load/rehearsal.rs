//! A load without a target: requests are recorded as if they had been made, through the same books, or written and not
//! sent. For measuring what recording and writing take.

use std::sync::Arc;
use std::time::Duration;

use super::collector::{Collector, Heading};
use super::recorder::{Batch, Outcome, Sample};
use super::request::{Program, Scratch, compose};
use super::values::{Scope, Value};
use crate::plan::{Dice, Plan, Stream};
use crate::run::Run;
use crate::scenario::Scenario;

/// The books of a load that does not take place.
#[derive(Debug)]
pub struct Rehearsal(Collector);

impl Rehearsal {
    #[must_use]
    pub fn new(scenario: Arc<Scenario>, plan: Arc<Plan>, heading: Heading) -> Self {
        Self(Collector::new(scenario, plan, heading))
    }

    /// Records requests that were due at this time and succeeded: the endpoint of each, and how long it took (us).
    pub fn record(&mut self, due: Duration, requests: impl IntoIterator<Item = (u32, u32)>) {
        let sample = |(endpoint, micros)| Sample {
            endpoint,
            due,
            latency: micros,
            service: micros,
            ttfb: Some(micros),
            outcome: Outcome::Ok,
            cause: None,
            status: Some(200),
            bytes: 100,
            retried: false,
        };
        let samples: Vec<Sample> = requests.into_iter().map(sample).collect();
        self.0.absorb(0, Batch { at: due, scheduled: samples.len() as u64, samples, ..Batch::default() });
    }

    /// A second is over.
    pub fn tick(&mut self, elapsed: Duration) {
        self.0.progress(elapsed, Duration::from_secs(1));
    }

    /// The Run as it stands.
    #[must_use]
    pub fn run(&self, elapsed: Duration) -> Run {
        self.0.run(elapsed, None)
    }
}

/// Writes requests without sending them.
#[derive(Debug)]
pub struct Composer {
    scenario: Arc<Scenario>,
    program: Program,
    scratch: Scratch,
    variables: Vec<Option<Value>>,
    rows: Vec<usize>,
    dice: Dice,
    iteration: u64,
}

impl Composer {
    /// For a user who has saved `saved` under every name that the scenario knows.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>, saved: &str) -> Self {
        Self {
            program: Program::new(&scenario),
            scratch: Scratch::default(),
            variables: vec![Some(Value::Text(saved.into())); scenario.variables.len()],
            rows: vec![0; scenario.data.len()],
            dice: Dice::new(scenario.seed, Stream::Kinds),
            iteration: 0,
            scenario,
        }
    }

    /// Writes a task's only step once more, and gives the request's length in bytes.
    pub fn write(&mut self, task: usize) -> usize {
        self.iteration += 1;
        let kind = &self.scenario.kinds[0];
        let (step, head) = (&kind.tasks[task].steps[0], &self.program.kinds[0].tasks[task][0]);
        let mut scope = Scope {
            data: &self.scenario.data,
            rows: &self.rows,
            variables: &self.variables,
            user: 1,
            iteration: self.iteration,
            dice: &mut self.dice,
        };
        let written = compose(step, head, &mut scope, |_| None, &mut self.scratch);
        if written.is_ok() { self.scratch.request.len() } else { 0 }
    }
}
