//! How often.

use rtm_wire::Time;

/// A token bucket: `rate` a second, as many or more at once. 24 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    rate: u32,
    burst: u32,
    /// In millionths of a token.
    tokens: u64,
    filled: Time,
}

const ONE: u64 = 1_000_000;

impl RateLimit {
    /// A full bucket of `rate` tokens a second.
    #[must_use]
    pub const fn new(now: Time, rate: u32) -> Self {
        Self::with_burst(now, rate, rate)
    }

    /// A full bucket of `burst` tokens, and `rate` more a second.
    #[must_use]
    pub const fn with_burst(now: Time, rate: u32, burst: u32) -> Self {
        Self { rate, burst, tokens: burst as u64 * ONE, filled: now }
    }

    /// Tokens a second.
    #[must_use]
    pub const fn rate(&self) -> u32 {
        self.rate
    }

    /// Takes a token; false when there is none.
    #[must_use]
    pub fn take(&mut self, now: Time) -> bool {
        let micros = now.saturating_since(self.filled).as_micros();
        let most = u64::from(self.burst) * ONE;
        let fresh = u64::try_from(micros).unwrap_or(u64::MAX).saturating_mul(u64::from(self.rate));
        self.tokens = self.tokens.saturating_add(fresh).min(most);
        self.filled = self.filled.max(now);
        let has_one = self.tokens >= ONE;
        if has_one {
            self.tokens -= ONE;
        }
        has_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_refilled_at_the_rate() {
        let mut limit = RateLimit::with_burst(Time::ZERO, 20, 1_000);
        let taken = |limit: &mut RateLimit, seconds: u64| {
            (0..2_000).filter(|_| limit.take(Time::from_micros(seconds * 1_000_000))).count()
        };
        assert_eq!([0, 1, 11, 1_000].map(|at| taken(&mut limit, at)), [1_000, 20, 200, 1_000]);
    }

    #[test]
    fn sixty_a_second_and_not_one_more() {
        let mut limit = RateLimit::new(Time::ZERO, 60);
        let taken = |limit: &mut RateLimit, at: u64| {
            (0..1_000).filter(|_| limit.take(Time::from_micros(at))).count()
        };
        assert_eq!(taken(&mut limit, 0), 60);
        assert_eq!(taken(&mut limit, 500_000), 30);
        assert_eq!(taken(&mut limit, 10_000_000), 60);
        assert_eq!(taken(&mut limit, 9_000_000), 0, "time that goes back gives nothing");
        assert_eq!(taken(&mut limit, 10_000_000), 0, "nor does its return");
    }
}
