//! What stands for the login when a session is resumed (protocol §5.5).

use bytes::BufMut;

use crate::encode::Encode;
use crate::error::{DecodeError, Input};
use crate::parse::{self, Parsed, blob, put_blob};
use crate::{limits, varint};

/// `resumption = age varint, (early message blob)…`
///
/// The `login` of a [`Hello`](super::Hello) in a [`Resume`](crate::Resume) packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resumption<'a> {
    /// Time since the client has got the ticket, in milliseconds.
    pub age_ms: u64,
    /// Messages that the server may act by before the client has proved that it is there.
    pub early: EarlyMessages<'a>,
}

impl<'a> Resumption<'a> {
    /// Reads the login of a resumption.
    ///
    /// # Errors
    /// A client of another make; the handshake is dropped.
    pub fn decode(login: &'a [u8]) -> Result<Self, DecodeError> {
        parse::whole("resumption", Self::parse(login))
    }

    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, age_ms) = varint::parse(input)?;
        let (mut rest, mut count) = (input, 0);
        while !rest.is_empty() {
            (rest, _) = blob(rest, "early message", limits::LOGIN)?;
            count += 1;
            if count > limits::EARLY_MESSAGES {
                return parse::refuse(DecodeError::TooLong { field: "early messages" });
            }
        }
        Ok((rest, Self { age_ms, early: EarlyMessages { encoded: input } }))
    }
}

impl Encode for Resumption<'_> {
    fn encoded_len(&self) -> usize {
        varint::len(self.age_ms) + self.early.encoded.len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        varint::put(out, self.age_ms);
        out.put_slice(self.early.encoded);
    }
}

/// Early messages, one blob after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EarlyMessages<'a> {
    /// Checked: blobs, at most [`limits::EARLY_MESSAGES`], and nothing else.
    encoded: &'a [u8],
}

impl<'a> EarlyMessages<'a> {
    /// Writes messages to the empty `buffer`, and refers to them there. Those beyond
    /// [`limits::EARLY_MESSAGES`] are left out.
    pub fn encode<'m>(
        messages: impl IntoIterator<Item = &'m [u8]>,
        buffer: &'a mut alloc::vec::Vec<u8>,
    ) -> Self {
        buffer.clear();
        let messages = messages.into_iter().take(limits::EARLY_MESSAGES);
        messages.for_each(|message| put_blob(buffer, message));
        Self { encoded: buffer }
    }

    /// The messages, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.encoded;
        core::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (after, message) = blob(rest, "early message", limits::LOGIN).ok()?;
            rest = after;
            Some(message)
        })
    }

    /// Length of all of them as they are written, in bytes.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        self.encoded.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::testing;

    #[test]
    fn resumptions_go_both_ways() {
        for (bytes, age_ms, messages) in [
            (&b"\x00"[..], 0, Vec::new()),
            (b"\x40\x40\x03one\x00\x03two", 64, Vec::from([&b"one"[..], b"", b"two"])),
        ] {
            let mut buffer = Vec::new();
            let early = EarlyMessages::encode(messages.iter().copied(), &mut buffer);
            let resumption = Resumption { age_ms, early };
            assert_eq!(Resumption::decode(bytes), Ok(resumption));
            testing::written(&resumption, bytes);
            assert_eq!(early.iter().collect::<Vec<_>>(), messages);
        }
    }

    #[test]
    fn resumptions_are_whole_and_bounded() {
        assert_eq!(Resumption::decode(b""), Err(DecodeError::Short { field: "resumption" }));
        assert_eq!(
            Resumption::decode(b"\x05\x03on"),
            Err(DecodeError::Short { field: "resumption" })
        );
        let most = [&b"\x05"[..], &[0; limits::EARLY_MESSAGES]].concat();
        assert!(Resumption::decode(&most).is_ok());
        let more = [&most[..], b"\x00"].concat();
        let error = DecodeError::TooLong { field: "early messages" };
        assert_eq!(Resumption::decode(&more), Err(error));
    }
}
