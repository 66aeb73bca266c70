//! What copies may cost.

use std::time::Duration;

use rtm_wire::Time;

/// Bytes that may have been saved up: copies for a burst of messages, and no more.
const SAVED_BYTES_MAX: u64 = 16 * 1_024;
/// Bytes to begin with: the first message should not have to earn its copies.
const FIRST_BYTES: u64 = 4 * 1_024;
/// Time for which the rate may be saved up.
const SAVED_TIME: Duration = Duration::from_millis(100);
/// Packets that may have been saved up, in thousandths.
const SAVED_PACKETS_MAX: u64 = 16_000;
/// Packets for a message that comes after a pause: it has no later one to ride on.
const LONE_PACKETS: u64 = 6_000;
/// A pause.
const PAUSE: Duration = Duration::from_millis(200);
/// Time until all of the budget is back after a queue has stood.
const RETURN: Duration = Duration::from_secs(8);
/// The whole of the grant.
const WHOLE: u64 = 1_000;

/// Bytes and packets for copies: earned by fresh messages, bounded by a rate, cut by queues.
#[derive(Debug)]
pub(super) struct Budget {
    /// Bytes a second.
    rate: u64,
    bytes: u64,
    /// In millionths of a byte, so that nothing is lost when asked often.
    rate_left: u64,
    filled: Time,
    /// In thousandths.
    packets: u64,
    last_fresh: Option<Time>,
    /// Part of what is earned, in thousandths: halved by each queue, back after a while.
    grant: u64,
    granted_at: Time,
    is_queued: bool,
}

impl Budget {
    pub(super) fn new(now: Time, rate: u64) -> Self {
        Self {
            rate,
            bytes: FIRST_BYTES,
            rate_left: rate.saturating_mul(SAVED_TIME.as_micros() as u64),
            filled: now,
            packets: LONE_PACKETS,
            last_fresh: None,
            grant: WHOLE,
            granted_at: now,
            is_queued: false,
        }
    }

    /// A message of `len` bytes goes out for the first time: it earns `extra` times its length in
    /// hundredths, and so many thousandths of a packet.
    pub(super) fn on_fresh(&mut self, now: Time, len: usize, extra: u64, packets: u64) {
        let earned = len as u64 * extra / 100 * self.grant / WHOLE;
        self.bytes = (self.bytes + earned).min(SAVED_BYTES_MAX);
        let is_lone = self.last_fresh.is_none_or(|last| now >= last + PAUSE);
        self.last_fresh = Some(now);
        self.packets = (self.packets + packets).min(SAVED_PACKETS_MAX);
        if is_lone {
            self.packets = self.packets.max(LONE_PACKETS);
        }
    }

    /// A packet with messages has gone out.
    pub(super) fn on_packet(&mut self) {
        self.packets = self.packets.saturating_sub(1_000);
    }

    /// Whether a packet only of copies may go out.
    pub(super) fn has_packet(&self) -> bool {
        self.packets >= 1_000
    }

    /// Whether more than half of the packets that can be saved up are.
    pub(super) fn is_rich(&self) -> bool {
        self.packets > SAVED_PACKETS_MAX / 2
    }

    /// Takes `len` bytes for a copy.
    pub(super) fn pay(&mut self, now: Time, len: usize) {
        self.fill(now);
        self.bytes = self.bytes.saturating_sub(len as u64);
        self.rate_left = self.rate_left.saturating_sub(len as u64 * 1_000_000);
    }

    /// Whether the rate allows for anything at all.
    pub(super) const fn has_rate(&self) -> bool {
        self.rate > 0
    }

    /// When there are bytes for a copy of any length; `None` before further messages have earned
    /// some.
    pub(super) fn bytes_ready(&self) -> Option<Time> {
        let longest = super::SMALL_MAX as u64;
        if self.bytes < longest || self.rate == 0 {
            return None;
        }
        let missing = (longest * 1_000_000).saturating_sub(self.rate_left);
        Some(self.filled + Duration::from_micros(missing.div_ceil(self.rate)))
    }

    /// Takes note of whether a queue stands; nothing is granted while it does.
    pub(super) fn on_queue(&mut self, now: Time, stands: bool) {
        if stands {
            if !self.is_queued {
                self.grant = (self.grant / 2).max(WHOLE / 8);
                self.bytes = 0;
            }
            self.granted_at = now;
        } else {
            let back = now.saturating_since(self.granted_at).as_micros() as u64 * WHOLE;
            let back = back / RETURN.as_micros() as u64;
            if back > 0 {
                self.grant = (self.grant + back).min(WHOLE);
                self.granted_at = now;
            }
        }
        self.is_queued = stands;
    }

    fn fill(&mut self, now: Time) {
        let micros = now.saturating_since(self.filled).as_micros() as u64;
        self.filled = now;
        let most = self.rate.saturating_mul(SAVED_TIME.as_micros() as u64);
        self.rate_left = self.rate_left.saturating_add(self.rate.saturating_mul(micros)).min(most);
    }
}
