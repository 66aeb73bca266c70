//! Text that shares a buffer.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

/// UTF-8 text that shares the receive buffer of the message that it came with: nothing is copied.
///
/// It keeps that buffer alive; copy it with `to_string()` to keep it for long. Reads like a `str`.
///
/// ```
/// use rtm_client::ChannelMessage;
///
/// fn keep(message: &ChannelMessage) -> String {
///     // Without a copy it would keep the whole datagram.
///     message.publisher.to_string()
/// }
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Bytes);

impl Text {
    /// `part` of `message`.
    pub(crate) fn shared(message: &Bytes, part: &str) -> Self {
        if part.is_empty() { Self::default() } else { Self(message.slice_ref(part.as_bytes())) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only made from text")
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_shares_the_message_and_reads_like_a_str() {
        let message = Bytes::from_static("alice: grüß".as_bytes());
        let whole = std::str::from_utf8(&message).unwrap();
        let text = Text::shared(&message, &whole[7..]);
        assert_eq!(text.as_bytes().as_ptr(), message[7..].as_ptr());
        assert_eq!(text, "grüß");
        assert_eq!(format!("{text} {text:?} {}", text.len()), "grüß \"grüß\" 6");
        assert_eq!(Text::shared(&message, ""), "");
    }
}
