//! A value that was measured, as a logarithm, with what sampling alone may have moved it by. Percentiles by Woodruff's
//! interval (1952) with a design effect from blocks of time, because neighbouring requests wait in the same queue;
//! means and counts by the spread of the blocks. Differences between runs are not known here.

use super::Histogram;
use crate::units::Percentile;

/// Fewer blocks than this tell nothing of how neighbours depend on each other: each request then counts as independent.
const BLOCKS_NEEDED: usize = 6;
/// What neighbouring blocks share counts with these weights (Bartlett, two lags).
const LAG_WEIGHTS: [f64; 2] = [2.0 / 3.0, 1.0 / 3.0];
/// Where the interval reaches beyond the largest sample, its upper part is a guess: the larger part times this.
const BEYOND_THE_LARGEST: f64 = 1.5;
/// The standard deviation of what is spread evenly is its width over this, the root of 12.
const UNIFORM: f64 = 3.464_101_615_137_754_6;
/// Of what the two sides of a pair would vary by alone, at least this share stays.
const PAIRED_SHARE: f64 = 0.5;

/// The natural logarithm of a measured value, and its standard error downwards and upwards from sampling alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub log: f64,
    pub low: f64,
    pub up: f64,
}

impl Estimate {
    /// A value without an error of its own.
    #[must_use]
    pub const fn exact(log: f64) -> Self {
        Self { log, low: 0.0, up: 0.0 }
    }

    /// The same value, of which only is known within which share `width` of itself it lies.
    #[must_use]
    pub fn rounded(self, width: f64) -> Self {
        let wider = |error: f64| error.hypot(width / UNIFORM);
        Self { low: wider(self.low), up: wider(self.up), ..self }
    }

    /// The sampling variance, both sides together.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let error = f64::midpoint(self.low, self.up);
        error * error
    }
}

/// A percentile of blocks of time, and what pairing it with another needs.
#[derive(Debug, Clone, PartialEq)]
pub struct PercentileEstimate {
    pub estimate: Estimate,
    /// The standard error if every request were independent.
    pub independent: f64,
    /// By how much the variance is larger than that of independent requests; 1 with too few blocks.
    pub design_effect: f64,
    /// What each block contributes to the logarithm.
    pub influences: Vec<f64>,
}

/// The percentile of all blocks together (each the latencies of one stretch of time, of equal length, in order).
/// `None` without samples.
#[must_use]
pub fn percentile_estimate(blocks: &[Histogram], percentile: Percentile) -> Option<PercentileEstimate> {
    percentile_estimate_of(&Histogram::sum(blocks), blocks, percentile)
}

/// As [`percentile_estimate`], where the sum of the blocks is known.
#[must_use]
pub fn percentile_estimate_of(all: &Histogram, blocks: &[Histogram], percentile: Percentile) -> Option<PercentileEstimate> {
    let (p, n) = (percentile.fraction(), number(all.count()));
    let value = all.value_at_fraction(p)?;
    let above: Vec<f64> = blocks.iter().map(|block| number(block.count_above(value))).collect();
    let share = above.iter().sum::<f64>() / n;
    let surplus: Vec<f64> = blocks.iter().zip(&above).map(|(block, above)| above - number(block.count()) * share).collect();
    let binomial = p * (1.0 - p);
    let design_effect = long_run_variance(&surplus).map_or(1.0, |variance| (variance / (n * binomial)).max(1.0));
    let width = (design_effect * binomial / n).sqrt();
    let (low, up) = distances(all, value, p, width);
    let (low_alone, up_alone) = distances(all, value, p, (binomial / n).sqrt());
    let slope = (low + up) / (2.0 * width);
    Some(PercentileEstimate {
        estimate: Estimate { log: value.ln(), low, up },
        independent: f64::midpoint(low_alone, up_alone),
        design_effect,
        influences: surplus.iter().map(|surplus| slope * surplus / n).collect(),
    })
}

