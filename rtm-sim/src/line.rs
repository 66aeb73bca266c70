//! A line of fixed rate with a queue before it.

use rtm_wire::Time;

use crate::codel::Control;
use crate::config::{Bandwidth, CoDel};

/// When a line is free again. Its rate and queue are arguments, so that they may change.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line {
    /// When everything accepted so far has been sent, in nanoseconds.
    free_at: u64,
    control: Control,
}

impl Line {
    /// When a datagram of `len` bytes that comes at `now` has left the line; `None` when the queue
    /// has no room for it, or drops it on the way out.
    pub(crate) fn pass(
        &mut self,
        (bandwidth, codel): (Bandwidth, Option<CoDel>),
        now: Time,
        len: usize,
    ) -> Option<Time> {
        let Bandwidth { bits_per_second, queue_bytes } = bandwidth;
        let now_nanos = now.as_micros().saturating_mul(1_000);
        let backlog_nanos = self.free_at.saturating_sub(now_nanos);
        let backlog_bytes =
            u128::from(backlog_nanos) * u128::from(bits_per_second) / (8 * NANOS_PER_SECOND);
        if backlog_nanos > 0 && backlog_bytes + len as u128 > queue_bytes as u128 {
            return None;
        }
        let leaves = self.free_at.max(now_nanos);
        let is_little = backlog_bytes <= FULL_DATAGRAM;
        if codel.is_some_and(|codel| self.control.drops(codel, now_nanos, leaves, is_little)) {
            return None;
        }
        let airtime = len as u128 * 8 * NANOS_PER_SECOND / u128::from(bits_per_second);
        let airtime = u64::try_from(airtime).unwrap_or(u64::MAX);
        self.free_at = leaves.saturating_add(airtime);
        Some(Time::from_micros(self.free_at.div_ceil(1_000)))
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;
/// Bytes that may wait however long it takes: a line slower than one datagram in the target time
/// would lose all otherwise.
const FULL_DATAGRAM: u128 = 1_500;
