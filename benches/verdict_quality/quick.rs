//! The promises, held with few gates: some seconds that show whether the decisions still are what the tables say.

use super::bank;
use super::cell::{Cell, Design, gates};
use super::effects::Noise;
use super::gate::{Allowance, Past, RELAXED, ROUND_SECONDS, Rounds, STRICT, Source, Truth};
use super::quality::SITTING_SECONDS;
use super::simulate::System;
use super::table::{Table, percent};

const SITTINGS: usize = 200;
const PAIRS: usize = 200;
const GATES: usize = 400;

/// What a cell must show, in percent of its gates.
enum Promise {
    /// At most so many false alarms, and at least so many passes.
    Calm { most_failed: f64, least_passed: f64 },
    /// At least so many found, and at most so many passed.
    Found { least_failed: f64, most_passed: f64 },
}

impl Promise {
    fn is_kept(&self, cell: &Cell) -> bool {
        match *self {
            Self::Calm { most_failed, least_passed } => cell.failed <= most_failed && cell.passed >= least_passed,
            Self::Found { least_failed, most_passed } => cell.failed >= least_failed && cell.passed <= most_passed,
        }
    }

    fn wanted(&self) -> String {
        match self {
            Self::Calm { most_failed, least_passed } => format!("fails {most_failed} % at most, passes {least_passed} % at least"),
            Self::Found { least_failed, most_passed } => format!("fails {least_failed} % at least, passes {most_passed} % at most"),
        }
    }
}

/// What was found, and whether every promise was kept.
#[must_use]
pub fn check() -> (Table, bool) {
    let system = System::default();
    let sittings = bank::sittings(&system, SITTINGS, &[SITTING_SECONDS], 1).pop().unwrap_or_default();
    let pairs = bank::pairs([&system, &system], PAIRS, ROUND_SECONDS, 2);
    let source = Source { banks: [&sittings; 2], past: Past::USUAL };
    let history = Design::History { source, seconds: SITTING_SECONDS };
    let side_by_side = Design::SideBySide { banks: [&pairs; 2], how: Rounds::FULL };
    let ladder = Design::Ladder { source, seconds: SITTING_SECONDS, pairs: [&pairs; 2] };
    let mut table = Table::new("Promises", "Few gates: the bounds leave room for chance.", &["rule", "failed", "passed", "wanted"]);
    let mut all_kept = true;
    for (name, design, sigma, allowance, truth, promise) in promises(history, side_by_side).into_iter().chain(promises_of_both(ladder)) {
        let cell = gates(design, &Noise::of(sigma), allowance, truth, GATES);
        let kept = promise.is_kept(&cell);
        all_kept &= kept;
        let wanted = if kept { promise.wanted() } else { format!("**{}**", promise.wanted()) };
        table.row([name.to_owned(), percent(cell.failed), percent(cell.passed), wanted]);
    }
    (table, all_kept)
}

/// One load that may pass, then rounds.
fn promises_of_both(ladder: Design<'_>) -> [Case<'_>; 4] {
    use Promise::{Calm, Found};
    let plus = Truth::OneEndpoint;
    [
        ("ladder, 10/20, noise 5 %, no change", ladder, 0.05, RELAXED, Truth::Same, Calm { most_failed: 2.0, least_passed: 95.0 }),
        ("ladder, 5/15, noise 3 %, no change", ladder, 0.03, STRICT, Truth::Same, Calm { most_failed: 2.0, least_passed: 85.0 }),
        ("ladder, 10/20, noise 5 %, +20 %", ladder, 0.05, RELAXED, plus(1.2), Found { least_failed: 98.0, most_passed: 1.5 }),
        ("ladder, 5/15, noise 3 %, +20 %", ladder, 0.03, STRICT, plus(1.2), Found { least_failed: 98.0, most_passed: 0.5 }),
    ]
}

type Case<'a> = (&'static str, Design<'a>, f64, Allowance, Truth, Promise);

fn promises<'a>(history: Design<'a>, side_by_side: Design<'a>) -> [Case<'a>; 8] {
    use Promise::{Calm, Found};
    let plus = Truth::OneEndpoint;
    [
        ("history, 10/20, noise 2 %, no change", history, 0.02, RELAXED, Truth::Same, Calm { most_failed: 2.0, least_passed: 85.0 }),
        ("history, 10/20, noise 2 %, +20 %", history, 0.02, RELAXED, plus(1.2), Found { least_failed: 97.0, most_passed: 1.0 }),
        ("history, 10/20, noise 5 %, no change", history, 0.05, RELAXED, Truth::Same, Calm { most_failed: 2.0, least_passed: 20.0 }),
        (
            "side by side, 10/20, noise 5 %, no change",
            side_by_side,
            0.05,
            RELAXED,
            Truth::Same,
            Calm { most_failed: 2.0, least_passed: 95.0 },
        ),
        (
            "side by side, 5/15, noise 3 %, no change",
            side_by_side,
            0.03,
            STRICT,
            Truth::Same,
            Calm { most_failed: 2.0, least_passed: 85.0 },
        ),
        ("side by side, 5/15, noise 3 %, +10 %", side_by_side, 0.03, STRICT, plus(1.1), Found { least_failed: 86.0, most_passed: 10.0 }),
        ("side by side, 5/15, noise 3 %, +20 %", side_by_side, 0.03, STRICT, plus(1.2), Found { least_failed: 98.0, most_passed: 0.5 }),
        (
            "side by side, 5/15, noise 10 %, no change",
            side_by_side,
            0.10,
            STRICT,
            Truth::Same,
            Calm { most_failed: 3.0, least_passed: 40.0 },
        ),
    ]
}
