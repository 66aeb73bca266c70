//! Begins with what an earlier session has learnt of the way, carefully.
//!
//! ```text
//!  Waiting ── first round trip as remembered ──► Jumped to half the window
//!     │ quite another one, or a loss before        │ all sent since then has arrived ─► Done
//!     ▼                                            ▼ much of it lost, or a queue stands
//!   Done, as if nothing were known                Done: back to half of what has arrived
//! ```

use std::time::Duration;

use rtm_wire::Time;

/// Nobody jumps to more than half of this, in bytes.
const WINDOW_MAX: u64 = 2 * 1_024 * 1_024;
/// Round trips so much shorter or longer than the remembered one are another way's.
const RTT_FACTOR: u32 = 2;
/// A jump has failed when more than one in so many packets is lost.
const LOST_PART: u64 = 5;
/// Packets before which that isn't judged.
const PACKETS_MIN: u64 = 10;

/// What a session knew of its way to the peer when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// Bytes that were in flight at a time.
    pub(crate) window: u64,
    pub(crate) rtt: Duration,
}

/// Where the jump is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Resume {
    Waiting(Remembered),
    Jumped { at: Time, acked_bytes: u64, acked: u64, lost: u64, target: u64 },
    Done,
}

/// What is to be done with the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Stay,
    Jump(u64),
    Retreat(u64),
}

impl Resume {
    pub(super) fn new(remembered: Option<Remembered>) -> Self {
        remembered.map_or(Self::Done, Self::Waiting)
    }

    /// A round trip was measured; `window` is the present one.
    pub(super) fn on_rtt(&mut self, now: Time, sample: Duration, window: u64) -> Step {
        let Self::Waiting(remembered) = *self else { return Step::Stay };
        let is_alike = sample * RTT_FACTOR >= remembered.rtt
            && sample <= remembered.rtt.saturating_mul(RTT_FACTOR);
        let target = remembered.window.min(WINDOW_MAX) / 2;
        if !is_alike || target <= window {
            *self = Self::Done;
            return Step::Stay;
        }
        *self = Self::Jumped { at: now, acked_bytes: 0, acked: 0, lost: 0, target };
        Step::Jump(target)
    }

    /// A packet that was sent at `sent` has arrived.
    pub(super) fn on_acked(&mut self, sent: Time, bytes: u64) {
        if let Self::Jumped { at, acked_bytes, acked, target, .. } = self {
            if sent >= *at {
                *acked += 1;
                *acked_bytes += bytes;
                if acked_bytes >= target {
                    *self = Self::Done;
                }
            }
        }
    }

    /// Packets were lost, the last of them sent at `last_sent`.
    pub(super) fn on_lost(
        &mut self,
        count: u64,
        last_sent: Time,
        queue_stands: bool,
        first_window: u64,
    ) -> Step {
        match self {
            Self::Jumped { at, lost, acked, acked_bytes, .. } if last_sent >= *at => {
                *lost += count;
                let is_much = *lost + *acked >= PACKETS_MIN && *lost * LOST_PART > *lost + *acked;
                if !is_much && !queue_stands {
                    return Step::Stay;
                }
                let window = (*acked_bytes / 2).max(first_window);
                *self = Self::Done;
                Step::Retreat(window)
            }
            Self::Waiting(_) if queue_stands => {
                *self = Self::Done;
                Step::Stay
            }
            _ => Step::Stay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(100);
    const NOW: Time = Time::from_micros(1_000_000);

    fn resume(window: u64) -> Resume {
        Resume::new(Some(Remembered { window, rtt: RTT }))
    }

    #[test]
    fn the_jump_is_to_half_of_what_was_known_and_bounded() {
        for (window, rtt, step) in [
            (100_000, 100, Step::Jump(50_000)),
            (100_000, 51, Step::Jump(50_000)),
            (100_000, 49, Step::Stay),
            (100_000, 201, Step::Stay),
            (20_000, 100, Step::Stay),
            (u64::MAX, 100, Step::Jump(1_024 * 1_024)),
        ] {
            let sample = Duration::from_millis(rtt);
            assert_eq!(resume(window).on_rtt(NOW, sample, 12_000), step, "{window} {rtt}");
        }
    }

    #[test]
    fn it_is_done_once() {
        let mut resume = resume(100_000);
        assert_eq!(resume.on_rtt(NOW, RTT, 12_000), Step::Jump(50_000));
        assert_eq!(resume.on_rtt(NOW, RTT, 12_000), Step::Stay);
        (0..42).for_each(|_| resume.on_acked(NOW, 1_200));
        assert!(matches!(resume, Resume::Done));
        assert_eq!(resume.on_lost(9, NOW, true, 12_000), Step::Stay);
    }

    #[test]
    fn much_loss_or_a_queue_leads_back() {
        let jumped = || {
            let mut resume = resume(200_000);
            resume.on_rtt(NOW, RTT, 12_000);
            (0..40).for_each(|_| resume.on_acked(NOW, 1_200));
            resume
        };
        assert_eq!(jumped().on_lost(5, NOW, false, 12_000), Step::Stay, "a little is random");
        assert_eq!(jumped().on_lost(11, NOW, false, 12_000), Step::Retreat(24_000));
        assert_eq!(jumped().on_lost(1, NOW, true, 12_000), Step::Retreat(24_000));
        let before = NOW - RTT;
        assert_eq!(jumped().on_lost(50, before, true, 12_000), Step::Stay, "not of the jump");
    }
}
