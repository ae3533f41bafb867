//! A load without a target: requests are recorded as if they had been made, through the same books. For measuring what
//! recording takes.

use std::sync::Arc;
use std::time::Duration;

use super::collector::{Collector, Heading};
use super::recorder::{Batch, Outcome, Sample};
use crate::plan::Plan;
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
