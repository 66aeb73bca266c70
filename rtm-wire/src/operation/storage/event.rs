//! Changes of metadata, and subscriptions to users'.

use bytes::BufMut;

use super::read::MetadataItem;
use crate::encode::Encode;
use crate::error::Input;
use crate::id::Revision;
use crate::kind::StorageChange;
use crate::list::List;
use crate::operation::field::{ChannelRef, name, put_text, text_len};
use crate::operation::{Body, kind};
use crate::parse::{self, Parsed};
use crate::time::UnixTime;
use crate::varint;

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
