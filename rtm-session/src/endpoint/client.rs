//! The client's side of the handshake.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use bytes::Bytes;
use rtm_wire::{
    Accepted, CloseCode, ConnectionId, ErrorCode, KeyId, LaneId, ResetToken, Time, Welcome,
};

use super::connecting::{Connecting, Target};
use super::deadlines::Deadlines;
use super::race::Race;
use super::{Endpoint, Role};
use crate::config::Carriers;
use crate::crypto::{PacketKeys, PublicKey, Role as KeyRole, TrafficSecrets};
use crate::error::{CloseCause, ConnectError};
use crate::event::{Event, SessionId};
use crate::lane::SendOptions;
use crate::remote::Remote;
use crate::session::{Fallback, Parts, Session};
use crate::ticket::Ticket;

/// Handshakes that this client has under way.
#[derive(Debug, Default)]
pub(crate) struct Client {
    /// The last session began on a stream: datagrams may not pass.
    prefers_streams: bool,
    /// Attempts to open a stream that had failed when one brought a reply: the kind that passes.
    attempt: u32,
    connecting: BTreeMap<SessionId, Connecting>,
    by_cid: BTreeMap<ConnectionId, SessionId>,
}

/// A server's welcome.
struct Welcomed {
    accepted: Accepted,
    keys: PacketKeys,
    answer: Bytes,
}

impl Client {
    pub(crate) fn is_idle(&self) -> bool {
        self.connecting.is_empty()
    }

    /// The application has changed its mind before the server answered.
    pub(crate) fn cancel(
        &mut self,
        session: SessionId,
        code: CloseCode,
        deadlines: &mut Deadlines<SessionId>,
        events: &mut VecDeque<Event>,
    ) {
        if self.remove(session).is_some() {
            deadlines.set(session, None);
            events.push_back(Event::Closed { session, cause: CloseCause::Local(code) });
        }
    }

    /// A stream for a handshake is there; whether it is still wanted.
    pub(crate) fn on_stream_opened(
        &mut self,
        now: Time,
        session: SessionId,
        remote: Remote,
    ) -> bool {
        let connecting = self.connecting.get_mut(&session);
        connecting.map(|connecting| connecting.race.on_opened(now, remote)).is_some()
    }

    /// A stream of a handshake has ended.
    pub(crate) fn on_stream_closed(&mut self, session: SessionId) {
        if let Some(connecting) = self.connecting.get_mut(&session) {
            connecting.race.on_closed();
        }
    }

    fn insert(&mut self, session: SessionId, connecting: Connecting) {
        self.by_cid.insert(connecting.local_cid, session);
        self.connecting.insert(session, connecting);
    }

    fn remove(&mut self, session: SessionId) -> Option<Connecting> {
        let connecting = self.connecting.remove(&session)?;
        self.by_cid.remove(&connecting.local_cid);
        Some(connecting)
    }
}

impl Endpoint {
    pub(super) fn connect_to(
        &mut self,
        now: Time,
        server: SocketAddr,
        key: &PublicKey,
        login: &[u8],
    ) -> Result<SessionId, ConnectError> {
        self.check_room()?;
        let to = Target { server, key, login };
        let generator = &mut self.generator;
        let connecting = Connecting::start(now, &self.config, to, Vec::new(), generator)?;
        Ok(self.begin_connecting(now, connecting))
    }

    pub(super) fn resume_with(
        &mut self,
        now: Time,
        (server, key, login): (SocketAddr, &PublicKey, &[u8]),
        ticket: &Ticket,
        early: &[Bytes],
    ) -> Result<SessionId, ConnectError> {
        self.check_room()?;
        let to = Target { server, key, login };
        let (config, generator) = (&self.config, &mut self.generator);
        let with = (ticket, early.to_vec());
        let mut connecting = Connecting::resume(now, config, to, with, generator)?;
        if ticket.is_expired(now) {
            // What would be wrong with early messages is wrong now, too, and not only sometimes.
            connecting = Connecting::start(now, config, to, connecting.early, generator)?;
        }
        Ok(self.begin_connecting(now, connecting))
    }

