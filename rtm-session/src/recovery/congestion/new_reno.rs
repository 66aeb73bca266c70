//! NewReno.

use std::time::Duration;

use rtm_wire::Time;

use super::undo::Undo;
use super::{Acked, Congestion, LostPackets, initial_window};

/// NewReno, as RFC 9002 section 7 has it.
#[derive(Debug)]
pub(crate) struct NewReno {
    datagram: u64,
    window: u64,
    threshold: u64,
    recovery_start: Option<Time>,
    /// Bytes acknowledged since the window last grew, in congestion avoidance.
    credit: u64,
    /// Window and threshold before the last reduction.
    undo: Undo<(u64, u64)>,
}

impl NewReno {
    pub(crate) fn new(datagram_len: usize) -> Self {
        let datagram = datagram_len as u64;
        let window = initial_window(datagram);
        let (threshold, undo) = (u64::MAX, Undo::new());
        Self { datagram, window, threshold, recovery_start: None, credit: 0, undo }
    }

    fn minimum(&self) -> u64 {
        2 * self.datagram
    }
}

impl Congestion for NewReno {
    fn on_ack(&mut self, _: Time, acked: Acked) {
        let in_recovery = self.recovery_start.is_some_and(|start| acked.sent <= start);
        if in_recovery || acked.is_app_limited {
            return;
        }
        if self.is_in_slow_start() {
            self.window += acked.bytes;
            return;
        }
        self.credit += acked.bytes;
        if self.credit >= self.window {
            self.credit -= self.window;
            self.window += self.datagram;
        }
    }

    fn on_rtt(&mut self, _: Time, _: Time, _: Duration) {}

    fn on_loss(&mut self, now: Time, lost: LostPackets) {
        // One reduction for all losses of one round trip.
        if self.recovery_start.is_some_and(|start| lost.last_sent <= start) {
            return self.undo.on_lost(lost.count);
        }
        self.undo.on_reduction(now, (self.window, self.threshold), lost.count);
        self.recovery_start = Some(now);
        self.threshold = (self.window / 2).max(self.minimum());
        self.window = self.threshold;
        self.credit = 0;
    }

    fn on_spurious(&mut self, sent: Time) {
        if let Some((window, threshold)) = self.undo.on_spurious(sent) {
            self.window = self.window.max(window);
            self.threshold = self.threshold.max(threshold);
            self.recovery_start = None;
        }
    }

    fn on_persistent_congestion(&mut self) {
        self.window = self.minimum();
        self.recovery_start = None;
        self.undo.forget();
    }

    fn jump(&mut self, window: u64) {
        self.window = self.window.max(window);
    }

    fn retreat(&mut self, window: u64) {
        self.window = self.window.min(window);
        self.threshold = self.window;
    }

    fn window(&self) -> u64 {
        self.window
    }

    fn is_in_slow_start(&self) -> bool {
        self.window < self.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lose(reno: &mut NewReno, now: u64, last_sent: u64) {
        let last_sent = Time::from_micros(last_sent);
        let lost = LostPackets { count: 1, last_sent, is_app_limited: false };
        reno.on_loss(Time::from_micros(now), lost);
    }

    fn acked(bytes: u64, sent: u64) -> Acked {
        Acked { bytes, sent: Time::from_micros(sent), is_app_limited: false }
    }

    #[test]
    fn slow_start_grows_by_what_is_acknowledged() {
        let mut reno = NewReno::new(1_200);
        assert_eq!(reno.window(), 12_000);
        reno.on_ack(Time::ZERO, acked(1_200, 1));
        assert_eq!(reno.window(), 13_200);
        reno.on_ack(Time::ZERO, Acked { is_app_limited: true, ..acked(1_200, 1) });
        assert_eq!(reno.window(), 13_200);
    }

    #[test]
    fn one_round_trip_halves_once_and_then_grows_by_a_datagram_a_window() {
        let mut reno = NewReno::new(1_200);
        lose(&mut reno, 100, 50);
        lose(&mut reno, 110, 60);
        assert_eq!(reno.window(), 6_000);
        for _ in 0..4 {
            reno.on_ack(Time::ZERO, acked(1_200, 100));
        }
        assert_eq!(reno.window(), 6_000, "sent before recovery began");
        for _ in 0..5 {
            reno.on_ack(Time::ZERO, acked(1_200, 101));
        }
        assert_eq!(reno.window(), 7_200);
        lose(&mut reno, 300, 200);
        assert_eq!(reno.window(), 3_600);
    }

    #[test]
    fn the_window_never_falls_below_two_datagrams() {
        let mut reno = NewReno::new(1_200);
        for at in 0..20 {
            lose(&mut reno, at * 10 + 5, at * 10);
        }
        assert_eq!(reno.window(), 2_400);
        reno.on_persistent_congestion();
        assert_eq!(reno.window(), 2_400);
    }
}
