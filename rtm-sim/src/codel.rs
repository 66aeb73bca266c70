//! When CoDel drops (RFC 8289 section 5), asked once for each datagram in the order of leaving.

use crate::config::CoDel;
use crate::dice::micros;

/// The state of one queue; all times in nanoseconds. Target and interval are arguments, so that
/// they may change.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Control {
    /// When datagrams will have waited too long throughout an interval; `None` while they don't.
    first_above: Option<u64>,
    is_dropping: bool,
    next_drop: u64,
    /// Drops since dropping began.
    count: u32,
    /// `count` when it last began.
    count_before: u32,
}

impl Control {
    /// Whether a datagram that entered at `entered` and would leave its queue at `leaves` is
    /// dropped instead. `is_little`: less than a full datagram waits.
    pub(crate) fn drops(
        &mut self,
        config: CoDel,
        entered: u64,
        leaves: u64,
        is_little: bool,
    ) -> bool {
        let interval = micros(config.interval).saturating_mul(1_000);
        let waits_long =
            leaves.saturating_sub(entered) >= micros(config.target).saturating_mul(1_000);
        let has_waited_long = if waits_long && !is_little {
            let first_above = *self.first_above.get_or_insert(leaves.saturating_add(interval));
            leaves >= first_above
        } else {
            self.first_above = None;
            false
        };
        if self.is_dropping {
            if !has_waited_long {
                self.is_dropping = false;
            } else if leaves >= self.next_drop {
                self.count += 1;
                self.next_drop = after(self.next_drop, interval, self.count);
                return true;
            }
            return false;
        }
        if !has_waited_long {
            return false;
        }
        self.is_dropping = true;
        // A queue that was dropped from a moment ago goes on at about the former rate.
        let recent = leaves.saturating_sub(self.next_drop) < interval.saturating_mul(16);
        let delta = self.count - self.count_before;
        self.count = if recent && delta > 1 { delta } else { 1 };
        self.count_before = self.count;
        self.next_drop = after(leaves, interval, self.count);
        true
    }
}

/// The control law: the interval over the root of the number of drops. Roots are exact to the last
/// bit on any machine.
fn after(time: u64, interval: u64, count: u32) -> u64 {
    time.saturating_add((interval as f64 / f64::from(count).sqrt()) as u64)
}
