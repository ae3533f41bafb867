//! New runs against the stored history. One run may pass; it never fails alone: what looks like a regression is loaded
//! again, and fails only where a fresh sitting agrees and both together are beyond noise. Levels and their false-alarm
//! rates: `cargo bench --bench verdict_quality`.

use super::{Change, Decision, Limits, Measured, PASS_LEVEL, SUSPICION, TAIL_NEEDED, Worse, unresolved};
use crate::stats::{Estimate, Noise, Series, history_noise, t_quantile};

/// The chance of a false alarm that all metrics of a gate share.
const FALSE_ALARM: f64 = 0.003;
/// How sure a pass is where rounds side by side can still decide: a change that is missed here is missed for good.
const SCREEN_PASS_LEVEL: f64 = 0.99;
/// Runs of one job share its day: this share of the variance stays, however often the load is repeated.
const SHARED_DAY: f64 = 0.5;
/// Where runs differ by so many times what is usual, extremes are more frequent than Student's t has them.
const WILD_FROM: f64 = 1.4;
/// There the bounds are wider by this.
const WILD_FACTOR: f64 = 1.5;

/// A metric whose sampling error at its smallest is above this share of `must_detect` can't be resolved by such runs. What
/// is just within it would leave many a release without a verdict, of which runs differ as well.
const RESOLVED_BELOW: f64 = 1.0 / 6.0;

/// One metric: its history and the sittings of the run that is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    pub limits: Limits,
    pub worse: Worse,
    /// Metrics of the same kind share their noise.
    pub kind: u32,
    /// The usual standard deviation between runs of this kind, of the logarithm.
    pub usual: f64,
    /// One for each baseline run.
    pub history: Vec<Estimate>,
    /// One for each load of the release, in order.
    pub sittings: Vec<Estimate>,
    /// How many requests were expected beyond the percentile in the last sitting; infinite where there is no percentile.
    pub tail: f64,
}

/// Decides every metric. `most_sittings` is how many there could be at most, those that were included.
/// `None` for a metric without history or sitting.
#[must_use]
pub fn judge_history(compared: &[Compared], most_sittings: usize) -> Vec<Option<Change>> {
    judge_at(compared, most_sittings, PASS_LEVEL)
}

/// As [`judge_history`], of one load before rounds side by side: it may pass, and more surely than elsewhere; it never
/// fails. What is undecided is the rounds' to decide.
#[must_use]
pub fn screen_history(compared: &[Compared], most_sittings: usize) -> Vec<Option<Change>> {
    let mut changes = judge_at(compared, most_sittings.max(2), SCREEN_PASS_LEVEL);
    // Side by side both have the same noise, so that rounds may tell what the history cannot.
    for change in changes.iter_mut().flatten().filter(|change| change.decision == Decision::Hidden) {
        change.decision = Decision::Undecided;
    }
    changes
}

fn judge_at(compared: &[Compared], most_sittings: usize, pass_level: f64) -> Vec<Option<Change>> {
    let series: Vec<Series<'_>> = compared.iter().map(|one| Series { history: &one.history, kind: one.kind, usual: one.usual }).collect();
    let noise = history_noise(&series);
    let family = Family::of(compared.len(), pass_level);
    let first_suspects: Vec<bool> = compared.iter().zip(&noise).map(|(one, noise)| family.suspects_first(one, noise.as_ref())).collect();
    let any_suspect = first_suspects.contains(&true);
    let one = |((one, noise), &first): ((&Compared, &Option<Noise>), &bool)| {
        let noise = noise.as_ref()?;
        // In the second sitting only what the first was suspected of can fail.
        let may_fail = one.sittings.len() > 2 || first || !any_suspect;
        let change = family.decide(one, noise, most_sittings, may_fail)?;
        let suspect = first && one.sittings.len() == 1;
        Some(Change { suspect, ..change })
    };
    compared.iter().zip(&noise).zip(&first_suspects).map(one).collect()
}

/// What all metrics of a gate share.
#[derive(Debug, Clone, Copy)]
struct Family {
    metrics: f64,
    pass_level: f64,
}

impl Family {
    #[expect(clippy::cast_precision_loss, reason = "metrics of a gate are few")]
    fn of(metrics: usize, pass_level: f64) -> Self {
        Self { metrics: metrics.max(1) as f64, pass_level }
    }

    fn suspects_first(self, one: &Compared, noise: Option<&Noise>) -> bool {
        let Some(first) = noise.and_then(|noise| Sittings::of(one, noise, 1)) else { return false };
        one.tail >= TAIL_NEEDED && self.suspects(one, &first.single)
    }

