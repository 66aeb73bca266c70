//! Whether a queue was full when a packet got lost.

use std::time::Duration;

use rtm_wire::Time;

/// How long the longest round trip is remembered, and for as long again.
const SPAN: Duration = Duration::from_secs(30);
/// A queue shorter than this, and than this part of the round trip, is not told from jitter.
const QUEUE_MIN: Duration = Duration::from_millis(1);
const QUEUE_PART: u32 = 32;

/// Compares round trips of packets beside lost ones with the longest known: a queue that drops
/// packets is full, and radio loss comes at any length of it.
#[derive(Debug)]
pub(super) struct OverflowWatch {
    longest: [Duration; 2],
    until: Time,
    latest: Duration,
}

impl OverflowWatch {
    pub(super) const fn new() -> Self {
        Self { longest: [Duration::ZERO; 2], until: Time::ZERO, latest: Duration::ZERO }
    }

    pub(super) fn on_sample(&mut self, now: Time, sample: Duration) {
        if now >= self.until {
            self.longest = [Duration::ZERO, self.longest[0]];
            self.until = now + SPAN;
        }
        self.longest[0] = self.longest[0].max(sample);
        self.latest = sample;
    }

    /// Whether the queue is as full as it ever gets, above the shortest round trip `base`.
    pub(super) fn is_full(&self, base: Duration) -> bool {
        let longest = self.longest[0].max(self.longest[1]).saturating_sub(base);
        let latest = self.latest.saturating_sub(base);
        longest > QUEUE_MIN.max(base / QUEUE_PART) && latest >= longest * 3 / 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_full_near_its_longest_only() {
        let base = Duration::from_millis(100);
        let mut watch = OverflowWatch::new();
        for (now, sample, is_full) in [
            (0, 100, false),
            (1, 102, false), // jitter
            (2, 110, true),
            (3, 104, false),
            (4, 108, true),
            (5, 150, true),
            (6, 110, false),
            (40, 110, false),
            (80, 110, true), // the longer one is forgotten
        ] {
            watch.on_sample(Time::from_micros(now * 1_000_000), Duration::from_millis(sample));
            assert_eq!(watch.is_full(base), is_full, "{sample} ms after {now} s");
        }
    }
}
