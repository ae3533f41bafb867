//! Latency counts in integer microseconds, 1 us to 1 h, with three significant digits: the bins of `HdrHistogram`,
//! kept sparse so that a run can hold thousands of slices.

use std::sync::Arc;

use super::bins::Bins;
use crate::units::Percentile;

/// The highest latency that is kept apart: 1 h. What is longer is counted here.
pub(super) const MAX_MICROS: u32 = 3_600_000_000;
/// Bins below this are 1 us wide (three significant digits need 2 x 10^3, rounded up to a power of two).
pub(super) const LINEAR_BINS: u32 = 2048;
/// So many new bins are put in their places one by one; more are merged in one go.
const FEW_BINS: usize = 8;

/// Counts of latencies in microseconds. Merging is exact: the merge of parts equals the whole.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    bins: Bins,
    count: u64,
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.bins.iter().eq(other.bins.iter())
    }
}

impl Eq for Histogram {}

/// The lowest value of the bin that holds `micros`.
pub(super) fn bin_of(micros: u64) -> u32 {
    let micros = u32::try_from(micros).unwrap_or(MAX_MICROS).clamp(1, MAX_MICROS);
    if micros < LINEAR_BINS {
        return micros;
    }
    let shift = 21 - micros.leading_zeros();
    (micros >> shift) << shift
}

/// How many microseconds wide the bin is that starts at `bin`.
fn width_of(bin: u32) -> u32 {
    if bin < LINEAR_BINS { 1 } else { 1 << (21 - bin.leading_zeros()) }
}

/// The value that stands for a bin, in us: its middle. For the last one, which holds all that is longer too, the end of the
/// range: no limit is as high.
fn value_of(bin: u32) -> f64 {
    if bin == bin_of(u64::from(MAX_MICROS)) { f64::from(MAX_MICROS) } else { f64::from(bin) + f64::from(width_of(bin) - 1) / 2.0 }
}

/// The first bin whose value is above `millis`; where none is, one beyond the range.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is out of range goes to its end")]
fn first_bin_above(millis: f64) -> u32 {
    let bin = bin_of((millis * 1000.0) as u64);
    let is_above = |bin: u32| value_of(bin) / 1000.0 > millis;
    // Rounding may have led to a neighbour.
    let before = bin_of(u64::from(bin.saturating_sub(1)));
    [before, bin].into_iter().find(|&bin| is_above(bin)).unwrap_or_else(|| bin + width_of(bin))
}

impl Histogram {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one latency, in microseconds. Below 1 us counts as 1 us, above 1 h as 1 h.
    pub fn record(&mut self, micros: u64) {
        self.record_many(&mut [u32::try_from(micros).unwrap_or(MAX_MICROS)]);
    }

    /// Counts one latency (us) so many times.
    pub fn record_n(&mut self, micros: u64, count: u64) {
        if count > 0 {
            self.merge_bins(&[(bin_of(micros), count)], count);
        }
    }

    /// Counts many latencies (us) at once; `micros` is left sorted and rounded down to bins.
    pub fn record_many(&mut self, micros: &mut [u32]) {
        for value in micros.iter_mut() {
            *value = bin_of(u64::from(*value));
        }
        micros.sort_unstable();
        let mut added: Vec<(u32, u64)> = Vec::with_capacity(micros.len().min(512));
        for &bin in micros.iter() {
            match added.last_mut() {
                Some((last, count)) if *last == bin => *count += 1,
                _ => added.push((bin, 1)),
            }
        }
        self.merge_bins(&added, micros.len() as u64);
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        if self.is_empty() {
            self.clone_from(other);
        } else if !other.is_empty() {
            self.merge_bins(&other.bins.iter().collect::<Vec<_>>(), other.count);
        }
    }

