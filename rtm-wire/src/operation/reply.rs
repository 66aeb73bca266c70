//! Replies: the one answer to each request (protocol §6.2).

use bytes::BufMut;
use nom::combinator::rest;

use super::field::{Position, name, put_text, text_len};
use super::history::Messages;
use super::kind;
use super::lock::{Acquired, Lock};
use super::login::Limit;
use super::presence::{OnlineUsers, PresentUser, UserChannels};
use super::storage::{Metadata, Stored};
use crate::code::ErrorCode;
use crate::delivery::Delivery;
use crate::encode::Encode;
use crate::error::{DecodeError, Input};
use crate::id::{OperationId, Sequence};
use crate::kind::Reach;
use crate::list::{Item, List};
use crate::parse::{self, Parsed, blob, blob_len, put_blob, refuse, whole};
use crate::time::UnixTime;
use crate::{limits, varint};

/// Every result kind and its number.
mod result {
    pub(super) const NONE: u8 = 0;
    pub(super) const LOGGED_IN: u8 = 1;
    pub(super) const SUBSCRIBED: u8 = 2;
    pub(super) const PUBLISHED: u8 = 3;
    pub(super) const JOINED: u8 = 4;
    pub(super) const TOPIC_JOINED: u8 = 5;
    pub(super) const TOPIC_USERS: u8 = 6;
    pub(super) const USER_PUBLISHED: u8 = 7;
    pub(super) const PRESENT_USER: u8 = 8;
    pub(super) const ONLINE_USERS: u8 = 9;
    pub(super) const USER_CHANNELS: u8 = 10;
    pub(super) const STORED: u8 = 11;
    pub(super) const METADATA: u8 = 12;
    pub(super) const ACQUIRED: u8 = 13;
    pub(super) const LOCKS: u8 = 14;
    pub(super) const MESSAGES: u8 = 15;

    /// Whether this version has given the number out.
    pub(super) const fn is_known(kind: u8) -> bool {
        matches!(kind, NONE..=MESSAGES)
    }
}

/// `reply = 0x80, operation id varint, code varint, reason text, result kind 1 byte, result`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The request that is answered.
    pub operation: OperationId,
    /// Success, or what is wrong.
    pub code: ErrorCode,
    /// What is wrong in words, and what to do; empty on success.
    pub reason: &'a str,
    /// What the request gave.
    pub result: ReplyResult<'a>,
}

/// What a request gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyResult<'a> {
    /// Nothing besides the code.
    None,
    /// To a login: the server's clock, and what it allows.
    LoggedIn {
        /// Server time.
        time: UnixTime,
        /// The limits that a client can keep to by itself.
        limits: List<'a, Limit>,
    },
    /// To a subscribe: the channel's last event so far; what follows will be heard.
    Subscribed(Position),
    /// To a publish.
    Published(Published),
    /// To a join: the channel's last event so far, and who publishes what.
    Joined {
        /// The channel's last event.
        position: Position,
        /// All publishers of all topics.
        publishers: List<'a, Publisher<'a>>,
    },
    /// To a join of a topic: the publication that it began.
    TopicJoined(Position),
    /// To a subscription of a topic's publishers, or its end.
    TopicUsers(TopicUsers<'a>),
    /// To a publish to a user.
    UserPublished(UserPublished),
    /// To a question what a user shows.
    PresentUser(PresentUser<'a>),
    /// To a question who is in a channel.
    OnlineUsers(OnlineUsers<'a>),
    /// To a question which channels a user is in.
    UserChannels(UserChannels<'a>),
    /// To a write of metadata.
    Stored(Stored),
    /// To a question for metadata.
    Metadata(Metadata<'a>),
    /// To the acquisition of a lock.
    Acquired(Acquired),
    /// To a question for locks: all of the channel.
    Locks(List<'a, Lock<'a>>),
    /// To a question for a history.
    Messages(Messages<'a>),
    /// A kind that this version doesn't know; the reply's code still holds.
    Unknown {
        /// Its number, none of those above.
        kind: u8,
        /// Its bytes.
        body: &'a [u8],
    },
}

/// `published = position, time varint in ms`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The message's place in the channel, or in the publication.
    pub position: Position,
    /// The time that its subscribers see.
    pub time: UnixTime,
}

/// `user published = reach 1 byte, published`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserPublished {
    /// How far it has got.
    pub reach: Reach,
    /// Its place in the user's channel.
    pub published: Published,
}

/// `publisher = topic text, user text, publication varint, last varint, since time, delivery, meta
/// blob`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publisher<'a> {
    /// The topic.
    pub topic: &'a str,
    /// Who publishes in it.
    pub user: &'a str,
    /// The channel's sequence at which the user joined the topic.
    pub publication: Sequence,
    /// The last message so far.
    pub last: Sequence,
    /// When the user joined the topic.
    pub since: UnixTime,
    /// How the messages travel.
    pub delivery: Delivery,
    /// What the user shows.
    pub meta: &'a [u8],
}

/// `heard user = user text, publication varint, last varint`
///
/// Both numbers are 0 when an end of a subscription is answered and the user publishes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeardUser<'a> {
    /// The user.
    pub user: &'a str,
    /// The publication: the channel's sequence at which the user joined the topic.
    pub publication: Sequence,
    /// Its last message before this answer. A subscription hears those after it, one that has ended
    /// has heard those up to it.
    pub last: Sequence,
}

/// `failed user = user text, code varint`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedUser<'a> {
    /// The user.
    pub user: &'a str,
    /// Why.
    pub code: ErrorCode,
}

