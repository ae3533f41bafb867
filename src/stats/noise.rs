//! How much runs of the same build differ: the variance between runs, shrunk towards what the other metrics of its kind
//! show and towards what is usual (moderated variance, Smyth 2004), so that three nights are enough to begin with.

use super::Estimate;

/// How many runs the usual noise weighs.
const PRIOR_WEIGHT: f64 = 2.0;
/// The endpoints of one target slow down together: each counts half.
const ENDPOINT_WEIGHT: f64 = 0.5;
/// What is shared between metrics weighs at most so many runs.
const MOST_SHARED: f64 = 8.0;
/// Runs never differ by less than this (standard deviation of the logarithm).
const RUN_FLOOR: f64 = 0.01;
/// From so many runs on the centre is one that a wild night does not move.
const ROBUST_FROM: usize = 5;

/// The runs of one metric before, and what noise is usual for its kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Series<'a> {
    /// One for each baseline run.
    pub history: &'a [Estimate],
    /// Metrics of the same kind share their noise.
    pub kind: u32,
    /// The usual standard deviation between runs of this kind, of the logarithm.
    pub usual: f64,
}

/// What a history says of one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Where runs of the old build lie, as a logarithm.
    pub centre: f64,
    /// Variance of the centre itself.
    pub of_centre: f64,
    /// Variance between runs of the same build, sampling apart.
    pub between: f64,
    /// Degrees of freedom of `between`.
    pub freedom: f64,
}

/// The noise of every series, in their order. `None` for one without a run.
#[must_use]
pub fn history_noise(series: &[Series<'_>]) -> Vec<Option<Noise>> {
    let spreads: Vec<Spread> = series.iter().map(Spread::of_history).collect();
    series.iter().zip(&spreads).map(|(one, spread)| of_history(one, *spread, shared(series, &spreads, one.kind))).collect()
}

/// What one series shows by itself.
#[derive(Debug, Clone, Copy)]
struct Spread {
    /// Unbiased estimate of the variance between runs; below 0 where sampling explains more than all of it.
    variance: f64,
    freedom: f64,
    sampling: f64,
}

impl Spread {
    fn of_history(series: &Series<'_>) -> Self {
        let count = number(series.history.len());
        let sampling = series.history.iter().map(Estimate::variance).sum::<f64>() / count.max(1.0);
        let logs: Vec<f64> = series.history.iter().map(|run| run.log).collect();
        match variance(&logs) {
            Some(variance) => Self { variance: variance - sampling, freedom: count - 1.0, sampling },
            None => Self { variance: 0.0, freedom: 0.0, sampling },
        }
    }
}

/// The variance that the metrics of a kind show together, and how many runs it weighs.
fn shared(series: &[Series<'_>], spreads: &[Spread], kind: u32) -> (f64, f64) {
    let of_kind = || series.iter().zip(spreads).filter(|(one, _)| one.kind == kind);
    let freedom: f64 = of_kind().map(|(_, spread)| ENDPOINT_WEIGHT * spread.freedom).sum();
    let seen: f64 = of_kind().map(|(_, spread)| ENDPOINT_WEIGHT * spread.freedom * spread.variance).sum();
    let usual = of_kind().next().map_or(0.0, |(one, _)| one.usual * one.usual);
    let pooled = (PRIOR_WEIGHT * usual + seen) / (PRIOR_WEIGHT + freedom);
    (pooled.max(RUN_FLOOR * RUN_FLOOR), (PRIOR_WEIGHT + freedom).min(MOST_SHARED))
}

fn of_history(series: &Series<'_>, spread: Spread, (pooled, weight): (f64, f64)) -> Option<Noise> {
    let logs: Vec<f64> = series.history.iter().map(|run| run.log).collect();
    let centre = if logs.len() >= ROBUST_FROM { middle(&logs)? } else { mean(&logs)? };
    let between = ((weight * pooled + spread.freedom * spread.variance) / (weight + spread.freedom)).max(RUN_FLOOR * RUN_FLOOR);
    let of_centre = centre_factor(logs.len()) / number(logs.len()) * (between + spread.sampling);
    Some(Noise { centre, of_centre, between, freedom: weight + spread.freedom })
}

/// The variance of the centre over that of the mean.
fn centre_factor(runs: usize) -> f64 {
    if runs < ROBUST_FROM { 1.0 } else { 1.1 }
}

/// Rounds never differ by less than this (standard deviation of the logarithm).
const ROUND_FLOOR: f64 = 0.005;

/// What one instance has by chance may be so many times the usual noise of a round.
const INSTANCE_TIMES: f64 = 2.0;

/// One metric's rounds of two builds side by side, each the logarithm of new over old.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesOfRounds<'a> {
    pub rounds: &'a [Estimate],
    /// Rounds of one build against itself, made before.
    pub against_itself: &'a [Estimate],
    pub kind: u32,
    /// The usual standard deviation of a round, sampling apart.
    pub usual: f64,
}

/// What the rounds say of one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoundNoise {
    /// The mean over the rounds.
    pub mean: f64,
    /// Its standard error.
    pub error: f64,
    pub freedom: f64,
    /// Standard deviation of one round, sampling apart.
    pub between: f64,
}

