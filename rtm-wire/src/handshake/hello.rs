//! Payload of the client's handshake message (protocol §5.1).

use bytes::BufMut;

use super::TransportParams;
use crate::encode::Encode;
use crate::error::{DecodeError, Input};
use crate::parse::{self, Parsed, blob, blob_len, put_blob};
use crate::{limits, varint};

/// `hello = versions blob, ciphers blob, features varint, params, login blob, zero bytes to the
/// end`
///
/// Being part of the Noise hash, the offers can't be changed on the way. Replaying it has no
/// effect: a login counts from the client's first data packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// Versions that the client speaks, best first, one byte each; at most [`limits::OFFERS`].
    pub versions: &'a [u8],
    /// [`Cipher`](crate::Cipher) numbers that the client can use, best first.
    pub ciphers: &'a [u8],
    /// Feature bits of the client; none is defined.
    pub features: u64,
    /// The client's limits.
    pub params: TransportParams,
    /// The application's login, opaque here; empty when it follows in data packets. In a
    /// [`Resume`](crate::Resume) packet a [`Resumption`](super::Resumption).
    pub login: &'a [u8],
    /// Zero bytes at the end, against amplification.
    pub padding: usize,
}

impl<'a> Hello<'a> {
    /// Reads the payload of a first handshake message.
    ///
    /// # Errors
    /// A client of another make; the handshake is dropped.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        parse::whole("hello", Self::parse(payload))
    }

    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, versions) = blob(input, "versions", limits::OFFERS)?;
        let (input, ciphers) = blob(input, "ciphers", limits::OFFERS)?;
        let (input, features) = varint::parse(input)?;
        let (input, params) = TransportParams::parse(input)?;
        let (input, login) = blob(input, "login", limits::LOGIN)?;
        let (end, padding) = parse::zeros(input, "hello padding")?;
        Ok((end, Self { versions, ciphers, features, params, login, padding }))
    }
}

impl Encode for Hello<'_> {
    fn encoded_len(&self) -> usize {
        blob_len(self.versions)
            + blob_len(self.ciphers)
            + varint::len(self.features)
            + self.params.encoded_len()
            + blob_len(self.login)
            + self.padding
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_blob(out, self.versions);
        put_blob(out, self.ciphers);
        varint::put(out, self.features);
        self.params.encode(out);
        put_blob(out, self.login);
        out.put_bytes(0, self.padding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const HELLO: &[u8] = b"\x01\x01\x02\x01\x02\x00\x05\x40\x40\x80\x01\x00\x00\x80\x01\x00\x00\x80\x00\x75\x30\x80\x00\x61\xa8\x05login\x00\x00";

    #[test]
    fn hellos_go_both_ways() {
        let hello = Hello {
            versions: &[1],
            ciphers: &[1, 2],
            features: 0,
            params: TransportParams::default(),
            login: b"login",
            padding: 2,
        };
        assert_eq!(Hello::decode(HELLO), Ok(hello));
        testing::written(&hello, HELLO);
    }

    #[test]
    fn hellos_are_whole_and_padded_with_zeros() {
        let cut = &HELLO[..HELLO.len() - 3];
        assert_eq!(Hello::decode(cut), Err(DecodeError::Short { field: "hello" }));
        let stuffed = [HELLO, b"\x01"].concat();
        assert_eq!(Hello::decode(&stuffed), Err(DecodeError::Invalid { field: "hello padding" }));
    }
}
