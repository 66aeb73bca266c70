//! Events: what a server says unasked (protocol §6.3).

use bytes::BufMut;

use super::lock::LockEvent;
use super::message::MessageEvent;
use super::position::PositionEvent;
use super::presence::PresenceEvent;
use super::storage::StorageEvent;
use super::token::TokenEvent;
use super::topic::{TopicEvent, TopicMessageEvent};
use super::{Body, kind};
use crate::encode::Encode;
use crate::error::{DecodeError, Input};
use crate::parse::{self, whole};

/// Declares the enum, its one decoder and its one encoder over all kinds.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident($type:ident $(<$lt:lifetime>)?),)*) => {
        /// News of a channel.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Event<'a> {
            $($(#[$doc])* $name($type $(<$lt>)?),)*
            /// A kind that this version doesn't know; to be ignored.
            Unknown {
                /// Its number, above 0x80.
                kind: u8,
                /// Its bytes.
                body: &'a [u8],
            },
        }

        impl<'a> Event<'a> {
            /// Whether a server's message is one of a channel or topic: by its kind, unread.
            #[inline]
            #[must_use]
            pub fn is_message(message: Input<'_>) -> bool {
                matches!(message.first(), Some(&kind::MESSAGE_EVENT | &kind::TOPIC_MESSAGE_EVENT))
            }

            /// Whether a server's message tells how far a channel is: by its kind, unread.
            #[inline]
            #[must_use]
            pub fn is_position(message: Input<'_>) -> bool {
                message.first() == Some(&kind::POSITION_EVENT)
            }

            /// Reads a server's message.
            ///
            /// `event = kind 1 byte, body to the end`
            ///
            /// # Errors
            /// A message that isn't one event.
            #[inline]
            pub fn decode(message: Input<'a>) -> Result<Self, DecodeError> {
                let (body, kind) = parse::byte(message)?;
                if kind <= kind::REPLY {
                    return Err(DecodeError::Invalid { field: "event kind" });
                }
                match kind {
                    $(<$type as Body<'_>>::KIND => {
                        whole(<$type as Body<'_>>::NAME, <$type as Body<'_>>::parse(body))
                            .map(Self::$name)
                    })*
                    kind => Ok(Self::Unknown { kind, body }),
                }
            }
        }

        impl Encode for Event<'_> {
            fn encoded_len(&self) -> usize {
                match self {
                    $(Self::$name(event) => 1 + event.body_len(),)*
                    Self::Unknown { body, .. } => 1 + body.len(),
                }
            }

            #[inline]
            fn encode(&self, out: &mut impl BufMut) {
                match self {
                    $(Self::$name(event) => {
                        out.put_u8(<$type as Body<'_>>::KIND);
                        event.encode_body(out);
                    })*
                    Self::Unknown { kind, body } => {
                        let known = [kind::REPLY, $(<$type as Body<'_>>::KIND),*];
                        debug_assert!(!known.contains(kind), "event {kind} has a type");
                        out.put_u8(*kind);
                        out.put_slice(body);
                    }
                }
            }
        }

        $(impl<'a> From<$type $(<$lt>)?> for Event<'a> {
            fn from(event: $type $(<$lt>)?) -> Self {
                Self::$name(event)
            }
        })*
    };
}

events! {
    /// A message in a channel.
    Message(MessageEvent<'a>),
    /// A message in a topic.
    TopicMessage(TopicMessageEvent<'a>),
    /// A publisher came or went.
    Topic(TopicEvent<'a>),
    /// Who is in a channel, or who came and went.
    Presence(PresenceEvent<'a>),
    /// A channel's or a user's metadata, or what has changed in it.
    Storage(StorageEvent<'a>),
    /// The locks of a channel, or what has become of one.
    Lock(LockEvent<'a>),
    /// How far a channel is.
    Position(PositionEvent<'a>),
    /// What becomes of the session's token.
    Token(TokenEvent<'a>),
}
