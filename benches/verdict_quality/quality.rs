//! What gates fail and what they find: beside the rules of other tools, with sittings of another length, and under noise
//! of another kind than assumed.

use perfgate::stats::Restarts;

use super::bank::{self, Pairs, Sittings};
use super::cell::{Cell, Design, failed_by, gates};
use super::effects::{Noise, Tails};
use super::gate::{Allowance, Begins, HISTORY, Past, RELAXED, ROUND_SECONDS, Rounds, STRICT, Source, Truth};
use super::other_tools::RULES;
use super::simulate::System;
use super::table::{Table, none, percent, rare};

/// Seconds of a sitting, where nothing else is said.
pub const SITTING_SECONDS: u32 = 180;
/// In a table of their own.
const OTHER_LENGTHS: [u32; 3] = [60, 120, 300];
/// Gates without a change fail rarely, so that it takes more of them to see how rarely: so many times the others.
const MORE_WITHOUT_CHANGE: usize = 5;
const TRUTHS: [Truth; 5] =
    [Truth::OneEndpoint(1.05), Truth::OneEndpoint(1.1), Truth::OneEndpoint(1.2), Truth::OneEndpoint(1.5), Truth::OneTail(1.2)];
const PLUS_20: usize = 2;
const HEADER: [&str; 12] = [
    "noise",
    "rule",
    "false alarms",
    "undecided without a change",
    "+5 %",
    "+10 %",
    "+20 %",
    "+50 %",
    "+20 % of p99 only",
    "+20 % passed",
    "s without a change",
    "s at +20 %",
];

/// Simulated once, drawn from by every table here.
#[derive(Debug)]
pub struct Banks {
    /// Of [`SITTING_SECONDS`] and of each of [`OTHER_LENGTHS`].
    sittings: Vec<(u32, Sittings)>,
    pairs: Pairs,
}

impl Banks {
    pub fn simulate(sittings: usize, pairs: usize) -> Self {
        let system = System::default();
        let lengths: Vec<u32> = std::iter::once(SITTING_SECONDS).chain(OTHER_LENGTHS).collect();
        let sittings = bank::sittings(&system, sittings, &lengths, 1);
        Self { sittings: lengths.into_iter().zip(sittings).collect(), pairs: bank::pairs([&system, &system], pairs, ROUND_SECONDS, 2) }
    }

    fn source(&self, seconds: u32, past: Past) -> Source<'_> {
        let (_, sittings) = self.sittings.iter().find(|(length, _)| *length == seconds).unwrap_or(&self.sittings[0]);
        Source { banks: [sittings; 2], past }
    }

    fn history(&self, seconds: u32) -> Design<'_> {
        Design::History { source: self.source(seconds, Past::USUAL), seconds }
    }

    fn side_by_side(&self, how: Rounds) -> Design<'_> {
        Design::SideBySide { banks: [&self.pairs; 2], how }
    }

    fn ladder(&self) -> Design<'_> {
        Design::Ladder { source: self.source(SITTING_SECONDS, Past::USUAL), seconds: SITTING_SECONDS, pairs: [&self.pairs; 2] }
    }
}

/// How much is asked for.
#[derive(Debug, Clone)]
pub struct Extent {
    pub gates: usize,
    /// Standard deviations between runs, in percent.
    pub sigmas: Vec<f64>,
}

impl Extent {
    fn of(&self, truth: Truth) -> usize {
        if truth == Truth::Same { self.gates * MORE_WITHOUT_CHANGE } else { self.gates }
    }
}

/// One row of ours.
struct Row<'a> {
    name: String,
    design: Design<'a>,
    noise: Noise,
    allowance: Allowance,
}

impl Row<'_> {
    fn cells(&self, extent: &Extent) -> Vec<String> {
        let cell = |truth| gates(self.design, &self.noise, self.allowance, truth, extent.of(truth));
        let (same, changed): (Cell, [Cell; 5]) = (cell(Truth::Same), TRUTHS.map(cell));
        let head = [of_sigma(self.noise.sigma), format!("**{}**", self.name), rare(same.failed), percent(same.inconclusive)];
        let found = changed.iter().map(|cell| percent(cell.failed));
        let seconds = [same.seconds, changed[PLUS_20].seconds].map(|seconds| format!("{seconds:.0}"));
        head.into_iter().chain(found).chain([rare(changed[PLUS_20].passed)]).chain(seconds).collect()
    }
}

fn of_sigma(sigma: f64) -> String {
    format!("{:.0} %", 100.0 * sigma)
}

/// Ours beside the rules of other tools.
pub fn beside_others(banks: &Banks, extent: &Extent) -> Table {
    let about = "Percent of the gates that fail; up to three sittings of 180 s, or up to eight rounds of 60 s side by side, or (ladder) one \
         sitting that may pass and then rounds; ten baseline runs.";
    let mut table = Table::new("False alarms, and what is found", about, &HEADER);
    for noise in extent.sigmas.iter().map(|sigma| Noise::of(sigma / 100.0)) {
        for (name, design, allowance) in [
            ("history, 10/20", banks.history(SITTING_SECONDS), RELAXED),
            ("side by side, 10/20", banks.side_by_side(Rounds::FULL), RELAXED),
            ("side by side, 5/15", banks.side_by_side(Rounds::FULL), STRICT),
            ("ladder, 10/20", banks.ladder(), RELAXED),
            ("ladder, 5/15", banks.ladder(), STRICT),
        ] {
            table.row(Row { name: name.to_owned(), design, noise, allowance }.cells(extent));
        }
        others(&mut table, banks, &noise, extent);
    }
    table
}

