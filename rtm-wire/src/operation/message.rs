//! Messages of message and user channels (protocol §6.10, §6.17).

use bytes::BufMut;

use super::field::{ChannelRef, Position, name, put_text, text_len};
use super::{Body, kind};
use crate::encode::Encode;
use crate::error::Input;
use crate::kind::MessageType;
use crate::limits;
use crate::parse::{self, Parsed, remainder};
use crate::time::UnixTime;
use crate::varint;

/// What is to be done with a published message besides delivering it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublishFlags {
    /// Keep it in the channel's history.
    pub store: bool,
}

impl PublishFlags {
    #[inline(always)]
    fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        let (rest, bits) = parse::flags(input, "publish flags", 0x01)?;
        Ok((rest, Self { store: bits != 0 }))
    }
}

/// `publish = channel, flags 1 byte, message type 1 byte, custom type text, payload to the end`
///
/// The owner recognises a repeated publish by the session instance and the operation id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Where to.
    pub channel: ChannelRef<'a>,
    /// What else to do with it.
    pub flags: PublishFlags,
    /// How to read the payload.
    pub message_type: MessageType,
    /// The application's own mark, or empty.
    pub custom_type: &'a str,
    /// The message.
    pub payload: &'a [u8],
}

impl<'a> Body<'a> for Publish<'a> {
    const KIND: u8 = kind::PUBLISH;
    const NAME: &'static str = "publish";

    #[inline(always)]
    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = ChannelRef::parse(body)?;
        let (body, flags) = PublishFlags::parse(body)?;
        let (body, message_type) = MessageType::parse(body)?;
        let (body, custom_type) = parse::text(body, "custom type", limits::CUSTOM_TYPE)?;
        let (body, payload) = remainder(body, "message", limits::MESSAGE as usize)?;
        Ok((body, Self { channel, flags, message_type, custom_type, payload }))
    }

    #[inline]
    fn body_len(&self) -> usize {
        self.channel.encoded_len() + 2 + text_len(self.custom_type) + self.payload.len()
    }

    #[inline]
    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
        out.put_u8(u8::from(self.flags.store));
        out.put_u8(self.message_type.number());
        put_text(out, self.custom_type);
        out.put_slice(self.payload);
    }
}

/// `receipt = position`
///
/// The client's application can have all messages of its user's channel up to here. Never answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The last message that was received.
    pub position: Position,
}

impl<'a> Body<'a> for Receipt {
    const KIND: u8 = kind::RECEIPT;
    const NAME: &'static str = "receipt";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        Position::parse(body).map(|(body, position)| (body, Self { position }))
    }

    fn body_len(&self) -> usize {
        self.position.encoded_len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.position.encode(out);
    }
}

/// `message event = channel, publisher text, position, time varint in ms, message type 1 byte,
/// custom type text, payload to the end`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageEvent<'a> {
    /// The channel.
    pub channel: ChannelRef<'a>,
    /// Who published.
    pub publisher: &'a str,
    /// The message's place in the channel.
    pub position: Position,
    /// When the owner got it.
    pub time: UnixTime,
    /// How to read the payload.
    pub message_type: MessageType,
    /// The publisher's own mark, or empty.
    pub custom_type: &'a str,
    /// The message.
    pub payload: &'a [u8],
}

impl<'a> Body<'a> for MessageEvent<'a> {
    const KIND: u8 = kind::MESSAGE_EVENT;
    const NAME: &'static str = "message event";

    #[inline(always)]
    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = ChannelRef::parse(body)?;
        let (body, publisher) = name(body, "publisher")?;
        let (body, position) = Position::parse(body)?;
        let (body, time) = varint::parse(body)?;
        let (body, message_type) = MessageType::parse(body)?;
        let (body, custom_type) = parse::text(body, "custom type", limits::CUSTOM_TYPE)?;
        let (body, payload) = remainder(body, "message", limits::MESSAGE as usize)?;
        let time = UnixTime::from_millis(time);
        Ok((body, Self { channel, publisher, position, time, message_type, custom_type, payload }))
    }

    #[inline]
    fn body_len(&self) -> usize {
        self.channel.encoded_len()
            + text_len(self.publisher)
            + self.position.encoded_len()
            + varint::len(self.time.as_millis())
            + 1
            + text_len(self.custom_type)
            + self.payload.len()
    }

    #[inline]
    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
        put_text(out, self.publisher);
        self.position.encode(out);
        varint::put(out, self.time.as_millis());
        out.put_u8(self.message_type.number());
        put_text(out, self.custom_type);
        out.put_slice(self.payload);
    }
}
