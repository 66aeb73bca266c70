//! Logging in, being connected, logging out.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use rand::Rng;
use rtm_session::{CloseCause, HANDSHAKE_LOGIN_MAX, SessionId};
use rtm_wire::{
    ChannelKind, CloseCode, ErrorCode, LaneId, Liveness, Login, Logout, OperationId, Reply,
    Request, SessionInstance, Time,
};

use super::command::{Answer, Output};
use super::link::{Input, Phase, Step};
use super::operations::Purpose;
use super::pace::Pace;
use super::{Core, reason};
use crate::channel_id::ChannelId;
use crate::error::{Error, ErrorKind};
use crate::link::{LinkEvent, LinkReason, Unrestored};

/// How long a logout waits for messages that are unanswered, and for the server's good-bye.
const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// The session, on its way from the handshake to its end.
#[derive(Debug)]
pub(super) enum Connection<W> {
    Down,
    /// Handshakes with one or two addresses of the server; the first to succeed counts.
    Opening {
        sessions: Vec<SessionId>,
        error: Option<Error>,
    },
    /// The login was too long for the handshake and travels as a message.
    LoggingIn {
        session: SessionId,
        deadline: Time,
    },
    Up {
        session: SessionId,
        farewell: Option<Farewell<W>>,
    },
}

/// A logout under way.
#[derive(Debug)]
pub(super) struct Farewell<W> {
    deadline: Time,
    pub(super) is_sent: bool,
    waiters: Vec<W>,
}

impl<W> Connection<W> {
    /// The session that messages travel on.
    pub(super) const fn session(&self) -> Option<SessionId> {
        match self {
            Self::Down | Self::Opening { .. } => None,
            Self::LoggingIn { session, .. } | Self::Up { session, .. } => Some(*session),
        }
    }

    pub(super) const fn deadline(&self) -> Option<Time> {
        match self {
            Self::LoggingIn { deadline, .. } => Some(*deadline),
            Self::Up { farewell: Some(farewell), .. } => Some(farewell.deadline),
            _ => None,
        }
    }
}

impl<W> Core<W> {
    pub(super) fn login(
        &mut self,
        now: Time,
        token: String,
        servers: Vec<SocketAddr>,
        waiter: Option<W>,
    ) {
        if let Connection::Up { farewell, .. } = &self.connection {
            let wrong = match farewell {
                None => "this client is logged in already",
                Some(_) => "this client is logging out",
            };
            return self.answer(waiter, Err(Error::of(ErrorKind::Duplicate, wrong)));
        }
        self.cancel_login(ErrorKind::LoginCanceled);
        self.close_sessions(now);
        self.operations.take_all().for_each(drop);
        // A ticket stands for the token that it was given for.
        self.ticket = None;
        self.token = token;
        self.is_token_unshown = false;
        self.servers = distinct(servers);
        self.login_waiter = waiter;
        self.untried = self.servers.clone();
        self.last_failure = None;
        if let Phase::Idle | Phase::Failed | Phase::LoggingIn { .. } | Phase::LoggingPause { .. } =
            self.link.phase()
        {
            self.instance = SessionInstance(self.chance.next_u64() >> 2);
            self.operations.begin_instance();
        }
        self.advance_link(now, Input::Login, None, Vec::new());
        self.open(now);
    }

    pub(super) fn logout(&mut self, now: Time, waiter: Option<W>) {
        match &mut self.connection {
            Connection::Up { farewell: Some(farewell), .. } => farewell.waiters.extend(waiter),
            Connection::Up { farewell, .. } => {
                let deadline = now + FAREWELL_MAX;
                let waiters = Vec::from_iter(waiter);
                *farewell = Some(Farewell { deadline, is_sent: false, waiters });
            }
            _ if *self.link.phase() == Phase::Idle => {
                self.answer(waiter, Err(Error::new(ErrorKind::NotLoggedIn)));
            }
            _ => {
                self.close_sessions(now);
                self.finish_logout(now, Vec::from_iter(waiter));
            }
        }
    }

    /// Says good-bye once no message is unanswered.
    pub(super) fn advance_farewell(&mut self, now: Time) {
        let has_publishes = self.operations.has_publishes() || self.has_waiting();
        let is_asked =
            matches!(&self.connection, Connection::Up { farewell: Some(it), .. } if !it.is_sent);
        // What was taken in topics that skip goes out first, too.
        if is_asked && !has_publishes && self.has_admitted() {
            return;
        }
        if let Connection::Up { farewell: Some(farewell), .. } = &mut self.connection {
            if !farewell.is_sent && !has_publishes {
                farewell.is_sent = true;
                self.request(now, LaneId::CONTROL, Logout, Purpose::Logout, None);
            }
        }
    }

