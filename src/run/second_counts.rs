//! Counts by second, in as few bytes each as the largest of them needs: a long run of many endpoints keeps a million of
//! them, and nearly all are small. What is counted is not known here.

/// A count for each second from the first on; what is beyond the last is 0. At most `u32::MAX` is counted in one second.
#[derive(Debug, Clone, Default)]
pub struct SecondCounts(Width);

#[derive(Debug, Clone)]
enum Width {
    One(Vec<u8>),
    Two(Vec<u16>),
    Four(Vec<u32>),
}

impl Default for Width {
    fn default() -> Self {
        Self::One(Vec::new())
    }
}

impl SecondCounts {
    /// How many seconds there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Width::One(counts) => counts.len(),
            Width::Two(counts) => counts.len(),
            Width::Four(counts) => counts.len(),
        }
    }

    /// Whether there is no second.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The count of one second.
    #[must_use]
    pub fn at(&self, second: usize) -> u64 {
        match &self.0 {
            Width::One(counts) => counts.get(second).copied().map(u64::from),
            Width::Two(counts) => counts.get(second).copied().map(u64::from),
            Width::Four(counts) => counts.get(second).copied().map(u64::from),
        }
        .unwrap_or_default()
    }

    /// The counts in order.
    pub fn values(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.len()).map(|second| self.at(second))
    }

    /// All seconds together.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.values().sum()
    }

    /// Counts so many more in a second; there are as many seconds afterwards.
    pub fn add(&mut self, second: usize, count: u64) {
        if let (Width::One(counts), Ok(count)) = (&mut self.0, u8::try_from(count))
            && let Some(known) = counts.get_mut(second)
            && let Some(sum) = known.checked_add(count)
        {
            *known = sum;
            return;
        }
        if self.len() <= second {
            self.resize(second + 1);
        }
        let sum = u32::try_from(self.at(second).saturating_add(count)).unwrap_or(u32::MAX);
        self.widen_for(sum);
        match &mut self.0 {
            Width::One(counts) => counts[second] = u8::try_from(sum).unwrap_or(u8::MAX),
            Width::Two(counts) => counts[second] = u16::try_from(sum).unwrap_or(u16::MAX),
            Width::Four(counts) => counts[second] = sum,
        }
    }

    /// Lets a second count at least so many.
    pub fn raise(&mut self, second: usize, count: u64) {
        self.add(second, count.saturating_sub(self.at(second)));
    }

    /// As many seconds as this: new ones have counted nothing.
    pub fn resize(&mut self, seconds: usize) {
        match &mut self.0 {
            Width::One(counts) => counts.resize(seconds, 0),
            Width::Two(counts) => counts.resize(seconds, 0),
            Width::Four(counts) => counts.resize(seconds, 0),
        }
    }

    fn widen_for(&mut self, count: u32) {
        if matches!(self.0, Width::One(_)) && count > u8::MAX.into() {
            self.0 = Width::Two(self.values().map(|count| u16::try_from(count).unwrap_or(u16::MAX)).collect());
        }
        if matches!(self.0, Width::Two(_)) && count > u16::MAX.into() {
            self.0 = Width::Four(self.values().map(|count| u32::try_from(count).unwrap_or(u32::MAX)).collect());
        }
    }
}

impl FromIterator<u64> for SecondCounts {
    fn from_iter<Counts: IntoIterator<Item = u64>>(counts: Counts) -> Self {
        let mut all = Self::default();
        for (second, count) in counts.into_iter().enumerate() {
            all.add(second, count);
        }
        all
    }
}

impl PartialEq for SecondCounts {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.values().eq(other.values())
    }
}

impl Eq for SecondCounts {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_are_what_was_added(added in prop::collection::vec((0_usize..40, prop_oneof![0_u64..10, 0_u64..400, 0_u64..100_000]), 0..60)) {
            let mut plain: Vec<u64> = Vec::new();
            let mut counts = SecondCounts::default();
            for (second, count) in added {
                plain.resize(plain.len().max(second + 1), 0);
                plain[second] += count;
                counts.add(second, count);
            }
            prop_assert_eq!(counts.values().collect::<Vec<_>>(), plain.clone());
            prop_assert_eq!((counts.sum(), counts.len(), counts.at(99)), (plain.iter().sum(), plain.len(), 0));
            prop_assert_eq!(counts, plain.into_iter().collect());
        }
    }

    #[test]
    fn a_second_holds_no_more_than_it_can_and_small_counts_take_a_byte() {
        let mut counts: SecondCounts = [255, 0].into_iter().collect();
        assert!(matches!(counts.0, Width::One(_)));
        counts.add(0, 1);
        assert!(matches!(counts.0, Width::Two(_)));
        counts.add(1, u64::MAX);
        assert_eq!(counts.values().collect::<Vec<_>>(), [256, u64::from(u32::MAX)]);
    }
}
