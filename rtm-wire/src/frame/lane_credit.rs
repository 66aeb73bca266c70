//! Lane credit frame (protocol §4.7).

use bytes::BufMut;

use super::{Body, kind};
use crate::error::Input;
use crate::id::LaneId;
use crate::parse::Parsed;
use crate::varint;

/// `lane credit = lane varint, limit varint`
///
/// The payload bytes that the lane may carry in all its life, retransmissions not counted; the
/// largest limit that has arrived holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneCredit {
    /// The lane.
    pub lane: LaneId,
    /// In bytes.
    pub limit: u64,
}

impl<'a> Body<'a> for LaneCredit {
    const KIND: u8 = kind::LANE_CREDIT;
    const NAME: &'static str = "lane credit frame";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, lane) = varint::parse(body)?;
        let (body, limit) = varint::parse(body)?;
        Ok((body, Self { lane: LaneId(lane), limit }))
    }

    fn body_len(&self) -> usize {
        varint::len(self.lane.0) + varint::len(self.limit)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        varint::put(out, self.lane.0);
        varint::put(out, self.limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn lane_credits_go_both_ways() {
        let credit = LaneCredit { lane: LaneId(3), limit: 65_536 };
        testing::frames(&[(b"\x06\x05\x03\x80\x01\x00\x00\x01", b"\x01", credit.into())]);
    }

    #[test]
    fn lane_credits_are_whole() {
        let error = crate::DecodeError::Short { field: "lane credit frame" };
        testing::refused_frames(&[(b"\x06\x01\x03", error)]);
    }
}