    fn suspects(self, one: &Compared, measured: &Measured) -> bool {
        measured.is_beyond(one.limits, t_quantile(1.0 - SUSPICION / self.metrics, measured.freedom))
    }

    /// How many standard errors prove a regression.
    fn critical(self, one: &Compared, noise: &Noise) -> f64 {
        let wild = if noise.between.sqrt() > WILD_FROM * one.usual { WILD_FACTOR } else { 1.0 };
        t_quantile(1.0 - FALSE_ALARM / self.metrics, noise.freedom) * wild
    }

    fn decide(self, one: &Compared, noise: &Noise, most_sittings: usize, may_fail: bool) -> Option<Change> {
        let critical = self.critical(one, noise);
        let Sittings { all, single } = Sittings::of(one, noise, one.sittings.len())?;
        let is_enough = one.tail >= TAIL_NEEDED;
        // Where no second sitting can come, as for a stored run, the one there is decides.
        let is_confirmed = most_sittings == 1 || (one.sittings.len() > 1 && single.change > one.limits.allowed && may_fail);
        let decision = if is_enough && is_confirmed && all.is_beyond(one.limits, critical) {
            Decision::Regressed
        } else if is_enough && all.is_unchanged(one.limits, self.pass_level) {
            Decision::Unchanged
        } else if is_resolvable(one, most_sittings) || (is_enough && self.suspects(one, &all)) {
            Decision::Undecided
        } else {
            unresolved(&all, one.tail)
        };
        Some(all.shown(one.worse, decision, critical, noise.between.sqrt()))
    }
}

/// The sittings so far, together and the last alone.
#[derive(Debug, Clone, Copy)]
struct Sittings {
    all: Measured,
    single: Measured,
}

impl Sittings {
    #[expect(clippy::cast_precision_loss, reason = "a handful of sittings")]
    fn of(one: &Compared, noise: &Noise, count: usize) -> Option<Self> {
        let sittings = one.sittings.get(..count)?;
        let last = sittings.last()?;
        let n = count as f64;
        let change_of = |sitting: &Estimate| one.worse.signed(sitting.log - noise.centre);
        let errors_of = |sitting: &Estimate| match one.worse {
            Worse::Higher => (sitting.low, sitting.up),
            Worse::Lower => (sitting.up, sitting.low),
        };
        let squares = |side: fn((f64, f64)) -> f64| sittings.iter().map(|sitting| side(errors_of(sitting)).powi(2)).sum::<f64>() / (n * n);
        let between = noise.between * (SHARED_DAY + (1.0 - SHARED_DAY) / n) + noise.of_centre;
        let (last_low, last_up) = errors_of(last);
        let alone = noise.between + noise.of_centre;
        Some(Self {
            all: Measured {
                change: sittings.iter().map(change_of).sum::<f64>() / n,
                low: (between + squares(|(low, _)| low)).sqrt(),
                up: (between + squares(|(_, up)| up)).sqrt(),
                freedom: noise.freedom,
            },
            single: Measured {
                change: change_of(last),
                low: (alone + last_low.powi(2)).sqrt(),
                up: (alone + last_up.powi(2)).sqrt(),
                freedom: noise.freedom,
            },
        })
    }
}

