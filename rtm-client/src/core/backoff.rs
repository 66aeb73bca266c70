//! When to try to come back after a loss of the session.

use std::time::Duration;

use rand::Rng;

/// Chance added to each pause, so that clients of a server that restarts don't come all at once.
const JITTER: Duration = Duration::from_secs(1);
/// The longest pause while the outage is short.
const PAUSE_MAX: Duration = Duration::from_secs(16);
/// The pause, and its chance, once the outage is long.
const LONG_PAUSE: Duration = Duration::from_secs(30);
const LONG_JITTER: Duration = Duration::from_secs(5);

/// Pauses between attempts: up to 1 s, then 2, 4, 8, 16, 16 … s, each with up to 1 s of chance;
/// once suspended, 30 s with up to 5 s of chance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The pause before the next attempt.
    pub(super) fn next(&mut self, is_suspended: bool, chance: &mut impl Rng) -> Duration {
        let attempts = self.attempts;
        self.attempts = attempts.saturating_add(1);
        if is_suspended {
            return LONG_PAUSE + random(LONG_JITTER, chance);
        }
        let pause = match attempts {
            0 => Duration::ZERO,
            attempts => Duration::from_secs(1 << attempts.min(4)).min(PAUSE_MAX),
        };
        pause + random(JITTER, chance)
    }
}

/// Below `limit`.
fn random(limit: Duration, chance: &mut impl Rng) -> Duration {
    let micros = u64::try_from(limit.as_micros()).expect("limits are seconds");
    // The bias of the remainder is far below a microsecond's worth.
    Duration::from_micros(chance.next_u64() % micros)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::ChaCha12Rng;

    use super::*;

    #[test]
    fn pauses_grow_to_16_seconds_and_then_to_30() {
        let mut chance = ChaCha12Rng::from_seed([7; 32]);
        let mut backoff = Backoff::default();
        for (least, is_suspended) in [
            (0, false),
            (2, false),
            (4, false),
            (8, false),
            (16, false),
            (16, false),
            (30, true),
            (30, true),
            (16, false),
        ] {
            let pause = backoff.next(is_suspended, &mut chance);
            let jitter = if is_suspended { LONG_JITTER } else { JITTER };
            let least = Duration::from_secs(least);
            assert!(pause >= least && pause < least + jitter, "{pause:?} for {least:?}");
        }
    }

    #[test]
    fn one_seed_gives_one_row_of_pauses_and_another_seed_another() {
        let row = |seed| {
            let mut chance = ChaCha12Rng::from_seed([seed; 32]);
            let mut backoff = Backoff::default();
            (0..6).map(|_| backoff.next(false, &mut chance)).collect::<Vec<_>>()
        };
        assert_eq!(row(1), row(1));
        assert_ne!(row(1), row(2));
    }
}
