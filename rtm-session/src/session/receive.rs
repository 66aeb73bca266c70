//! A packet arrives.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_wire::{Ack, DataHeader, Encode, Frame, Frames, Time};

use super::state::State;
use super::{Contents, PATH, Session};
use crate::error::{CloseCause, Violation};
use crate::event::Event;
use crate::lane::Received;
use crate::recovery::Lost;
use crate::redundancy::Circumstances;
use crate::remote::Remote;
use crate::session::contents::Sent;

/// Pause between pings while there is no room for the peer's messages.
const FULL_PING: Duration = Duration::from_secs(1);

impl Session {
    /// Takes a data packet addressed to this session. Whether it was authentic and new.
    pub(crate) fn handle_packet(
        &mut self,
        now: Time,
        from: Remote,
        header: DataHeader,
        mut datagram: BytesMut,
        events: &mut VecDeque<Event>,
    ) -> bool {
        let length = datagram.len();
        let header_len = header.encoded_len();
        let number = header.number.expand(self.received.largest());
        if header.path != PATH || !self.received.is_fresh(number) {
            self.stats.packets_dropped += 1;
            return false;
        }
        let (head, sealed) = datagram.split_at_mut(header_len);
        let opened = self.keys.open(now, header.key_phase, PATH, number, head, sealed);
        let Ok(plain_len) = opened else {
            self.stats.packets_dropped += 1;
            return false;
        };
        self.stats.packets_received += 1;
        self.stats.bytes_received += length as u64;
        self.last_received = now;
        self.end_silence(events);
        if self.is_unproved() {
            self.state = State::Open;
            self.path.begin(from, self.generator.next_u64().to_be_bytes());
            // The first flight may have come by another kind of path.
            self.recovery.set_stream(self.path.is_stream());
            // The answer has gone there and this has come back: longer than a round trip if one
            // of them was lost, but nearer to it than a guess for any network.
            self.recovery.on_first_round_trip(now.saturating_since(self.began));
        }
        let packet = datagram.freeze().slice(header_len..header_len + plain_len);
        self.notice_remote(now, from, number, &packet);
        if from == self.path.remote() {
            self.path.on_received(length);
        }
        let eliciting = if self.is_open() {
            match self.handle_frames(now, from, &packet, events) {
                Ok(Some(eliciting)) => eliciting,
                Ok(None) => {
                    self.stats.packets_dropped += 1;
                    // The peer must not take us for gone while nothing is acknowledged.
                    self.ping |= now >= self.last_eliciting + FULL_PING;
                    return true;
                }
                Err(violation) => {
                    self.violate(now, violation, events);
                    return true;
                }
            }
        } else {
            self.answer_while_closing(now);
            false
        };
        self.received.on_packet(now, number, eliciting);
        true
    }

    /// Whether the packet asks for an acknowledgement; `None` if it is not to be acknowledged, as
    /// there was no room for its messages. Its other frames have counted, and may count again.
    fn handle_frames(
        &mut self,
        now: Time,
        from: Remote,
        packet: &Bytes,
        events: &mut VecDeque<Event>,
    ) -> Result<Option<bool>, Violation> {
        let (mut eliciting, mut is_refused) = (false, false);
        let mut received = std::mem::take(&mut self.scratch);
        // Once, since many lanes take a while to ask, and a packet holds little.
        let is_full = self.receive.is_full();
        for frame in Frames::new(packet) {
            let frame = frame?;
            eliciting |= !matches!(frame, Frame::Padding(_) | Frame::Ack(_) | Frame::Close(_));
            match frame {
                Frame::Message(_) | Frame::Parity(_) if is_full => is_refused = true,
                Frame::Message(message) => {
                    self.receive.on_message(now, packet, &message, &mut received)?;
                }
                Frame::Parity(parity) => self.receive.on_parity(now, &parity, &mut received)?,
                Frame::Ack(ack) => self.handle_ack(now, &ack, events)?,
                Frame::LaneCredit(credit) => {
                    if !self.send.has_had(credit.lane) {
                        return Err(Violation::Lane);
                    }
                    self.send.on_credit(credit.lane, credit.limit);
                }
                Frame::LaneClose(close) => self.receive.on_close(&close, &mut received)?,
                Frame::Skip(skip) => self.receive.on_skip(now, &skip, &mut received)?,
                Frame::Close(close) => {
                    let (code, reason) = (close.code, close.reason.to_owned());
                    self.hand_over(&mut received, events);
                    self.end(CloseCause::Peer { code, reason }, events);
                    break;
                }
                Frame::PathChallenge(challenge) => self.answer_challenge(from, challenge),
                Frame::Ticket(ticket) => self.handle_ticket(now, &ticket, events),
                Frame::PathResponse(response) => self.on_path_response(now, response),
                // Spare ids are not used by this version, unknown frames are skipped.
                _ => {}
            }
        }
        self.hand_over(&mut received, events);
        self.scratch = received;
        Ok((!is_refused).then_some(eliciting))
    }

