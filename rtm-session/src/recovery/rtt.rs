//! Round-trip time (RFC 9002 section 5).

use std::time::Duration;

/// Timers are not finer than this (RFC 9002 section 6.1.2).
pub(super) const GRANULARITY: Duration = Duration::from_millis(1);

/// A probe timeout is no longer than this beyond two of the shortest round trips: one sample of a
/// process that slept must not make it wait as long again.
const TIMEOUT_SPARE: Duration = Duration::from_secs(2);

/// What is known of the time to the peer and back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rtt {
    latest: Duration,
    smoothed: Duration,
    variance: Duration,
    min: Duration,
    has_sample: bool,
}

impl Rtt {
    /// Before the first sample.
    pub(super) fn new(initial: Duration) -> Self {
        Self {
            latest: initial,
            smoothed: initial,
            variance: initial / 2,
            min: initial,
            has_sample: false,
        }
    }

    /// Takes a sample of which the peer claims to have waited `ack_delay` (cut to its maximum by
    /// the caller).
    pub(super) fn on_sample(&mut self, sample: Duration, ack_delay: Duration) {
        self.latest = sample;
        if !self.has_sample {
            self.has_sample = true;
            self.min = sample;
            self.smoothed = sample;
            self.variance = sample / 2;
            return;
        }
        self.min = self.min.min(sample);
        // A claim that would take the sample below the shortest is not believed.
        let adjusted = match sample.checked_sub(ack_delay) {
            Some(adjusted) if adjusted >= self.min => adjusted,
            _ => sample,
        };
        let deviation = self.smoothed.abs_diff(adjusted);
        self.variance = (self.variance * 3 + deviation) / 4;
        self.smoothed = (self.smoothed * 7 + adjusted) / 8;
    }

    /// The way is another one: what is known is a guess until the next sample.
    pub(super) fn restart(&mut self) {
        self.has_sample = false;
    }

    pub(super) fn smoothed(&self) -> Duration {
        self.smoothed
    }

    pub(super) fn has_sample(&self) -> bool {
        self.has_sample
    }

    /// Age at which a packet is lost when a later one has arrived (RFC 9002 section 6.1.2), with so
    /// many eighths of a round trip for reordering.
    pub(super) fn loss_delay(&self, eighths: u32) -> Duration {
        (self.latest.max(self.smoothed) * (8 + eighths) / 8).max(GRANULARITY)
    }

    /// Time to wait for an acknowledgement (RFC 9002 section 6.2.1).
    pub(super) fn probe_timeout(&self, max_ack_delay: Duration) -> Duration {
        let timeout = self.smoothed + (self.variance * 4).max(GRANULARITY) + max_ack_delay;
        timeout.min(self.min * 2 + TIMEOUT_SPARE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_first_sample_replaces_the_guess() {
        let mut rtt = Rtt::new(ms(333));
        rtt.on_sample(ms(40), ms(25));
        assert_eq!((rtt.smoothed(), rtt.probe_timeout(ms(0))), (ms(40), ms(120)));
    }

    #[test]
    fn on_another_way_the_first_sample_replaces_what_was_known() {
        let mut rtt = Rtt::new(ms(333));
        rtt.on_sample(ms(40), ms(0));
        rtt.restart();
        assert_eq!((rtt.smoothed(), rtt.has_sample()), (ms(40), false));
        rtt.on_sample(ms(90), ms(0));
        assert_eq!((rtt.smoothed(), rtt.probe_timeout(ms(0))), (ms(90), ms(270)));
    }

    #[test]
    fn later_samples_move_it_by_an_eighth_less_the_peers_delay() {
        let mut rtt = Rtt::new(ms(333));
        rtt.on_sample(ms(40), ms(0));
        rtt.on_sample(ms(90), ms(10));
        assert_eq!(rtt.smoothed(), ms(45));
        // Not below the shortest: the claim is not believed.
        rtt.on_sample(ms(45), ms(40));
        assert_eq!(rtt.smoothed(), ms(45));
    }

    #[test]
    fn loss_delay_is_nine_eighths_and_never_zero() {
        let mut rtt = Rtt::new(ms(333));
        rtt.on_sample(ms(80), ms(0));
        assert_eq!(rtt.loss_delay(1), ms(90));
        let mut near = Rtt::new(ms(333));
        near.on_sample(Duration::from_micros(80), ms(0));
        assert_eq!(near.loss_delay(1), GRANULARITY);
    }
}
