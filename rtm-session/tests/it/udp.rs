//! Real datagrams over loopback.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_session::driver::{
    Arrivals, Clock, Departures, Engine, Flow, Moment, Transport, UdpTransport, drive,
};
use rtm_session::{
    Config, Endpoint, Event, LaneSpec, LoginAnswer, PublicKey, Remote, SendError, SessionId,
};
use rtm_wire::{CloseCode, LaneId, Time};
use tokio::sync::mpsc;

use crate::pair::{seed, server_key};

const COUNT: u32 = 3_000;
/// A test that hangs fails; nothing else depends on this.
const PATIENCE: Duration = Duration::from_secs(120);

/// Message `index`: its number and as many bytes more as it says.
fn message(index: u32) -> Bytes {
    let mut bytes = index.to_be_bytes().to_vec();
    bytes.resize(4 + index as usize % 1_700, index as u8);
    bytes.into()
}

/// Sends all messages on a lane of its own, and takes all of the peer's.
struct Talker {
    endpoint: Endpoint,
    session: Option<SessionId>,
    lane: Option<LaneId>,
    unsent: VecDeque<Bytes>,
    got: Vec<Bytes>,
    /// The end that says good-bye.
    closes: bool,
    was_open: bool,
}

impl Talker {
    fn new(endpoint: Endpoint, closes: bool) -> Self {
        let unsent = (0..COUNT).map(message).collect();
        Self { endpoint, session: None, lane: None, unsent, got: vec![], closes, was_open: false }
    }

    fn begin(&mut self, session: SessionId) {
        self.was_open = true;
        self.session = Some(session);
        self.lane = Some(self.endpoint.open_lane(session, LaneSpec::ORDERED).expect("a lane"));
    }

    fn send(&mut self, now: Time) {
        let (Some(session), Some(lane)) = (self.session, self.lane) else { return };
        while let Some(message) = self.unsent.front() {
            match self.endpoint.send(now, session, lane, message.clone()) {
                Ok(_) => drop(self.unsent.pop_front()),
                Err(SendError::QueueFull { .. }) => return,
                Err(error) => panic!("{error}"),
            }
        }
        let is_done = self.got.len() == COUNT as usize
            && self.endpoint.stats(session).is_some_and(|stats| stats.send_messages == 0);
        if self.closes && is_done {
            self.endpoint.close(now, session, CloseCode::DONE, "");
        }
    }
}

impl Engine for Talker {
    type Command = (SocketAddr, PublicKey);

    fn handle_command(&mut self, moment: Moment, (server, key): Self::Command) {
        self.endpoint.connect(moment.now, server, &key, b"login").expect("may connect");
    }

    fn handle_datagram(&mut self, moment: Moment, from: Remote, datagram: BytesMut) {
        self.endpoint.handle_datagram(moment.now, from, datagram);
    }

    fn handle_timeout(&mut self, moment: Moment) {
        self.endpoint.handle_timeout(moment.now);
    }

    fn flush(&mut self, moment: Moment) -> Flow {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::LoginRequested { login, .. } => {
                    self.endpoint.answer_login(moment.now, login, LoginAnswer::Accept(b""));
                }
                Event::Connected { session, .. } | Event::Accepted { session, .. } => {
                    self.begin(session);
                }
                Event::Message { session, lane, payload } => {
                    self.endpoint.release(moment.now, session, lane, payload.len());
                    self.got.push(payload);
                }
                Event::Closed { .. } => self.session = None,
                _ => {}
            }
        }
        self.send(moment.now);
        if self.was_open && self.endpoint.is_idle() { Flow::Stop } else { Flow::Continue }
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        self.endpoint.poll_transmit(now, datagram)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.endpoint.poll_timeout()
    }
}

pub(crate) fn bind() -> UdpTransport {
    UdpTransport::bind("127.0.0.1:0".parse().expect("address")).expect("loopback is there")
}

pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await.expect("it ends") });
}

#[test]
fn thousands_of_messages_cross_loopback_both_ways_and_strangers_are_counted() {
    run(async {
        let (client_socket, server_socket, mut stranger) = (bind(), bind(), bind());
        let server_addr = server_socket.local_addr().expect("bound");

        // Garbage, a data packet of no session, a first flight that nobody can read.
        let mut foreign = Departures::default();
        foreign.push(server_addr, b"what is this");
        foreign.push(server_addr, &[0x80; 60]);
        foreign.push(server_addr, &[[0x01, 0x01].as_slice(), &[0; 400]].concat());
        stranger.send(&mut foreign).await.expect("sent");

        let endpoint = Endpoint::server(Config::server(), server_key(), seed(1));
        let (_to_server, commands) = mpsc::channel(1);
        let server = tokio::spawn(drive(
            Talker::new(endpoint, false),
            server_socket,
            commands,
            Clock::start(),
        ));
        let endpoint = Endpoint::client(Config::default(), seed(2));
        let (to_client, commands) = mpsc::channel(1);
        to_client.send((server_addr, server_key().public())).await.expect("room for one");
        let client = drive(Talker::new(endpoint, true), client_socket, commands, Clock::start());
        let client = client.await.expect("loopback works");
        let server = server.await.expect("no panic").expect("loopback works");

        let wanted: Vec<_> = (0..COUNT).map(message).collect();
        assert!(client.got == wanted, "{} messages", client.got.len());
        assert!(server.got == wanted, "{} messages", server.got.len());
        let counters = server.endpoint.counters();
        let strange = (counters.malformed, counters.unknown_session, counters.undecipherable);
        assert_eq!(strange, (1, 1, 1));
        assert_eq!(counters.stateless_answers, 2, "a reset and a key hint");
    });
}

#[test]
fn a_batch_arrives_as_the_datagrams_that_were_sent() {
    run(async {
        let (mut sender, mut receiver) = (bind(), bind());
        let to = receiver.local_addr().expect("bound");
        let lengths = [1_200, 1_200, 1_200, 700, 1_200, 1, 1_400, 1_400, 0, 3];
        let mut departures = Departures::default();
        for (index, &length) in lengths.iter().enumerate() {
            departures.push(to, &vec![index as u8; length]);
        }
        sender.send(&mut departures).await.expect("sent");
        assert!(departures.is_empty());

        let mut arrivals = Arrivals::default();
        let mut got = Vec::new();
        while got.len() < lengths.len() - 1 {
            receiver.receive(&mut arrivals).await.expect("received");
            // An empty datagram is nothing to anybody.
            let full = arrivals.datagrams.drain(..).filter(|(_, bytes)| !bytes.is_empty());
            got.extend(full.map(|(_, bytes)| (bytes[0], bytes.len())));
        }
        let wanted = lengths.iter().enumerate().map(|(index, &length)| (index as u8, length));
        assert_eq!(got, wanted.filter(|&(_, length)| length > 0).collect::<Vec<_>>());
    });
}
