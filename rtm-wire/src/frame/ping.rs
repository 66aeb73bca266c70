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
