//! The server's remark that a ticket doesn't count (protocol §3.11).

use bytes::BufMut;

use super::kind;
use crate::encode::Encode;
use crate::error::Input;
use crate::id::ConnectionId;
use crate::parse::{self, Parsed};

/// `no ticket = 0x09, client cid 8 bytes`
///
/// Anybody on the way could send it: it only leads to a full handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTicket {
    /// The client's, from its resume packet.
    pub client_cid: ConnectionId,
}

impl NoTicket {
    pub(super) fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        parse::connection_id(input).map(|(input, client_cid)| (input, Self { client_cid }))
    }
}

impl Encode for NoTicket {
    fn encoded_len(&self) -> usize {
        1 + ConnectionId::LEN
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_u8(kind::NO_TICKET);
        out.put_slice(&self.client_cid.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeError, Packet, testing};

    #[test]
    fn it_goes_both_ways_and_has_one_length() {
        let packet = NoTicket { client_cid: ConnectionId([1, 2, 3, 4, 5, 6, 7, 8]) };
        let bytes = b"\x09\x01\x02\x03\x04\x05\x06\x07\x08";
        testing::packets(&[(bytes, packet, Packet::NoTicket(packet))]);
        testing::refused_packets(&[
            (b"\x09\x01\x02\x03\x04\x05\x06\x07", DecodeError::Short { field: "no ticket packet" }),
            (b"\x09\x01\x02\x03\x04\x05\x06\x07\x08\x09", DecodeError::Trailing),
        ]);
    }
}
