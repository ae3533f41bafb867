//! Chance for simulations: the same numbers for the same seed.

use rand_core::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64;

/// A source of random numbers.
pub(crate) struct Chance(Pcg64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self(Pcg64::from_seed(bytes))
    }

    /// Uniform in 0 (excluded) to 1 (included).
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exactly what a double holds")]
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.unit().ln()
    }

    /// Poisson: counted one by one for a small mean, else as a rounded normal.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and not below 0")]
    pub(crate) fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 60.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u64;
        }
        let (mut count, mut left) = (0, (-mean).exp());
        loop {
            let chance = self.unit();
            if chance <= left {
                return count;
            }
            left /= chance;
            count += 1;
        }
    }
}
