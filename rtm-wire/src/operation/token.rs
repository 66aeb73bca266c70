//! Renewing a token, and being told in time (protocol §6.30).

use bytes::BufMut;

use super::field::{ChannelRef, put_text, text_len};
use super::{Body, kind};
use crate::encode::Encode;
use crate::error::Input;
use crate::kind::TokenChange;
use crate::list::List;
use crate::parse::{self, Parsed};
use crate::{limits, varint};

/// `renew token = token text, channel text`
///
/// The session, or the membership in a stream channel, lives as long as this token from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenewToken<'a> {
    /// Proof that the user may.
    pub token: &'a str,
    /// The stream channel; empty for the session.
    pub channel: &'a str,
}

impl<'a> Body<'a> for RenewToken<'a> {
    const KIND: u8 = kind::RENEW_TOKEN;
    const NAME: &'static str = "renew token";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, token) = parse::text(body, "token", limits::TOKEN)?;
        let (body, channel) = parse::text(body, "channel name", limits::NAME)?;
        Ok((body, Self { token, channel }))
    }

    fn body_len(&self) -> usize {
        text_len(self.token) + text_len(self.channel)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        put_text(out, self.token);
        put_text(out, self.channel);
    }
}

/// `token event = change 1 byte, time left varint in ms, channels list of channel`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenEvent<'a> {
    /// What becomes of a token.
    pub change: TokenChange,
    /// How long it still lasts, in milliseconds.
    pub left_ms: u64,
    /// The channels that are concerned, and users whose metadata was followed; none if it is the
    /// session.
    pub channels: List<'a, ChannelRef<'a>>,
}

impl<'a> Body<'a> for TokenEvent<'a> {
    const KIND: u8 = kind::TOKEN_EVENT;
    const NAME: &'static str = "token event";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, change) = TokenChange::parse(body)?;
        let (body, left_ms) = varint::parse(body)?;
        let (body, channels) = List::parse(body, "channels")?;
        Ok((body, Self { change, left_ms, channels }))
    }

    fn body_len(&self) -> usize {
        1 + varint::len(self.left_ms) + self.channels.encoded_len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        out.put_u8(self.change.number());
        varint::put(out, self.left_ms);
        self.channels.encode(out);
    }
}
