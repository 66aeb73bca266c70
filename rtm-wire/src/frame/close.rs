//! Close frame (protocol §4.4).

use bytes::BufMut;

use super::{Body, kind};
use crate::code::ErrorCode;
use crate::error::{DecodeError, Input};
use crate::parse::{self, Parsed, refuse, remainder};
use crate::{limits, varint};

/// Why a session ended: a number below 10,000 is the session layer's, others are
/// [`ErrorCode`]s of the application above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(pub u32);

impl CloseCode {
    /// Wanted, nothing wrong.
    pub const DONE: Self = Self(0);
    /// The peer broke a rule of the protocol.
    pub const PROTOCOL: Self = Self(1);
    /// The peer went beyond a limit that it had been told.
    pub const LIMIT: Self = Self(2);
    /// A fault of the sender's own.
    pub const INTERNAL: Self = Self(3);
    /// The server stops; the client may come back later.
    pub const SHUTDOWN: Self = Self(4);
    /// The keys of this session have been used up.
    pub const KEYS_EXHAUSTED: Self = Self(5);
    /// The same session instance has a newer session.
    pub const REPLACED: Self = Self(6);
    /// The peer took too little of what was sent to it.
    pub const TOO_SLOW: Self = Self(7);

    /// The error number of the application, if that is what this is.
    #[must_use]
    pub const fn error_code(self) -> Option<ErrorCode> {
        if self.0 >= 10_000 { Some(ErrorCode(self.0)) } else { None }
    }
}

impl From<ErrorCode> for CloseCode {
    fn from(code: ErrorCode) -> Self {
        Self(code.0)
    }
}

/// `close = code varint, reason text to the end`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close<'a> {
    /// For programs.
    pub code: CloseCode,
    /// For people; at most [`limits::REASON`] bytes.
    pub reason: &'a str,
}

impl<'a> Body<'a> for Close<'a> {
    const KIND: u8 = kind::CLOSE;
    const NAME: &'static str = "close frame";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, code) = parse::number(body, "close code", u64::from(u32::MAX))?;
        let (rest, reason) = remainder(body, "close reason", limits::REASON)?;
        match core::str::from_utf8(reason) {
            Ok(reason) => Ok((rest, Self { code: CloseCode(code as u32), reason })),
            Err(_) => refuse(DecodeError::Text { field: "close reason" }),
        }
    }

    fn body_len(&self) -> usize {
        varint::len(u64::from(self.code.0)) + self.reason.len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        varint::put(out, u64::from(self.code.0));
        out.put_slice(self.reason.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn closes_go_both_ways() {
        let replaced = Close { code: CloseCode::REPLACED, reason: "elsewhere" };
        let expired = Close { code: ErrorCode::TOKEN_EXPIRED.into(), reason: "" };
        testing::frames(&[
            (b"\x03\x0a\x06elsewhere", b"", replaced.into()),
            (b"\x03\x02\x67\x19\x01\x00", b"\x01\x00", expired.into()),
        ]);
    }

    #[test]
    fn closes_have_a_code_and_a_text() {
        testing::refused_frames(&[
            (b"\x03\x00", DecodeError::Short { field: "close frame" }),
            (b"\x03\x02\x00\xff", DecodeError::Text { field: "close reason" }),
            (
                b"\x03\x08\xc0\x00\x00\x01\x00\x00\x00\x00",
                DecodeError::TooLong { field: "close code" },
            ),
        ]);
    }

    #[test]
    fn large_codes_are_error_numbers() {
        assert_eq!(CloseCode(9_999).error_code(), None);
        assert_eq!(CloseCode(10_009).error_code(), Some(ErrorCode::TOKEN_EXPIRED));
    }
}
