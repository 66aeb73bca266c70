//! The server's side of the handshake.

use rtm_wire::{
    Cipher, ConnectionId, Encode, Hello, Initial, KeyHint, ReplyPacket, Reset, Retry, Time,
    Versions, Welcome,
};

use super::accepting::{Asked, Flight, FlightKey, Flights};
use super::load::{Failures, Place};
use super::stateless::Answer;
use super::tickets::Tickets;
use super::{Endpoint, LOGIN_ANSWER_MAX, Role, prologue};
use crate::config::Config;
use crate::crypto::{
    CookieMaker, Generator, PacketKeys, ResetSecret, Role as KeyRole, ServerHandshake, StaticKey,
};
use crate::event::{Event, LoginAnswer, LoginId, SessionId};
use crate::recovery::Remembered;
use crate::remote::Remote;
use crate::session::{Parts, Session};

/// What only a server has.
#[derive(Debug)]
pub(crate) struct Server {
    key: StaticKey,
    reset_secret: ResetSecret,
    cookies: CookieMaker,
    pub(crate) flights: Flights,
    pub(super) failures: Failures,
    pub(super) tickets: Tickets,
}

/// What first flights of both kinds have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstFlight<'a> {
    pub(super) from: Remote,
    pub(super) version: u8,
    pub(super) client_cid: ConnectionId,
    pub(super) cookie: &'a [u8],
    pub(super) noise: &'a [u8],
    /// Length of the datagram.
    pub(super) received: usize,
}

/// Under which name a first flight is remembered, and where it came from, if that is proved.
pub(super) type Admitted = (FlightKey, Option<Place>);

/// What a first flight holds, opened.
pub(super) struct Opened<'a> {
    pub(super) handshake: ServerHandshake,
    pub(super) hello: Hello<'a>,
    pub(super) is_resumption: bool,
    pub(super) remembered: Option<Remembered>,
    /// Feature bits of the welcome.
    pub(super) features: u64,
}

impl Server {
    pub(crate) fn new(key: StaticKey, config: &Config, generator: &mut Generator) -> Self {
        let reset_secret = ResetSecret::new(&key);
        let cookies = CookieMaker::new(generator.fork());
        let tickets = Tickets::new(config.tickets.clone(), generator);
        let (flights, failures) = (Flights::new(config.handshakes_max), Failures::new());
        Self { key, reset_secret, cookies, flights, failures, tickets }
    }

    pub(crate) fn reset(&self, cid: ConnectionId) -> Reset {
        Reset { token: self.reset_secret.token(cid) }
    }
}

impl Endpoint {
    pub(super) fn handle_initial(
        &mut self,
        now: Time,
        from: Remote,
        initial: &Initial<'_>,
        received: usize,
    ) {
        let Initial { version, client_cid, cookie, noise } = *initial;
        let flight = FirstFlight { from, version, client_cid, cookie, noise, received };
        if let Some(admitted) = self.admit(now, &flight) {
            self.open_initial(now, &flight, admitted);
        }
    }

    /// Whether there is room for a first flight that is new, and time to look into it.
    pub(super) fn admit(&mut self, now: Time, flight: &FirstFlight<'_>) -> Option<Admitted> {
        let Role::Server(server) = &mut self.role else { return None };
        let FirstFlight { from, client_cid, received, .. } = *flight;
        let counters = &mut self.counters;
        if flight.version != rtm_wire::VERSION {
            counters.incompatible += 1;
            let versions = Versions { client_cid, versions: &[rtm_wire::VERSION] };
            let to = (Answer::Versions, from);
            self.stateless.answer(now, to, received, &versions, counters);
            return None;
        }
        let Some(key) = FlightKey::new(client_cid, flight.noise) else {
            counters.undecipherable += 1;
            return None;
        };
        match server.flights.get(&key) {
            Some(Flight::Answered { reply, session }) if !reply.is_empty() => {
                self.stateless.repeat(from, received, reply, counters);
                if let Some(state) = session.and_then(|id| self.sessions.get_mut(&id)) {
                    state.on_reply_sent(from);
                }
                return None;
            }
            // The application is still thinking, the answer could not be given, or it is no news.
            Some(_) => return None,
            None => {}
        }
        // An address that isn't proved is not held against anybody.
        let mut proved = None;
        if server.flights.is_under_load() || server.failures.are_load(now) {
            if !server.cookies.check(now, from.addr(), client_cid, flight.cookie) {
                counters.unproved += 1;
                let cookie = server.cookies.make(now, from.addr(), client_cid);
                let retry = Retry { client_cid, cookie: &cookie };
                let to = (Answer::Cookie, from);
                self.stateless.answer(now, to, received, &retry, counters);
                return None;
            }
            proved = Some(Place::new(from.addr()));
        }
        let is_greedy = proved.is_some_and(|place| {
            server.flights.is_crowded(place) || server.failures.are_too_many(now, place)
        });
        if server.flights.is_full() || is_greedy {
            counters.refused += 1;
            return None;
        }
        Some((key, proved))
    }

    /// Takes a first flight for which there is room.
    fn open_initial(&mut self, now: Time, flight: &FirstFlight<'_>, admitted: Admitted) {
        let Role::Server(server) = &mut self.role else { return };
        let FirstFlight { from, client_cid, received, .. } = *flight;
        let (proved, counters) = (admitted.1, &mut self.counters);
        let prologue = prologue(flight.version, client_cid);
        let mut payload = Vec::new();
        let seed = self.generator.fork();
        let handshake =
            ServerHandshake::read(&server.key, &prologue, seed, flight.noise, &mut payload);
        let Ok(handshake) = handshake else {
            counters.undecipherable += 1;
            server.failures.note(now, proved);
            let hint = KeyHint { client_cid, key_id: server.key.public().key_id() };
            let to = (Answer::KeyHint, from);
            return self.stateless.answer(now, to, received, &hint, counters);
        };
        let Ok(hello) = Hello::decode(&payload) else {
            server.failures.note(now, proved);
            return counters.undecipherable += 1;
        };
        let opened =
            Opened { handshake, hello, is_resumption: false, remembered: None, features: 0 };
        if let Some(login) = self.ask(now, flight, admitted, opened) {
            let payload = bytes::Bytes::copy_from_slice(hello.login);
            let from = from.addr();
            self.events.push_back(Event::LoginRequested { login, from, payload });
        }
    }

