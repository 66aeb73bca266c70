//! Ping frame (protocol §4.2).

use bytes::BufMut;

use super::{Body, kind};
use crate::error::Input;
use crate::parse::Parsed;

/// `ping = nothing`; makes its packet one that has to be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping;

impl<'a> Body<'a> for Ping {
    const KIND: u8 = kind::PING;
    const NAME: &'static str = "ping frame";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        Ok((body, Self))
    }

    fn body_len(&self) -> usize {
        0
    }

    fn encode_body(&self, _: &mut impl BufMut) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn ping_goes_both_ways() {
        testing::frames(&[
            (b"\x01\x00", b"", Ping.into()),
            (b"\x01\x00\x01", b"\x01", Ping.into()),
        ]);
    }

    #[test]
    fn ping_has_no_body() {
        testing::refused_frames(&[(b"\x01\x01\x00", crate::DecodeError::Trailing)]);
    }
}
