//! What is in a ticket (protocol §5.6): a server's own affair, which all servers that share a
//! ticket secret have to agree on.

use bytes::BufMut;

use crate::encode::Encode;
use crate::error::{DecodeError, Input};
use crate::list::{Item, List};
use crate::operation::{ChannelRef, Liveness};
use crate::parse::{self, Parsed, blob, blob_len, put_blob, text};
use crate::time::UnixTime;
use crate::{SessionInstance, limits, varint};

/// `sealed ticket = key number varint, salt 16 bytes, sealed contents to the end`
///
/// The bytes before the sealed ones are authenticated with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedTicket<'a> {
    /// Which of the server's keys.
    pub key: u64,
    /// Chance, by which each ticket is sealed differently.
    pub salt: [u8; 16],
    /// [`TicketContents`], sealed, with the tag.
    pub sealed: &'a [u8],
}

impl<'a> SealedTicket<'a> {
    /// Reads a ticket.
    ///
    /// # Errors
    /// It is none of this make.
    pub fn decode(ticket: &'a [u8]) -> Result<Self, DecodeError> {
        parse::whole("ticket", Self::parse(ticket))
    }

    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, key) = varint::parse(input)?;
        let (input, salt) = parse::array(input)?;
        let (input, sealed) = parse::remainder(input, "ticket", limits::TICKET)?;
        Ok((input, Self { key, salt, sealed }))
    }
}

impl Encode for SealedTicket<'_> {
    fn encoded_len(&self) -> usize {
        varint::len(self.key) + self.salt.len() + self.sealed.len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        varint::put(out, self.key);
        out.put_slice(&self.salt);
        out.put_slice(self.sealed);
    }
}

/// `contents = secret 32 bytes, register 8 bytes, issued time, expires time, state blob`
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TicketContents<'a> {
    /// What the resumption is keyed with.
    pub secret: [u8; 32],
    /// The replay register that may take early data with this ticket.
    pub register: [u8; 8],
    /// When it was made.
    pub issued: UnixTime,
    /// From when on it doesn't count.
    pub expires: UnixTime,
    /// The application's own words; at most [`limits::TICKET_STATE`] bytes.
    pub state: &'a [u8],
}

impl core::fmt::Debug for TicketContents<'_> {
    /// Hides the secret.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TicketContents")
            .field("issued", &self.issued)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl<'a> TicketContents<'a> {
    /// Reads what was sealed.
    ///
    /// # Errors
    /// Servers of different makes share a secret.
    pub fn decode(contents: &'a [u8]) -> Result<Self, DecodeError> {
        parse::whole("ticket contents", Self::parse(contents))
    }

    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, secret) = parse::array(input)?;
        let (input, register) = parse::array(input)?;
        let (input, issued) = time(input)?;
        let (input, expires) = time(input)?;
        let (input, state) = blob(input, "ticket state", limits::TICKET_STATE)?;
        Ok((input, Self { secret, register, issued, expires, state }))
    }
}

impl Encode for TicketContents<'_> {
    fn encoded_len(&self) -> usize {
        self.secret.len()
            + self.register.len()
            + varint::len(self.issued.as_millis())
            + varint::len(self.expires.as_millis())
            + blob_len(self.state)
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_slice(&self.secret);
        out.put_slice(&self.register);
        varint::put(out, self.issued.as_millis());
        varint::put(out, self.expires.as_millis());
        put_blob(out, self.state);
    }
}

/// `right = kind 1 byte, name text, write 1 byte`
///
/// Leave to read, or to write, a channel or a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right<'a> {
    /// Which; a name with `*` at its end stands for all that begin so.
    pub of: ChannelRef<'a>,
    /// To write it; else to read it.
    pub is_write: bool,
}

impl<'a> Item<'a> for Right<'a> {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, of) = ChannelRef::parse(input)?;
        let (input, [write]) = parse::array(input)?;
        Ok((input, Self { of, is_write: write != 0 }))
    }
}

impl Encode for Right<'_> {
    fn encoded_len(&self) -> usize {
        self.of.encoded_len() + 1
    }

    fn encode(&self, out: &mut impl BufMut) {
        self.of.encode(out);
        out.put_u8(u8::from(self.is_write));
    }
}

/// `ticket state = app text, user text, instance varint, token end time, liveness, rights`
///
/// `rights = 0x00 for all, or 0x01 and a list of right`
///
/// What this project's server says to itself in a ticket: whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketState<'a> {
    /// The app's id.
    pub app_id: &'a str,
    /// The user's id.
    pub user_id: &'a str,
    /// The life of the client.
    pub instance: SessionInstance,
    /// When the token of the login ends; `None`, written as 0, without one.
    pub token_end: Option<UnixTime>,
    /// As the login said it.
    pub liveness: Liveness,
    /// What the token allows; `None` for everything.
    pub rights: Option<List<'a, Right<'a>>>,
}

