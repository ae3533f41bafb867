//! Any text in the place of every name in `stats.csv`: as many cells in every row, and none that a spreadsheet computes.

#![no_main]

#[expect(dead_code, reason = "a run is all that this needs")]
mod sample;

use libfuzzer_sys::fuzz_target;
use perfgate::report::{ColorChoice, Format, Look, render_run};
use perfgate::run::EndpointRole;

fuzz_target!(|text: &str| {
    let run = sample::run(text);
    let written = render_run(Format::Csv, &run, Look { width: 80, color: ColorChoice::Never }).unwrap();
    let mut reader = csv::Reader::from_reader(written.as_bytes());
    let width = reader.headers().unwrap().len();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let tasks = run.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task).count();
    assert_eq!(rows.len(), tasks + 1);
    for row in &rows {
        assert_eq!(row.len(), width);
        assert!(row.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\0'])), "{row:?}");
    }
});
