//! Logins: asked for in the handshake, or in a session's first message.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use rtm_channel::{ClientLimits, Refusal, SubscriberId};
use rtm_session::{LoginAnswer, LoginId, SessionId};
use rtm_wire::{
    CloseCode, ErrorCode, Limit, LimitKind, List, Liveness, OperationId, ReplyResult, Request, Time,
};

use super::session::Client;
use super::{Gateway, Work, subscriber_of};
use crate::access::{Admission, BANNED};
use crate::clock::monotonic;
use crate::limits::AppLimits;
use crate::owner::{Command, CommandKind, Memory, granted, refused};

/// How long an accepted handshake, and a login in a first message, are waited for.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long after a missing heartbeat a client counts as lost, as in RTM 2.x.
const LOST_AFTER: Duration = Duration::from_secs(10);

/// Logins that have not taken effect.
///
/// Bounded by the endpoint's table of handshakes and by [`PATIENCE`].
#[derive(Debug, Default)]
pub(super) struct Logins {
    /// Accepted, and good once the client has proved that it is there.
    accepted: BTreeMap<LoginId, Accepted>,
    accepted_order: VecDeque<(Time, LoginId)>,
    /// Sessions whose first message is waited for.
    expected: BTreeMap<SessionId, Time>,
    expected_order: BTreeSet<(Time, SessionId)>,
}

/// How an accepted handshake goes on.
#[derive(Debug)]
pub(super) enum Accepted {
    LoggedIn(Admission),
    /// With a ticket, and early messages that wait for the proof.
    Resumed(Admission, Vec<Bytes>),
    /// The login comes in the first message.
    LoginFollows,
}

impl Logins {
    pub(super) fn accept(&mut self, now: Time, login: LoginId, accepted: Accepted) {
        self.accepted.insert(login, accepted);
        self.accepted_order.push_back((now + PATIENCE, login));
    }

    fn take_accepted(&mut self, login: LoginId) -> Option<Accepted> {
        self.accepted.remove(&login)
    }

    fn expect(&mut self, now: Time, session: SessionId) {
        let due = now + PATIENCE;
        self.expected.insert(session, due);
        self.expected_order.insert((due, session));
    }

    pub(super) fn remove_session(&mut self, session: SessionId) -> bool {
        match self.expected.remove(&session) {
            Some(due) => self.expected_order.remove(&(due, session)),
            None => false,
        }
    }

    /// Forgets accepted logins that are too old, and gives the sessions that stayed silent.
    pub(super) fn overdue(&mut self, now: Time) -> Vec<SessionId> {
        while self.accepted_order.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, login)) = self.accepted_order.pop_front() {
                self.accepted.remove(&login);
            }
        }
        let due = self.expected_order.iter().take_while(|(due, _)| *due <= now);
        let sessions: Vec<_> = due.map(|(_, session)| *session).collect();
        for &session in &sessions {
            self.remove_session(session);
        }
        sessions
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        let accepted = self.accepted_order.front().map(|(due, _)| *due);
        let expected = self.expected_order.first().map(|(due, _)| *due);
        [accepted, expected].into_iter().flatten().min()
    }

    pub(super) fn drain(&mut self) -> Vec<SessionId> {
        self.expected_order.clear();
        std::mem::take(&mut self.expected).into_keys().collect()
    }
}

impl Gateway {
    pub(super) fn on_login_requested(
        &mut self,
        work: &mut Work<'_>,
        login: LoginId,
        payload: &Bytes,
    ) {
        let now = work.moment.now;
        // The token was too long for the handshake: it comes in the first message.
        if payload.is_empty() && !self.is_closing {
            self.logins.accept(now, login, Accepted::LoginFollows);
            return work.endpoint.answer_login(now, login, LoginAnswer::Accept(&[]));
        }
        match self.admit(work, payload) {
            Ok((operation, admission)) => {
                let answer = self.logged_in(work, operation, &admission);
                self.logins.accept(now, login, Accepted::LoggedIn(admission));
                work.endpoint.answer_login(now, login, LoginAnswer::Accept(&answer));
            }
            Err((operation, refusal)) => {
                self.note_refused(&refusal);
                let answer = refused(operation, &refusal);
                let answer = LoginAnswer::Reject(refusal.code, &answer);
                work.endpoint.answer_login(now, login, answer);
            }
        }
    }

