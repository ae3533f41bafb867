//! Many gates of one kind, and how they ended.

use perfgate::plan::{Dice, Stream};

use super::bank::Pairs;
use super::effects::Noise;
use super::gate::{Allowance, Ended, Ladder, Nights, Outcome, Rounds, SideBySide, Source, Truth};
use super::model::metrics;
use super::other_tools::Rule;
use super::parallel;

/// The same gates are drawn for every truth and every rule.
const SEED: u64 = 5;

/// Shares of the gates, in percent, and their mean length in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    pub failed: f64,
    pub passed: f64,
    pub inconclusive: f64,
    pub seconds: f64,
}

impl Cell {
    fn of(ended: &[Ended]) -> Self {
        let share = |outcome| percent(ended.iter().filter(|ended| ended.outcome == outcome).count(), ended.len());
        Self {
            failed: share(Outcome::Failed),
            passed: share(Outcome::Passed),
            inconclusive: share(Outcome::Inconclusive),
            seconds: ended.iter().map(|ended| ended.seconds).sum::<f64>() / number(ended.len()),
        }
    }
}

/// How a gate compares.
#[derive(Debug, Clone, Copy)]
pub enum Design<'a> {
    /// With stored runs, by sittings of so many seconds.
    History { source: Source<'a>, seconds: u32 },
    /// Side by side; rounds of the old build against itself and against the new one.
    SideBySide { banks: [&'a Pairs; 2], how: Rounds },
    /// One sitting with stored runs, then side by side.
    Ladder { source: Source<'a>, seconds: u32, pairs: [&'a Pairs; 2] },
}

pub fn gates(design: Design<'_>, noise: &Noise, allowance: Allowance, truth: Truth, count: usize) -> Cell {
    let metrics = metrics();
    let ended = parallel::for_each(count, |gate| {
        let dice = &mut dice(gate);
        match design {
            Design::History { source, seconds } => Nights::draw(&metrics, source, noise, truth, dice).judge(allowance, seconds),
            Design::SideBySide { banks, how } => SideBySide::draw(&metrics, banks, how, noise, truth, dice).judge(allowance),
            Design::Ladder { source, seconds, pairs } => {
                Ladder::draw(&metrics, (source, pairs), noise, truth, dice).judge(allowance, seconds)
            }
        }
    });
    Cell::of(&ended)
}

/// Percent of the gates that each of the rules fails, on the sittings that [`Design::History`] draws.
pub fn failed_by(rules: &[Rule], source: Source<'_>, noise: &Noise, truth: Truth, count: usize) -> Vec<f64> {
    let metrics = metrics();
    let failed = parallel::for_each(count, |gate| {
        let nights = Nights::draw(&metrics, source, noise, truth, &mut dice(gate));
        rules.iter().map(|rule| rule.fails(&nights, metrics.len())).collect::<Vec<bool>>()
    });
    (0..rules.len()).map(|rule| percent(failed.iter().filter(|failed| failed[rule]).count(), count)).collect()
}

fn dice(gate: usize) -> Dice {
    Dice::new(SEED, Stream::User { index: gate as u64, life: 0 })
}

fn percent(count: usize, of: usize) -> f64 {
    100.0 * number(count) / number(of)
}

#[expect(clippy::cast_precision_loss, reason = "gates are counted in thousands")]
fn number(count: usize) -> f64 {
    count as f64
}
