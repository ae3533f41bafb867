//! Parse, run, print the error, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    perfgate::commands::run_program(std::env::args_os()).into()
}
