//! Payload of the server's handshake message (protocol §5.2).

use bytes::BufMut;

use super::TransportParams;
use crate::encode::Encode;
use crate::error::{DecodeError, Input};
use crate::id::ConnectionId;
use crate::kind::Cipher;
use crate::packet::ResetToken;
use crate::parse::{self, Parsed, blob, blob_len, put_blob};
use crate::{limits, varint};

/// What an accepting server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The version chosen from the client's.
    pub version: u8,
    /// The cipher chosen from the client's.
    pub cipher: Cipher,
    /// Feature bits of the server: [`Self::EARLY_TAKEN`].
    pub features: u64,
    /// Where the server wants to be addressed.
    pub server_cid: ConnectionId,
    /// What a reset of this session would carry.
    pub reset_token: ResetToken,
    /// The server's limits.
    pub params: TransportParams,
}

impl Accepted {
    /// Feature bit: the early data of a resumption was taken; without it, it has to be sent again.
    pub const EARLY_TAKEN: u64 = 0x01;
}

/// `welcome = code varint, [accepted], answer blob`
///
/// `accepted = version 1 byte, cipher 1 byte, features varint, server cid 8 bytes, reset token 16
/// bytes, params`,
/// present when the code is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome<'a> {
    /// The new session, or the application's error number, which is never 0.
    pub outcome: Result<Accepted, u32>,
    /// The application's answer to the login, opaque here.
    pub answer: &'a [u8],
}

impl<'a> Welcome<'a> {
    /// Reads the payload of a second handshake message.
    ///
    /// # Errors
    /// A server of another make.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        parse::whole("welcome", Self::parse(payload))
    }

    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, code) = parse::number(input, "welcome code", u64::from(u32::MAX))?;
        let (input, outcome) = match code as u32 {
            0 => accepted(input).map(|(rest, accepted)| (rest, Ok(accepted)))?,
            code => (input, Err(code)),
        };
        let (input, answer) = blob(input, "login answer", limits::LOGIN)?;
        Ok((input, Self { outcome, answer }))
    }
}

fn accepted(input: Input<'_>) -> Parsed<'_, Accepted> {
    let (input, version) = parse::byte(input)?;
    let (input, cipher) = Cipher::parse(input)?;
    let (input, features) = varint::parse(input)?;
    let (input, server_cid) = parse::connection_id(input)?;
    let (input, token) = parse::array(input)?;
    let (input, params) = TransportParams::parse(input)?;
    let reset_token = ResetToken(token);
    Ok((input, Accepted { version, cipher, features, server_cid, reset_token, params }))
}

impl Encode for Welcome<'_> {
    fn encoded_len(&self) -> usize {
        let outcome = match self.outcome {
            Ok(accepted) => {
                3 + varint::len(accepted.features)
                    + ConnectionId::LEN
                    + ResetToken::LEN
                    + accepted.params.encoded_len()
            }
            Err(code) => varint::len(u64::from(code)),
        };
        outcome + blob_len(self.answer)
    }

    fn encode(&self, out: &mut impl BufMut) {
        match self.outcome {
            Ok(accepted) => {
                varint::put(out, 0);
                out.put_u8(accepted.version);
                out.put_u8(accepted.cipher.number());
                varint::put(out, accepted.features);
                out.put_slice(&accepted.server_cid.0);
                out.put_slice(&accepted.reset_token.0);
                accepted.params.encode(out);
            }
            Err(code) => {
                debug_assert!(code != 0, "0 means accepted");
                varint::put(out, u64::from(code));
            }
        }
        put_blob(out, self.answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const PARAMS: TransportParams = TransportParams {
        lanes: 1,
        lane_credit: 2,
        message_len: 3,
        idle_timeout_ms: 4,
        ack_delay_us: 5,
    };

    #[test]
    fn welcomes_go_both_ways() {
        let accepted = Accepted {
            version: 1,
            cipher: Cipher::ChaCha20Poly1305,
            features: 64,
            server_cid: ConnectionId(*b"serverid"),
            reset_token: ResetToken(*b"0123456789abcdef"),
            params: PARAMS,
        };
        let yes = Welcome { outcome: Ok(accepted), answer: b"hi" };
        let no = Welcome { outcome: Err(10_005), answer: b"" };
        for (bytes, welcome) in [
            (
                &b"\x00\x01\x02\x40\x40serverid0123456789abcdef\x05\x01\x02\x03\x04\x05\x02hi"[..],
                yes,
            ),
            (b"\x67\x15\x00", no),
        ] {
            assert_eq!(Welcome::decode(bytes), Ok(welcome));
            testing::written(&welcome, bytes);
        }
    }

    #[test]
    fn a_welcome_without_a_session_is_short() {
        for bytes in [&b"\x00"[..], b"\x00\x00", b"\x67\x15"] {
            assert_eq!(Welcome::decode(bytes), Err(DecodeError::Short { field: "welcome" }));
        }
    }
}
