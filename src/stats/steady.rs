//! Whether a run was of one piece: as fast at its end as at its beginning, and not disturbed in between. All values are
//! natural logarithms, one for each stretch of time, in the order of time; the stretches are of equal length.

use super::drift::Shift;
use super::t_quantile;

/// Fewer stretches tell nothing.
pub const HALVES_NEEDED: usize = 6;
/// The halves of a steady run differ by chance so rarely, all endpoints together: the bound of four standard errors that
/// many stretches have is far too near for few.
const DRIFT_ERROR: f64 = 0.001;
const LEAST_T: f64 = 4.0;
/// A smaller difference between the halves (10 %) does no harm.
const LEAST_DRIFT: f64 = 0.095_310_179_804_325;
/// Stretches that are exactly alike would make any difference certain.
const FLOOR: f64 = 0.005;
/// A run begins with a warm-up of at most this part of it.
const MOST_WARM_UP: f64 = 0.25;
/// A jump is beyond so many times the usual distance from the median, and of at least this (15 %).
const JUMP_DEVIATIONS: f64 = 4.0;
const LEAST_JUMP: f64 = 0.139_761_942_375_159;
/// The median distance from the median of normal values, times this, is their standard deviation.
const NORMAL_MAD: f64 = 1.482_6;

/// The last half of a run beside its first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HalfDrift {
    pub shift: Shift,
    /// Whether it is neither small nor noise.
    pub is_drift: bool,
}

/// Holds the last half of a series against the first, one of `tests` that are made of a run (Welch's t). `None` with fewer
/// than [`HALVES_NEEDED`] values, or where one is no number.
#[must_use]
pub fn half_drift(values: &[f64], tests: usize) -> Option<HalfDrift> {
    if values.len() < HALVES_NEEDED || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let (first, last) = values.split_at(values.len() / 2);
    let (first, last) = (Half::of(first), Half::of(last));
    let error = (first.error_square + last.error_square).sqrt();
    let freedom = first.freedom + last.freedom;
    let needed = t_quantile(1.0 - DRIFT_ERROR / 2.0 / count(tests.max(1)), freedom).max(LEAST_T);
    let moved = (last.mean - first.mean).abs();
    Some(HalfDrift { shift: Shift { from: first.mean, to: last.mean }, is_drift: moved > LEAST_DRIFT && moved > needed * error })
}

struct Half {
    mean: f64,
    error_square: f64,
    freedom: f64,
}

impl Half {
    fn of(values: &[f64]) -> Self {
        let (mean, freedom) = (mean(values), count(values.len() - 1));
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / freedom;
        Self { mean, error_square: variance.max(FLOOR * FLOOR) / count(values.len()), freedom }
    }
}

/// How many values at the start are better left out: what remains then has the smallest standard error (MSER, White 1997).
/// At most a quarter of them.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a number of values")]
pub fn warm_up(values: &[f64]) -> usize {
    let error = |cut: usize| {
        let kept = &values[cut..];
        let mean = mean(kept);
        kept.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count(kept.len()).powi(2)
    };
    let most = (count(values.len()) * MOST_WARM_UP) as usize;
    (0..=most).filter(|&cut| cut < values.len()).min_by(|&one, &other| error(one).total_cmp(&error(other))).unwrap_or(0)
}

/// The stretches in which at least two of three endpoints were slower than usual at once: something disturbed the run. All
/// endpoints have as many values. Empty for fewer than two endpoints, which could not tell it from their own doing.
#[must_use]
pub fn disturbed(endpoints: &[Vec<f64>]) -> Vec<usize> {
    if endpoints.len() < 2 {
        return Vec::new();
    }
    let jumps: Vec<Vec<bool>> = endpoints.iter().map(|values| jumps(values)).collect();
    let length = jumps.iter().map(Vec::len).min().unwrap_or(0);
    (0..length).filter(|&index| 3 * jumps.iter().filter(|jumps| jumps[index]).count() >= 2 * endpoints.len()).collect()
}

