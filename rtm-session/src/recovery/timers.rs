//! When something has to be done although nothing arrives: loss and probe timeouts (RFC 9002
//! section 6.2).

use std::time::Duration;

use rtm_wire::Time;

use super::sent::SentPacket;
use super::{CONTROL_MAX, Recovery, TimeoutOutcome};

/// While the peer has not been silent for [`EAGER_SPAN`], probe timeouts back off no further than
/// a round trip and this: a link that comes back is noticed that soon.
const EAGER_PAUSE: Duration = Duration::from_millis(100);
/// Links come back from tunnels and lifts within this time.
const EAGER_SPAN: Duration = Duration::from_secs(40);
/// Afterwards, they back off no further than this.
const PROBE_TIMEOUT_MAX: Duration = Duration::from_secs(1);
/// Packets sent when a probe timeout passes (RFC 9002 section 6.2.4).
const PROBES: u8 = 2;
/// Timeouts in a row after which it is one packet: the link is down, or so full that it seems so.
const PROBES_FULL: u32 = 3;
/// Pause before a stream on which something is unanswered is asked; it doubles so often.
const STREAM_PROBE: Duration = Duration::from_secs(3);
const STREAM_PROBE_DOUBLED: u32 = 3;
/// After so long a silence, only probes go beyond the window, unless it may be chance.
const SILENCE_MAX: Duration = Duration::from_secs(1);
/// Answers that should have come by the loss that was known before. Chance keeps so many away once
/// in 20,000 times.
const ANSWERS_DUE: f64 = 10.0;
/// Loss from which on probes don't slow down either, and answers that should have come until they
/// do.
const MUCH: f64 = 0.3;
const ANSWERS_PROBED: f64 = 20.0;

impl<T: Clone + Default> Recovery<T> {
    /// When [`on_timeout`](Self::on_timeout) is to be called.
    pub(crate) fn timeout(&self) -> Option<Time> {
        if self.loss_time.is_some() {
            return self.loss_time;
        }
        if self.is_stream {
            // A stream that only makes up for a loss is left alone; one whose peer has refused
            // something is to show it.
            let pause = STREAM_PROBE * (1 << self.probe_count.min(STREAM_PROBE_DOUBLED));
            return (self.flight.eliciting > 0).then(|| self.last_eliciting + pause);
        }
        (self.flight.eliciting > 0).then(|| self.last_eliciting + self.backed_off())
    }

    /// `has_data`: whether the peer lacks messages; a ping alone is in no hurry.
    pub(crate) fn on_timeout(&mut self, now: Time, has_data: bool) -> TimeoutOutcome<T> {
        if self.loss_time.is_some() {
            return TimeoutOutcome::Lost(self.detect_loss(now));
        }
        self.probe_count = self.probe_count.saturating_add(1);
        self.has_data = has_data;
        self.silent_since.get_or_insert(now);
        self.meter.on_timeout();
        // The next timeout counts from now even if no probe could be sent.
        self.last_eliciting = now;
        let is_down = self.probe_count > PROBES_FULL && !self.is_chance();
        TimeoutOutcome::Probe { count: if is_down { 1 } else { PROBES } }
    }

    /// Contents of the `count` oldest packets that are on their way and still matter, to be sent
    /// once more. When there are very many, the packets themselves are forgotten: who never
    /// acknowledges must not be remembered for all probes that he was sent.
    pub(crate) fn oldest(&mut self, count: u8, matters: impl Fn(&T) -> bool) -> Vec<T> {
        let count = usize::from(count);
        if self.flight.eliciting < CONTROL_MAX {
            let unacked = self.sent.iter().filter(|packet| packet.lost.is_none());
            let unacked = unacked.filter(|packet| matters(&packet.contents));
            return unacked.take(count).map(|packet| packet.contents.clone()).collect();
        }
        let mut contents = Vec::with_capacity(count);
        while contents.len() < count {
            let Some(packet) = self.sent.pop() else { break };
            if packet.lost.is_none() {
                self.flight.remove(&packet);
                contents.push(packet.contents);
            }
        }
        contents
    }

    /// Whether acknowledgements have been due for so long that the link may be down. Probe timeouts
    /// don't tell while a flow goes on: each packet puts them off.
    pub(crate) fn is_silent(&self, now: Time) -> bool {
        self.silence(now) > self.pto() * 2
    }

    /// What an answer takes, when nothing is lost.
    pub(crate) fn answer_time(&self) -> Duration {
        self.rtt.smoothed() + self.config.max_ack_delay
    }

    /// Probe timeout without back-off.
    pub(crate) fn pto(&self) -> Duration {
        self.rtt.probe_timeout(self.config.max_ack_delay)
    }

    pub(super) fn is_cut_off(&self) -> bool {
        self.answers_due() >= ANSWERS_DUE && self.silence(self.last_eliciting) > SILENCE_MAX
    }

    /// Answers to what is on its way, on average: packet and answer get through with the same
    /// chance, as far as anybody knows.
    fn answers_due(&self) -> f64 {
        let arriving = 1.0 - self.meter.steady_loss();
        self.flight.eliciting as f64 * arriving * arriving
    }

    /// Since when nothing has been acknowledged although something could have been.
    pub(crate) fn unanswered_since(&self) -> Option<Time> {
        let awaited = |packet: &&SentPacket<T>| packet.lost.is_none() && !packet.is_length_probe;
        let first = self.sent.iter().find(awaited)?;
        Some(first.sent.max(self.last_acked))
    }

    /// Whether a silence is chance, most likely, on a path that loses as much as this one: then
    /// probes go on as they began.
    pub(super) fn is_chance(&self) -> bool {
        self.meter.steady_loss() >= MUCH && self.answers_due() < ANSWERS_PROBED
    }

    fn silence(&self, now: Time) -> Duration {
        self.unanswered_since().map_or(Duration::ZERO, |since| now.saturating_since(since))
    }

    fn backed_off(&self) -> Duration {
        let pto = self.pto();
        let doubled = pto.saturating_mul(1 << self.probe_count.min(16));
        let is_long =
            self.silent_since.is_some_and(|since| self.last_eliciting >= since + EAGER_SPAN)
                || !self.has_data;
        let most = match is_long {
            true => PROBE_TIMEOUT_MAX,
            false if self.is_chance() => pto.min(self.rtt.smoothed() + EAGER_PAUSE),
            false => self.rtt.smoothed() + EAGER_PAUSE,
        };
        // The first one waits for as long as it takes; a path slower than the bound keeps its own
        // pace.
        if self.probe_count == 0 { pto } else { doubled.min(most.max(self.rtt.smoothed())) }
    }
}
