//! What a message says.

use bytes::{BufMut, Bytes, BytesMut};

/// Bytes of a [`Header`]; no message is shorter.
pub(crate) const HEADER_LEN: usize = 24;

/// What kind of traffic a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The small messages whose delay is measured.
    Small,
    /// The large ones beside them.
    Big,
    /// Part of a transfer that is as fast as it can be.
    Bulk,
}

/// The beginning of each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) flow: u16,
    pub(crate) kind: Kind,
    /// Within the flow, from 0.
    pub(crate) number: u32,
    /// When it was to be sent, in nanoseconds of the common clock.
    pub(crate) intended: u64,
    /// When the client began, by the same clock.
    pub(crate) start: u64,
}

impl Header {
    /// The message with this header and so many bytes in all.
    pub(crate) fn message(&self, len: usize) -> Bytes {
        let mut bytes = BytesMut::with_capacity(len.max(HEADER_LEN));
        bytes.put_u16(self.flow);
        bytes.put_u16(self.kind as u16);
        bytes.put_u32(self.number);
        bytes.put_u64(self.intended);
        bytes.put_u64(self.start);
        bytes.resize(len.max(HEADER_LEN), b'.');
        bytes.freeze()
    }

    /// `None` if it is none of ours.
    pub(crate) fn read(message: &[u8]) -> Option<Self> {
        let (header, _) = message.split_first_chunk::<HEADER_LEN>()?;
        let number = |at: usize| {
            let bytes = header[at..at + 8].try_into().expect("eight bytes of the header");
            u64::from_be_bytes(bytes)
        };
        let kind = match u16::from_be_bytes([header[2], header[3]]) {
            0 => Kind::Small,
            1 => Kind::Big,
            2 => Kind::Bulk,
            _ => return None,
        };
        Some(Self {
            flow: u16::from_be_bytes([header[0], header[1]]),
            kind,
            number: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            intended: number(8),
            start: number(16),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_a_round_trip() {
        for kind in [Kind::Small, Kind::Big, Kind::Bulk] {
            let header = Header { flow: 3, kind, number: 70_000, intended: 1 << 40, start: 7 };
            let message = header.message(200);
            assert_eq!(message.len(), 200);
            assert_eq!(Header::read(&message), Some(header));
        }
    }

    #[test]
    fn what_is_no_message_of_ours_is_none() {
        assert_eq!(Header::read(&[0; HEADER_LEN - 1]), None);
        assert_eq!(Header::read(&[9; HEADER_LEN]), None);
    }
}