    pub(super) fn on_accepted(&mut self, work: &mut Work<'_>, session: SessionId, login: LoginId) {
        match self.logins.take_accepted(login) {
            // It was accepted before the end began, and would never be told of it.
            Some(_) if self.is_closing => {
                let reason = "the server is shutting down; come back later";
                work.endpoint.close(work.moment.now, session, CloseCode::SHUTDOWN, reason);
            }
            // Banned since.
            Some(Accepted::LoggedIn(admission) | Accepted::Resumed(admission, _))
                if self.access.check_ban(&admission.app, &admission.identity.user).is_err() =>
            {
                let code = CloseCode::from(ErrorCode::LOGIN_REJECTED);
                work.endpoint.close(work.moment.now, session, code, BANNED);
            }
            Some(Accepted::LoggedIn(admission)) => self.begin(work, session, admission),
            Some(Accepted::Resumed(admission, early)) => {
                self.counters.resumptions += 1;
                self.begin(work, session, admission);
                self.on_early(work, session, early);
            }
            Some(Accepted::LoginFollows) => self.logins.expect(work.moment.now, session),
            None => {
                let reason = "the login came too late; log in again";
                let code = ErrorCode::LOGIN_TIMEOUT.into();
                work.endpoint.close(work.moment.now, session, code, reason);
            }
        }
    }

    /// The first message of a session that isn't logged in yet.
    pub(super) fn on_first_message(
        &mut self,
        work: &mut Work<'_>,
        session: SessionId,
        message: &Bytes,
    ) {
        if !self.logins.remove_session(session) {
            return;
        }
        match self.admit(work, message) {
            // Its answer would have no name, as with any request (protocol §6.4).
            Ok((OperationId(0), _)) => {
                self.counters.logins_refused += 1;
                let reason = "a login without an operation id; number requests from 1";
                work.endpoint.close(work.moment.now, session, CloseCode::PROTOCOL, reason);
            }
            Ok((operation, admission)) => {
                let answer = self.logged_in(work, operation, &admission);
                self.begin(work, session, admission);
                self.send_reply(work, subscriber_of(session), answer);
            }
            Err((_, refusal)) => {
                self.note_refused(&refusal);
                let code = CloseCode::from(refusal.code);
                work.endpoint.close(work.moment.now, session, code, &refusal.reason);
            }
        }
    }

    fn admit(
        &mut self,
        work: &Work<'_>,
        message: &Bytes,
    ) -> Result<(OperationId, Admission), (OperationId, Refusal)> {
        if self.is_closing {
            return Err((OperationId(0), closing()));
        }
        match Request::decode(message) {
            Ok((operation, Request::Login(login))) => {
                let admission = self.access.login(&login, work.moment.wall);
                let admission = admission.and_then(|admission| self.check_rate(work, admission));
                admission.map(|admission| (operation, admission)).map_err(|r| (operation, r))
            }
            Ok((operation, request)) => {
                let reason = format!("{} came before the login; log in first", request.name());
                Err((operation, Refusal::new(ErrorCode::NOT_LOGIN, reason)))
            }
            Err(error) => {
                let reason = format!("the login can't be read: {}", error.error);
                Err((error.operation, Refusal::new(ErrorCode::INVALID_PARAMETER, reason)))
            }
        }
    }

    /// Whether somebody who is let in isn't so too often.
    pub(super) fn check_rate(
        &mut self,
        work: &Work<'_>,
        admission: Admission,
    ) -> Result<Admission, Refusal> {
        let Admission { app, identity, .. } = &admission;
        self.login_rates.check(work.moment.now, app, &identity.user)?;
        Ok(admission)
    }

