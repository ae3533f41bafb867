//! Any bytes as a verdict file: refused, or told in every format without a panic and without a control byte on a terminal.

#![no_main]

#[expect(dead_code, reason = "a run is all that this needs")]
mod sample;

use libfuzzer_sys::fuzz_target;
use perfgate::gate::Verdict;
use perfgate::report::{ColorChoice, Format, Look, Subject, render};

fuzz_target!(|bytes: &[u8]| {
    let Ok(verdict) = serde_json::from_slice::<Verdict>(bytes) else { return };
    let run = sample::run("GET /a");
    let subject = Subject { verdict: &verdict, run: &run, reproduce: "perfgate check" };
    for format in Format::ALL {
        let _ = render(format, &subject, Look { width: 80, color: ColorChoice::Never });
    }
    let plain = render(Format::Plain, &subject, Look { width: 80, color: ColorChoice::Never }).unwrap();
    assert!(!plain.chars().any(|c| c.is_control() && c != '\n'));
});
