//! Two builds loaded side by side in rounds: what slows both down at the same time is no difference between them. A
//! round is looked at only at fixed counts, because every look is another chance of a false alarm.

use super::{Change, Decision, Limits, Measured, PASS_LEVEL, SUSPICION, TAIL_NEEDED, Worse, unresolved};
use crate::stats::{Estimate, Restarts, SeriesOfRounds, chance_of_at_least, round_noise, t_quantile};

/// After so many rounds it is decided, or another one follows.
pub const LOOKS: [usize; 4] = [2, 3, 5, 8];
/// The chance of a false alarm that all metrics of a gate share.
const FALSE_ALARM: f64 = 0.006;
/// Looks resemble each other: together they cost less than so many separate tests.
const ALIKE: f64 = 1.5;

/// A metric whose sampling error at its smallest is above this share of `must_detect` can't be resolved by such rounds.
const RESOLVED_BELOW: f64 = 1.0 / 4.0;

/// One metric in rounds of two builds.
#[derive(Debug, Clone, PartialEq)]
pub struct Paired {
    pub limits: Limits,
    pub worse: Worse,
    /// Metrics of the same kind share their noise.
    pub kind: u32,
    /// The usual standard deviation of a round of this kind, of the logarithm of new over old.
    pub usual: f64,
    /// The logarithm of new over old in each round.
    pub rounds: Vec<Estimate>,
    /// The same of a build against itself, measured before.
    pub against_itself: Vec<Estimate>,
    /// How many requests were expected beyond the percentile in a round; infinite where there is no percentile.
    pub tail: f64,
}

/// Decides every metric after the rounds so far. `most_rounds` is how many there could be at most.
/// `None` for a metric without a round.
#[must_use]
pub fn judge_rounds(paired: &[Paired], restarts: Restarts, most_rounds: usize) -> Vec<Option<Change>> {
    let series: Vec<SeriesOfRounds<'_>> = paired
        .iter()
        .map(|one| SeriesOfRounds { rounds: &one.rounds, against_itself: &one.against_itself, kind: one.kind, usual: one.usual })
        .collect();
    let (level, suspicion) = (level(paired.len()), SUSPICION / number(paired.len()));
    let one = |(one, noise): (&Paired, Option<crate::stats::RoundNoise>)| {
        let noise = noise?;
        let change = one.worse.signed(noise.mean);
        let measured = Measured { change, low: noise.error, up: noise.error, freedom: noise.freedom };
        let critical = t_quantile(1.0 - level, noise.freedom);
        let has_tail = one.tail >= TAIL_NEEDED;
        let is_enough = has_tail && LOOKS.contains(&one.rounds.len());
        let is_suspect = || has_tail && measured.is_beyond(one.limits, t_quantile(1.0 - suspicion, noise.freedom));
        let decision = if is_enough && measured.is_beyond(one.limits, critical) {
            Decision::Regressed
        } else if is_enough && measured.is_unchanged(one.limits, PASS_LEVEL) {
            Decision::Unchanged
        } else if is_resolvable(one, most_rounds) || is_suspect() {
            Decision::Undecided
        } else {
            unresolved(&measured, one.tail)
        };
        Some(measured.shown(one.worse, decision, critical, noise.between))
    };
    paired.iter().zip(round_noise(&series, restarts)).map(one).collect()
}

/// What became of releases that were none: rounds of a build against itself, judged by each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// Gates of which each had two rounds.
    pub gates: u64,
    /// Those that failed.
    pub alarms: u64,
}

/// The share of gates that may fail where nothing changed.
const PROMISED: f64 = 0.01;
/// That more than what is promised fail is said where chance explains it in fewer cases than this.
const PROVEN: f64 = 0.025;

impl Replay {
    /// Whether as few failed as is promised, to what so many can tell.
    #[must_use]
    pub fn is_calibrated(self) -> bool {
        chance_of_at_least(self.alarms, self.gates, PROMISED) >= PROVEN
    }
}

/// Judges the rounds of a build against itself, two by two, by all the others. Metrics that some of the rounds have not
/// are left out.
#[must_use]
pub fn replay(paired: &[Paired], restarts: Restarts) -> Replay {
    let rounds = paired.iter().map(|one| one.against_itself.len()).max().unwrap_or(0);
    let whole: Vec<&Paired> = paired.iter().filter(|one| one.against_itself.len() == rounds).collect();
    let of_a_gate = LOOKS[0];
    let fails = |gate: &usize| {
        let begin = gate * of_a_gate;
        let replayed = |one: &&Paired| {
            let mut others = one.against_itself.clone();
            let rounds = others.drain(begin..begin + of_a_gate).collect();
            Paired { rounds, against_itself: others, ..(*one).clone() }
        };
        let replayed: Vec<Paired> = whole.iter().map(replayed).collect();
        judge_rounds(&replayed, restarts, of_a_gate).iter().flatten().any(|change| change.decision == Decision::Regressed)
    };
    let gates = rounds / of_a_gate;
    Replay { gates: gates as u64, alarms: (0..gates).filter(fails).count() as u64 }
}

/// The level of one metric at one look. Where there are fewer looks it is no more generous: the first ones know least of
/// the noise.
fn level(metrics: usize) -> f64 {
    FALSE_ALARM * ALIKE / number(LOOKS.len()) / number(metrics)
}

/// At least one.
#[expect(clippy::cast_precision_loss, reason = "metrics of a gate are few")]
fn number(count: usize) -> f64 {
    count.max(1) as f64
}

