//! The client's first packet when it has a ticket (protocol §3.10).

use bytes::BufMut;

use super::{kind, noise_message};
use crate::encode::Encode;
use crate::error::Input;
use crate::id::ConnectionId;
use crate::limits;
use crate::parse::{self, Parsed, blob, blob_len, put_blob};

/// `resume = 0x08, version 1 byte, client cid 8 bytes, cookie blob, ticket blob, noise message`
///
/// Sent again, it is the same to the byte, but for a cookie asked for in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume<'a> {
    /// The version that this packet and its Noise message follow.
    pub version: u8,
    /// Where the client wants to be addressed.
    pub client_cid: ConnectionId,
    /// As in an [`Initial`](super::Initial).
    pub cookie: &'a [u8],
    /// From a [`Ticket`](crate::Ticket) frame; at most [`limits::TICKET`] bytes.
    pub ticket: &'a [u8],
    /// First Noise message; its payload is a [`Hello`](crate::Hello) whose login is a
    /// [`Resumption`](crate::Resumption).
    pub noise: &'a [u8],
}

impl<'a> Resume<'a> {
    pub(super) fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, version) = parse::byte(input)?;
        let (input, client_cid) = parse::connection_id(input)?;
        let (input, cookie) = blob(input, "cookie", limits::COOKIE)?;
        let (input, ticket) = blob(input, "ticket", limits::TICKET)?;
        let (input, noise) = noise_message(input, "resume packet")?;
        Ok((input, Self { version, client_cid, cookie, ticket, noise }))
    }
}

impl Encode for Resume<'_> {
    fn encoded_len(&self) -> usize {
        2 + ConnectionId::LEN + blob_len(self.cookie) + blob_len(self.ticket) + self.noise.len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_u8(kind::RESUME);
        out.put_u8(self.version);
        out.put_slice(&self.client_cid.0);
        put_blob(out, self.cookie);
        put_blob(out, self.ticket);
        out.put_slice(self.noise);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeError, Packet, testing};

    #[test]
    fn resumes_go_both_ways() {
        let client_cid = ConnectionId([1, 2, 3, 4, 5, 6, 7, 8]);
        let resume =
            Resume { version: 1, client_cid, cookie: b"", ticket: b"ticket", noise: b"noise" };
        let again = Resume { cookie: b"cookie", ..resume };
        testing::packets(&[
            (
                b"\x08\x01\x01\x02\x03\x04\x05\x06\x07\x08\x00\x06ticketnoise",
                resume,
                Packet::Resume(resume),
            ),
            (
                b"\x08\x01\x01\x02\x03\x04\x05\x06\x07\x08\x06cookie\x06ticketnoise",
                again,
                Packet::Resume(again),
            ),
        ]);
    }

    #[test]
    fn resumes_are_whole() {
        testing::refused_packets(&[
            (
                b"\x08\x01\x01\x02\x03\x04\x05\x06\x07\x08\x00\x06tick",
                DecodeError::Short { field: "resume packet" },
            ),
            (
                b"\x08\x01\x01\x02\x03\x04\x05\x06\x07\x08\x00\x41\x91",
                DecodeError::TooLong { field: "ticket" },
            ),
        ]);
    }
}
