//! How often the gate is wrong. Simulated runs of a small shop are put before the gate's own decisions, and before the
//! rules of other tools: `cargo bench --bench verdict_quality -- [--gates N] [--sigma 2,3,5,10] [--tables ..] [--quick]`
//! writes Markdown to standard output. The same numbers on every machine.

mod bank;
mod cell;
mod effects;
mod gate;
mod loads;
mod model;
mod other_tools;
mod parallel;
mod quality;
pub mod quick;
mod simulate;
mod table;

use std::cell::OnceCell;
use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use self::quality::{Banks, Extent};

/// Sittings and pairs that all gates are drawn from, and those of each load that is compared.
const SITTINGS: usize = 2500;
const PAIRS: usize = 1500;
const SITTINGS_OF_A_LOAD: usize = 400;
const PAIRS_OF_A_LOAD: usize = 400;

/// Measures how often the gate is wrong; writes Markdown to standard output.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench verdict_quality --")]
struct Options {
    /// How many gates each cell is of; five times as many where nothing changed
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..))]
    gates: u32,
    /// How much runs of the same build differ: standard deviation of p95, in percent
    #[arg(long, value_name = "PERCENT,..", value_delimiter = ',', default_values_t = [2.0, 3.0, 5.0, 10.0])]
    sigma: Vec<f64>,
    /// Only these tables
    #[arg(long, value_enum, value_delimiter = ',')]
    tables: Vec<Of>,
    /// Only whether the promises are kept, with few gates
    #[arg(long)]
    quick: bool,
    /// Given by `cargo bench`, not by `cargo test`
    #[arg(long, hide = true)]
    bench: bool,
}

/// What a table is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Of {
    /// Ours beside the rules of other tools
    Rules,
    /// A closed load beside an open one
    Loads,
    /// Histories that begin at their last step
    Steps,
    /// Sittings of another length
    Lengths,
    /// Fewer rounds side by side, or without restarts
    Rounds,
    /// Noise of another kind
    Noise,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match options.run() {
        Ok(kept) if kept => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        // Nobody may be looking.
        Err(error) => writeln!(io::stderr(), "error: {error}").map_or(ExitCode::FAILURE, |()| ExitCode::FAILURE),
    }
}

impl Options {
    /// Whether the promises were kept, as far as it was asked.
    fn run(&self) -> io::Result<bool> {
        if self.quick {
            let (table, kept) = quick::check();
            print(&table)?;
            return Ok(kept);
        }
        if self.bench {
            self.measure()?;
        }
        Ok(true)
    }

    fn measure(&self) -> io::Result<()> {
        let gates = self.gates as usize;
        let extent = Extent { gates, sigmas: self.sigma.clone() };
        let banks = OnceCell::new();
        let banks = || banks.get_or_init(|| Banks::simulate(SITTINGS, PAIRS));
        let all = Of::value_variants();
        for of in if self.tables.is_empty() { all } else { &self.tables } {
            print(&match of {
                Of::Rules => quality::beside_others(banks(), &extent),
                Of::Loads => loads::table(SITTINGS_OF_A_LOAD, PAIRS_OF_A_LOAD, gates),
                Of::Steps => quality::truncation(banks(), &extent),
                Of::Lengths => quality::lengths(banks(), &extent),
                Of::Rounds => quality::rounds(banks(), &extent),
                Of::Noise => quality::robustness(banks(), &extent),
            })?;
        }
        Ok(())
    }
}

fn print(table: &impl fmt::Display) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{table}")?;
    out.flush()
}
