//! How far a channel is, told to a subscriber who has missed messages (protocol §6.29).

use bytes::BufMut;

use super::field::{ChannelRef, Position};
use super::{Body, kind};
use crate::encode::Encode;
use crate::error::Input;
use crate::parse::Parsed;

/// `position event = channel, position`
///
/// All messages up to this one have been sent to the subscriber, or won't be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionEvent<'a> {
    /// The channel.
    pub channel: ChannelRef<'a>,
    /// The channel's last message.
    pub position: Position,
}

impl<'a> Body<'a> for PositionEvent<'a> {
    const KIND: u8 = kind::POSITION_EVENT;
    const NAME: &'static str = "position event";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = ChannelRef::parse(body)?;
        Position::parse(body).map(|(body, position)| (body, Self { channel, position }))
    }

    fn body_len(&self) -> usize {
        self.channel.encoded_len() + self.position.encoded_len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
        self.position.encode(out);
    }
}
