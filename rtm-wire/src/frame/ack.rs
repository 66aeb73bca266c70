//! Acknowledgement frame (protocol §4.3).

use bytes::BufMut;
use core::fmt;
use core::ops::RangeInclusive;
use core::time::Duration;

use super::{Body, kind};
use crate::error::{DecodeError, Input};
use crate::id::{PacketNumber, PathId};
use crate::parse::{self, Parsed, refuse};
use crate::{limits, varint};

/// Unit of the delay on the wire.
const DELAY_UNIT_US: u64 = 32;
/// Longest delay that is told: 67 s.
const DELAY_MAX: u64 = (1 << 21) - 1;

/// `ack = path id 1 byte, delay varint in 32 µs, largest varint, length varint, (gap varint, length
/// varint)…`
///
/// Ranges run downwards from the largest packet that arrived. A range's length counts the packets
/// below its largest; a gap counts the missing packets, less one (RFC 9000 section 19.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The path that the numbers belong to.
    pub path: PathId,
    delay: u64,
    /// What arrived.
    pub ranges: AckRanges<'a>,
}

impl<'a> Ack<'a> {
    /// An acknowledgement of `ranges`, held back for `delay` after the largest arrived.
    ///
    /// The delay is rounded down to 32 µs, and to 67 s at most.
    #[must_use]
    pub fn new(path: PathId, delay: Duration, ranges: AckRanges<'a>) -> Self {
        let units = delay.as_micros() / u128::from(DELAY_UNIT_US);
        let delay = u64::try_from(units).unwrap_or(DELAY_MAX).min(DELAY_MAX);
        Self { path, delay, ranges }
    }

    /// How long the receiver waited before it sent this.
    #[must_use]
    pub const fn delay(&self) -> Duration {
        Duration::from_micros(self.delay * DELAY_UNIT_US)
    }
}

impl<'a> Body<'a> for Ack<'a> {
    const KIND: u8 = kind::ACK;
    const NAME: &'static str = "ack frame";

    #[inline]
    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, path) = parse::byte(body)?;
        let (body, delay) = parse::number(body, "ack delay", DELAY_MAX)?;
        let (body, ranges) = AckRanges::parse(body)?;
        Ok((body, Self { path: PathId(path), delay, ranges }))
    }

    fn body_len(&self) -> usize {
        1 + varint::len(self.delay) + self.ranges.bytes.len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        out.put_u8(self.path.0);
        varint::put(out, self.delay);
        out.put_slice(self.ranges.bytes);
    }
}

/// Ranges of packet numbers in their encoded form, checked: between 1 and
/// [`limits::ACK_RANGES`] of them, apart from each other, newest first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AckRanges<'a> {
    bytes: &'a [u8],
}

impl<'a> AckRanges<'a> {
    /// Encodes `ranges`, newest first, to the end of `out`, which the value then borrows.
    ///
    /// Ranges beyond [`limits::ACK_RANGES`] (the oldest) are left out.
    ///
    /// # Panics
    /// If `ranges` is empty, or not in falling order with a hole between neighbours.
    pub fn encode(
        ranges: impl IntoIterator<Item = RangeInclusive<PacketNumber>>,
        out: &'a mut alloc::vec::Vec<u8>,
    ) -> Self {
        let start = out.len();
        let mut smallest = None;
        for range in ranges.into_iter().take(limits::ACK_RANGES) {
            let (low, high) = (range.start().0, range.end().0);
            match smallest {
                None => varint::put(out, high),
                Some(above) => varint::put(out, above - high - 2),
            }
            varint::put(out, high - low);
            smallest = Some(low);
        }
        assert!(smallest.is_some(), "an ack needs a range");
        Self { bytes: &out[start..] }
    }

    /// The packets, as ranges, newest first.
    #[must_use]
    pub const fn iter(&self) -> AckRangesIter<'a> {
        AckRangesIter { rest: self.bytes, smallest: None }
    }

    /// The largest packet number.
    #[must_use]
    pub fn largest(&self) -> PacketNumber {
        varint::parse(self.bytes).map_or(PacketNumber(0), |(_, largest)| PacketNumber(largest))
    }

    #[inline]
    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let mut rest = body;
        let mut smallest = None;
        let mut count = 0;
        while count == 0 || !rest.is_empty() {
            let (next, (low, _)) = range(rest, smallest)?;
            (rest, smallest) = (next, Some(low));
            count += 1;
            if count > limits::ACK_RANGES {
                return refuse(DecodeError::TooLong { field: "ack ranges" });
            }
        }
        Ok((rest, Self { bytes: body }))
    }
}