    /// A login takes effect: an older session of the user ends, the owner hears of the new one.
    fn begin(&mut self, work: &mut Work<'_>, session: SessionId, admission: Admission) {
        let now = work.moment.now;
        let from = subscriber_of(session);
        let key = (admission.app.clone(), admission.identity.user.clone());
        if let Some(&older) = self.users.get(&key) {
            let instance = self.clients.get(&older).map(|client| client.identity.instance);
            if instance == Some(admission.identity.instance) {
                // The client knows: it is the one that came back.
                self.end(work, older, CloseCode::REPLACED, "replaced by a newer session");
            } else {
                let reason = "the user has logged in elsewhere; only one client at a time may";
                self.end(work, older, ErrorCode::LOGIN_ABORTED.into(), reason);
            }
        }
        let expires = admission.expires.map(|end| monotonic(now, work.moment.wall, end));
        let (app, user) = &key;
        tracing::info!(session = session.number(), %app, %user, "logged in");
        self.counters.logins += 1;
        self.login_rates.note(now, app, user);
        self.users.insert(key, from);
        let Liveness { heartbeat, presence_timeout } = admission.liveness;
        let silence = Duration::from_secs(heartbeat) + LOST_AFTER;
        work.endpoint.watch_silence(now, session, Some(silence));
        let presence_timeout = Duration::from_secs(presence_timeout);
        let kind = CommandKind::SessionBegan { presence_timeout };
        let (app, identity) = (admission.app.clone(), admission.identity.clone());
        let rights = admission.rights.clone();
        work.commands.push(Command { app, from, identity, rights, kind });
        let rates = ClientLimits::new(now, &self.limits.channel);
        let client = Client::new(session, admission, now, rates);
        self.clients.insert(from, client);
        self.watch_token(from, expires);
        self.give_ticket(work, from);
    }

    /// The answer to a good login. What it says that is known stays so until the login takes
    /// effect.
    pub(super) fn logged_in(
        &self,
        work: &mut Work<'_>,
        operation: OperationId,
        admission: &Admission,
    ) -> Bytes {
        let (app, identity) = (admission.app.clone(), admission.identity.clone());
        let (from, rights) = (SubscriberId(0), admission.rights.clone());
        let kind = CommandKind::SessionExpected;
        work.commands.push(Command { app, from, identity, rights, kind });
        let millis = |span: Duration| usize::try_from(span.as_millis()).unwrap_or(usize::MAX);
        let Memory { all, stored } = work.memory;
        let AppLimits { channel, topic, .. } = self.limits;
        let limit = |kind, value: usize| Limit { kind, value: value as u64 };
        let limits = [
            limit(LimitKind::MessageLen, channel.message_len),
            limit(LimitKind::MessagesPerSecond, channel.messages_per_second as usize),
            limit(LimitKind::TopicMessageLen, topic.message_len),
            limit(LimitKind::TopicMessagesPerSecond, topic.messages_per_second as usize),
            limit(LimitKind::PresenceStates, channel.presence_states),
            limit(LimitKind::PresenceKeyLen, channel.presence_key_len),
            limit(LimitKind::PresenceValueLen, channel.presence_value_len),
            limit(LimitKind::PresenceStatesLen, channel.presence_states_len),
            limit(LimitKind::PublishesKnown, millis(all)),
            limit(LimitKind::StoredPublishesKnown, millis(stored)),
        ];
        let time = work.moment.wall;
        granted(operation, ReplyResult::LoggedIn { time, limits: List::Slice(&limits) })
    }

    pub(super) fn note_refused(&mut self, refusal: &Refusal) {
        self.counters.logins_refused += 1;
        tracing::info!(code = refusal.code.0, reason = %refusal.reason, "login refused");
    }
}

/// What is said to logins once the end has begun.
pub(super) fn closing() -> Refusal {
    let reason = "the server is shutting down; come back later";
    Refusal::new(ErrorCode::LOGIN_NO_SERVER_RESOURCES, reason)
}
