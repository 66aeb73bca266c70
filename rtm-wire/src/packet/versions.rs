//! The versions that a server speaks (protocol §3.6).

use bytes::BufMut;

use super::kind;
use crate::encode::Encode;
use crate::error::{DecodeError, Input};
use crate::id::ConnectionId;
use crate::limits;
use crate::parse::{self, Parsed, remainder};

/// `versions = 0x06, client cid 8 bytes, 1 to 16 versions of 1 byte`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions<'a> {
    /// The client's, from its initial packet.
    pub client_cid: ConnectionId,
    /// The server's versions, best first.
    pub versions: &'a [u8],
}

impl<'a> Versions<'a> {
    pub(super) fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, client_cid) = parse::connection_id(input)?;
        let (input, versions) = remainder(input, "versions", limits::OFFERS)?;
        if versions.is_empty() {
            return parse::refuse(DecodeError::Invalid { field: "versions" });
        }
        Ok((input, Self { client_cid, versions }))
    }
}

impl Encode for Versions<'_> {
    fn encoded_len(&self) -> usize {
        1 + ConnectionId::LEN + self.versions.len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_u8(kind::VERSIONS);
        out.put_slice(&self.client_cid.0);
        out.put_slice(self.versions);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Packet, testing};

    #[test]
    fn versions_go_both_ways() {
        let client_cid = ConnectionId([1, 2, 3, 4, 5, 6, 7, 8]);
        let versions = Versions { client_cid, versions: &[2, 1] };
        let packet = Packet::Versions(versions);
        testing::packets(&[(b"\x06\x01\x02\x03\x04\x05\x06\x07\x08\x02\x01", versions, packet)]);
    }

    #[test]
    fn there_is_at_least_one_version() {
        let error = DecodeError::Invalid { field: "versions" };
        testing::refused_packets(&[(b"\x06\x01\x02\x03\x04\x05\x06\x07\x08", error)]);
    }
}
