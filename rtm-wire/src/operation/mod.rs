//! Operations: what client and server say to each other in the messages of a session (protocol §6).
//!
//! A client sends requests; the server answers each with one reply, and sends events. A message
//! holds one operation.

mod channel;
mod event;
mod field;
mod history;
mod lock;
mod login;
mod message;
mod position;
mod presence;
mod reply;
mod request;
mod storage;
mod token;
mod topic;

#[cfg(test)]
mod tests;

pub use channel::{Join, Leave, Subscribe, SubscribeOptions, Unsubscribe};
pub use event::Event;
pub use field::{ChannelRef, Position};
pub use history::{Bound, GetMessages, Messages, StoredMessage};
pub use lock::{
    AcquireLock, Acquired, GetLocks, Lock, LockEvent, ReleaseLock, RemoveLock, RevokeLock, SetLock,
};
pub use login::{Limit, Liveness, Login, Logout};
pub use message::{MessageEvent, Publish, PublishFlags, Receipt};
pub use position::PositionEvent;
pub use presence::{
    GetOnlineUsers, GetStates, GetUserChannels, OnlineFlags, OnlineUsers, PresenceEvent,
    PresentUser, RemoveStates, SetStates, State, UserChannels,
};
pub use reply::{
    FailedUser, HeardUser, Published, Publisher, Reply, ReplyResult, TopicUsers, UserPublished,
};
pub use request::{Request, RequestError};
pub use storage::{
    Expected, GetMetadata, ItemRemoval, ItemWrite, Metadata, MetadataItem, MetadataOptions,
    MetadataWrite, RemoveMetadata, SetMetadata, StorageEvent, Stored, SubscribeUserMetadata,
    UnderLock, UnsubscribeUserMetadata, UpdateMetadata,
};
pub use token::{RenewToken, TokenEvent};
pub use topic::{
    JoinTopic, LeaveTopic, PublishTopic, SubscribeTopic, TopicEvent, TopicMessageEvent,
    UnsubscribeTopic,
};

use bytes::{BufMut, Bytes};
use nom::Parser;
use nom::combinator::peek;

use crate::encode::Encode;
use crate::error::{DecodeError, Input};
use crate::parse;

/// Every operation kind and its number; a number is never given to another kind.
mod kind {
    pub(super) const LOGIN: u8 = 0x01;
    pub(super) const LOGOUT: u8 = 0x02;
    pub(super) const RENEW_TOKEN: u8 = 0x03;
    pub(super) const SUBSCRIBE: u8 = 0x10;
    pub(super) const UNSUBSCRIBE: u8 = 0x11;
    pub(super) const PUBLISH: u8 = 0x12;
    pub(super) const RECEIPT: u8 = 0x13;
    pub(super) const JOIN: u8 = 0x20;
    pub(super) const LEAVE: u8 = 0x21;
    pub(super) const JOIN_TOPIC: u8 = 0x22;
    pub(super) const LEAVE_TOPIC: u8 = 0x23;
    pub(super) const PUBLISH_TOPIC: u8 = 0x24;
    pub(super) const SUBSCRIBE_TOPIC: u8 = 0x25;
    pub(super) const UNSUBSCRIBE_TOPIC: u8 = 0x26;
    pub(super) const SET_STATES: u8 = 0x30;
    pub(super) const REMOVE_STATES: u8 = 0x31;
    pub(super) const GET_STATES: u8 = 0x32;
    pub(super) const GET_ONLINE_USERS: u8 = 0x33;
    pub(super) const GET_USER_CHANNELS: u8 = 0x34;
    pub(super) const SET_METADATA: u8 = 0x40;
    pub(super) const UPDATE_METADATA: u8 = 0x41;
    pub(super) const REMOVE_METADATA: u8 = 0x42;
    pub(super) const GET_METADATA: u8 = 0x43;
    pub(super) const SUBSCRIBE_USER_METADATA: u8 = 0x44;
    pub(super) const UNSUBSCRIBE_USER_METADATA: u8 = 0x45;
    pub(super) const SET_LOCK: u8 = 0x50;
    pub(super) const REMOVE_LOCK: u8 = 0x51;
    pub(super) const ACQUIRE_LOCK: u8 = 0x52;
    pub(super) const RELEASE_LOCK: u8 = 0x53;
    pub(super) const REVOKE_LOCK: u8 = 0x54;
    pub(super) const GET_LOCKS: u8 = 0x55;
    pub(super) const GET_MESSAGES: u8 = 0x60;
    pub(super) const REPLY: u8 = 0x80;
    pub(super) const MESSAGE_EVENT: u8 = 0x90;
    pub(super) const TOPIC_MESSAGE_EVENT: u8 = 0x91;
    pub(super) const TOPIC_EVENT: u8 = 0x92;
    pub(super) const PRESENCE_EVENT: u8 = 0x93;
    pub(super) const STORAGE_EVENT: u8 = 0x94;
    pub(super) const LOCK_EVENT: u8 = 0x95;
    pub(super) const POSITION_EVENT: u8 = 0x96;
    pub(super) const TOKEN_EVENT: u8 = 0x97;
    /// Requests lie below, replies and events from here on.
    pub(super) const SERVER_SIDE: u8 = 0x80;
}

/// What the body of each operation kind offers.
trait Body<'a>: Sized {
    const KIND: u8;
    const NAME: &'static str;

    fn parse(body: Input<'a>) -> parse::Parsed<'a, Self>;
    fn body_len(&self) -> usize;
    fn encode_body(&self, out: &mut impl BufMut);
}

/// What a server says: the answer to a request, or news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerOperation<'a> {
    /// The one answer to a request.
    Reply(Reply<'a>),
    /// News of a channel.
    Event(Event<'a>),
}

impl<'a> ServerOperation<'a> {
    /// Reads a message from a server.
    ///
    /// # Errors
    /// A message that isn't one operation; a request, too.
    #[inline]
    pub fn decode(message: Input<'a>) -> Result<Self, DecodeError> {
        match peek(parse::byte).parse(message)? {
            (message, kind::REPLY) => Reply::decode(message).map(Self::Reply),
            (message, _) => Event::decode(message).map(Self::Event),
        }
    }
}

impl Encode for ServerOperation<'_> {
    fn encoded_len(&self) -> usize {
        match self {
            Self::Reply(reply) => reply.encoded_len(),
            Self::Event(event) => event.encoded_len(),
        }
    }

    fn encode(&self, out: &mut impl BufMut) {
        match self {
            Self::Reply(reply) => reply.encode(out),
            Self::Event(event) => event.encode(out),
        }
    }
}

/// `part` of `message` as a value of its own that shares the buffer: nothing is copied.
///
/// Decoded operations and frames borrow from the buffer that they were read from; this is how a
/// payload outlives the borrow.
///
/// ```
/// use bytes::Bytes;
///
/// let message = Bytes::from_static(b"header|payload");
/// let payload = rtm_wire::shared(&message, &message[7..]);
/// assert_eq!(payload.as_ptr(), message[7..].as_ptr());
/// ```
///
/// # Panics
/// If `part` doesn't lie in `message`.
#[must_use]
pub fn shared(message: &Bytes, part: &[u8]) -> Bytes {
    message.slice_ref(part)
}