/// The logarithm of `later` over `earlier`, measured at the same time over the same blocks: what moved both is taken out.
#[must_use]
pub fn paired_percentiles(later: &PercentileEstimate, earlier: &PercentileEstimate) -> Estimate {
    let log = later.estimate.log - earlier.estimate.log;
    let alone = later.independent.powi(2) + earlier.independent.powi(2);
    let differences: Vec<f64> = later.influences.iter().zip(&earlier.influences).map(|(one, other)| one - other).collect();
    let is_paired = later.influences.len() == earlier.influences.len();
    let variance = match long_run_variance(&differences).filter(|_| is_paired) {
        Some(variance) => variance.max(alone * PAIRED_SHARE),
        None => later.estimate.variance() + earlier.estimate.variance(),
    };
    Estimate { log, low: variance.sqrt(), up: variance.sqrt() }
}

/// The mean of all blocks together, of which `all` is the sum. `None` without samples.
#[must_use]
pub fn mean_estimate(all: &Histogram, blocks: &[Histogram]) -> Option<Estimate> {
    let (mean, n) = (all.mean_ms()?, number(all.count()));
    let surplus = |block: &Histogram| block.mean_ms().map_or(0.0, |own| (own - mean) * number(block.count()));
    let surplus: Vec<f64> = blocks.iter().map(surplus).collect();
    let alone: f64 = all.bins_ms().map(|(value, count)| (value - mean).powi(2) * number(count)).sum();
    let variance = long_run_variance(&surplus).map_or(alone, |variance| variance.max(alone));
    let error = variance.sqrt() / n / mean;
    Some(Estimate { log: mean.ln(), low: error, up: error })
}

/// A rate from how often something happened in each block of time, over `seconds` in all. `None` where it never happened.
#[must_use]
pub fn count_estimate(blocks: &[u64], seconds: f64) -> Option<Estimate> {
    let total = number(blocks.iter().sum());
    if total <= 0.0 || seconds <= 0.0 {
        return None;
    }
    let each = total / number(blocks.len() as u64);
    let surplus: Vec<f64> = blocks.iter().map(|&count| number(count) - each).collect();
    let error = long_run_variance(&surplus).map_or(total, |variance| variance.max(0.0)).sqrt() / total;
    Some(Estimate { log: (total / seconds).ln(), low: error, up: error })
}

/// How far the value is from where the share is one `width` smaller and larger, in logarithms.
fn distances(all: &Histogram, value: f64, p: f64, width: f64) -> (f64, f64) {
    let at = |share: f64| all.value_at_fraction(share.clamp(0.0, 1.0)).unwrap_or(value);
    let low = (value / at(p - width)).ln().max(0.0);
    let up = (at(p + width) / value).ln().max(0.0);
    if p + width < 1.0 { (low, up) } else { (low, up.max(low) * BEYOND_THE_LARGEST) }
}

