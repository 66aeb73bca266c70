//! Skip frame (protocol §4.6).

use bytes::BufMut;

use super::{Body, kind};
use crate::error::{DecodeError, Input};
use crate::id::{LaneId, MessageSeq};
use crate::parse::{Parsed, refuse};
use crate::varint;

/// `skip = lane varint, first seq varint, count varint, bytes varint`
///
/// Messages that the sender dropped, so that an ordered lane does not wait for them, and what of
/// the lane's credit one of them had taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skip {
    /// The lane.
    pub lane: LaneId,
    /// The first message that will not come.
    pub first: MessageSeq,
    /// How many in a row, at least 1.
    pub count: u64,
    /// Credit that the message had taken when it was begun, in bytes; 0 for several, which were
    /// never begun.
    pub bytes: u64,
}

impl<'a> Body<'a> for Skip {
    const KIND: u8 = kind::SKIP;
    const NAME: &'static str = "skip frame";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, lane) = varint::parse(body)?;
        let (body, first) = varint::parse(body)?;
        let (body, count) = varint::parse(body)?;
        let (body, bytes) = varint::parse(body)?;
        if count == 0 || first + count > varint::MAX {
            return refuse(DecodeError::Invalid { field: "skip frame" });
        }
        Ok((body, Self { lane: LaneId(lane), first: MessageSeq(first), count, bytes }))
    }

    fn body_len(&self) -> usize {
        [self.lane.0, self.first.0, self.count, self.bytes].map(varint::len).iter().sum()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        for value in [self.lane.0, self.first.0, self.count, self.bytes] {
            varint::put(out, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn skips_go_both_ways() {
        let skip = Skip { lane: LaneId(3), first: MessageSeq(9), count: 1, bytes: 300 };
        let last = Skip { first: MessageSeq(varint::MAX - 2), count: 2, bytes: 0, ..skip };
        testing::frames(&[
            (b"\x05\x05\x03\x09\x01\x41\x2c\x01", b"\x01", skip.into()),
            (b"\x05\x0b\x03\xff\xff\xff\xff\xff\xff\xff\xfd\x02\x00", b"", last.into()),
        ]);
    }

    #[test]
    fn skips_name_messages_that_can_be() {
        let error = DecodeError::Invalid { field: "skip frame" };
        testing::refused_frames(&[
            (b"\x05\x04\x03\x09\x00\x00", error),
            (b"\x05\x0b\x03\xff\xff\xff\xff\xff\xff\xff\xfd\x03\x00", error),
            (b"\x05\x03\x03\x09\x02", DecodeError::Short { field: "skip frame" }),
        ]);
    }
}
