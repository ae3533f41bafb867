//! The bins of a histogram in memory: open to be added to, or packed into the bytes that stand in a file too, which takes a
//! sixth. A long run has thousands of histograms that nothing is added to any more.

use std::sync::Arc;

use super::histogram::{LINEAR_BINS, MAX_MICROS};

/// Counts of one power of two in values, beyond the linear ones.
const HALF: u32 = LINEAR_BINS / 2;

/// Bytes that hold more of nothing than this for each bin are packed anew: memory is counted in bins.
const BYTES_OF_BIN: usize = 5;

/// Lowest value of each bin (us) and its count, ascending, no zero counts. Clones share them until one is changed: a run as it
/// stands, which is made every few seconds, copies none of them.
#[derive(Debug, Clone)]
pub(super) enum Bins {
    Open(Arc<Vec<(u32, u64)>>),
    Packed { bytes: Arc<[u8]>, bin_count: usize },
}

impl Default for Bins {
    fn default() -> Self {
        Self::Open(Arc::default())
    }
}

impl Bins {
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let (open, packed): (&[(u32, u64)], &[u8]) = match self {
            Self::Open(bins) => (bins, &[]),
            Self::Packed { bytes, .. } => (&[], bytes),
        };
        open.iter().copied().chain(Counts::new(packed))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Open(bins) => bins.len(),
            Self::Packed { bin_count, .. } => *bin_count,
        }
    }

    /// Adds every count at its bin's place; `counts` grows as far as there are bins.
    pub(super) fn add_to(&self, counts: &mut Vec<u64>) {
        match self {
            Self::Open(bins) => bins.iter().for_each(|&(bin, count)| add_at(index_of(bin), count, counts)),
            Self::Packed { bytes, .. } => {
                let mut packed = Counts::new(bytes);
                while let Some((at, count)) = packed.next_place() {
                    add_at(at, count, counts);
                }
            }
        }
    }

    /// How many are counted in the bin that starts at `first` and beyond.
    pub(super) fn count_from(&self, first: u32) -> u64 {
        match self {
            Self::Open(bins) => bins[bins.partition_point(|&(bin, _)| bin < first)..].iter().map(|&(_, count)| count).sum(),
            Self::Packed { bytes, .. } => {
                let (first, mut packed, mut sum) = (index_of(first), Counts::new(bytes), 0_u64);
                while let Some((at, count)) = packed.next_place() {
                    sum = sum.saturating_add(if at >= first { count } else { 0 });
                }
                sum
            }
        }
    }

    /// From counts at their bins' places.
    pub(super) fn of_places(counts: &[u64]) -> Self {
        let bin = |(at, &count): (u32, &u64)| if count > 0 { bin_at(at).map(|bin| (bin, count)) } else { None };
        Self::Open(Arc::new((0..).zip(counts).filter_map(bin).collect()))
    }

    /// The bytes of a file as they stand, with the sum of their counts. `None` where they can't be read, or packing would
    /// make other ones of them.
    pub(super) fn of_packed(bytes: &[u8]) -> Option<(Self, u64)> {
        let mut counts = Counts::new(bytes);
        let (mut last, mut bin_count, mut total) = (0, 0, 0_u64);
        for (bin, count) in counts.by_ref() {
            if bin <= last {
                return None;
            }
            (last, bin_count, total) = (bin, bin_count + 1, total.saturating_add(count));
        }
        let is_dense = bytes.len() <= BYTES_OF_BIN * bin_count;
        (counts.is_at_end() && is_dense).then(|| (Self::Packed { bytes: bytes.into(), bin_count }, total))
    }

    /// To be added to.
    pub(super) fn open(&mut self) -> &mut Vec<(u32, u64)> {
        if let Self::Packed { .. } = self {
            *self = Self::Open(Arc::new(self.iter().collect()));
        }
        match self {
            Self::Open(bins) => Arc::make_mut(bins),
            Self::Packed { .. } => unreachable!("it was opened"),
        }
    }

    pub(super) fn pack(&mut self) {
        if let Self::Open(bins) = self
            && !bins.is_empty()
        {
            let mut bytes = Vec::new();
            write_counts(bins.iter().copied(), &mut bytes);
            *self = Self::Packed { bytes: bytes.into(), bin_count: bins.len() };
        }
    }
}

fn add_at(at: u32, count: u64, counts: &mut Vec<u64>) {
    let at = at as usize;
    if at >= counts.len() {
        counts.resize((at + 1).next_multiple_of(HALF as usize), 0);
    }
    counts[at] = counts[at].saturating_add(count);
}

