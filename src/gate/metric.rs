//! What can have a threshold: the metrics by the names that a threshold file uses, their units, and how each is
//! measured. A new metric is a variant here and an example; what is allowed of it is not known here.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::Unit;
use crate::document::suggestion;
use crate::run::{FailureClass, Figures, Measurement, PhaseSeries, Quantity};
use crate::stats::Estimate;
use crate::units::Percentile;

/// Something that is measured of an endpoint, or of all endpoints together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Latency that this share of the requests did not exceed: `p95`.
    Percentile(Percentile),
    /// The largest latency.
    Max,
    /// The mean latency.
    Mean,
    /// From the real send to the first byte of the answer: `ttfb.p95`.
    TimeToFirstByte(Percentile),
    /// Failed requests over all requests: `failures`, `failures.timeout`, `failures.5xx`.
    Failures(FailureKind),
    /// Requests answered as expected, each second.
    Throughput,
}

/// Which failures a failure rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    All,
    Class(FailureClass),
    /// Failures with a status of this hundred: `4xx` as 4.
    StatusFamily(u16),
    /// Failures with this status.
    Status(u16),
}

/// A name that no metric has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown metric `{written}`")]
pub struct UnknownMetric {
    written: String,
}

/// The names that are suggested where another is unknown, the usual ones first.
const USUAL_NAMES: [&str; 22] = [
    "p95",
    "p99",
    "p50",
    "p75",
    "p90",
    "p99.9",
    "max",
    "mean",
    "failures",
    "throughput",
    "ttfb.p95",
    "failures.timeout",
    "failures.status",
    "failures.check",
    "failures.connect",
    "failures.dns",
    "failures.tls",
    "failures.reset",
    "failures.protocol",
    "failures.too_large",
    "failures.4xx",
    "failures.5xx",
];

impl Metric {
    /// What its values count.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Percentile(_) | Self::Max | Self::Mean | Self::TimeToFirstByte(_) => Unit::Ms,
            Self::Failures(_) => Unit::Share,
            Self::Throughput => Unit::PerSecond,
        }
    }

    /// How a sentence calls it: `p95`, `failure rate`, `failure rate (timeout)`.
    #[must_use]
    pub fn title(self) -> String {
        match self {
            Self::Failures(FailureKind::All) => "failure rate".into(),
            Self::Failures(kind) => format!("failure rate ({kind})"),
            other => other.to_string(),
        }
    }

    /// What of it is a speed; `None` for failures.
    #[must_use]
    pub const fn quantity(self) -> Option<Quantity> {
        match self {
            Self::Percentile(percentile) => Some(Quantity::Percentile(percentile)),
            Self::Max => Some(Quantity::Max),
            Self::Mean => Some(Quantity::Mean),
            Self::TimeToFirstByte(percentile) => Some(Quantity::TimeToFirstByte(percentile)),
            Self::Throughput => Some(Quantity::Throughput),
            Self::Failures(_) => None,
        }
    }

    /// Measures it.
    #[must_use]
    pub fn measure(self, figures: &Figures) -> Measurement {
        self.measure_by(figures, FailureKind::count)
    }

    /// As [`Self::measure`], but of failures only those that the server itself answered.
    #[must_use]
    pub fn measure_answered(self, figures: &Figures) -> Measurement {
        self.measure_by(figures, FailureKind::answered_count)
    }

    fn measure_by(self, figures: &Figures, count: impl Fn(FailureKind, &PhaseSeries) -> u64) -> Measurement {
        let counts = &figures.summary.counts;
        match (self, self.quantity()) {
            (Self::Failures(kind), _) => share(count(kind, counts), counts),
            (_, Some(quantity)) => figures.measure(quantity),
            (_, None) => Measurement { value: None, samples: 0 },
        }
    }

    /// Its logarithm and how far sampling alone may have moved it; `None` for failures, and without samples.
    #[must_use]
    pub fn estimate(self, figures: &Figures) -> Option<Estimate> {
        figures.estimate(self.quantity()?)
    }

    /// What runs of one build usually differ by: the standard deviation of the logarithm. Before anything is known of a
    /// target; from simulation and from practice, the tail being noisier than the middle.
    #[must_use]
    pub fn usual_noise(self) -> f64 {
        match self {
            Self::Percentile(percentile) | Self::TimeToFirstByte(percentile) => {
                let decades = -(1.0 - percentile.fraction()).log10();
                let [median, p95, p99] = [0.301, 1.301, 2.0];
                if decades < p95 { 0.04 + 0.01 * (decades - median) / (p95 - median) } else { 0.05 + 0.025 * (decades - p95) / (p99 - p95) }
            }
            Self::Mean => 0.04,
            Self::Max => 0.3,
            Self::Throughput => 0.03,
            Self::Failures(_) => f64::NAN,
        }
    }

    /// What rounds side by side usually differ by, sampling apart: half of what runs on different days do.
    #[must_use]
    pub fn usual_round_noise(self) -> f64 {
        self.usual_noise() / 2.0
    }

    /// How many requests are expected beyond the percentile among `samples`; infinite for what is none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn tail(self, samples: u64) -> f64 {
        match self {
            Self::Percentile(percentile) | Self::TimeToFirstByte(percentile) => samples as f64 * (1.0 - percentile.fraction()),
            Self::Max | Self::Mean | Self::Throughput | Self::Failures(_) => f64::INFINITY,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) fn share(failed: u64, counts: &PhaseSeries) -> Measurement {
    Measurement { value: (counts.requests > 0).then(|| failed as f64 / counts.requests as f64), samples: counts.requests }
}

