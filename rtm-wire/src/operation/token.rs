//! Renewing a token, and being told in time (protocol §6.30).

use bytes::BufMut;

use super::field::{put_text, text_len};
use super::{Body, kind};
use crate::error::Input;
use crate::kind::TokenChange;
use crate::parse::{self, Parsed};
use crate::{limits, varint};

/// `renew token = token text`
///
/// The session lives as long as this token from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenewToken<'a> {
    /// Proof that the user may.
    pub token: &'a str,
}

impl<'a> Body<'a> for RenewToken<'a> {
    const KIND: u8 = kind::RENEW_TOKEN;
    const NAME: &'static str = "renew token";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        parse::text(body, "token", limits::TOKEN).map(|(body, token)| (body, Self { token }))
    }

    fn body_len(&self) -> usize {
        text_len(self.token)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        put_text(out, self.token);
    }
}

/// `token event = change 1 byte, time left varint in ms`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenEvent {
    /// What becomes of the session's token.
    pub change: TokenChange,
    /// How long it still lasts, in milliseconds.
    pub left_ms: u64,
}

impl<'a> Body<'a> for TokenEvent {
    const KIND: u8 = kind::TOKEN_EVENT;
    const NAME: &'static str = "token event";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, change) = TokenChange::parse(body)?;
        varint::parse(body).map(|(body, left_ms)| (body, Self { change, left_ms }))
    }

    fn body_len(&self) -> usize {
        1 + varint::len(self.left_ms)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        out.put_u8(self.change.number());
        varint::put(out, self.left_ms);
    }
}
