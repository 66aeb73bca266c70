//! A client's handshake under way.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use rtm_wire::{
    ConnectionId, EarlyMessages, Encode, Hello, Initial, KeyId, Resume, Resumption, Time, limits,
};

use super::race::Race;
use super::{prologue, resumption_prologue};
use crate::config::{Carriers, Config};
use crate::crypto::{ClientHandshake, Generator, PublicKey};
use crate::error::{CloseCause, ConnectError};
use crate::remote::Remote;
use crate::ticket::Ticket;

/// First pause before the first flight is repeated; it grows by half up to [`PAUSE_MAX`]. Short, as
/// nothing else can tell of a loss yet: four copies in the first 100 ms cost 1.1 KiB.
const PAUSE: Duration = Duration::from_millis(15);
const PAUSE_MAX: Duration = Duration::from_millis(400);
/// A longer handshake has had losses, and tells nothing of the round trip.
const RTT_MAX: Duration = Duration::from_millis(333);
/// A first flight is never shorter, so that its answer may be three times as long.
pub(super) const INITIAL_LEN_MIN: usize = 272;
/// Longest first flight.
const INITIAL_LEN_MAX: usize = 1_200;
/// Packet header without cookie, Noise key and tag.
const INITIAL_HEAD: usize = 11 + 48;
/// What a first flight takes besides the login: head, cookie, offers and parameters.
const INITIAL_OVERHEAD: usize = INITIAL_HEAD + 64 + 64;
/// Cookies that are sent back at once. More than one, because anybody could have sent the first,
/// and because a server that restarts asks again; few, or anybody could make a client shout.
const HASTE_MAX: u8 = 3;

/// Longest login in bytes that fits the handshake.
pub const HANDSHAKE_LOGIN_MAX: usize = INITIAL_LEN_MAX - INITIAL_OVERHEAD;

/// What an early message takes besides its bytes, at most.
const EARLY_OVERHEAD: usize = 2;
/// The age of a ticket, at most, and the length before it.
const RESUMPTION_OVERHEAD: usize = 8 + 2;

/// Whom to connect to, and with what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) server: SocketAddr,
    pub(crate) key: &'a PublicKey,
    pub(crate) login: &'a [u8],
}

/// How a handshake is begun.
#[derive(Debug)]
enum Way {
    Full,
    /// With a ticket; the rest is for a full handshake, if that is needed.
    Ticket {
        ticket: Bytes,
        key: PublicKey,
        login: Vec<u8>,
    },
}

/// Everything that a client keeps until the server's reply.
#[derive(Debug)]
pub(crate) struct Connecting {
    pub(crate) server: SocketAddr,
    pub(crate) local_cid: ConnectionId,
    pub(crate) handshake: ClientHandshake,
    way: Way,
    /// Messages that go ahead of all others, by the first flight or the session.
    pub(crate) early: Vec<Bytes>,
    noise: Vec<u8>,
    cookie: Vec<u8>,
    haste_left: u8,
    /// A key hint that names another key than the one used.
    other_key: Option<KeyId>,
    /// What a server says that it speaks instead; empty while none did.
    versions: Vec<u8>,
    key_id: KeyId,
    pause: Duration,
    next_copy: Time,
    /// When the first copy went out: the reply is most likely the answer to it.
    first_copy: Option<Time>,
    /// When the last datagrams did, of those that may still be answered, and how many there were
    /// before.
    copies: VecDeque<Time>,
    unanswered: u32,
    give_up: Time,
    pub(super) race: Race,
    /// Copies go out in datagrams, too.
    has_datagrams: bool,
}

impl Connecting {
    /// A full handshake; `early` goes with the session.
    pub(crate) fn start(
        now: Time,
        config: &Config,
        to: Target<'_>,
        early: Vec<Bytes>,
        generator: &mut Generator,
    ) -> Result<Self, ConnectError> {
        check_login(to.login)?;
        let local_cid = generator.connection_id();
        let payload = hello(config, to.login, INITIAL_HEAD);
        let mut noise = Vec::new();
        let prologue = prologue(rtm_wire::VERSION, local_cid);
        let handshake =
            ClientHandshake::start(to.key, &prologue, generator.fork(), &payload, &mut noise)
                .map_err(|error| ConnectError::Key(error.to_string()))?;
        let first = (local_cid, handshake, noise);
        Ok(Self::new(now, config, to, Way::Full, early, first))
    }