    /// The server has said good-bye, or was given time enough for it.
    pub(super) fn end_farewell(&mut self, now: Time) {
        if let Connection::Up { session, farewell: Some(farewell) } = &mut self.connection {
            let (session, waiters) = (*session, std::mem::take(&mut farewell.waiters));
            self.endpoint.close(now, session, CloseCode::DONE, "logout");
            self.finish_logout(now, waiters);
        }
    }

    fn finish_logout(&mut self, now: Time, waiters: Vec<W>) {
        self.connection = Connection::Down;
        self.ticket = None;
        self.forget_session();
        self.advance_link(now, Input::LoggedOut, None, Vec::new());
        self.end_all(now, None);
        self.cancel_login(ErrorKind::LoginCanceled);
        for waiter in waiters {
            self.answer(Some(waiter), Ok(Answer::Done));
        }
    }

    /// Begins handshakes with the server's first IPv4 and its first IPv6 address, by ticket if
    /// there is one.
    fn open(&mut self, now: Time) {
        let login = self.login_request();
        self.is_login_ahead = login.len() <= HANDSHAKE_LOGIN_MAX;
        let payload = if self.is_login_ahead { &login[..] } else { &[] };
        let ipv4 = self.servers.iter().find(|server| server.is_ipv4());
        let ipv6 = self.servers.iter().find(|server| server.is_ipv6());
        let (mut sessions, mut error) = (Vec::new(), None);
        self.tried = ipv4.into_iter().chain(ipv6).copied().collect();
        self.untried.retain(|server| !self.tried.contains(server));
        for &server in &self.tried {
            let key = &self.config.server_key;
            let ticket = self.ticket.as_ref().filter(|_| self.is_ticket_next);
            let begun = match ticket {
                Some(ticket) => self.endpoint.resume(now, server, ticket, &[], key, payload),
                None => self.endpoint.connect(now, server, key, payload),
            };
            match begun {
                Ok(session) => sessions.push(session),
                Err(refused) => error = Some(Error::from(refused)),
            }
        }
        if sessions.is_empty() {
            let error = error.unwrap_or_else(|| Error::new(ErrorKind::HostNotFound));
            return self.lose(now, error, Input::Lost(LinkReason::ConnectionError));
        }
        self.connection = Connection::Opening { sessions, error };
    }

    fn login_request(&self) -> BytesMut {
        let request = Request::from(self.login_operation());
        let mut login = BytesMut::with_capacity(request.encoded_len(OperationId(0)));
        request.encode(OperationId(0), &mut login);
        login
    }

    fn liveness(&self) -> Liveness {
        Liveness {
            heartbeat: self.config.heartbeat_interval.as_secs(),
            presence_timeout: self.config.presence_timeout.as_secs(),
        }
    }