    /// All of `parts` together, as merging one after the other gives it.
    #[must_use]
    pub fn sum<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let parts: Vec<&Self> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        if let [one] = parts[..] {
            return one.clone();
        }
        let (mut counts, mut count) = (Vec::new(), 0_u64);
        for part in parts {
            count = count.saturating_add(part.count);
            part.bins.add_to(&mut counts);
        }
        Self { bins: Bins::of_places(&counts), count }
    }

    fn merge_bins(&mut self, added: &[(u32, u64)], count: u64) {
        if added.is_empty() {
            return;
        }
        self.count = self.count.saturating_add(count);
        let bins = self.bins.open();
        let known = added.iter().take_while(|&&(bin, n)| add_to_known_bin(bins, bin, n)).count();
        let rest = &added[known..];
        if rest.len() <= FEW_BINS {
            for &(bin, n) in rest {
                add_to_bin(bins, bin, n);
            }
        } else {
            *bins = merged(bins, rest);
        }
    }

    /// Makes it small, where nothing is to be added for a while.
    pub fn pack(&mut self) {
        self.bins.pack();
    }

    /// How many latencies were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The latency (ms) that this share of the requests did not exceed: the order statistic `ceil(n p)`.
    /// `None` without samples.
    #[must_use]
    pub fn percentile_ms(&self, percentile: Percentile) -> Option<f64> {
        self.value_at_fraction(percentile.fraction())
    }

    /// As [`Self::percentile_ms`], for any fraction; outside 0..1 it is the smallest or the largest.
    #[must_use]
    pub fn value_at_fraction(&self, fraction: f64) -> Option<f64> {
        if self.count == 0 || fraction.is_nan() {
            return None;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts are far below 2^52; clamped"
        )]
        let rank = ((self.count as f64 * fraction - 1e-9).ceil().max(1.0) as u64).min(self.count);
        let mut seen = 0_u64;
        for (bin, n) in self.bins.iter() {
            seen = seen.saturating_add(n);
            if seen >= rank {
                return Some(value_of(bin) / 1000.0);
            }
        }
        self.max_ms()
    }

    /// The largest latency (ms), to the bin. `None` without samples.
    #[must_use]
    pub fn max_ms(&self) -> Option<f64> {
        self.bins.iter().last().map(|(bin, _)| value_of(bin) / 1000.0)
    }

    /// The mean latency (ms), to the bin. `None` without samples.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn mean_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| {
            let sum: f64 = self.bins.iter().map(|(bin, n)| value_of(bin) * n as f64).sum();
            sum / self.count as f64 / 1000.0
        })
    }

    /// How many latencies are above `millis`, to the bin.
    #[must_use]
    pub fn count_above(&self, millis: f64) -> u64 {
        self.bins.count_from(first_bin_above(millis))
    }

    /// How many latencies are at the end of the range: 1 h, to the bin, or any longer.
    #[must_use]
    pub fn count_at_the_end(&self) -> u64 {
        self.bins.iter().filter(|&(bin, _)| bin == bin_of(u64::from(MAX_MICROS))).map(|(_, n)| n).sum()
    }

    /// The bins as (value in ms, count), ascending: for drawing.
    pub fn bins_ms(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        self.bins.iter().map(|(bin, n)| (value_of(bin) / 1000.0, n))
    }

    /// How many bins hold a count: what it takes in memory and in a file.
    #[must_use]
    pub fn bin_count(&self) -> usize {
        self.bins.len()
    }

    /// Lowest value of each bin (us) and its count, ascending.
    pub(super) fn bins(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.bins.iter()
    }

    /// Packed, from the bytes of a file. `None` where those can't stay as they are.
    pub(super) fn of_packed(bytes: &[u8]) -> Option<Self> {
        Bins::of_packed(bytes).map(|(bins, count)| Self { bins, count })
    }

    /// Packed, from bins in ascending order, of which neighbours may be the same.
    pub(super) fn of_ascending(bins: impl IntoIterator<Item = (u32, u64)>) -> Self {
        let (mut kept, mut total): (Vec<(u32, u64)>, u64) = (Vec::new(), 0);
        for (bin, count) in bins {
            total = total.saturating_add(count);
            match kept.last_mut() {
                Some(last) if last.0 == bin => last.1 = last.1.saturating_add(count),
                _ => kept.push((bin, count)),
            }
        }
        let mut bins = Bins::Open(Arc::new(kept));
        bins.pack();
        Self { bins, count: total }
    }
}

/// Whether the bin was there already; if so, `n` is added to it.
fn add_to_known_bin(bins: &mut [(u32, u64)], bin: u32, n: u64) -> bool {
    let Ok(at) = bins.binary_search_by_key(&bin, |b| b.0) else { return false };
    bins[at].1 = bins[at].1.saturating_add(n);
    true
}

fn add_to_bin(bins: &mut Vec<(u32, u64)>, bin: u32, n: u64) {
    match bins.binary_search_by_key(&bin, |b| b.0) {
        Ok(at) => bins[at].1 = bins[at].1.saturating_add(n),
        Err(at) => bins.insert(at, (bin, n)),
    }
}

