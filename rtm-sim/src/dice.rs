//! Seeded chance. Only comparisons and products of uniform draws: the same numbers on any machine.

use core::time::Duration;

use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};

/// A stream of draws that depends on its seed and nothing else.
#[derive(Debug)]
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Uniform in 0 ≤ x < 1.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0.random()
    }

    /// Any 64 bits.
    pub(crate) fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Exponentially distributed with mean 1.
    ///
    /// Von Neumann's way: the length of a falling run of uniform draws says whether the first of
    /// them is taken. A logarithm would differ between platforms in its last bit.
    pub(crate) fn exponential(&mut self) -> f64 {
        let mut whole = 0.0;
        loop {
            let first = self.unit();
            let mut last = first;
            let mut run = 1_u32;
            loop {
                let next = self.unit();
                if next >= last {
                    break;
                }
                last = next;
                run += 1;
            }
            if run % 2 == 1 {
                return whole + first;
            }
            whole += 1.0;
        }
    }
}

/// `x` of `span`, in whole microseconds; saturates.
pub(crate) fn share(span: Duration, x: f64) -> Duration {
    Duration::from_micros((micros(span) as f64 * x) as u64)
}

/// Whole microseconds of `span`; saturates.
pub(crate) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_draws_have_mean_variance_and_tail_of_the_distribution() {
        let mut dice = Dice::new(1);
        let draws: Vec<f64> = (0..200_000).map(|_| dice.exponential()).collect();

        let n = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / n;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let beyond_three = draws.iter().filter(|x| **x > 3.0).count() as f64 / n;
        assert!((mean - 1.0).abs() < 0.01, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.03, "variance {variance}");
        assert!((beyond_three - (-3.0_f64).exp()).abs() < 0.002, "tail {beyond_three}");
    }
}
