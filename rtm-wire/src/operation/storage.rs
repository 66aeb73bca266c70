//! Metadata of channels and users (protocol §6.26).

use bytes::BufMut;

use super::field::{ChannelRef, name, put_text, text_len};
use super::{Body, kind};
use crate::encode::Encode;
use crate::error::Input;
use crate::id::{LockToken, Revision};
use crate::kind::StorageChange;
use crate::limits;
use crate::list::{Item, List};
use crate::parse::{self, Parsed, blob, blob_len, put_blob};
use crate::time::UnixTime;
use crate::varint;

/// `expected = varint: 0 no check, 1 must not exist, n + 1 must be n`
///
/// What a write takes the revision of a set, or of an item, to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expected(u64);

impl Expected {
    /// The last writer wins.
    pub const ANY: Self = Self(0);
    /// It must not exist.
    pub const ABSENT: Self = Self(1);

    /// It must be this revision. The largest one that can be asked for is 2⁶² − 2.
    #[must_use]
    pub const fn at(revision: Revision) -> Self {
        Self(if revision.0 < varint::MAX { revision.0 + 1 } else { varint::MAX })
    }

    /// The number that users of RTM 2.x write: −1 no check, 0 must not exist, above that the
    /// revision. None if it means nothing.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        let coded = u64::try_from(number.checked_add(1)?).ok()?;
        (coded <= varint::MAX).then_some(Self(coded))
    }

    /// The revision that it must be; 0 for what must not exist. None when nothing is checked.
    #[must_use]
    pub const fn revision(self) -> Option<Revision> {
        match self.0 {
            0 => None,
            coded => Some(Revision(coded - 1)),
        }
    }

    fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        varint::parse(input).map(|(rest, coded)| (rest, Self(coded)))
    }
}

impl Encode for Expected {
    fn encoded_len(&self) -> usize {
        varint::len(self.0)
    }

    fn encode(&self, out: &mut impl BufMut) {
        varint::put(out, self.0);
    }
}

/// `under lock = lock text, token varint`
///
/// The lock that the writer has to hold. Nothing is checked while the name is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnderLock<'a> {
    /// The lock's name, or empty.
    pub name: &'a str,
    /// The token that it must have now; 0 when holding it is enough.
    pub token: LockToken,
}

impl<'a> UnderLock<'a> {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, name) = name(input, "lock name")?;
        let (input, token) = varint::parse(input)?;
        Ok((input, Self { name, token: LockToken(token) }))
    }
}

impl Encode for UnderLock<'_> {
    fn encoded_len(&self) -> usize {
        text_len(self.name) + varint::len(self.token.0)
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_text(out, self.name);
        varint::put(out, self.token.0);
    }
}

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

/// Declares the two operations that name a user.
macro_rules! of_user {
    ($($(#[$doc:meta])* $name:ident, $kind:expr, $words:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<'a> {
            /// Whose set.
            pub user: &'a str,
        }

        impl<'a> Body<'a> for $name<'a> {
            const KIND: u8 = $kind;
            const NAME: &'static str = $words;

            fn parse(body: Input<'a>) -> Parsed<'a, Self> {
                name(body, "user").map(|(rest, user)| (rest, Self { user }))
            }

            fn body_len(&self) -> usize {
                text_len(self.user)
            }

            fn encode_body(&self, out: &mut impl BufMut) {
                put_text(out, self.user);
            }
        }
    )*};
}

of_user! {
    /// `subscribe user metadata = user text`
    SubscribeUserMetadata, kind::SUBSCRIBE_USER_METADATA, "subscribe user metadata";
    /// `unsubscribe user metadata = user text`
    UnsubscribeUserMetadata, kind::UNSUBSCRIBE_USER_METADATA, "unsubscribe user metadata";
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

/// `stored = major varint, time varint in ms`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The set's revision from this write on; that of all items that it wrote, too.
    pub major: Revision,
    /// When it was.
    pub time: UnixTime,
}

impl Stored {
    pub(super) fn parse(input: Input<'_>) -> Parsed<'_, Self> {
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
    pub(super) fn parse(input: Input<'a>) -> Parsed<'a, Self> {
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

/// `storage event = target, change 1 byte, major varint, time varint in ms, author text, more 0 or
/// 1, items list of metadata item, removed list of text`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageEvent<'a> {
    /// Whose set.
    pub target: ChannelRef<'a>,
    /// What is told.
    pub change: StorageChange,
    /// The set's revision from the change on.
    pub major: Revision,
    /// When the owner made the change, or took the snapshot.
    pub time: UnixTime,
    /// Who wrote; empty in a snapshot.
    pub author: &'a str,
    /// Whether the rest of it follows in another event of the same revision.
    pub has_more: bool,
    /// In a snapshot all items; else those that were written.
    pub items: List<'a, MetadataItem<'a>>,
    /// Keys of the items that were removed.
    pub removed: List<'a, &'a str>,
}

impl<'a> Body<'a> for StorageEvent<'a> {
    const KIND: u8 = kind::STORAGE_EVENT;
    const NAME: &'static str = "storage event";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, target) = ChannelRef::parse(body)?;
        let (body, change) = StorageChange::parse(body)?;
        let (body, major) = varint::parse(body)?;
        let (body, time) = varint::parse(body)?;
        let (body, author) = name(body, "author")?;
        let (body, more) = parse::flags(body, "storage flags", 1)?;
        let (body, items) = List::parse(body, "metadata items")?;
        let (body, removed) = List::parse(body, "removed keys")?;
        let (major, time, has_more) = (Revision(major), UnixTime::from_millis(time), more != 0);
        Ok((body, Self { target, change, major, time, author, has_more, items, removed }))
    }

    fn body_len(&self) -> usize {
        self.target.encoded_len()
            + 1
            + varint::len(self.major.0)
            + varint::len(self.time.as_millis())
            + text_len(self.author)
            + 1
            + self.items.encoded_len()
            + self.removed.encoded_len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.target.encode(out);
        out.put_u8(self.change.number());
        varint::put(out, self.major.0);
        varint::put(out, self.time.as_millis());
        put_text(out, self.author);
        out.put_u8(u8::from(self.has_more));
        self.items.encode(out);
        self.removed.encode(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_those_of_rtm_2() {
        let revision = |number| Expected::from_number(number).map(Expected::revision);
        assert_eq!(revision(-1), Some(None));
        assert_eq!(revision(0), Some(Some(Revision(0))));
        assert_eq!(revision(7), Some(Some(Revision(7))));
        assert_eq!(revision((1 << 62) - 2), Some(Some(Revision((1 << 62) - 2))));
        for nothing in [-2, i64::MIN, i64::MAX, (1 << 62) - 1] {
            assert_eq!(revision(nothing), None, "{nothing}");
        }
        assert_eq!(Expected::at(Revision(0)), Expected::ABSENT);
        assert_eq!(Expected::at(Revision(6)).revision(), Some(Revision(6)));
        assert_eq!(Expected::at(Revision::MAX).revision(), Some(Revision(Revision::MAX.0 - 1)));
    }
}
