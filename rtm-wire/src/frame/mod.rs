//! Frames: what a data packet holds once it is opened, one after the other (protocol §4).
//!
//! Each is cut out by its length before it is looked into, so that a frame of an unknown kind is
//! skipped, and kept.

mod ack;
mod close;
mod connection_id;
mod lane_close;
mod lane_credit;
mod message;
mod padding;
mod parity;
mod path;
mod ping;
mod skip;
mod ticket;

pub use ack::{Ack, AckRanges};
pub use close::{Close, CloseCode};
pub use connection_id::{NewConnectionId, RetireConnectionId};
pub use lane_close::LaneClose;
pub use lane_credit::LaneCredit;
pub use message::{Fragment, LaneMode, Message};
pub use padding::Padding;
pub use parity::Parity;
pub use path::{PathChallenge, PathResponse};
pub use ping::Ping;
pub use skip::Skip;
pub use ticket::Ticket;

use bytes::BufMut;

use crate::encode::Encode;
use crate::error::{DecodeError, Input};
use crate::parse::{self, blob, whole};
use crate::{limits, varint};

/// Every frame kind and its number; a number is never given to another kind.
mod kind {
    pub(super) const PADDING: u8 = 0x00;
    pub(super) const PING: u8 = 0x01;
    pub(super) const ACK: u8 = 0x02;
    pub(super) const CLOSE: u8 = 0x03;
    pub(super) const MESSAGE: u8 = 0x04;
    pub(super) const SKIP: u8 = 0x05;
    pub(super) const LANE_CREDIT: u8 = 0x06;
    pub(super) const LANE_CLOSE: u8 = 0x07;
    pub(super) const NEW_CONNECTION_ID: u8 = 0x08;
    pub(super) const RETIRE_CONNECTION_ID: u8 = 0x09;
    pub(super) const PATH_CHALLENGE: u8 = 0x0a;
    pub(super) const PATH_RESPONSE: u8 = 0x0b;
    pub(super) const PARITY: u8 = 0x0c;
    pub(super) const TICKET: u8 = 0x10;

    /// Whether no version has given the number out.
    pub(super) const fn is_unknown(kind: u8) -> bool {
        kind > PARITY && kind != TICKET
    }
}

/// What the body of each frame kind offers to [`Frame`].
trait Body<'a>: Sized {
    const KIND: u8;
    const NAME: &'static str;

    fn parse(body: Input<'a>) -> parse::Parsed<'a, Self>;
    fn body_len(&self) -> usize;
    fn encode_body(&self, out: &mut impl BufMut);
}

/// Declares the enum, its one decoder and its one encoder over all kinds.
macro_rules! frames {
    ($($(#[$doc:meta])* $name:ident($type:ident $(<$lt:lifetime>)?),)*) => {
        /// One frame. Payloads borrow from the packet.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Frame<'a> {
            $($(#[$doc])* $name($type $(<$lt>)?),)*
            /// A kind that this version doesn't know: skipped, and the same when written again.
            Unknown {
                /// Its number.
                kind: u8,
                /// Its bytes.
                body: &'a [u8],
            },
        }

        impl<'a> Frame<'a> {
            /// Reads the frame at the front of `input` and gives back what follows it.
            ///
            /// `frame = kind 1 byte, body blob`
            ///
            /// # Errors
            /// [`DecodeError::Incomplete`] when `input` ends before the frame does; anything else
            /// is the sender's mistake.
            #[inline(always)]
            pub fn decode(input: Input<'a>) -> Result<(Input<'a>, Self), DecodeError> {
                let (input, kind) = parse::byte(input)?;
                let (rest, body) = blob(input, "frame", limits::FRAME)?;
                let frame = match kind {
                    $(<$type as Body<'_>>::KIND => {
                        whole(<$type as Body<'_>>::NAME, <$type as Body<'_>>::parse(body))
                            .map(Self::$name)?
                    })*
                    kind => Self::Unknown { kind, body },
                };
                Ok((rest, frame))
            }
        }

        impl Encode for Frame<'_> {
            fn encoded_len(&self) -> usize {
                match self {
                    $(Self::$name(frame) => frame.encoded_len(),)*
                    Self::Unknown { body, .. } => 1 + parse::blob_len(body),
                }
            }

            fn encode(&self, out: &mut impl BufMut) {
                match self {
                    $(Self::$name(frame) => frame.encode(out),)*
                    Self::Unknown { kind, body } => {
                        debug_assert!(kind::is_unknown(*kind), "kind {kind} has a type");
                        out.put_u8(*kind);
                        parse::put_blob(out, body);
                    }
                }
            }
        }

        $(impl<'a> From<$type $(<$lt>)?> for Frame<'a> {
            fn from(frame: $type $(<$lt>)?) -> Self {
                Self::$name(frame)
            }
        }

        impl $(<$lt>)? Encode for $type $(<$lt>)? {
            #[inline]
            fn encoded_len(&self) -> usize {
                let body = self.body_len();
                1 + varint::len(body as u64) + body
            }

            #[inline]
            fn encode(&self, out: &mut impl BufMut) {
                out.put_u8(<$type as Body<'_>>::KIND);
                varint::put(out, self.body_len() as u64);
                self.encode_body(out);
            }
        })*
    };
}

frames! {
    /// Fills a packet.
    Padding(Padding),
    /// Asks for an acknowledgement.
    Ping(Ping),
    /// Packets that arrived.
    Ack(Ack<'a>),
    /// The session ends.
    Close(Close<'a>),
    /// A message, or a fragment of one.
    Message(Message<'a>),
    /// Messages that will not come.
    Skip(Skip),
    /// How much more a lane may carry.
    LaneCredit(LaneCredit),
    /// A lane's last message.
    LaneClose(LaneClose),
    /// A further address of the session.
    NewConnectionId(NewConnectionId),
    /// An address no longer used.
    RetireConnectionId(RetireConnectionId),
    /// Asks whether a path works.
    PathChallenge(PathChallenge),
    /// Answers that it does.
    PathResponse(PathResponse),
    /// A parity symbol of a long message.
    Parity(Parity<'a>),
    /// What the client may come back with.
    Ticket(Ticket<'a>),
}

/// The frames of an opened packet, in order; ends after the first error.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    rest: Input<'a>,
}

impl<'a> Frames<'a> {
    /// The frames in `packet`, an opened packet's plaintext.
    #[must_use]
    pub const fn new(packet: Input<'a>) -> Self {
        Self { rest: packet }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match Frame::decode(self.rest) {
            Ok((rest, frame)) => {
                self.rest = rest;
                Some(Ok(frame))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}