/// The variance of the sum, neighbours included (Newey and West 1987). `None` for too few blocks.
fn long_run_variance(blocks: &[f64]) -> Option<f64> {
    if blocks.len() < BLOCKS_NEEDED {
        return None;
    }
    let lagged = |lag: usize| blocks.iter().zip(&blocks[lag..]).map(|(one, other)| one * other).sum::<f64>();
    let neighbours: f64 = LAG_WEIGHTS.iter().enumerate().map(|(index, weight)| 2.0 * weight * lagged(index + 1)).sum();
    let count = number(blocks.len() as u64);
    Some((lagged(0) + neighbours) * count / (count - 1.0))
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(millis: impl IntoIterator<Item = f64>) -> Histogram {
        let mut histogram = Histogram::new();
        for value in millis {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds of a test")]
            histogram.record((value * 1000.0) as u64);
        }
        histogram
    }

    /// Latencies from 100 to 200 ms, spread evenly: one more percent of the requests is 1 ms.
    fn even(count: u32) -> Histogram {
        block((0..count).map(|index| 100.0 + 100.0 * f64::from(index) / f64::from(count)))
    }

    #[test]
    fn the_error_of_independent_requests_is_the_binomial_one() {
        let estimate = percentile_estimate(&[even(10_000)], Percentile::P95).unwrap();
        let expected = (0.95 * 0.05 / 10_000.0_f64).sqrt() * 100.0 / 195.0;
        assert!((estimate.estimate.log - 195.0_f64.ln()).abs() < 0.005, "{estimate:?}");
        for found in [estimate.estimate.low, estimate.estimate.up, estimate.independent] {
            assert!((found / expected - 1.0).abs() < 0.5, "{found} is not about {expected}");
        }
        assert!((estimate.design_effect - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_slow_stretch_widens_the_interval_and_an_even_run_does_not() {
        let steady: Vec<_> = (0..12).map(|_| even(1000)).collect();
        let mut disturbed = steady.clone();
        for late in &mut disturbed[5..7] {
            *late = block((0..1000).map(|index| 150.0 + 100.0 * f64::from(index) / 1000.0));
        }
        let (steady, disturbed) =
            (percentile_estimate(&steady, Percentile::P95).unwrap(), percentile_estimate(&disturbed, Percentile::P95).unwrap());
        assert!(steady.design_effect < 1.01, "{steady:?}");
        assert!(disturbed.design_effect > 20.0, "{disturbed:?}");
        assert!(disturbed.estimate.low > 3.0 * steady.estimate.low);
    }

    #[test]
    fn what_moves_both_sides_of_a_pair_is_taken_out() {
        let waves = |factor: f64| -> Vec<Histogram> {
            (0..12_u32)
                .map(|index| {
                    let slow = if index % 4 == 0 { 1.4 } else { 1.0 };
                    block((0..500).map(|request| factor * slow * (100.0 + f64::from(request) / 5.0)))
                })
                .collect()
        };
        let (old, new) =
            (percentile_estimate(&waves(1.0), Percentile::P95).unwrap(), percentile_estimate(&waves(1.2), Percentile::P95).unwrap());
        let pair = paired_percentiles(&new, &old);
        assert!((pair.log - 1.2_f64.ln()).abs() < 0.005, "{pair:?}");
        let apart = (new.estimate.variance() + old.estimate.variance()).sqrt();
        assert!(pair.up < 0.7 * apart, "{} is not far below {apart}", pair.up);
    }

    #[test]
    fn means_and_counts_know_their_errors() {
        let mean = mean_estimate(&even(10_000), &[even(10_000)]).unwrap();
        let expected = 100.0 / 12.0_f64.sqrt() / 100.0 / 150.0;
        assert!((mean.log - 150.0_f64.ln()).abs() < 0.002 && (mean.up / expected - 1.0).abs() < 0.05, "{mean:?} {expected}");
        let rate = count_estimate(&[100, 100, 100, 100, 100, 100], 60.0).unwrap();
        assert!((rate.log - 10.0_f64.ln()).abs() < 1e-9 && rate.up < 1e-9, "{rate:?}");
        let few = count_estimate(&[100], 10.0).unwrap();
        assert!((few.up - 0.1).abs() < 1e-9, "{few:?}");
        assert!(count_estimate(&[0, 0], 10.0).is_none() && count_estimate(&[], 10.0).is_none());
        assert!(mean_estimate(&Histogram::new(), &[]).is_none() && percentile_estimate(&[Histogram::new()], Percentile::P99).is_none());
    }

    proptest! {
        #[test]
        fn estimates_are_finite_and_grow_with_the_values(
            samples in prop::collection::vec(prop::collection::vec(1_u64..3_000_000, 0..40), 1..20),
        ) {
            let blocks = |factor: u64| -> Vec<Histogram> {
                samples.iter().map(|block| {
                    let mut histogram = Histogram::new();
                    for micros in block {
                        histogram.record(micros * factor);
                    }
                    histogram
                }).collect()
            };
            let is_empty = samples.iter().all(Vec::is_empty);
            for percentile in Percentile::ALL {
                let (once, thrice) = (percentile_estimate(&blocks(1), percentile), percentile_estimate(&blocks(3), percentile));
                prop_assert_eq!(once.is_none(), is_empty);
                let (Some(once), Some(thrice)) = (once, thrice) else { continue };
                for number in [once.estimate.log, once.estimate.low, once.estimate.up, once.design_effect, once.independent] {
                    prop_assert!(number.is_finite());
                }
                prop_assert!(once.design_effect >= 1.0 && once.estimate.low >= 0.0 && once.estimate.up >= 0.0);
                prop_assert!(thrice.estimate.log > once.estimate.log);
            }
        }
    }
}
