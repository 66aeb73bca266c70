//! Spreads a window over its round trip (RFC 9002 section 7.7).

use std::time::Duration;

use rtm_wire::Time;

/// Datagrams that may go out at once after a pause.
const BURST: u64 = 10;
/// Drivers' timers are not finer than this: what falls due within goes out at once.
const TIMER: Duration = Duration::from_millis(2);

/// A bucket of bytes that fills at the rate of the window.
#[derive(Debug)]
pub(super) struct Pacer {
    tokens: u64,
    filled: Time,
    datagram: u64,
    /// Bytes that may go out at once: no more when datagrams get longer, since queues don't.
    burst: u64,
}

/// Rate at which tokens come: `window` bytes in `span`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) window: u64,
    pub(super) span: Duration,
}

impl Rate {
    fn bytes_in(self, time: Duration) -> u64 {
        let span = self.span.as_micros().max(1);
        let bytes = u128::from(self.window) * time.as_micros() / span;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    fn time_for(self, bytes: u64) -> Duration {
        let micros = u128::from(bytes) * self.span.as_micros() / u128::from(self.window.max(1));
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX).saturating_add(1))
    }
}

impl Pacer {
    pub(super) fn new(now: Time, datagram_len: usize) -> Self {
        let datagram = datagram_len as u64;
        let burst = BURST * datagram;
        Self { tokens: burst, filled: now, datagram, burst }
    }

    pub(super) const fn set_datagram_len(&mut self, datagram_len: usize) {
        self.datagram = datagram_len as u64;
    }

    pub(super) fn on_sent(&mut self, now: Time, bytes: u64, rate: Rate) {
        self.fill(now, rate);
        self.tokens = self.tokens.saturating_sub(bytes);
    }

    /// Whether a full datagram may go out.
    pub(super) fn may_send(&mut self, now: Time, rate: Rate) -> bool {
        self.fill(now, rate);
        self.tokens >= self.datagram
    }

    /// When the next full datagram may go out.
    pub(super) fn ready_at(&self, rate: Rate) -> Time {
        let missing = self.datagram.saturating_sub(self.tokens);
        if missing == 0 { self.filled } else { self.filled + rate.time_for(missing) }
    }

    fn fill(&mut self, now: Time, rate: Rate) {
        let fresh = rate.bytes_in(now.saturating_since(self.filled));
        // Fractions of a byte must not be lost when asked often.
        if fresh > 0 {
            let most = self.burst.max(self.datagram * 2).max(rate.bytes_in(TIMER));
            self.tokens = (self.tokens + fresh).min(most);
            self.filled = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_burst_datagrams_go_at_the_rate() {
        let rate = Rate { window: 12_000, span: Duration::from_millis(100) };
        let mut pacer = Pacer::new(Time::ZERO, 1_200);
        let (mut now, mut sent) = (Time::ZERO, Vec::new());
        while sent.len() < 20 {
            while !pacer.may_send(now, rate) {
                let ready = pacer.ready_at(rate);
                assert!(ready > now, "no standstill");
                now = ready;
            }
            pacer.on_sent(now, 1_200, rate);
            sent.push(now.as_micros() / 1_000);
        }
        assert!(sent[..10].iter().all(|&at| at == 0));
        assert_eq!(&sent[10..13], &[10, 20, 30]);
    }
}
