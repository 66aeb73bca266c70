//! Message frame (protocol §4.5): the one that everything else exists for.

use bytes::BufMut;

use super::{Body, kind};
use crate::error::{DecodeError, Input};
use crate::id::{LaneId, MessageSeq};
use crate::kind::{Qos, Reliability};
use crate::parse::{self, Parsed, refuse, remainder};
use crate::{limits, varint};

const ORDERED_BIT: u8 = 0x01;
const FRAGMENT_BIT: u8 = 0x02;
const DEADLINE_BIT: u8 = 0x04;
const RELIABILITY_SHIFT: u8 = 3;
const RELIABILITY_BITS: u8 = 0x18;
const KNOWN_BITS: u8 = ORDERED_BIT | FRAGMENT_BIT | DEADLINE_BIT | RELIABILITY_BITS;
/// Longest time remaining that is told: 17 minutes.
const DEADLINE_MAX: u64 = (1 << 20) - 1;

/// What the receiver has to know of a lane: it stands in each of its frames, so that a lane needs
/// no opening.
///
/// A frame has one bit for the order and two for the reliability: of unknown numbers, only
/// `Reliability::Unknown(3)` can be in a frame, and others lose their higher bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneMode {
    /// Whether messages are handed over in the order of their sequence numbers.
    pub order: Qos,
    /// What may become of them on the way.
    pub reliability: Reliability,
}

impl LaneMode {
    /// Every message, in order.
    pub const RELIABLE_ORDERED: Self =
        Self { order: Qos::Ordered, reliability: Reliability::Reliable };
    /// Every message, as soon as it is there.
    pub const RELIABLE_UNORDERED: Self =
        Self { order: Qos::Unordered, reliability: Reliability::Reliable };
}

/// The part of a message that a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Where in the message it begins, in bytes.
    pub offset: u64,
    /// Length of the whole message in bytes.
    pub total: u64,
}

/// `message = lane varint, flags 1 byte, seq varint, [offset varint, total varint], [deadline
/// varint in ms], payload`
///
/// `flags = 0, 0, 0, reliability 2 bits, deadline present, fragment, ordered`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The lane.
    pub lane: LaneId,
    /// Its mode; the same in each frame of the lane.
    pub mode: LaneMode,
    /// The message's place in the lane.
    pub seq: MessageSeq,
    /// Absent when the frame holds the whole message.
    pub fragment: Option<Fragment>,
    /// Time that remains until the message is worthless, in milliseconds below 2²⁰.
    pub deadline_ms: Option<u32>,
    /// The message, or the fragment.
    pub payload: &'a [u8],
}

impl<'a> Body<'a> for Message<'a> {
    const KIND: u8 = kind::MESSAGE;
    const NAME: &'static str = "message frame";

    #[inline(always)]
    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, lane) = varint::parse(body)?;
        let (body, flags) = parse::flags(body, "message flags", KNOWN_BITS)?;
        let (body, seq) = varint::parse(body)?;
        let (body, fragment) =
            if flags & FRAGMENT_BIT == 0 { (body, None) } else { fragment(body)? };
        let (body, deadline_ms) = if flags & DEADLINE_BIT == 0 {
            (body, None)
        } else {
            let (body, ms) = parse::number(body, "message deadline", DEADLINE_MAX)?;
            (body, Some(ms as u32))
        };
        let (rest, payload) = remainder(body, "message payload", limits::FRAME)?;
        // A fragment of nothing, or beyond the end, or one that is the whole message after all.
        if let Some(Fragment { offset, total }) = fragment {
            let length = payload.len() as u64;
            if length == 0 || length == total || total - offset < length {
                return refuse(DecodeError::Invalid { field: "message fragment" });
            }
        }
        let mode = LaneMode {
            order: Qos::from_number(flags & ORDERED_BIT),
            reliability: Reliability::from_number((flags & RELIABILITY_BITS) >> RELIABILITY_SHIFT),
        };
        let (lane, seq) = (LaneId(lane), MessageSeq(seq));
        Ok((rest, Self { lane, mode, seq, fragment, deadline_ms, payload }))
    }

    #[inline]
    fn body_len(&self) -> usize {
        let fragment = self.fragment.map_or(0, |f| varint::len(f.offset) + varint::len(f.total));
        let deadline = self.deadline_ms.map_or(0, |ms| varint::len(u64::from(ms)));
        varint::len(self.lane.0)
            + 1
            + varint::len(self.seq.0)
            + fragment
            + deadline
            + self.payload.len()
    }

    #[inline]
    fn encode_body(&self, out: &mut impl BufMut) {
        varint::put(out, self.lane.0);
        let reliability = self.mode.reliability.number() << RELIABILITY_SHIFT;
        let mut flags = (self.mode.order.number() & ORDERED_BIT) | (reliability & RELIABILITY_BITS);
        if self.fragment.is_some() {
            flags |= FRAGMENT_BIT;
        }
        if self.deadline_ms.is_some() {
            flags |= DEADLINE_BIT;
        }
        out.put_u8(flags);
        varint::put(out, self.seq.0);
        if let Some(fragment) = self.fragment {
            varint::put(out, fragment.offset);
            varint::put(out, fragment.total);
        }
        if let Some(ms) = self.deadline_ms {
            varint::put(out, u64::from(ms));
        }
        out.put_slice(self.payload);
    }
}

