//! Measures the load engine as users have it: the program itself against targets of this file's own, side by side with
//! other load generators where they are installed. `cargo bench --bench engine -- [SECTION..] [--rounds N] [--seconds N]`
//! writes Markdown to standard output. Linux with two idle cores is what the figures are meant for.

mod accuracy;
mod cpu;
mod frozen;
mod frozen_peers;
mod lateness;
mod memory;
mod peers;
mod process;
mod program;
mod recording;
mod start;
mod table;
mod target;
mod values;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use self::table::Chapter;
use self::target::Kind;

/// Why something could not be measured.
pub type Failure = Box<dyn std::error::Error>;

/// Measures the load engine; writes Markdown to standard output.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench engine --")]
pub struct Options {
    /// What to measure; everything where none is named
    #[arg(value_enum, value_name = "SECTION")]
    sections: Vec<Section>,
    /// How often each figure is taken; the median is shown
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long each load is, where its length is free
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Given by `cargo bench`, not by `cargo test`
    #[arg(long, hide = true)]
    bench: bool,
    /// Be a target instead
    #[arg(long, hide = true, value_enum)]
    serve: Option<Kind>,
    /// Record for half an hour instead, without a load
    #[arg(long, hide = true)]
    rehearse: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    /// CPU time of a request over 64 kept-alive connections
    Cpu,
    /// How late an open load of 5,000/s sends
    Lateness,
    /// Percentiles of a server that freezes, against arithmetic
    Frozen,
    /// Percentiles against the log of the server
    Accuracy,
    /// Resident memory of a thinking user
    Memory,
    /// Resident memory of half an hour's recording
    Recording,
    /// Time to the first request, and of a report
    Start,
    /// Time to write a request, constant or with values
    Values,
}

impl Section {
    fn measure(self, options: &Options) -> Result<Chapter, Failure> {
        match self {
            Self::Cpu => cpu::measure(options),
            Self::Lateness => lateness::measure(options),
            Self::Frozen => frozen::measure(),
            Self::Accuracy => accuracy::measure(options),
            Self::Memory => memory::measure(options),
            Self::Recording => recording::measure(),
            Self::Start => start::measure(options),
            Self::Values => values::measure(options),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let ended = match options.serve {
        Some(kind) => target::serve(kind),
        None if options.rehearse => recording::rehearse(),
        None if options.bench => measure(&options),
        None => {
            progress("nothing measured: this is for `cargo bench --bench engine`");
            Ok(())
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            progress(&format!("error: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    let peers: Vec<String> = peers::Peer::installed().into_iter().map(peers::Peer::version).collect();
    writeln!(out, "{}. Beside it: {}.", process::machine(), if peers.is_empty() { "nothing".to_owned() } else { peers.join(", ") })?;
    let asked = if options.sections.is_empty() { Section::value_variants() } else { &options.sections };
    for section in asked {
        let chapter = section.measure(options).map_err(|failure| format!("{section:?}: {failure}"))?;
        writeln!(out, "\n{chapter}")?;
        out.flush()?;
    }
    Ok(())
}

/// Tells the one who waits what is going on.
pub fn progress(text: &str) {
    // Nobody may be looking.
    let _ = writeln!(std::io::stderr(), "{text}");
}