/// Whether as many rounds as there may be would tell a change of `must_detect` from sampling.
#[expect(clippy::cast_precision_loss, reason = "a handful of rounds")]
fn is_resolvable(one: &Paired, most_rounds: usize) -> bool {
    let all = || one.rounds.iter().chain(&one.against_itself);
    let variance = all().map(Estimate::variance).sum::<f64>() / all().count().max(1) as f64;
    (variance / most_rounds.max(1) as f64).sqrt() <= one.limits.must_detect * RESOLVED_BELOW
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { allowed: 0.0488, must_detect: 0.1398 };

    fn paired(logs: &[f64]) -> Paired {
        let rounds = logs.iter().map(|&log| Estimate { log, low: 0.01, up: 0.01 }).collect();
        Paired { limits: LIMITS, worse: Worse::Higher, kind: 0, usual: 0.025, rounds, against_itself: Vec::new(), tail: 100.0 }
    }

    fn decided(one: &Paired) -> Decision {
        judge_rounds(std::slice::from_ref(one), Restarts::BeforeEachRound, 8)[0].unwrap().decision
    }

    #[test]
    fn rounds_decide_at_their_looks_only() {
        use Decision::{Regressed, Unchanged, Undecided};
        for (rounds, decision) in [
            (&[0.2][..], Undecided),
            (&[0.0], Undecided),
            (&[0.2, 0.21, 0.19], Regressed),
            (&[0.2, 0.21, 0.19, 0.2], Undecided),
            (&[0.0, 0.01, -0.01], Unchanged),
            (&[0.3, -0.2, 0.1], Undecided),
        ] {
            assert_eq!(decided(&paired(rounds)), decision, "{rounds:?}");
        }
    }

    #[test]
    fn rounds_of_a_build_against_itself_make_it_surer() {
        let young = paired(&[0.1, 0.1]);
        let calm = vec![Estimate { log: 0.005, low: 0.01, up: 0.01 }; 10];
        let old = Paired { against_itself: calm, ..young.clone() };
        let error = |one: &Paired| judge_rounds(std::slice::from_ref(one), Restarts::BeforeEachRound, 8)[0].unwrap().visible;
        assert!(error(&old) < error(&young));
        assert_eq!(decided(&old), Decision::Regressed);
    }

    #[test]
    fn a_lower_throughput_is_worse() {
        let falling = Paired { worse: Worse::Lower, ..paired(&[-0.2, -0.21, -0.19]) };
        assert_eq!(decided(&falling), Decision::Regressed);
        assert_eq!(decided(&Paired { worse: Worse::Lower, ..paired(&[0.2, 0.2, 0.2]) }), Decision::Unchanged);
    }

    #[test]
    fn rounds_of_a_build_against_itself_show_a_gate_that_cries_wolf() {
        let of = |logs: &[f64]| Paired {
            against_itself: logs.iter().map(|&log| Estimate { log, low: 0.01, up: 0.01 }).collect(),
            ..paired(&[0.0, 0.0])
        };
        let calm = [0.01, -0.01, 0.0, 0.02, -0.02, 0.01, 0.0, -0.01, 0.0, 0.01];
        // Two nights on which one side was slower by half, and both rounds of a night alike.
        let mut wild = [0.0; 24];
        wild[2..4].fill(0.4);
        wild[10..12].fill(0.4);
        let replayed = |one: &Paired| replay(std::slice::from_ref(one), Restarts::BeforeEachRound);
        assert_eq!(replayed(&of(&calm)), Replay { gates: 5, alarms: 0 });
        assert!(replayed(&of(&calm)).is_calibrated());
        assert_eq!(replayed(&of(&wild)), Replay { gates: 12, alarms: 2 });
        assert!(!replayed(&of(&wild)).is_calibrated());
        let faster = Paired { worse: Worse::Lower, ..of(&wild) };
        assert_eq!(replayed(&faster).alarms, 0, "the other direction is no alarm");
        let half = of(&wild[..3]);
        assert_eq!(replay(&[of(&calm), half], Restarts::None), replay(&[of(&calm)], Restarts::None), "of other rounds");
        assert_eq!(replay(&[], Restarts::None), Replay { gates: 0, alarms: 0 });
        assert!(Replay { gates: 0, alarms: 0 }.is_calibrated() && Replay { gates: 5, alarms: 1 }.is_calibrated());
    }

    #[test]
    fn what_rounds_cannot_tell_is_no_pass_where_it_looks_like_a_regression() {
        let coarse = |log: f64| {
            let rounds = vec![Estimate { log, low: 0.3, up: 0.3 }; 3];
            Paired { against_itself: vec![Estimate { log: 0.0, low: 0.3, up: 0.3 }; 10], rounds, tail: 50.0, ..paired(&[]) }
        };
        let many = Paired { tail: 500.0, ..coarse(0.04) };
        assert_eq!(decided(&many), Decision::Hidden, "noise hides it, not the number of requests");
        assert_eq!(decided(&coarse(0.04)), Decision::Unresolvable);
        assert_eq!(decided(&coarse(0.1)), Decision::Undecided);
        assert_eq!(decided(&coarse(1.5)), Decision::Regressed);
    }

    #[test]
    fn no_number_is_no_pass() {
        assert!(!matches!(decided(&paired(&[f64::NAN, 0.0])), Decision::Unchanged | Decision::Regressed));
        assert_eq!(judge_rounds(&[paired(&[])], Restarts::None, 8), [None]);
    }
}
