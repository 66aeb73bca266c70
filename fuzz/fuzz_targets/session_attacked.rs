//! Client and server, and somebody between them who has no keys: replays, mutates, cuts, reorders
//! and forges datagrams at every state. What the ends send each other arrives all the same.
#![no_main]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use rtm_session::{
    CloseCause, Config, Endpoint, Event, LoginAnswer, Remote, Seed, SessionId, StaticKey,
    StreamEvent, StreamId, Ticket,
};
use rtm_wire::{CloseCode, LaneId, Time};
use rtm_wire_fuzz::Input;

/// Time that an attacker has to play in: less than any end's patience.
const PLAY: Duration = Duration::from_secs(5);
/// Time in which all has to be well afterwards.
const HEAL: Duration = Duration::from_secs(30);

struct Side {
    endpoint: Endpoint,
    address: SocketAddr,
    session: Option<SessionId>,
    got: Vec<Bytes>,
    ticket: Option<Ticket>,
}

struct World {
    now: Time,
    /// Client, server.
    sides: [Side; 2],
    /// Datagrams on their way: to which side, from where, bytes.
    wire: VecDeque<(usize, SocketAddr, Vec<u8>)>,
    /// All that were ever sent.
    seen: Vec<(usize, Vec<u8>)>,
    said: [Vec<Bytes>; 2],
    is_closed: bool,
    /// Acknowledgements were held up for all packets that one of the short-lived keys is for: that
    /// ends a session, as it would without an attacker.
    has_spent_keys: bool,
}

impl World {
    fn new(config: Config) -> Self {
        let key = StaticKey::from_bytes([1; 32]);
        let side = |endpoint, host: u8| Side {
            endpoint,
            address: ([10, 0, 0, host], 1).into(),
            session: None,
            got: Vec::new(),
            ticket: None,
        };
        let client = Endpoint::client(Config::default(), Seed::from_bytes([2; 32]));
        let mut server = Endpoint::server(config, key, Seed::from_bytes([3; 32]));
        // The attacker has streams to the server as well.
        for number in 0..3 {
            let (stream, peer) = (StreamId(number), ([10, 6, 6, number as u8], 6).into());
            server.handle_stream(Time::ZERO, StreamEvent::Opened { stream, peer });
        }
        Self {
            now: Time::ZERO,
            sides: [side(client, 1), side(server, 2)],
            wire: VecDeque::new(),
            seen: Vec::new(),
            said: [Vec::new(), Vec::new()],
            is_closed: false,
            has_spent_keys: false,
        }
    }

    /// Half of the server's table is full for ten seconds: it asks for cookies.
    fn crowd(&mut self) {
        let key = StaticKey::from_bytes([1; 32]).public();
        let mut client = Endpoint::client(Config::default(), Seed::from_bytes([4; 32]));
        let (server, mut datagram) = (self.sides[1].address, Vec::new());
        for place in 0..8 {
            client.connect(self.now, server, &key, b"many").expect("may connect");
            while client.poll_transmit(self.now, &mut datagram).is_some() {
                self.hand(1, SocketAddr::from(([10, 0, 9, place], 1)), &datagram);
            }
        }
    }

    /// Takes what both ends have to tell and to send.
    fn settle(&mut self) {
        for number in 0..2 {
            let to = 1 - number;
            let now = self.now;
            let side = &mut self.sides[number];
            if side.endpoint.poll_timeout().is_some_and(|due| due <= now) {
                side.endpoint.handle_timeout(now);
            }
            let mut is_closed = false;
            while let Some(event) = side.endpoint.poll_event() {
                is_closed |= matches!(event, Event::Closed { .. } | Event::Refused { .. });
                self.has_spent_keys |=
                    matches!(event, Event::Closed { cause: CloseCause::KeysExhausted, .. });
                side.on_event(now, event);
            }
            self.is_closed |= is_closed;
            let mut datagram = Vec::new();
            while let Some(address) = side.endpoint.poll_transmit(now, &mut datagram) {
                if self.seen.len() < 2_000 {
                    self.seen.push((to, datagram.clone()));
                }
                // What goes elsewhere goes to the attacker.
                let home = Remote::Datagrams(([10, 0, 0, to as u8 + 1], 1).into());
                if address == home && self.wire.len() < 2_000 {
                    self.wire.push_back((to, side.address, datagram.clone()));
                }
            }
        }
    }