    fn hand_over(&mut self, received: &mut Vec<Received>, events: &mut VecDeque<Event>) {
        let session = self.id;
        for received in received.drain(..) {
            events.push_back(match received {
                Received::Message { lane, payload, until } => {
                    self.stats.messages_received += 1;
                    Event::Message { session, lane, payload, until }
                }
                Received::Ended { lane } => Event::LaneClosed { session, lane },
            });
        }
    }

    fn handle_ack(
        &mut self,
        now: Time,
        ack: &Ack<'_>,
        events: &mut VecDeque<Event>,
    ) -> Result<(), Violation> {
        if ack.path != PATH {
            return Ok(());
        }
        let outcome = self
            .recovery
            .on_ack(now, ack.ranges.iter(), ack.delay())
            .map_err(|_| Violation::Ack)?;
        let largest = ack.ranges.largest();
        self.largest_acked = self.largest_acked.max(Some(largest));
        self.keys.on_acked(largest);
        for contents in outcome.acked {
            self.on_acked(now, contents);
        }
        self.on_lost(now, outcome.lost);
        self.redundancy.update(now, self.recovery.circumstances());
        self.tell_of_room(events);
        Ok(())
    }

    /// Lanes that refused messages may have room again.
    pub(super) fn tell_of_room(&mut self, events: &mut VecDeque<Event>) {
        let session = self.id;
        while let Some(lane) = self.send.poll_writable() {
            events.push_back(Event::Writable { session, lane });
        }
    }

    fn on_acked(&mut self, now: Time, contents: Contents) {
        match contents.length_probe {
            Some(number) => self.mtu.on_probe_acked(now, number),
            None => self.mtu.on_acked(contents.bytes),
        }
        for frame in contents.frames {
            match frame {
                Sent::Chunk(chunk) => self.send.on_acked(chunk),
                Sent::Skip(skip) => self.send.on_skip_acked(&skip),
                Sent::LaneClose(lane) => self.send.on_close_acked(lane),
                Sent::Ticket(number) => self.tickets.on_acked(number),
                Sent::Ack(largest) => self.received.forget_up_to(largest),
                Sent::Credit(lane) => self.grants.forget(lane),
            }
        }
    }

    pub(super) fn on_lost(&mut self, now: Time, lost: Lost<Contents>) {
        let Circumstances { loss, loss_after_loss, .. } = self.recovery.circumstances();
        for contents in lost {
            if let Some(number) = contents.length_probe {
                self.mtu.on_probe_lost(now, number, loss);
                continue;
            }
            self.mtu.on_lost(now, contents.bytes, loss.max(loss_after_loss));
            self.stats.packets_lost += 1;
            for frame in contents.frames {
                if let Sent::Chunk(chunk) = frame {
                    let rider = self.send.on_lost(chunk, contents.is_overdue);
                    self.note_copy(rider);
                } else {
                    self.repeat(frame);
                }
            }
        }
        self.apply_length();
    }

    /// Has a frame sent again if it still matters.
    pub(super) fn repeat(&mut self, frame: Sent) {
        match frame {
            Sent::Chunk(chunk) => self.send.repeat(chunk),
            Sent::Credit(lane) => drop(self.receive.on_grant_lost(lane)),
            Sent::Skip(skip) => self.send.on_skip_lost(&skip),
            Sent::LaneClose(lane) => self.send.on_close_lost(lane),
            Sent::Ticket(number) => self.tickets.on_lost(number),
            Sent::Ack(_) => {}
        }
    }
}
