//! The gateway: sessions, who they belong to, and the way between them and the owner.
//!
//! ```text
//!  Endpoint ── Event ──► Gateway ── Command ──► Owner
//!     ▲                     │                     │
//!     └── send, open lane ──┴────── Output ───────┘
//! ```
//!
//! It knows logins, rates and lanes, and nothing of how a channel works.

mod delivery;
mod login;
mod login_rates;
mod request;
mod resumption;
mod session;
mod slow;
mod token;

use std::collections::{BTreeMap, BTreeSet};

use rtm_channel::{AppId, SubscriberId, UserId};
use rtm_session::driver::Moment;
use rtm_session::{CloseCause, Endpoint, Event, SessionId};
use rtm_wire::{CloseCode, ErrorCode, Time};

use self::login::Logins;
use self::login_rates::LoginRates;
use self::session::Client;
use crate::access::Access;
use crate::limits::AppLimits;
use crate::owner::{Command, CommandKind, Memory};

/// What the gateway has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GatewayCounters {
    /// Logins that took effect, resumptions included.
    pub logins: u64,
    /// Resumptions that took effect.
    pub resumptions: u64,
    /// Logins that were refused.
    pub logins_refused: u64,
    /// Requests that were read.
    pub requests: u64,
    /// Requests that can't be read.
    pub requests_malformed: u64,
    /// Publishes that were refused because of their rate.
    pub publishes_limited: u64,
    /// Messages, replies and events that went to sessions.
    pub deliveries: u64,
    /// Sessions that were ended because they took too little of what was sent to them.
    pub too_slow: u64,
    /// Messages with a deadline for which there was no room in a session's queue.
    pub dropped: u64,
    /// Messages that a subscriber didn't get, or not then, since it took too few before.
    pub skipped: u64,
}

/// All sessions of one endpoint.
#[derive(Debug)]
pub(crate) struct Gateway {
    access: Access,
    limits: AppLimits,
    logins: Logins,
    login_rates: LoginRates,
    clients: BTreeMap<SubscriberId, Client>,
    users: BTreeMap<(AppId, UserId), SubscriberId>,
    /// Ends of tokens.
    expiries: BTreeSet<(Time, SubscriberId)>,
    /// When their clients are told that they end soon.
    warnings: BTreeSet<(Time, SubscriberId)>,
    /// When clients get newer tickets.
    renewals: BTreeSet<(Time, SubscriberId)>,
    counters: GatewayCounters,
    /// Bytes and messages that a session's queue takes on one lane.
    queue_max: (usize, usize),
    is_closing: bool,
}

/// What a call of the gateway works on, besides itself.
pub(crate) struct Work<'a> {
    pub(crate) moment: Moment,
    pub(crate) endpoint: &'a mut Endpoint,
    /// What the owner is to do.
    pub(crate) commands: &'a mut Vec<Command>,
    /// How far back the owner knows publishes.
    pub(crate) memory: Memory,
}

impl Gateway {
    /// A gateway without sessions.
    #[must_use]
    pub(crate) fn new(access: Access, limits: AppLimits, queue_max: (usize, usize)) -> Self {
        Self {
            access,
            limits,
            logins: Logins::default(),
            login_rates: LoginRates::new(limits.channel.logins_per_5_seconds),
            clients: BTreeMap::new(),
            users: BTreeMap::new(),
            expiries: BTreeSet::new(),
            warnings: BTreeSet::new(),
            renewals: BTreeSet::new(),
            counters: GatewayCounters::default(),
            queue_max,
            is_closing: false,
        }
    }

    /// Takes news from the endpoint.
    pub(crate) fn handle_event(&mut self, work: &mut Work<'_>, event: Event) {
        match event {
            Event::LoginRequested { login, payload, .. } => {
                self.on_login_requested(work, login, &payload);
            }
            Event::ResumptionRequested { login, state, early, .. } => {
                self.on_resumption_requested(work, login, &state, early);
            }
            Event::Accepted { session, login } => self.on_accepted(work, session, login),
            Event::Message { session, lane, payload, until } => {
                // What is handled is taken: requests wait in the owner's queues, if anywhere.
                work.endpoint.release(work.moment.now, session, lane, payload.len());
                let time_left = until.map(|until| until.saturating_since(work.moment.now));
                self.on_message(work, session, payload, time_left);
            }
            Event::Silent { session, .. } => {
                self.tell_owner(work, subscriber_of(session), CommandKind::SessionSilent);
            }
            Event::Heard { session } => {
                self.tell_owner(work, subscriber_of(session), CommandKind::SessionHeard);
            }
            Event::Writable { session, lane } => self.on_writable(work, session, lane),
            Event::Closed { session, cause } => self.on_closed(work, session, &cause),
            _ => {}
        }
    }