    fn check_room(&self) -> Result<(), ConnectError> {
        let Role::Client(client) = &self.role else {
            panic!("connecting is a client's call, and this is a server's endpoint");
        };
        let limit = self.config.sessions_max;
        match self.sessions.len() + client.connecting.len() >= limit {
            true => Err(ConnectError::TooManySessions { limit }),
            false => Ok(()),
        }
    }

    fn begin_connecting(&mut self, now: Time, mut connecting: Connecting) -> SessionId {
        let session = self.next_session_id();
        if let Role::Client(client) = &mut self.role {
            let (is_hurried, attempt) = (client.prefers_streams, client.attempt);
            connecting.race = Race::new(now, self.config.carriers, is_hurried, attempt);
            client.insert(session, connecting);
        }
        self.touch(now, session);
        session
    }

    /// The server can do nothing with the ticket, or somebody says so: a full handshake follows,
    /// which proves more, not less.
    pub(super) fn handle_no_ticket(&mut self, now: Time, client_cid: ConnectionId) {
        let Role::Client(client) = &mut self.role else { return };
        let found = client.by_cid.get(&client_cid).copied().and_then(|id| {
            let connecting = client.connecting.get_mut(&id)?;
            Some((id, connecting.fall_back(now, &self.config, &mut self.generator)?))
        });
        let Some((id, full)) = found else { return self.counters.misplaced += 1 };
        client.remove(id);
        client.insert(id, full);
        self.touch(now, id);
    }

    pub(super) fn handle_reply(
        &mut self,
        now: Time,
        from: Remote,
        client_cid: ConnectionId,
        noise: &[u8],
    ) {
        let Role::Client(client) = &mut self.role else { return };
        let found = client.by_cid.get(&client_cid).copied().and_then(|id| {
            let connecting = client.connecting.get_mut(&id)?;
            Some((id, connecting.route(from)?, connecting))
        });
        let Some((id, remote, connecting)) = found else { return self.counters.misplaced += 1 };
        let mut payload = Vec::new();
        let Ok(secrets) = connecting.handshake.finish(noise, &mut payload) else {
            return self.counters.undecipherable += 1;
        };
        let connecting = client.remove(id).expect("found above");
        client.prefers_streams = remote.is_stream();
        if remote.is_stream() {
            client.attempt = connecting.race.attempt;
        }
        self.deadlines.set(id, None);
        match self.read_welcome(id, &payload, &secrets) {
            Ok(welcomed) => self.begin_session(now, id, remote, connecting, welcomed),
            Err(event) => {
                self.streams.close_of(id);
                self.events.push_back(*event);
            }
        }
    }

    /// What the server says, or what becomes of the session instead.
    fn read_welcome(
        &self,
        session: SessionId,
        payload: &[u8],
        secrets: &TrafficSecrets,
    ) -> Result<Welcomed, Box<Event>> {
        let welcome = Welcome::decode(payload).map_err(|error| {
            let cause = CloseCause::Violation(error.into());
            Event::Closed { session, cause }
        })?;
        let answer = Bytes::copy_from_slice(welcome.answer);
        let accepted = match welcome.outcome {
            Ok(accepted) => accepted,
            Err(code) => {
                return Err(Event::Refused { session, code: ErrorCode(code), answer }.into());
            }
        };
        let is_offered = self.config.ciphers.contains(&accepted.cipher);
        let keys =
            PacketKeys::new(accepted.cipher, secrets, KeyRole::Client, self.config.key_packets);
        match (is_offered, keys, accepted.version) {
            (true, Some(keys), rtm_wire::VERSION) => Ok(Welcomed { accepted, keys, answer }),
            _ => {
                let offered_by_server = vec![accepted.version];
                let cause = CloseCause::Versions { offered_by_server };
                Err(Event::Closed { session, cause }.into())
            }
        }
    }

