//! Percentiles, exactly.

/// Values in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sorted(Vec<u64>);

impl Sorted {
    pub(super) fn new(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        Self(values)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }

    /// The smallest value that is not below a share `q` of all values (nearest rank).
    pub(super) fn quantile(&self, q: f64) -> Option<u64> {
        self.quantile_of(q, self.0.len())
    }

    /// The same when there should have been `count` values, the missing ones being endless; `None`
    /// when one of those is meant.
    pub(super) fn quantile_of(&self, q: f64, count: usize) -> Option<u64> {
        // A hair less, lest 0.99 × 100 come out above 99.
        let rank = (q * count as f64 - 1e-9).ceil().max(1.0) as usize;
        self.0.get(rank - 1).copied()
    }

    pub(super) fn max(&self) -> Option<u64> {
        self.0.last().copied()
    }

    /// Share of `count` values that is at most `limit`.
    pub(super) fn share_until(&self, limit: u64, count: usize) -> f64 {
        let below = self.0.partition_point(|value| *value <= limit);
        if count == 0 { 0.0 } else { below as f64 / count as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let hundred = Sorted::new((1..=100).rev().collect());
        for (q, expected) in [(0.0, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)] {
            assert_eq!(hundred.quantile(q), Some(expected), "{q}");
        }
        assert_eq!(Sorted::default().quantile(0.5), None);
        assert_eq!(hundred.max(), Some(100));
    }

    #[test]
    fn what_is_missing_is_endless() {
        let values = Sorted::new((1..=98).collect());
        assert_eq!(values.quantile_of(0.98, 100), Some(98));
        assert_eq!(values.quantile_of(0.99, 100), None);
        assert!((values.share_until(49, 98) - 0.5).abs() < 1e-12);
        assert_eq!(values.share_until(1_000, 0), 0.0);
    }
}