    /// Ends sessions whose tokens have ended, and logins that never came; renews tickets.
    pub(crate) fn handle_timeout(&mut self, work: &mut Work<'_>) {
        let now = work.moment.now;
        self.handle_tokens(work);
        while let Some(&(due, subscriber)) = self.renewals.first() {
            if due > now {
                break;
            }
            self.give_ticket(work, subscriber);
        }
        for session in self.logins.overdue(now) {
            let reason = "no login came; send it first";
            work.endpoint.close(now, session, ErrorCode::NOT_LOGIN.into(), reason);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let expiry = self.expiries.first().map(|(due, _)| *due);
        let renewal = self.renewals.first().map(|(due, _)| *due);
        let warning = self.warnings.first().map(|(due, _)| *due);
        [expiry, warning, renewal, self.logins.next_due()].into_iter().flatten().min()
    }

    /// Takes no more logins and requests from now on.
    pub(crate) fn begin_closing(&mut self) {
        self.is_closing = true;
    }

    /// Ends those sessions to which everything was delivered, or all.
    pub(crate) fn close_sessions(&mut self, work: &mut Work<'_>, all: bool) {
        let subscribers: Vec<_> = self.clients.keys().copied().collect();
        for subscriber in subscribers {
            let session = self.clients[&subscriber].session;
            let waiting = work.endpoint.stats(session).map_or(0, |stats| stats.send_messages);
            if all || waiting == 0 {
                let reason = "the server is shutting down; come back later";
                self.end(work, subscriber, CloseCode::SHUTDOWN, reason);
            }
        }
        for session in self.logins.drain() {
            work.endpoint.close(work.moment.now, session, CloseCode::SHUTDOWN, "shutting down");
        }
    }

    /// Sessions that are logged in.
    #[must_use]
    pub(crate) fn sessions(&self) -> usize {
        self.clients.len()
    }

    /// What was done so far.
    #[must_use]
    pub(crate) const fn counters(&self) -> GatewayCounters {
        self.counters
    }

    /// Ends a session from this side.
    fn end(
        &mut self,
        work: &mut Work<'_>,
        subscriber: SubscriberId,
        code: CloseCode,
        reason: &str,
    ) {
        let is_lost = ![
            ErrorCode::TOKEN_EXPIRED.into(),
            ErrorCode::LOGIN_REJECTED.into(),
            ErrorCode::LOGIN_ABORTED.into(),
        ]
        .contains(&code);
        if let Some(session) = self.forget(work, subscriber, is_lost) {
            tracing::info!(session = session.number(), code = code.0, reason, "session ended");
            work.endpoint.close(work.moment.now, session, code, reason);
        }
    }

    fn on_closed(&mut self, work: &mut Work<'_>, session: SessionId, cause: &CloseCause) {
        self.logins.remove_session(session);
        let subscriber = subscriber_of(session);
        if let Some(client) = self.clients.get(&subscriber) {
            let (app, user) = (&client.app, &client.identity.user);
            tracing::info!(session = session.number(), %app, %user, %cause, "session closed");
            let is_lost = !matches!(cause, CloseCause::Peer { code: CloseCode::DONE, .. });
            self.forget(work, subscriber, is_lost);
        }
    }

    /// A client says good-bye. It closes the session when it has the answer; should that be lost,
    /// nobody waits for it.
    fn leave(&mut self, work: &mut Work<'_>, from: SubscriberId) {
        self.tell_owner(work, from, CommandKind::SessionEnded { is_lost: false });
        if let Some(client) = self.clients.get_mut(&from) {
            client.has_left = true;
        }
    }

    /// Something that happened to a session that is logged in.
    fn tell_owner(&self, work: &mut Work<'_>, from: SubscriberId, kind: CommandKind) {
        if let Some(client) = self.clients.get(&from).filter(|client| !client.has_left) {
            let (app, identity) = (client.app.clone(), client.identity.clone());
            let rights = client.rights.clone();
            work.commands.push(Command { app, from, identity, rights, kind });
        }
    }

    /// Takes a client out of all tables, and tells the owner. Who `is_lost` may come back.
    fn forget(
        &mut self,
        work: &mut Work<'_>,
        subscriber: SubscriberId,
        is_lost: bool,
    ) -> Option<SessionId> {
        let client = self.clients.remove(&subscriber)?;
        self.forget_token(subscriber, client.expires);
        self.renewals.remove(&(client.next_ticket, subscriber));
        let key = (client.app.clone(), client.identity.user.clone());
        if self.users.get(&key) == Some(&subscriber) {
            self.users.remove(&key);
        }
        let Client { session, app, identity, rights, has_left, .. } = client;
        if !has_left {
            let kind = CommandKind::SessionEnded { is_lost };
            work.commands.push(Command { app, from: subscriber, identity, rights, kind });
        }
        Some(session)
    }
}

/// The number under which the owner knows a session.
fn subscriber_of(session: SessionId) -> SubscriberId {
    SubscriberId(session.number())
}
