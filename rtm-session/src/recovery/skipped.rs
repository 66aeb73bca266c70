//! Packet numbers that are left out now and then (RFC 9000 section 21.4).

use std::ops::RangeInclusive;

use rtm_wire::PacketNumber;

/// The last ones, which a peer that acknowledges ahead would meet.
const REMEMBERED: usize = 4;
/// Packets among which one number is left out: at first, and when a session has lasted.
const SPAN_MIN: u64 = 128;
const SPAN_MAX: u64 = 8_192;

/// Catches a peer that acknowledges what it has not got, to be sent more than the way carries:
/// sooner or later it acknowledges a number that was never used.
#[derive(Debug)]
pub(super) struct SkippedNumbers {
    recent: [Option<PacketNumber>; REMEMBERED],
    span: u64,
    /// Packets until the next one, once it is drawn.
    countdown: Option<u64>,
}

impl SkippedNumbers {
    pub(super) const fn new() -> Self {
        Self { recent: [None; REMEMBERED], span: SPAN_MIN, countdown: None }
    }

    /// Whether `next` is to be left out; to be asked once for each packet. `chance` gives a random
    /// number.
    pub(super) fn skips(&mut self, next: PacketNumber, chance: impl FnOnce() -> u64) -> bool {
        let left = match self.countdown {
            Some(left) => left,
            None => {
                let span = self.span;
                self.span = (span * 2).min(SPAN_MAX);
                1 + chance() % span
            }
        };
        self.countdown = left.checked_sub(1);
        let is_due = self.countdown.is_none();
        if is_due {
            self.recent.rotate_right(1);
            self.recent[0] = Some(next);
        }
        is_due
    }

    /// Whether one of them is acknowledged.
    pub(super) fn meets(&self, acked: &RangeInclusive<PacketNumber>) -> bool {
        self.recent.iter().flatten().any(|number| acked.contains(number))
    }
}
