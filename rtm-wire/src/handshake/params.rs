//! What each end tells the other of its limits (protocol §5.3).

use bytes::BufMut;

use crate::encode::Encode;
use crate::error::Input;
use crate::parse::{self, Parsed};
use crate::varint;

/// Number of parameters that this version writes.
const COUNT: usize = 5;
/// Most that it reads; what follows the known ones is for later versions, and left out when the
/// parameters are written again.
const COUNT_MAX: u64 = 64;

/// `params = count varint, count × varint`
///
/// By position. A peer that sends fewer means the [`Default`] for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportParams {
    /// Lanes that the peer may have open towards this end at a time, lane 0 not counted.
    pub lanes: u64,
    /// Credit in bytes that each lane towards this end starts with; no message is longer.
    pub lane_credit: u64,
    /// Longest message in bytes that this end takes.
    pub message_len: u64,
    /// Silence in milliseconds after which this end gives the session up.
    pub idle_timeout_ms: u64,
    /// Longest time in microseconds that this end holds an acknowledgement back.
    pub ack_delay_us: u64,
}

impl Default for TransportParams {
    fn default() -> Self {
        Self {
            lanes: 64,
            lane_credit: 64 * 1024,
            message_len: 64 * 1024,
            idle_timeout_ms: 30_000,
            ack_delay_us: 25_000,
        }
    }
}

impl TransportParams {
    const fn values(&self) -> [u64; COUNT] {
        [self.lanes, self.lane_credit, self.message_len, self.idle_timeout_ms, self.ack_delay_us]
    }

    pub(crate) fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        let (mut input, count) = parse::number(input, "transport parameters", COUNT_MAX)?;
        let mut values = Self::default().values();
        for index in 0..count as usize {
            let (rest, value) = varint::parse(input)?;
            input = rest;
            if let Some(slot) = values.get_mut(index) {
                *slot = value;
            }
        }
        let [lanes, lane_credit, message_len, idle_timeout_ms, ack_delay_us] = values;
        Ok((input, Self { lanes, lane_credit, message_len, idle_timeout_ms, ack_delay_us }))
    }
}

impl Encode for TransportParams {
    fn encoded_len(&self) -> usize {
        1 + self.values().map(varint::len).iter().sum::<usize>()
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_u8(COUNT as u8);
        for value in self.values() {
            varint::put(out, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// Older peers send fewer, newer ones more; the known ones are written again.
    #[test]
    fn fewer_mean_defaults_and_more_are_passed_over() {
        let lanes = TransportParams { lanes: 8, ..TransportParams::default() };
        let small = TransportParams {
            lanes: 1,
            lane_credit: 2,
            message_len: 3,
            idle_timeout_ms: 4,
            ack_delay_us: 5,
        };
        for (bytes, params) in [
            (&b"\x00"[..], TransportParams::default()),
            (b"\x01\x08", lanes),
            (b"\x05\x01\x02\x03\x04\x05", small),
            (b"\x07\x01\x02\x03\x04\x05\x06\x07", small),
        ] {
            assert_eq!(TransportParams::parse(bytes), Ok((&[][..], params)));
        }
        testing::written(&small, b"\x05\x01\x02\x03\x04\x05");
    }

    #[test]
    fn no_more_are_read_than_the_limit() {
        let too_many = TransportParams::parse(b"\x40\x41");
        let error = crate::DecodeError::TooLong { field: "transport parameters" };
        assert_eq!(too_many, Err(nom::Err::Failure(error)));
    }
}
