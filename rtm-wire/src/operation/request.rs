//! Requests: a client's operations, each with its id (protocol §6.1).

use bytes::BufMut;

use super::channel::{Join, Leave, Subscribe, Unsubscribe};
use super::history::GetMessages;
use super::lock::{AcquireLock, GetLocks, ReleaseLock, RemoveLock, RevokeLock, SetLock};
use super::login::{Login, Logout};
use super::message::{Publish, Receipt};
use super::presence::{GetOnlineUsers, GetStates, GetUserChannels, RemoveStates, SetStates};
use super::storage::{
    GetMetadata, RemoveMetadata, SetMetadata, SubscribeUserMetadata, UnsubscribeUserMetadata,
    UpdateMetadata,
};
use super::token::RenewToken;
use super::topic::{JoinTopic, LeaveTopic, PublishTopic, SubscribeTopic, UnsubscribeTopic};
use super::{Body, kind};
use crate::encode::Encode;
use crate::error::{DecodeError, Input};
use crate::id::OperationId;
use crate::parse::{self, whole};
use crate::varint;

/// A request that can't be read; as much of it as is needed to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("request {operation}: {error}")]
pub struct RequestError {
    /// The operation that the answer goes to; 0 when not even that could be read.
    pub operation: OperationId,
    /// What is wrong.
    #[source]
    pub error: DecodeError,
}

/// Declares the enum, its one decoder and its one encoder over all kinds.
macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident($type:ident $(<$lt:lifetime>)?),)*) => {
        /// What a client asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Request<'a> {
            $($(#[$doc])* $name($type $(<$lt>)?),)*
            /// A kind that this version doesn't know; to be answered "not supported".
            Unknown {
                /// Its number, below 0x80.
                kind: u8,
                /// Its bytes.
                body: &'a [u8],
            },
        }

        impl<'a> Request<'a> {
            /// Reads a client's message: its operation id and what it asks for.
            ///
            /// `request = kind 1 byte, operation id varint, body to the end`
            ///
            /// # Errors
            /// A message that isn't one request; the error says which operation to answer.
            #[inline]
            pub fn decode(message: Input<'a>) -> Result<(OperationId, Self), RequestError> {
                let nameless =
                    |error| RequestError { operation: OperationId(0), error };
                let (rest, kind) =
                    parse::byte(message).map_err(|error| nameless(error.into()))?;
                if kind >= kind::SERVER_SIDE {
                    return Err(nameless(DecodeError::Invalid { field: "request kind" }));
                }
                let (body, id) = varint::parse(rest).map_err(|error| nameless(error.into()))?;
                let operation = OperationId(id);
                let request = match kind {
                    $(<$type as Body<'_>>::KIND => {
                        whole(<$type as Body<'_>>::NAME, <$type as Body<'_>>::parse(body))
                            .map(Self::$name)
                    })*
                    kind => Ok(Self::Unknown { kind, body }),
                };
                match request {
                    Ok(request) => Ok((operation, request)),
                    Err(error) => Err(RequestError { operation, error }),
                }
            }

            /// Number of bytes that [`encode`](Self::encode) writes.
            #[must_use]
            pub fn encoded_len(&self, operation: OperationId) -> usize {
                let body = match self {
                    $(Self::$name(request) => request.body_len(),)*
                    Self::Unknown { body, .. } => body.len(),
                };
                1 + varint::len(operation.0) + body
            }

            /// Appends the request under this operation id.
            #[inline]
            pub fn encode(&self, operation: OperationId, out: &mut impl BufMut) {
                match self {
                    $(Self::$name(request) => {
                        out.put_u8(<$type as Body<'_>>::KIND);
                        varint::put(out, operation.0);
                        request.encode_body(out);
                    })*
                    Self::Unknown { kind, body } => {
                        let known = [$(<$type as Body<'_>>::KIND),*];
                        debug_assert!(!known.contains(kind), "request {kind} has a type");
                        out.put_u8(*kind);
                        varint::put(out, operation.0);
                        out.put_slice(body);
                    }
                }
            }

            /// The operation's name, for logs and errors.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => <$type as Body<'_>>::NAME,)*
                    Self::Unknown { .. } => "unknown request",
                }
            }
        }

        $(impl<'a> From<$type $(<$lt>)?> for Request<'a> {
            fn from(request: $type $(<$lt>)?) -> Self {
                Self::$name(request)
            }
        })*
    };
}

requests! {
    /// Who the client is.
    Login(Login<'a>),
    /// The client goes for good.
    Logout(Logout),
    /// Live as long as another token.
    RenewToken(RenewToken<'a>),
    /// Receive a channel's messages.
    Subscribe(Subscribe<'a>),
    /// Receive them no more.
    Unsubscribe(Unsubscribe<'a>),
    /// Send a message to a channel.
    Publish(Publish<'a>),
    /// Say how far the own inbox has been received.
    Receipt(Receipt),
    /// Become a member of a stream channel.
    Join(Join<'a>),
    /// Be one no more.
    Leave(Leave<'a>),
    /// Become a publisher of a topic.
    JoinTopic(JoinTopic<'a>),
    /// Be one no more.
    LeaveTopic(LeaveTopic<'a>),
    /// Send a message to a topic.
    PublishTopic(PublishTopic<'a>),
    /// Receive publishers' messages in a topic.
    SubscribeTopic(SubscribeTopic<'a>),
    /// Receive them no more.
    UnsubscribeTopic(UnsubscribeTopic<'a>),
    /// Show something in a channel.
    SetStates(SetStates<'a>),
    /// Show it no more.
    RemoveStates(RemoveStates<'a>),
    /// What a user shows in a channel.
    GetStates(GetStates<'a>),
    /// Who is in a channel.
    GetOnlineUsers(GetOnlineUsers<'a>),
    /// Which channels a user is in.
    GetUserChannels(GetUserChannels<'a>),
    /// Write items of a channel's or a user's metadata.
    SetMetadata(SetMetadata<'a>),
    /// Write items that are there.
    UpdateMetadata(UpdateMetadata<'a>),
    /// Remove items, or the whole set.
    RemoveMetadata(RemoveMetadata<'a>),
    /// Read a page of it.
    GetMetadata(GetMetadata<'a>),
    /// Hear of changes of a user's metadata.
    SubscribeUserMetadata(SubscribeUserMetadata<'a>),
    /// Hear of them no more.
    UnsubscribeUserMetadata(UnsubscribeUserMetadata<'a>),
    /// Make a lock.
    SetLock(SetLock<'a>),
    /// Do away with a lock.
    RemoveLock(RemoveLock<'a>),
    /// Become a lock's owner.
    AcquireLock(AcquireLock<'a>),
    /// Be it no more.
    ReleaseLock(ReleaseLock<'a>),
    /// Take a lock from its owner.
    RevokeLock(RevokeLock<'a>),
    /// Read all locks of a channel.
    GetLocks(GetLocks<'a>),
    /// Read a channel's history.
    GetMessages(GetMessages<'a>),
}

/// A request with its id can be encoded like everything else.
impl Encode for (OperationId, Request<'_>) {
    fn encoded_len(&self) -> usize {
        self.1.encoded_len(self.0)
    }

    fn encode(&self, out: &mut impl BufMut) {
        self.1.encode(self.0, out);
    }
}