impl FailureKind {
    /// How many of the failures are of this kind.
    #[must_use]
    pub fn count(self, counts: &PhaseSeries) -> u64 {
        match self {
            Self::All => counts.failures.total(),
            Self::Class(class) => counts.failures.of(class),
            Self::StatusFamily(_) | Self::Status(_) => self.answered_count(counts),
        }
    }

    /// How many of them the server itself answered. An answer of some status is a failure only where the step did not
    /// expect it, so that no more are counted than answers failed.
    #[must_use]
    pub fn answered_count(self, counts: &PhaseSeries) -> u64 {
        let answered = || FailureClass::ALL.into_iter().filter(|class| class.answered()).map(|class| counts.failures.of(class)).sum();
        match self {
            Self::All => answered(),
            Self::Class(class) if class.answered() => counts.failures.of(class),
            Self::Class(_) => 0,
            Self::StatusFamily(hundreds) => {
                let family = hundreds * 100..hundreds * 100 + 100;
                counts.statuses.range(family).map(|(_, count)| count).sum::<u64>().min(answered())
            }
            Self::Status(status) => counts.statuses.get(&status).copied().unwrap_or(0).min(answered()),
        }
    }

    fn named(text: &str) -> Option<Self> {
        if let Some(class) = FailureClass::ALL.into_iter().find(|class| class.name() == text) {
            return Some(Self::Class(class));
        }
        match text {
            "4xx" => Some(Self::StatusFamily(4)),
            "5xx" => Some(Self::StatusFamily(5)),
            _ => text.parse().ok().filter(|status| text.len() == 3 && (100..=599).contains(status)).map(Self::Status),
        }
    }
}

impl UnknownMetric {
    /// What was probably meant.
    #[must_use]
    pub fn hint(&self) -> String {
        suggestion(&self.written, &USUAL_NAMES)
    }
}

/// From p90 every percentile, below it every fifth: `p59` is `p95` mistyped, and would be a far weaker check.
fn is_usual(percentile: Percentile) -> bool {
    let percent = percentile.fraction() * 100.0;
    percentile >= Percentile::P90 || (percent / 5.0 - (percent / 5.0).round()).abs() < 1e-9
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        let percentile = |text: &str| text.parse::<Percentile>().ok().filter(|&percentile| is_usual(percentile));
        let metric = match text {
            "max" => Some(Self::Max),
            "mean" => Some(Self::Mean),
            "throughput" => Some(Self::Throughput),
            "failures" => Some(Self::Failures(FailureKind::All)),
            _ => match text.split_once('.') {
                Some(("failures", kind)) => FailureKind::named(kind).map(Self::Failures),
                Some(("ttfb", rest)) => percentile(rest).map(Self::TimeToFirstByte),
                _ => percentile(text).map(Self::Percentile),
            },
        };
        // One metric has one name: `p95.0` would be a second rule for p95.
        metric.filter(|metric| metric.to_string() == text).ok_or_else(|| UnknownMetric { written: text.to_owned() })
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(percentile) => write!(f, "{percentile}"),
            Self::Max => f.write_str("max"),
            Self::Mean => f.write_str("mean"),
            Self::TimeToFirstByte(percentile) => write!(f, "ttfb.{percentile}"),
            Self::Failures(FailureKind::All) => f.write_str("failures"),
            Self::Failures(kind) => write!(f, "failures.{kind}"),
            Self::Throughput => f.write_str("throughput"),
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Class(class) => f.write_str(class.name()),
            Self::StatusFamily(hundreds) => write!(f, "{hundreds}xx"),
            Self::Status(status) => write!(f, "{status}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_one_name() {
        for name in USUAL_NAMES.into_iter().chain(["p85", "p98", "p99.99", "p5", "ttfb.p99.9", "failures.429", "failures.302"]) {
            assert_eq!(name.parse::<Metric>().map(|metric| metric.to_string()).as_deref(), Ok(name));
        }
        for name in [
            "p95.0",
            "p59",
            "p72.5",
            "ttfb.p89",
            "p+95",
            "p9e1",
            "p100",
            "P95",
            "ttfb",
            "ttfb.max",
            "failures.all",
            "failures.3xx",
            "failures.99",
            "failures.+42",
            "",
        ] {
            assert!(name.parse::<Metric>().is_err(), "{name}");
        }
    }

    #[test]
    fn an_unknown_metric_says_which_was_meant() {
        let error = "p59".parse::<Metric>().unwrap_err();
        assert_eq!((error.to_string().as_str(), error.hint().as_str()), ("unknown metric `p59`", "did you mean `p95`?"));
        assert_eq!("failures.timeuot".parse::<Metric>().unwrap_err().hint(), "did you mean `failures.timeout`?");
    }

    #[test]
    fn an_expected_status_is_no_failure() {
        let mut counts = PhaseSeries { requests: 10, ok: 10, ..PhaseSeries::default() };
        counts.statuses.insert(404, 10);
        assert_eq!(FailureKind::Status(404).count(&counts), 0);
        counts.failures.add(FailureClass::Status, 3);
        assert_eq!(FailureKind::StatusFamily(4).count(&counts), 3);
        assert_eq!(FailureKind::StatusFamily(5).count(&counts), 0);
    }
}
