//! Coming to a channel and leaving it (protocol §6.6 to §6.9).

use bytes::BufMut;

use super::field::{ChannelRef, Position, name, put_text, text_len};
use super::{Body, kind};
use crate::encode::Encode;
use crate::error::Input;
use crate::kind::QueuePolicy;
use crate::limits;
use crate::parse::{self, Parsed};

/// What a subscriber or member wants to hear of, as in RTM 2.x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscribeOptions {
    /// Messages. Always on for stream channels, whose topics are subscribed one by one.
    pub messages: bool,
    /// Who comes and goes.
    pub presence: bool,
    /// Changes of the channel's metadata.
    pub metadata: bool,
    /// Changes of the channel's locks.
    pub locks: bool,
    /// Don't tell the others of this user.
    pub quiet: bool,
    /// What becomes of messages that come too fast. Of no meaning for stream channels.
    pub queue: QueuePolicy,
}

impl SubscribeOptions {
    /// The queue policy is in the upper three bits.
    const QUEUE: u32 = 5;

    fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        let (rest, bits) = parse::flags(input, "subscribe options", u8::MAX)?;
        let bit = |index: u8| bits & (1 << index) != 0;
        let options = Self {
            messages: bit(0),
            presence: bit(1),
            metadata: bit(2),
            locks: bit(3),
            quiet: bit(4),
            queue: QueuePolicy::from_number(bits >> Self::QUEUE),
        };
        Ok((rest, options))
    }

    fn bits(self) -> u8 {
        let bits = [self.messages, self.presence, self.metadata, self.locks, self.quiet];
        let queue = self.queue.number() << Self::QUEUE;
        queue + bits.iter().enumerate().map(|(index, &bit)| u8::from(bit) << index).sum::<u8>()
    }
}

impl Default for SubscribeOptions {
    /// Messages and presence, as in RTM 2.x.
    fn default() -> Self {
        Self {
            messages: true,
            presence: true,
            metadata: false,
            locks: false,
            quiet: false,
            queue: QueuePolicy::Default,
        }
    }
}

/// `subscribe = channel, options 1 byte, resume 0 or 1, [position]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// The channel.
    pub channel: ChannelRef<'a>,
    /// What to hear of.
    pub options: SubscribeOptions,
    /// The last position that the subscriber knows, to be carried on from; the reply tells whether
    /// that was possible.
    pub resume: Option<Position>,
}

impl<'a> Body<'a> for Subscribe<'a> {
    const KIND: u8 = kind::SUBSCRIBE;
    const NAME: &'static str = "subscribe";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = ChannelRef::parse(body)?;
        let (body, options) = SubscribeOptions::parse(body)?;
        let (body, resume) = match parse::flags(body, "resume flag", 1)? {
            (body, 0) => (body, None),
            (body, _) => Position::parse(body).map(|(body, at)| (body, Some(at)))?,
        };
        Ok((body, Self { channel, options, resume }))
    }

    fn body_len(&self) -> usize {
        self.channel.encoded_len() + 2 + self.resume.map_or(0, |at| at.encoded_len())
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
        out.put_u8(self.options.bits());
        out.put_u8(u8::from(self.resume.is_some()));
        if let Some(at) = self.resume {
            at.encode(out);
        }
    }
}

/// `unsubscribe = channel`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// The channel.
    pub channel: ChannelRef<'a>,
}

impl<'a> Body<'a> for Unsubscribe<'a> {
    const KIND: u8 = kind::UNSUBSCRIBE;
    const NAME: &'static str = "unsubscribe";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        ChannelRef::parse(body).map(|(body, channel)| (body, Self { channel }))
    }

    fn body_len(&self) -> usize {
        self.channel.encoded_len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
    }
}

/// `join = channel name text, options 1 byte, token text`
///
/// The channel is a stream channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Join<'a> {
    /// The stream channel.
    pub channel: &'a str,
    /// What to hear of.
    pub options: SubscribeOptions,
    /// Proof that the user may; empty where the server wants none.
    pub token: &'a str,
}

impl<'a> Body<'a> for Join<'a> {
    const KIND: u8 = kind::JOIN;
    const NAME: &'static str = "join";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = name(body, "channel name")?;
        let (body, options) = SubscribeOptions::parse(body)?;
        let (body, token) = parse::text(body, "token", limits::TOKEN)?;
        Ok((body, Self { channel, options, token }))
    }

    fn body_len(&self) -> usize {
        text_len(self.channel) + 1 + text_len(self.token)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        put_text(out, self.channel);
        out.put_u8(self.options.bits());
        put_text(out, self.token);
    }
}

/// `leave = channel name text`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave<'a> {
    /// The stream channel.
    pub channel: &'a str,
}

impl<'a> Body<'a> for Leave<'a> {
    const KIND: u8 = kind::LEAVE;
    const NAME: &'static str = "leave";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        name(body, "channel name").map(|(body, channel)| (body, Self { channel }))
    }

    fn body_len(&self) -> usize {
        text_len(self.channel)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        put_text(out, self.channel);
    }
}
