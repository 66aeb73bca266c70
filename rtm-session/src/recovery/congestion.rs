//! How much may be on its way.

use std::fmt;

use rtm_wire::Time;

/// What a congestion controller learns of acknowledged packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acked {
    pub(crate) bytes: u64,
    /// When the packet was sent.
    pub(crate) sent: Time,
    /// The sender had nothing more to send then: such a packet shows nothing of the path.
    pub(crate) is_app_limited: bool,
}

/// A congestion controller: decides on a window, nothing else.
pub(crate) trait Congestion: fmt::Debug + Send {
    fn on_ack(&mut self, acked: Acked);

    /// Packets were lost, of which the last was sent at `last_sent`.
    fn on_loss(&mut self, now: Time, last_sent: Time);

    /// Nothing got through for a long time (RFC 9002 section 7.6).
    fn on_persistent_congestion(&mut self);

    /// Bytes that may be in flight.
    fn window(&self) -> u64;

    /// Whether the window still doubles each round trip.
    fn is_in_slow_start(&self) -> bool;
}

/// NewReno, as RFC 9002 section 7 has it.
#[derive(Debug)]
pub(crate) struct NewReno {
    datagram: u64,
    window: u64,
    threshold: u64,
    recovery_start: Option<Time>,
    /// Bytes acknowledged since the window last grew, in congestion avoidance.
    credit: u64,
}

impl NewReno {
    pub(crate) fn new(datagram_len: usize) -> Self {
        let datagram = datagram_len as u64;
        // RFC 9002 section 7.2.
        let window = (10 * datagram).min((2 * datagram).max(14_720));
        Self { datagram, window, threshold: u64::MAX, recovery_start: None, credit: 0 }
    }

    fn minimum(&self) -> u64 {
        2 * self.datagram
    }
}

impl Congestion for NewReno {
    fn on_ack(&mut self, acked: Acked) {
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

    fn on_loss(&mut self, now: Time, last_sent: Time) {
        // One reduction for all losses of one round trip.
        if self.recovery_start.is_some_and(|start| last_sent <= start) {
            return;
        }
        self.recovery_start = Some(now);
        self.threshold = (self.window / 2).max(self.minimum());
        self.window = self.threshold;
        self.credit = 0;
    }

    fn on_persistent_congestion(&mut self) {
        self.window = self.minimum();
        self.recovery_start = None;
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

    fn acked(bytes: u64, sent: u64) -> Acked {
        Acked { bytes, sent: Time::from_micros(sent), is_app_limited: false }
    }

    #[test]
    fn slow_start_grows_by_what_is_acknowledged() {
        let mut reno = NewReno::new(1_200);
        assert_eq!(reno.window(), 12_000);
        reno.on_ack(acked(1_200, 1));
        assert_eq!(reno.window(), 13_200);
        reno.on_ack(Acked { is_app_limited: true, ..acked(1_200, 1) });
        assert_eq!(reno.window(), 13_200);
    }

    #[test]
    fn one_round_trip_halves_once_and_then_grows_by_a_datagram_a_window() {
        let mut reno = NewReno::new(1_200);
        reno.on_loss(Time::from_micros(100), Time::from_micros(50));
        reno.on_loss(Time::from_micros(110), Time::from_micros(60));
        assert_eq!(reno.window(), 6_000);
        for _ in 0..4 {
            reno.on_ack(acked(1_200, 100));
        }
        assert_eq!(reno.window(), 6_000, "sent before recovery began");
        for _ in 0..5 {
            reno.on_ack(acked(1_200, 101));
        }
        assert_eq!(reno.window(), 7_200);
        reno.on_loss(Time::from_micros(300), Time::from_micros(200));
        assert_eq!(reno.window(), 3_600);
    }

    #[test]
    fn the_window_never_falls_below_two_datagrams() {
        let mut reno = NewReno::new(1_200);
        for at in 0..20 {
            reno.on_loss(Time::from_micros(at * 10 + 5), Time::from_micros(at * 10));
        }
        assert_eq!(reno.window(), 2_400);
        reno.on_persistent_congestion();
        assert_eq!(reno.window(), 2_400);
    }
}
