//! Parity frame (protocol §4.14).

use bytes::BufMut;

use super::{Body, LaneMode, kind};
use crate::error::{DecodeError, Input};
use crate::id::{LaneId, MessageSeq};
use crate::kind::{Qos, Reliability};
use crate::parse::{self, Parsed, refuse, remainder};
use crate::{limits, varint};

const ORDERED_BIT: u8 = 0x01;
const RELIABILITY_SHIFT: u8 = 3;
const KNOWN_BITS: u8 = 0x19;
/// Symbols of a message, data and parity together: as many as the field has numbers, less one.
const SYMBOLS: u64 = 255;

/// `parity = lane varint, flags 1 byte, seq varint, total varint, index 1 byte, symbol`
///
/// One parity symbol of a long message: with as many symbols as the message is cut into, whichever
/// they are, the receiver has the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parity<'a> {
    /// The lane.
    pub lane: LaneId,
    /// Its mode; the same in each frame of the lane.
    pub mode: LaneMode,
    /// The message's place in the lane.
    pub seq: MessageSeq,
    /// Length of the whole message in bytes.
    pub total: u64,
    /// Which of the message's parity symbols this is, from 0.
    pub index: u8,
    /// The symbol. The message is cut into symbols of this length, the last one may be shorter.
    pub symbol: &'a [u8],
}

impl Parity<'_> {
    /// Symbols that the message is cut into.
    #[must_use]
    pub fn data_symbols(&self) -> u64 {
        self.total.div_ceil(self.symbol.len().max(1) as u64)
    }
}

impl<'a> Body<'a> for Parity<'a> {
    const KIND: u8 = kind::PARITY;
    const NAME: &'static str = "parity frame";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, lane) = varint::parse(body)?;
        let (body, flags) = parse::flags(body, "parity flags", KNOWN_BITS)?;
        let (body, seq) = varint::parse(body)?;
        let (body, total) = parse::number(body, "message length", limits::MESSAGE)?;
        let (body, index) = parse::byte(body)?;
        let (rest, symbol) = remainder(body, "parity symbol", limits::FRAME)?;
        let mode = LaneMode {
            order: Qos::from_number(flags & ORDERED_BIT),
            reliability: Reliability::from_number(flags >> RELIABILITY_SHIFT),
        };
        let (lane, seq) = (LaneId(lane), MessageSeq(seq));
        let parity = Self { lane, mode, seq, total, index, symbol };
        // A message of one symbol needs no parity, and each symbol needs a number of its own.
        let symbols = parity.data_symbols();
        if symbol.is_empty() || symbols < 2 || symbols + u64::from(index) >= SYMBOLS {
            return refuse(DecodeError::Invalid { field: "parity symbol" });
        }
        Ok((rest, parity))
    }

    fn body_len(&self) -> usize {
        let numbers = [self.lane.0, self.seq.0, self.total].map(varint::len);
        numbers.iter().sum::<usize>() + 2 + self.symbol.len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        varint::put(out, self.lane.0);
        let reliability = self.mode.reliability.number() << RELIABILITY_SHIFT;
        out.put_u8(((self.mode.order.number() & ORDERED_BIT) | reliability) & KNOWN_BITS);
        varint::put(out, self.seq.0);
        varint::put(out, self.total);
        out.put_u8(self.index);
        out.put_slice(self.symbol);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn parity_goes_both_ways() {
        let parity = Parity {
            lane: LaneId(3),
            mode: LaneMode::RELIABLE_ORDERED,
            seq: MessageSeq(8),
            total: 7,
            index: 1,
            symbol: &[0xaa, 0xbb, 0xcc, 0xdd],
        };
        let unordered = Parity {
            mode: LaneMode { order: Qos::Unordered, reliability: Reliability::Deadline },
            ..parity
        };
        testing::frames(&[
            (b"\x0c\x09\x03\x01\x08\x07\x01\xaa\xbb\xcc\xdd\x01", b"\x01", parity.into()),
            (b"\x0c\x09\x03\x08\x08\x07\x01\xaa\xbb\xcc\xdd", b"", unordered.into()),
        ]);
    }

    #[test]
    fn symbols_are_at_least_two_and_at_most_255() {
        let error = DecodeError::Invalid { field: "parity symbol" };
        testing::refused_frames(&[
            // One symbol is all of the message.
            (b"\x0c\x06\x03\x01\x08\x01\x00\xaa", error),
            (b"\x0c\x05\x03\x01\x08\x07\x00", error),
            // 7 + 248 numbers.
            (b"\x0c\x06\x03\x01\x08\x07\xf8\xaa", error),
        ]);
    }
}