/// `topic users = succeeded list of heard users, failed list of failed users`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicUsers<'a> {
    /// Those for whom it went well, and where their publications stand.
    pub succeeded: List<'a, HeardUser<'a>>,
    /// The others.
    pub failed: List<'a, FailedUser<'a>>,
}

impl<'a> Reply<'a> {
    /// Reads a server's reply.
    ///
    /// # Errors
    /// A message that isn't one reply of this version.
    pub fn decode(message: Input<'a>) -> Result<Self, DecodeError> {
        whole("reply", Self::parse(message))
    }

    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, kind) = parse::byte(input)?;
        if kind != kind::REPLY {
            return refuse(DecodeError::Invalid { field: "reply kind" });
        }
        let (input, operation) = varint::parse(input)?;
        let (input, code) = parse::number(input, "error code", u64::from(u32::MAX))?;
        let (input, reason) = parse::text(input, "reason", limits::REASON)?;
        let (input, result) = ReplyResult::parse(input)?;
        let (operation, code) = (OperationId(operation), ErrorCode(code as u32));
        Ok((input, Self { operation, code, reason, result }))
    }
}

impl Encode for Reply<'_> {
    fn encoded_len(&self) -> usize {
        1 + varint::len(self.operation.0)
            + varint::len(u64::from(self.code.0))
            + text_len(self.reason)
            + self.result.encoded_len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_u8(kind::REPLY);
        varint::put(out, self.operation.0);
        varint::put(out, u64::from(self.code.0));
        put_text(out, self.reason);
        self.result.encode(out);
    }
}

