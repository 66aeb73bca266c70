//! What is told of a set: snapshots and changes, in parts that fit.

use bytes::Bytes;
use rtm_wire::{
    Encode, Event, List, MetadataItem, Revision, StorageChange, StorageEvent, UnixTime,
};

use super::{StorageAuthority, Writer};
use crate::authority::event::encoded;
use crate::authority::message::Fanout;
use crate::identity::ChannelKey;
use crate::name::SubscriberId;

/// Longest part of an event, in bytes of items, unless one item is longer; and in items: every
/// client takes as much (`rtm_wire::limits::LIST`).
pub(super) const PART_MAX: usize = 32 * 1_024;
pub(super) const PART_ITEMS_MAX: usize = 1_000;

impl StorageAuthority {
    /// All there is, for one session.
    pub(super) fn snapshot(&self, time: UnixTime, subscriber: SubscriberId) -> Vec<Fanout> {
        let mut parts = Parts::default();
        self.items().for_each(|item| parts.add_item(item));
        let head = Head {
            key: &self.key,
            change: StorageChange::Snapshot,
            major: self.major,
            time,
            author: "",
        };
        head.write(&parts).map(|event| Fanout { event, to: vec![subscriber] }).collect()
    }

    /// What has changed, for all who listen.
    pub(super) fn tell(
        &self,
        writer: &Writer<'_>,
        change: StorageChange,
        written: &[&str],
        removed: &[Box<str>],
    ) -> Vec<Fanout> {
        if self.listeners.is_empty() {
            return Vec::new();
        }
        let mut parts = Parts::default();
        for key in written {
            let kept = self.items.get_key_value(*key);
            kept.into_iter().for_each(|(key, kept)| parts.add_item(kept.as_item(key)));
        }
        removed.iter().for_each(|key| parts.add_removed(key));
        let (time, author) = (writer.time, writer.user.as_str());
        let head = Head { key: &self.key, change, major: self.major, time, author };
        let to: Vec<_> = self.listeners.iter().copied().collect();
        head.write(&parts).map(|event| Fanout { event, to: to.clone() }).collect()
    }
}

/// What the parts of an event have in common.
struct Head<'a> {
    key: &'a ChannelKey,
    change: StorageChange,
    major: Revision,
    time: UnixTime,
    author: &'a str,
}

impl Head<'_> {
    fn write(&self, parts: &Parts<'_>) -> impl Iterator<Item = Bytes> {
        let last = parts.0.len() - 1;
        parts.0.iter().enumerate().map(move |(at, part)| {
            let event = Event::Storage(StorageEvent {
                target: self.key.as_ref(),
                change: self.change,
                major: self.major,
                time: self.time,
                author: self.author,
                has_more: at < last,
                items: List::Slice(&part.items),
                removed: List::Slice(&part.removed),
            });
            encoded(&event)
        })
    }
}

/// Never empty.
struct Parts<'a>(Vec<Part<'a>>);

#[derive(Default)]
struct Part<'a> {
    items: Vec<MetadataItem<'a>>,
    removed: Vec<&'a str>,
    len: usize,
}

impl Default for Parts<'_> {
    fn default() -> Self {
        Self(vec![Part::default()])
    }
}

impl<'a> Parts<'a> {
    fn add_item(&mut self, item: MetadataItem<'a>) {
        self.part_for(item.encoded_len()).items.push(item);
    }

    fn add_removed(&mut self, key: &'a str) {
        self.part_for(key.encoded_len()).removed.push(key);
    }

    /// The part that takes so many bytes more.
    fn part_for(&mut self, len: usize) -> &mut Part<'a> {
        let fits = |part: &Part<'_>| {
            let count = part.items.len() + part.removed.len();
            count == 0 || (count < PART_ITEMS_MAX && part.len + len <= PART_MAX)
        };
        if !self.0.last().is_some_and(fits) {
            self.0.push(Part::default());
        }
        let part = self.0.last_mut().expect("never empty");
        part.len += len;
        part
    }
}