    fn deliver(&mut self, at: usize) {
        if let Some((to, from, datagram)) = self.wire.remove(at) {
            self.hand(to, from, &datagram);
        }
    }

    fn hand(&mut self, to: usize, from: impl Into<Remote>, datagram: &[u8]) {
        let now = self.now;
        self.sides[to].endpoint.handle_datagram(now, from, BytesMut::from(datagram));
        self.settle();
    }

    fn pass(&mut self, span: Duration) {
        self.now += span;
        self.settle();
    }

    fn say(&mut self, number: usize, bytes: usize) {
        let now = self.now;
        let message = Bytes::from(vec![self.said[number].len() as u8; bytes]);
        let side = &mut self.sides[number];
        let Some(session) = side.session else { return };
        if side.endpoint.send(now, session, LaneId::CONTROL, message.clone()).is_ok() {
            self.said[number].push(message);
        }
        self.settle();
    }

    /// A network without an attacker, of 5 ms.
    fn heal(&mut self, span: Duration, done: impl Fn(&Self) -> bool) {
        let end = self.now + span;
        while self.now < end && !done(self) {
            for _ in 0..self.wire.len() {
                self.deliver(0);
            }
            let due = self.sides.iter().filter_map(|side| side.endpoint.poll_timeout()).min();
            let next = due.unwrap_or(end).max(self.now + Duration::from_millis(1));
            let next =
                if self.wire.is_empty() { next } else { self.now + Duration::from_millis(5) };
            self.now = next.min(end);
            self.settle();
        }
    }

    fn is_up(&self) -> bool {
        self.sides.iter().all(|side| side.session.is_some())
    }

    fn is_all_there(&self) -> bool {
        self.sides[1].got == self.said[0] && self.sides[0].got == self.said[1]
    }
}

impl Side {
    fn on_event(&mut self, now: Time, event: Event) {
        match event {
            Event::LoginRequested { login, .. } | Event::ResumptionRequested { login, .. } => {
                self.endpoint.answer_login(now, login, LoginAnswer::Accept(b"welcome"));
            }
            Event::Accepted { session, .. } => {
                self.session = Some(session);
                let life = Duration::from_secs(600);
                let _ = self.endpoint.issue_ticket(now, session, b"alice", life);
            }
            Event::Connected { session, .. } | Event::Resumed { session, .. } => {
                self.session = Some(session);
            }
            Event::Ticket { ticket, .. } => self.ticket = Some(ticket),
            Event::Message { session, lane, payload, .. } => {
                self.endpoint.release(now, session, lane, payload.len());
                if self.session == Some(session) {
                    self.got.push(payload);
                }
            }
            _ => {}
        }
    }
}

