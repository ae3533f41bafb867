//! Chance that follows from a seed: the same numbers on every machine, in every version, on any number of threads.

use std::time::Duration;

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

use crate::scenario::Think;

/// Which independent stream of chance: streams of one seed never touch each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// A closed user's life, by the user's index and the life's number.
    User { index: u64, life: u64 },
    /// One start of an open load.
    Start { index: u64 },
    /// Arrival times of an open load.
    Arrivals,
    /// The order of a shuffled data set.
    Shuffle { data: u64 },
    /// Which kind of user a closed user is, or a start takes, under `mix: random`.
    Kinds,
}

/// A source of random numbers for one stream of one seed.
#[derive(Debug, Clone)]
pub struct Dice(Pcg32);

impl Dice {
    #[must_use]
    pub fn new(seed: u64, stream: Stream) -> Self {
        let (tag, high, low) = match stream {
            Stream::User { index, life } => (1_u64, index, life),
            Stream::Start { index } => (2, index, 0),
            Stream::Arrivals => (3, 0, 0),
            Stream::Shuffle { data } => (4, data, 0),
            Stream::Kinds => (5, 0, 0),
        };
        let state = mix(seed ^ mix(tag ^ mix(high ^ mix(low))));
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&state.to_le_bytes());
        bytes[8..].copy_from_slice(&mix(state).to_le_bytes());
        Self(Pcg32::from_seed(bytes))
    }

    /// Uniform in 0 (included) to 1 (excluded).
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exactly what a double holds")]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// All 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform below `limit`; 0 where `limit` is 0. The bias is below `limit` / 2^64.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(limit)) >> 64) as u64
    }

    /// Uniform between both ends, included.
    #[expect(clippy::cast_possible_wrap, clippy::cast_sign_loss, reason = "two's complement arithmetic is meant")]
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = (high.wrapping_sub(low) as u64).wrapping_add(1);
        let offset = if span == 0 { self.bits() } else { self.below(span) };
        low.wrapping_add(offset as i64)
    }

    /// Exponentially distributed with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// Normally distributed with mean 0 and standard deviation 1 (Box-Muller).
    pub fn normal(&mut self) -> f64 {
        (2.0 * self.exponential()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// How long one pause is.
    pub fn think(&mut self, think: Think) -> Duration {
        match think {
            Think::Fixed(pause) => pause,
            Think::Range(low, high) => low + high.saturating_sub(low).mul_f64(self.unit()),
            Think::Normal { mean, sd } => {
                Duration::try_from_secs_f64(mean.as_secs_f64() + sd.as_secs_f64() * self.normal()).unwrap_or_default()
            }
            Think::Exponential(mean) => mean.mul_f64(self.exponential()),
        }
    }

    /// `0..count` in a random order (Fisher-Yates).
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).unwrap_or(last);
            order.swap(last, other);
        }
        order
    }
}

/// The finaliser of `SplitMix64`: neighbouring inputs give unrelated outputs.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_stream_gives_the_same_numbers_for_ever() {
        let mut dice = Dice::new(7, Stream::User { index: 3, life: 0 });
        let drawn: Vec<u64> = (0..3).map(|_| dice.below(1000)).collect();
        assert_eq!(drawn, [477, 516, 861]);
    }

    #[test]
    fn streams_differ() {
        let first = |stream| Dice::new(7, stream).bits();
        assert_ne!(first(Stream::User { index: 0, life: 0 }), first(Stream::User { index: 1, life: 0 }));
        assert_ne!(first(Stream::User { index: 0, life: 0 }), first(Stream::User { index: 0, life: 1 }));
        assert_ne!(first(Stream::Start { index: 0 }), first(Stream::User { index: 0, life: 0 }));
    }

    #[test]
    fn pauses_have_the_mean_that_was_asked_for() {
        let second = Duration::from_secs(1);
        for think in [
            Think::Fixed(second),
            Think::Range(second / 2, second * 3 / 2),
            Think::Normal { mean: second, sd: second / 10 },
            Think::Exponential(second),
        ] {
            let mut dice = Dice::new(1, Stream::Kinds);
            let count = 20_000;
            let mean = (0..count).map(|_| dice.think(think).as_secs_f64()).sum::<f64>() / f64::from(count);
            assert!((mean - 1.0).abs() < 0.02, "{think:?} {mean}");
        }
    }

    proptest! {
        #[test]
        fn numbers_stay_within_their_ends(seed: u64, low in -1000_i64..1000, span in 0_i64..1000) {
            let drawn = Dice::new(seed, Stream::Kinds).between(low, low + span);
            prop_assert!((low..=low + span).contains(&drawn));
        }

        #[test]
        fn a_permutation_holds_each_once(seed: u64, count in 0_usize..200) {
            let mut order = Dice::new(seed, Stream::Shuffle { data: 0 }).permutation(count);
            order.sort_unstable();
            prop_assert_eq!(order, (0..count).collect::<Vec<_>>());
        }
    }
}