fn merged(bins: &[(u32, u64)], added: &[(u32, u64)]) -> Vec<(u32, u64)> {
    let mut merged = Vec::with_capacity(bins.len() + added.len());
    let mut ours = bins.iter().copied().peekable();
    for &(bin, n) in added {
        while let Some(pair) = ours.next_if(|pair| pair.0 < bin) {
            merged.push(pair);
        }
        let own = ours.next_if(|pair| pair.0 == bin).map_or(0, |pair| pair.1);
        merged.push((bin, own.saturating_add(n)));
    }
    merged.extend(ours);
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u32]) -> Histogram {
        let mut histogram = Histogram::new();
        for &value in values {
            histogram.record(u64::from(value));
        }
        histogram
    }

    #[test]
    fn an_empty_histogram_has_no_percentile() {
        assert_eq!(Histogram::new().percentile_ms(Percentile::P95), None);
        assert_eq!(Histogram::new().max_ms(), None);
        assert_eq!(Histogram::new().mean_ms(), None);
    }

    #[test]
    fn percentiles_are_order_statistics() {
        let histogram = of(&(1..=1000).collect::<Vec<_>>());
        assert_eq!(histogram.percentile_ms(Percentile::P95), Some(0.950));
        assert_eq!(histogram.percentile_ms(Percentile::P99), Some(0.990));
        assert_eq!(histogram.max_ms(), Some(1.0));
        assert_eq!(histogram.count_above(0.95), 50);
    }

    #[test]
    fn a_latency_beyond_the_range_is_kept_at_the_end_of_it() {
        let mut histogram = Histogram::new();
        histogram.record(u64::MAX);
        histogram.record(0);
        assert_eq!((histogram.count(), histogram.count_at_the_end()), (2, 1));
        assert_eq!(histogram.max_ms(), Some(3_600_000.0));
    }

    proptest! {
        #[test]
        fn merging_parts_equals_the_whole(left in prop::collection::vec(1_u32..5_000_000, 0..200), right in prop::collection::vec(1_u32..5_000_000, 0..200)) {
            let mut merged = of(&left);
            merged.merge(&of(&right));
            let (left_copy, right_copy) = (left.clone(), right.clone());
            let whole: Vec<u32> = left.into_iter().chain(right).collect();
            prop_assert_eq!(&merged, &of(&whole));
            let mut at_once = Histogram::new();
            at_once.record_many(&mut whole.clone());
            prop_assert_eq!(&merged, &at_once);
            let (mut packed, mut right) = (of(&left_copy), of(&right_copy));
            packed.pack();
            right.pack();
            packed.merge(&right);
            packed.pack();
            prop_assert_eq!(&Histogram::sum([&of(&left_copy), &Histogram::new(), &right]), &at_once);
            prop_assert_eq!((packed.max_ms(), packed.bin_count(), packed), (at_once.max_ms(), at_once.bin_count(), at_once));
        }

        #[test]
        fn what_is_above_is_counted_bin_by_bin(values in prop::collection::vec(1_u32..=MAX_MICROS, 0..100), at in 0.0_f64..4_000_000.0, on in any::<prop::sample::Index>()) {
            let mut histogram = of(&values);
            // Exactly the value of a bin, and anything.
            let on = if values.is_empty() { 1.0 } else { value_of(bin_of(u64::from(*on.get(&values)))) / 1000.0 };
            for _ in 0..2 {
                for millis in [at, on, on.next_down(), on.next_up(), 0.0, -1.0, f64::INFINITY] {
                    let counted: u64 = histogram.bins_ms().filter(|&(value, _)| value > millis).map(|(_, n)| n).sum();
                    prop_assert_eq!(histogram.count_above(millis), counted);
                }
                histogram.pack();
            }
        }

        #[test]
        fn bins_are_those_of_hdrhistogram(value in 1_u64..=u64::from(MAX_MICROS)) {
            let dense = hdrhistogram::Histogram::<u64>::new_with_bounds(1, u64::from(MAX_MICROS), 3).unwrap();
            prop_assert_eq!(u64::from(bin_of(value)), dense.lowest_equivalent(value));
            prop_assert_eq!(u64::from(width_of(bin_of(value))), dense.equivalent_range(value));
        }

        #[test]
        fn a_percentile_is_within_a_bin_of_the_sorted_samples(mut values in prop::collection::vec(1_u32..10_000_000, 1..500), thousandth in 1_usize..1000) {
            let histogram = of(&values);
            values.sort_unstable();
            let rank = (values.len() * thousandth).div_ceil(1000);
            let exact = f64::from(values[rank - 1]) / 1000.0;
            #[expect(clippy::cast_precision_loss, reason = "below 1000")]
            let got = histogram.value_at_fraction(thousandth as f64 / 1000.0).unwrap();
            prop_assert!((got - exact).abs() <= exact * 0.001 + 1e-9, "{} {}", got, exact);
        }
    }
}
