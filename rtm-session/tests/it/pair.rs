//! A client and a server with a simulated network between them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_session::{
    Config, Endpoint, Event, LaneSpec, LoginAnswer, LoginId, PublicKey, Remote, Seed, SessionId,
    StaticKey, Ticket,
};
use rtm_sim::{LinkConfig, Network, Node, World};
use rtm_wire::{ErrorCode, LaneId, Time};

pub(crate) const CLIENT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 4_000);
pub(crate) const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)), 7_700);

/// What a host does with logins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Accept,
    Reject(ErrorCode),
    Ignore,
    /// Logins yes, tickets no.
    Decline,
}

/// An endpoint and everything that it has told.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) endpoint: Endpoint,
    pub(crate) door: Door,
    /// Whether messages are released as soon as they are there.
    pub(crate) releases: bool,
    pub(crate) news: VecDeque<Event>,
    pub(crate) messages: Vec<(SessionId, LaneId, Bytes, Time)>,
    pub(crate) sessions: Vec<SessionId>,
    pub(crate) logins: Vec<LoginId>,
    /// Server: how long the tickets live that clients get, if they get any.
    pub(crate) ticket_life: Option<Duration>,
    /// Client: the newest ticket.
    pub(crate) ticket: Option<Ticket>,
    /// Server: early messages that were handed over.
    pub(crate) early: Vec<Bytes>,
}

impl Host {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            door: Door::Accept,
            releases: true,
            news: VecDeque::new(),
            messages: Vec::new(),
            sessions: Vec::new(),
            logins: Vec::new(),
            ticket_life: None,
            ticket: None,
            early: Vec::new(),
        }
    }

    fn settle(&mut self, now: Time) {
        while let Some(event) = self.endpoint.poll_event() {
            match &event {
                Event::LoginRequested { login, .. } => {
                    self.on_login(now, *login);
                }
                Event::ResumptionRequested { login, .. } if self.door == Door::Decline => {
                    self.endpoint.decline_ticket(now, *login);
                }
                Event::ResumptionRequested { login, early, .. } => {
                    self.early.extend(early.iter().cloned());
                    self.on_login(now, *login);
                }
                Event::Accepted { session, .. } => {
                    self.sessions.push(*session);
                    if let Some(life) = self.ticket_life {
                        let issued = self.endpoint.issue_ticket(now, *session, b"alice", life);
                        issued.expect("the session is there");
                    }
                }
                Event::Connected { session, .. } | Event::Resumed { session, .. } => {
                    self.sessions.push(*session);
                }
                Event::Ticket { ticket, .. } => self.ticket = Some(ticket.clone()),
                Event::Message { session, lane, payload, .. } => {
                    if self.releases {
                        self.endpoint.release(now, *session, *lane, payload.len());
                    }
                    self.messages.push((*session, *lane, payload.clone(), now));
                    continue;
                }
                _ => {}
            }
            self.news.push_back(event);
        }
    }
}

impl Host {
    /// What goes out next, and where to.
    pub(crate) fn transmit(&mut self, now: Time, buf: &mut Vec<u8>) -> Option<Remote> {
        self.settle(now);
        self.endpoint.poll_transmit(now, buf)
    }

    fn on_login(&mut self, now: Time, login: LoginId) {
        self.logins.push(login);
        match self.door {
            Door::Accept | Door::Decline => {
                self.endpoint.answer_login(now, login, LoginAnswer::Accept(b"welcome"));
            }
            Door::Reject(code) => {
                self.endpoint.answer_login(now, login, LoginAnswer::Reject(code, b"no"));
            }
            Door::Ignore => {}
        }
    }
}

impl Node for Host {
    fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: BytesMut) {
        self.endpoint.handle_datagram(now, from, datagram);
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.endpoint.handle_timeout(now);
        self.settle(now);
    }

    fn poll_transmit(&mut self, now: Time, buf: &mut Vec<u8>) -> Option<SocketAddr> {
        self.transmit(now, buf).map(Remote::addr)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.endpoint.poll_timeout()
    }
}

