//! A set of numbers kept as ranges.

use std::ops::Range;

/// Sorted half-open ranges, apart from each other. Few in practice, so a vector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RangeSet {
    ranges: Vec<Range<u64>>,
}

impl RangeSet {
    pub(crate) const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// Adds `added`; how many numbers were new.
    pub(crate) fn insert(&mut self, added: Range<u64>) -> u64 {
        if added.is_empty() {
            return 0;
        }
        // The ranges that touch or overlap `added` melt into it.
        let first = self.ranges.partition_point(|range| range.end < added.start);
        let last = self.ranges.partition_point(|range| range.start <= added.end);
        let mut merged = added.clone();
        let mut known = 0;
        for range in &self.ranges[first..last] {
            let overlap = range.end.min(added.end).saturating_sub(range.start.max(added.start));
            known += overlap;
            merged.start = merged.start.min(range.start);
            merged.end = merged.end.max(range.end);
        }
        self.ranges.splice(first..last, [merged]);
        added.end - added.start - known
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        let after = self.ranges.partition_point(|range| range.start <= number);
        after > 0 && self.ranges[after - 1].end > number
    }

    /// Whether all of `wanted` is in the set.
    pub(crate) fn covers(&self, wanted: &Range<u64>) -> bool {
        let after = self.ranges.partition_point(|range| range.start <= wanted.start);
        wanted.is_empty() || (after > 0 && self.ranges[after - 1].end >= wanted.end)
    }

    /// How many numbers there are.
    pub(crate) fn count(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// One more than the largest number.
    pub(crate) fn end(&self) -> u64 {
        self.ranges.last().map_or(0, |range| range.end)
    }

    /// The end of the range that begins at 0.
    pub(crate) fn prefix(&self) -> u64 {
        self.ranges.first().filter(|range| range.start == 0).map_or(0, |range| range.end)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_plain_set(inserts in prop::collection::vec((0u64..40, 0u64..9), 0..30)) {
            let (mut set, mut model) = (RangeSet::new(), BTreeSet::new());
            for (start, length) in inserts {
                let before = model.len();
                model.extend(start..start + length);
                let new = set.insert(start..start + length);
                prop_assert_eq!(new as usize, model.len() - before);
                prop_assert_eq!(set.count() as usize, model.len());
                prop_assert!(set.ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
            }
            for number in 0..50 {
                prop_assert_eq!(set.contains(number), model.contains(&number));
                let wanted = number..number + 3;
                prop_assert_eq!(set.covers(&wanted), wanted.clone().all(|n| model.contains(&n)));
            }
            prop_assert_eq!(set.end(), model.last().map_or(0, |last| last + 1));
            let prefix = (0..).take_while(|n| model.contains(n)).count() as u64;
            prop_assert_eq!(set.prefix(), prefix);
        }
    }
}
