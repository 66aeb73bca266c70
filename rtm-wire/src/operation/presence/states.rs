//! What a user shows in a channel: set and removed (protocol §6.25).

use bytes::BufMut;

use super::State;
use crate::encode::Encode;
use crate::error::Input;
use crate::list::List;
use crate::operation::field::ChannelRef;
use crate::operation::{Body, kind};
use crate::parse::Parsed;

/// `set states = channel, states list of state`
///
/// What the user shows there besides stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetStates<'a> {
    /// The channel.
    pub channel: ChannelRef<'a>,
    /// What to show, each key once.
    pub states: List<'a, State<'a>>,
}

impl<'a> Body<'a> for SetStates<'a> {
    const KIND: u8 = kind::SET_STATES;
    const NAME: &'static str = "set states";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = ChannelRef::parse(body)?;
        let (body, states) = List::parse(body, "states")?;
        Ok((body, Self { channel, states }))
    }

    fn body_len(&self) -> usize {
        self.channel.encoded_len() + self.states.encoded_len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
        self.states.encode(out);
    }
}

/// `remove states = channel, keys list of text`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoveStates<'a> {
    /// The channel.
    pub channel: ChannelRef<'a>,
    /// What to show no more; none means all.
    pub keys: List<'a, &'a str>,
}

impl<'a> Body<'a> for RemoveStates<'a> {
    const KIND: u8 = kind::REMOVE_STATES;
    const NAME: &'static str = "remove states";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = ChannelRef::parse(body)?;
        let (body, keys) = List::parse(body, "state keys")?;
        Ok((body, Self { channel, keys }))
    }

    fn body_len(&self) -> usize {
        self.channel.encoded_len() + self.keys.encoded_len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
        self.keys.encode(out);
    }
}