fn fragment(input: Input<'_>) -> Parsed<'_, Option<Fragment>> {
    let (input, offset) = parse::number(input, "fragment offset", limits::MESSAGE)?;
    let (input, total) = parse::number(input, "message length", limits::MESSAGE)?;
    if offset < total {
        Ok((input, Some(Fragment { offset, total })))
    } else {
        refuse(DecodeError::Invalid { field: "message fragment" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const HELLO: Message<'_> = Message {
        lane: LaneId(3),
        mode: LaneMode::RELIABLE_ORDERED,
        seq: MessageSeq(7),
        fragment: None,
        deadline_ms: None,
        payload: b"hello",
    };

    #[test]
    fn messages_go_both_ways() {
        let deadline = LaneMode { order: Qos::Unordered, reliability: Reliability::Deadline };
        let timed = Message { mode: deadline, deadline_ms: Some(64), payload: b"", ..HELLO };
        let part = Message { fragment: Some(Fragment { offset: 95, total: 100 }), ..HELLO };
        testing::frames(&[
            (b"\x04\x08\x03\x01\x07hello!", b"!", HELLO.into()),
            (b"\x04\x05\x03\x0c\x07\x40\x40", b"", timed.into()),
            (b"\x04\x0c\x03\x03\x07\x40\x5f\x40\x64hello", b"", part.into()),
        ]);
    }

    /// Two bits have room for one more; that frame is kept as it is.
    #[test]
    fn an_unknown_reliability_is_kept() {
        let mode = LaneMode { order: Qos::Unordered, reliability: Reliability::Unknown(3) };
        testing::frames(&[(b"\x04\x08\x03\x18\x07hello", b"", Message { mode, ..HELLO }.into())]);
    }

    #[test]
    fn fragments_are_parts_and_lie_inside() {
        let error = DecodeError::Invalid { field: "message fragment" };
        testing::refused_frames(&[
            (b"\x04\x05\x03\x03\x07\x00\x05", error),
            (b"\x04\x07\x03\x03\x07\x00\x02hi", error),
            (b"\x04\x07\x03\x03\x07\x04\x05hi", error),
            (b"\x04\x06\x03\x03\x07\x05\x05h", error),
            (b"\x04\x04\x03\x03\x07\x00", DecodeError::Short { field: "message frame" }),
        ]);
    }

    #[test]
    fn reserved_flags_and_long_deadlines_are_refused() {
        testing::refused_frames(&[
            (b"\x04\x03\x03\x21\x07", DecodeError::Invalid { field: "message flags" }),
            (
                b"\x04\x07\x03\x05\x07\x80\x10\x00\x00",
                DecodeError::TooLong { field: "message deadline" },
            ),
        ]);
    }
}
