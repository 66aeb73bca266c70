//! An endpoint: all sessions that share a socket.
//!
//! ```text
//!             datagrams                                   datagrams
//!  socket ──────────────► handle_datagram   poll_transmit ──────────► socket
//!                           │ by connection id    ▲
//!                           ▼                     │
//!                  handshakes ─► sessions ────────┤
//!                           │                     │
//!  application ◄─ poll_event┘     send, close … ──┘ ◄─ application
//! ```

mod accepting;
mod client;
mod connecting;
mod counters;
mod deadlines;
mod lanes;
mod load;
mod memory;
mod race;
mod resuming;
mod server;
mod stateless;
mod streams;
mod tickets;

pub use connecting::HANDSHAKE_LOGIN_MAX;
pub use counters::EndpointCounters;
pub use deadlines::Deadlines;
pub use streams::{StreamAction, StreamEvent};

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_wire::{CloseCode, ConnectionId, DataHeader, Packet, ReplyPacket, Time, UnixTime};

use self::client::Client;
use self::memory::Memory;
use self::server::Server;
use self::stateless::{Answer, Stateless};
use self::streams::Streams;
use crate::config::Config;
use crate::crypto::{Generator, PublicKey, Seed, StaticKey};
use crate::error::{ConnectError, SendError};
use crate::event::{Event, LoginAnswer, LoginId, SessionId};
use crate::remote::Remote;
use crate::session::{Session, SessionStats};
use crate::ticket::Ticket;

/// Packets that a session sends before the next one has its turn. The system takes packets to one
/// address that follow each other at once.
const TURN_MAX: u32 = 8;

/// Sessions whose ways are remembered for those who come back, 80 bytes each or so.
const MEMORY_MAX: usize = 16_384;

/// Longest answer to a login in bytes: it goes to an address that isn't proved yet.
pub const LOGIN_ANSWER_MAX: usize = 512;

/// Longest words of a server's application in a ticket, in bytes.
pub const TICKET_STATE_MAX: usize = rtm_wire::limits::TICKET_STATE;

/// Longest reply: packet header, Noise key and tag, then an accepting welcome with its longest
/// parameters and answer (protocol §5.2).
const REPLY_LEN_MAX: usize = 9 + 48 + (1 + 3 + 8 + 16 + 41) + (2 + LOGIN_ANSWER_MAX);
const _: () = assert!(REPLY_LEN_MAX <= 3 * connecting::INITIAL_LEN_MIN, "every reply may be sent");

/// What the Noise hash begins with (protocol §5): both ends agree on version and connection id, or
/// on nothing.
fn prologue(version: u8, client_cid: ConnectionId) -> [u8; 12] {
    let mut prologue = [0; 12];
    prologue[..3].copy_from_slice(b"RTM");
    prologue[3] = version;
    prologue[4..].copy_from_slice(&client_cid.0);
    prologue
}

/// The same for a resumption: both ends also mean the same ticket (protocol §5.4).
fn resumption_prologue(version: u8, client_cid: ConnectionId, ticket: &[u8]) -> Vec<u8> {
    [&prologue(version, client_cid), ticket].concat()
}

/// Sessions over datagrams and streams, without sockets or clocks.
///
/// The driver's rule: after each call that takes `now`, take all of
/// [`poll_transmit`](Self::poll_transmit), then, if it has streams, of
/// [`poll_stream_action`](Self::poll_stream_action), and of [`poll_event`](Self::poll_event), then
/// ask [`poll_timeout`](Self::poll_timeout). Inputs that have arrived come before a timeout that
/// has passed. `now` never goes back. The same seed, inputs and times give the same datagrams, to
/// the byte, in any process.
#[derive(Debug)]
pub struct Endpoint {
    config: Config,
    generator: Generator,
    role: Role,
    sessions: BTreeMap<SessionId, Session>,
    by_cid: BTreeMap<ConnectionId, SessionId>,
    next_session: u64,
    /// Sessions that may have something to send, in turn.
    ready: VecDeque<SessionId>,
    is_ready: BTreeSet<SessionId>,
    /// Packets that the first of them has sent in its turn.
    turn: u32,
    deadlines: Deadlines<SessionId>,
    streams: Streams,
    memory: Memory,
    events: VecDeque<Event>,
    stateless: Stateless,
    counters: EndpointCounters,
}

#[derive(Debug)]
enum Role {
    Client(Client),
    Server(Box<Server>),
}

impl Endpoint {
    /// An endpoint that connects to servers.
    #[must_use]
    pub fn client(config: Config, seed: Seed) -> Self {
        Self::new(config, seed, |_, _| Role::Client(Client::default()))
    }

