//! Whether there is enough data for a claim. A percentile needs ten samples beyond it, a mean 30, a failure rate 20
//! requests; with fewer, only a breach that chance all but excludes is a breach.

use super::{Measurement, Metric};
use crate::run::PhaseSeries;
use crate::units::format_count;

/// So few samples make a mean.
const SAMPLES_FOR_MEAN: u64 = 30;
/// So few requests make a failure rate.
const REQUESTS_FOR_RATE: u64 = 20;
/// How unlikely so many failures must be at the limit itself, to be a breach with too few requests for a rate.
const PROVEN_BELOW: f64 = 0.001;

/// Why a value is no basis for a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shortage {
    pub(super) kind: ShortageKind,
    /// One sentence without its end.
    pub(super) text: String,
}

/// The kinds of shortage, as reasons tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShortageKind {
    NoSamples,
    TooFewSamples,
}

/// How many samples the metric needs for a claim: latencies, or requests for a rate.
#[must_use]
pub fn samples_needed(metric: Metric) -> u64 {
    match metric {
        Metric::Percentile(percentile) | Metric::TimeToFirstByte(percentile) => percentile.requests_needed(),
        Metric::Mean => SAMPLES_FOR_MEAN,
        Metric::Failures(_) => REQUESTS_FOR_RATE,
        Metric::Max | Metric::Throughput => 1,
    }
}

/// What is missing for a claim about the metric; `None` where there is enough.
pub(super) fn shortage(metric: Metric, counts: &PhaseSeries, measurement: Measurement) -> Option<Shortage> {
    let missing = |kind, text| Some(Shortage { kind, text });
    let Measurement { value, samples } = measurement;
    if counts.requests == 0 && samples == 0 {
        return missing(ShortageKind::NoSamples, format!("{} has no samples: no request was made", metric.title()));
    }
    if samples == 0 || value.is_none() {
        let cause = if counts.failures.total() == counts.requests { "all failed" } else { "none gave a value" };
        let text = format!("{} has no samples: of {} requests {cause}", metric.title(), format_count(counts.requests));
        return missing(ShortageKind::NoSamples, text);
    }
    let needed = samples_needed(metric);
    if samples < needed {
        let text = format!("needs {} requests for {}, has {}", format_count(needed), metric.title(), format_count(samples));
        return missing(ShortageKind::TooFewSamples, text);
    }
    None
}

/// Whether few requests are enough after all: none may fail, or more failed than chance explains at the limit.
pub(super) fn few_are_enough(failed: u64, requests: u64, limit: f64) -> bool {
    requests > 0 && (limit == 0.0 || chance_of_as_many(failed, requests, limit) < PROVEN_BELOW)
}

/// The chance of `failed` or more failures among `requests` that each fail with probability `rate`.
#[expect(clippy::cast_precision_loss, reason = "for some twenty requests")]
fn chance_of_as_many(failed: u64, requests: u64, rate: f64) -> f64 {
    let mut term = (1.0 - rate).powf(requests as f64);
    let mut below = 0.0;
    for count in 0..failed {
        below += term;
        term *= (requests.saturating_sub(count)) as f64 / (count + 1) as f64 * rate / (1.0 - rate);
    }
    1.0 - below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_requests_prove_a_gross_breach_only() {
        for (failed, requests, limit, enough) in [
            (1, 10, 0.01, false),
            (2, 10, 0.01, false),
            (3, 10, 0.01, true),
            (10, 10, 0.01, true),
            (10, 10, 0.5, true),
            (9, 10, 0.5, false),
            (1, 1, 0.0, true),
            (0, 5, 0.0, true),
            (0, 5, 0.01, false),
            (0, 0, 0.0, false),
        ] {
            assert_eq!(few_are_enough(failed, requests, limit), enough, "{failed} of {requests} at {limit}");
        }
    }

    #[test]
    fn the_chance_is_the_binomial_tail() {
        assert!((chance_of_as_many(2, 3, 0.5) - 0.5).abs() < 1e-12);
        assert!((chance_of_as_many(0, 3, 0.5) - 1.0).abs() < 1e-12);
        assert!((chance_of_as_many(3, 3, 0.1) - 0.001).abs() < 1e-12);
    }
}
