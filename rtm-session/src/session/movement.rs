//! A session takes another path.

use std::time::Duration;

use bytes::Bytes;
use rtm_wire::{PacketNumber, PathResponse, Time};

use super::Session;
use super::aside::is_asking;
use super::contents::Sent;
use super::path::Path;
use crate::remote::{Remote, StreamId};

/// Packets that tell the server of a new address: one may be lost.
const MOVE_PACKETS: u8 = 2;
/// Probe timeouts that a new address has for its proof (RFC 9000 section 8.2.4).
const PROOF_PTOS: u32 = 3;
/// The least that such a timeout is taken for: the new way may be longer.
const PROOF_PTO_MIN: Duration = Duration::from_secs(1);

impl Session {
    /// A client may be elsewhere: its newest packet tells, unless it only asks.
    ///
    /// A server has the address that its client knows it by: what comes from elsewhere was sent on
    /// by somebody who would like to be in between (RFC 9000 section 9.6).
    pub(super) fn notice_remote(
        &mut self,
        now: Time,
        from: Remote,
        number: PacketNumber,
        packet: &Bytes,
    ) {
        let former = self.path.remote();
        let is_newest = self.received.largest().is_none_or(|largest| number > largest);
        let has_moved = from != former || self.path.is_gone();
        if !(self.follows_peer && has_moved && is_newest) || is_asking(packet) {
            return;
        }
        self.change_way(now, former, from);
        let challenge = self.generator.next_u64().to_be_bytes();
        let patience = self.recovery.pto().max(PROOF_PTO_MIN) * PROOF_PTOS;
        self.path.move_to(from, challenge, now + patience);
    }

    /// Client: this end seems to be elsewhere. Two packets tell the server, with what has waited
    /// longest: it may have been lost on the way that is no more.
    pub(crate) fn on_local_address_changed(&mut self, now: Time) {
        if !self.is_open() {
            return;
        }
        if let Some(fallback) = &mut self.fallback {
            fallback.on_local_address_changed(now);
        }
        if self.path.is_stream() {
            // Whether it still works shows sooner.
            self.ping = true;
        } else {
            self.on_new_path(now);
            self.on_probe_timeout(now, MOVE_PACKETS);
        }
        self.tend(now);
    }

    /// The way to the peer is another one, and so is its length.
    pub(super) fn on_new_path(&mut self, now: Time) {
        self.mtu.restart();
        self.apply_length();
        self.recovery.on_new_path(now);
    }

    /// Client: from now on everything goes there.
    pub(super) fn go_to(&mut self, now: Time, remote: Remote) {
        let former = self.path.remote();
        self.path = Path::proved(remote);
        self.asides.forget_challenges(remote);
        self.change_way(now, former, remote);
        self.on_probe_timeout(now, MOVE_PACKETS);
    }

    /// The proof of the present address has not come: back to where the peer was.
    pub(super) fn go_back(&mut self, now: Time) {
        let former = self.path.remote();
        self.path.go_back();
        self.change_way(now, former, self.path.remote());
    }

    /// A stream has ended, perhaps the one that we are on.
    pub(crate) fn on_stream_closed(&mut self, now: Time, stream: StreamId) {
        let (former, was_good) = (self.path.remote(), self.recovery.has_path_answered());
        self.path.on_stream_closed(stream);
        self.change_way(now, former, self.path.remote());
        if let Some(fallback) = &mut self.fallback {
            fallback.on_stream_closed(now, stream, was_good);
        }
        self.tend(now);
    }

    /// What another path means for what is under way.
    fn change_way(&mut self, now: Time, former: Remote, present: Remote) {
        let is_stream_in_it = former.is_stream() || present.is_stream();
        if present == former || !is_stream_in_it && former.addr().ip() == present.addr().ip() {
            // Another port is most often the same way through another hole of a NAT.
            return;
        }
        self.on_new_path(now);
        if is_stream_in_it {
            self.recovery.set_stream(present.is_stream());
            self.send_again(now);
        }
    }

    /// What was on its way over a stream, or before one, may never arrive, and no timer tells.
    fn send_again(&mut self, now: Time) {
        for contents in self.recovery.abandon(now) {
            for frame in contents.frames {
                match frame {
                    Sent::Chunk(chunk) => {
                        self.send.on_lost(chunk, contents.is_overdue);
                    }
                    other => self.repeat(other),
                }
            }
        }
    }

    pub(super) fn on_path_response(&mut self, now: Time, response: PathResponse) {
        self.path.on_response(response);
        if let Some(fallback) = &mut self.fallback {
            fallback.on_response(response);
            self.tend(now);
        }
    }
}