    /// A handshake with a ticket and early messages.
    pub(crate) fn resume(
        now: Time,
        config: &Config,
        to: Target<'_>,
        (ticket, early): (&Ticket, Vec<Bytes>),
        generator: &mut Generator,
    ) -> Result<Self, ConnectError> {
        check_login(to.login)?;
        check_early(to.login, ticket, &early)?;
        let local_cid = generator.connection_id();
        let mut buffer = Vec::new();
        let messages = EarlyMessages::encode(early.iter().map(Bytes::as_ref), &mut buffer);
        let age = now.saturating_since(ticket.received).as_millis();
        let age_ms = u64::try_from(age).unwrap_or(u64::MAX >> 2);
        let resumption = Resumption { age_ms, early: messages };
        let mut login = Vec::with_capacity(resumption.encoded_len());
        resumption.encode(&mut login);
        let payload = hello(config, &login, INITIAL_HEAD + ticket.bytes.len());
        let mut noise = Vec::new();
        let prologue = resumption_prologue(rtm_wire::VERSION, local_cid, &ticket.bytes);
        let secret = &ticket.secret;
        let handshake =
            ClientHandshake::resume(secret, &prologue, generator.fork(), &payload, &mut noise)
                .map_err(|error| ConnectError::Key(error.to_string()))?;
        let (key, login) = (*to.key, to.login.to_vec());
        let way = Way::Ticket { ticket: ticket.bytes.clone(), key, login };
        let first = (local_cid, handshake, noise);
        Ok(Self::new(now, config, to, way, early, first))
    }

    /// The server doesn't take the ticket: a full handshake in place of the resumption, within its
    /// time. `None` if this is a full handshake, or the server's key can't be used.
    pub(crate) fn fall_back(
        &mut self,
        now: Time,
        config: &Config,
        generator: &mut Generator,
    ) -> Option<Self> {
        let Way::Ticket { key, login, .. } = &self.way else { return None };
        let to = Target { server: self.server, key, login };
        let early = self.early.clone();
        let full = Self::start(now, config, to, early, generator).ok()?;
        let mut race = self.race.clone();
        race.begin_again(now);
        Some(Self { give_up: self.give_up, race, ..full })
    }

    fn new(
        now: Time,
        config: &Config,
        to: Target<'_>,
        way: Way,
        early: Vec<Bytes>,
        (local_cid, handshake, noise): (ConnectionId, ClientHandshake, Vec<u8>),
    ) -> Self {
        Self {
            server: to.server,
            local_cid,
            handshake,
            way,
            early,
            noise,
            cookie: Vec::new(),
            haste_left: HASTE_MAX,
            other_key: None,
            versions: Vec::new(),
            key_id: to.key.key_id(),
            pause: PAUSE,
            next_copy: now,
            first_copy: None,
            copies: VecDeque::new(),
            unanswered: 0,
            give_up: now + config.handshake_timeout,
            race: Race::new(now, config.carriers, false, 0),
            has_datagrams: config.carriers != Carriers::Streams,
        }
    }

    /// Where a session begins whose reply has come from there. That may have been sent on by
    /// anybody, from anywhere; what it is worth says its seal.
    pub(crate) fn route(&self, from: Remote) -> Option<Remote> {
        match self.race.stream() {
            Some(stream) if from == stream || !self.has_datagrams => Some(stream),
            None if !self.has_datagrams => None,
            _ => Some(Remote::Datagrams(self.server)),
        }
    }

    /// What it comes back with.
    pub(crate) fn ticket(&self) -> Option<&[u8]> {
        match &self.way {
            Way::Full => None,
            Way::Ticket { ticket, .. } => Some(ticket),
        }
    }

    pub(crate) const fn is_resumption(&self) -> bool {
        matches!(self.way, Way::Ticket { .. })
    }

    pub(crate) fn poll_timeout(&self) -> Time {
        let copy = self.has_datagrams.then_some(self.next_copy);
        [copy, self.race.deadline()].into_iter().flatten().fold(self.give_up, Time::min)
    }

    pub(crate) fn has_timed_out(&self, now: Time) -> bool {
        now >= self.give_up
    }