    fn login_operation(&self) -> Login<'_> {
        Login {
            app_id: self.config.app_id.as_str(),
            user_id: self.config.user_id.as_str(),
            instance: self.instance,
            features: 0,
            token: &self.token,
            liveness: self.liveness(),
        }
    }

    /// The first of the sessions that were begun is there: the others aren't needed. Whether it is
    /// one of them.
    fn choose(&mut self, now: Time, session: SessionId) -> bool {
        match &mut self.connection {
            Connection::Opening { sessions, .. } if sessions.contains(&session) => {
                let others = std::mem::take(sessions);
                for other in others.into_iter().filter(|&other| other != session) {
                    self.endpoint.close(now, other, CloseCode::DONE, "");
                }
                true
            }
            _ => {
                self.endpoint.close(now, session, CloseCode::DONE, "");
                false
            }
        }
    }

    /// The server has taken the ticket, which says who logs in.
    pub(super) fn on_resumed(&mut self, now: Time, session: SessionId) {
        if self.choose(now, session) {
            self.on_logged_in(now, session);
        }
    }

    pub(super) fn on_connected(&mut self, now: Time, session: SessionId) {
        if !self.choose(now, session) {
            return;
        }
        // Another server may have answered than the one that gave the ticket.
        self.ticket = None;
        if self.is_login_ahead {
            return self.on_logged_in(now, session);
        }
        // The login that follows is with the present token.
        self.is_token_unshown = false;
        let deadline = now + self.config.login_timeout;
        self.connection = Connection::LoggingIn { session, deadline };
        let token = std::mem::take(&mut self.token);
        let (app_id, user_id) = (self.config.app_id.clone(), self.config.user_id.clone());
        let login = Login {
            app_id: app_id.as_str(),
            user_id: user_id.as_str(),
            instance: self.instance,
            features: 0,
            token: &token,
            liveness: self.liveness(),
        };
        self.request(now, LaneId::CONTROL, login, Purpose::Login, None);
        self.token = token;
    }

    /// The server has accepted the login.
    pub(super) fn on_logged_in(&mut self, now: Time, session: SessionId) {
        self.connection = Connection::Up { session, farewell: None };
        self.last_failure = None;
        // After an outage, the server that was there is the first to be asked.
        self.untried.clear();
        self.lanes.clear();
        self.pace = Pace::default();
        self.check_repeats(now);
        self.show_token(now);
        self.begin_restore(now);
    }

    /// The server has refused the login, in the handshake.
    pub(super) fn on_refused(
        &mut self,
        now: Time,
        session: SessionId,
        code: ErrorCode,
        answer: &[u8],
    ) {
        let is_ours = match &mut self.connection {
            Connection::Opening { sessions, .. } => sessions.contains(&session),
            _ => false,
        };
        if is_ours {
            // The reason is there to be read, but the code is what counts.
            let reason = Reply::decode(answer).map_or("", |reply| reply.reason);
            self.on_login_refused(now, Error::from_answer(code, reason));
        }
    }

    pub(super) fn on_login_refused(&mut self, now: Time, error: Error) {
        self.ticket = None;
        self.close_sessions(now);
        let reason = reason::of_refusal(&error);
        // A first login is for the user to repeat; on the way back a full server is to be tried
        // again.
        let is_lost = matches!(self.link.phase(), Phase::Retrying { .. }) && error.is_retryable();
        let input = if is_lost { Input::Lost(reason) } else { Input::Refused(reason) };
        self.lose(now, error, input);
    }

    pub(super) fn on_closed(&mut self, now: Time, session: SessionId, cause: CloseCause) {
        let reason = reason::of_loss(&cause);
        match &mut self.connection {
            Connection::Opening { sessions, error } if sessions.contains(&session) => {
                sessions.retain(|&other| other != session);
                // What says more than "no answer" is worth keeping.
                let latest = Error::from_close(cause, self.config.server_key.key_id());
                let says_more = latest.kind() != ErrorKind::ServerUnreachable;
                if error.is_none() || says_more {
                    *error = Some(latest);
                }
                if sessions.is_empty() {
                    self.is_ticket_next = !self.is_ticket_next;
                    let error = error.take().expect("set above");
                    // The next attempt goes to other addresses, if there are any.
                    self.servers.retain(|server| !self.tried.contains(server));
                    self.servers.append(&mut self.tried);
                    let goes_on = matches!(self.link.phase(), Phase::LoggingIn { .. });
                    if goes_on && !self.untried.is_empty() {
                        return self.open(now);
                    }
                    self.lose(now, error, Input::Lost(LinkReason::ConnectionError));
                }
            }
            Connection::LoggingIn { session: ours, .. } | Connection::Up { session: ours, .. }
                if *ours == session =>
            {
                let is_login = matches!(self.connection, Connection::LoggingIn { .. });
                let is_refusal = matches!(&cause, CloseCause::Peer { code, .. }
                    if code.error_code().is_some());
                let error = Error::from_close(cause, self.config.server_key.key_id());
                if is_login && is_refusal {
                    // As if it had been said in the handshake.
                    return self.on_login_refused(now, error);
                }
                let input = match reason::is_final(&error) {
                    true => Input::Refused(reason::of_refusal(&error)),
                    false => Input::Lost(reason),
                };
                self.lose(now, error, input);
            }
            _ => {}
        }
    }

    /// Does what is due besides the endpoint's.
    pub(super) fn on_tick(&mut self, now: Time) {
        self.expire_waiting(now);
        match &self.connection {
            Connection::LoggingIn { deadline, .. } if *deadline <= now => {
                self.close_sessions(now);
                let error = Error::new(ErrorKind::ServerUnreachable);
                self.lose(now, error, Input::Lost(LinkReason::LoginTimeout));
            }
            Connection::Up { farewell: Some(farewell), .. } if farewell.deadline <= now => {
                self.end_farewell(now);
            }
            _ => {}
        }
        if self.link_deadline().is_some_and(|deadline| deadline <= now) {
            let error = self.link.gives_up(now).then(|| {
                let wrong = "the server could not be reached within the reconnect timeout";
                let late = Error::of(ErrorKind::ServerUnreachable, wrong);
                // What says more than "no answer" is worth keeping.
                self.last_failure.take().unwrap_or(late)
            });
            self.advance_link(now, Input::Tick, error.clone(), Vec::new());
            match self.link.phase() {
                Phase::LoggingIn { .. } => {
                    self.untried = self.servers.clone();
                    self.open(now);
                }
                Phase::Retrying { .. } => self.open(now),
                Phase::Failed => {
                    self.close_sessions(now);
                    let error = error.unwrap_or_else(|| Error::new(ErrorKind::ServerUnreachable));
                    self.end_all(now, Some(&error));
                    let waiter = self.login_waiter.take();
                    self.answer(waiter, Err(error));
                }
                _ => {}
            }
        }
    }

    /// When the link wants to be ticked. What is connected, and restores, isn't given up.
    pub(super) fn link_deadline(&self) -> Option<Time> {
        match self.connection {
            Connection::Up { .. } => None,
            _ => self.link.deadline(),
        }
    }

    /// The server's names have these addresses now. Those that are known keep their turns.
    pub(super) fn merge_servers(&mut self, found: Vec<SocketAddr>) {
        if found.is_empty() {
            return;
        }
        let known = self.servers.iter().copied().filter(|server| found.contains(server));
        self.servers = distinct(known.chain(found.iter().copied()).collect());
    }

    /// The session, or the attempt to get one, is over.
    fn lose(&mut self, now: Time, error: Error, input: Input) {
        let former = std::mem::replace(&mut self.connection, Connection::Down);
        if let Connection::Up { farewell: Some(farewell), .. } = former {
            // Gone is gone, one way or the other.
            return self.finish_logout(now, farewell.waiters);
        }
        self.forget_session();
        let was_attempt =
            matches!(self.link.phase(), Phase::LoggingIn { .. } | Phase::Retrying { .. });
        if was_attempt && error.kind() != ErrorKind::ServerUnreachable {
            self.last_failure = Some(error.clone());
        }
        self.advance_link(now, input, Some(error.clone()), Vec::new());
        match self.link.phase() {
            Phase::Failed => self.end_all(now, Some(&error)),
            Phase::Waiting { .. } => {
                if let Input::Lost(reason) = input {
                    self.lose_stream_links(reason);
                }
                self.outputs.push_back(Output::ServersWanted);
            }
            // The login goes on, and so does who waits for it.
            Phase::LoggingPause { .. } => {
                return self.outputs.push_back(Output::ServersWanted);
            }
            _ => self.outputs.push_back(Output::ServersWanted),
        }
        let waiter = self.login_waiter.take();
        self.answer(waiter, Err(error));
    }

    /// Changes the link's state, and tells.
    pub(super) fn advance_link(
        &mut self,
        now: Time,
        input: Input,
        error: Option<Error>,
        unrestored: Vec<Unrestored>,
    ) {
        let step = self.link.on(now, input, &mut self.chance);
        let Some(Step { previous, current, operation, reason, is_resumed }) = step else { return };
        self.link_why = (operation, reason);
        let is_restored = reason == LinkReason::ReconnectSuccess && unrestored.is_empty();
        let affected_channels = self.channels_at_hand();
        // Here is no calendar.
        let time_ms = 0;
        self.outputs.push_back(Output::Link(LinkEvent {
            previous,
            current,
            operation,
            reason,
            error,
            time_ms,
            affected_channels,
            is_resumed,
            is_restored,
            unrestored,
        }));
    }

    /// The channels that are subscribed or joined, or to be so again.
    fn channels_at_hand(&self) -> Vec<ChannelId> {
        let channels = self.channels.iter().filter(|(_, entry)| entry.handle.is_some());
        let channels = channels.map(|(name, _)| ChannelId::of(ChannelKind::Message, name));
        let streams = self.streams.keys().map(|name| ChannelId::of(ChannelKind::Stream, name));
        channels.chain(streams).collect()
    }

    fn cancel_login(&mut self, kind: ErrorKind) {
        let waiter = self.login_waiter.take();
        self.answer(waiter, Err(Error::new(kind)));
    }

    fn close_sessions(&mut self, now: Time) {
        match std::mem::replace(&mut self.connection, Connection::Down) {
            Connection::Down => {}
            Connection::Opening { sessions, .. } => {
                for session in sessions {
                    self.endpoint.close(now, session, CloseCode::DONE, "");
                }
            }
            Connection::LoggingIn { session, .. } | Connection::Up { session, .. } => {
                self.endpoint.close(now, session, CloseCode::DONE, "");
            }
        }
    }
}

/// Each once, in the order in which they come first.
fn distinct(servers: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut seen = Vec::with_capacity(servers.len());
    for server in servers {
        if !seen.contains(&server) {
            seen.push(server);
        }
    }
    seen
}