    /// An endpoint that takes logins.
    #[must_use]
    pub fn server(config: Config, key: StaticKey, seed: Seed) -> Self {
        Self::new(config, seed, |config, generator| {
            Role::Server(Box::new(Server::new(key, config, generator)))
        })
    }

    fn new(config: Config, seed: Seed, role: impl FnOnce(&Config, &mut Generator) -> Role) -> Self {
        let mut generator = Generator::new(seed);
        let role = role(&config, &mut generator);
        let memory = Memory::new(config.sessions_max.min(MEMORY_MAX));
        Self {
            config,
            generator,
            role,
            sessions: BTreeMap::new(),
            by_cid: BTreeMap::new(),
            next_session: 1,
            ready: VecDeque::new(),
            is_ready: BTreeSet::new(),
            turn: 0,
            deadlines: Deadlines::new(),
            streams: Streams::default(),
            memory,
            events: VecDeque::new(),
            stateless: Stateless::new(),
            counters: EndpointCounters::default(),
        }
    }

    /// Client: begins a session with a server. [`Event::Connected`], [`Event::Refused`] or
    /// [`Event::Closed`] follows.
    ///
    /// # Errors
    /// A login longer than [`HANDSHAKE_LOGIN_MAX`], a useless key, or too many sessions.
    ///
    /// # Panics
    /// On a server's endpoint.
    pub fn connect(
        &mut self,
        now: Time,
        server: SocketAddr,
        key: &PublicKey,
        login: &[u8],
    ) -> Result<SessionId, ConnectError> {
        self.connect_to(now, server, key, login)
    }

    /// Client: begins a session by a ticket of an earlier one with this server, without the login.
    /// The ticket may come from another endpoint, if its `now` has the same origin.
    /// [`Event::Resumed`] follows, or what follows [`connect`](Self::connect).
    ///
    /// `early` are messages that travel ahead of everything: at the server they may count before
    /// the client has proved that it is there, and, should somebody on the way forge a packet or
    /// the server lose its memory meanwhile, twice. Only what is replay-safe may be among them. The
    /// server gets them once in all other cases: those that it doesn't take are sent on lane 0
    /// before everything else. After [`Event::Closed`] instead of a session, it is not known
    /// whether it got them.
    ///
    /// `key` and `login` are for a full handshake, which follows by itself when the ticket doesn't
    /// count: one round trip more.
    ///
    /// # Errors
    /// As of [`connect`](Self::connect); early messages that are too long or have no login.
    ///
    /// # Panics
    /// On a server's endpoint.
    pub fn resume(
        &mut self,
        now: Time,
        server: SocketAddr,
        ticket: &Ticket,
        early: &[Bytes],
        key: &PublicKey,
        login: &[u8],
    ) -> Result<SessionId, ConnectError> {
        self.resume_with(now, (server, key, login), ticket, early)
    }

    /// Server: gives the client a ticket, with words of the application's own (`state`) which come
    /// back with [`Event::ResumptionRequested`]. They are sealed: only servers can read them. It
    /// lives as long as its keys at most ([`TicketConfig`](crate::TicketConfig)); how long that is,
    /// is returned. A newer ticket takes the place of one that is still on its way.
    ///
    /// # Errors
    /// No such session, or not yet [accepted](Event::Accepted); `state` above
    /// [`TICKET_STATE_MAX`](crate::TICKET_STATE_MAX).
    ///
    /// # Panics
    /// On a client's endpoint.
    pub fn issue_ticket(
        &mut self,
        now: Time,
        session: SessionId,
        state: &[u8],
        lifetime: Duration,
    ) -> Result<Duration, SendError> {
        self.issue(now, session, state, lifetime)
    }

    /// Server: says what the wall clock shows, so that tickets of another process with the same
    /// secret can be understood, as their times and keys go by it. To be called at the start and
    /// now and then; without it the clock begins with 0 at the origin of `now`. After a jump of
    /// more than a second, early data with older tickets is refused.
    pub fn set_wall_clock(&mut self, now: Time, wall: UnixTime) {
        if let Role::Server(server) = &mut self.role {
            server.tickets.set_wall_clock(now, wall);
        }
    }

    /// Server: doesn't take a ticket, whatever the reason; the client logs in instead. A login that
    /// isn't a resumption, or has timed out meanwhile, is left alone.
    ///
    /// # Panics
    /// On a client's endpoint.
    pub fn decline_ticket(&mut self, now: Time, login: LoginId) {
        self.decline(now, login);
    }

