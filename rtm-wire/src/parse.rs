//! Parsers of single fields, from which all others are made.

use bytes::BufMut;
use nom::combinator::rest;
use nom::number::streaming::be_u8;
use nom::{IResult, Input as _};

use crate::error::{DecodeError, Input};
use crate::id::ConnectionId;
use crate::varint;

pub(crate) type Parsed<'a, T> = IResult<Input<'a>, T, DecodeError>;

/// What was parsed of a body that had been cut to its length: running out of bytes, or having some
/// left, is now a mistake of the sender.
#[inline(always)]
pub(crate) fn whole<T>(field: &'static str, parsed: Parsed<'_, T>) -> Result<T, DecodeError> {
    match parsed {
        Ok(([], value)) => Ok(value),
        Ok(_) => Err(DecodeError::Trailing),
        Err(nom::Err::Incomplete(_)) => Err(DecodeError::Short { field }),
        Err(nom::Err::Error(error) | nom::Err::Failure(error)) => Err(error),
    }
}

#[inline]
pub(crate) fn byte(input: Input<'_>) -> Parsed<'_, u8> {
    be_u8(input)
}

/// `flags = 1 byte, only bits of mask set`
#[inline]
pub(crate) fn flags<'a>(input: Input<'a>, field: &'static str, mask: u8) -> Parsed<'a, u8> {
    let (rest, bits) = byte(input)?;
    if bits & !mask == 0 { Ok((rest, bits)) } else { refuse(DecodeError::Invalid { field }) }
}

#[inline]
pub(crate) fn array<const N: usize>(input: Input<'_>) -> Parsed<'_, [u8; N]> {
    let (rest, bytes) = take(input, N)?;
    let mut out = [0; N];
    out.copy_from_slice(bytes);
    Ok((rest, out))
}

#[inline]
pub(crate) fn connection_id(input: Input<'_>) -> Parsed<'_, ConnectionId> {
    array(input).map(|(rest, id)| (rest, ConnectionId(id)))
}

/// `number = varint, at most max`
#[inline(always)]
pub(crate) fn number<'a>(input: Input<'a>, field: &'static str, max: u64) -> Parsed<'a, u64> {
    let (rest, value) = varint::parse(input)?;
    if value <= max { Ok((rest, value)) } else { refuse(DecodeError::TooLong { field }) }
}

/// `blob = length varint, that many bytes`
#[inline(always)]
pub(crate) fn blob<'a>(input: Input<'a>, field: &'static str, max: usize) -> Parsed<'a, &'a [u8]> {
    let (rest, length) = number(input, field, max as u64)?;
    take(rest, length as usize)
}

/// `length` bytes, as by nom's `take`, but without the call that it costs in each field.
#[inline(always)]
fn take(input: Input<'_>, length: usize) -> Parsed<'_, &[u8]> {
    match input.slice_index(length) {
        Ok(at) => Ok(input.take_split(at)),
        Err(needed) => Err(nom::Err::Incomplete(needed)),
    }
}

/// `zeros = zero bytes to the end`; how many.
pub(crate) fn zeros<'a>(input: Input<'a>, field: &'static str) -> Parsed<'a, usize> {
    let (end, bytes) = rest(input)?;
    if bytes.iter().all(|&byte| byte == 0) {
        Ok((end, bytes.len()))
    } else {
        refuse(DecodeError::Invalid { field })
    }
}

/// `text = blob of UTF-8`
#[inline(always)]
pub(crate) fn text<'a>(input: Input<'a>, field: &'static str, max: usize) -> Parsed<'a, &'a str> {
    let (rest, bytes) = blob(input, field, max)?;
    match core::str::from_utf8(bytes) {
        Ok(text) => Ok((rest, text)),
        Err(_) => refuse(DecodeError::Text { field }),
    }
}

/// All that is left, at most `max` bytes.
#[inline]
pub(crate) fn remainder<'a>(
    input: Input<'a>,
    field: &'static str,
    max: usize,
) -> Parsed<'a, &'a [u8]> {
    if input.len() > max { refuse(DecodeError::TooLong { field }) } else { rest(input) }
}

/// An error that no further input can mend.
pub(crate) fn refuse<'a, T>(error: DecodeError) -> Parsed<'a, T> {
    Err(nom::Err::Failure(error))
}

pub(crate) const fn blob_len(bytes: &[u8]) -> usize {
    varint::len(bytes.len() as u64) + bytes.len()
}

pub(crate) fn put_blob(out: &mut impl BufMut, bytes: &[u8]) {
    varint::put(out, bytes.len() as u64);
    out.put_slice(bytes);
}
