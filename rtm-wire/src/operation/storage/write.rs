//! Writes of metadata.

use bytes::BufMut;

use super::condition::{Expected, UnderLock};
use crate::encode::Encode;
use crate::error::Input;
use crate::id::Revision;
use crate::limits;
use crate::list::{Item, List};
use crate::operation::field::{ChannelRef, name, put_text, text_len};
use crate::operation::{Body, kind};
use crate::parse::{self, Parsed, blob, blob_len, put_blob};
use crate::time::UnixTime;
use crate::varint;

/// What is kept of a write besides the values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetadataOptions {
    /// When it was.
    pub time: bool,
    /// Whose it was.
    pub author: bool,
}

impl MetadataOptions {
    fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        let (rest, bits) = parse::flags(input, "metadata options", 0x03)?;
        Ok((rest, Self { time: bits & 0x01 != 0, author: bits & 0x02 != 0 }))
    }

    fn bits(self) -> u8 {
        u8::from(self.time) | u8::from(self.author) << 1
    }
}

/// `item write = key text, value blob, revision varint`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemWrite<'a> {
    /// Which item.
    pub key: &'a str,
    /// What it is from now on.
    pub value: &'a [u8],
    /// What its revision has to be until now.
    pub revision: Expected,
}

impl<'a> Item<'a> for ItemWrite<'a> {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, key) = name(input, "metadata key")?;
        let (input, value) = blob(input, "metadata value", limits::METADATA)?;
        let (input, revision) = Expected::parse(input)?;
        Ok((input, Self { key, value, revision }))
    }
}

impl Encode for ItemWrite<'_> {
    fn encoded_len(&self) -> usize {
        text_len(self.key) + blob_len(self.value) + self.revision.encoded_len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_text(out, self.key);
        put_blob(out, self.value);
        self.revision.encode(out);
    }
}

/// `item removal = key text, revision varint`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemRemoval<'a> {
    /// Which item.
    pub key: &'a str,
    /// What its revision has to be until now.
    pub revision: Expected,
}

impl<'a> Item<'a> for ItemRemoval<'a> {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, key) = name(input, "metadata key")?;
        let (input, revision) = Expected::parse(input)?;
        Ok((input, Self { key, revision }))
    }
}

impl Encode for ItemRemoval<'_> {
    fn encoded_len(&self) -> usize {
        text_len(self.key) + self.revision.encoded_len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_text(out, self.key);
        self.revision.encode(out);
    }
}

/// `metadata write = target, options 1 byte, major varint, under lock, items list of item write`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataWrite<'a> {
    /// Whose set: a channel's, or with [`ChannelKind::User`](crate::ChannelKind::User) a user's.
    pub target: ChannelRef<'a>,
    /// What is kept besides the values.
    pub options: MetadataOptions,
    /// What the set's revision has to be until now.
    pub major: Expected,
    /// The lock that the writer has to hold.
    pub lock: UnderLock<'a>,
    /// What is written, all of it or nothing.
    pub items: List<'a, ItemWrite<'a>>,
}

impl<'a> MetadataWrite<'a> {
    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, target) = ChannelRef::parse(body)?;
        let (body, options) = MetadataOptions::parse(body)?;
        let (body, major) = Expected::parse(body)?;
        let (body, lock) = UnderLock::parse(body)?;
        let (body, items) = List::parse(body, "metadata items")?;
        Ok((body, Self { target, options, major, lock, items }))
    }
}

impl Encode for MetadataWrite<'_> {
    fn encoded_len(&self) -> usize {
        self.target.encoded_len()
            + 1
            + self.major.encoded_len()
            + self.lock.encoded_len()
            + self.items.encoded_len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        self.target.encode(out);
        out.put_u8(self.options.bits());
        self.major.encode(out);
        self.lock.encode(out);
        self.items.encode(out);
    }
}

/// Declares the two operations that write items.
macro_rules! metadata_writes {
    ($($(#[$doc:meta])* $name:ident, $kind:expr, $words:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<'a>(pub MetadataWrite<'a>);

        impl<'a> Body<'a> for $name<'a> {
            const KIND: u8 = $kind;
            const NAME: &'static str = $words;

            fn parse(body: Input<'a>) -> Parsed<'a, Self> {
                MetadataWrite::parse(body).map(|(rest, write)| (rest, Self(write)))
            }

            fn body_len(&self) -> usize {
                self.0.encoded_len()
            }

            fn encode_body(&self, out: &mut impl BufMut) {
                self.0.encode(out);
            }
        }
    )*};
}

metadata_writes! {
    /// `set metadata = metadata write`: items that are there are replaced, others come to be.
    SetMetadata, kind::SET_METADATA, "set metadata";
    /// `update metadata = metadata write`: all items must be there.
    UpdateMetadata, kind::UPDATE_METADATA, "update metadata";
}

/// `remove metadata = target, major varint, under lock, items list of item removal`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoveMetadata<'a> {
    /// Whose set.
    pub target: ChannelRef<'a>,
    /// What the set's revision has to be until now.
    pub major: Expected,
    /// The lock that the writer has to hold.
    pub lock: UnderLock<'a>,
    /// What is removed, all of it or nothing; empty for the whole set.
    pub items: List<'a, ItemRemoval<'a>>,
}

impl<'a> Body<'a> for RemoveMetadata<'a> {
    const KIND: u8 = kind::REMOVE_METADATA;
    const NAME: &'static str = "remove metadata";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, target) = ChannelRef::parse(body)?;
        let (body, major) = Expected::parse(body)?;
        let (body, lock) = UnderLock::parse(body)?;
        let (body, items) = List::parse(body, "metadata items")?;
        Ok((body, Self { target, major, lock, items }))
    }

    fn body_len(&self) -> usize {
        self.target.encoded_len()
            + self.major.encoded_len()
            + self.lock.encoded_len()
            + self.items.encoded_len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.target.encode(out);
        self.major.encode(out);
        self.lock.encode(out);
        self.items.encode(out);
    }
}

/// `stored = major varint, time varint in ms`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The set's revision from this write on; that of all items that it wrote, too.
    pub major: Revision,
    /// When it was.
    pub time: UnixTime,
}

impl Stored {
    pub(in crate::operation) fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        let (input, major) = varint::parse(input)?;
        let (input, time) = varint::parse(input)?;
        Ok((input, Self { major: Revision(major), time: UnixTime::from_millis(time) }))
    }
}

impl Encode for Stored {
    fn encoded_len(&self) -> usize {
        varint::len(self.major.0) + varint::len(self.time.as_millis())
    }

    fn encode(&self, out: &mut impl BufMut) {
        varint::put(out, self.major.0);
        varint::put(out, self.time.as_millis());
    }
}
