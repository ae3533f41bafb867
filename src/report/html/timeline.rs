//! A run as series over time, in at most so many steps as a screen can show.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::run::{EndpointRun, FailureClass, Run, Slice};
use crate::stats::Histogram;
use crate::units::Percentile;

/// Steps of a series; a chart is seldom wider.
const STEPS: usize = 300;

/// What some endpoints did together, from the start of the run.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Timeline {
    /// Latency, in the run's slices or several of them.
    pub moments: Vec<Moment>,
    /// Requests and failures, in seconds or several of them.
    pub rates: Vec<RateStep>,
    /// The failures by class, the most frequent first; empty where classes are not known by second.
    pub classes: Vec<ClassRates>,
}

/// Failures of one class each second.
#[derive(Debug, PartialEq)]
pub(super) struct ClassRates {
    pub class: FailureClass,
    /// Of the whole run.
    pub total: u64,
    /// One for each of the steps.
    pub rates: Vec<f64>,
}

/// What some endpoints did together in one step.
#[derive(Debug)]
pub(super) struct Stretch {
    /// Start and length (s).
    pub at: f64,
    pub length: f64,
    pub requests: u64,
    pub failures: u64,
    pub latency: Histogram,
}

/// Latency in one step; `None` without a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moment {
    /// Start and length (s).
    pub at: f64,
    pub length: f64,
    pub requests: u64,
    pub failures: u64,
    /// p50, p95 and p99 (ms).
    pub latency: [Option<f64>; 3],
}

/// Events a second in one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RateStep {
    /// Start and length (s).
    pub at: f64,
    pub length: f64,
    pub requests: f64,
    pub failures: f64,
}

impl RateStep {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole seconds of a run")]
    fn seconds(&self) -> std::ops::Range<usize> {
        self.at as usize..(self.at + self.length) as usize
    }
}

/// The percentiles of [`Moment::latency`].
pub(super) const PERCENTILES: [Percentile; 3] = [Percentile::P50, Percentile::P95, Percentile::P99];

impl Timeline {
    pub(super) fn of<'a>(endpoints: impl Iterator<Item = &'a EndpointRun> + Clone) -> Self {
        let rates = rates(endpoints.clone(), STEPS, 0);
        Self { moments: moments(endpoints.clone()), classes: classes(endpoints, &rates), rates }
    }
}

/// Where a run ends (s): a complete one with its phases or its last answer, another where its values end.
#[expect(clippy::cast_precision_loss, reason = "a run is shorter than 2^52 seconds")]
pub(super) fn end_of(run: &Run) -> f64 {
    let slices = run.endpoints.iter().flat_map(|endpoint| &endpoint.slices).map(|slice| seconds(slice.at + slice.length));
    let counted = run.endpoints.iter().map(|endpoint| endpoint.per_second.requests.len() as f64);
    let phases = run.phases.iter().filter(|_| run.complete).map(|phase| seconds(phase.at + phase.length));
    slices.chain(counted).chain(phases).fold(0.0, f64::max)
}

/// The percentiles of each step.
pub(super) fn moments<'a>(endpoints: impl Iterator<Item = &'a EndpointRun>) -> Vec<Moment> {
    let moment = |of: Stretch| Moment {
        at: of.at,
        length: of.length,
        requests: of.requests,
        failures: of.failures,
        latency: PERCENTILES.map(|percentile| of.latency.percentile_ms(percentile)),
    };
    stretches(endpoints).map(moment).collect()
}

/// The slices, put together by when they were.
pub(super) fn stretches<'a>(endpoints: impl Iterator<Item = &'a EndpointRun>) -> impl Iterator<Item = Stretch> {
    let slices: Vec<&Slice> = endpoints.flat_map(|endpoint| &endpoint.slices).collect();
    let slice = slices.iter().map(|slice| slice.length).max().unwrap_or_default().max(Duration::from_nanos(1));
    let end = slices.iter().map(|slice| slice.at + slice.length).max().unwrap_or_default();
    let count = end.as_nanos().div_ceil(slice.as_nanos());
    let length = slice * u32::try_from(count.div_ceil(STEPS as u128).max(1)).unwrap_or(u32::MAX);
    let mut gathered: Vec<Vec<&Slice>> = Vec::new();
    for slice in slices {
        let at = usize::try_from(slice.at.as_nanos() / length.as_nanos()).unwrap_or(STEPS).min(STEPS);
        if gathered.len() <= at {
            gathered.resize_with(at + 1, Vec::new);
        }
        gathered[at].push(slice);
    }
    (0..).zip(gathered).map(move |(index, slices)| Stretch {
        at: seconds(length * index),
        length: seconds(length),
        requests: slices.iter().map(|slice| slice.requests).sum(),
        failures: slices.iter().map(|slice| slice.failures).sum(),
        latency: Histogram::sum(slices.iter().map(|slice| &slice.latency)),
    })
}