impl<'a> TicketState<'a> {
    /// Reads the state of a ticket.
    ///
    /// # Errors
    /// It was written by another version; the ticket doesn't count.
    pub fn decode(state: &'a [u8]) -> Result<Self, DecodeError> {
        parse::whole("ticket state", Self::parse(state))
    }

    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, app_id) = text(input, "app id", limits::NAME)?;
        let (input, user_id) = text(input, "user id", limits::NAME)?;
        let (input, instance) = varint::parse(input)?;
        let (input, token_end) = time(input)?;
        let (input, liveness) = Liveness::parse(input)?;
        let (input, [is_listed]) = parse::array(input)?;
        let (input, rights) = match is_listed {
            0 => (input, None),
            _ => List::parse(input, "rights").map(|(input, list)| (input, Some(list)))?,
        };
        let token_end = (token_end.as_millis() > 0).then_some(token_end);
        let instance = SessionInstance(instance);
        Ok((input, Self { app_id, user_id, instance, token_end, liveness, rights }))
    }
}

impl Encode for TicketState<'_> {
    fn encoded_len(&self) -> usize {
        blob_len(self.app_id.as_bytes())
            + blob_len(self.user_id.as_bytes())
            + varint::len(self.instance.0)
            + varint::len(self.token_end.map_or(0, UnixTime::as_millis))
            + self.liveness.encoded_len()
            + 1
            + self.rights.map_or(0, |rights| rights.encoded_len())
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_blob(out, self.app_id.as_bytes());
        put_blob(out, self.user_id.as_bytes());
        varint::put(out, self.instance.0);
        varint::put(out, self.token_end.map_or(0, UnixTime::as_millis));
        self.liveness.encode(out);
        out.put_u8(u8::from(self.rights.is_some()));
        if let Some(rights) = self.rights {
            rights.encode(out);
        }
    }
}

fn time(input: Input<'_>) -> Parsed<'_, UnixTime> {
    varint::parse(input).map(|(rest, millis)| (rest, UnixTime::from_millis(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::ChannelKind;
    use crate::testing;

    #[test]
    fn tickets_go_both_ways() {
        let bytes = b"\x05salt salt salt !sealed";
        let ticket = SealedTicket { key: 5, salt: *b"salt salt salt !", sealed: b"sealed" };
        assert_eq!(SealedTicket::decode(bytes), Ok(ticket));
        testing::written(&ticket, bytes);
        assert_eq!(SealedTicket::decode(b"\x05salt"), Err(DecodeError::Short { field: "ticket" }));
    }

    #[test]
    fn contents_go_both_ways() {
        let bytes = b"0123456789abcdef0123456789abcdefregister\x05\x40\x40\x05state";
        let contents = TicketContents {
            secret: *b"0123456789abcdef0123456789abcdef",
            register: *b"register",
            issued: UnixTime::from_millis(5),
            expires: UnixTime::from_millis(64),
            state: b"state",
        };
        assert_eq!(TicketContents::decode(bytes), Ok(contents));
        testing::written(&contents, bytes);
        assert_eq!(
            TicketContents::decode(b"a"),
            Err(DecodeError::Short { field: "ticket contents" })
        );
    }

    #[test]
    fn states_go_both_ways() {
        let instance = SessionInstance(7);
        let of = ChannelRef { kind: ChannelKind::Stream, name: "t*" };
        let right = [Right { of, is_write: true }];
        let listed = Some(List::Slice(&right[..]));
        for (bytes, token_end, rights) in [
            (&b"\x03app\x05alice\x07\x00\x05\x1e\x00"[..], None, None),
            (b"\x03app\x05alice\x07\x09\x05\x1e\x01\x00", Some(9), Some(List::default())),
            (b"\x03app\x05alice\x07\x09\x05\x1e\x01\x01\x02\x02t*\x01", Some(9), listed),
        ] {
            let token_end = token_end.map(UnixTime::from_millis);
            let liveness = Liveness { heartbeat: 5, presence_timeout: 30 };
            let (app_id, user_id) = ("app", "alice");
            let state = TicketState { app_id, user_id, instance, token_end, liveness, rights };
            assert_eq!(TicketState::decode(bytes), Ok(state));
            testing::written(&state, bytes);
        }
        assert_eq!(
            TicketState::decode(b"\x03app"),
            Err(DecodeError::Short { field: "ticket state" })
        );
    }
}
