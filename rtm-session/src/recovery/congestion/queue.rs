//! Whether a queue stands on the way, as far as round trips tell.

use std::time::Duration;

use rtm_wire::Time;

/// Age up to which the shortest round trip counts; it is kept for as long again. Long, because a
/// queue that never empties must not become the measure. A way that has become longer looks like a
/// queue until then, which only makes the sender more careful.
const BASE_SPAN: Duration = Duration::from_secs(60);
/// Samples without which a round says nothing: one late packet is jitter.
const SAMPLES_MIN: u32 = 8;
/// A queue shorter than this is not told from jitter.
const STANDING_MIN: Duration = Duration::from_millis(2);

/// Compares the shortest round trip of the last round with the shortest of the last minutes.
///
/// The shortest of a round, because jitter makes single packets late, and a standing queue all of
/// them.
#[derive(Debug)]
pub(in crate::recovery) struct QueueWatch {
    /// Shortest of the current and of the former span.
    base: [Option<Duration>; 2],
    base_until: Time,
    round_start: Time,
    samples: u32,
    current: Option<Duration>,
    former: Option<Duration>,
}

impl QueueWatch {
    pub(in crate::recovery) const fn new() -> Self {
        Self {
            base: [None; 2],
            base_until: Time::ZERO,
            round_start: Time::ZERO,
            samples: 0,
            current: None,
            former: None,
        }
    }

    /// Takes a sample of a packet that was sent at `sent`.
    pub(in crate::recovery) fn on_sample(&mut self, now: Time, sent: Time, sample: Duration) {
        if now >= self.base_until {
            self.base = [None, self.base[0]];
            self.base_until = now + BASE_SPAN;
        }
        self.base[0] = Some(shorter(self.base[0], sample));
        // A round ends with the first answer to what was sent in it.
        if sent >= self.round_start && self.samples >= SAMPLES_MIN {
            self.former = self.current.take();
            self.samples = 0;
            self.round_start = now;
        }
        self.current = Some(shorter(self.current, sample));
        self.samples += 1;
    }

    /// By how much the shortest round trip of the last round is above the shortest known.
    pub(in crate::recovery) fn inflation(&self) -> Duration {
        match (self.recent(), self.base.iter().flatten().min()) {
            (Some(recent), Some(base)) => recent.saturating_sub(*base),
            _ => Duration::ZERO,
        }
    }

    /// Whether packets have been waiting somewhere for a round trip or longer.
    pub(in crate::recovery) fn stands(&self) -> bool {
        let base = self.base.iter().flatten().min();
        match (self.recent(), base) {
            (Some(recent), Some(&base)) => recent > base + (base / 8).max(STANDING_MIN),
            _ => false,
        }
    }

    /// Shortest round trip of the last round.
    fn recent(&self) -> Option<Duration> {
        if self.samples >= SAMPLES_MIN { self.current } else { self.former }
    }
}

fn shorter(known: Option<Duration>, sample: Duration) -> Duration {
    known.map_or(sample, |known| known.min(sample))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds ten samples a round for some rounds, each from the function of their count.
    fn watch(rounds: u64, sample: impl Fn(u64) -> u64) -> bool {
        let mut watch = QueueWatch::new();
        for count in 0..rounds * 10 {
            let rtt = Duration::from_millis(sample(count));
            let now = Time::from_micros(1_000_000 + count * 4_000);
            watch.on_sample(now, now - rtt, rtt);
        }
        watch.stands()
    }

    #[test]
    fn a_queue_is_a_round_without_a_short_round_trip() {
        let still = |_| 40;
        let jitter = |count| if count % 5 == 0 { 41 } else { 60 };
        let growing = |count| 40 + count / 4;
        let small = |count| 40 + count / 100;
        for (name, stands) in [
            ("still", watch(20, still)),
            ("jitter", watch(20, jitter)),
            ("growing", watch(20, growing)),
            ("small", watch(20, small)),
        ] {
            assert_eq!(stands, name == "growing", "{name}");
        }
    }

    #[test]
    fn a_longer_way_is_learnt_in_two_spans() {
        let moved = |count: u64| if count < 100 { 40 } else { 80 };
        assert!(watch(1_000, moved));
        assert!(!watch(4_000, moved));
    }
}
