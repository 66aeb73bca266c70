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
