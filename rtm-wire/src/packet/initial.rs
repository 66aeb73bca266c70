//! The client's first packet (protocol §3.1).

use bytes::BufMut;

use super::{kind, noise_message};
use crate::encode::Encode;
use crate::error::Input;
use crate::id::ConnectionId;
use crate::limits;
use crate::parse::{self, Parsed, blob, blob_len, put_blob};

/// `initial = 0x01, version 1 byte, client cid 8 bytes, cookie blob, noise message`
///
/// Sent again, it is the same to the byte, but for a cookie asked for in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Initial<'a> {
    /// The version that this packet and its Noise message follow.
    pub version: u8,
    /// Where the client wants to be addressed.
    pub client_cid: ConnectionId,
    /// What a [`Retry`](super::Retry) asked to send along; else empty. At most
    /// [`limits::COOKIE`] bytes.
    pub cookie: &'a [u8],
    /// First Noise message; its payload is a [`Hello`](crate::Hello).
    pub noise: &'a [u8],
}

impl<'a> Initial<'a> {
    pub(super) fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, version) = parse::byte(input)?;
        let (input, client_cid) = parse::connection_id(input)?;
        let (input, cookie) = blob(input, "cookie", limits::COOKIE)?;
        let (input, noise) = noise_message(input, "initial packet")?;
        Ok((input, Self { version, client_cid, cookie, noise }))
    }
}

impl Encode for Initial<'_> {
    fn encoded_len(&self) -> usize {
        2 + ConnectionId::LEN + blob_len(self.cookie) + self.noise.len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_u8(kind::INITIAL);
        out.put_u8(self.version);
        out.put_slice(&self.client_cid.0);
        put_blob(out, self.cookie);
        out.put_slice(self.noise);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeError, Packet, testing};

    #[test]
    fn initials_go_both_ways() {
        let client_cid = ConnectionId([1, 2, 3, 4, 5, 6, 7, 8]);
        let plain = Initial { version: 1, client_cid, cookie: b"", noise: b"noise" };
        let again = Initial { version: 9, client_cid, cookie: b"cookie", noise: b"" };
        testing::packets(&[
            (b"\x01\x01\x01\x02\x03\x04\x05\x06\x07\x08\x00noise", plain, Packet::Initial(plain)),
            (b"\x01\x09\x01\x02\x03\x04\x05\x06\x07\x08\x06cookie", again, Packet::Initial(again)),
        ]);
    }

    #[test]
    fn initials_are_whole() {
        testing::refused_packets(&[
            (b"\x01", DecodeError::Short { field: "initial packet" }),
            (
                b"\x01\x01\x01\x02\x03\x04\x05\x06\x07\x08\x06cook",
                DecodeError::Short { field: "initial packet" },
            ),
            (
                b"\x01\x01\x01\x02\x03\x04\x05\x06\x07\x08\x40\x41",
                DecodeError::TooLong { field: "cookie" },
            ),
        ]);
    }
}
