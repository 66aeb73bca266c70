//! Path frames (protocol §4.11, §4.12): does this address answer?

use bytes::BufMut;

use super::{Body, kind};
use crate::error::Input;
use crate::parse::{self, Parsed};

/// `path challenge = 8 random bytes`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathChallenge(pub [u8; 8]);

impl<'a> Body<'a> for PathChallenge {
    const KIND: u8 = kind::PATH_CHALLENGE;
    const NAME: &'static str = "path challenge frame";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        parse::array(body).map(|(body, data)| (body, Self(data)))
    }

    fn body_len(&self) -> usize {
        self.0.len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        out.put_slice(&self.0);
    }
}

/// `path response = the 8 bytes of the challenge`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathResponse(pub [u8; 8]);

impl<'a> Body<'a> for PathResponse {
    const KIND: u8 = kind::PATH_RESPONSE;
    const NAME: &'static str = "path response frame";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        parse::array(body).map(|(body, data)| (body, Self(data)))
    }

    fn body_len(&self) -> usize {
        self.0.len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        out.put_slice(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn challenges_and_responses_go_both_ways() {
        testing::frames(&[
            (b"\x0a\x08question", b"", PathChallenge(*b"question").into()),
            (b"\x0b\x08question!", b"!", PathResponse(*b"question").into()),
        ]);
    }

    #[test]
    fn challenges_have_eight_bytes() {
        testing::refused_frames(&[
            (b"\x0a\x07questio", crate::DecodeError::Short { field: "path challenge frame" }),
            (b"\x0b\x09questions", crate::DecodeError::Trailing),
        ]);
    }
}
