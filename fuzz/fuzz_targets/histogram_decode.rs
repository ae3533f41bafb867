//! Any bytes as a stored histogram, as they are and in the envelope of one: refused, or read back as it is written.

#![no_main]

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use perfgate::stats::{Decoder, Encoder};

const DEFLATE_COOKIE: u32 = 0x1c84_9304 | 0x10;

fuzz_target!(|bytes: &[u8]| {
    let mut decoder = Decoder::default();
    for text in [String::from_utf8_lossy(bytes).into_owned(), STANDARD.encode(bytes), STANDARD.encode(enveloped(bytes))] {
        let Ok(histogram) = decoder.decode(&text) else { continue };
        assert!(histogram.bin_count() <= 24_576);
        if histogram.count() < u64::MAX / 4 {
            assert_eq!(decoder.decode(&Encoder::default().encode(&histogram)).unwrap(), histogram);
        }
        let median = histogram.value_at_fraction(0.5);
        assert!(median.is_none_or(|value| value.is_finite() && value >= 0.0));
    }
});

fn enveloped(payload: &[u8]) -> Vec<u8> {
    let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    deflate.write_all(payload).unwrap();
    let body = deflate.finish().unwrap();
    [&DEFLATE_COOKIE.to_be_bytes()[..], &u32::try_from(body.len()).unwrap().to_be_bytes(), &body].concat()
}
