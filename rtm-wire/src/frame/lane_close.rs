//! Lane close frame (protocol §4.8).

use bytes::BufMut;

use super::{Body, kind};
use crate::error::Input;
use crate::id::{LaneId, MessageSeq};
use crate::parse::Parsed;
use crate::varint;

/// `lane close = lane varint, messages varint`
///
/// The lane's sender is done. The lane ends once all its messages have arrived or were skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneClose {
    /// The lane; never the control lane.
    pub lane: LaneId,
    /// The sequence number that the next message would have had.
    pub end: MessageSeq,
}

impl<'a> Body<'a> for LaneClose {
    const KIND: u8 = kind::LANE_CLOSE;
    const NAME: &'static str = "lane close frame";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, lane) = varint::parse(body)?;
        let (body, end) = varint::parse(body)?;
        Ok((body, Self { lane: LaneId(lane), end: MessageSeq(end) }))
    }

    fn body_len(&self) -> usize {
        varint::len(self.lane.0) + varint::len(self.end.0)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        varint::put(out, self.lane.0);
        varint::put(out, self.end.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn lane_closes_go_both_ways() {
        let close = LaneClose { lane: LaneId(3), end: MessageSeq(70) };
        testing::frames(&[(b"\x07\x03\x03\x40\x46\x01", b"\x01", close.into())]);
    }

    #[test]
    fn lane_closes_are_whole() {
        let error = crate::DecodeError::Short { field: "lane close frame" };
        testing::refused_frames(&[(b"\x07\x01\x03", error), (b"\x07\x02\x03\x40", error)]);
    }
}