/// Whether as many sittings as there may be would tell a change of `must_detect` from sampling. Told from the history, so
/// that the run that is judged has no say in it.
#[expect(clippy::cast_precision_loss, reason = "a handful of sittings and runs")]
fn is_resolvable(one: &Compared, most_sittings: usize) -> bool {
    let variance = one.history.iter().map(Estimate::variance).sum::<f64>() / one.history.len() as f64;
    (variance / most_sittings.max(1) as f64).sqrt() <= one.limits.must_detect * RESOLVED_BELOW
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { allowed: 0.0953, must_detect: 0.1823 };

    fn estimates(logs: &[f64]) -> Vec<Estimate> {
        logs.iter().map(|&log| Estimate { log, low: 0.01, up: 0.01 }).collect()
    }

    /// Ten calm nights around 0.
    fn compared(sittings: &[f64]) -> Compared {
        let history = estimates(&[0.01, -0.01, 0.0, 0.02, -0.02, 0.01, -0.01, 0.0, 0.01, -0.01]);
        Compared { limits: LIMITS, worse: Worse::Higher, kind: 0, usual: 0.05, history, sittings: estimates(sittings), tail: 100.0 }
    }

    fn decided(one: &Compared) -> Change {
        judge_history(std::slice::from_ref(one), 3)[0].unwrap()
    }

    #[test]
    fn a_run_that_is_alone_decides_alone() {
        let alone = judge_history(&[compared(&[0.3])], 1)[0].unwrap();
        assert_eq!(alone.decision, Decision::Regressed);
    }

    #[test]
    fn one_sitting_may_pass_and_never_fails() {
        use Decision::{Regressed, Unchanged, Undecided};
        for (sittings, decision, suspect) in [
            (&[0.0][..], Unchanged, false),
            (&[-0.3], Unchanged, false),
            (&[0.3], Undecided, true),
            (&[0.3, 0.3], Regressed, false),
            (&[0.3, 0.0], Undecided, false),
            (&[0.3, 0.0, 0.0], Undecided, false),
            (&[0.1, 0.02, 0.01], Unchanged, false),
        ] {
            let found = decided(&compared(sittings));
            assert_eq!((found.decision, found.suspect), (decision, suspect), "{sittings:?} {found:?}");
        }
    }

    #[test]
    fn a_screen_passes_more_surely_and_never_fails() {
        use Decision::{Unchanged, Undecided};
        let screened = |one: &Compared| screen_history(std::slice::from_ref(one), 3)[0].unwrap().decision;
        for (log, decision) in [(0.0, Unchanged), (-0.3, Unchanged), (0.3, Undecided), (3.0, Undecided)] {
            assert_eq!(screened(&compared(&[log])), decision, "{log}");
        }
        // What the history alone would pass, but not so surely.
        let vague = |log| Compared { sittings: vec![Estimate { log, low: 0.03, up: 0.03 }], ..compared(&[]) };
        let between = (0..100).map(|step| vague(f64::from(step) / 1000.0)).find(|one| screened(one) == Undecided).unwrap();
        assert_eq!(decided(&between).decision, Unchanged, "{between:?}");
    }

    #[test]
    fn a_fall_is_a_rise_the_other_way() {
        let falling = Compared { worse: Worse::Lower, ..compared(&[-0.3, -0.28]) };
        let (rising, falling) = (decided(&compared(&[0.3, 0.28])), decided(&falling));
        assert_eq!(falling.decision, Decision::Regressed);
        assert!((rising.log + falling.log).abs() < 0.02 && (rising.visible - falling.visible).abs() < 1e-9, "{rising:?} {falling:?}");
        assert!(falling.low < falling.log && falling.log < falling.high && falling.high < 0.0);
    }

    #[test]
    fn what_such_runs_can_never_resolve_is_said() {
        let vague = Estimate { log: 0.05, low: 0.2, up: 0.2 };
        let one = Compared { history: vec![vague; 10], sittings: vec![vague], tail: 50.0, ..compared(&[]) };
        assert_eq!(decided(&one).decision, Decision::Unresolvable);
        assert!(decided(&one).visible > 0.4);
        // But what looks like a regression is not waved through.
        let slower = vec![Estimate { log: 0.4, ..vague }; 3];
        assert_eq!(decided(&Compared { sittings: slower, ..one.clone() }).decision, Decision::Undecided);
        let many = Compared { tail: 500.0, ..one.clone() };
        assert_eq!(decided(&many).decision, Decision::Hidden, "noise hides it, not the number of requests");
        let too_few = Compared { tail: 4.0, ..compared(&[0.0]) };
        assert_ne!(decided(&too_few).decision, Decision::Unchanged);
    }

    #[test]
    fn more_metrics_ask_for_more_evidence() {
        let of = |count: usize| judge_history(&vec![compared(&[0.12, 0.12]); count], 3)[0].unwrap();
        assert!(of(1000).visible > of(10).visible);
    }

    #[test]
    fn nothing_to_compare_is_no_decision() {
        assert_eq!(judge_history(&[Compared { history: Vec::new(), ..compared(&[0.0]) }], 3), [None]);
        assert_eq!(judge_history(&[compared(&[])], 3), [None]);
        assert_eq!(judge_history(&[], 3), []);
    }

    #[test]
    fn numbers_that_are_none_never_pass() {
        for log in [f64::NAN, f64::INFINITY] {
            let found = decided(&compared(&[log]));
            assert!(!matches!(found.decision, Decision::Unchanged | Decision::Unresolvable), "{found:?}");
        }
        let none = Estimate { log: f64::NAN, low: 0.01, up: 0.01 };
        let found = decided(&Compared { history: vec![none; 10], ..compared(&[0.0]) });
        assert_eq!(found.decision, Decision::Undecided, "{found:?}");
        let few = Compared { history: vec![Estimate { log: 0.0, low: f64::NAN, up: f64::NAN }; 10], tail: 50.0, ..compared(&[0.0]) };
        assert!(!matches!(decided(&few).decision, Decision::Unresolvable), "{few:?}");
    }
}
