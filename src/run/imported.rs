//! What a Run that another tool measured can claim: which time was measured, how exactly, and which failures are known.
//! A figure that the tool stated without the samples behind it is kept as stated; no histogram is invented for it.

use std::collections::BTreeMap;

use super::PhaseSeries;
use crate::units::Percentile;

/// Where an imported run came from, and what follows for whoever judges it.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// `k6`, `Locust`, ..
    pub tool: String,
    /// Which of its files: `JSON points`.
    pub format: String,
    pub measure: Measure,
    pub exactness: Exactness,
    pub failures: FailureDetail,
    /// Whether the latency also holds requests that failed, which the tool does not tell apart.
    pub failures_in_latency: bool,
    pub resolution: Resolution,
    /// What a reader should know of the numbers.
    pub notes: Vec<String>,
    /// What makes them weaker than they look: a verdict that rests on them warns.
    pub warnings: Vec<String>,
    /// Latency of endpoints whose samples the file does not hold, by label.
    pub stated: BTreeMap<String, StatedLatency>,
    /// All requests together, where the tool states them and they don't follow from the endpoints.
    pub total: Option<StatedTotal>,
}

/// Which time a latency is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// From the moment a request was due to the last byte.
    Response,
    /// From the send to the last byte, a new connection included.
    Service,
    /// From the send to the last byte, without the time to connect.
    ServiceWithoutConnect,
    /// From the send to the first byte.
    TimeToFirstByte,
}

/// What a latency was computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exactness {
    /// Every request's own time.
    Samples,
    /// Counts in narrow bins, or in buckets that the tool rounds to.
    Histogram,
    /// Figures that the tool computed.
    Summary,
}

/// What is known of the requests that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureDetail {
    /// Each with its class and status.
    Classes,
    /// How many, not why.
    Count,
    /// Those that the server answered; of the rest the file says nothing.
    AnsweredOnly,
    /// Nothing.
    Unknown,
}

/// How far apart two latencies must be for the tool to tell them apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resolution {
    /// As a share of the value.
    pub relative: f64,
    /// (from this latency on, width), both in ms, ascending.
    pub steps: Vec<(f64, f64)>,
}

/// Latency figures (ms) as a tool stated them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StatedLatency {
    /// How many requests they rest on.
    pub samples: u64,
    pub percentiles: BTreeMap<Percentile, f64>,
    pub max: Option<f64>,
    pub mean: Option<f64>,
}

/// All requests together, as a tool stated them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StatedTotal {
    /// Without histograms.
    pub counts: PhaseSeries,
    pub latency: StatedLatency,
}

impl StatedLatency {
    /// Whether a higher percentile is lower, which no samples can have.
    #[must_use]
    pub fn falls(&self) -> bool {
        self.percentiles.values().zip(self.percentiles.values().skip(1)).any(|(lower, higher)| lower > higher)
    }
}

impl Measure {
    pub const ALL: [Self; 4] = [Self::Response, Self::Service, Self::ServiceWithoutConnect, Self::TimeToFirstByte];

    /// In words: `time to the first byte`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Response => "response time from the moment a request was due",
            Self::Service => "time from send to last byte",
            Self::ServiceWithoutConnect => "time from send to last byte, without connecting",
            Self::TimeToFirstByte => "time to the first byte",
        }
    }
}

impl Exactness {
    /// In words: `from every request`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Samples => "from every request",
            Self::Histogram => "from a histogram",
            Self::Summary => "as the tool's summary states it",
        }
    }
}

impl Resolution {
    /// The width (ms) within which values near `millis` are not told apart; 0 where every difference counts.
    #[must_use]
    pub fn width_at(&self, millis: f64) -> f64 {
        let step = self.steps.iter().rev().find(|(from, _)| millis >= *from).map_or(0.0, |(_, width)| *width);
        (self.relative * millis).max(step)
    }
}

impl Imported {
    /// `k6 (JSON points): time from send to last byte, without connecting, from every request`
    #[must_use]
    pub fn description(&self) -> String {
        format!("{} ({}): {}, {}", self.tool, self.format, self.measure.text(), self.exactness.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolution_is_as_wide_as_its_step_or_share() {
        let buckets = Resolution { relative: 0.0, steps: vec![(0.0, 1.0), (100.0, 10.0), (1000.0, 100.0)] };
        for (millis, width) in [(5.0, 1.0), (99.0, 1.0), (100.0, 10.0), (999.0, 10.0), (5000.0, 100.0)] {
            assert!((buckets.width_at(millis) - width).abs() < 1e-9, "{millis}");
        }
        let sketch = Resolution { relative: 0.02, steps: Vec::new() };
        assert!((sketch.width_at(200.0) - 4.0).abs() < 1e-9);
        assert!(Resolution::default().width_at(200.0).abs() < 1e-9);
    }
}