    /// Server: answers a login. A login that has timed out meanwhile is ignored.
    ///
    /// # Panics
    /// On a client's endpoint, and if the answer is longer than [`LOGIN_ANSWER_MAX`].
    pub fn answer_login(&mut self, now: Time, login: LoginId, answer: LoginAnswer<'_>) {
        self.answer(now, login, answer);
    }

    /// Ends a session: what is still queued is dropped, the peer is told, and
    /// [`Event::Closed`] follows. A reason above 255 bytes is cut.
    pub fn close(&mut self, now: Time, session: SessionId, code: CloseCode, reason: &str) {
        if let Some(state) = self.sessions.get_mut(&session) {
            state.close(now, code, reason, &mut self.events);
            self.touch(now, session);
        } else if let Role::Client(client) = &mut self.role {
            client.cancel(session, code, &mut self.deadlines, &mut self.events);
            self.streams.close_of(session);
        }
    }

    /// Client: says that this end's network has changed, or may have: another interface, another
    /// network, back from sleep. Each session sends two packets at once, so that the server follows
    /// within one way instead of at the next message, and begins anew with what it knows of the
    /// path. A change that nobody notices costs no message either. Does nothing on a server's
    /// endpoint.
    pub fn local_address_changed(&mut self, now: Time) {
        if matches!(self.role, Role::Server(_)) {
            return;
        }
        for state in self.sessions.values_mut() {
            state.on_local_address_changed(now);
        }
        let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
        sessions.into_iter().for_each(|session| self.touch(now, session));
    }

    /// Tells of a peer that isn't heard for so long: [`Event::Silent`] once, and [`Event::Heard`]
    /// when it is heard again. Only packets with the session's keys count. Who wants to hear of a
    /// peer's loss before the session ends (idle timeout) asks for less than that; `None` ends it.
    pub fn watch_silence(&mut self, now: Time, session: SessionId, limit: Option<Duration>) {
        if let Some(state) = self.sessions.get_mut(&session) {
            state.watch_silence(limit);
            self.touch(now, session);
        }
    }

    /// What can be seen of a session, while it lives.
    #[must_use]
    pub fn stats(&self, session: SessionId) -> Option<SessionStats> {
        self.sessions.get(&session).map(Session::stats)
    }

    /// Where the peer is at present, and by what.
    #[must_use]
    pub fn remote(&self, session: SessionId) -> Option<Remote> {
        self.sessions.get(&session).map(Session::remote)
    }

    /// What was dropped.
    #[must_use]
    pub const fn counters(&self) -> EndpointCounters {
        self.counters
    }

