//! What was stored of a channel's messages (protocol §6.28).

use bytes::BufMut;

use super::field::{ChannelRef, Position};
use super::{Body, kind};
use crate::encode::Encode;
use crate::error::{DecodeError, Input};
use crate::limits;
use crate::list::{Item, List};
use crate::parse::{self, Parsed, blob, blob_len, put_blob, refuse};
use crate::time::UnixTime;
use crate::varint;

/// One end of a part of a history.
///
/// `bound = 0 1 byte | 1 1 byte, time varint in ms | 2 1 byte, position`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bound {
    /// None.
    #[default]
    Open,
    /// A time.
    Time(UnixTime),
    /// A message, which lies outside.
    Position(Position),
}

impl Bound {
    fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        let (input, kind) = parse::byte(input)?;
        match kind {
            0 => Ok((input, Self::Open)),
            1 => {
                let (input, time) = varint::parse(input)?;
                Ok((input, Self::Time(UnixTime::from_millis(time))))
            }
            2 => Position::parse(input).map(|(input, position)| (input, Self::Position(position))),
            _ => refuse(DecodeError::Invalid { field: "bound" }),
        }
    }
}

impl Encode for Bound {
    fn encoded_len(&self) -> usize {
        1 + match self {
            Self::Open => 0,
            Self::Time(time) => varint::len(time.as_millis()),
            Self::Position(position) => position.encoded_len(),
        }
    }

    fn encode(&self, out: &mut impl BufMut) {
        match self {
            Self::Open => out.put_u8(0),
            Self::Time(time) => {
                out.put_u8(1);
                varint::put(out, time.as_millis());
            }
            Self::Position(position) => {
                out.put_u8(2);
                position.encode(out);
            }
        }
    }
}

/// `get messages = channel, flags 1 byte, limit varint, from bound, to bound`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetMessages<'a> {
    /// The channel.
    pub channel: ChannelRef<'a>,
    /// From the oldest on; else from the newest back.
    pub oldest_first: bool,
    /// Messages in one answer at most; 0 for as many as the server gives.
    pub limit: u64,
    /// The earlier end: a time lies inside.
    pub from: Bound,
    /// The later end: a time lies outside.
    pub to: Bound,
}

impl<'a> Body<'a> for GetMessages<'a> {
    const KIND: u8 = kind::GET_MESSAGES;
    const NAME: &'static str = "get messages";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = ChannelRef::parse(body)?;
        let (body, flags) = parse::flags(body, "history flags", 0x01)?;
        let (body, limit) = varint::parse(body)?;
        let (body, from) = Bound::parse(body)?;
        let (body, to) = Bound::parse(body)?;
        Ok((body, Self { channel, oldest_first: flags != 0, limit, from, to }))
    }

    fn body_len(&self) -> usize {
        self.channel.encoded_len()
            + 1
            + varint::len(self.limit)
            + self.from.encoded_len()
            + self.to.encoded_len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
        out.put_u8(u8::from(self.oldest_first));
        varint::put(out, self.limit);
        self.from.encode(out);
        self.to.encode(out);
    }
}

/// `stored message = message event blob`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredMessage<'a> {
    /// The message event as it was told, with its kind.
    pub event: &'a [u8],
}

impl<'a> Item<'a> for StoredMessage<'a> {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, event) = blob(input, "stored message", limits::MESSAGE as usize)?;
        Ok((input, Self { event }))
    }
}

impl Encode for StoredMessage<'_> {
    fn encoded_len(&self) -> usize {
        blob_len(self.event)
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_blob(out, self.event);
    }
}

/// `messages = flags 1 byte, messages list of stored messages`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Messages<'a> {
    /// Whether more lie within the bounds: behind the last of these.
    pub has_more: bool,
    /// This page, in the order that was asked for.
    pub messages: List<'a, StoredMessage<'a>>,
}

impl<'a> Messages<'a> {
    pub(in crate::operation) fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, flags) = parse::flags(input, "messages flags", 0x01)?;
        let (input, messages) = List::parse(input, "stored messages")?;
        Ok((input, Self { has_more: flags != 0, messages }))
    }
}

impl Encode for Messages<'_> {
    fn encoded_len(&self) -> usize {
        1 + self.messages.encoded_len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_u8(u8::from(self.has_more));
        self.messages.encode(out);
    }
}
