//! Reads of metadata, by pages.

use bytes::BufMut;

use crate::encode::Encode;
use crate::error::Input;
use crate::id::Revision;
use crate::limits;
use crate::list::{Item, List};
use crate::operation::field::{ChannelRef, name, put_text, text_len};
use crate::operation::{Body, kind};
use crate::parse::{Parsed, blob, blob_len, put_blob};
use crate::time::UnixTime;
use crate::varint;

/// `get metadata = target, limit varint, after text`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetMetadata<'a> {
    /// Whose set.
    pub target: ChannelRef<'a>,
    /// Items in one answer at most; 0 for as many as the server gives.
    pub limit: u64,
    /// The key after which to go on; empty to begin.
    pub after: &'a str,
}

impl<'a> Body<'a> for GetMetadata<'a> {
    const KIND: u8 = kind::GET_METADATA;
    const NAME: &'static str = "get metadata";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, target) = ChannelRef::parse(body)?;
        let (body, limit) = varint::parse(body)?;
        let (body, after) = name(body, "metadata key")?;
        Ok((body, Self { target, limit, after }))
    }

    fn body_len(&self) -> usize {
        self.target.encoded_len() + varint::len(self.limit) + text_len(self.after)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.target.encode(out);
        varint::put(out, self.limit);
        put_text(out, self.after);
    }
}

/// `metadata item = key text, value blob, revision varint, time varint in ms, author text`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataItem<'a> {
    /// Which item.
    pub key: &'a str,
    /// What it is.
    pub value: &'a [u8],
    /// The set's revision at the item's last write.
    pub revision: Revision,
    /// When that was; 0 if it was not to be recorded.
    pub time: UnixTime,
    /// Whose it was; empty if it was not to be recorded.
    pub author: &'a str,
}

impl<'a> Item<'a> for MetadataItem<'a> {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, key) = name(input, "metadata key")?;
        let (input, value) = blob(input, "metadata value", limits::METADATA)?;
        let (input, revision) = varint::parse(input)?;
        let (input, time) = varint::parse(input)?;
        let (input, author) = name(input, "author")?;
        let (revision, time) = (Revision(revision), UnixTime::from_millis(time));
        Ok((input, Self { key, value, revision, time, author }))
    }
}

impl Encode for MetadataItem<'_> {
    fn encoded_len(&self) -> usize {
        text_len(self.key)
            + blob_len(self.value)
            + varint::len(self.revision.0)
            + varint::len(self.time.as_millis())
            + text_len(self.author)
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_text(out, self.key);
        put_blob(out, self.value);
        varint::put(out, self.revision.0);
        varint::put(out, self.time.as_millis());
        put_text(out, self.author);
    }
}

/// `metadata = major varint, total varint, items list of metadata item, next text`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// The set's revision. Pages of different revisions don't belong together.
    pub major: Revision,
    /// Items of the whole set.
    pub total: u64,
    /// This page, by key.
    pub items: List<'a, MetadataItem<'a>>,
    /// The key after which to go on; empty when there is no more.
    pub next: &'a str,
}

impl<'a> Metadata<'a> {
    pub(in crate::operation) fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, major) = varint::parse(input)?;
        let (input, total) = varint::parse(input)?;
        let (input, items) = List::parse(input, "metadata items")?;
        let (input, next) = name(input, "metadata key")?;
        Ok((input, Self { major: Revision(major), total, items, next }))
    }
}

impl Encode for Metadata<'_> {
    fn encoded_len(&self) -> usize {
        varint::len(self.major.0)
            + varint::len(self.total)
            + self.items.encoded_len()
            + text_len(self.next)
    }

    fn encode(&self, out: &mut impl BufMut) {
        varint::put(out, self.major.0);
        varint::put(out, self.total);
        self.items.encode(out);
        put_text(out, self.next);
    }
}
