//! The client's side of the handshake.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use bytes::Bytes;
use rtm_wire::{CloseCode, ConnectionId, ErrorCode, KeyId, ResetToken, Time, Welcome};

use super::connecting::Connecting;
use super::deadlines::Deadlines;
use super::{Endpoint, Role};
use crate::crypto::{PacketKeys, PublicKey, Role as KeyRole};
use crate::error::{CloseCause, ConnectError};
use crate::event::{Event, SessionId};
use crate::session::{Parts, Session};

/// Handshakes that this client has under way.
#[derive(Debug, Default)]
pub(crate) struct Client {
    connecting: BTreeMap<SessionId, Connecting>,
    by_cid: BTreeMap<ConnectionId, SessionId>,
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
        let Role::Client(client) = &self.role else {
            panic!("connect() is a client's call, and this is a server's endpoint");
        };
        let limit = self.config.sessions_max;
        if self.sessions.len() + client.connecting.len() >= limit {
            return Err(ConnectError::TooManySessions { limit });
        }
        let connecting =
            Connecting::start(now, &self.config, server, key, login, &mut self.generator)?;
        let session = self.next_session_id();
        if let Role::Client(client) = &mut self.role {
            client.by_cid.insert(connecting.local_cid, session);
            client.connecting.insert(session, connecting);
        }
        self.touch(now, session);
        Ok(session)
    }

    pub(super) fn handle_reply(&mut self, now: Time, client_cid: ConnectionId, noise: &[u8]) {
        let Role::Client(client) = &mut self.role else { return };
        let Some(&id) = client.by_cid.get(&client_cid) else {
            return self.counters.misplaced += 1;
        };
        let connecting = client.connecting.get_mut(&id).expect("by_cid names what exists");
        let mut payload = Vec::new();
        let Ok(secrets) = connecting.handshake.finish(noise, &mut payload) else {
            return self.counters.undecipherable += 1;
        };
        let connecting = client.remove(id).expect("found above");
        self.deadlines.set(id, None);
        let welcome = match Welcome::decode(&payload) {
            Ok(welcome) => welcome,
            Err(error) => {
                let cause = CloseCause::Violation(error.into());
                return self.events.push_back(Event::Closed { session: id, cause });
            }
        };
        let answer = Bytes::copy_from_slice(welcome.answer);
        let accepted = match welcome.outcome {
            Ok(accepted) => accepted,
            Err(code) => {
                let code = ErrorCode(code);
                return self.events.push_back(Event::Refused { session: id, code, answer });
            }
        };
        let is_offered = self.config.ciphers.contains(&accepted.cipher);
        let keys =
            PacketKeys::new(accepted.cipher, &secrets, KeyRole::Client, self.config.key_packets);
        let (true, Some(keys), rtm_wire::VERSION) = (is_offered, keys, accepted.version) else {
            let offered_by_server = vec![accepted.version];
            let cause = CloseCause::Versions { offered_by_server };
            return self.events.push_back(Event::Closed { session: id, cause });
        };
        let parts = Parts {
            id,
            remote: connecting.server,
            local_cid: connecting.local_cid,
            remote_cid: accepted.server_cid,
            keys,
            peer: accepted.params,
            reset_token: Some(accepted.reset_token),
            rtt: connecting.rtt(now),
            generator: self.generator.fork_generator(),
            proof_due: None,
        };
        let session = Session::new(now, &self.config, parts);
        self.insert(now, session, id);
        self.events.push_back(Event::Connected { session: id, answer });
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

    pub(super) fn handle_reset(&mut self, now: Time, from: SocketAddr, token: ResetToken) {
        let events = &mut self.events;
        let found = self.sessions.iter_mut().find_map(|(&id, session)| {
            (session.remote() == from && session.on_reset(token, events)).then_some(id)
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
            let cause = connecting.timeout_cause();
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
    ) -> Option<SocketAddr> {
        let Role::Client(client) = &mut self.role else { return None };
        let connecting = client.connecting.get_mut(&id)?;
        connecting.poll_transmit(now, datagram).then_some(connecting.server)
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