impl fmt::Debug for AckRanges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// One range below `smallest`, as its lowest and highest number.
#[inline]
fn range(input: Input<'_>, smallest: Option<u64>) -> Parsed<'_, (u64, u64)> {
    let (input, first) = varint::parse(input)?;
    let (input, length) = varint::parse(input)?;
    let high = match smallest {
        None => Some(first),
        Some(smallest) => smallest.checked_sub(first).and_then(|below| below.checked_sub(2)),
    };
    match high.and_then(|high| Some((high.checked_sub(length)?, high))) {
        Some(range) => Ok((input, range)),
        None => refuse(DecodeError::Invalid { field: "ack ranges" }),
    }
}

/// Iterator over the ranges of an acknowledgement.
#[derive(Clone, Debug)]
pub struct AckRangesIter<'a> {
    rest: &'a [u8],
    smallest: Option<u64>,
}

impl Iterator for AckRangesIter<'_> {
    type Item = RangeInclusive<PacketNumber>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (rest, (low, high)) = range(self.rest, self.smallest).ok()?;
        (self.rest, self.smallest) = (rest, Some(low));
        Some(PacketNumber(low)..=PacketNumber(high))
    }
}

impl<'a> IntoIterator for AckRanges<'a> {
    type Item = RangeInclusive<PacketNumber>;
    type IntoIter = AckRangesIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Frame, testing};
    use alloc::vec::Vec;

    fn ack(path: u8, delay_us: u64, bytes: &[u8]) -> Frame<'_> {
        Ack::new(PathId(path), Duration::from_micros(delay_us), AckRanges { bytes }).into()
    }

    #[test]
    fn acks_go_both_ways() {
        testing::frames(&[
            (b"\x02\x04\x00\x00\x05\x00", b"", ack(0, 0, b"\x05\x00")),
            (b"\x02\x06\x03\x02\x09\x01\x00\x06\xff", b"\xff", ack(3, 64, b"\x09\x01\x00\x06")),
        ]);
    }

    #[test]
    fn ranges_run_downwards() {
        let numbers = |low, high| PacketNumber(low)..=PacketNumber(high);
        for (bytes, ranges) in [
            (&b"\x05\x00"[..], &[numbers(5, 5)][..]),
            (b"\x05\x05", &[numbers(0, 5)]),
            (
                b"\x40\x64\x0a\x03\x05\x00\x40\x4b",
                &[numbers(90, 100), numbers(80, 85), numbers(3, 78)],
            ),
        ] {
            let mut buffer = b"before".to_vec();
            let made = AckRanges::encode(ranges.iter().cloned(), &mut buffer);
            assert_eq!(made.bytes, bytes);
            assert!(made.iter().eq(ranges.iter().cloned()));
            assert_eq!(made.largest(), *ranges[0].end());
        }
    }

    #[test]
    fn ranges_stay_above_zero_and_apart() {
        let error = DecodeError::Invalid { field: "ack ranges" };
        testing::refused_frames(&[
            (b"\x02\x04\x00\x00\x05\x06", error),
            (b"\x02\x06\x00\x00\x05\x00\x04\x00", error),
            (b"\x02\x06\x00\x00\x05\x00\x00\x04", error),
            (b"\x02\x02\x00\x00", DecodeError::Short { field: "ack frame" }),
        ]);
    }

    /// The oldest are left out.
    #[test]
    fn only_so_many_ranges_fit() {
        let ranges = (0..100).map(|n| PacketNumber(1_000 - 2 * n)..=PacketNumber(1_000 - 2 * n));
        let mut buffer = Vec::new();
        let made = AckRanges::encode(ranges.clone(), &mut buffer);
        assert!(made.iter().eq(ranges.take(limits::ACK_RANGES)));
    }

    #[test]
    #[should_panic(expected = "an ack needs a range")]
    fn an_ack_of_nothing_is_a_mistake() {
        let _ = AckRanges::encode([], &mut Vec::new());
    }

    #[test]
    fn delays_are_rounded_down_and_bounded() {
        for (delay, told) in [(0, 0), (31, 0), (32, 32), (25_010, 24_992), (1 << 40, 67_108_832)] {
            let ranges = AckRanges { bytes: b"\x05\x00" };
            let ack = Ack::new(PathId(0), Duration::from_micros(delay), ranges);
            assert_eq!(ack.delay(), Duration::from_micros(told));
        }
    }
}
