//! Login and logout (protocol §6.4, §6.5).

use bytes::BufMut;

use super::field::{name, put_text, text_len};
use super::{Body, kind};
use crate::encode::Encode;
use crate::error::Input;
use crate::id::SessionInstance;
use crate::kind::LimitKind;
use crate::list::Item;
use crate::parse::{self, Parsed};
use crate::{limits, varint};

/// `login = app id text, user id text, instance varint, features varint, token text, heartbeat
/// varint, presence timeout varint`
///
/// Travels in the handshake, with operation id 0, or as the first message of a session whose
/// handshake had no room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login<'a> {
    /// The app.
    pub app_id: &'a str,
    /// The user.
    pub user_id: &'a str,
    /// Which life of which of the user's clients.
    pub instance: SessionInstance,
    /// Feature bits of the SDK; none is defined yet.
    pub features: u64,
    /// Proof that the user may; empty where the server wants none.
    pub token: &'a str,
    /// When the client counts as lost, and as gone.
    pub liveness: Liveness,
}

/// `liveness = heartbeat varint in s, presence timeout varint in s`
///
/// A client says something at least every heartbeat. Ten seconds after one is missing, it counts as
/// lost; a presence timeout later, others are told that it is gone. The server may bound both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// Longest pause between two packets of the client, in seconds.
    pub heartbeat: u64,
    /// How long the others aren't told that the client is lost, in seconds.
    pub presence_timeout: u64,
}

impl Liveness {
    pub(crate) fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        let (input, heartbeat) = varint::parse(input)?;
        let (input, presence_timeout) = varint::parse(input)?;
        Ok((input, Self { heartbeat, presence_timeout }))
    }
}

impl Default for Liveness {
    /// As in RTM 2.x.
    fn default() -> Self {
        Self { heartbeat: 5, presence_timeout: 300 }
    }
}

impl Encode for Liveness {
    fn encoded_len(&self) -> usize {
        varint::len(self.heartbeat) + varint::len(self.presence_timeout)
    }

    fn encode(&self, out: &mut impl BufMut) {
        varint::put(out, self.heartbeat);
        varint::put(out, self.presence_timeout);
    }
}

impl<'a> Body<'a> for Login<'a> {
    const KIND: u8 = kind::LOGIN;
    const NAME: &'static str = "login";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, app_id) = name(body, "app id")?;
        let (body, user_id) = name(body, "user id")?;
        let (body, instance) = varint::parse(body)?;
        let (body, features) = varint::parse(body)?;
        let (body, token) = parse::text(body, "token", limits::TOKEN)?;
        let (body, liveness) = Liveness::parse(body)?;
        let instance = SessionInstance(instance);
        Ok((body, Self { app_id, user_id, instance, features, token, liveness }))
    }

    fn body_len(&self) -> usize {
        text_len(self.app_id)
            + text_len(self.user_id)
            + varint::len(self.instance.0)
            + varint::len(self.features)
            + text_len(self.token)
            + self.liveness.encoded_len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        put_text(out, self.app_id);
        put_text(out, self.user_id);
        varint::put(out, self.instance.0);
        varint::put(out, self.features);
        put_text(out, self.token);
        self.liveness.encode(out);
    }
}

/// `limit = kind 1 byte, value varint`
///
/// What the server lets a client do, told with the answer to its login, so that the client can pace
/// itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Which limit.
    pub kind: LimitKind,
    /// How much.
    pub value: u64,
}

impl<'a> Item<'a> for Limit {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, kind) = LimitKind::parse(input)?;
        let (input, value) = varint::parse(input)?;
        Ok((input, Self { kind, value }))
    }
}

impl Encode for Limit {
    fn encoded_len(&self) -> usize {
        1 + varint::len(self.value)
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_u8(self.kind.number());
        varint::put(out, self.value);
    }
}

/// `logout = nothing`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logout;

impl<'a> Body<'a> for Logout {
    const KIND: u8 = kind::LOGOUT;
    const NAME: &'static str = "logout";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        Ok((body, Self))
    }

    fn body_len(&self) -> usize {
        0
    }

    fn encode_body(&self, _: &mut impl BufMut) {}
}
