//! The server's answer to the first packet (protocol §3.2).

use bytes::BufMut;

use super::{kind, noise_message};
use crate::encode::Encode;
use crate::error::Input;
use crate::id::ConnectionId;
use crate::parse::{self, Parsed};

/// `reply = 0x02, client cid 8 bytes, noise message`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The client's, from its initial packet.
    pub client_cid: ConnectionId,
    /// Second Noise message; its payload is a [`Welcome`](crate::Welcome).
    pub noise: &'a [u8],
}

impl<'a> Reply<'a> {
    pub(super) fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, client_cid) = parse::connection_id(input)?;
        let (input, noise) = noise_message(input, "reply packet")?;
        Ok((input, Self { client_cid, noise }))
    }
}

impl Encode for Reply<'_> {
    fn encoded_len(&self) -> usize {
        1 + ConnectionId::LEN + self.noise.len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_u8(kind::REPLY);
        out.put_slice(&self.client_cid.0);
        out.put_slice(self.noise);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Packet, testing};

    #[test]
    fn replies_go_both_ways() {
        let reply = Reply { client_cid: ConnectionId([1, 2, 3, 4, 5, 6, 7, 8]), noise: b"noise" };
        testing::packets(&[(
            b"\x02\x01\x02\x03\x04\x05\x06\x07\x08noise",
            reply,
            Packet::Reply(reply),
        )]);
    }
}
