//! Parsers of single fields, from which all others are made.

use bytes::BufMut;
use nom::bytes::streaming::take;
use nom::combinator::rest;
use nom::{IResult, Parser};

use crate::error::{DecodeError, Input};
use crate::id::ConnectionId;
use crate::varint;

pub(crate) type Parsed<'a, T> = IResult<Input<'a>, T, DecodeError>;

/// The value of a body that has been cut to its length: running out of bytes, or having some left,
/// is now a mistake of the sender.
pub(crate) fn whole<'a, T>(
    field: &'static str,
    mut parser: impl Parser<Input<'a>, Output = T, Error = DecodeError>,
    body: Input<'a>,
) -> Result<T, DecodeError> {
    match parser.parse(body) {
        Ok(([], value)) => Ok(value),
        Ok(_) => Err(DecodeError::Trailing),
        Err(nom::Err::Incomplete(_)) => Err(DecodeError::Short { field }),
        Err(nom::Err::Error(error) | nom::Err::Failure(error)) => Err(error),
    }
}

pub(crate) fn byte(input: Input<'_>) -> Parsed<'_, u8> {
    let (rest, bytes) = take(1usize)(input)?;
    Ok((rest, bytes[0]))
}

/// `flags = 1 byte, only bits of mask set`
pub(crate) fn flags<'a>(input: Input<'a>, field: &'static str, mask: u8) -> Parsed<'a, u8> {
    let (rest, bits) = byte(input)?;
    if bits & !mask == 0 { Ok((rest, bits)) } else { refuse(DecodeError::Invalid { field }) }
}

pub(crate) fn array<const N: usize>(input: Input<'_>) -> Parsed<'_, [u8; N]> {
    let (rest, bytes) = take(N)(input)?;
    let mut out = [0; N];
    out.copy_from_slice(bytes);
    Ok((rest, out))
}

pub(crate) fn connection_id(input: Input<'_>) -> Parsed<'_, ConnectionId> {
    array(input).map(|(rest, id)| (rest, ConnectionId(id)))
}

/// `number = varint, at most max`
pub(crate) fn number<'a>(input: Input<'a>, field: &'static str, max: u64) -> Parsed<'a, u64> {
    let (rest, value) = varint::parse(input)?;
    if value <= max { Ok((rest, value)) } else { refuse(DecodeError::TooLong { field }) }
}

/// `blob = length varint, that many bytes`
pub(crate) fn blob<'a>(input: Input<'a>, field: &'static str, max: usize) -> Parsed<'a, &'a [u8]> {
    let (rest, length) = number(input, field, max as u64)?;
    take(length)(rest)
}

/// `text = blob of UTF-8`
pub(crate) fn text<'a>(input: Input<'a>, field: &'static str, max: usize) -> Parsed<'a, &'a str> {
    let (rest, bytes) = blob(input, field, max)?;
    match core::str::from_utf8(bytes) {
        Ok(text) => Ok((rest, text)),
        Err(_) => refuse(DecodeError::Text { field }),
    }
}

/// All that is left, at most `max` bytes.
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
