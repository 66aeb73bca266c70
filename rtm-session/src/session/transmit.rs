//! A packet goes out.

use std::ops::Range;

use bytes::BufMut;
use rtm_wire::{
    Ack, AckRanges, Close, DataHeader, Encode, Frame, PathChallenge, Ping, Time, TruncatedNumber,
};

use super::contents::Sent;
use super::state::State;
use super::{Contents, PATH, Session};
use crate::crypto::TAG_LEN;
use crate::redundancy::{Plan, Rider};
use crate::remote::Remote;

/// A packet shorter than this isn't worth sending to an address that isn't proved: header, tag,
/// challenge, and an acknowledgement of one range. Three times a peer's shortest packet allows it.
const PACKET_MIN: usize = 80;
/// Frame header, path, delay and largest number of an acknowledgement, at most.
const ACK_HEAD_MAX: usize = 24;
/// A range of an acknowledgement, at most.
const ACK_RANGE_MAX: usize = 16;
/// What a small message takes besides its own bytes: headers of frame and packet, the tag, an
/// acknowledgement.
const OVERHEAD: usize = 60;
/// What a packet only of copies takes besides them: they pay for it.
const PACKET_OVERHEAD: usize = 40;

/// What goes into a packet besides what has to.
#[derive(Clone, Copy, Debug)]
struct Filling {
    /// It goes out for its copies, if for nothing else.
    echoes: bool,
    /// Only messages more urgent than this class, beyond the window.
    express: Option<u8>,
}

