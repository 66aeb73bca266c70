//! Which packets are lost (RFC 9002 section 6.1).

use rtm_wire::{PacketNumber, Time};

use super::congestion::{LostPackets, initial_window};
use super::loss_meter::LostPacket;
use super::sent::SentPacket;
use super::{Lost, Recovery};

/// Probe timeouts without any acknowledgement that mean persistent congestion (section 7.6.1).
const PERSISTENT: u32 = 3;

impl<T: Clone + Default> Recovery<T> {
    /// Declares packets lost that are too far, or too long, behind one that has arrived
    /// (section 6.1).
    pub(super) fn detect_loss(&mut self, now: Time) -> Lost<T> {
        let mut lost = Vec::new();
        self.loss_time = None;
        let Some(largest) = self.largest_acked else { return lost };
        if self.is_stream {
            lost = self.detect_refused(now);
            self.forget_lost(now);
            return lost;
        }
        let delay = self.rtt.loss_delay(self.time_threshold);
        let is_app_limited = self.is_app_limited();
        let (mut is_one_run, mut previous) = (true, None);
        let (mut found, mut follows_loss) = (Vec::new(), false);
        for (number, packet) in self.sent.iter_mut() {
            if number >= largest {
                break;
            }
            let Some(packet) = packet else {
                follows_loss = false;
                continue;
            };
            if packet.lost.is_some() {
                follows_loss = true;
                continue;
            }
            let is_behind = largest.0 - number.0 >= self.packet_threshold;
            let due = packet.sent + delay;
            if !is_behind && due > now {
                self.loss_time = Some(self.loss_time.map_or(due, |time| time.min(due)));
                continue;
            }
            packet.lost = Some(now);
            self.flight.remove(packet);
            lost.push(packet.contents.clone());
            if !packet.counts() {
                continue;
            }
            is_one_run &= previous.is_none_or(|p: PacketNumber| p.0 + 1 == number.0);
            previous = Some(number);
            found.push(LostPacket { sent: packet.sent, gap: packet.gap, follows_loss });
            follows_loss = true;
        }
        if let (Some(first), Some(last)) = (found.first(), found.last()) {
            let (first, last_sent) = (first.sent, last.sent);
            self.meter.on_lost(&found, self.queue.stands());
            let count = found.len() as u64;
            self.congestion.on_loss(now, LostPackets { count, last_sent, is_app_limited });
            let first_window = initial_window(self.config.datagram_len as u64);
            let stands = self.queue.stands();
            let step = self.resume.on_lost(count, last_sent, stands, first_window);
            self.follow(step);
            let span = last_sent.saturating_since(first);
            if is_one_run && self.rtt.has_sample() && span >= self.pto() * PERSISTENT {
                self.congestion.on_persistent_congestion();
            }
        }
        self.forget_lost(now);
        lost
    }

    /// On a stream, order tells: what came before an acknowledged packet and isn't acknowledged has
    /// arrived and was refused, by a peer that had no room for it, or took it for a repetition.
    fn detect_refused(&mut self, now: Time) -> Lost<T> {
        let mut refused = Vec::new();
        let Some(largest) = self.largest_on_path else { return refused };
        for (number, packet) in self.sent.iter_mut() {
            if number >= largest {
                break;
            }
            let is_refused = |packet: &&mut SentPacket<T>| {
                packet.lost.is_none() && packet.sent >= self.path_since
            };
            let Some(packet) = packet.filter(is_refused) else { continue };
            packet.lost = Some(now);
            self.flight.remove(packet);
            refused.push(packet.contents.clone());
        }
        refused
    }

    /// Of packets lost long ago no acknowledgement comes any more.
    fn forget_lost(&mut self, now: Time) {
        let keep = self.pto() * 2;
        self.sent.forget_lost(now - keep);
    }
}