impl<'a> ReplyResult<'a> {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, kind) = parse::byte(input)?;
        match kind {
            result::NONE => Ok((input, Self::None)),
            result::LOGGED_IN => {
                let (input, time) = time(input)?;
                let (input, limits) = List::parse(input, "limits")?;
                Ok((input, Self::LoggedIn { time, limits }))
            }
            result::SUBSCRIBED => {
                Position::parse(input).map(|(rest, position)| (rest, Self::Subscribed(position)))
            }
            result::PUBLISHED => {
                let (input, position) = Position::parse(input)?;
                let (input, time) = time(input)?;
                Ok((input, Self::Published(Published { position, time })))
            }
            result::JOINED => {
                let (input, position) = Position::parse(input)?;
                let (input, publishers) = List::parse(input, "publishers")?;
                Ok((input, Self::Joined { position, publishers }))
            }
            result::TOPIC_JOINED => {
                Position::parse(input).map(|(rest, position)| (rest, Self::TopicJoined(position)))
            }
            result::TOPIC_USERS => {
                let (input, succeeded) = List::parse(input, "users")?;
                let (input, failed) = List::parse(input, "users")?;
                Ok((input, Self::TopicUsers(TopicUsers { succeeded, failed })))
            }
            result::USER_PUBLISHED => {
                let (input, reach) = Reach::parse(input)?;
                let (input, position) = Position::parse(input)?;
                let (input, time) = time(input)?;
                let published = Published { position, time };
                Ok((input, Self::UserPublished(UserPublished { reach, published })))
            }
            result::PRESENT_USER => {
                PresentUser::parse(input).map(|(rest, user)| (rest, Self::PresentUser(user)))
            }
            result::ONLINE_USERS => {
                OnlineUsers::parse(input).map(|(rest, page)| (rest, Self::OnlineUsers(page)))
            }
            result::USER_CHANNELS => {
                UserChannels::parse(input).map(|(rest, found)| (rest, Self::UserChannels(found)))
            }
            result::STORED => Stored::parse(input).map(|(rest, it)| (rest, Self::Stored(it))),
            result::METADATA => Metadata::parse(input).map(|(rest, it)| (rest, Self::Metadata(it))),
            result::ACQUIRED => Acquired::parse(input).map(|(rest, it)| (rest, Self::Acquired(it))),
            result::LOCKS => {
                List::parse(input, "locks").map(|(rest, locks)| (rest, Self::Locks(locks)))
            }
            result::MESSAGES => Messages::parse(input).map(|(rest, it)| (rest, Self::Messages(it))),
            kind => rest(input).map(|(end, body)| (end, Self::Unknown { kind, body })),
        }
    }

    fn encoded_len(&self) -> usize {
        1 + match self {
            Self::None => 0,
            Self::LoggedIn { time, limits } => varint::len(time.as_millis()) + limits.encoded_len(),
            Self::Subscribed(position) | Self::TopicJoined(position) => position.encoded_len(),
            Self::Published(published) => {
                published.position.encoded_len() + varint::len(published.time.as_millis())
            }
            Self::Joined { position, publishers } => {
                position.encoded_len() + publishers.encoded_len()
            }
            Self::UserPublished(UserPublished { published, .. }) => {
                1 + published.position.encoded_len() + varint::len(published.time.as_millis())
            }
            Self::TopicUsers(users) => users.succeeded.encoded_len() + users.failed.encoded_len(),
            Self::PresentUser(user) => user.encoded_len(),
            Self::OnlineUsers(page) => page.encoded_len(),
            Self::UserChannels(found) => found.encoded_len(),
            Self::Stored(stored) => stored.encoded_len(),
            Self::Metadata(metadata) => metadata.encoded_len(),
            Self::Acquired(acquired) => acquired.encoded_len(),
            Self::Locks(locks) => locks.encoded_len(),
            Self::Messages(messages) => messages.encoded_len(),
            Self::Unknown { body, .. } => body.len(),
        }
    }

    fn encode(&self, out: &mut impl BufMut) {
        match self {
            Self::None => out.put_u8(result::NONE),
            Self::LoggedIn { time, limits } => {
                out.put_u8(result::LOGGED_IN);
                varint::put(out, time.as_millis());
                limits.encode(out);
            }
            Self::Subscribed(position) => {
                out.put_u8(result::SUBSCRIBED);
                position.encode(out);
            }
            Self::Published(published) => {
                out.put_u8(result::PUBLISHED);
                published.position.encode(out);
                varint::put(out, published.time.as_millis());
            }
            Self::Joined { position, publishers } => {
                out.put_u8(result::JOINED);
                position.encode(out);
                publishers.encode(out);
            }
            Self::TopicJoined(position) => {
                out.put_u8(result::TOPIC_JOINED);
                position.encode(out);
            }
            Self::TopicUsers(users) => {
                out.put_u8(result::TOPIC_USERS);
                users.succeeded.encode(out);
                users.failed.encode(out);
            }
            Self::UserPublished(UserPublished { reach, published }) => {
                out.put_u8(result::USER_PUBLISHED);
                out.put_u8(reach.number());
                published.position.encode(out);
                varint::put(out, published.time.as_millis());
            }
            other => other.encode_found(out),
        }
    }
}

