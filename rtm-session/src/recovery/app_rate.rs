//! What the application asks for, in bytes a second.

use std::time::Duration;

use rtm_wire::Time;

/// Bytes are counted over spans of this length; the larger of the last two holds.
const SPAN: Duration = Duration::from_millis(500);
/// What any session may have besides, in bytes a second.
const SPARE: u64 = 10_000;
/// No session has more than this without a window for it, in bytes a second: 2.5 Mbit/s.
const MOST: u64 = 312_500;

/// A backlog for so long, and until it has been away for as long, means that the application sends
/// as fast as it may: such a rate is no demand.
const BULK: Duration = Duration::from_secs(1);

/// Bytes of fresh messages and their copies.
#[derive(Debug)]
pub(super) struct AppRate {
    /// Since when there has been a backlog, or none.
    backlog: bool,
    backlog_since: Time,
    is_bulk: bool,
    since: Time,
    current: u64,
    former: u64,
}

impl AppRate {
    pub(super) const fn new(now: Time) -> Self {
        Self {
            backlog: false,
            backlog_since: now,
            is_bulk: false,
            since: now,
            current: 0,
            former: 0,
        }
    }

    pub(super) fn on_bytes(&mut self, now: Time, bytes: u64) {
        let spans = now.saturating_since(self.since).as_micros() / SPAN.as_micros();
        if spans > 0 {
            self.former = if spans == 1 { self.current } else { 0 };
            self.current = 0;
            self.since = now;
        }
        self.current += bytes;
    }

    /// Takes note of whether messages had to stay behind.
    pub(super) fn on_backlog(&mut self, now: Time, backlog: bool) {
        if backlog != self.backlog {
            (self.backlog, self.backlog_since) = (backlog, now);
        }
        if now >= self.backlog_since + BULK {
            self.is_bulk = backlog;
        }
    }

    /// Whether it sends as fast as it may.
    pub(super) const fn is_bulk(&self) -> bool {
        self.is_bulk
    }

    /// Bytes that may be on their way for this rate, a quarter more, in `span`.
    pub(super) fn floor(&self, span: Duration) -> u64 {
        let bytes = self.current.max(self.former) * 5 / 4;
        let rate = bytes * 1_000 / SPAN.as_millis() as u64 + SPARE;
        (u128::from(rate.min(MOST)) * span.as_micros() / 1_000_000) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_floor_is_the_rate_and_a_quarter() {
        let mut rate = AppRate::new(Time::ZERO);
        assert_eq!(rate.floor(SECOND), 10_000);
        for count in 0..100 {
            rate.on_bytes(Time::from_micros(count * 10_000), 1_000);
        }
        assert_eq!(rate.floor(SECOND), 135_000);
        rate.on_bytes(Time::from_micros(1_000_000), u64::MAX / 8_000);
        assert_eq!(rate.floor(SECOND), 312_500);
    }

    #[test]
    fn a_rate_is_forgotten_after_two_spans() {
        let mut rate = AppRate::new(Time::ZERO);
        rate.on_bytes(Time::ZERO, 50_000);
        rate.on_bytes(Time::from_micros(500_000), 0);
        assert_eq!(rate.floor(SECOND), 135_000);
        rate.on_bytes(Time::from_micros(1_000_000), 0);
        assert_eq!(rate.floor(SECOND), 10_000);
    }
}
