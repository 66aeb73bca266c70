//! What can be wrong with bytes.

use nom::error::{ErrorKind, ParseError};

/// What parsers read.
pub type Input<'a> = &'a [u8];

/// Why bytes were refused. Says which field, never carries the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ends inside the value: a cut datagram, or a stream that has more to come.
    #[error("input ends inside a value")]
    Incomplete,
    /// A body that was cut to its stated length ends inside one of its fields.
    #[error("{field} is shorter than its fields need")]
    Short {
        /// The frame, packet or operation.
        field: &'static str,
    },
    /// A varint that isn't in its shortest form.
    #[error("varint not in its shortest form")]
    Varint,
    /// A length, count or number above the limit of its field.
    #[error("{field} is above its limit")]
    TooLong {
        /// The field.
        field: &'static str,
    },
    /// A value that the field can't have.
    #[error("{field} has a value it can't have")]
    Invalid {
        /// The field.
        field: &'static str,
    },
    /// Text that isn't UTF-8.
    #[error("{field} is not UTF-8")]
    Text {
        /// The field.
        field: &'static str,
    },
    /// Bytes after the end of the value.
    #[error("bytes after the end of the value")]
    Trailing,
    /// A kind of packet that this version doesn't know.
    #[error("unknown packet kind {0:#04x}")]
    PacketKind(u8),
}

impl ParseError<Input<'_>> for DecodeError {
    fn from_error_kind(_: Input<'_>, _: ErrorKind) -> Self {
        Self::Incomplete
    }

    fn append(_: Input<'_>, _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl From<nom::Err<Self>> for DecodeError {
    fn from(error: nom::Err<Self>) -> Self {
        match error {
            nom::Err::Incomplete(_) => Self::Incomplete,
            nom::Err::Error(error) | nom::Err::Failure(error) => error,
        }
    }
}