    fn begin_session(
        &mut self,
        now: Time,
        id: SessionId,
        remote: Remote,
        mut connecting: Connecting,
        Welcomed { accepted, keys, answer }: Welcomed,
    ) {
        let is_resumption = connecting.is_resumption();
        let remembered = connecting.ticket().and_then(|ticket| self.remembered(ticket));
        let (rtt, loss) = (connecting.rtt(now), connecting.loss(now));
        let carriers = self.config.carriers;
        let fallback = (carriers != Carriers::Datagrams).then(|| {
            let attempt = connecting.race.attempt;
            let spare = connecting.race.into_spare(now, remote);
            Fallback::new(now, carriers, connecting.server, remote, spare, attempt)
        });
        let parts = Parts {
            id,
            remote,
            local_cid: connecting.local_cid,
            remote_cid: accepted.server_cid,
            keys,
            peer: accepted.params,
            reset_token: Some(accepted.reset_token),
            rtt,
            loss,
            remembered,
            generator: self.generator.fork_generator(),
            proof_due: None,
            fallback,
        };
        let mut session = Session::new(now, &self.config, parts);
        let is_taken = accepted.features & Accepted::EARLY_TAKEN != 0;
        let early_taken = is_resumption && is_taken && !connecting.early.is_empty();
        if !early_taken {
            for message in connecting.early {
                // They are short and few, and a new session has room for them.
                let _ = session.send(now, LaneId::CONTROL, message, SendOptions::new());
            }
        }
        self.insert(now, session, id);
        self.events.push_back(match is_resumption {
            true => Event::Resumed { session: id, answer, early_taken },
            false => Event::Connected { session: id, answer },
        });
    }

    pub(super) fn handle_retry(&mut self, now: Time, client_cid: ConnectionId, cookie: &[u8]) {
        if let Some((id, connecting)) = self.connecting(client_cid) {
            connecting.on_retry(now, cookie);
            self.touch(now, id);
        }
    }

    pub(super) fn handle_key_hint(&mut self, client_cid: ConnectionId, key_id: KeyId) {
        if let Some((_, connecting)) = self.connecting(client_cid) {
            connecting.on_key_hint(key_id);
        }
    }

    /// Anybody could have sent this, so the handshake goes on; it is what the timeout will say.
    pub(super) fn handle_versions(&mut self, client_cid: ConnectionId, versions: &[u8]) {
        if let Some((_, connecting)) = self.connecting(client_cid) {
            connecting.on_versions(versions);
        }
    }

    pub(super) fn handle_reset(&mut self, now: Time, from: Remote, token: ResetToken) {
        let (events, streams) = (&mut self.events, &self.streams);
        let found = self.sessions.iter_mut().find_map(|(&id, session)| {
            // It may have been asked over a stream that it isn't on yet.
            let is_there = session.remote() == from || streams.owner(from) == Some(id);
            (is_there && session.on_reset(token, events)).then_some(id)
        });
        match found {
            Some(id) => self.touch(now, id),
            None => self.counters.misplaced += 1,
        }
    }

    pub(super) fn handle_connecting_timeout(&mut self, now: Time, id: SessionId) {
        let Role::Client(client) = &mut self.role else { return };
        let has_timed_out = client.connecting.get(&id).is_some_and(|c| c.has_timed_out(now));
        if has_timed_out {
            let connecting = client.remove(id).expect("found above");
            client.attempt = connecting.race.failed();
            let cause = connecting.timeout_cause();
            self.streams.close_of(id);
            self.events.push_back(Event::Closed { session: id, cause });
        } else {
            self.touch(now, id);
        }
    }

    pub(super) fn transmit_connecting(
        &mut self,
        now: Time,
        id: SessionId,
        datagram: &mut Vec<u8>,
    ) -> Option<Remote> {
        let Role::Client(client) = &mut self.role else { return None };
        let connecting = client.connecting.get_mut(&id)?;
        if let Some(stream) = connecting.race.give_up(now) {
            self.streams.close(stream);
        }
        if connecting.race.wants_stream(now) {
            self.streams.open(id, connecting.server, connecting.race.attempt);
        }
        connecting.poll_transmit(now, datagram)
    }

    pub(super) fn settle_connecting(&mut self, id: SessionId) {
        if let Role::Client(client) = &self.role {
            let deadline = client.connecting.get(&id).map(Connecting::poll_timeout);
            self.deadlines.set(id, deadline);
        }
    }

    fn connecting(&mut self, cid: ConnectionId) -> Option<(SessionId, &mut Connecting)> {
        let Role::Client(client) = &mut self.role else { return None };
        let found = client.by_cid.get(&cid).copied();
        if found.is_none() {
            self.counters.misplaced += 1;
        }
        let id = found?;
        client.connecting.get_mut(&id).map(|connecting| (id, connecting))
    }
}
