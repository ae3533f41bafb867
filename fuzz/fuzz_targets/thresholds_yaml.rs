//! Any text as a threshold file: read or refused. What is read checks something, and no limit of it is beyond numbers.

#![no_main]

use libfuzzer_sys::fuzz_target;
use perfgate::document::Document;
use perfgate::gate::{Subject, Thresholds};

fuzz_target!(|text: &str| {
    let Ok(thresholds) = Thresholds::from_document(&Document::from_text("t.yaml", text)) else { return };
    for subject in [Subject::Endpoint("GET /a"), Subject::Total] {
        for (_, rules) in thresholds.rules(subject, None) {
            let limits = [rules.max, rules.min, rules.warn, rules.rise, rules.fall, rules.at_least, rules.must_detect];
            assert!(limits.into_iter().flatten().all(|limit| limit.is_finite() && limit >= 0.0));
        }
    }
});
