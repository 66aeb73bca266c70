//! Fields that several operations have.

use bytes::BufMut;

use crate::encode::Encode;
use crate::error::Input;
use crate::id::{Epoch, Sequence};
use crate::kind::ChannelKind;
use crate::list::Item;
use crate::parse::{self, Parsed};
use crate::{limits, varint};

/// `channel = kind 1 byte, name text`
///
/// The app is that of the login; owners key a channel by app, kind and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelRef<'a> {
    /// What the channel is.
    pub kind: ChannelKind,
    /// Its name; for [`ChannelKind::User`] the user's id.
    pub name: &'a str,
}

impl<'a> ChannelRef<'a> {
    #[inline(always)]
    pub(super) fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, kind) = ChannelKind::parse(input)?;
        let (input, name) = parse::text(input, "channel name", limits::NAME)?;
        Ok((input, Self { kind, name }))
    }
}

impl<'a> Item<'a> for ChannelRef<'a> {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        ChannelRef::parse(input)
    }
}

impl Encode for ChannelRef<'_> {
    fn encoded_len(&self) -> usize {
        1 + parse::blob_len(self.name.as_bytes())
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_u8(self.kind.number());
        parse::put_blob(out, self.name.as_bytes());
    }
}

/// `position = epoch varint, sequence varint`
///
/// Where in a channel's (or publication's) life something stands. Only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The owner's life.
    pub epoch: Epoch,
    /// The event's number within it.
    pub sequence: Sequence,
}

impl Position {
    #[inline(always)]
    pub(super) fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        let (input, epoch) = varint::parse(input)?;
        let (input, sequence) = varint::parse(input)?;
        Ok((input, Self { epoch: Epoch(epoch), sequence: Sequence(sequence) }))
    }
}

impl Encode for Position {
    fn encoded_len(&self) -> usize {
        varint::len(self.epoch.0) + varint::len(self.sequence.0)
    }

    fn encode(&self, out: &mut impl BufMut) {
        varint::put(out, self.epoch.0);
        varint::put(out, self.sequence.0);
    }
}

#[inline]
pub(super) fn name<'a>(input: Input<'a>, field: &'static str) -> Parsed<'a, &'a str> {
    parse::text(input, field, limits::NAME)
}

#[inline]
pub(super) const fn text_len(text: &str) -> usize {
    parse::blob_len(text.as_bytes())
}

#[inline]
pub(super) fn put_text(out: &mut impl BufMut, text: &str) {
    parse::put_blob(out, text.as_bytes());
}
