//! The server's wish to see an address proved (protocol §3.3).

use bytes::BufMut;

use super::kind;
use crate::encode::Encode;
use crate::error::Input;
use crate::id::ConnectionId;
use crate::limits;
use crate::parse::{self, Parsed, remainder};

/// `retry = 0x03, client cid 8 bytes, cookie`
///
/// Always shorter than the initial packet that asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry<'a> {
    /// The client's, from its initial packet.
    pub client_cid: ConnectionId,
    /// To be sent back in the next initial packet. At most [`limits::COOKIE`] bytes.
    pub cookie: &'a [u8],
}

impl<'a> Retry<'a> {
    pub(super) fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, client_cid) = parse::connection_id(input)?;
        let (input, cookie) = remainder(input, "cookie", limits::COOKIE)?;
        Ok((input, Self { client_cid, cookie }))
    }
}

impl Encode for Retry<'_> {
    fn encoded_len(&self) -> usize {
        1 + ConnectionId::LEN + self.cookie.len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_u8(kind::RETRY);
        out.put_slice(&self.client_cid.0);
        out.put_slice(self.cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Packet, testing};

    #[test]
    fn retries_go_both_ways() {
        let retry = Retry { client_cid: ConnectionId([1, 2, 3, 4, 5, 6, 7, 8]), cookie: b"cookie" };
        testing::packets(&[(
            b"\x03\x01\x02\x03\x04\x05\x06\x07\x08cookie",
            retry,
            Packet::Retry(retry),
        )]);
    }
}
