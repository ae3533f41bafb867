//! Latency counts in integer microseconds, 1 us to 1 h, with three significant digits: the bins of `HdrHistogram`,
//! kept sparse so that a run can hold thousands of slices. The file form is that library's own (V2, deflate, base64).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use thiserror::Error;

use crate::units::Percentile;

/// The highest latency that is kept apart: 1 h. What is longer is counted here.
const MAX_MICROS: u32 = 3_600_000_000;
/// Bins below this are 1 us wide (three significant digits need 2 x 10^3, rounded up to a power of two).
const LINEAR_BINS: u32 = 2048;
/// What a stored histogram may inflate to: 40 bytes of header and at most 9 bytes for each of the 24,576 bins.
const MAX_ENCODED_BYTES: u64 = 40 + 9 * 24_576;
/// The cookie that opens an uncompressed V2 payload, and the one of its deflated envelope.
const V2_COOKIE: u32 = 0x1c84_9303 | 0x10;
const V2_DEFLATE_COOKIE: u32 = 0x1c84_9304 | 0x10;

/// Why a stored histogram could not be read.
#[derive(Debug, Error)]
pub enum HistogramError {
    #[error("histogram is not base64")]
    Base64(#[from] base64::DecodeError),
    #[error("histogram is not HdrHistogram V2 deflate: {0}")]
    Malformed(&'static str),
    #[error("histogram could not be inflated")]
    Inflate(#[from] std::io::Error),
    #[error("histogram could not be decoded")]
    Decode(#[from] hdrhistogram::serialization::DeserializeError),
}

/// Counts of latencies in microseconds. Merging is exact: the merge of parts equals the whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Lowest value of a bin (us) and its count, ascending, no zero counts.
    bins: Vec<(u32, u64)>,
    count: u64,
}

/// The lowest value of the bin that holds `micros`.
fn bin_of(micros: u64) -> u32 {
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

/// The value that stands for a bin: its middle, in us.
fn middle_of(bin: u32) -> f64 {
    f64::from(bin) + f64::from(width_of(bin) - 1) / 2.0
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
        self.merge_bins(&other.bins, other.count);
    }

    fn merge_bins(&mut self, added: &[(u32, u64)], count: u64) {
        self.count = self.count.saturating_add(count);
        if self.bins.is_empty() {
            self.bins = added.to_vec();
            return;
        }
        let known = added.iter().take_while(|&&(bin, n)| self.add_to_known_bin(bin, n)).count();
        if known < added.len() {
            self.insert_bins(&added[known..]);
        }
    }

    /// Whether the bin was there already; if so, `n` is added to it.
    fn add_to_known_bin(&mut self, bin: u32, n: u64) -> bool {
        let Ok(at) = self.bins.binary_search_by_key(&bin, |b| b.0) else { return false };
        self.bins[at].1 = self.bins[at].1.saturating_add(n);
        true
    }

    fn insert_bins(&mut self, added: &[(u32, u64)]) {
        let mut merged = Vec::with_capacity(self.bins.len() + added.len());
        let mut ours = self.bins.iter().copied().peekable();
        for &(bin, n) in added {
            while let Some(pair) = ours.next_if(|pair| pair.0 < bin) {
                merged.push(pair);
            }
            let own = ours.next_if(|pair| pair.0 == bin).map_or(0, |pair| pair.1);
            merged.push((bin, own.saturating_add(n)));
        }
        merged.extend(ours);
        self.bins = merged;
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
        for &(bin, n) in &self.bins {
            seen = seen.saturating_add(n);
            if seen >= rank {
                return Some(middle_of(bin) / 1000.0);
            }
        }
        self.max_ms()
    }

    /// The largest latency (ms), to the bin. `None` without samples.
    #[must_use]
    pub fn max_ms(&self) -> Option<f64> {
        self.bins.last().map(|&(bin, _)| middle_of(bin) / 1000.0)
    }

    /// The mean latency (ms), to the bin. `None` without samples.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn mean_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| {
            let sum: f64 = self.bins.iter().map(|&(bin, n)| middle_of(bin) * n as f64).sum();
            sum / self.count as f64 / 1000.0
        })
    }

    /// How many latencies are above `millis`, to the bin.
    #[must_use]
    pub fn count_above(&self, millis: f64) -> u64 {
        self.bins.iter().filter(|&&(bin, _)| middle_of(bin) / 1000.0 > millis).map(|&(_, n)| n).sum()
    }

    /// The bins as (middle in ms, count), ascending: for drawing.
    pub fn bins_ms(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        self.bins.iter().map(|&(bin, n)| (middle_of(bin) / 1000.0, n))
    }

