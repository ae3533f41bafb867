//! The file form of a histogram: `HdrHistogram` V2 in deflate in base64, as other tools read it. Ours is written and read bin
//! by bin, because that library's own way goes through 24,576 counts for each, and a run holds thousands of histograms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use hdrhistogram::serialization::Deserializer;
use thiserror::Error;

use super::bins::{Counts, is_plausible, write_counts};
use super::histogram::{Histogram, MAX_MICROS, bin_of};

/// What a stored histogram may inflate to: 40 bytes of header and at most 9 bytes for each of the 24,576 bins.
const MAX_PAYLOAD: usize = HEADER + 9 * 24_576;
/// Bytes of the header of a V2 payload.
const HEADER: usize = 40;
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
    Inflate(#[from] flate2::DecompressError),
    #[error("histogram could not be decoded")]
    Decode(#[from] hdrhistogram::serialization::DeserializeError),
}

/// Writes many histograms with one compressor.
#[derive(Debug)]
pub struct Encoder {
    deflate: Compress,
    payload: Vec<u8>,
    envelope: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { deflate: Compress::new(Compression::default(), true), payload: Vec::new(), envelope: Vec::new() }
    }
}

impl Encoder {
    /// The file form; empty text for an empty histogram.
    ///
    /// # Panics
    /// Never: there is always room for what is compressed.
    pub fn encode(&mut self, histogram: &Histogram) -> String {
        if histogram.is_empty() {
            return String::new();
        }
        self.write_payload(histogram);
        self.envelope.clear();
        self.envelope.extend(V2_DEFLATE_COOKIE.to_be_bytes());
        self.envelope.extend([0; 4]);
        self.deflate.reset();
        loop {
            let done = usize::try_from(self.deflate.total_in()).unwrap_or(usize::MAX);
            self.envelope.reserve(self.payload.len() / 2 + 64);
            let status = self.deflate.compress_vec(&self.payload[done..], &mut self.envelope, FlushCompress::Finish);
            if status.expect("compressing into memory") == Status::StreamEnd {
                break;
            }
        }
        let length = u32::try_from(self.envelope.len() - 8).unwrap_or(u32::MAX);
        self.envelope[4..8].copy_from_slice(&length.to_be_bytes());
        BASE64.encode(&self.envelope)
    }

    fn write_payload(&mut self, histogram: &Histogram) {
        let payload = &mut self.payload;
        payload.clear();
        payload.extend(V2_COOKIE.to_be_bytes());
        // Length of the counts, filled in below; offset; significant digits.
        payload.extend([0; 8]);
        payload.extend(3_u32.to_be_bytes());
        payload.extend(1_u64.to_be_bytes());
        payload.extend(u64::from(MAX_MICROS).to_be_bytes());
        payload.extend(1.0_f64.to_be_bytes());
        write_counts(histogram.bins(), payload);
        let length = u32::try_from(payload.len() - HEADER).unwrap_or(u32::MAX);
        payload[4..8].copy_from_slice(&length.to_be_bytes());
    }
}

/// Reads many histograms with one inflater. What is read may come from anybody: the header is checked before anything is
/// allocated for what it asks for.
#[derive(Debug)]
pub struct Decoder {
    inflate: Decompress,
    payload: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { inflate: Decompress::new(true), payload: Vec::new() }
    }
}

impl Decoder {
    /// Reads the file form.
    ///
    /// # Errors
    /// [`HistogramError`] where the text is not such a histogram or is larger than one can be.
    pub fn decode(&mut self, text: &str) -> Result<Histogram, HistogramError> {
        if text.is_empty() {
            return Ok(Histogram::new());
        }
        self.inflate(&BASE64.decode(text)?)?;
        let payload = &self.payload;
        let length = be_u32(payload, 4)? as usize;
        if be_u32(payload, 0)? != V2_COOKIE || length > payload.len() {
            return Err(HistogramError::Malformed("header and length disagree"));
        }
        let (digits, high_upper, high_lower) = (be_u32(payload, 12)?, be_u32(payload, 24)?, be_u32(payload, 28)?);
        if digits > 3 || high_upper != 0 || high_lower > MAX_MICROS {
            return Err(HistogramError::Malformed("beyond 1 us to 1 h with three digits"));
        }
        let ours = digits == 3 && payload.get(8..12) == Some(&[0; 4]) && payload.get(16..24) == Some(&1_u64.to_be_bytes());
        let counts = payload.get(HEADER..HEADER + length).ok_or(HistogramError::Malformed("header and length disagree"))?;
        if ours { bins_of(counts) } else { others(payload, counts) }
    }