/// Requests and failures in at most so many steps, over at least so many seconds.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) fn rates<'a>(
    endpoints: impl Iterator<Item = &'a EndpointRun> + Clone,
    most_steps: usize,
    least_seconds: usize,
) -> Vec<RateStep> {
    let length = endpoints.clone().map(|endpoint| endpoint.per_second.requests.len()).max().unwrap_or_default();
    let length = if length == 0 { 0 } else { length.max(least_seconds) };
    let step = length.div_ceil(most_steps).max(1);
    let mut sums = vec![(0_u64, 0_u64); length.div_ceil(step)];
    for endpoint in endpoints {
        for (second, count) in endpoint.per_second.requests.values().enumerate() {
            sums[second / step].0 += count;
        }
        for (second, count) in endpoint.per_second.failures.values().enumerate().take(length) {
            sums[second / step].1 += count;
        }
    }
    let rate = |(index, (requests, failures)): (usize, (u64, u64))| {
        let seconds = step.min(length - index * step) as f64;
        let (requests, failures) = (requests as f64 / seconds, failures as f64 / seconds);
        RateStep { at: (index * step) as f64, length: seconds, requests, failures }
    };
    sums.into_iter().enumerate().map(rate).collect()
}

/// The failures of each class in these steps.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) fn classes<'a>(endpoints: impl Iterator<Item = &'a EndpointRun>, steps: &[RateStep]) -> Vec<ClassRates> {
    let mut sums = BTreeMap::<FailureClass, Vec<u64>>::new();
    for (&(second, class), count) in endpoints.flat_map(|endpoint| &endpoint.per_second.classes) {
        let after = steps.partition_point(|step| step.at <= f64::from(second));
        if let Some(at) = after.checked_sub(1) {
            sums.entry(class).or_insert_with(|| vec![0; steps.len()])[at] += count;
        }
    }
    let rates = |(class, counts): (FailureClass, Vec<u64>)| ClassRates {
        class,
        total: counts.iter().sum(),
        rates: counts.iter().zip(steps).map(|(count, step)| *count as f64 / step.length).collect(),
    };
    let mut classes: Vec<ClassRates> = sums.into_iter().map(rates).collect();
    classes.sort_by_key(|of| std::cmp::Reverse(of.total));
    classes
}

/// Requests answered as expected each second, in each step; empty where the run does not know.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) fn answered(run: &Run, steps: &[RateStep]) -> Vec<f64> {
    if run.answered.is_empty() {
        return Vec::new();
    }
    steps.iter().map(|step| step.seconds().map(|second| run.answered.at(second)).sum::<u64>() as f64 / step.length).collect()
}

/// The most users, or requests under way, in each step; empty where the run does not know.
pub(super) fn at_once(run: &Run, steps: &[RateStep]) -> Vec<u64> {
    if run.at_once.is_empty() {
        return Vec::new();
    }
    steps.iter().map(|step| step.seconds().map(|second| run.at_once.at(second)).max().unwrap_or_default()).collect()
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use crate::run::EndpointRole;

    #[test]
    fn a_long_run_is_told_in_a_few_hundred_steps_and_nothing_is_lost() {
        let mut endpoint = samples::endpoint("GET /a", EndpointRole::Task, 20);
        let slices = endpoint.slices.clone();
        endpoint.slices = (0..120_u32)
            .flat_map(|minute| {
                slices.iter().cloned().map(move |mut slice| {
                    slice.at += Duration::from_secs(60) * minute;
                    slice
                })
            })
            .collect();
        endpoint.per_second.requests = std::iter::repeat_n(3, 7199).collect();
        endpoint.per_second.failures = std::iter::repeat_n(1, 7199).collect();
        endpoint.per_second.classes =
            (0..7199).map(|second| ((second, if second < 48 { FailureClass::Timeout } else { FailureClass::Status }), 1)).collect();
        let timeline = Timeline::of([&endpoint, &endpoint].into_iter());
        let classes: Vec<_> = timeline.classes.iter().map(|of| (of.class, of.total, of.rates.iter().sum::<f64>().round())).collect();
        assert_eq!(classes, [(FailureClass::Status, 2 * 7151, 596.0), (FailureClass::Timeout, 2 * 48, 4.0)]);
        assert_eq!((timeline.moments.len(), timeline.rates.len()), (300, 300));
        assert_eq!(timeline.moments.iter().map(|moment| moment.requests).sum::<u64>(), 2 * 120 * 3000);
        assert!(timeline.rates.iter().all(|rate| (rate.requests, rate.failures) == (6.0, 2.0)), "the last step is a second shorter");
    }

    #[test]
    fn a_run_that_was_cut_short_ends_with_its_values() {
        let mut run = samples::run();
        run.endpoints.truncate(1);
        run.endpoints[0].slices.truncate(3);
        run.endpoints[0].per_second.requests.resize(7);
        let ends = [true, false].map(|complete| end_of(&Run { complete, ..run.clone() }).to_string());
        assert_eq!(ends, ["60", "7"]);
    }

    #[test]
    fn a_stretch_without_samples_has_no_latency() {
        let mut endpoint = samples::endpoint("GET /a", EndpointRole::Task, 20);
        endpoint.slices.remove(7);
        let moments = Timeline::of([&endpoint].into_iter()).moments;
        assert_eq!((moments.len(), moments[7].requests, moments[7].latency), (30, 0, [None; 3]));
        assert_eq!(Timeline::of(std::iter::empty::<&EndpointRun>()), Timeline::default());
    }
}
