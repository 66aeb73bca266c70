//! Connection id frames (protocol §4.9, §4.10): spares for address changes.

use bytes::BufMut;

use super::{Body, kind};
use crate::error::Input;
use crate::id::ConnectionId;
use crate::packet::ResetToken;
use crate::parse::{self, Parsed};
use crate::varint;

/// `new connection id = number varint, cid 8 bytes, reset token 16 bytes`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewConnectionId {
    /// Counts the sender's ids, from 0 for that of the handshake.
    pub number: u64,
    /// An id by which the sender can be addressed from now on.
    pub id: ConnectionId,
    /// What a reset for that id would carry.
    pub reset_token: ResetToken,
}

impl<'a> Body<'a> for NewConnectionId {
    const KIND: u8 = kind::NEW_CONNECTION_ID;
    const NAME: &'static str = "new connection id frame";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, number) = varint::parse(body)?;
        let (body, id) = parse::connection_id(body)?;
        let (body, token) = parse::array(body)?;
        Ok((body, Self { number, id, reset_token: ResetToken(token) }))
    }

    fn body_len(&self) -> usize {
        varint::len(self.number) + ConnectionId::LEN + ResetToken::LEN
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        varint::put(out, self.number);
        out.put_slice(&self.id.0);
        out.put_slice(&self.reset_token.0);
    }
}

/// `retire connection id = number varint`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetireConnectionId {
    /// The number of a receiver's id that the sender will not use again.
    pub number: u64,
}

impl<'a> Body<'a> for RetireConnectionId {
    const KIND: u8 = kind::RETIRE_CONNECTION_ID;
    const NAME: &'static str = "retire connection id frame";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        varint::parse(body).map(|(body, number)| (body, Self { number }))
    }

    fn body_len(&self) -> usize {
        varint::len(self.number)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        varint::put(out, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn connection_ids_go_both_ways() {
        let id = ConnectionId([1, 2, 3, 4, 5, 6, 7, 8]);
        let new = NewConnectionId { number: 2, id, reset_token: ResetToken(*b"0123456789abcdef") };
        testing::frames(&[
            (b"\x08\x19\x02\x01\x02\x03\x04\x05\x06\x07\x080123456789abcdef", b"", new.into()),
            (b"\x09\x02\x40\x40\x00", b"\x00", RetireConnectionId { number: 64 }.into()),
        ]);
    }

    #[test]
    fn connection_ids_are_whole() {
        let short = |field| crate::DecodeError::Short { field };
        testing::refused_frames(&[
            (b"\x08\x08\x02\x01\x02\x03\x04\x05\x06\x07", short("new connection id frame")),
            (b"\x09\x00", short("retire connection id frame")),
            (b"\x09\x02\x05\x05", crate::DecodeError::Trailing),
        ]);
    }
}
