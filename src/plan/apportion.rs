//! Picks by weight without dice: after any number of picks each member has its share to within one.
//!
//! Members are served by earliest deadline, the k-th pick of a member with share p being due by pick ceil((k + 1) / p)
//! and not before pick floor(k / p) + 1 (Tijdeman's chairman assignment). Such a sequence exists for every first pick.

/// An endless sequence of picks over weighted members.
#[derive(Debug, Clone)]
pub struct Apportion {
    weights: Vec<u64>,
    total: u64,
    picked: Vec<u64>,
    count: u64,
}

impl Apportion {
    /// `weights` in any unit; members of weight 0 are never picked.
    #[must_use]
    pub fn new(weights: Vec<u64>) -> Self {
        let total = weights.iter().sum();
        Self { picked: vec![0; weights.len()], weights, total, count: 0 }
    }

    /// The same, with the first pick given: many sequences then begin at different places, each exact on its own.
    #[must_use]
    pub fn beginning_with(weights: Vec<u64>, first: usize) -> Self {
        let mut apportion = Self::new(weights);
        if apportion.weights.get(first).is_some_and(|weight| *weight > 0) {
            apportion.take(first);
        }
        apportion
    }

    /// The next member, by index. `None` where no member has a weight.
    pub fn pick(&mut self) -> Option<usize> {
        let position = u128::from(self.count) + 1;
        let next = (0..self.weights.len())
            .filter(|&member| self.weights[member] > 0 && self.release(member) <= position)
            .min_by_key(|&member| self.deadline(member))?;
        self.take(next);
        Some(next)
    }

    fn take(&mut self, member: usize) {
        self.picked[member] += 1;
        self.count += 1;
    }

    fn release(&self, member: usize) -> u128 {
        u128::from(self.picked[member]) * u128::from(self.total) / u128::from(self.weights[member]) + 1
    }

    fn deadline(&self, member: usize) -> u128 {
        (u128::from(self.picked[member] + 1) * u128::from(self.total)).div_ceil(u128::from(self.weights[member]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn three_to_one_is_three_to_one() {
        let mut apportion = Apportion::new(vec![3, 1]);
        let picks: Vec<usize> = (0..8).filter_map(|_| apportion.pick()).collect();
        assert_eq!(picks.iter().filter(|pick| **pick == 0).count(), 6);
    }

    #[test]
    fn no_weight_means_no_pick() {
        assert_eq!(Apportion::new(vec![]).pick(), None);
        assert_eq!(Apportion::new(vec![0, 0]).pick(), None);
    }

    proptest! {
        #[test]
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        fn every_member_has_its_share_to_within_one_at_any_time(weights in prop::collection::vec(1_u64..5000, 1..12), first in 0_usize..12) {
            let first = first % weights.len();
            let total: u64 = weights.iter().sum();
            let mut apportion = Apportion::beginning_with(weights.clone(), first);
            let mut counts = vec![0_u64; weights.len()];
            counts[first] = 1;
            for picks in 2..400_u64 {
                let member = apportion.pick().unwrap();
                counts[member] += 1;
                for (count, weight) in counts.iter().zip(&weights) {
                    let share = picks as f64 * *weight as f64 / total as f64;
                    prop_assert!((*count as f64 - share).abs() < 1.0 + 1e-9, "{:?} {:?} at {}", counts, weights, picks);
                }
            }
        }
    }
}