fn jumps(values: &[f64]) -> Vec<bool> {
    let usual = median(values.to_vec());
    let deviation = NORMAL_MAD * median(values.iter().map(|value| (value - usual).abs()).collect());
    values.iter().map(|value| value - usual > (JUMP_DEVIATIONS * deviation).max(LEAST_JUMP)).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let Some(&upper) = values.get(values.len() / 2) else { return f64::NAN };
    f64::midpoint(upper, values[(values.len() - 1) / 2])
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

#[expect(clippy::cast_precision_loss, reason = "numbers of stretches and tests")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::chance::Chance;
    use super::super::noise_model::{Weather, simulate};
    use super::*;

    fn logs(millis: &[f64]) -> Vec<f64> {
        millis.iter().map(|value| value.ln()).collect()
    }

    #[test]
    fn a_drift_is_neither_small_nor_noise() {
        for (millis, drifts) in [
            (vec![100.0, 101.0, 99.0, 150.0, 151.0, 149.0], true),
            (vec![150.0, 151.0, 149.0, 100.0, 101.0, 99.0], true),
            (vec![100.0; 6], false),
            (vec![100.0, 100.0, 100.0, 108.0, 108.0, 108.0], false),
            (vec![100.0, 140.0, 90.0, 150.0, 120.0, 160.0], false),
            // One slow stretch is a disturbance, no drift.
            (vec![100.0, 101.0, 99.0, 100.0, 300.0, 101.0], false),
            ([vec![100.0, 103.0, 98.0, 101.0, 97.0, 100.0], vec![130.0, 125.0, 128.0, 133.0, 127.0, 129.0]].concat(), true),
        ] {
            assert_eq!(half_drift(&logs(&millis), 3).unwrap().is_drift, drifts, "{millis:?}");
        }
        let found = half_drift(&logs(&[100.0, 100.0, 100.0, 150.0, 150.0, 150.0]), 1).unwrap();
        assert!((found.shift.change() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn few_stretches_and_no_numbers_tell_nothing() {
        assert_eq!(half_drift(&logs(&[100.0, 100.0, 900.0, 900.0, 900.0]), 1), None);
        assert_eq!(half_drift(&[f64::NAN; 12], 1), None);
        assert_eq!(half_drift(&[], 0), None);
        assert_eq!(warm_up(&[]), 0);
        assert!(disturbed(&[]).is_empty() && disturbed(&[vec![], vec![]]).is_empty());
    }

    #[test]
    fn a_slow_start_is_found_up_to_a_quarter() {
        let mut millis = vec![100.0, 101.0, 99.0, 100.0, 102.0, 98.0, 100.0, 101.0, 99.0, 100.0, 100.0, 101.0, 100.0, 99.0, 100.0, 101.0];
        assert_eq!(warm_up(&logs(&millis)), 0);
        (millis[0], millis[1], millis[2]) = (300.0, 220.0, 150.0);
        assert_eq!(warm_up(&logs(&millis)), 3);
        millis[..6].fill(300.0);
        assert_eq!(warm_up(&logs(&millis)), 4);
    }

    #[test]
    fn what_slows_most_endpoints_at_once_is_a_disturbance() {
        let calm = logs(&[100.0, 101.0, 99.0, 100.0, 102.0, 98.0, 100.0, 101.0]);
        let mut hit = calm.clone();
        hit[4] += 0.5;
        let mut elsewhere = calm.clone();
        elsewhere[1] += 0.5;
        assert_eq!(disturbed(&[hit.clone(), hit.clone(), calm.clone()]), [4]);
        assert_eq!(disturbed(&[hit.clone(), calm.clone(), calm.clone()]), [0; 0], "one endpoint alone is its own affair");
        assert_eq!(disturbed(&[hit.clone(), elsewhere]), [0; 0]);
        assert_eq!(disturbed(&[hit]), [0; 0], "a single endpoint can't tell");
    }

    /// p95 of the three busy endpoints in stretches of a simulated run.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundred seconds, not below 0")]
    fn stretches(chance: &mut Chance, weather: Weather, length: f64, slowed: impl Fn(f64) -> f64) -> Vec<Vec<f64>> {
        let number = (count(weather.seconds) / length).ceil();
        let mut millis = vec![vec![Vec::new(); number as usize]; 3];
        for request in simulate(chance, weather).into_iter().filter(|request| request.endpoint < 3) {
            millis[request.endpoint][(request.at / length) as usize].push(request.millis * slowed(request.at));
        }
        let p95 = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values[values.len() * 95 / 100].ln()
        };
        millis.into_iter().map(|endpoint| endpoint.into_iter().map(p95).collect()).collect()
    }

    /// In how many of a hundred simulated runs a drift and a disturbance are found.
    fn found(runs: u32, seconds: usize, neighbour: f64, slowed: impl Fn(f64) -> f64 + Copy) -> (f64, f64) {
        let mut chance = Chance::new(77);
        let weather = Weather { seconds, neighbour, warm_up: 10 };
        let (mut drifting, mut disturbed_runs) = (0, 0);
        for _ in 0..runs {
            let endpoints = stretches(&mut chance, weather, (count(seconds) / 6.0).clamp(5.0, 10.0), slowed);
            drifting += u32::from(endpoints.iter().any(|values| half_drift(values, 3).unwrap().is_drift));
            disturbed_runs += u32::from(!disturbed(&endpoints).is_empty());
        }
        let percent = |count: u32| 100.0 * f64::from(count) / f64::from(runs);
        (percent(drifting), percent(disturbed_runs))
    }

    /// Slowed are the judged seconds of a run of so many of them.
    type Slowed = fn(f64, f64) -> f64;

    #[test]
    fn in_simulated_runs_drift_is_hardly_ever_called_for_nothing_and_neighbours_are_noticed() {
        let same: Slowed = |_, _| 1.0;
        let half_way: Slowed = |at, seconds| if at > seconds / 2.0 { 1.4 } else { 1.0 };
        for (runs, seconds, neighbour, slowed, drift, disturbance) in [
            (80, 30, 0.1, same, 0.0..=2.5, 0.0..=10.0),
            (80, 60, 0.1, same, 0.0..=2.5, 0.0..=15.0),
            (60, 60, 1.0, same, 0.0..=3.0, 35.0..=80.0),
            (30, 120, 0.0, half_way, 90.0..=100.0, 0.0..=4.0),
        ] {
            let found = found(runs, seconds, neighbour, |at| slowed(at, count(seconds)));
            assert!(drift.contains(&found.0) && disturbance.contains(&found.1), "{seconds} s, neighbour {neighbour}: {found:?}");
        }
    }

    proptest! {
        #[test]
        fn any_numbers_are_no_panic(values in prop::collection::vec(any::<f64>(), 0..40), tests in 0_usize..9) {
            let _ = half_drift(&values, tests);
            prop_assert!(warm_up(&values) <= values.len() / 4);
            prop_assert!(disturbed(&[values.clone(), values.clone(), values.clone()]).iter().all(|&index| index < values.len()));
        }

        #[test]
        fn time_turned_round_is_the_same_drift(values in prop::collection::vec(3.0..6.0_f64, 6..30)) {
            let values = if values.len() % 2 == 0 { values } else { values[1..].to_vec() };
            prop_assume!(values.len() >= 6);
            let back: Vec<f64> = values.iter().rev().copied().collect();
            prop_assert_eq!(half_drift(&values, 2).unwrap().is_drift, half_drift(&back, 2).unwrap().is_drift);
        }
    }
}
