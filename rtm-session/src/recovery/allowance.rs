//! How much may go out: the window, what the application asks for, the pacer.

use std::time::Duration;

use rtm_wire::Time;

use super::pacer::Rate;
use super::rtt::GRANULARITY;
use super::{CONTROL_MAX, Recovery, STREAM_FLIGHT_MAX};

/// While a queue adds no more than this to the round trip, and loses no more than that, the
/// application's own rate is allowed: others may have made it.
const INFLATION_MAX: Duration = Duration::from_millis(100);
const QUEUE_LOSS_MAX: f64 = 0.05;
/// Windows that may be overdue and still be followed by another one: beyond, nobody answers.
const LOOSE_WINDOWS: u64 = 4;

impl<T: Clone + Default> Recovery<T> {
    /// Whether window and pacer let a full datagram go.
    pub(crate) fn may_send(&mut self, now: Time, bytes: usize) -> bool {
        if self.is_stream {
            return self.flight.eliciting < STREAM_FLIGHT_MAX;
        }
        let rate = self.pacing_rate();
        self.fits_window(bytes) && self.pacer.may_send(now, rate)
    }

    /// Whether a packet without messages may go, which the window alone doesn't hold: a peer that
    /// acknowledges nothing must not have us send, and remember, for ever.
    pub(crate) fn may_send_control(&self) -> bool {
        if self.is_stream {
            return self.flight.eliciting < STREAM_FLIGHT_MAX;
        }
        self.flight.eliciting < CONTROL_MAX || self.fits_window(self.config.datagram_len)
    }

    /// When the next datagram may go, as far as time alone brings it about: the pacer lets it, or
    /// what fills the window is overdue.
    pub(crate) fn pacing_deadline(&self) -> Option<Time> {
        if self.is_stream {
            return None;
        }
        if self.fits_window(self.config.datagram_len) {
            return Some(self.pacer.ready_at(self.pacing_rate()));
        }
        let may = self.floor().max(self.loose_window()) > self.config.datagram_len as u64;
        let first = self.sent.first_from(self.overdue_below).filter(|_| may)?;
        Some(first + self.pto())
    }

    /// Bytes of fresh messages, or of copies of them, are about to go out.
    pub(crate) fn on_message_bytes(&mut self, now: Time, bytes: usize) {
        self.has_data = true;
        self.app.on_bytes(now, bytes as u64);
    }

    /// Whether messages had to stay behind when the last packet had gone out.
    pub(crate) fn on_backlog(&mut self, now: Time, backlog: bool) {
        self.app.on_backlog(now, backlog);
    }

    /// Contents of packets that should have been acknowledged by now, each once. They may still be:
    /// acknowledgements are lost, too.
    pub(crate) fn overdue(&mut self, now: Time, mut each: impl FnMut(&mut T)) {
        if self.is_stream {
            return;
        }
        let until = now - self.pto();
        for (number, packet) in self.sent.sent_until(self.overdue_below, until) {
            self.overdue_below = number.0 + 1;
            if packet.lost.is_none() {
                self.flight.note_overdue(packet);
                each(&mut packet.contents);
            }
        }
    }

    fn fits_window(&self, bytes: usize) -> bool {
        // A datagram that is longer than a small window waits until nothing else is in it.
        let bytes = (bytes as u64).min(self.congestion.window());
        // What is overdue is most likely lost, and in nobody's way.
        self.flight.bytes + bytes <= self.congestion.window()
            || self.flight.bytes - self.flight.overdue + bytes
                <= self.floor().max(self.loose_window())
    }

    /// Bytes that may be in flight besides what is overdue.
    fn loose_window(&self) -> u64 {
        let window = self.congestion.window();
        let may = self.congestion.forgets_overdue()
            && !self.is_cut_off()
            && self.rtt.has_sample()
            && self.flight.bytes <= window.saturating_mul(LOOSE_WINDOWS);
        if may { window } else { 0 }
    }

    /// Bytes that may be in flight whatever the window says: what the application asks for, unless
    /// that makes a queue, or nothing gets through. A small flow that slowed down would relieve
    /// nobody.
    pub(super) fn floor(&self) -> u64 {
        let is_queued = self.queue.stands()
            && (self.queue.inflation() > INFLATION_MAX || self.meter.queue_loss() > QUEUE_LOSS_MAX);
        if self.is_cut_off() || is_queued || self.app.is_bulk() || !self.rtt.has_sample() {
            return 0;
        }
        self.app.floor(self.pto())
    }

    /// A little faster than the window, so that pacing alone never starves it (section 7.7).
    pub(super) fn pacing_rate(&self) -> Rate {
        let window = self.congestion.window().max(self.floor());
        let faster = if self.congestion.is_in_slow_start() { window * 2 } else { window * 5 / 4 };
        Rate { window: faster, span: self.rtt.smoothed().max(GRANULARITY / 10) }
    }

    /// Whether most of the window lies idle, so that nothing can be learnt about it (section 7.8).
    pub(super) fn is_app_limited(&self) -> bool {
        self.flight_peak.max(self.flight.bytes) * 2 < self.congestion.window()
    }
}