/// Whether both sides were started anew before each round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restarts {
    BeforeEachRound,
    /// What one instance has by chance stays in every round, and no number of rounds takes it out.
    None,
}

/// The noise of every series of rounds, in their order. `None` for one without a round.
#[must_use]
pub fn round_noise(series: &[SeriesOfRounds<'_>], restarts: Restarts) -> Vec<Option<RoundNoise>> {
    let seen: Vec<SeenRounds> = series.iter().map(|one| SeenRounds::of(one)).collect();
    let one = |(one, own): (&SeriesOfRounds<'_>, &SeenRounds)| {
        let of_kind = || series.iter().zip(&seen).filter(|(other, _)| other.kind == one.kind).map(|(_, seen)| seen);
        let freedom: f64 = of_kind().map(|seen| ENDPOINT_WEIGHT * seen.freedom).sum();
        let ratio =
            (PRIOR_WEIGHT + of_kind().map(|seen| ENDPOINT_WEIGHT * seen.squares / seen.expected).sum::<f64>()) / (PRIOR_WEIGHT + freedom);
        let weight = (PRIOR_WEIGHT + freedom).min(MOST_SHARED);
        let of_round = (weight * ratio * own.expected + own.squares) / (weight + own.freedom);
        let count = number(one.rounds.len());
        let of_mean = match restarts {
            Restarts::BeforeEachRound => of_round / count,
            Restarts::None => (INSTANCE_TIMES * one.usual).powi(2) + of_round / count,
        };
        let logs: Vec<f64> = one.rounds.iter().map(|round| round.log).collect();
        Some(RoundNoise {
            mean: mean(&logs)?,
            error: of_mean.sqrt().max(ROUND_FLOOR),
            freedom: weight + own.freedom,
            between: (of_round - own.sampling).max(0.0).sqrt(),
        })
    };
    series.iter().zip(&seen).map(one).collect()
}

/// What one series of rounds shows by itself.
#[derive(Debug, Clone, Copy)]
struct SeenRounds {
    /// The variance that a round is expected to have.
    expected: f64,
    squares: f64,
    freedom: f64,
    /// Mean sampling variance of a round.
    sampling: f64,
}

impl SeenRounds {
    fn of(series: &SeriesOfRounds<'_>) -> Self {
        let SeriesOfRounds { rounds, against_itself, usual, .. } = series;
        let all = || rounds.iter().chain(*against_itself);
        let sampling = |runs: f64, sum: f64| if runs > 0.0 { sum / runs } else { 0.0 };
        let of_all = sampling(number(rounds.len() + against_itself.len()), all().map(Estimate::variance).sum());
        let of_rounds = sampling(number(rounds.len()), rounds.iter().map(Estimate::variance).sum());
        let logs: Vec<f64> = rounds.iter().map(|round| round.log).collect();
        let own = number(rounds.len().saturating_sub(1));
        // A build against itself is known not to have changed.
        let itself: f64 = against_itself.iter().map(|round| round.log * round.log).sum();
        Self {
            expected: usual * usual + of_all,
            squares: own * variance(&logs).unwrap_or(0.0) + itself,
            freedom: own + number(against_itself.len()),
            sampling: of_rounds,
        }
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / number(values.len()))
}

/// The median of the means of all pairs (Hodges and Lehmann 1963): nearly as exact as the mean, and up to a quarter of
/// the values may be anything.
fn middle(values: &[f64]) -> Option<f64> {
    let pairs = values.iter().enumerate().flat_map(|(index, one)| values[index..].iter().map(move |other| f64::midpoint(*one, *other)));
    let mut means: Vec<f64> = pairs.collect();
    means.sort_by(f64::total_cmp);
    let upper = *means.get(means.len() / 2)?;
    let lower = *means.get((means.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// Unbiased; `None` for fewer than two.
fn variance(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    Some(values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / number(values.len() - 1))
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn runs(logs: &[f64], error: f64) -> Vec<Estimate> {
        logs.iter().map(|&log| Estimate { log, low: error, up: error }).collect()
    }

    fn of(history: &[Estimate]) -> Noise {
        history_noise(&[Series { history, kind: 0, usual: 0.05 }])[0].unwrap()
    }

    #[test]
    fn few_runs_have_the_usual_noise_and_many_their_own() {
        let one = of(&runs(&[3.0], 0.0));
        assert!((one.between - 0.0025).abs() < 1e-12 && (one.freedom - 2.0).abs() < 1e-12, "{one:?}");
        let calm: Vec<f64> = (0..30).map(|night| 3.0 + if night % 2 == 0 { 0.012 } else { -0.012 }).collect();
        let calm = of(&runs(&calm, 0.0));
        assert!(calm.between.sqrt() < 0.02 && calm.freedom > 30.0, "{calm:?}");
        let wild: Vec<f64> = (0..30).map(|night| 3.0 + if night % 2 == 0 { 0.3 } else { -0.3 }).collect();
        assert!(of(&runs(&wild, 0.0)).between.sqrt() > 0.25);
    }

    #[test]
    fn what_sampling_explains_is_no_noise_between_runs() {
        let logs: Vec<f64> = (0..12).map(|night| if night % 2 == 0 { 0.05 } else { -0.05 }).collect();
        assert!(of(&runs(&logs, 0.05)).between < of(&runs(&logs, 0.0)).between / 3.0);
    }

    #[test]
    fn one_wild_night_does_not_move_the_centre() {
        let history = runs(&[1.0, 1.01, 0.99, 1.0, 1.02, 3.0], 0.01);
        assert!((of(&history).centre - 1.005).abs() < 0.01);
    }

    #[test]
    fn metrics_of_one_kind_share_their_noise() {
        let (young, old) = (runs(&[0.0, 0.0, 0.0], 0.0), runs(&[0.2, -0.2, 0.2, -0.2, 0.2, -0.2, 0.2, -0.2], 0.0));
        let series = |kind| [Series { history: &young, kind: 0, usual: 0.05 }, Series { history: &old, kind, usual: 0.05 }];
        let (alone, together) = (history_noise(&series(1))[0].unwrap(), history_noise(&series(0))[0].unwrap());
        assert!(together.between > 4.0 * alone.between, "{together:?} {alone:?}");
        assert_eq!(history_noise(&[Series { history: &[], kind: 0, usual: 0.05 }]), [None]);
    }

    #[test]
    fn rounds_average_out_only_where_both_sides_are_started_anew() {
        let rounds = runs(&[0.05, 0.07, 0.03, 0.05, 0.06, 0.04], 0.01);
        let series = [SeriesOfRounds { rounds: &rounds, against_itself: &[], kind: 0, usual: 0.025 }];
        let (anew, same) = (round_noise(&series, Restarts::BeforeEachRound)[0].unwrap(), round_noise(&series, Restarts::None)[0].unwrap());
        assert!((anew.mean - 0.05).abs() < 1e-9 && anew.error < 0.012, "{anew:?}");
        assert!(same.error > 2.0 * anew.error, "{same:?}");
    }

    proptest! {
        #[test]
        fn noise_is_never_less_than_its_floor_and_always_a_number(
            logs in prop::collection::vec(-5.0..9.0_f64, 1..30), error in 0.0..2.0_f64,
        ) {
            let noise = of(&runs(&logs, error));
            prop_assert!(noise.between >= RUN_FLOOR * RUN_FLOOR && noise.of_centre > 0.0 && noise.freedom >= 2.0);
            prop_assert!(noise.centre.is_finite() && noise.between.is_finite());
            let rounds = runs(&logs, error);
            for restarts in [Restarts::BeforeEachRound, Restarts::None] {
                let series = [SeriesOfRounds { rounds: &rounds, against_itself: &[], kind: 0, usual: 0.025 }];
                let noise = round_noise(&series, restarts)[0].unwrap();
                prop_assert!(noise.error >= ROUND_FLOOR && noise.error.is_finite() && noise.mean.is_finite());
            }
        }
    }
}
