//! The ticket frame (protocol §4.13): what the client may come back with.

use bytes::BufMut;

use super::{Body, kind};
use crate::error::Input;
use crate::parse::{self, Parsed};
use crate::{limits, varint};

/// `ticket = number varint, lifetime varint, early varint, ticket to the end`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket<'a> {
    /// Counts the session's tickets, from 0; the ticket's secret is derived from it.
    pub number: u64,
    /// How long it counts from now on, in milliseconds.
    pub lifetime_ms: u64,
    /// Bytes of early data that the server may take with it; 0 is none.
    pub early_max: u64,
    /// What the client presents, opaque to it; at most [`limits::TICKET`] bytes.
    pub ticket: &'a [u8],
}

impl<'a> Body<'a> for Ticket<'a> {
    const KIND: u8 = kind::TICKET;
    const NAME: &'static str = "ticket frame";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, number) = varint::parse(body)?;
        let (body, lifetime_ms) = varint::parse(body)?;
        let (body, early_max) = varint::parse(body)?;
        let (body, ticket) = parse::remainder(body, "ticket", limits::TICKET)?;
        Ok((body, Self { number, lifetime_ms, early_max, ticket }))
    }

    fn body_len(&self) -> usize {
        [self.number, self.lifetime_ms, self.early_max].map(varint::len).iter().sum::<usize>()
            + self.ticket.len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        varint::put(out, self.number);
        varint::put(out, self.lifetime_ms);
        varint::put(out, self.early_max);
        out.put_slice(self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::testing;

    #[test]
    fn tickets_go_both_ways() {
        let ticket = Ticket { number: 2, lifetime_ms: 64, early_max: 0, ticket: b"opaque" };
        testing::frames(&[
            (b"\x10\x0a\x02\x40\x40\x00opaque\x01\x00", b"\x01\x00", ticket.into()),
            (b"\x10\x03\x00\x00\x05", b"", {
                Ticket { number: 0, lifetime_ms: 0, early_max: 5, ticket: b"" }.into()
            }),
        ]);
    }

    #[test]
    fn tickets_are_whole_and_bounded() {
        let mut long = vec![0x10, 0x41, 0x94, 0, 0, 0];
        long.resize(3 + 3 + limits::TICKET + 1, 7);
        testing::refused_frames(&[
            (b"\x10\x02\x00\x00", crate::DecodeError::Short { field: "ticket frame" }),
            (&long, crate::DecodeError::TooLong { field: "ticket" }),
        ]);
    }
}
