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