impl Session {
    /// Writes the next packet to the empty `datagram`, and says where it goes.
    pub(crate) fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        let has_written = match self.state {
            State::Open => {
                if let Some(aside) = self.transmit_aside(now, datagram) {
                    return Some(aside);
                }
                self.transmit_open(now, datagram)
            }
            State::Closing { .. } => self.transmit_close(now, datagram),
            State::Unproved { .. } | State::Ended => false,
        };
        has_written.then(|| self.remote())
    }

    fn transmit_open(&mut self, now: Time, datagram: &mut Vec<u8>) -> bool {
        if !self.may_address_peer() || self.keys.is_exhausted() {
            return false;
        }
        self.send.expire(now);
        self.note_overdue(now);
        // It may have been lost, and probe timeouts may not pass while other packets are answered.
        if now >= self.challenged + self.recovery.pto() {
            self.path.repeat_challenge();
        }
        if self.mtu.is_pressing() && self.transmit_length_probe(now, datagram) {
            return true;
        }
        // What is to find out whether anything passes must not be too long for it.
        let is_short = self.probes > 0 || self.recovery.is_silent(now);
        self.packet_max = if is_short { self.mtu.base() } else { self.mtu.len() };
        let may_send_control = self.probes > 0 || self.recovery.may_send_control();
        let has_control = may_send_control && self.has_control();
        let may_send_data = self.probes > 0 || self.recovery.may_send(now, self.mtu.len());
        let echoes = {
            let lanes = &self.send;
            let may_echo = may_send_data && !self.path.is_stream();
            may_echo && self.redundancy.is_due(now, |rider| lanes.is_current(rider))
        };
        let express = self.express.below(may_send_data, self.send.urgency());
        let has_data = (may_send_data && (self.send.has_work() || echoes)) || express.is_some();
        if !(has_control || has_data || self.ack_due_now || self.received.is_ack_due()) {
            self.recovery.on_backlog(now, self.send.has_work());
            return self.transmit_length_probe(now, datagram);
        }
        self.begin(datagram);
        let header_len = datagram.len();
        let mut contents = Contents::default();
        // First, since an address that isn't proved may get very little.
        let mut eliciting = may_send_control && self.write_path(now, datagram);
        self.write_ack(now, datagram, &mut contents);
        eliciting |= may_send_control && self.write_control(now, datagram, &mut contents);
        if may_send_data || express.is_some() {
            let mode = Filling { echoes, express };
            eliciting |= self.write_messages(now, datagram, &mut contents, mode);
        }
        // A probe that asks for nothing would be answered by nothing, and stay due for ever.
        if (self.ping || self.probes > 0) && may_send_control && !eliciting {
            Ping.encode(datagram);
            eliciting = true;
        }
        if datagram.len() == header_len {
            datagram.clear();
            return false;
        }
        if eliciting {
            self.ping = false;
            self.probes = self.probes.saturating_sub(1);
            self.last_eliciting = now;
        }
        self.finish(header_len, datagram);
        self.express.on_sent(datagram.len(), express.is_some());
        contents.bytes = datagram.len();
        self.recovery.on_packet_sent(now, self.next_number, datagram.len(), eliciting, contents);
        self.advance_number();
        true
    }

    /// The present number is used.
    pub(super) fn advance_number(&mut self) {
        self.next_number = self.next_number.next();
        if self.recovery.skips(self.next_number, || self.generator.next_u64()) {
            self.next_number = self.next_number.next();
        }
    }

    /// Whether something has to go out that isn't a message.
    fn has_control(&self) -> bool {
        self.ping
            || self.probes > 0
            || self.asides.has_response(self.path.remote())
            || self.path.wants_challenge()
            || self.receive.has_grants()
            || self.tickets.has_due()
    }

    fn transmit_close(&mut self, now: Time, datagram: &mut Vec<u8>) -> bool {
        let pause = self.close_pause();
        let may_send = self.may_address_peer();
        let State::Closing { code, ref reason, ref mut copies_left, ref mut next_copy, .. } =
            self.state
        else {
            return false;
        };
        if *copies_left == 0 || now < *next_copy || !may_send {
            return false;
        }
        *copies_left -= 1;
        *next_copy = now + pause;
        let reason = reason.clone();
        self.packet_max = self.mtu.base();
        self.begin(datagram);
        let header_len = datagram.len();
        if !self.write(datagram, &Close { code, reason: &reason }.into()) {
            Close { code, reason: "" }.encode(datagram);
        }
        self.finish(header_len, datagram);
        self.next_number = self.next_number.next();
        true
    }

    /// A packet has come while we are closing: the peer doesn't know yet.
    pub(super) fn answer_while_closing(&mut self, now: Time) {
        if let State::Closing { copies_left, next_copy, .. } = &mut self.state {
            if *copies_left == 0 && now >= *next_copy {
                *copies_left = 1;
            }
        }
    }

    pub(super) fn begin(&mut self, datagram: &mut Vec<u8>) {
        if self.keys.wants_update() {
            self.keys.initiate_update();
        }
        let header = DataHeader {
            key_phase: self.keys.phase(),
            destination: self.remote_cid,
            path: PATH,
            number: TruncatedNumber::new(self.next_number, self.largest_acked),
        };
        datagram.clear();
        header.encode(datagram);
    }

    /// Seals a packet on the present path.
    pub(super) fn finish(&mut self, header_len: usize, datagram: &mut Vec<u8>) {
        self.seal(header_len, datagram);
        self.path.on_sent(datagram.len());
    }

    pub(super) fn seal(&mut self, header_len: usize, datagram: &mut Vec<u8>) {
        let (header, body) = datagram.split_at_mut(header_len);
        let tag = self.keys.seal(PATH, self.next_number, header, body);
        datagram.put_slice(&tag);
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += datagram.len() as u64;
    }

    /// Whether a packet worth sending may go to where the peer seems to be.
    pub(super) fn may_address_peer(&self) -> bool {
        self.path.allowance() >= PACKET_MIN
    }

    /// Bytes that are left for frames.
    fn room(&self, datagram: &[u8]) -> usize {
        let most = self.packet_max.min(self.path.allowance());
        most.saturating_sub(datagram.len() + TAG_LEN)
    }

    /// Every packet carries what has arrived since the last, which costs a few bytes and often
    /// saves a packet.
    fn write_ack(&mut self, now: Time, datagram: &mut Vec<u8>, contents: &mut Contents) {
        self.ack_due_now = false;
        let ranges_max = self.room(datagram).saturating_sub(ACK_HEAD_MAX) / ACK_RANGE_MAX;
        if ranges_max == 0 {
            return;
        }
        if let Some((ranges, delay)) = self.received.take_ack(now) {
            let ranges = ranges.take(ranges_max);
            let mut encoded = Vec::with_capacity(64);
            let ranges = AckRanges::encode(ranges, &mut encoded);
            Ack::new(PATH, delay, ranges).encode(datagram);
            contents.frames.push(Sent::Ack(ranges.largest()));
        }
    }

    /// Writes what proves addresses; whether anything was written.
    fn write_path(&mut self, now: Time, datagram: &mut Vec<u8>) -> bool {
        let mut wrote = false;
        for response in self.asides.take_responses(self.path.remote()) {
            wrote |= self.write(datagram, &response.into());
        }
        if let Some(challenge) = self.path.take_challenge() {
            self.challenged = now;
            wrote |= self.write(datagram, &PathChallenge(challenge).into());
        }
        wrote
    }

    /// Writes credit and ends of lanes; whether anything was written.
    fn write_control(
        &mut self,
        now: Time,
        datagram: &mut Vec<u8>,
        contents: &mut Contents,
    ) -> bool {
        let mut wrote = false;
        if !self.path.is_stream() {
            let patience = self.recovery.answer_time();
            while let Some(lane) = self.grants.next_overdue(now, patience) {
                if !self.receive.on_grant_lost(lane) {
                    self.grants.forget(lane);
                }
            }
        }
        while let Some(credit) = self.receive.next_grant() {
            if !self.write(datagram, &credit.into()) {
                self.receive.on_grant_lost(credit.lane);
                return wrote;
            }
            contents.frames.push(Sent::Credit(credit.lane));
            self.grants.on_sent(now, credit.lane);
            wrote = true;
        }
        while let Some(close) = self.send.next_close() {
            if !self.write(datagram, &close.into()) {
                self.send.on_close_lost(close.lane);
                return wrote;
            }
            contents.frames.push(Sent::LaneClose(close.lane));
            wrote = true;
        }
        if let Some(ticket) = self.tickets.due() {
            if self.write(datagram, &ticket.into()) {
                contents.frames.push(Sent::Ticket(ticket.number));
                self.tickets.on_sent();
                wrote = true;
            }
        }
        wrote
    }

    fn write(&self, datagram: &mut Vec<u8>, frame: &Frame<'_>) -> bool {
        let fits = frame.encoded_len() <= self.room(datagram);
        if fits {
            frame.encode(datagram);
        }
        fits
    }

    fn write_messages(
        &mut self,
        now: Time,
        datagram: &mut Vec<u8>,
        contents: &mut Contents,
        filling: Filling,
    ) -> bool {
        let Filling { echoes, express } = filling;
        let before = contents.frames.len();
        while let Some(skip) = self.send.next_skip() {
            if !self.write(datagram, &skip.into()) {
                break;
            }
            contents.frames.push(Sent::Skip(self.send.on_skip_sent(&skip)));
        }
        // Parts of a message that was begun have to fit packets that are short again.
        let len = self.mtu.len().min(self.mtu.base() * 3 / 2);
        let is_stream = self.path.is_stream();
        let plan = match is_stream {
            true => Plan { keep_whole: false, parity: None, below: express },
            false => Plan { below: express, ..self.redundancy.plan(len) },
        };
        let mut has_parity = false;
        loop {
            let room = self.room(datagram);
            let write = |frame: Frame<'_>| frame.encode(datagram);
            let Some(written) = self.send.next_frame(now, room, plan, write) else { break };
            let Some(chunk) = written.chunk else {
                has_parity = true;
                self.stats.parity_sent += 1;
                continue;
            };
            let Range { start, end } = chunk.range;
            if let (true, false, Some(rider)) = (written.is_fresh, is_stream, written.rider) {
                self.redundancy.on_fresh(now, (end - start) as usize, rider.policy);
            }
            if written.is_fresh {
                self.recovery.on_message_bytes(now, (end - start) as usize + OVERHEAD);
            }
            self.note_copy(written.rider);
            contents.frames.push(Sent::Chunk(chunk));
        }
        let is_of_copies = contents.frames.len() == before && !has_parity;
        if !is_stream && express.is_none() && (echoes || contents.frames.len() > before) {
            self.write_copies(now, datagram, contents);
        }
        let wrote = has_parity || contents.frames.len() > before;
        if wrote && !is_stream {
            self.redundancy.on_packet(now);
            if is_of_copies {
                self.redundancy.pay(now, PACKET_OVERHEAD);
            }
        }
        wrote
    }

    /// Fills the rest of a packet with messages that may be missing at the peer.
    fn write_copies(&mut self, now: Time, datagram: &mut Vec<u8>, contents: &mut Contents) {
        let mut oldest = if self.recovery.is_silent(now) { self.send.oldest() } else { None };
        loop {
            let lanes = &self.send;
            let rider = match oldest.take().filter(|rider| self.redundancy.may_copy(now, rider)) {
                Some(oldest) => Some(oldest),
                None => self.redundancy.next(now, |rider| lanes.is_current(rider)),
            };
            let Some(rider) = rider else { return };
            let (room, before) = (self.room(datagram), datagram.len());
            let write = |frame: Frame<'_>| frame.encode(datagram);
            let Some(written) = self.send.copy(now, &rider, room, write) else {
                return self.redundancy.put_back(rider);
            };
            let length = datagram.len() - before;
            self.redundancy.pay(now, length);
            self.recovery.on_message_bytes(now, length);
            self.stats.copies_sent += 1;
            self.stats.copies_bytes += length as u64;
            self.note_copy(written.rider);
            contents.frames.extend(written.chunk.map(Sent::Chunk));
        }
    }

    /// Messages whose acknowledgement is overdue may be missing, whatever copies they have.
    fn note_overdue(&mut self, now: Time) {
        let Self { recovery, send, redundancy, .. } = self;
        recovery.overdue(now, |contents| {
            contents.is_overdue = true;
            for frame in &contents.frames {
                let Sent::Chunk(chunk) = frame else { continue };
                if let Some(rider) = send.on_overdue(chunk) {
                    redundancy.on_copy(rider, |rider| send.is_current(rider));
                }
            }
        });
    }

    /// A copy of a message is under way, or one less.
    pub(super) fn note_copy(&mut self, rider: Option<Rider>) {
        let Some(rider) = rider.filter(|_| !self.path.is_stream()) else { return };
        let lanes = &self.send;
        self.redundancy.on_copy(rider, |rider| lanes.is_current(rider));
    }
}