    /// Whether no session is left, not even one that says good-bye.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let connecting = match &self.role {
            Role::Client(client) => !client.is_idle(),
            Role::Server(_) => false,
        };
        self.sessions.is_empty() && !connecting
    }

    /// Takes a datagram that came from `from`, or a packet of a stream. Anything may be in it.
    pub fn handle_datagram(&mut self, now: Time, from: impl Into<Remote>, datagram: BytesMut) {
        let from = from.into();
        let packet = match Packet::decode(&datagram) {
            Ok(packet) => packet,
            Err(_) => return self.counters.malformed += 1,
        };
        match (packet, &self.role) {
            (Packet::Data { header, .. }, _) => self.handle_data(now, from, header, datagram),
            (Packet::Initial(initial), Role::Server(_)) => {
                self.handle_initial(now, from, &initial, datagram.len());
            }
            (Packet::Reply(ReplyPacket { client_cid, noise }), Role::Client(_)) => {
                self.handle_reply(now, from, client_cid, noise);
            }
            (Packet::Retry(retry), Role::Client(_)) => {
                self.handle_retry(now, retry.client_cid, retry.cookie);
            }
            (Packet::KeyHint(hint), Role::Client(_)) => {
                self.handle_key_hint(hint.client_cid, hint.key_id);
            }
            (Packet::Versions(versions), Role::Client(_)) => {
                self.handle_versions(versions.client_cid, versions.versions);
            }
            (Packet::Resume(resume), Role::Server(_)) => {
                self.handle_resume(now, from, &resume, datagram.len());
            }
            (Packet::NoTicket(packet), Role::Client(_)) => {
                self.handle_no_ticket(now, packet.client_cid);
            }
            (Packet::Reset(reset), Role::Client(_)) => self.handle_reset(now, from, reset.token),
            _ => self.counters.misplaced += 1,
        }
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        if let Role::Server(server) = &mut self.role {
            server.flights.forget_until(now);
        }
        self.look_after_streams(now);
        while let Some(session) = self.deadlines.pop_due(now) {
            if let Some(state) = self.sessions.get_mut(&session) {
                state.handle_timeout(now, &mut self.events);
                self.touch(now, session);
            } else {
                self.handle_connecting_timeout(now, session);
            }
        }
    }

    /// Writes the next datagram, or packet of a stream, over `datagram` and says where it goes.
    pub fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        while let Some((to, answer)) = self.stateless.poll() {
            // Who asks and doesn't read goes without.
            if !self.streams.is_full(to) {
                *datagram = answer;
                self.streams.on_sent(to, datagram.len());
                return Some(to);
            }
        }
        while let Some(&session) = self.ready.front() {
            self.turn += 1;
            let to = match self.sessions.get_mut(&session) {
                Some(state) => {
                    state.set_full(self.streams.is_full(state.remote()));
                    state.poll_transmit(now, datagram)
                }
                None => self.transmit_connecting(now, session, datagram),
            };
            if let Some(to) = to {
                // A session waits for its own stream, but may be asked over others.
                if self.streams.is_full(to) {
                    continue;
                }
                self.streams.on_sent(to, datagram.len());
            }
            if to.is_some() && self.turn < TURN_MAX {
                return to;
            }
            self.turn = 0;
            self.ready.pop_front();
            if to.is_some() {
                self.ready.push_back(session);
                return to;
            }
            self.is_ready.remove(&session);
            self.settle(session);
        }
        None
    }

    /// The next piece of news.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let flights = match &self.role {
            Role::Server(server) => server.flights.next_forget(),
            Role::Client(_) => None,
        };
        let deadlines = [self.deadlines.next(), flights, self.streams.next_deadline()];
        deadlines.into_iter().flatten().min()
    }

    fn handle_data(&mut self, now: Time, from: Remote, header: DataHeader, datagram: BytesMut) {
        let length = datagram.len();
        let Some(&session) = self.by_cid.get(&header.destination) else {
            self.counters.unknown_session += 1;
            if let Role::Server(server) = &self.role {
                let reset = server.reset(header.destination);
                let to = (Answer::Reset, from);
                self.stateless.answer(now, to, length, &reset, &mut self.counters);
            }
            return;
        };
        if !self.streams.may_use(from, session) {
            return self.counters.misplaced += 1;
        }
        let state = self.sessions.get_mut(&session).expect("by_cid names sessions that exist");
        let was_unproved = state.is_unproved();
        let mut news = VecDeque::new();
        if !state.handle_packet(now, from, header, datagram, &mut news) {
            self.counters.rejected += 1;
            return;
        }
        self.streams.claim(from, session);
        if let (true, Role::Server(server)) = (was_unproved, &mut self.role) {
            if let Some(login) = server.flights.prove(session) {
                self.events.push_back(Event::Accepted { session, login });
            }
        }
        self.events.append(&mut news);
        self.touch(now, session);
    }

    /// Adds a session from its handshake.
    fn insert(&mut self, now: Time, session: Session, id: SessionId) {
        self.by_cid.insert(session.local_cid(), id);
        self.sessions.insert(id, session);
        self.touch(now, id);
    }

    /// A session has changed: it may have something to send, or another deadline.
    ///
    /// One that has ended goes at once, so that [`is_idle`](Self::is_idle) is right before the next
    /// [`poll_transmit`](Self::poll_transmit).
    fn touch(&mut self, _: Time, session: SessionId) {
        if self.sessions.get(&session).is_some_and(Session::is_ended) {
            return self.settle(session);
        }
        if self.is_ready.insert(session) {
            self.ready.push_back(session);
        }
    }

    /// A session has nothing to send for now.
    fn settle(&mut self, id: SessionId) {
        if self.sessions.get(&id).is_some_and(Session::is_ended) {
            self.remember(id);
        }
        let Some(session) = self.sessions.get_mut(&id) else {
            return self.settle_connecting(id);
        };
        session.set_full(self.streams.is_full(session.remote()));
        if session.is_ended() {
            self.by_cid.remove(&session.local_cid());
            self.streams.close_at(session.remote());
            self.sessions.remove(&id);
            self.deadlines.set(id, None);
            match &mut self.role {
                Role::Server(server) => server.flights.forget_session(id),
                Role::Client(_) => self.streams.close_of(id),
            }
        } else {
            let deadline = session.poll_timeout();
            self.deadlines.set(id, deadline);
            self.grant_stream_wishes(id);
        }
    }

    fn next_session_id(&mut self) -> SessionId {
        let id = SessionId(self.next_session);
        self.next_session += 1;
        id
    }
}
