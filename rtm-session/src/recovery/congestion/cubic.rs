//! CUBIC.

use std::time::Duration;

use rtm_wire::Time;

use super::growth::{Growth, KEPT};
use super::undo::Undo;
use super::{Acked, Congestion, LostPackets};

/// Datagrams that may always be on their way.
const MINIMUM: u64 = 2;

/// CUBIC, as RFC 9438 has it, with RFC 9002's rules of when a loss counts.
#[derive(Debug)]
pub(crate) struct Cubic {
    growth: Growth,
    recovery_start: Option<Time>,
    rtt: Duration,
    undo: Undo<Growth>,
}

impl Cubic {
    pub(crate) fn new(datagram_len: usize) -> Self {
        Self {
            growth: Growth::new(datagram_len),
            recovery_start: None,
            rtt: Duration::ZERO,
            undo: Undo::new(),
        }
    }
}

impl Congestion for Cubic {
    fn on_ack(&mut self, now: Time, acked: Acked) {
        let in_recovery = self.recovery_start.is_some_and(|start| acked.sent <= start);
        if in_recovery || acked.is_app_limited {
            self.growth.on_idle(now);
        } else {
            self.growth.on_acked(now, acked.bytes, self.rtt);
        }
    }

    fn on_rtt(&mut self, _: Time, _: Time, sample: Duration) {
        self.rtt = sample;
    }

    fn on_loss(&mut self, now: Time, lost: LostPackets) {
        // One reduction for all losses of one round trip.
        if self.recovery_start.is_some_and(|start| lost.last_sent <= start) {
            return self.undo.on_lost(lost.count);
        }
        self.undo.on_reduction(now, self.growth, lost.count);
        self.recovery_start = Some(now);
        self.growth.reduce(KEPT, MINIMUM);
    }

    fn on_spurious(&mut self, sent: Time) {
        if let Some(before) = self.undo.on_spurious(sent) {
            self.growth.undo(before);
            self.recovery_start = None;
        }
    }

    fn on_persistent_congestion(&mut self) {
        self.growth.collapse(MINIMUM);
        self.recovery_start = None;
        self.undo.forget();
    }

    fn jump(&mut self, window: u64) {
        self.growth.jump(window);
    }

    fn retreat(&mut self, window: u64) {
        self.growth.retreat(window);
    }

    fn window(&self) -> u64 {
        self.growth.window()
    }

    fn is_in_slow_start(&self) -> bool {
        self.growth.is_in_slow_start()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(micros: u64) -> Time {
        Time::from_micros(micros)
    }

    const fn lost(count: u64, last_sent: u64) -> LostPackets {
        LostPackets { count, last_sent: at(last_sent), is_app_limited: false }
    }

    #[test]
    fn one_round_trip_keeps_seven_tenths_once() {
        let mut cubic = Cubic::new(1_200);
        cubic.on_loss(at(100), lost(1, 50));
        cubic.on_loss(at(110), lost(2, 60));
        assert_eq!(cubic.window(), 8_400);
        cubic.on_loss(at(300), lost(1, 200));
        assert_eq!(cubic.window(), 5_880);
    }

    #[test]
    fn late_packets_undo_the_reduction() {
        let mut cubic = Cubic::new(1_200);
        cubic.on_loss(at(100), lost(1, 50));
        cubic.on_loss(at(110), lost(1, 60));
        cubic.on_spurious(at(50));
        assert_eq!(cubic.window(), 8_400, "one of two is still lost");
        cubic.on_spurious(at(60));
        assert_eq!(cubic.window(), 12_000);
        assert!(cubic.is_in_slow_start());
    }

    #[test]
    fn a_collapse_goes_back_to_seven_tenths_quickly() {
        let mut cubic = Cubic::new(1_200);
        cubic.on_persistent_congestion();
        assert_eq!(cubic.window(), 2_400);
        for _ in 0..5 {
            cubic.on_ack(at(1), Acked { bytes: 1_200, sent: at(0), is_app_limited: false });
        }
        assert_eq!(cubic.window(), 8_400);
        assert!(!cubic.is_in_slow_start());
    }
}
