//! The server's remark that the client uses another key (protocol §3.4).

use bytes::BufMut;
use core::fmt;

use super::kind;
use crate::encode::Encode;
use crate::error::Input;
use crate::id::ConnectionId;
use crate::parse::{self, Parsed};

/// Short name of a server's public key: the first 8 bytes of its BLAKE2s-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// `key hint = 0x04, client cid 8 bytes, key id 8 bytes`
///
/// Anybody could send it: it improves the text of an error and decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHint {
    /// The client's, from its initial packet.
    pub client_cid: ConnectionId,
    /// The key that the server does have.
    pub key_id: KeyId,
}

impl KeyHint {
    pub(super) fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        let (input, client_cid) = parse::connection_id(input)?;
        let (input, key_id) = parse::array(input)?;
        Ok((input, Self { client_cid, key_id: KeyId(key_id) }))
    }
}

impl Encode for KeyHint {
    fn encoded_len(&self) -> usize {
        1 + ConnectionId::LEN + self.key_id.0.len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_u8(kind::KEY_HINT);
        out.put_slice(&self.client_cid.0);
        out.put_slice(&self.key_id.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeError, Packet, testing};

    #[test]
    fn key_hints_go_both_ways() {
        let client_cid = ConnectionId([1, 2, 3, 4, 5, 6, 7, 8]);
        let hint = KeyHint { client_cid, key_id: KeyId(*b"whichkey") };
        testing::packets(&[(
            b"\x04\x01\x02\x03\x04\x05\x06\x07\x08whichkey",
            hint,
            Packet::KeyHint(hint),
        )]);
    }

    #[test]
    fn key_hints_have_one_length() {
        testing::refused_packets(&[
            (
                b"\x04\x01\x02\x03\x04\x05\x06\x07\x08whichke",
                DecodeError::Short { field: "key hint packet" },
            ),
            (b"\x04\x01\x02\x03\x04\x05\x06\x07\x08whichkeys", DecodeError::Trailing),
        ]);
    }
}