pub(crate) fn seed(number: u8) -> Seed {
    Seed::from_bytes([number; 32])
}

pub(crate) fn server_key() -> StaticKey {
    StaticKey::from_bytes([7; 32])
}

/// How a pair is made.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) seed: u64,
    pub(crate) link: LinkConfig,
    pub(crate) client: Config,
    pub(crate) server: Config,
    pub(crate) key: PublicKey,
}

impl Setup {
    pub(crate) fn new(link: LinkConfig) -> Self {
        Self {
            seed: 1,
            link,
            client: Config::default(),
            server: Config::server(),
            key: server_key().public(),
        }
    }

    pub(crate) fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Client and server, not yet connected.
    pub(crate) fn build(&self) -> Pair {
        let mut network = Network::new(self.seed);
        network.set_default(self.link);
        network.record_trace();
        let mut world = World::new(network);
        let client = Endpoint::client(self.client.clone(), seed(self.seed as u8));
        let server = Endpoint::server(self.server.clone(), server_key(), seed(99));
        world.insert(CLIENT, Host::new(client)).expect("an idle node does nothing");
        world.insert(SERVER, Host::new(server)).expect("an idle node does nothing");
        Pair { world, key: self.key }
    }

    /// Client and server, connected.
    pub(crate) fn connected(&self) -> Pair {
        let mut pair = self.build();
        pair.connect(b"login");
        let is_up = |world: &World<Host>| {
            [CLIENT, SERVER].iter().all(|&host| !world.node(host).sessions.is_empty())
        };
        pair.run_until(Duration::from_secs(20), is_up);
        assert!(is_up(&pair.world), "the handshake has failed, seed {}", self.seed);
        pair
    }
}

pub(crate) struct Pair {
    pub(crate) world: World<Host>,
    key: PublicKey,
}

impl Pair {
    pub(crate) fn connect(&mut self, login: &[u8]) -> SessionId {
        let key = self.key;
        self.act(CLIENT, |host, now| host.endpoint.connect(now, SERVER, &key, login))
            .expect("a client may connect")
    }

    pub(crate) fn act<R>(&mut self, host: SocketAddr, act: impl FnOnce(&mut Host, Time) -> R) -> R {
        self.world.with_node(host, act).expect("no livelock")
    }

    pub(crate) fn run(&mut self, span: Duration) {
        self.world.run_until(self.world.now() + span).expect("no livelock");
    }

    pub(crate) fn run_until(&mut self, span: Duration, done: impl FnMut(&World<Host>) -> bool) {
        let deadline = self.world.now() + span;
        let _ = self.world.run_until_true(deadline, done).expect("no livelock");
    }

    pub(crate) fn session(&self, host: SocketAddr) -> SessionId {
        *self.world.node(host).sessions.last().expect("connected")
    }

    pub(crate) fn open_lane(&mut self, host: SocketAddr, spec: LaneSpec) -> LaneId {
        let session = self.session(host);
        self.act(host, |host, _| host.endpoint.open_lane(session, spec)).expect("lane opens")
    }

    pub(crate) fn send(&mut self, host: SocketAddr, lane: LaneId, message: impl Into<Bytes>) {
        let session = self.session(host);
        let message = message.into();
        self.act(host, |host, now| host.endpoint.send(now, session, lane, message))
            .expect("message is taken");
    }

    /// Messages that a host got on one lane, in order.
    pub(crate) fn got(&self, host: SocketAddr, lane: LaneId) -> Vec<Bytes> {
        let messages = self.world.node(host).messages.iter();
        messages.filter(|(_, on, ..)| *on == lane).map(|(_, _, bytes, _)| bytes.clone()).collect()
    }

    pub(crate) fn news(&self, host: SocketAddr) -> &VecDeque<Event> {
        &self.world.node(host).news
    }
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A link of this one-way delay.
pub(crate) fn delay(millis: u64) -> LinkConfig {
    LinkConfig::new().delay(ms(millis))
}
