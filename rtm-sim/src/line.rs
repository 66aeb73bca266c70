//! A line of fixed rate with a drop-tail queue before it.

use rtm_wire::Time;

use crate::config::Bandwidth;

/// When a line is free again. Its rate and queue are arguments, so that they may change.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line {
    /// When everything accepted so far has been sent, in nanoseconds.
    free_at: u64,
}

impl Line {
    /// When a datagram of `len` bytes that comes at `now` has left the line; `None` when the queue
    /// has no room for it.
    pub(crate) fn pass(&mut self, bandwidth: Bandwidth, now: Time, len: usize) -> Option<Time> {
        let Bandwidth { bits_per_second, queue_bytes } = bandwidth;
        let now_nanos = now.as_micros().saturating_mul(1_000);
        let backlog_nanos = self.free_at.saturating_sub(now_nanos);
        let backlog_bytes =
            u128::from(backlog_nanos) * u128::from(bits_per_second) / (8 * NANOS_PER_SECOND);
        if backlog_nanos > 0 && backlog_bytes + len as u128 > queue_bytes as u128 {
            return None;
        }
        let airtime = len as u128 * 8 * NANOS_PER_SECOND / u128::from(bits_per_second);
        let airtime = u64::try_from(airtime).unwrap_or(u64::MAX);
        self.free_at = self.free_at.max(now_nanos).saturating_add(airtime);
        Some(Time::from_micros(self.free_at.div_ceil(1_000)))
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;
