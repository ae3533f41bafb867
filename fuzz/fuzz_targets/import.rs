//! Any bytes as another tool's result: not known, refused with a reason, or a run that its own file form can hold.

#![no_main]

use std::io::Write as _;

use libfuzzer_sys::fuzz_target;
use perfgate::import::{ImportOptions, import};
use perfgate::run::{Environment, read_run, write_run};

fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let options = ImportOptions { tool: None, unit: None, name: None, environment: environment() };
    let Ok(run) = import(file.path(), &options) else { return };
    let read = read_run(&write_run(&run));
    assert!(read.is_ok(), "{:?}", read.err());
});

fn environment() -> Environment {
    let text = || "x".to_owned();
    Environment {
        name: None,
        os: text(),
        arch: text(),
        cores: 1,
        cpu: None,
        perfgate: text(),
        ci: None,
        job: None,
        commit: None,
        branch: None,
    }
}
