//! What an endpoint tells its application.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use rtm_wire::{ErrorCode, LaneId, Time};

use crate::error::CloseCause;
use crate::ticket::Ticket;

/// A session of one endpoint; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(crate) u64);

impl SessionId {
    /// The number, for logs and for keys of tables.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A login that waits for an answer, on a server; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginId(pub(crate) u64);

/// What a server's application says to a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginAnswer<'a> {
    /// Yes; the bytes go to the client. It counts from the client's first data packet.
    Accept(&'a [u8]),
    /// No; number and bytes go to the client, and there is no session.
    Reject(ErrorCode, &'a [u8]),
}

/// News from an endpoint, in the order in which they happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Server: somebody wants to log in. To be answered with
    /// [`answer_login`](crate::Endpoint::answer_login); until the client's next packet nothing must
    /// depend on it, since anybody could have replayed the request.
    LoginRequested {
        /// What to answer.
        login: LoginId,
        /// Where it came from.
        from: SocketAddr,
        /// What the client said; empty when it will say it in its first message.
        payload: Bytes,
    },
    /// Server: somebody wants to come back with a ticket. To be answered like a login, or with
    /// [`decline_ticket`](crate::Endpoint::decline_ticket). Of what happens then the same holds,
    /// but for early messages.
    ResumptionRequested {
        /// What to answer.
        login: LoginId,
        /// Where it came from.
        from: SocketAddr,
        /// What the application put into the ticket.
        state: Bytes,
        /// Messages of the client that it takes for replay-safe. Who accepts the resumption acts by
        /// them at once or later, and doesn't get them again; who doesn't may not.
        early: Vec<Bytes>,
    },
    /// Server: an accepted client has sent its first data packet. The login counts from now on.
    Accepted {
        /// The new session.
        session: SessionId,
        /// The login that it began with.
        login: LoginId,
    },
    /// Client: the server has accepted the login.
    Connected {
        /// The session.
        session: SessionId,
        /// The server's answer.
        answer: Bytes,
    },
    /// Client: the server has accepted the ticket. In place of [`Event::Connected`], which comes
    /// when a full handshake was needed after all. Early messages that the server has not taken
    /// are under way on lane 0, in both cases.
    Resumed {
        /// The session, a new one in all but its number at this end.
        session: SessionId,
        /// The server's answer.
        answer: Bytes,
        /// Whether there were early messages and the server has taken them.
        early_taken: bool,
    },
    /// Client: a ticket for [`resume`](crate::Endpoint::resume), better than those before.
    Ticket {
        /// The session.
        session: SessionId,
        /// The ticket.
        ticket: Ticket,
    },
    /// Client: the server has rejected the login, or has no cipher in common with us
    /// ([`ErrorCode::SERVICE_NOT_SUPPORTED`]). The session is gone.
    Refused {
        /// The session.
        session: SessionId,
        /// Why, for programs.
        code: ErrorCode,
        /// The server's answer.
        answer: Bytes,
    },
    /// A message. It takes of the lane's credit until
    /// [`release`](crate::Endpoint::release) is called for it.
    Message {
        /// The session.
        session: SessionId,
        /// The peer's lane.
        lane: LaneId,
        /// The message; shares the buffer that it was received in.
        payload: Bytes,
        /// When it is worthless, if its sender has said so. The time that its frame was under way
        /// isn't known, and not counted.
        until: Option<Time>,
    },
    /// A lane that refused a message has room again: half of its queue, or a quarter of the
    /// session's.
    Writable {
        /// The session.
        session: SessionId,
        /// Our lane.
        lane: LaneId,
    },
    /// The peer has closed one of its lanes; all its messages were handed over.
    LaneClosed {
        /// The session.
        session: SessionId,
        /// The peer's lane.
        lane: LaneId,
    },
    /// Nothing was heard of the peer for as long as
    /// [`watch_silence`](crate::Endpoint::watch_silence) says. The session lives on.
    Silent {
        /// The session.
        session: SessionId,
        /// When something was heard last.
        since: Time,
    },
    /// The peer is heard again after [`Event::Silent`].
    Heard {
        /// The session.
        session: SessionId,
    },
    /// The session is gone; the last event about it.
    Closed {
        /// The session.
        session: SessionId,
        /// Why.
        cause: CloseCause,
    },
}
