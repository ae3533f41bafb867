//! Quantiles of the distributions that decisions rest on.

use statrs::distribution::{Binomial, ContinuousCDF as _, DiscreteCDF as _, Normal, StudentsT};

/// Beyond so many degrees of freedom Student's t is the normal distribution, to what is shown of it.
const NORMAL_FROM: f64 = 1e6;

/// The value that a standard normal variable does not exceed with probability `p`.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// The value that Student's t with so many degrees of freedom (above 0, also between two whole numbers) does not exceed
/// with probability `p`. Not a number where `freedom` is none.
#[must_use]
pub fn t_quantile(p: f64, freedom: f64) -> f64 {
    if freedom >= NORMAL_FROM {
        return normal_quantile(p);
    }
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |distribution| distribution.inverse_cdf(p))
}

/// How likely it is that of so many tries, each with this chance (0 to 1), at least so many hit. Where it is below 2.5 %,
/// the chance is below the 95 % interval of Clopper and Pearson (1934). Not a number where `chance` is none.
#[must_use]
pub fn chance_of_at_least(hits: u64, tries: u64, chance: f64) -> f64 {
    let Some(fewer) = hits.checked_sub(1) else { return 1.0 };
    Binomial::new(chance, tries).map_or(f64::NAN, |distribution| distribution.sf(fewer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_event_that_comes_twice_is_no_chance() {
        for (hits, tries, chance, expected) in
            [(0, 5, 0.01, 1.0), (1, 5, 0.01, 0.049_01), (2, 5, 0.01, 0.000_980), (3, 3, 0.5, 0.125), (4, 3, 0.5, 0.0)]
        {
            let found = chance_of_at_least(hits, tries, chance);
            assert!((found - expected).abs() < 1e-5, "{hits} of {tries}: {found}");
        }
        assert!(chance_of_at_least(1, 5, f64::NAN).is_nan());
    }

    /// From the tables of any textbook.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (p, freedom, expected) in [
            (0.975, 1.0, 12.706),
            (0.975, 10.0, 2.2281),
            (0.99, 18.0, 2.5524),
            (0.999_5, 5.0, 6.8688),
            (0.975, f64::INFINITY, 1.95996),
            (0.5, 4.0, 0.0),
        ] {
            let found = t_quantile(p, freedom);
            assert!((found - expected).abs() < 5e-4 * expected.max(1.0), "{p} {freedom}: {found}");
        }
        assert!((normal_quantile(0.99) - 2.326_35).abs() < 1e-4);
        assert!(t_quantile(0.975, f64::NAN).is_nan() && t_quantile(0.975, 0.0).is_nan());
    }

    #[test]
    fn freedom_lies_between_its_neighbours() {
        assert!(t_quantile(0.99, 17.0) > t_quantile(0.99, 17.5) && t_quantile(0.99, 17.5) > t_quantile(0.99, 18.0));
    }
}
