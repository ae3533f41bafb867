//! Seeded randomness that all handlers share. Which request draws which number depends on their order of arrival.

use std::f64::consts::TAU;
use std::sync::{Mutex, PoisonError};

use rand_core::Rng as _;
use rand_pcg::Pcg32;

/// One stream of random numbers.
#[derive(Debug)]
pub struct Dice(Mutex<Pcg32>);

impl Dice {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Pcg32::new(seed, 0)))
    }

    /// Uniform over 64 bits.
    pub fn bits(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }

    /// Uniform, above 0 and below 1.
    pub fn uniform(&self) -> f64 {
        let bits = self.0.lock().unwrap_or_else(PoisonError::into_inner).next_u32();
        (f64::from(bits) + 0.5) / 4_294_967_296.0
    }

    /// True in this share of all calls.
    pub fn chance(&self, share: f64) -> bool {
        self.uniform() < share
    }

    /// Standard normal (Box-Muller).
    pub fn normal(&self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (TAU * self.uniform()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (one, two, other) = (Dice::new(7), Dice::new(7), Dice::new(8));
        let draws = |dice: &Dice| (0..8).map(|_| dice.bits()).collect::<Vec<_>>();
        let first = draws(&one);
        assert_eq!(first, draws(&two));
        assert_ne!(first, draws(&other));
    }

    #[test]
    fn normal_numbers_have_mean_zero_and_deviation_one() {
        let dice = Dice::new(1);
        let numbers: Vec<f64> = (0..20_000).map(|_| dice.normal()).collect();
        let mean = numbers.iter().sum::<f64>() / 20_000.0;
        let variance = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
