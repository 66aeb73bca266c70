//! Sessions against a peer that has the keys and does what it likes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_wire::{
    Ack, AckRanges, Cipher, ConnectionId, DataHeader, Encode, LaneId, Packet, PacketNumber,
    PathChallenge, Ping, Time, TransportParams, TruncatedNumber,
};

use super::*;
use crate::crypto::{Role, Seed, TAG_LEN, TrafficSecrets};

const PEER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 1);

/// A server's session and the hostile client behind it.
struct Duel {
    session: Session,
    now: Time,
    keys: PacketKeys,
    next: u64,
    /// The largest number that the session has used.
    seen: Option<PacketNumber>,
    events: VecDeque<Event>,
}

impl Duel {
    fn new() -> Self {
        let secrets = || TrafficSecrets { client_to_server: [1; 32], server_to_client: [2; 32] };
        let keys = |role| {
            PacketKeys::new(Cipher::ChaCha20Poly1305, &secrets(), role, 1 << 22).expect("known")
        };
        let parts = Parts {
            id: SessionId(1),
            remote: PEER,
            local_cid: ConnectionId([1; 8]),
            remote_cid: ConnectionId([2; 8]),
            keys: keys(Role::Server),
            peer: TransportParams::default(),
            reset_token: None,
            rtt: None,
            generator: Generator::new(Seed::from_bytes([3; 32])),
            proof_due: Some(Time::ZERO + Duration::from_secs(10)),
        };
        let session = Session::new(Time::ZERO, &Config::server(), parts);
        let events = VecDeque::new();
        Self { session, now: Time::ZERO, keys: keys(Role::Client), next: 0, seen: None, events }
    }

    /// Seals frames and hands them to the session.
    fn send(&mut self, frames: &[u8]) {
        let number = PacketNumber(self.next);
        self.next += 1;
        let header = DataHeader {
            key_phase: false,
            destination: ConnectionId([1; 8]),
            path: PATH,
            number: TruncatedNumber::new(number, None),
        };
        let (mut head, mut body) = (Vec::new(), frames.to_vec());
        header.encode(&mut head);
        let tag: [u8; TAG_LEN] = self.keys.seal(PATH, number, &head, &mut body);
        let datagram: BytesMut = head.iter().chain(&body).chain(&tag).copied().collect();
        self.session.handle_packet(self.now, PEER, header, datagram, &mut self.events);
    }

    fn ack(&mut self, range: RangeInclusive<PacketNumber>) {
        let mut encoded = Vec::new();
        let ranges = AckRanges::encode([range], &mut encoded);
        self.send(&frame(&Ack::new(PATH, Duration::ZERO, ranges)));
    }

    /// Lets time pass, and takes what the session sends: the numbers of its packets.
    fn run(&mut self, span: Duration) -> Vec<PacketNumber> {
        self.now += span;
        let (mut numbers, mut datagram) = (Vec::new(), Vec::new());
        if self.session.poll_timeout().is_some_and(|due| due <= self.now) {
            self.session.handle_timeout(self.now, &mut self.events);
        }
        while self.session.poll_transmit(self.now, &mut datagram) {
            let Ok(Packet::Data { header, .. }) = Packet::decode(&datagram) else {
                panic!("a data packet")
            };
            let number = header.number.expand(self.seen);
            self.seen = Some(number);
            numbers.push(number);
        }
        numbers
    }

    fn remembered(&self) -> usize {
        self.session.stats().packets_remembered
    }

    fn cause(&self) -> Option<&CloseCause> {
        self.events.iter().find_map(|event| match event {
            Event::Closed { cause, .. } => Some(cause),
            _ => None,
        })
    }
}

fn frame(frame: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    bytes
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn acknowledgements_that_nobody_answers_are_not_remembered() {
    let mut duel = Duel::new();
    let ping = frame(&Ping);
    duel.send(&frame(&PathChallenge([7; 8])));
    duel.run(MS);
    for _ in 0..20_000 {
        duel.send(&ping);
        duel.run(MS);
    }
    // The answer to the challenge, and probes for it.
    assert!(duel.session.stats().packets_sent > 9_000);
    assert!(duel.remembered() < 250, "{}", duel.remembered());
    assert_eq!(duel.cause(), None);
}

#[test]
fn a_peer_that_acknowledges_nothing_is_remembered_within_bounds() {
    let mut duel = Duel::new();
    let demand = frame(&PathChallenge([7; 8]));
    let mut most = 0;
    for _ in 0..60_000 {
        duel.send(&demand);
        duel.run(10 * MS);
        most = most.max(duel.remembered());
    }
    // As many as may be on their way, and two probes.
    assert!((2_048..=2_050).contains(&most), "{most} packets");
    assert_eq!(duel.cause(), None);

    duel.ack(duel.seen.expect("packets were sent")..=duel.seen.expect("packets were sent"));
    duel.run(100 * MS);
    assert!(duel.remembered() <= 2_050);
}

#[test]
fn a_peer_that_acknowledges_little_and_late_makes_nobody_remember_much() {
    let mut duel = Duel::new();
    let demands = frame(&PathChallenge([7; 8]));
    let mut most = 0;
    for round in 0..60_000 {
        duel.send(&demands);
        let sent = duel.run(MS);
        // One packet of a hundred, and the round-trip time looks like seconds.
        if let (Some(&number), true) = (sent.last(), round % 100 == 0) {
            duel.now += Duration::from_secs(5);
            duel.ack(number..=number);
        }
        most = most.max(duel.remembered());
    }
    assert!(most <= 20_000, "{most} packets");
}

#[test]
fn who_acknowledges_more_than_came_meets_a_number_that_was_never_used() {
    let mut duel = Duel::new();
    duel.send(&[]);
    let mut largest = PacketNumber(0);
    let mut sent = 0;
    for _ in 0..2_000 {
        let message = Bytes::from_static(&[1; 20]);
        if duel.session.send(duel.now, LaneId::CONTROL, message, SendOptions::new()).is_err() {
            break;
        }
        for number in duel.run(20 * MS) {
            (largest, sent) = (largest.max(number), sent + 1);
        }
        duel.ack(PacketNumber(0)..=largest);
    }
    assert_eq!(duel.cause(), Some(&CloseCause::Violation(Violation::Ack)));
    assert!(sent <= 129, "{sent} packets");
}
