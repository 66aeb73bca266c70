//! Padding frame (protocol §4.1).

use bytes::BufMut;

use super::{Body, kind};
use crate::error::Input;
use crate::parse::{self, Parsed};

/// `padding = zero bytes`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// How many.
    pub length: usize,
}

impl<'a> Body<'a> for Padding {
    const KIND: u8 = kind::PADDING;
    const NAME: &'static str = "padding frame";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        parse::zeros(body, Self::NAME).map(|(end, length)| (end, Self { length }))
    }

    fn body_len(&self) -> usize {
        self.length
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        out.put_bytes(0, self.length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn padding_goes_both_ways() {
        testing::frames(&[
            (b"\x00\x00", b"", Padding { length: 0 }.into()),
            (b"\x00\x03\x00\x00\x00\x01", b"\x01", Padding { length: 3 }.into()),
        ]);
    }

    #[test]
    fn padding_carries_nothing() {
        let error = crate::DecodeError::Invalid { field: "padding frame" };
        testing::refused_frames(&[(b"\x00\x03\x00\x00\x01", error)]);
    }
}
