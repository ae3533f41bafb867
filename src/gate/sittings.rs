//! The loads of one release, seen as one: a check may load a release more than once until it is sure. Counts are added;
//! latencies of different loads are never mixed, their logarithms are averaged.

use super::enough_data::{Shortage, shortage};
use super::{Figures, Measurement, Metric};
use crate::stats::Estimate;

/// One metric over every load that has enough data for it.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    pub(super) measurement: Measurement,
    /// One for each load; none for failures.
    pub(super) estimates: Vec<Estimate>,
    /// What the counts are taken from: all loads together for failures, else the last.
    pub(super) figures: Figures,
    /// Why it is no basis for a claim, where no load has enough.
    pub(super) shortage: Option<Shortage>,
}

impl Measured {
    /// Measures in each load; `None` where there is none.
    pub(super) fn of(metric: Metric, loads: &[Figures]) -> Option<Self> {
        if matches!(metric, Metric::Failures(_)) {
            return Some(Self::of_one(metric, Figures::together(loads)?));
        }
        let is_enough = |figures: &&Figures| shortage(metric, &figures.summary.counts, metric.measure(figures)).is_none();
        let enough: Vec<&Figures> = loads.iter().filter(is_enough).collect();
        match enough[..] {
            [] => Some(Self::of_one(metric, loads.last()?.clone())),
            [one] => Some(Self::of_one(metric, one.clone())),
            [.., last] => Some(Self::of_several(metric, &enough, last)),
        }
    }

    /// Of one load, counting only failures that the server itself answered.
    pub(super) fn answered(metric: Metric, figures: &Figures) -> Self {
        let measurement = metric.measure_answered(figures);
        let shortage = shortage(metric, &figures.summary.counts, measurement);
        Self { measurement, estimates: Vec::new(), figures: figures.clone(), shortage }
    }

    fn of_one(metric: Metric, figures: Figures) -> Self {
        let measurement = metric.measure(&figures);
        let shortage = shortage(metric, &figures.summary.counts, measurement);
        Self { measurement, estimates: metric.estimate(&figures).into_iter().collect(), figures, shortage }
    }

    #[expect(clippy::cast_precision_loss, reason = "a handful of loads")]
    fn of_several(metric: Metric, loads: &[&Figures], last: &Figures) -> Self {
        let estimates: Vec<Estimate> = loads.iter().filter_map(|figures| metric.estimate(figures)).collect();
        let values: Vec<f64> = loads.iter().filter_map(|figures| metric.measure(figures).value).collect();
        let value = match metric {
            Metric::Max => values.into_iter().reduce(f64::max),
            _ => Some((values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()),
        };
        let samples = loads.iter().map(|figures| metric.measure(figures).samples).sum();
        Self { measurement: Measurement { value, samples }, estimates, figures: last.clone(), shortage: None }
    }

    /// How many requests the last load has beyond the percentile.
    pub(super) fn tail(&self, metric: Metric) -> f64 {
        metric.tail(metric.measure(&self.figures).samples)
    }
}
