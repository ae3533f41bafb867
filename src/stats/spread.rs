//! How much whole runs of one build differ, sampling included: what a next run of the same length is to be expected
//! within. Shrunk towards what metrics of the same kind show and towards what is usual (moderated variance, Smyth 2004).

use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

/// How many runs the usual noise weighs.
const USUAL_WEIGHT: f64 = 2.0;
/// The metrics of one target move together: each counts half.
const METRIC_WEIGHT: f64 = 0.5;
/// What is shared between metrics weighs at most so many runs.
const MOST_SHARED: f64 = 8.0;
/// Runs never differ by less than this (standard deviation of the logarithm).
const FLOOR: f64 = 0.01;

/// A variance of logarithms, and how many degrees of freedom it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spread {
    pub variance: f64,
    pub freedom: f64,
}

impl Spread {
    /// Of single values around the mean of their group, all groups together. What is no number is passed over.
    #[must_use]
    pub fn within(groups: &[&[f64]]) -> Self {
        let (mut squares, mut freedom) = (0.0, 0.0);
        for group in groups {
            let values: Vec<f64> = group.iter().copied().filter(|value| value.is_finite()).collect();
            let mean = values.iter().sum::<f64>() / count(values.len());
            squares += values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
            freedom += count(values.len().saturating_sub(1));
        }
        if freedom > 0.0 { Self { variance: squares / freedom, freedom } } else { Self::default() }
    }

    /// Of single values, from the differences between neighbours: what a slow drift adds to it is next to nothing (von Neumann
    /// 1941). They tell about two thirds of what as many values around a mean would.
    #[must_use]
    pub fn of_neighbours(values: &[f64]) -> Self {
        let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        let squares: f64 = values.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
        let steps = count(values.len().saturating_sub(1));
        if steps > 0.0 { Self { variance: squares / 2.0 / steps, freedom: steps * 2.0 / 3.0 } } else { Self::default() }
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let freedom = self.freedom + other.freedom;
        let sum = self.variance * self.freedom + other.variance * other.freedom;
        if freedom > 0.0 { Self { variance: sum / freedom, freedom } } else { Self::default() }
    }

    /// The same, shrunk towards `kind`, the spreads of all metrics of its kind (itself included), and the usual standard
    /// deviation of that kind.
    #[must_use]
    pub fn moderated(self, kind: impl IntoIterator<Item = Self>, usual: f64) -> Self {
        let (mut weight, mut sum) = (USUAL_WEIGHT, USUAL_WEIGHT * usual * usual);
        for other in kind {
            weight += METRIC_WEIGHT * other.freedom;
            sum += METRIC_WEIGHT * other.freedom * other.variance;
        }
        let shared = weight.min(MOST_SHARED);
        let freedom = shared + self.freedom;
        Self { variance: ((shared * sum / weight + self.freedom * self.variance) / freedom).max(FLOOR * FLOOR), freedom }
    }
}

/// How likely Student's t with so many degrees of freedom (above 0) exceeds a value. Not a number where either is none.
#[must_use]
pub fn t_tail(value: f64, freedom: f64) -> f64 {
    if value.is_nan() {
        return f64::NAN;
    }
    if freedom.is_infinite() {
        return Normal::standard().sf(value);
    }
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |distribution| distribution.sf(value))
}

#[expect(clippy::cast_precision_loss, reason = "numbers of runs")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::super::t_quantile;
    use super::*;

    #[test]
    fn a_spread_is_around_the_mean_of_each_group() {
        let found = Spread::within(&[&[1.0, 2.0, 3.0], &[11.0, f64::NAN, 13.0], &[7.0], &[]]);
        assert_eq!(found, Spread { variance: 4.0 / 3.0, freedom: 3.0 });
        assert_eq!(Spread::within(&[&[5.0]]), Spread::default());
        assert_eq!(Spread::within(&[]), Spread::default());
    }

    #[test]
    fn neighbours_tell_the_noise_of_what_drifts() {
        let drifting: Vec<f64> = (0..21).map(|night| 0.02 * f64::from(night) + if night % 2 == 0 { 0.01 } else { -0.01 }).collect();
        let found = Spread::of_neighbours(&drifting);
        assert!((found.variance - 0.0004).abs() < 1e-6 && (found.freedom - 20.0 * 2.0 / 3.0).abs() < 1e-9, "{found:?}");
        assert!(Spread::within(&[&drifting]).variance > 0.01);
        assert_eq!(Spread::of_neighbours(&[1.0, f64::NAN]), Spread::default());
        let both = Spread { variance: 1.0, freedom: 3.0 }.with(Spread { variance: 5.0, freedom: 1.0 });
        assert_eq!(both, Spread { variance: 2.0, freedom: 4.0 });
        assert_eq!(Spread::default().with(Spread::default()), Spread::default());
    }

    #[test]
    fn little_is_known_from_few_runs_and_much_from_many() {
        let of = |variance: f64, freedom, kind: &[Spread]| Spread { variance, freedom }.moderated(kind.iter().copied(), 0.05);
        assert_eq!(of(0.0, 0.0, &[]), Spread { variance: 0.05 * 0.05, freedom: 2.0 });
        let noisy = Spread { variance: 0.04, freedom: 9.0 };
        let alone = of(0.04, 9.0, &[noisy]);
        assert!((0.03..0.04).contains(&alone.variance) && (alone.freedom - 15.5).abs() < 1e-9, "{alone:?}");
        let among_calm = of(0.04, 9.0, &[noisy, Spread { variance: 0.0004, freedom: 9.0 }, Spread { variance: 0.0004, freedom: 9.0 }]);
        assert!(among_calm.variance < alone.variance && (among_calm.freedom - 17.0).abs() < 1e-9, "{among_calm:?}");
        assert!((of(0.0, 500.0, &[]).variance - 0.0001).abs() < 1e-12);
    }

    #[test]
    fn the_tail_is_what_the_quantile_leaves() {
        for (p, freedom) in [(0.975, 3.0), (0.999, 17.5), (0.6, f64::INFINITY), (0.01, 8.0)] {
            assert!((t_tail(t_quantile(p, freedom), freedom) - (1.0 - p)).abs() < 1e-9, "{p} {freedom}");
        }
        assert!(t_tail(f64::INFINITY, 5.0) < 1e-12 && t_tail(f64::NAN, 5.0).is_nan() && t_tail(1.0, f64::NAN).is_nan());
    }
}