/// What an attacker does.
fn play(world: &mut World, input: &mut Input<'_>) {
    let number = input.byte() % 6;
    let address: SocketAddr = ([10, 6, 6, number % 3], 6).into();
    let stranger = match number {
        0..3 => Remote::Datagrams(address),
        _ => Remote::Stream(StreamId(u64::from(number % 3)), address),
    };
    let at = usize::from(input.byte());
    match input.byte() % 12 {
        0..3 => world.deliver(0),
        3 => world.deliver(at % world.wire.len().max(1)),
        4 => drop(world.wire.pop_front()),
        5 => {
            // A copy of something, from anywhere, to anybody.
            let index = usize::from(input.short()) % world.seen.len().max(1);
            let Some((to, datagram)) = world.seen.get(index).cloned() else { return };
            let to = if at % 8 == 0 { 1 - to } else { to };
            let from = if at % 2 == 0 { stranger } else { world.sides[1 - to].address.into() };
            world.hand(to, from, &datagram);
        }
        6 | 7 => {
            // Something like what was sent.
            let index = usize::from(input.short()) % world.seen.len().max(1);
            let Some((to, mut datagram)) = world.seen.get(index).cloned() else { return };
            for _ in 0..1 + at % 4 {
                let position = usize::from(input.short()) % datagram.len();
                datagram[position] ^= input.byte();
            }
            if at & 0x80 != 0 {
                datagram.truncate(usize::from(input.short()) % datagram.len());
            }
            if world.seen.iter().any(|(_, sent)| *sent == datagram) {
                return;
            }
            let from = if at & 0x40 == 0 { stranger } else { world.sides[1 - to].address.into() };
            world.hand(to, from, &datagram);
        }
        8 => {
            let (to, length) = (at % 2, usize::from(input.byte()));
            let from = world.sides[1 - to].address;
            world.hand(to, from, input.bytes(length));
        }
        9 => world.say(at % 2, usize::from(input.short()) % 3_000),
        10 if at % 16 == 0 => {
            // One of his streams ends.
            let (stream, now) = (StreamId(at as u64 / 16 % 3), world.now);
            world.sides[1].endpoint.handle_stream(now, StreamEvent::Closed { stream });
            world.settle();
        }
        _ => {
            let left = (Time::ZERO + PLAY).saturating_since(world.now);
            world.pass(Duration::from_micros(u64::from(input.short()) * 4).min(left));
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let flags = input.byte();
    let key = StaticKey::from_bytes([1; 32]).public();
    let config = Config::server().key_packets(128);
    let mut world = World::new(config.handshakes_max(16));
    if flags & 1 != 0 {
        world.crowd();
    }
    let server = world.sides[1].address;
    world.sides[0].endpoint.connect(world.now, server, &key, b"login").expect("may connect");
    world.settle();
    if flags & 2 != 0 {
        // Attacked in a resumption instead.
        world.heal(Duration::from_secs(2), |world| world.sides[0].ticket.is_some());
        let ticket = world.sides[0].ticket.clone().expect("an honest network");
        let first = world.sides[0].session.take().expect("connected");
        world.sides[0].endpoint.close(world.now, first, CloseCode::DONE, "");
        world.settle();
        world.heal(Duration::from_secs(2), |_| false);
        (world.sides[1].session, world.is_closed) = (None, false);
        let now = world.now;
        let resumed = world.sides[0].endpoint.resume(now, server, &ticket, &[], &key, b"login");
        resumed.expect("may resume");
        world.settle();
    }
    for _ in 0..300 {
        if input.is_empty() {
            break;
        }
        play(&mut world, &mut input);
    }

    world.heal(HEAL, World::is_up);
    if world.has_spent_keys {
        return;
    }
    assert!(
        world.is_up() && !world.is_closed,
        "the attacker has kept them from each other: {:?}, closed {}, {:?}",
        world.sides.each_ref().map(|side| side.session),
        world.is_closed,
        world.sides.each_ref().map(|side| side.endpoint.counters()),
    );
    world.say(0, 100);
    world.say(1, 2_000);
    world.heal(HEAL, World::is_all_there);
    if world.has_spent_keys {
        return;
    }
    assert!(!world.is_closed, "the attacker has ended the session");
    assert!(
        world.is_all_there(),
        "{:?} of {:?}",
        lengths(&world),
        world.said.each_ref().map(Vec::len)
    );

    if flags & 4 != 0 {
        // Attacked while it closes.
        let session = world.sides[0].session.expect("it is up");
        world.sides[0].endpoint.close(world.now, session, CloseCode::DONE, "");
        world.settle();
        for _ in 0..50 {
            play(&mut world, &mut input);
        }
        world.heal(Duration::from_secs(120), |world| {
            world.sides.iter().all(|side| side.endpoint.is_idle())
        });
        assert!(world.sides.iter().all(|side| side.endpoint.is_idle()), "all is forgotten");
    }
});

fn lengths(world: &World) -> [usize; 2] {
    [world.sides[1].got.len(), world.sides[0].got.len()]
}
