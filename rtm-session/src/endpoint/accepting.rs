//! A server's handshakes under way, and those answered not long ago.

use std::collections::{BTreeMap, VecDeque};

use rtm_wire::{Accepted, Cipher, ConnectionId, Time, TransportParams};

use super::load::Place;
use crate::crypto::ServerHandshake;
use crate::event::{LoginId, SessionId};
use crate::recovery::Remembered;
use crate::remote::Remote;

/// A first flight is recognised by the client's connection id and its Noise key: a repeated one
/// gets the identical answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FlightKey {
    client_cid: ConnectionId,
    ephemeral: [u8; 32],
}

impl FlightKey {
    /// `None` for a Noise message too short to be one.
    pub(crate) fn new(client_cid: ConnectionId, noise: &[u8]) -> Option<Self> {
        let ephemeral = noise.get(..32)?.try_into().ok()?;
        Some(Self { client_cid, ephemeral })
    }
}

/// A handshake as far as it got.
#[derive(Debug)]
pub(crate) enum Flight {
    /// The application has been asked.
    Asked(Box<Asked>),
    /// It has answered; the answer is kept for repetitions. The session is there if the login was
    /// accepted.
    Answered { reply: Vec<u8>, session: Option<SessionId> },
    /// The client has shown that it has the answer: a late copy needs none.
    Proved,
}

/// What a server keeps while its application decides.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) handshake: ServerHandshake,
    pub(crate) from: Remote,
    pub(crate) client_cid: ConnectionId,
    pub(crate) cipher: Cipher,
    pub(crate) version: u8,
    pub(crate) params: TransportParams,
    /// Length of the datagram, against amplification.
    pub(crate) received: usize,
    pub(crate) is_resumption: bool,
    /// What the session with its ticket had learnt.
    pub(crate) remembered: Option<Remembered>,
    /// Feature bits of the welcome.
    pub(crate) features: u64,
}

impl Asked {
    pub(crate) fn accepted(
        &self,
        server_cid: ConnectionId,
        reset_token: rtm_wire::ResetToken,
        params: TransportParams,
    ) -> Accepted {
        let Self { version, cipher, features, .. } = *self;
        Accepted { version, cipher, features, server_cid, reset_token, params }
    }
}

#[derive(Debug)]
struct Entry {
    flight: Flight,
    login: LoginId,
    /// Where it came from, if that was proved: one place may have only a part of the table. Of
    /// other entries somebody else may have said where they come from.
    place: Option<Place>,
}

/// The part of the table that one place may have under way, and the least.
const PLACE_SHARE: usize = 16;
const PLACE_MIN: usize = 4;
/// Flights of clients that are in, for each that may be under way. They are small, and each was
/// paid for with a handshake by somebody who is where it says.
const PROVED_MAX: usize = 64;

/// The bounded table of first flights.
///
/// Invariant: `proved` entries are [`Flight::Proved`]; the others are under way and count as load.
#[derive(Debug)]
pub(crate) struct Flights {
    flights_max: usize,
    proved: usize,
    entries: BTreeMap<FlightKey, Entry>,
    /// All entries, oldest first: they are all kept for the same time.
    order: VecDeque<(Time, FlightKey)>,
    logins: BTreeMap<LoginId, FlightKey>,
    /// Flights under way by their proved place.
    places: BTreeMap<Place, usize>,
    /// Logins that were accepted and whose clients have not yet proved themselves.
    unproved: BTreeMap<SessionId, LoginId>,
    next_login: u64,
}

impl Flights {
    pub(crate) const fn new(flights_max: usize) -> Self {
        Self {
            flights_max,
            proved: 0,
            entries: BTreeMap::new(),
            order: VecDeque::new(),
            logins: BTreeMap::new(),
            places: BTreeMap::new(),
            unproved: BTreeMap::new(),
            next_login: 1,
        }
    }

    pub(crate) fn get(&self, key: &FlightKey) -> Option<&Flight> {
        self.entries.get(key).map(|entry| &entry.flight)
    }

