//! How fast what has waited is sent.

use std::collections::BTreeMap;

use rtm_wire::Time;

use super::command::HandleId;
use crate::limits::ServerLimits;

/// Keeps what waited within the rates that the server has told, with half a second of them to
/// spare: packets bunch up on their way.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// To channels and users.
    messages: Option<Bucket>,
    topics: BTreeMap<HandleId, Bucket>,
}

/// Half a second of messages at once, then as many as come in. In millionths.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    rate: u64,
    tokens: u64,
    filled: Time,
}

const ONE: u64 = 1_000_000;

impl Pace {
    /// Counts a message to a channel or user, or to the topic of this publication; or says when it
    /// may go.
    pub(super) fn take(
        &mut self,
        now: Time,
        publication: Option<HandleId>,
        limits: &ServerLimits,
    ) -> Result<(), Time> {
        let bucket = match publication {
            None => {
                let rate = limits.messages_per_second;
                self.messages.get_or_insert_with(|| Bucket::new(now, rate))
            }
            Some(handle) => {
                let rate = limits.topic_messages_per_second;
                self.topics.entry(handle).or_insert_with(|| Bucket::new(now, rate))
            }
        };
        bucket.take(now)
    }
}

impl Bucket {
    fn new(now: Time, rate: u32) -> Self {
        let rate = u64::from(rate.max(1));
        Self { rate, tokens: Self::most(rate), filled: now }
    }

    const fn most(rate: u64) -> u64 {
        let half = rate * ONE / 2;
        if half > ONE { half } else { ONE }
    }

    fn take(&mut self, now: Time) -> Result<(), Time> {
        let micros = now.saturating_since(self.filled).as_micros();
        let fresh = u64::try_from(micros).unwrap_or(u64::MAX).saturating_mul(self.rate);
        self.tokens = self.tokens.saturating_add(fresh).min(Self::most(self.rate));
        self.filled = self.filled.max(now);
        if self.tokens >= ONE {
            self.tokens -= ONE;
            return Ok(());
        }
        let micros = (ONE - self.tokens).div_ceil(self.rate);
        Err(self.filled + std::time::Duration::from_micros(micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_second_of_messages_at_once_and_then_one_after_the_other() {
        let limits = ServerLimits { messages_per_second: 60, ..ServerLimits::default() };
        let mut pace = Pace::default();
        for _ in 0..30 {
            assert_eq!(pace.take(Time::ZERO, None, &limits), Ok(()));
        }
        let due = Time::from_micros(16_667);
        assert_eq!(pace.take(Time::ZERO, None, &limits), Err(due));
        assert_eq!(pace.take(Time::from_micros(16_666), None, &limits), Err(due));
        assert_eq!(pace.take(due, None, &limits), Ok(()));
        assert!(pace.take(due, None, &limits).is_err());
        assert_eq!(pace.take(due, Some(HandleId(1)), &limits), Ok(()), "each topic for itself");
    }

    #[test]
    fn one_a_second_is_possible_at_all() {
        let limits = ServerLimits { messages_per_second: 1, ..ServerLimits::default() };
        let mut pace = Pace::default();
        assert_eq!(pace.take(Time::ZERO, None, &limits), Ok(()));
        let due = Time::from_micros(1_000_000);
        assert_eq!(pace.take(Time::ZERO, None, &limits), Err(due));
        assert_eq!(pace.take(due, None, &limits), Ok(()));
    }
}
