//! A client's handshake under way.

use std::net::SocketAddr;
use std::time::Duration;

use rtm_wire::{ConnectionId, Encode, Hello, Initial, KeyId, Time};

use super::prologue;
use crate::config::Config;
use crate::crypto::{ClientHandshake, Generator, PublicKey};
use crate::error::{CloseCause, ConnectError};

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
/// Cookies that are sent back. More than one, because anybody could have sent the first, and
/// because a server that restarts asks again; few, or anybody could make a client shout.
const COOKIES_MAX: u8 = 3;

/// Longest login in bytes that fits the handshake.
pub const HANDSHAKE_LOGIN_MAX: usize = INITIAL_LEN_MAX - INITIAL_OVERHEAD;

/// Everything that a client keeps until the server's reply.
#[derive(Debug)]
pub(crate) struct Connecting {
    pub(crate) server: SocketAddr,
    pub(crate) local_cid: ConnectionId,
    pub(crate) handshake: ClientHandshake,
    noise: Vec<u8>,
    cookie: Vec<u8>,
    cookies_left: u8,
    /// A key hint that names another key than the one used.
    other_key: Option<KeyId>,
    /// What a server says that it speaks instead; empty while none did.
    versions: Vec<u8>,
    key_id: KeyId,
    pause: Duration,
    next_copy: Time,
    /// When the first copy went out: the reply is most likely the answer to it.
    first_copy: Option<Time>,
    give_up: Time,
}

impl Connecting {
    pub(crate) fn start(
        now: Time,
        config: &Config,
        server: SocketAddr,
        key: &PublicKey,
        login: &[u8],
        generator: &mut Generator,
    ) -> Result<Self, ConnectError> {
        if login.len() > HANDSHAKE_LOGIN_MAX {
            let (length, limit) = (login.len(), HANDSHAKE_LOGIN_MAX);
            return Err(ConnectError::LoginTooLong { length, limit });
        }
        let local_cid = generator.connection_id();
        let ciphers: Vec<u8> = config.ciphers.iter().map(|cipher| cipher.number()).collect();
        let mut hello = Hello {
            versions: &[rtm_wire::VERSION],
            ciphers: &ciphers,
            features: 0,
            params: config.params(),
            login,
            padding: 0,
        };
        hello.padding = (INITIAL_LEN_MIN - INITIAL_HEAD).saturating_sub(hello.encoded_len());
        let mut payload = Vec::with_capacity(hello.encoded_len());
        hello.encode(&mut payload);
        let mut noise = Vec::new();
        let prologue = prologue(rtm_wire::VERSION, local_cid);
        let handshake =
            ClientHandshake::start(key, &prologue, generator.fork(), &payload, &mut noise)
                .map_err(|error| ConnectError::Key(error.to_string()))?;
        Ok(Self {
            server,
            local_cid,
            handshake,
            noise,
            cookie: Vec::new(),
            cookies_left: COOKIES_MAX,
            other_key: None,
            versions: Vec::new(),
            key_id: key.key_id(),
            pause: PAUSE,
            next_copy: now,
            first_copy: None,
            give_up: now + config.handshake_timeout,
        })
    }

    pub(crate) fn poll_timeout(&self) -> Time {
        self.next_copy.min(self.give_up)
    }

    pub(crate) fn has_timed_out(&self, now: Time) -> bool {
        now >= self.give_up
    }

    /// Writes the first flight if it is time for another copy.
    pub(crate) fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> bool {
        if now < self.next_copy {
            return false;
        }
        self.first_copy.get_or_insert(now);
        self.next_copy = now + self.pause;
        self.pause = (self.pause * 3 / 2).min(PAUSE_MAX);
        datagram.clear();
        let initial = Initial {
            version: rtm_wire::VERSION,
            client_cid: self.local_cid,
            cookie: &self.cookie,
            noise: &self.noise,
        };
        initial.encode(datagram);
        true
    }

    /// The server wants the cookie back: the same first flight again, with it, at once. The first
    /// few count; an empty one, or one that is used already, says nothing.
    pub(crate) fn on_retry(&mut self, now: Time, cookie: &[u8]) {
        if self.cookies_left == 0 || cookie.is_empty() || cookie == self.cookie {
            return;
        }
        self.cookies_left -= 1;
        self.cookie = cookie.to_vec();
        self.next_copy = now;
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

    /// Round-trip time, or more: an earlier copy than the one that was answered may have been lost.
    pub(crate) fn rtt(&self, now: Time) -> Option<Duration> {
        self.first_copy.map(|sent| now.saturating_since(sent).min(RTT_MAX))
    }
}
