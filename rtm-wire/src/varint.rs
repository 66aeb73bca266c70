//! Variable-length integers of RFC 9000 section 16, shortest form only (protocol §1.2).

use bytes::BufMut;
use nom::IResult;
use nom::number::streaming::be_u8;

use crate::error::{DecodeError, Input};
use crate::parse::{array, refuse};

/// The largest value that can be encoded.
pub const MAX: u64 = (1 << 62) - 1;

/// The number of bytes that `value` takes: 1, 2, 4 or 8.
///
/// Values above [`MAX`] count as 8 bytes; [`put`] refuses them.
#[must_use]
pub const fn len(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// Appends `value`.
///
/// # Panics
/// If `value` is above [`MAX`]: every caller's type or check keeps it below.
pub fn put(out: &mut impl BufMut, value: u64) {
    match value {
        0..=0x3f => out.put_u8(value as u8),
        0x40..=0x3fff => out.put_u16(value as u16 | 0x4000),
        0x4000..=0x3fff_ffff => out.put_u32(value as u32 | 0x8000_0000),
        0x4000_0000..=MAX => out.put_u64(value | 0xc000_0000_0000_0000),
        _ => panic!("varint {value} is above 2^62 - 1"),
    }
}

/// `varint = 1, 2, 4 or 8 bytes; the top two bits of the first byte say which`
///
/// # Errors
/// [`DecodeError::Varint`] when a shorter form would have done, so that every value has one
/// encoding.
#[inline(always)]
pub fn parse(input: Input<'_>) -> IResult<Input<'_>, u64, DecodeError> {
    let (rest, first) = be_u8(input)?;
    // Nearly all are this short.
    if first < 0x40 { Ok((rest, u64::from(first))) } else { long(input, first >> 6) }
}

/// A varint of 2, 4 or 8 bytes.
fn long(input: Input<'_>, prefix: u8) -> IResult<Input<'_>, u64, DecodeError> {
    let (rest, value, least) = match prefix {
        1 => {
            let (rest, bytes) = array(input)?;
            (rest, u64::from(u16::from_be_bytes(bytes) & 0x3fff), 0x40)
        }
        2 => {
            let (rest, bytes) = array(input)?;
            (rest, u64::from(u32::from_be_bytes(bytes) & 0x3fff_ffff), 0x4000)
        }
        _ => {
            let (rest, bytes) = array(input)?;
            (rest, u64::from_be_bytes(bytes) & MAX, 0x4000_0000)
        }
    };
    if value >= least { Ok((rest, value)) } else { refuse(DecodeError::Varint) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 9000 appendix A.1, but for its two-byte form of 37.
    const INVERSE: [(&[u8], u64); 6] = [
        (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c], 151_288_809_941_952_652),
        (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
        (&[0x7b, 0xbd], 15_293),
        (&[0x25], 37),
        (&[0x40, 0x40], 64),
        (&[0x80, 0x00, 0x40, 0x00], 16_384),
    ];

    #[test]
    fn examples_of_the_rfc_go_both_ways() {
        for (bytes, value) in INVERSE {
            let mut out = alloc::vec::Vec::new();
            put(&mut out, value);
            assert_eq!(out, bytes);
            assert_eq!(out.len(), len(value));
            assert_eq!(parse(bytes), Ok((&[][..], value)));
        }
    }

    #[test]
    fn a_longer_form_than_needed_is_refused() {
        assert_eq!(parse(&[0x40, 0x25]), Err(nom::Err::Failure(DecodeError::Varint)));
    }

    #[test]
    fn every_prefix_is_incomplete() {
        for (bytes, _) in INVERSE {
            for cut in 0..bytes.len() {
                assert!(matches!(parse(&bytes[..cut]), Err(nom::Err::Incomplete(_))));
            }
        }
    }
}
