//! An item of metadata, as both sides keep it.

use rtm_wire::{MetadataItem, Revision, UnixTime};

/// All of an item but its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) value: Box<[u8]>,
    pub(crate) revision: Revision,
    /// 0 when it was not to be recorded.
    pub(crate) time: UnixTime,
    /// Empty when it was not to be recorded.
    pub(crate) author: Box<str>,
}

impl Item {
    pub(crate) fn as_item<'a>(&'a self, key: &'a str) -> MetadataItem<'a> {
        let Self { value, revision, time, author } = self;
        MetadataItem { key, value, revision: *revision, time: *time, author }
    }
}

impl From<&MetadataItem<'_>> for Item {
    fn from(item: &MetadataItem<'_>) -> Self {
        Self {
            value: item.value.into(),
            revision: item.revision,
            time: item.time,
            author: item.author.into(),
        }
    }
}