    /// Leaves the payload of an envelope.
    fn inflate(&mut self, envelope: &[u8]) -> Result<(), HistogramError> {
        if be_u32(envelope, 0)? != V2_DEFLATE_COOKIE {
            return Err(HistogramError::Malformed("unknown envelope"));
        }
        let deflated = envelope.get(8..).ok_or(HistogramError::Malformed("too short"))?;
        self.inflate.reset(true);
        self.payload.clear();
        loop {
            let done = usize::try_from(self.inflate.total_in()).unwrap_or(usize::MAX);
            let before = (done, self.payload.len());
            self.payload.reserve((deflated.len() * 4).min(MAX_PAYLOAD));
            let status = self.inflate.decompress_vec(&deflated[done..], &mut self.payload, FlushDecompress::None)?;
            if self.payload.len() > MAX_PAYLOAD {
                return Err(HistogramError::Malformed("too large"));
            }
            if status == Status::StreamEnd {
                return Ok(());
            }
            if before == (usize::try_from(self.inflate.total_in()).unwrap_or(usize::MAX), self.payload.len()) {
                return Err(HistogramError::Malformed("ends too early"));
            }
        }
    }
}

/// A payload with other settings than ours.
fn others(mut payload: &[u8], counts: &[u8]) -> Result<Histogram, HistogramError> {
    if !is_plausible(counts) {
        return Err(HistogramError::Malformed("counts cut off or beyond the range"));
    }
    let dense: hdrhistogram::Histogram<u64> = Deserializer::new().deserialize(&mut payload)?;
    let steps = dense.iter_recorded().map(|step| (bin_of(step.value_iterated_to()), step.count_since_last_iteration()));
    Ok(Histogram::of_ascending(steps))
}

/// The counts of a payload with our settings.
fn bins_of(counts: &[u8]) -> Result<Histogram, HistogramError> {
    if let Some(histogram) = Histogram::of_packed(counts) {
        return Ok(histogram);
    }
    let mut read = Counts::new(counts);
    let bins = read.by_ref().collect::<Vec<(u32, u64)>>();
    if read.is_at_end() { Ok(Histogram::of_ascending(bins)) } else { Err(HistogramError::Malformed("counts cut off or beyond 1 h")) }
}

