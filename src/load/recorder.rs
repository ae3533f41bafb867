//! What one worker thread keeps of its requests until the collector takes it, some times a second.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::run::{FailureClass, Problem};

/// The outcome of one request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub endpoint: u32,
    /// When it was due, from the start of the run.
    pub due: Duration,
    /// From due to its end, us.
    pub latency: u32,
    /// From sent to its end, us.
    pub service: u32,
    /// From sent to the first byte of the answer, us.
    pub ttfb: Option<u32>,
    pub outcome: Outcome,
    /// Of a failure, in words of ours.
    pub cause: Option<Cow<'static, str>>,
    pub status: Option<u16>,
    pub bytes: u64,
    pub retried: bool,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    Failed(FailureClass),
    /// Under way when the run ended.
    Unfinished,
}

impl Outcome {
    /// Whether it ended without an answer, which can be at once.
    #[must_use]
    pub const fn went_without_answer(self) -> bool {
        match self {
            Self::Ok => false,
            Self::Failed(class) => !class.answered(),
            Self::Unfinished => true,
        }
    }

    /// Whether its latency counts: hiding the slowest must not improve a percentile, while other failures are judged as failures.
    #[must_use]
    pub const fn has_latency(self) -> bool {
        matches!(self, Self::Ok | Self::Unfinished | Self::Failed(FailureClass::Timeout))
    }
}

/// Why a request failed: its class, and what went wrong in words of ours (never the server's).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub class: FailureClass,
    pub cause: Cow<'static, str>,
}

impl Fault {
    pub fn new(class: FailureClass, cause: impl Into<Cow<'static, str>>) -> Self {
        Self { class, cause: cause.into() }
    }
}

/// Something that the generator itself did later than it should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    /// When it should have been, from the start of the run (ms).
    pub due_ms: u32,
    /// How much later it was, us.
    pub by: u32,
}

/// What a worker hands over at once.
#[derive(Debug, Default)]
pub struct Batch {
    /// When it was handed over, from the start of the run.
    pub at: Duration,
    pub samples: Vec<Sample>,
    /// Requests that were due, sent or not.
    pub scheduled: u64,
    pub not_sent: u64,
    /// How late timers fired.
    pub lateness: Vec<Delay>,
    /// Task starts of an open load: how long each waited until a user, or a shared connection, was free for it.
    pub waits: Vec<Delay>,
    /// Cycles of tasks with `pacing`, and those that began a whole cycle late or more.
    pub cycles: u64,
    pub late_cycles: u64,
    /// Tasks that were begun, by kind, task and phase.
    pub tasks: BTreeMap<(usize, usize, usize), u64>,
    pub connections_opened: u64,
    /// Users who are there (closed), or requests under way (open), as it is handed over.
    pub at_once: u64,
    pub problems: Vec<Problem>,
    /// CPU time of the worker's thread so far, where the system tells.
    pub cpu: Option<Duration>,
}

impl Batch {
    /// Room for as much as the last one held.
    #[must_use]
    pub fn like(last: &Self) -> Self {
        Self { samples: Vec::with_capacity(last.samples.len()), ..Self::default() }
    }
}

/// A duration in whole microseconds, at most what fits.
#[must_use]
pub fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_timeouts_among_failures_have_a_latency() {
        assert!(Outcome::Ok.has_latency() && Outcome::Unfinished.has_latency());
        for class in FailureClass::ALL {
            assert_eq!(Outcome::Failed(class).has_latency(), class == FailureClass::Timeout, "{class:?}");
        }
    }

    #[test]
    fn a_duration_beyond_the_range_is_kept_at_its_end() {
        assert_eq!(micros(Duration::from_millis(3)), 3000);
        assert_eq!(micros(Duration::from_secs(10_000)), u32::MAX);
    }
}