/// Writes bins as `HdrHistogram` V2 has them: a count for each bin, or the number of bins left out, below zero.
pub(super) fn write_counts(bins: impl Iterator<Item = (u32, u64)>, out: &mut Vec<u8>) {
    let mut next = 0;
    for (bin, count) in bins {
        let index = index_of(bin);
        match index - next {
            0 => {}
            1 => put(0, out),
            zeros => put(-i64::from(zeros), out),
        }
        put(i64::try_from(count).unwrap_or(i64::MAX), out);
        next = index + 1;
    }
}

/// Reads them back, as far as they can be read.
#[derive(Debug)]
pub(super) struct Counts<'a> {
    bytes: &'a [u8],
    index: u32,
}

impl<'a> Counts<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, index: 0 }
    }

    /// Whether all of it was read.
    pub(super) const fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next bin that is not empty, by its place, and its count.
    fn next_place(&mut self) -> Option<(u32, u64)> {
        while !self.bytes.is_empty() {
            let (value, rest) = take(self.bytes)?;
            if value < 0 {
                let index = u32::try_from(value.unsigned_abs()).ok().and_then(|zeros| self.index.checked_add(zeros))?;
                self.index = Some(index).filter(|index| *index <= LAST)?;
                self.bytes = rest;
                continue;
            }
            let at = Some(self.index).filter(|at| *at <= LAST)?;
            self.bytes = rest;
            self.index += 1;
            if value > 0 {
                return Some((at.max(1), value.unsigned_abs()));
            }
        }
        None
    }
}

impl Iterator for Counts<'_> {
    type Item = (u32, u64);

    fn next(&mut self) -> Option<(u32, u64)> {
        let (at, count) = self.next_place()?;
        Some((bin_at(at)?, count))
    }
}

/// Whether all of it can be read, and nowhere more bins are left out than there can be: what others read is read by a library
/// that trusts it.
pub(super) fn is_plausible(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match take(bytes) {
            Some((value, rest)) if value >= -i64::from(u32::MAX) => bytes = rest,
            _ => return false,
        }
    }
    true
}

/// Where a bin stands among the counts.
const fn index_of(bin: u32) -> u32 {
    if bin < LINEAR_BINS {
        return bin;
    }
    let shift = 21 - bin.leading_zeros();
    (shift + 1) * HALF + ((bin >> shift) - HALF)
}

/// Where the last bin stands.
const LAST: u32 = index_of(MAX_MICROS);

/// The bin at a place among the counts; `None` beyond the range.
fn bin_at(index: u32) -> Option<u32> {
    if index < LINEAR_BINS {
        return Some(index);
    }
    let (shift, within) = (index / HALF - 1, index % HALF);
    if index <= LAST { Some((HALF + within) << shift) } else { None }
}

/// A number in zigzag LEB128 of at most nine bytes, the last of which has eight bits.
fn put(value: i64, out: &mut Vec<u8>) {
    let mut left = ((value << 1) ^ (value >> 63)).cast_unsigned();
    for _ in 0..8 {
        let [low, ..] = left.to_le_bytes();
        left >>= 7;
        if left == 0 && low < 0x80 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
    out.push(left.to_le_bytes()[0]);
}

/// The same read back, and what follows it; `None` where it is cut off.
fn take(bytes: &[u8]) -> Option<(i64, &[u8])> {
    // Nearly all numbers are small.
    if let [small @ 0..0x80, rest @ ..] = bytes {
        return Some((i64::from(small >> 1) ^ -i64::from(small & 1), rest));
    }
    let mut value = 0_u64;
    let mut rest = bytes;
    for position in 0..9 {
        let (first, behind) = rest.split_first()?;
        rest = behind;
        let bits = if position < 8 { first & 0x7f } else { *first };
        value |= u64::from(bits) << (7 * position);
        if first & 0x80 == 0 {
            break;
        }
    }
    Some(((value >> 1).cast_signed() ^ -(value & 1).cast_signed(), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_number_is_read_back(value in any::<i64>(), small in -70_000_i64..70_000) {
            for value in [value, small, i64::MAX, i64::MIN, 0] {
                let mut bytes = Vec::new();
                put(value, &mut bytes);
                prop_assert!(bytes.len() <= 9);
                prop_assert_eq!(take(&bytes), Some((value, &[][..])));
            }
        }

        #[test]
        fn every_bin_has_its_place(index in 1_u32..24_576) {
            if let Some(bin) = bin_at(index) {
                prop_assert_eq!(index_of(bin), index);
            }
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let bins: Vec<(u32, u64)> = Counts::new(&bytes).collect();
            prop_assert!(bins.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        }
    }
}