impl ReplyResult<'_> {
    /// The result of a question or a change in one of the modules.
    fn encode_found(&self, out: &mut impl BufMut) {
        match self {
            Self::PresentUser(user) => {
                out.put_u8(result::PRESENT_USER);
                user.encode(out);
            }
            Self::OnlineUsers(page) => {
                out.put_u8(result::ONLINE_USERS);
                page.encode(out);
            }
            Self::UserChannels(found) => {
                out.put_u8(result::USER_CHANNELS);
                found.encode(out);
            }
            Self::Stored(stored) => {
                out.put_u8(result::STORED);
                stored.encode(out);
            }
            Self::Metadata(metadata) => {
                out.put_u8(result::METADATA);
                metadata.encode(out);
            }
            Self::Acquired(acquired) => {
                out.put_u8(result::ACQUIRED);
                acquired.encode(out);
            }
            Self::Locks(locks) => {
                out.put_u8(result::LOCKS);
                locks.encode(out);
            }
            Self::Messages(messages) => {
                out.put_u8(result::MESSAGES);
                messages.encode(out);
            }
            Self::Unknown { kind, body } => {
                debug_assert!(!result::is_known(*kind), "result {kind} has a variant");
                out.put_u8(*kind);
                out.put_slice(body);
            }
            other => debug_assert!(false, "{other:?} is written above"),
        }
    }
}

fn time(input: Input<'_>) -> Parsed<'_, UnixTime> {
    varint::parse(input).map(|(rest, millis)| (rest, UnixTime::from_millis(millis)))
}

impl<'a> Item<'a> for Publisher<'a> {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, topic) = name(input, "topic name")?;
        let (input, user) = name(input, "publisher")?;
        let (input, publication) = varint::parse(input)?;
        let (input, last) = varint::parse(input)?;
        let (input, since) = time(input)?;
        let (input, delivery) = Delivery::parse(input)?;
        let (input, meta) = blob(input, "publisher meta", limits::META)?;
        let (publication, last) = (Sequence(publication), Sequence(last));
        Ok((input, Self { topic, user, publication, last, since, delivery, meta }))
    }
}

impl Encode for Publisher<'_> {
    fn encoded_len(&self) -> usize {
        text_len(self.topic)
            + text_len(self.user)
            + varint::len(self.publication.0)
            + varint::len(self.last.0)
            + varint::len(self.since.as_millis())
            + self.delivery.encoded_len()
            + blob_len(self.meta)
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_text(out, self.topic);
        put_text(out, self.user);
        varint::put(out, self.publication.0);
        varint::put(out, self.last.0);
        varint::put(out, self.since.as_millis());
        self.delivery.encode(out);
        put_blob(out, self.meta);
    }
}

impl<'a> Item<'a> for HeardUser<'a> {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, user) = name(input, "user")?;
        let (input, publication) = varint::parse(input)?;
        let (input, last) = varint::parse(input)?;
        Ok((input, Self { user, publication: Sequence(publication), last: Sequence(last) }))
    }
}

impl Encode for HeardUser<'_> {
    fn encoded_len(&self) -> usize {
        text_len(self.user) + varint::len(self.publication.0) + varint::len(self.last.0)
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_text(out, self.user);
        varint::put(out, self.publication.0);
        varint::put(out, self.last.0);
    }
}

impl<'a> Item<'a> for FailedUser<'a> {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, user) = name(input, "user")?;
        let (input, code) = parse::number(input, "error code", u64::from(u32::MAX))?;
        Ok((input, Self { user, code: ErrorCode(code as u32) }))
    }
}

impl Encode for FailedUser<'_> {
    fn encoded_len(&self) -> usize {
        text_len(self.user) + varint::len(u64::from(self.code.0))
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_text(out, self.user);
        varint::put(out, u64::from(self.code.0));
    }
}
