//! An acknowledgement arrives.

use std::ops::RangeInclusive;
use std::time::Duration;

use rtm_wire::{PacketNumber, Time};

use super::congestion::Acked;
use super::resume::Step;
use super::sent::SentPacket;
use super::{AckOutcome, NeverSent, Recovery, Remembered};

const PACKET_THRESHOLD_MAX: u64 = 64;
const TIME_THRESHOLD_MAX: u32 = 8;

impl<T: Clone + Default> Recovery<T> {
    /// Takes an acknowledgement, its ranges newest first.
    pub(crate) fn on_ack(
        &mut self,
        now: Time,
        ranges: impl Iterator<Item = RangeInclusive<PacketNumber>>,
        ack_delay: Duration,
    ) -> Result<AckOutcome<T>, NeverSent> {
        let mut outcome = AckOutcome { acked: Vec::new(), lost: Vec::new() };
        let mut newest = None;
        let mut is_largest = true;
        let is_app_limited = self.is_app_limited();
        for range in ranges {
            if range.end().0 >= self.sent.next() || self.skipped.meets(&range) {
                return Err(NeverSent);
            }
            // Only the largest packet gives a sample, and only when it is new (section 5.1).
            let sample = self.take_range(now, range, is_app_limited, &mut outcome.acked);
            newest = newest.or(sample.filter(|_| is_largest));
            is_largest = false;
        }
        if let Some(sent) = newest {
            let delay = ack_delay.min(self.config.max_ack_delay);
            let sample = now.saturating_since(sent);
            self.rtt.on_sample(sample, delay);
            self.congestion.on_rtt(now, sent, sample.saturating_sub(delay));
            self.queue.set_lossy(self.meter.is_lossy(), self.meter.is_thinning());
            self.queue.on_sample(now, sent, sample.saturating_sub(delay));
            let step = self.resume.on_rtt(now, sample, self.congestion.window());
            self.follow(step);
        }
        if !outcome.acked.is_empty() {
            self.probe_count = 0;
            self.last_acked = now;
            self.silent_since = None;
            outcome.lost = self.detect_loss(now);
        }
        if !is_app_limited && !self.is_stream && self.rtt.has_sample() {
            self.known = Some(Remembered { window: self.window(), rtt: self.rtt.smoothed() });
        }
        Ok(outcome)
    }

    /// Takes a range of acknowledged packets; when the largest was sent, if it is new.
    fn take_range(
        &mut self,
        now: Time,
        range: RangeInclusive<PacketNumber>,
        is_app_limited: bool,
        acked: &mut Vec<T>,
    ) -> Option<Time> {
        let (largest, path_since) = (*range.end(), self.path_since);
        let queue_stands = self.queue.stands();
        let (sent, congestion) = (&mut self.sent, &mut self.congestion);
        let (resume, flight) = (&mut self.resume, &mut self.flight);
        let (largest_on_path, heard_until) = (&mut self.largest_on_path, &mut self.heard_until);
        let (mut count, mut late, mut spurious, mut newest) = (0, None, 0, None);
        sent.take(range, |number, packet| {
            if packet.lost.is_some() {
                if packet.counts() {
                    late = late.max(Some(number));
                    spurious += 1;
                    congestion.on_spurious(packet.sent);
                }
            } else {
                flight.remove(&packet);
                if packet.counts() {
                    count += 1;
                    let SentPacket { sent, bytes, .. } = packet;
                    congestion.on_ack(now, Acked { bytes, sent, is_app_limited });
                    resume.on_acked(sent, bytes);
                }
            }
            *heard_until = (*heard_until).max(Some(packet.sent));
            if packet.sent >= path_since {
                if !packet.is_length_probe {
                    *largest_on_path = (*largest_on_path).max(Some(number));
                }
                if number == largest {
                    newest = Some(packet.sent);
                }
            }
            acked.push(packet.contents);
        });
        self.largest_acked = self.largest_acked.max(Some(largest));
        self.meter.on_acked(count, queue_stands);
        self.spurious += spurious;
        (0..spurious).for_each(|_| self.meter.on_spurious());
        self.learn_reordering(late);
        newest
    }

    /// The handshake has taken so long, at most a round trip and a wait; counts unless something
    /// better is known.
    pub(crate) fn on_first_round_trip(&mut self, sample: Duration) {
        if !self.rtt.has_sample() && sample < self.config.initial_rtt {
            self.rtt.on_sample(sample, Duration::ZERO);
        }
    }

    /// A packet that was declared lost has arrived after all: allow for more reordering.
    fn learn_reordering(&mut self, late: Option<PacketNumber>) {
        if let (Some(late), Some(largest)) = (late, self.largest_acked) {
            let distance = largest.0.saturating_sub(late.0) + 1;
            self.packet_threshold = self.packet_threshold.max(distance).min(PACKET_THRESHOLD_MAX);
            self.time_threshold = (self.time_threshold + 1).min(TIME_THRESHOLD_MAX);
        }
    }

    pub(super) fn follow(&mut self, step: Step) {
        match step {
            Step::Stay => {}
            Step::Jump(window) => self.congestion.jump(window),
            Step::Retreat(window) => self.congestion.retreat(window),
        }
    }
}
