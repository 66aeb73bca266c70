//! Packets: what a datagram holds, one each (protocol §3).
//!
//! The first byte tells the kinds apart: its top bit is set on data packets only.

mod data;
mod initial;
mod key_hint;
mod no_ticket;
mod reply;
mod reset;
mod resume;
mod retry;
mod versions;

pub use data::{DataHeader, TruncatedNumber};
pub use initial::Initial;
pub use key_hint::{KeyHint, KeyId};
pub use no_ticket::NoTicket;
pub use reply::Reply;
pub use reset::{Reset, ResetToken};
pub use resume::Resume;
pub use retry::Retry;
pub use versions::Versions;

use crate::error::{DecodeError, Input};
use crate::parse::{self, whole};

/// Every packet kind and its number; a number is never given to another kind.
mod kind {
    pub(super) const INITIAL: u8 = 0x01;
    pub(super) const REPLY: u8 = 0x02;
    pub(super) const RETRY: u8 = 0x03;
    pub(super) const KEY_HINT: u8 = 0x04;
    pub(super) const RESET: u8 = 0x05;
    pub(super) const VERSIONS: u8 = 0x06;
    // 0x07 is unknown in the frozen vectors.
    pub(super) const RESUME: u8 = 0x08;
    pub(super) const NO_TICKET: u8 = 0x09;
    /// On every data packet, on no other.
    pub(super) const DATA_BIT: u8 = 0x80;
}

/// A datagram's packet; a data packet is still sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packet<'a> {
    /// Client's first flight.
    Initial(Initial<'a>),
    /// Server's answer to it.
    Reply(Reply<'a>),
    /// Server wants the client's address proved.
    Retry(Retry<'a>),
    /// Server has another key than the client believes.
    KeyHint(KeyHint),
    /// Server knows nothing of the session.
    Reset(Reset),
    /// Server speaks none of the client's versions.
    Versions(Versions<'a>),
    /// First flight of a client that has a ticket.
    Resume(Resume<'a>),
    /// Server can do nothing with the client's ticket.
    NoTicket(NoTicket),
    /// Anything after the handshake. The header is the first
    /// [`encoded_len`](crate::Encode::encoded_len) bytes of the datagram, and authenticated.
    Data {
        /// Its header.
        header: DataHeader,
        /// Sealed frames and the tag.
        sealed: &'a [u8],
    },
}

impl<'a> Packet<'a> {
    /// Reads the packet of one datagram.
    ///
    /// # Errors
    /// A foreign or damaged datagram; it changes nothing and is to be counted and dropped.
    #[inline]
    pub fn decode(datagram: &'a [u8]) -> Result<Self, DecodeError> {
        let (body, first) = parse::byte(datagram)?;
        match first {
            kind::INITIAL => whole("initial packet", Initial::parse(body)).map(Self::Initial),
            kind::REPLY => whole("reply packet", Reply::parse(body)).map(Self::Reply),
            kind::RETRY => whole("retry packet", Retry::parse(body)).map(Self::Retry),
            kind::KEY_HINT => whole("key hint packet", KeyHint::parse(body)).map(Self::KeyHint),
            kind::RESET => whole("reset packet", Reset::parse(body)).map(Self::Reset),
            kind::VERSIONS => whole("versions packet", Versions::parse(body)).map(Self::Versions),
            kind::RESUME => whole("resume packet", Resume::parse(body)).map(Self::Resume),
            kind::NO_TICKET => whole("no ticket packet", NoTicket::parse(body)).map(Self::NoTicket),
            first if first & kind::DATA_BIT != 0 => {
                let (sealed, header) = DataHeader::parse(datagram)?;
                Ok(Self::Data { header, sealed })
            }
            unknown => Err(DecodeError::PacketKind(unknown)),
        }
    }
}

/// All that is left of a handshake packet.
fn noise_message<'a>(input: Input<'a>, field: &'static str) -> parse::Parsed<'a, &'a [u8]> {
    parse::remainder(input, field, crate::limits::FRAME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn foreign_datagrams_are_refused() {
        testing::refused_packets(&[
            (b"", DecodeError::Incomplete),
            (b"\x00", DecodeError::PacketKind(0)),
            (b"\x07", DecodeError::PacketKind(7)),
            (b"\x7f\x01", DecodeError::PacketKind(0x7f)),
        ]);
    }
}
