//! The header of packets after the handshake (protocol §3.7).

use bytes::BufMut;

use super::kind::DATA_BIT;
use crate::encode::Encode;
use crate::error::{DecodeError, Input};
use crate::id::{ConnectionId, PacketNumber, PathId};
use crate::parse::{self, Parsed, refuse};

const KEY_PHASE_BIT: u8 = 0x40;
const PATH_BIT: u8 = 0x20;
const RESERVED_BITS: u8 = 0x1c;
const LENGTH_BITS: u8 = 0x03;

/// `data header = first byte, destination cid 8 bytes, [path id 1 byte], packet number 1–4 bytes`
///
/// `first byte = 1, key phase, path id present, 0, 0, 0, packet number length − 1 (2 bits)`
///
/// The path id is absent for path 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataHeader {
    /// Which of two successive keys sealed the packet.
    pub key_phase: bool,
    /// The receiver's connection id.
    pub destination: ConnectionId,
    /// The path whose numbers this packet uses.
    pub path: PathId,
    /// The low bytes of its number.
    pub number: TruncatedNumber,
}

impl DataHeader {
    #[inline]
    pub(super) fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        let (input, first) = parse::byte(input)?;
        if first & RESERVED_BITS != 0 {
            return refuse(DecodeError::Invalid { field: "data header" });
        }
        let (input, destination) = parse::connection_id(input)?;
        let (input, path) = if first & PATH_BIT == 0 {
            (input, 0)
        } else {
            match parse::byte(input)? {
                (_, 0) => return refuse(DecodeError::Invalid { field: "path id" }),
                other => other,
            }
        };
        let length = first & LENGTH_BITS;
        let (input, low) = match length {
            0 => parse::array(input).map(|(rest, [a])| (rest, [0, 0, 0, a]))?,
            1 => parse::array(input).map(|(rest, [a, b])| (rest, [0, 0, a, b]))?,
            2 => parse::array(input).map(|(rest, [a, b, c])| (rest, [0, a, b, c]))?,
            _ => parse::array(input)?,
        };
        let header = Self {
            key_phase: first & KEY_PHASE_BIT != 0,
            destination,
            path: PathId(path),
            number: TruncatedNumber { low: u32::from_be_bytes(low), length: length + 1 },
        };
        Ok((input, header))
    }
}

impl Encode for DataHeader {
    fn encoded_len(&self) -> usize {
        1 + ConnectionId::LEN + usize::from(self.path.0 != 0) + usize::from(self.number.length)
    }

    fn encode(&self, out: &mut impl BufMut) {
        let phase = if self.key_phase { KEY_PHASE_BIT } else { 0 };
        let path = if self.path.0 == 0 { 0 } else { PATH_BIT };
        out.put_u8(DATA_BIT | phase | path | (self.number.length - 1));
        out.put_slice(&self.destination.0);
        if self.path.0 != 0 {
            out.put_u8(self.path.0);
        }
        out.put_uint(u64::from(self.number.low), usize::from(self.number.length));
    }
}

/// The low 1 to 4 bytes of a packet number: as many as the receiver needs to guess the rest
/// (RFC 9000 appendix A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TruncatedNumber {
    low: u32,
    length: u8,
}

impl TruncatedNumber {
    /// Cuts `full` for a receiver that has acknowledged `acked`, RFC 9000 appendix A.2.
    #[must_use]
    pub const fn new(full: PacketNumber, acked: Option<PacketNumber>) -> Self {
        let unacked = match acked {
            Some(acked) => full.0.saturating_sub(acked.0),
            None => full.0.saturating_add(1),
        };
        // Twice the packets in flight must fit.
        let length = match unacked {
            0..=0x7f => 1,
            0x80..=0x7fff => 2,
            0x8000..=0x7f_ffff => 3,
            _ => 4,
        };
        let low = (full.0 & (u64::MAX >> (64 - 8 * length as u32))) as u32;
        Self { low, length }
    }

    /// The number nearest to what follows `largest` received so far, RFC 9000 appendix A.3.
    #[must_use]
    pub const fn expand(self, largest: Option<PacketNumber>) -> PacketNumber {
        let expected = match largest {
            Some(largest) => largest.0 + 1,
            None => 0,
        };
        let window = 1u64 << (8 * self.length as u32);
        let candidate = (expected & !(window - 1)) | self.low as u64;
        let too_high = candidate > expected + window / 2 || candidate > PacketNumber::MAX.0;
        if candidate + window / 2 <= expected && candidate + window <= PacketNumber::MAX.0 {
            PacketNumber(candidate + window)
        } else if too_high && candidate >= window {
            PacketNumber(candidate - window)
        } else {
            PacketNumber(candidate)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Packet, testing};

    const CID: ConnectionId = ConnectionId([1, 2, 3, 4, 5, 6, 7, 8]);

    #[test]
    fn data_headers_go_both_ways() {
        let header = |key_phase, path, low, length| DataHeader {
            key_phase,
            destination: CID,
            path: PathId(path),
            number: TruncatedNumber { low, length },
        };
        let cases: [(&[u8], DataHeader); 4] = [
            (b"\x80\x01\x02\x03\x04\x05\x06\x07\x08\x09sealed", header(false, 0, 9, 1)),
            (b"\xc1\x01\x02\x03\x04\x05\x06\x07\x08\x00\x09sealed", header(true, 0, 9, 2)),
            (
                b"\xa2\x01\x02\x03\x04\x05\x06\x07\x08\x05\x01\x02\x03sealed",
                header(false, 5, 0x01_0203, 3),
            ),
            (
                b"\x83\x01\x02\x03\x04\x05\x06\x07\x08\xff\x02\x03\x04sealed",
                header(false, 0, 0xff02_0304, 4),
            ),
        ];
        for (bytes, header) in cases {
            testing::packets(&[(bytes, header, Packet::Data { header, sealed: b"sealed" })]);
        }
    }

    #[test]
    fn reserved_bits_and_path_zero_are_refused() {
        let refused = |field| DecodeError::Invalid { field };
        testing::refused_packets(&[
            (b"\x84\x01\x02\x03\x04\x05\x06\x07\x08\x09", refused("data header")),
            (b"\xa0\x01\x02\x03\x04\x05\x06\x07\x08\x00\x09", refused("path id")),
            (b"\x81\x01\x02\x03\x04\x05\x06\x07\x08\x09", DecodeError::Incomplete),
        ]);
    }

    /// The examples of RFC 9000 appendix A.
    #[test]
    fn numbers_are_cut_and_found_again() {
        for (full, acked, length) in [(0xac_5c02, 0xab_e8b3, 2), (0xac_e8fe, 0xab_e8b3, 3)] {
            assert_eq!(
                TruncatedNumber::new(PacketNumber(full), Some(PacketNumber(acked))).length,
                length
            );
        }
        let cut = TruncatedNumber { low: 0x9b32, length: 2 };
        assert_eq!(cut.expand(Some(PacketNumber(0xa82f_30ea))), PacketNumber(0xa82f_9b32));
        assert_eq!(
            TruncatedNumber::new(PacketNumber(0), None),
            TruncatedNumber { low: 0, length: 1 }
        );
        assert_eq!(TruncatedNumber { low: 0, length: 1 }.expand(None), PacketNumber(0));
    }

    #[test]
    fn numbers_at_the_end_do_not_overflow() {
        for length in 1..=4 {
            for low in [0, 1, 0x7f, 0xff] {
                let cut = TruncatedNumber { low, length };
                assert!(cut.expand(Some(PacketNumber::MAX)) <= PacketNumber::MAX);
            }
        }
    }
}