    /// From half of the table on, addresses have to be proved first.
    pub(crate) fn is_under_load(&self) -> bool {
        self.under_way() * 2 >= self.flights_max
    }

    pub(crate) fn is_full(&self) -> bool {
        self.under_way() >= self.flights_max || self.proved >= self.flights_max * PROVED_MAX
    }

    /// Whether a place has as many under way as one may have.
    pub(crate) fn is_crowded(&self, place: Place) -> bool {
        let most = (self.flights_max / PLACE_SHARE).max(PLACE_MIN);
        self.places.get(&place).is_some_and(|count| *count >= most)
    }

    fn under_way(&self) -> usize {
        self.entries.len() - self.proved
    }

    /// Remembers a flight; `place` is where it came from, if that is proved.
    pub(crate) fn insert(
        &mut self,
        key: FlightKey,
        flight: Flight,
        place: Option<Place>,
        forget: Time,
    ) -> LoginId {
        let login = LoginId(self.next_login);
        self.next_login += 1;
        if let Some(place) = place {
            *self.places.entry(place).or_default() += 1;
        }
        self.entries.insert(key, Entry { flight, login, place });
        self.order.push_back((forget, key));
        self.logins.insert(login, key);
        login
    }

    /// Whether this waits for the answer to a resumption.
    pub(crate) fn is_resumption(&self, login: LoginId) -> bool {
        let entry = self.logins.get(&login).and_then(|key| self.entries.get(key));
        entry.is_some_and(|entry| match &entry.flight {
            Flight::Asked(asked) => asked.is_resumption,
            _ => false,
        })
    }

    /// Takes what was kept for the answer; `None` when the login has timed out or is answered.
    pub(crate) fn take_asked(&mut self, login: LoginId) -> Option<Asked> {
        let entry = self.entries.get_mut(self.logins.get(&login)?)?;
        let answered = Flight::Answered { reply: Vec::new(), session: None };
        match std::mem::replace(&mut entry.flight, answered) {
            Flight::Asked(asked) => Some(*asked),
            other => {
                entry.flight = other;
                None
            }
        }
    }

    pub(crate) fn answered(&mut self, login: LoginId, reply: Vec<u8>, session: Option<SessionId>) {
        let entry = self.logins.get(&login).and_then(|key| self.entries.get_mut(key));
        if let Some(entry) = entry {
            entry.flight = Flight::Answered { reply, session };
        }
        if let Some(session) = session {
            self.unproved.insert(session, login);
        }
    }

    /// The session's client has proved itself: the login that it began with.
    pub(crate) fn prove(&mut self, session: SessionId) -> Option<LoginId> {
        let login = self.unproved.remove(&session)?;
        let entry = self.logins.get(&login).and_then(|key| self.entries.get_mut(key));
        if let Some(entry) = entry {
            entry.flight = Flight::Proved;
            self.proved += 1;
            let place = entry.place.take();
            self.leave(place);
        }
        Some(login)
    }

    /// The session has ended, perhaps before its client has proved itself.
    pub(crate) fn forget_session(&mut self, session: SessionId) {
        self.unproved.remove(&session);
    }

    pub(crate) fn next_forget(&self) -> Option<Time> {
        self.order.front().map(|&(forget, _)| forget)
    }

    pub(crate) fn forget_until(&mut self, now: Time) {
        while let Some((_, key)) = self.pop_forgotten(now) {
            if let Some(entry) = self.entries.remove(&key) {
                self.logins.remove(&entry.login);
                self.proved -= usize::from(matches!(entry.flight, Flight::Proved));
                self.leave(entry.place);
            }
        }
    }

    /// A flight of this place is no longer under way.
    fn leave(&mut self, place: Option<Place>) {
        let Some(place) = place else { return };
        if let Some(count) = self.places.get_mut(&place) {
            *count -= 1;
            if *count == 0 {
                self.places.remove(&place);
            }
        }
    }

    fn pop_forgotten(&mut self, now: Time) -> Option<(Time, FlightKey)> {
        let is_due = self.order.front().is_some_and(|(forget, _)| *forget <= now);
        if is_due { self.order.pop_front() } else { None }
    }
}