fn others(table: &mut Table, banks: &Banks, noise: &Noise, extent: &Extent) {
    let failed = |truth| failed_by(&RULES, banks.source(SITTING_SECONDS, Past::USUAL), noise, truth, extent.of(truth));
    let (same, changed) = (failed(Truth::Same), TRUTHS.map(failed));
    for (index, rule) in RULES.iter().enumerate() {
        let head = [of_sigma(noise.sigma), rule.name.to_owned(), rare(same[index]), none()];
        let found = changed.iter().map(|failed| percent(failed[index]));
        let passed = rare(100.0 - changed[PLUS_20][index]);
        let seconds = format!("{SITTING_SECONDS}");
        table.row(head.into_iter().chain(found).chain([passed, seconds.clone(), seconds]));
    }
}

/// Against the history with sittings of another length.
pub fn lengths(banks: &Banks, extent: &Extent) -> Table {
    let mut table = Table::new("Sittings of another length", "Against the history; up to three sittings.", &HEADER);
    for noise in extent.sigmas.iter().map(|sigma| Noise::of(sigma / 100.0)) {
        for seconds in OTHER_LENGTHS {
            let name = format!("history, 10/20, {seconds} s");
            table.row(Row { name, design: banks.history(seconds), noise, allowance: RELAXED }.cells(extent));
        }
    }
    table
}

/// Side by side with less than is best.
pub fn rounds(banks: &Banks, extent: &Extent) -> Table {
    let about = "Known target: ten rounds of the old build against itself were made before. Fewer rounds, or no restarts before each.";
    let mut table = Table::new("Side by side with less", about, &HEADER);
    let less = |most, against_itself, restarts| Rounds { most, against_itself, restarts };
    for noise in extent.sigmas.iter().map(|sigma| Noise::of(sigma / 100.0)) {
        for (name, how) in [
            ("unknown target", less(8, 0, Restarts::BeforeEachRound)),
            ("unknown target, up to 3 rounds", less(3, 0, Restarts::BeforeEachRound)),
            ("unknown target, no restarts", less(8, 0, Restarts::None)),
            ("known target, no restarts", less(8, HISTORY, Restarts::None)),
        ] {
            for (change, allowance) in [("10/20", RELAXED), ("5/15", STRICT)] {
                table.row(Row { name: format!("{change}, {name}"), design: banks.side_by_side(how), noise, allowance }.cells(extent));
            }
        }
    }
    table
}

/// Noise of another kind than assumed.
pub fn robustness(banks: &Banks, extent: &Extent) -> Table {
    let about =
        "Heavy tails: Student's t with three degrees of freedom. A day that has 80 % of the variance stays for all sittings of a job.";
    let mut table = Table::new("Noise of another kind", about, &HEADER);
    for usual in extent.sigmas.iter().map(|sigma| Noise::of(sigma / 100.0)) {
        let heavy = Noise { tails: Tails::Heavy, ..usual };
        let (history, side_by_side) = (banks.history(SITTING_SECONDS), banks.side_by_side(Rounds::FULL));
        for (name, noise, design, allowance) in [
            ("history, 10/20, heavy tails", heavy, history, RELAXED),
            ("history, 10/20, day 80 %", Noise { day: 0.8, ..usual }, history, RELAXED),
            ("history, 10/20, both", Noise { day: 0.8, ..heavy }, history, RELAXED),
            ("side by side, 10/20, heavy tails", heavy, side_by_side, RELAXED),
            ("side by side, 5/15, heavy tails", heavy, side_by_side, STRICT),
            ("side by side, 5/15, instance 50 %", Noise { instance: 0.5, ..usual }, side_by_side, STRICT),
        ] {
            table.row(Row { name: name.to_owned(), design, noise, allowance }.cells(extent));
        }
    }
    table
}

/// What it does that a history begins where a metric last stepped to another level.
pub fn truncation(banks: &Banks, extent: &Extent) -> Table {
    let about = "Against the history, 10/20, sittings of 180 s. A step: p95 and p99 of one busy endpoint rose by 20 % so many runs ago and stayed. \
                 Without the rule, the runs before it count as noise.";
    let header = ["noise", "history", "begins", "false alarms", "undecided without a change", "+20 % found", "+20 % passed"];
    let mut table = Table::new("A history that begins at its last step", about, &header);
    let stepped = |runs, runs_ago| Past { runs, stepped: Some((runs_ago, 1.2)), ..Past::USUAL };
    let alike = |runs| Past { runs, ..Past::USUAL };
    for usual in extent.sigmas.iter().map(|sigma| Noise::of(sigma / 100.0)) {
        let heavy = Noise { tails: Tails::Heavy, ..usual };
        for (name, noise, past) in [
            ("10 runs of one build", usual, alike(10)),
            ("40 runs of one build", usual, alike(40)),
            ("40 runs of one build, heavy tails", heavy, alike(40)),
            ("10 runs, a step 5 runs ago", usual, stepped(10, 5)),
            ("40 runs, a step 10 runs ago", usual, stepped(40, 10)),
        ] {
            for (begins, at) in [(Begins::AtTheFirst, "at its first run"), (Begins::AtTheLastStep, "at its last step")] {
                let source = banks.source(SITTING_SECONDS, Past { begins, ..past });
                let design = Design::History { source, seconds: SITTING_SECONDS };
                let cell = |truth| gates(design, &noise, RELAXED, truth, extent.of(truth));
                let (same, slower) = (cell(Truth::Same), cell(Truth::OneEndpoint(1.2)));
                let shares = [rare(same.failed), percent(same.inconclusive), percent(slower.failed), rare(slower.passed)];
                table.row([of_sigma(noise.sigma), name.to_owned(), at.to_owned()].into_iter().chain(shares));
            }
        }
    }
    table
}
