//! Any bytes as a run file: refused, or a run that is written and read back as it is, and that every format can tell.

#![no_main]

use libfuzzer_sys::fuzz_target;
use perfgate::report::{ColorChoice, Format, Look, render_run};
use perfgate::run::{read_run, write_run};

fuzz_target!(|bytes: &[u8]| {
    let Ok(run) = read_run(bytes) else { return };
    assert_eq!(read_run(&write_run(&run)).as_ref().ok(), Some(&run));
    for format in Format::ALL {
        let _ = render_run(format, &run, Look { width: 80, color: ColorChoice::Never });
    }
});
