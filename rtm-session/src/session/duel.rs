//! A session and a hostile peer with valid keys, for tests and fuzz targets.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_wire::{
    Ack, AckRanges, Cipher, ConnectionId, DataHeader, Encode, LaneId, Packet, PacketNumber, Time,
    TransportParams, TruncatedNumber,
};

use super::{PATH, Parts, Session, SessionStats};
use crate::config::Config;
use crate::crypto::{Generator, PacketKeys, Role, Seed, TAG_LEN, TrafficSecrets};
use crate::error::{CloseCause, SendError};
use crate::event::{Event, SessionId};
use crate::lane::{LaneSpec, SendOptions};

const PEER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 1);

/// One end's session, and whatever its peer does.
#[derive(Debug)]
pub struct Duel {
    pub(super) session: Session,
    pub(super) now: Time,
    keys: PacketKeys,
    next: u64,
    /// The largest number that the session has used.
    pub(super) seen: Option<PacketNumber>,
    events: VecDeque<Event>,
}

impl Duel {
    /// A server's session, with the default settings, and a hostile client.
    #[cfg(test)]
    pub(super) fn new() -> Self {
        Self::server(&Config::server(), TransportParams::default())
    }

    /// A server's session and a hostile client that allows so much.
    #[must_use]
    pub fn server(config: &Config, peer: TransportParams) -> Self {
        Self::of(Role::Server, config, peer)
    }

    /// A client's session and a hostile server that allows so much.
    #[must_use]
    pub fn client(config: &Config, peer: TransportParams) -> Self {
        Self::of(Role::Client, config, peer)
    }

    fn of(role: Role, config: &Config, peer: TransportParams) -> Self {
        let keys = |role| {
            let secrets = TrafficSecrets::of([1, 2]);
            PacketKeys::new(Cipher::ChaCha20Poly1305, &secrets, role, config.key_packets)
                .expect("a known cipher")
        };
        let (other, proof_due) = match role {
            Role::Server => (Role::Client, Some(Time::ZERO + Duration::from_secs(10))),
            Role::Client => (Role::Server, None),
        };
        let parts = Parts {
            id: SessionId(1),
            remote: PEER.into(),
            local_cid: ConnectionId([1; 8]),
            remote_cid: ConnectionId([2; 8]),
            keys: keys(role),
            peer,
            reset_token: None,
            rtt: None,
            loss: None,
            generator: Generator::new(Seed::from_bytes([3; 32])),
            proof_due,
            fallback: None,
            remembered: None,
        };
        let session = Session::new(Time::ZERO, config, parts);
        let (now, keys, events) = (Time::ZERO, keys(other), VecDeque::new());
        Self { session, now, keys, next: 0, seen: None, events }
    }

    /// Seals frames and hands them to the session.
    pub fn send(&mut self, frames: &[u8]) {
        self.send_from(PEER, frames);
    }

    /// The same from another address.
    pub fn send_from(&mut self, from: SocketAddr, frames: &[u8]) {
        let number = PacketNumber(self.next);
        self.next += 1;
        let header = DataHeader {
            key_phase: self.keys.phase(),
            destination: ConnectionId([1; 8]),
            path: PATH,
            number: TruncatedNumber::new(number, None),
        };
        let (mut head, mut body) = (Vec::new(), frames.to_vec());
        header.encode(&mut head);
        let tag: [u8; TAG_LEN] = self.keys.seal(PATH, number, &head, &mut body);
        let datagram: BytesMut = head.iter().chain(&body).chain(&tag).copied().collect();
        self.session.handle_packet(self.now, from.into(), header, datagram, &mut self.events);
    }

    /// Leaves packet numbers out: as if so many packets had been lost.
    pub fn lose(&mut self, packets: u8) {
        self.next += u64::from(packets);
    }

    /// Goes on with the next key, allowed or not.
    pub fn change_key(&mut self) {
        self.keys.initiate_update();
    }

    /// Acknowledges packets, whether they were sent or not.
    pub fn ack(&mut self, range: RangeInclusive<PacketNumber>) {
        let mut encoded = Vec::new();
        let ranges = AckRanges::encode([range], &mut encoded);
        self.send(&frame(&Ack::new(PATH, Duration::ZERO, ranges)));
    }

    /// Lets time pass, and takes what the session sends: the numbers of its packets.
    pub fn run(&mut self, span: Duration) -> Vec<PacketNumber> {
        self.now += span;
        let (mut numbers, mut datagram) = (Vec::new(), Vec::new());
        if self.session.poll_timeout().is_some_and(|due| due <= self.now) {
            self.session.handle_timeout(self.now, &mut self.events);
        }
        while self.session.poll_transmit(self.now, &mut datagram).is_some() {
            let Ok(Packet::Data { header, .. }) = Packet::decode(&datagram) else {
                panic!("a data packet")
            };
            let number = header.number.expand(self.seen);
            self.seen = Some(number);
            numbers.push(number);
        }
        numbers
    }

    /// The application of the session opens a lane.
    ///
    /// # Errors
    /// As of [`Endpoint::open_lane`](crate::Endpoint::open_lane).
    pub fn open_lane(&mut self, spec: LaneSpec) -> Result<LaneId, SendError> {
        self.session.open_lane(spec)
    }

    /// The application of the session sends a message.
    ///
    /// # Errors
    /// As of [`Endpoint::send`](crate::Endpoint::send).
    pub fn say(&mut self, lane: LaneId, message: Bytes) -> Result<(), SendError> {
        self.session.send(self.now, lane, message, SendOptions::new()).map(drop)
    }

    /// The application of the session has taken a message.
    pub fn release(&mut self, lane: LaneId, bytes: usize) {
        self.session.release(lane, bytes);
    }

    /// What the session has told its application.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// The largest packet number that the session has used.
    #[must_use]
    pub const fn largest_sent(&self) -> Option<PacketNumber> {
        self.seen
    }

    /// What can be seen of the session.
    #[must_use]
    pub fn stats(&self) -> SessionStats {
        self.session.stats()
    }

    /// Packets that the session remembers.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.session.stats().packets_remembered
    }

    /// Why the session has ended, if it has.
    #[must_use]
    pub fn cause(&self) -> Option<&CloseCause> {
        self.events.iter().find_map(|event| match event {
            Event::Closed { cause, .. } => Some(cause),
            _ => None,
        })
    }
}

/// A frame's bytes.
pub(super) fn frame(frame: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    bytes
}