    /// Writes the first flight if it is time for another copy, and says where it goes.
    pub(crate) fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        let to = match self.race.take_copy(now) {
            Some(stream) => stream,
            None if self.has_datagrams && now >= self.next_copy => {
                self.next_copy = now + self.pause;
                self.pause = (self.pause * 3 / 2).min(PAUSE_MAX);
                self.copies.push_back(now);
                self.count_unanswered(now);
                Remote::Datagrams(self.server)
            }
            None => return None,
        };
        self.first_copy.get_or_insert(now);
        datagram.clear();
        let (version, client_cid) = (rtm_wire::VERSION, self.local_cid);
        let (cookie, noise) = (&*self.cookie, &*self.noise);
        match &self.way {
            Way::Full => Initial { version, client_cid, cookie, noise }.encode(datagram),
            Way::Ticket { ticket, .. } => {
                Resume { version, client_cid, cookie, ticket, noise }.encode(datagram);
            }
        }
        Some(to)
    }

    /// The server wants the cookie back: the same first flight again, with it, at once; after the
    /// first few, when a copy is due. Always the latest one, or whoever forges a few would keep the
    /// client out for good. An empty one, or one that is used already, says nothing.
    pub(crate) fn on_retry(&mut self, now: Time, cookie: &[u8]) {
        if cookie.is_empty() || cookie == self.cookie {
            return;
        }
        self.cookie = cookie.to_vec();
        if self.haste_left > 0 {
            self.haste_left -= 1;
            self.next_copy = now;
            self.race.begin_again(now);
        }
    }

    pub(crate) fn on_key_hint(&mut self, key_id: KeyId) {
        if key_id != self.key_id {
            self.other_key = Some(key_id);
        }
    }

    pub(crate) fn on_versions(&mut self, versions: &[u8]) {
        if !versions.contains(&rtm_wire::VERSION) {
            self.versions = versions.to_vec();
        }
    }

    /// What to tell the application when nothing believable has come.
    pub(crate) fn timeout_cause(self) -> CloseCause {
        if self.versions.is_empty() {
            CloseCause::HandshakeTimeout { other_key: self.other_key }
        } else {
            CloseCause::Versions { offered_by_server: self.versions }
        }
    }

    /// Loss in each direction if as many copies of a first flight as here are answered once; `None`
    /// if all could still be.
    pub(crate) fn loss(&mut self, now: Time) -> Option<f64> {
        self.count_unanswered(now);
        (self.unanswered > 0).then(|| 1.0 - (1.0 / f64::from(self.unanswered + 1)).sqrt())
    }

    fn count_unanswered(&mut self, now: Time) {
        while self.copies.front().is_some_and(|&sent| sent + RTT_MAX < now) {
            self.copies.pop_front();
            self.unanswered += 1;
        }
    }

    /// Round-trip time, or more: an earlier copy than the one that was answered may have been lost.
    pub(crate) fn rtt(&self, now: Time) -> Option<Duration> {
        self.first_copy.map(|sent| now.saturating_since(sent).min(RTT_MAX))
    }
}

/// What the client offers, padded so that a packet with a head of so many bytes may have an answer.
fn hello(config: &Config, login: &[u8], head: usize) -> Vec<u8> {
    let ciphers: Vec<u8> = config.ciphers.iter().map(|cipher| cipher.number()).collect();
    let mut hello = Hello {
        versions: &[rtm_wire::VERSION],
        ciphers: &ciphers,
        features: 0,
        params: config.params(),
        login,
        padding: 0,
    };
    hello.padding = INITIAL_LEN_MIN.saturating_sub(head + hello.encoded_len());
    let mut payload = Vec::with_capacity(hello.encoded_len());
    hello.encode(&mut payload);
    payload
}

fn check_login(login: &[u8]) -> Result<(), ConnectError> {
    if login.len() > HANDSHAKE_LOGIN_MAX {
        let (length, limit) = (login.len(), HANDSHAKE_LOGIN_MAX);
        return Err(ConnectError::LoginTooLong { length, limit });
    }
    Ok(())
}

fn check_early(login: &[u8], ticket: &Ticket, early: &[Bytes]) -> Result<(), ConnectError> {
    if early.is_empty() {
        return Ok(());
    }
    if login.is_empty() {
        return Err(ConnectError::EarlyWithoutLogin);
    }
    let length = early.iter().map(|message| message.len() + EARLY_OVERHEAD).sum();
    let room = INITIAL_LEN_MAX - INITIAL_OVERHEAD - RESUMPTION_OVERHEAD;
    // The ticket's length takes two bytes more.
    let limit = room.saturating_sub(ticket.bytes.len() + 2).min(ticket.early_len_max);
    if length > limit || early.len() > limits::EARLY_MESSAGES {
        return Err(ConnectError::EarlyTooLong { length, limit });
    }
    Ok(())
}
