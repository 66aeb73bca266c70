//! Questions about who is where (protocol §6.25). Whoever asks need not be in the channel.

use bytes::BufMut;

use crate::encode::Encode;
use crate::error::Input;
use crate::operation::field::{ChannelRef, name, put_text, text_len};
use crate::operation::{Body, kind};
use crate::parse::{self, Parsed};
use crate::varint;

/// `get states = channel, user text`
///
/// Answered with a [`PresentUser`](super::PresentUser).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetStates<'a> {
    /// The channel.
    pub channel: ChannelRef<'a>,
    /// Whose.
    pub user: &'a str,
}

impl<'a> Body<'a> for GetStates<'a> {
    const KIND: u8 = kind::GET_STATES;
    const NAME: &'static str = "get states";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = ChannelRef::parse(body)?;
        let (body, user) = name(body, "user")?;
        Ok((body, Self { channel, user }))
    }

    fn body_len(&self) -> usize {
        self.channel.encoded_len() + text_len(self.user)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
        put_text(out, self.user);
    }
}

/// What to tell of the users who are there, as in RTM 2.x; with nothing set only how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnlineFlags {
    /// Who they are.
    pub user_ids: bool,
    /// What they show; only together with who they are.
    pub states: bool,
}

impl OnlineFlags {
    const MASK: u8 = 0x03;

    fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        let (rest, bits) = parse::flags(input, "online flags", Self::MASK)?;
        Ok((rest, Self { user_ids: bits & 1 != 0, states: bits & 2 != 0 }))
    }

    fn bits(self) -> u8 {
        u8::from(self.user_ids) | u8::from(self.states) << 1
    }
}

impl Default for OnlineFlags {
    /// Who they are, as in RTM 2.x.
    fn default() -> Self {
        Self { user_ids: true, states: false }
    }
}

/// `get online users = channel, flags 1 byte, limit varint, after text`
///
/// Answered with a page of [`OnlineUsers`](super::OnlineUsers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetOnlineUsers<'a> {
    /// The channel.
    pub channel: ChannelRef<'a>,
    /// What to tell.
    pub flags: OnlineFlags,
    /// Users of one page; 0 leaves it to the server, which may send fewer in any case.
    pub limit: u64,
    /// The user name after which to go on; empty for the beginning.
    pub after: &'a str,
}

impl<'a> Body<'a> for GetOnlineUsers<'a> {
    const KIND: u8 = kind::GET_ONLINE_USERS;
    const NAME: &'static str = "get online users";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = ChannelRef::parse(body)?;
        let (body, flags) = OnlineFlags::parse(body)?;
        let (body, limit) = varint::parse(body)?;
        let (body, after) = name(body, "user")?;
        Ok((body, Self { channel, flags, limit, after }))
    }

    fn body_len(&self) -> usize {
        self.channel.encoded_len() + 1 + varint::len(self.limit) + text_len(self.after)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
        out.put_u8(self.flags.bits());
        varint::put(out, self.limit);
        put_text(out, self.after);
    }
}

/// `get user channels = user text`
///
/// Answered with [`UserChannels`](super::UserChannels).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetUserChannels<'a> {
    /// Who is looked for.
    pub user: &'a str,
}

impl<'a> Body<'a> for GetUserChannels<'a> {
    const KIND: u8 = kind::GET_USER_CHANNELS;
    const NAME: &'static str = "get user channels";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        name(body, "user").map(|(body, user)| (body, Self { user }))
    }

    fn body_len(&self) -> usize {
        text_len(self.user)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        put_text(out, self.user);
    }
}
