//! What one endpoint, or all of them, did over some phases of a run, and what is measured of it: each quantity with how
//! far sampling alone may have moved it. What is allowed of a quantity is not known here.

use std::fmt;
use std::str::FromStr;

use super::digest;
use super::{EndpointRun, PhaseSelection, Resolution, Run, Summary};
use crate::stats::{Estimate, Histogram, count_estimate, mean_estimate, paired_percentiles, percentile_estimate, percentile_estimate_of};
use crate::units::Percentile;

/// What one endpoint, or all of them, did over some phases.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    pub summary: Summary,
    /// The latencies once more, in blocks of time.
    pub blocks: Vec<Histogram>,
    /// The sum of the blocks.
    pub whole: Histogram,
    /// How many requests were answered as expected in each block of time.
    pub answered: Vec<u64>,
    /// Length of the phases (s).
    pub seconds: f64,
    /// How far apart latencies must be to be told apart, where another tool measured them.
    pub resolution: Resolution,
}

/// A speed that is measured: a latency (ms) or a rate (1/s).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// Latency that this share of the requests did not exceed.
    Percentile(Percentile),
    Max,
    Mean,
    /// From the real send to the first byte of the answer.
    TimeToFirstByte(Percentile),
    /// Requests answered as expected, each second.
    Throughput,
}

/// A measured value and how much it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement {
    /// In the unit of what is measured; `None` without samples.
    pub value: Option<f64>,
    /// Latencies for a latency, requests for a rate.
    pub samples: u64,
}

impl Figures {
    /// Takes them from a run: of one of its endpoints, or of all task endpoints together (`None`).
    #[must_use]
    pub fn over(run: &Run, endpoint: Option<&EndpointRun>, selection: PhaseSelection<'_>) -> Self {
        let seconds = run.duration_of(selection).as_secs_f64();
        let resolution = run.imported.as_ref().map(|imported| imported.resolution.clone()).unwrap_or_default();
        let blocks = match endpoint {
            Some(endpoint) => run.latency_blocks(endpoint, selection),
            None => run.total_latency_blocks(selection),
        };
        let whole = Histogram::sum(&blocks);
        // What a tool stated of all endpoints together is not in the parts.
        let is_counted = endpoint.is_some() || run.stated_total(selection).is_none();
        let latency = if is_counted { whole.clone() } else { Histogram::new() };
        let counts = endpoint.map_or_else(|| run.total_counts(selection), |endpoint| run.counts(endpoint, selection));
        let answered = run.answered_blocks(endpoint, selection);
        let summary = Summary { latency, ..counts };
        Self { summary, blocks, whole, answered, seconds, resolution }
    }

    /// All of several loads together, for counts; latencies of different loads are never mixed by anybody else.
    #[must_use]
    pub fn together(of: &[Self]) -> Option<Self> {
        let (first, rest) = of.split_first()?;
        let mut all = first.clone();
        for one in rest {
            all.summary.counts.merge(&one.summary.counts);
            all.summary.latency.merge(&one.summary.latency);
            all.seconds += one.seconds;
        }
        Some(all)
    }

