//! The server's word that a session is gone (protocol §3.5).

use bytes::BufMut;
use core::fmt;

use super::kind;
use crate::encode::Encode;
use crate::error::Input;
use crate::parse::{self, Parsed};

/// Secret between server and client that makes a reset believable; given in the handshake.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ResetToken(pub [u8; Self::LEN]);

impl ResetToken {
    /// Length in bytes.
    pub const LEN: usize = 16;
}

impl fmt::Debug for ResetToken {
    /// Hides the value: who has it can end the session.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResetToken(…)")
    }
}

/// `reset = 0x05, reset token 16 bytes`
///
/// Shorter than any data packet, so that two ends can't answer each other for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// The token of the connection id that the server didn't know.
    pub token: ResetToken,
}

impl Reset {
    pub(super) fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        parse::array(input).map(|(rest, token)| (rest, Self { token: ResetToken(token) }))
    }
}

impl Encode for Reset {
    fn encoded_len(&self) -> usize {
        1 + ResetToken::LEN
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_u8(kind::RESET);
        out.put_slice(&self.token.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeError, Packet, testing};

    #[test]
    fn resets_go_both_ways() {
        let reset = Reset { token: ResetToken(*b"0123456789abcdef") };
        testing::packets(&[(b"\x050123456789abcdef", reset, Packet::Reset(reset))]);
    }

    #[test]
    fn resets_have_one_length() {
        testing::refused_packets(&[
            (b"\x050123456789abcde", DecodeError::Short { field: "reset packet" }),
            (b"\x050123456789abcdefg", DecodeError::Trailing),
        ]);
    }

    #[test]
    fn tokens_stay_out_of_logs() {
        let shown = alloc::format!("{:?}", ResetToken([42; 16]));
        assert!(!shown.contains("42") && !shown.contains("2a"), "{shown}");
    }
}
