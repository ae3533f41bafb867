//! One request under way. However it ends, and even if its user is dropped, it is counted exactly once.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::Worker;
use crate::load::exchange::Answer;
use crate::load::recorder::{Fault, Outcome, Sample, micros};

/// A request that has set out.
#[derive(Debug)]
pub struct Departure<'a> {
    worker: &'a Worker,
    endpoint: usize,
    due: Instant,
    sent: Instant,
    settled: bool,
}

/// How a request ended.
struct Ended {
    outcome: Outcome,
    cause: Option<Cow<'static, str>>,
    done: Instant,
    ttfb: Option<u32>,
    status: Option<u16>,
    bytes: u64,
    retried: bool,
}

impl Ended {
    /// At this moment, without an answer.
    fn now(outcome: Outcome) -> Self {
        Self { outcome, cause: None, done: Instant::now(), ttfb: None, status: None, bytes: 0, retried: false }
    }
}

impl<'a> Departure<'a> {
    pub(super) const fn new(worker: &'a Worker, endpoint: usize, due: Instant, sent: Instant) -> Self {
        Self { worker, endpoint, due, sent, settled: false }
    }
}

impl Departure<'_> {
    /// From due to `done`.
    pub fn latency_at(&self, done: Instant) -> Duration {
        done.saturating_duration_since(self.due)
    }

    /// It was answered.
    pub fn answered(mut self, examined: Result<(), Fault>, answer: &Answer, retried: bool) -> Outcome {
        let ttfb = micros(answer.first_byte.saturating_duration_since(self.sent));
        let (outcome, cause) = match examined {
            Ok(()) => (Outcome::Ok, None),
            Err(Fault { class, cause }) => (Outcome::Failed(class), Some(cause)),
        };
        self.record(Ended {
            outcome,
            cause,
            done: answer.done,
            ttfb: Some(ttfb),
            status: Some(answer.status),
            bytes: answer.bytes,
            retried,
        });
        outcome
    }

    /// It failed without an answer.
    pub fn failed(mut self, fault: Fault, retried: bool) -> Outcome {
        let outcome = Outcome::Failed(fault.class);
        self.record(Ended { cause: Some(fault.cause), retried, ..Ended::now(outcome) });
        outcome
    }

    /// It never left this machine.
    pub fn not_sent(mut self, code: &str, text: String) -> Outcome {
        self.settled = true;
        self.worker.batch.borrow_mut().not_sent += 1;
        self.worker.note_problem(code, text);
        Outcome::Unfinished
    }

    fn record(&mut self, ended: Ended) {
        let Ended { outcome, cause, done, ttfb, status, bytes, retried } = ended;
        self.settled = true;
        self.worker.batch.borrow_mut().samples.push(Sample {
            endpoint: u32::try_from(self.endpoint).unwrap_or(u32::MAX),
            due: self.due.saturating_duration_since(self.worker.start),
            latency: micros(self.latency_at(done)),
            service: micros(done.saturating_duration_since(self.sent)),
            ttfb,
            outcome,
            cause,
            status,
            bytes,
            retried,
        });
    }
}

impl Drop for Departure<'_> {
    fn drop(&mut self) {
        self.worker.in_flight.set(self.worker.in_flight.get().saturating_sub(1));
        if !self.settled {
            self.record(Ended::now(Outcome::Unfinished));
        }
    }
}