    /// Keeps what the answer needs, while the application is asked; `None` if nothing is in common
    /// with the client, which is told.
    pub(super) fn ask(
        &mut self,
        now: Time,
        flight: &FirstFlight<'_>,
        (key, proved): Admitted,
        opened: Opened<'_>,
    ) -> Option<LoginId> {
        let Role::Server(server) = &mut self.role else { return None };
        let Opened { handshake, hello, is_resumption, remembered, features } = opened;
        let FirstFlight { from, client_cid, received, .. } = *flight;
        let offers = |cipher: &&Cipher| hello.ciphers.contains(&cipher.number());
        let cipher = self.config.ciphers.iter().find(offers);
        let forget = now + self.config.handshake_timeout;
        let (Some(&cipher), true) = (cipher, hello.versions.contains(&rtm_wire::VERSION)) else {
            self.counters.incompatible += 1;
            let reply = refusal(handshake, client_cid)?;
            self.stateless.repeat(from, received, &reply, &mut self.counters);
            server.flights.insert(key, Flight::Answered { reply, session: None }, proved, forget);
            return None;
        };
        let asked = Asked {
            handshake,
            from,
            client_cid,
            cipher,
            version: rtm_wire::VERSION,
            params: hello.params,
            received,
            is_resumption,
            remembered,
            features,
        };
        Some(server.flights.insert(key, Flight::Asked(asked.into()), proved, forget))
    }

    pub(super) fn answer(&mut self, now: Time, login: LoginId, answer: LoginAnswer<'_>) {
        let Role::Server(server) = &mut self.role else {
            panic!("answer_login() is a server's call, and this is a client's endpoint");
        };
        let Some(asked) = server.flights.take_asked(login) else { return };
        let server_cid = self.generator.connection_id();
        let reset_token = server.reset_secret.token(server_cid);
        let is_full = self.sessions.len() >= self.config.sessions_max;
        let (outcome, answer) = match answer {
            LoginAnswer::Accept(_) if is_full => {
                self.counters.refused += 1;
                (Err(rtm_wire::ErrorCode::LOGIN_NO_SERVER_RESOURCES.0), &[][..])
            }
            LoginAnswer::Accept(answer) => {
                (Ok(asked.accepted(server_cid, reset_token, self.config.params())), answer)
            }
            LoginAnswer::Reject(code, answer) => (Err(code.0.max(1)), answer),
        };
        assert!(
            answer.len() <= LOGIN_ANSWER_MAX,
            "a login answer of {} bytes is above {LOGIN_ANSWER_MAX}",
            answer.len()
        );
        let welcome = Welcome { outcome, answer };
        let mut payload = Vec::with_capacity(welcome.encoded_len());
        welcome.encode(&mut payload);
        let is_accepted = outcome.is_ok();
        let Asked { handshake, from, client_cid, cipher, params, received, remembered, .. } = asked;
        let mut noise = Vec::new();
        let Ok(secrets) = handshake.answer(&payload, &mut noise) else { return };
        let packet = ReplyPacket { client_cid, noise: &noise };
        let mut reply = Vec::with_capacity(packet.encoded_len());
        packet.encode(&mut reply);
        self.stateless.repeat(from, received, &reply, &mut self.counters);
        let keys = PacketKeys::new(cipher, &secrets, KeyRole::Server, self.config.key_packets);
        let session = match keys {
            Some(keys) if is_accepted => {
                let cids = (server_cid, client_cid);
                Some(self.add_unproved(now, from, cids, keys, (params, remembered)))
            }
            _ => None,
        };
        if let Role::Server(server) = &mut self.role {
            server.flights.answered(login, reply, session);
        }
    }

    /// A session whose client has not shown yet that it has the keys.
    fn add_unproved(
        &mut self,
        now: Time,
        remote: Remote,
        (local_cid, remote_cid): (ConnectionId, ConnectionId),
        keys: PacketKeys,
        (peer, remembered): (rtm_wire::TransportParams, Option<Remembered>),
    ) -> SessionId {
        let id = self.next_session_id();
        let parts = Parts {
            id,
            remote,
            local_cid,
            remote_cid,
            keys,
            peer,
            reset_token: None,
            rtt: None,
            loss: None,
            remembered,
            generator: self.generator.fork_generator(),
            proof_due: Some(now + self.config.handshake_timeout),
            fallback: None,
        };
        let session = Session::new(now, &self.config, parts);
        self.insert(now, session, id);
        id
    }
}

/// The reply to a client with which nothing is in common.
fn refusal(handshake: ServerHandshake, client_cid: ConnectionId) -> Option<Vec<u8>> {
    let outcome = Err(rtm_wire::ErrorCode::SERVICE_NOT_SUPPORTED.0);
    let welcome = Welcome { outcome, answer: &[] };
    let (mut payload, mut noise, mut reply) = (Vec::new(), Vec::new(), Vec::new());
    welcome.encode(&mut payload);
    handshake.answer(&payload, &mut noise).ok()?;
    ReplyPacket { client_cid, noise: &noise }.encode(&mut reply);
    Some(reply)
}