    /// The file form: `HdrHistogram` V2, deflate, base64. Empty text for an empty histogram.
    ///
    /// # Panics
    /// Never: every value lies within the bounds that the encoder is made with.
    #[must_use]
    pub fn encode(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        let mut dense = hdrhistogram::Histogram::<u64>::new_with_bounds(1, u64::from(MAX_MICROS), 3).expect("valid bounds");
        for &(bin, n) in &self.bins {
            dense.record_n(u64::from(bin), n).expect("within the bounds");
        }
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&dense, &mut bytes).expect("writing to memory");
        BASE64.encode(bytes)
    }

    /// Reads the file form. What is read may come from anybody: the header is checked before the decoder, which
    /// would otherwise allocate whatever the header asks for.
    ///
    /// # Errors
    /// [`HistogramError`] where the text is not such a histogram or is larger than one can be.
    pub fn decode(text: &str) -> Result<Self, HistogramError> {
        if text.is_empty() {
            return Ok(Self::new());
        }
        let payload = inflate_checked(&BASE64.decode(text)?)?;
        let dense: hdrhistogram::Histogram<u64> = Deserializer::new().deserialize(&mut payload.as_slice())?;
        let mut histogram = Self::new();
        for step in dense.iter_recorded() {
            let (bin, count) = (bin_of(step.value_iterated_to()), step.count_since_last_iteration());
            histogram.count = histogram.count.saturating_add(count);
            match histogram.bins.last_mut() {
                Some(last) if last.0 == bin => last.1 = last.1.saturating_add(count),
                _ => histogram.bins.push((bin, count)),
            }
        }
        Ok(histogram)
    }
}

fn be_u32(bytes: &[u8], at: usize) -> Result<u32, HistogramError> {
    let four = bytes.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok()).ok_or(HistogramError::Malformed("too short"))?;
    Ok(u32::from_be_bytes(four))
}

/// The V2 payload inside a deflate envelope, with its header held to what we write.
fn inflate_checked(envelope: &[u8]) -> Result<Vec<u8>, HistogramError> {
    use std::io::Read as _;
    if be_u32(envelope, 0)? != V2_DEFLATE_COOKIE {
        return Err(HistogramError::Malformed("unknown envelope"));
    }
    let mut payload = Vec::new();
    flate2::read::ZlibDecoder::new(&envelope[8..]).take(MAX_ENCODED_BYTES + 1).read_to_end(&mut payload)?;
    if payload.len() as u64 > MAX_ENCODED_BYTES {
        return Err(HistogramError::Malformed("too large"));
    }
    let digits = be_u32(&payload, 12)?;
    let (high_upper, high_lower) = (be_u32(&payload, 24)?, be_u32(&payload, 28)?);
    if be_u32(&payload, 0)? != V2_COOKIE || be_u32(&payload, 4)? as usize > payload.len() {
        return Err(HistogramError::Malformed("header and length disagree"));
    }
    if digits > 3 || high_upper != 0 || high_lower > MAX_MICROS {
        return Err(HistogramError::Malformed("beyond 1 us to 1 h with three digits"));
    }
    Ok(payload)
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
        assert_eq!(histogram.count(), 2);
        assert!(histogram.max_ms().is_some_and(|ms| (ms / 3_600_000.0 - 1.0).abs() < 1e-3));
    }

    #[test]
    fn a_header_that_asks_for_gigabytes_is_refused_before_it_is_decoded() {
        let mut header = Vec::new();
        for word in [V2_COOKIE, u32::MAX, 0, 5, 0, 1, u32::MAX, u32::MAX] {
            header.extend(word.to_be_bytes());
        }
        header.extend(1.0_f64.to_be_bytes());
        let mut zipped = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut zipped, &header).unwrap();
        let body = zipped.finish().unwrap();
        let mut envelope = V2_DEFLATE_COOKIE.to_be_bytes().to_vec();
        envelope.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        envelope.extend(body);
        assert!(matches!(Histogram::decode(&BASE64.encode(envelope)), Err(HistogramError::Malformed(_))));
    }

    proptest! {
        #[test]
        fn merging_parts_equals_the_whole(left in prop::collection::vec(1_u32..5_000_000, 0..200), right in prop::collection::vec(1_u32..5_000_000, 0..200)) {
            let mut merged = of(&left);
            merged.merge(&of(&right));
            let whole: Vec<u32> = left.into_iter().chain(right).collect();
            prop_assert_eq!(&merged, &of(&whole));
            let mut at_once = Histogram::new();
            at_once.record_many(&mut whole.clone());
            prop_assert_eq!(merged, at_once);
        }

        #[test]
        fn what_is_written_is_read_back(values in prop::collection::vec(1_u32..=MAX_MICROS, 0..300)) {
            let histogram = of(&values);
            prop_assert_eq!(Histogram::decode(&histogram.encode()).unwrap(), histogram);
        }

        #[test]
        fn bins_are_those_of_hdrhistogram(value in 1_u64..=u64::from(MAX_MICROS)) {
            let dense = hdrhistogram::Histogram::<u64>::new_with_bounds(1, u64::from(MAX_MICROS), 3).unwrap();
            prop_assert_eq!(u64::from(bin_of(value)), dense.lowest_equivalent(value));
            prop_assert_eq!(u64::from(width_of(bin_of(value))), dense.equivalent_range(value));
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in "[A-Za-z0-9+/=]{0,200}") {
            let _ = Histogram::decode(&text);
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