fn be_u32(bytes: &[u8], at: usize) -> Result<u32, HistogramError> {
    let four = bytes.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok()).ok_or(HistogramError::Malformed("too short"))?;
    Ok(u32::from_be_bytes(four))
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
    use proptest::prelude::*;

    use super::*;

    /// A payload in its envelope.
    fn stored(payload: &[u8]) -> String {
        let mut zipped = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
        std::io::Write::write_all(&mut zipped, payload).unwrap();
        let body = zipped.finish().unwrap();
        let mut envelope = V2_DEFLATE_COOKIE.to_be_bytes().to_vec();
        envelope.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        envelope.extend(body);
        BASE64.encode(envelope)
    }

    fn malformed(text: &str) -> bool {
        matches!(Decoder::default().decode(text), Err(HistogramError::Malformed(_)))
    }

    #[test]
    fn a_header_that_asks_for_gigabytes_is_refused_before_it_is_decoded() {
        let mut header = Vec::new();
        for word in [V2_COOKIE, u32::MAX, 0, 5, 0, 1, u32::MAX, u32::MAX] {
            header.extend(word.to_be_bytes());
        }
        header.extend(1.0_f64.to_be_bytes());
        assert!(malformed(&stored(&header)));
        assert!(malformed(&stored(&vec![0; 10 * MAX_PAYLOAD])));
    }

    #[test]
    fn counts_beyond_the_range_and_counts_cut_off_are_refused() {
        let with = |counts: &[u8]| {
            let mut encoder = Encoder::default();
            encoder.write_payload(&Histogram::new());
            let mut payload = encoder.payload;
            payload.extend(counts);
            payload[4..8].copy_from_slice(&u32::try_from(counts.len()).unwrap().to_be_bytes());
            stored(&payload)
        };
        // A million zeros, and as many as there can be, before a count of 1.
        let (far, wrapped) = (vec![0xff, 0x88, 0x7a, 2], vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]);
        for counts in [far, wrapped, vec![0x80], vec![0xff; 5]] {
            assert!(malformed(&with(&counts)), "{counts:?}");
        }
        assert!(Decoder::default().decode(&with(&[])).unwrap().is_empty());
    }

    /// The payload of one latency with other bytes at an offset of its header, and other counts.
    fn payload_with(changes: &[(usize, &[u8])], counts: &[u8]) -> String {
        let mut encoder = Encoder::default();
        encoder.write_payload(&Histogram::new());
        let mut payload = encoder.payload;
        payload.extend(counts);
        payload[4..8].copy_from_slice(&u32::try_from(counts.len()).unwrap().to_be_bytes());
        for (at, bytes) in changes {
            payload[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        stored(&payload)
    }

    /// The most negative and the largest count that nine bytes can hold.
    const MOST: [[u8; 9]; 2] = [[0xff; 9], [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]];

    #[test]
    fn a_hostile_header_or_count_is_refused_or_kept_within_64_bits() {
        let two_digits: (usize, &[u8]) = (12, &[0, 0, 0, 2]);
        for changes in [
            vec![(8, [0, 0, 0, 9].as_slice())],
            vec![(8, &[0xff; 4])],
            vec![(16, &[0; 8])],
            vec![(16, &[0xff; 8])],
            vec![(28, &[0; 4])],
            vec![(32, &[0xff; 8])],
            vec![two_digits],
            vec![two_digits, (16, &[0xff; 8])],
            vec![(12, &[0; 4])],
        ] {
            for counts in [[2].as_slice(), &MOST[0], &MOST[1], &MOST.concat(), &[MOST[1], MOST[1]].concat(), &[0xff], &[]] {
                if let Ok(histogram) = Decoder::default().decode(&payload_with(&changes, counts)) {
                    assert!(histogram.percentile_ms(crate::units::Percentile::P50).is_some() == (histogram.count() > 0));
                }
            }
        }
        for (at, bytes) in [(24, [0, 0, 0, 1]), (28, [0xff; 4]), (12, [0, 0, 0, 5]), (4, [0xff; 4]), (0, [0; 4])] {
            assert!(malformed(&payload_with(&[(at, &bytes)], &[2])), "{at}");
        }
        assert!(malformed(&payload_with(&[], &MOST[0])), "so many bins left out");
        let doubled = Decoder::default().decode(&payload_with(&[], &[MOST[1], MOST[1], MOST[1]].concat()));
        assert_eq!(doubled.unwrap().count(), u64::MAX);
    }

    fn dense(values: &[u32], digits: u8) -> hdrhistogram::Histogram<u64> {
        let mut dense = hdrhistogram::Histogram::new_with_bounds(1, u64::from(MAX_MICROS), digits).unwrap();
        for value in values {
            dense.record(u64::from(*value)).unwrap();
        }
        dense
    }

    fn of(values: &[u32]) -> Histogram {
        let mut histogram = Histogram::new();
        histogram.record_many(&mut values.to_vec());
        histogram
    }

    #[test]
    fn a_histogram_that_deflates_to_next_to_nothing_is_read_back() {
        let all: Vec<u32> = (1..2000).chain((2..=3500).map(|second| second * 1_000_000)).collect();
        let text = Encoder::default().encode(&of(&all));
        assert!(text.len() * 4 < all.len(), "{}", text.len());
        assert_eq!(Decoder::default().decode(&text).unwrap(), of(&all));
    }

    fn values() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(prop_oneof![1_u32..3000, 1..=MAX_MICROS, Just(7)], 1..300)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_by_us_and_by_hdrhistogram(values in prop::collection::vec(values(), 1..4)) {
            let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
            for values in values {
                let histogram = of(&values);
                let text = encoder.encode(&histogram);
                prop_assert_eq!(decoder.decode(&text).unwrap(), histogram);
                let read: hdrhistogram::Histogram<u64> = Deserializer::new().deserialize(&mut BASE64.decode(text).unwrap().as_slice()).unwrap();
                prop_assert_eq!(read, dense(&values, 3));
            }
        }

        #[test]
        fn what_hdrhistogram_writes_is_read(values in values(), digits in 1_u8..=3) {
            let mut bytes = Vec::new();
            V2DeflateSerializer::new().serialize(&dense(&values, digits), &mut bytes).unwrap();
            let read = Decoder::default().decode(&BASE64.encode(bytes)).unwrap();
            prop_assert_eq!(read.count(), values.len() as u64);
            if digits == 3 {
                prop_assert_eq!(read, of(&values));
            }
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in "[A-Za-z0-9+/=]{0,200}", payload in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Decoder::default().decode(&text);
            let _ = Decoder::default().decode(&stored(&payload));
            let mut encoder = Encoder::default();
            encoder.write_payload(&of(&[5]));
            let _ = Decoder::default().decode(&stored(&[encoder.payload, payload].concat()));
        }
    }
}