    /// Requests that were answered as expected, each second; `None` without a length.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn throughput(&self) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.summary.counts.ok as f64 / self.seconds)
    }

    /// Measures a quantity.
    #[must_use]
    pub fn measure(&self, quantity: Quantity) -> Measurement {
        let (summary, ttfb) = (&self.summary, &self.summary.counts.ttfb);
        let (value, samples) = match quantity {
            Quantity::Percentile(percentile) => (summary.percentile_ms(percentile), summary.latency_samples()),
            Quantity::Max => (summary.max_ms(), summary.latency_samples()),
            Quantity::Mean => (summary.mean_ms(), summary.latency_samples()),
            Quantity::TimeToFirstByte(percentile) => (ttfb.percentile_ms(percentile), ttfb.count()),
            Quantity::Throughput => (self.throughput(), summary.counts.requests),
        };
        Measurement { value, samples }
    }

    /// The logarithm of a quantity and how far sampling alone may have moved it; `None` without samples. A latency that a
    /// tool stated has no error of its own: what such values differ by from run to run holds that of sampling too. Rounded
    /// as a digest keeps it, so that what did not change is no change.
    #[must_use]
    pub fn estimate(&self, quantity: Quantity) -> Option<Estimate> {
        // A tool may round to 0, which has no logarithm, and would be no number to whatever shares its noise.
        let value = self.measure(quantity).value.filter(|value| *value > 0.0)?;
        let estimate = match &self.summary.stated {
            Some(_) if quantity.is_of_whole_answers() => Some(Estimate::exact(value.ln())),
            _ => self.estimate_of_samples(quantity),
        };
        let width = if quantity == Quantity::Throughput { 0.0 } else { self.resolution.width_at(value) };
        estimate.map(|estimate| digest::kept(estimate.rounded(width / value))).filter(digest::is_number)
    }

    fn estimate_of_samples(&self, quantity: Quantity) -> Option<Estimate> {
        match quantity {
            Quantity::Percentile(percentile) => percentile_estimate_of(&self.whole, &self.blocks, percentile).map(|found| found.estimate),
            // Kept for whole phases only, so that each request counts as independent.
            Quantity::TimeToFirstByte(percentile) => {
                percentile_estimate(std::slice::from_ref(&self.summary.counts.ttfb), percentile).map(|found| found.estimate)
            }
            Quantity::Mean => mean_estimate(&self.whole, &self.blocks),
            Quantity::Max => self.summary.latency.max_ms().map(|value| Estimate::exact(value.ln())),
            Quantity::Throughput => {
                let rate = self.throughput().filter(|rate| *rate > 0.0)?;
                let error = count_estimate(&self.answered, 1.0).map_or((rate * self.seconds).sqrt().recip(), |blocks| blocks.up);
                Some(Estimate { log: rate.ln(), low: error, up: error })
            }
        }
    }

    /// The logarithm of this quantity over that of `before`, both measured at the same time: what moved both is taken out
    /// where the blocks of time tell it.
    #[must_use]
    pub fn paired_estimate(&self, before: &Self, quantity: Quantity) -> Option<Estimate> {
        if let Quantity::Percentile(percentile) = quantity {
            let of = |side: &Self| percentile_estimate_of(&side.whole, &side.blocks, percentile);
            return Some(paired_percentiles(&of(self)?, &of(before)?));
        }
        let (now, before) = (self.estimate(quantity)?, before.estimate(quantity)?);
        let error = (now.variance() + before.variance()).sqrt();
        Some(Estimate { log: now.log - before.log, low: error, up: error })
    }
}

impl Quantity {
    /// What is left of the latencies once they are stated instead of counted; the time to the first byte is not.
    const fn is_of_whole_answers(self) -> bool {
        matches!(self, Self::Percentile(_) | Self::Max | Self::Mean)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(percentile) => write!(f, "{percentile}"),
            Self::Max => f.write_str("max"),
            Self::Mean => f.write_str("mean"),
            Self::TimeToFirstByte(percentile) => write!(f, "ttfb.{percentile}"),
            Self::Throughput => f.write_str("throughput"),
        }
    }
}

/// A name that no quantity has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a quantity")]
pub struct UnknownQuantity;

impl FromStr for Quantity {
    type Err = UnknownQuantity;

    fn from_str(text: &str) -> Result<Self, UnknownQuantity> {
        let percentile = |text: &str| text.parse().map_err(|_| UnknownQuantity);
        match (text, text.strip_prefix("ttfb.")) {
            ("max", _) => Ok(Self::Max),
            ("mean", _) => Ok(Self::Mean),
            ("throughput", _) => Ok(Self::Throughput),
            (_, Some(rest)) => percentile(rest).map(Self::TimeToFirstByte),
            _ => percentile(text).map(Self::Percentile),
        }
    }
}
