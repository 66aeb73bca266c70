//! What can go wrong between the application and this layer, and why a session ends.

use std::fmt;

use rtm_wire::{CloseCode, KeyId, LaneId};

/// Why a message, or a lane, was not taken. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session is over, or never was.
    #[error("no such session: it has ended")]
    UnknownSession,
    /// The lane is closed, or never was open.
    #[error("lane {lane} is not open")]
    UnknownLane {
        /// The lane.
        lane: LaneId,
    },
    /// There is no room for the message in a queue; [`Event::Writable`](crate::Event::Writable)
    /// says when to go on.
    #[error("the queue of lane {lane} has no room: {bound}; wait until it is writable")]
    QueueFull {
        /// The lane.
        lane: LaneId,
        /// The bound that the message would break.
        bound: QueueBound,
    },
    /// An order or reliability that this version doesn't know, or a deadline on a reliable lane.
    #[error("no such lane: unknown order or reliability, or a deadline where nothing is dropped")]
    Mode,
    /// The message is longer than the peer takes.
    #[error("a message of {length} bytes is above the limit of {limit} bytes")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The longest in bytes.
        limit: u64,
    },
    /// The peer allows no further lane until another one has ended.
    #[error("all {limit} lanes are open; close one first")]
    TooManyLanes {
        /// How many the peer allows.
        limit: u64,
    },
}

/// What bounds a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueBound {
    /// Bytes of one lane ([`Config::send_queue`](crate::Config::send_queue)).
    LaneBytes(usize),
    /// Messages of one lane.
    LaneMessages(usize),
    /// Bytes of all lanes of the session, each message counting 32 more
    /// ([`Config::send_bytes_max`](crate::Config::send_bytes_max)).
    SessionBytes(usize),
}

impl fmt::Display for QueueBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LaneBytes(bytes) => write!(f, "{bytes} bytes for the lane"),
            Self::LaneMessages(messages) => write!(f, "{messages} messages for the lane"),
            Self::SessionBytes(bytes) => write!(f, "{bytes} bytes for the session"),
        }
    }
}

/// Why a connection was not even tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The login does not fit the handshake; send it as the first message instead.
    #[error("a login of {length} bytes is above the {limit} bytes that fit the handshake")]
    LoginTooLong {
        /// Its length in bytes.
        length: usize,
        /// The longest in bytes.
        limit: usize,
    },
    /// The early messages don't fit the first flight, or are more than the ticket allows.
    #[error("early messages of {length} bytes are above the limit of {limit} bytes")]
    EarlyTooLong {
        /// Their length in bytes, each counting two bytes more.
        length: usize,
        /// The longest in bytes.
        limit: usize,
    },
    /// Early messages without a login: after a full handshake they would come before the login that
    /// follows as a message.
    #[error("early messages need a login that fits the handshake")]
    EarlyWithoutLogin,
    /// The endpoint has as many sessions as its configuration allows.
    #[error("all {limit} sessions of this endpoint are in use")]
    TooManySessions {
        /// How many are allowed.
        limit: usize,
    },
    /// The server's public key is not a usable one.
    #[error("the server key cannot be used: {0}")]
    Key(String),
}

/// What the peer did that the protocol forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A packet held something that can't be read.
    #[error("unreadable frame: {0}")]
    Frame(#[from] rtm_wire::DecodeError),
    /// An acknowledgement of a packet that was never sent.
    #[error("acknowledged a packet that was never sent")]
    Ack,
    /// More lanes than allowed.
    #[error("opened more lanes than allowed")]
    Lanes,
    /// More bytes on a lane than its credit.
    #[error("sent more than the credit of a lane")]
    Credit,
    /// A message longer than allowed, or two lengths for one message.
    #[error("a message has a forbidden length")]
    Length,
    /// A message too far ahead, or after the end of its lane.
    #[error("a message has a forbidden sequence number")]
    Sequence,
    /// Two modes for one lane, or one that this version doesn't know.
    #[error("a lane has a forbidden mode")]
    Mode,
    /// Credit or closing of a lane that can't be.
    #[error("spoke of a lane that can't be")]
    Lane,
}

impl Violation {
    /// What the peer is told.
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::Lanes | Self::Credit | Self::Length => CloseCode::LIMIT,
            _ => CloseCode::PROTOCOL,
        }
    }
}

/// Why a session is gone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseCause {
    /// This end closed it.
    #[error("closed by this end (code {})", .0.0)]
    Local(CloseCode),
    /// The peer closed it.
    #[error("closed by the peer (code {}): {reason}", code.0)]
    Peer {
        /// For programs.
        code: CloseCode,
        /// For people.
        reason: String,
    },
    /// Nothing was heard of the peer for the idle timeout.
    #[error("the peer has been silent for too long")]
    IdleTimeout,
    /// The peer has lost the session.
    #[error("the peer knows nothing of this session any more")]
    Reset,
    /// The server did not answer, or only with what can't be trusted.
    #[error("the server did not answer in time")]
    HandshakeTimeout {
        /// A hint (which anybody could have sent) that the server has another key.
        other_key: Option<KeyId>,
    },
    /// The server speaks none of our versions; anybody could have said so.
    #[error("the server speaks versions {offered_by_server:?} of the protocol, not ours")]
    Versions {
        /// What it says that it speaks.
        offered_by_server: Vec<u8>,
    },
    /// The peer broke a rule.
    #[error("the peer broke the protocol: {0}")]
    Violation(#[from] Violation),
    /// The keys can't protect any further packet.
    #[error("the session's keys are used up")]
    KeysExhausted,
}
