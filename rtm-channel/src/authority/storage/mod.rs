//! The authority of one set of metadata: a channel's or a user's (protocol §6.26).

mod check;
mod news;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use rtm_wire::{
    ErrorCode, Metadata, MetadataItem, MetadataWrite, RemoveMetadata, Revision, StorageChange,
    Stored, UnixTime,
};

pub use self::check::StorageRoom;
use self::check::{Bounds, Kind, check_lock, check_major};
use self::news::{PART_ITEMS_MAX, PART_MAX};
use super::guard::Guard;
use super::message::Fanout;
use crate::identity::ChannelKey;
use crate::item::Item;
use crate::limits::Limits;
use crate::name::{SubscriberId, UserId};
use crate::refusal::Refusal;

/// What a set takes besides its items, and an item besides key and value: author, time, places in
/// maps.
const SET: usize = 512;
const ITEM: usize = 192;

/// The truth about one set of metadata.
///
/// ```text
///                       set
///   no item, major n ─────────► items, major n + 1 ──┐ set, update, remove: major + 1
///        ▲                         │ ▲               │
///        └─────────────────────────┘ └───────────────┘
///           remove the last item, or the whole set: major + 1
/// ```
///
/// Each write that succeeds raises the set's revision, `major`, by one, and what it writes has
/// that revision: revisions only grow, and none is ever given twice, whatever is removed in
/// between. So a writer that has read a revision, and asks for it, can't be misled by a set or an
/// item that was removed and made again. A write that is refused changes nothing.
///
/// A set without items does not exist. Its revision must not go back while it is away: who drops
/// the authority keeps [`floor`](Self::floor), or one floor for all sets of an app.
///
/// Bounded by [`Limits::storage_items`], [`Limits::storage_set_len`] and
/// [`Limits::message_members`] listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageAuthority {
    key: ChannelKey,
    major: Revision,
    items: BTreeMap<Box<str>, Item>,
    /// Bytes of all keys and values.
    len: usize,
    listeners: BTreeSet<SubscriberId>,
    bounds: Bounds,
}

/// Who writes, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer<'a> {
    /// The user, whose right to write was checked.
    pub user: &'a UserId,
    /// The owner's clock.
    pub time: UnixTime,
    /// What the channel's locks say of the lock that the write names; none when it names none, or
    /// when there is no such lock.
    pub guard: Option<&'a Guard>,
}

/// A part of a set, by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<'a> {
    /// The set's revision: pages of different revisions don't belong together.
    pub major: Revision,
    /// Items of the whole set.
    pub total: usize,
    /// The items.
    pub items: Vec<MetadataItem<'a>>,
    /// The key after which to go on; empty when there is no more.
    pub next: &'a str,
}

impl Page<'_> {
    /// The page as it is answered.
    #[must_use]
    pub fn as_result(&self) -> Metadata<'_> {
        Metadata {
            major: self.major,
            total: self.total as u64,
            items: rtm_wire::List::Slice(&self.items),
            next: self.next,
        }
    }
}

impl StorageAuthority {
    /// A set without items, whose next write has the revision after `floor`.
    ///
    /// The floor must be no lower than any revision that the set, or one before it under the same
    /// key, has had.
    #[must_use]
    pub const fn new(key: ChannelKey, floor: Revision, limits: &Limits) -> Self {
        Self {
            key,
            major: floor,
            items: BTreeMap::new(),
            len: 0,
            listeners: BTreeSet::new(),
            bounds: Bounds::new(limits),
        }
    }

    /// A set as [`items`](Self::items) and [`floor`](Self::floor) gave it to be kept elsewhere.
    #[must_use]
    pub fn restored<'a>(
        key: ChannelKey,
        floor: Revision,
        items: impl IntoIterator<Item = MetadataItem<'a>>,
        limits: &Limits,
    ) -> Self {
        let mut set = Self::new(key, floor, limits);
        for item in items {
            set.put(item.key, (&item).into());
        }
        set
    }

    /// Writes items: those that are there are replaced, others come to be. All of them or none. The
    /// answer, and what is told.
    ///
    /// # Errors
    /// In this order: the lock, the set's revision, each item with its key, value and revision, and
    /// what would become of the set. The text says which item, and which number.
    pub fn set(
        &mut self,
        writer: &Writer<'_>,
        write: &MetadataWrite<'_>,
    ) -> Result<(Stored, Vec<Fanout>), Refusal> {
        self.write(writer, write, Kind::Set)
    }

    /// Writes items that are all there.
    ///
    /// # Errors
    /// As [`set`](Self::set), and for an item that isn't there.
    pub fn update(
        &mut self,
        writer: &Writer<'_>,
        write: &MetadataWrite<'_>,
    ) -> Result<(Stored, Vec<Fanout>), Refusal> {
        self.write(writer, write, Kind::Update)
    }

    /// Removes items that are all there; the whole set, if none is named.
    ///
    /// # Errors
    /// As [`update`](Self::update), and for a whole set that isn't there.
    pub fn remove(
        &mut self,
        writer: &Writer<'_>,
        remove: &RemoveMetadata<'_>,
    ) -> Result<(Stored, Vec<Fanout>), Refusal> {
        check_lock(&self.key, remove.lock, writer.guard)?;
        check_major(self, remove.major, Kind::Remove)?;
        let keys = self.check_removals(remove.items)?;
        self.major = self.major.next();
        for key in &keys {
            if let Some((key, kept)) = self.items.remove_entry(key) {
                self.len -= key.len() + kept.value.len();
            }
        }
        let told = self.tell(writer, StorageChange::Remove, &[], &keys);
        Ok((Stored { major: self.major, time: writer.time }, told))
    }

    /// Lets a session hear of changes from now on, and tells it all there is. A session that
    /// listens already is told all again.
    ///
    /// # Errors
    /// As many listen as are allowed.
    pub fn subscribe(
        &mut self,
        time: UnixTime,
        subscriber: SubscriberId,
    ) -> Result<Vec<Fanout>, Refusal> {
        let max = self.bounds.listeners;
        if self.listeners.len() >= max && !self.listeners.contains(&subscriber) {
            let code = match self.key.kind {
                rtm_wire::ChannelKind::User => ErrorCode::STORAGE_SUBSCRIBE_USER_EXCEED_LIMITATION,
                _ => ErrorCode::CHANNEL_SUBSCRIBE_FAILED,
            };
            let name = &self.key.name;
            let reason = format!("{max} sessions listen to the metadata of {name}, the limit");
            return Err(Refusal::new(code, reason));
        }
        self.listeners.insert(subscriber);
        Ok(self.snapshot(time, subscriber))
    }

    /// A session asks to hear no more.
    ///
    /// # Errors
    /// It doesn't listen.
    pub fn unsubscribe(&mut self, subscriber: SubscriberId) -> Result<(), Refusal> {
        if self.listeners.remove(&subscriber) {
            return Ok(());
        }
        let name = &self.key.name;
        let reason = format!("not subscribed to the metadata of {name}; subscribe first");
        Err(Refusal::new(ErrorCode::STORAGE_NOT_SUBSCRIBE, reason))
    }

    /// A session hears no more, if it did: it is gone, or has left the channel.
    pub fn leave(&mut self, subscriber: SubscriberId) {
        self.listeners.remove(&subscriber);
    }

    /// Items by key, those after `after`: at most `limit` (0: as many as are allowed),
    /// [`Limits::storage_page`], and about 32 KiB.
    #[must_use]
    pub fn page(&self, limit: u64, after: &str) -> Page<'_> {
        let most = self.bounds.page.min(PART_ITEMS_MAX);
        let limit = match usize::try_from(limit).unwrap_or(most) {
            0 => most,
            limit => limit.min(most),
        };
        let mut page =
            Page { major: self.major, total: self.items.len(), items: Vec::new(), next: "" };
        let mut len = 0;
        // No key is empty, so an empty one is before all.
        for (key, kept) in self.items.range::<str, _>((Bound::Excluded(after), Bound::Unbounded)) {
            let item = kept.as_item(key);
            len += rtm_wire::Encode::encoded_len(&item);
            let is_full = page.items.len() >= limit || len > PART_MAX;
            if let Some(last) = page.items.last().filter(|_| is_full) {
                page.next = last.key;
                break;
            }
            page.items.push(item);
        }
        page
    }

    /// All items, by key.
    pub fn items(&self) -> impl Iterator<Item = MetadataItem<'_>> {
        self.items.iter().map(|(key, kept)| kept.as_item(key))
    }

    /// One item, if it is there.
    #[must_use]
    pub fn item<'a>(&'a self, key: &'a str) -> Option<MetadataItem<'a>> {
        self.items.get(key).map(|kept| kept.as_item(key))
    }

    /// The last revision that was given: what has to be kept when the authority is dropped.
    #[must_use]
    pub const fn floor(&self) -> Revision {
        self.major
    }

    /// Bytes of memory that the set takes, about: keys and values, 192 bytes for each item, and 512
    /// for the set; 0 without items.
    #[must_use]
    pub fn footprint(&self) -> usize {
        footprint(self.items.len(), self.len)
    }

    /// What the following writes may take, until another grant. What removes or shrinks is always
    /// allowed. Default: everything.
    pub const fn grant(&mut self, room: StorageRoom) {
        self.bounds.room = room;
    }

    /// Whether nothing has to be kept but the floor: there is no item, and nobody listens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.listeners.is_empty()
    }

    /// Whether the session listens.
    #[must_use]
    pub fn is_subscribed(&self, subscriber: SubscriberId) -> bool {
        self.listeners.contains(&subscriber)
    }

    fn write(
        &mut self,
        writer: &Writer<'_>,
        write: &MetadataWrite<'_>,
        kind: Kind,
    ) -> Result<(Stored, Vec<Fanout>), Refusal> {
        check_lock(&self.key, write.lock, writer.guard)?;
        check_major(self, write.major, kind)?;
        self.check_writes(write.items, kind)?;
        self.major = self.major.next();
        let time = if write.options.time { writer.time } else { UnixTime::default() };
        let author = if write.options.author { writer.user.as_str() } else { "" };
        let mut written = Vec::with_capacity(write.items.len());
        for item in write.items.iter() {
            let (value, author) = (item.value.into(), author.into());
            self.put(item.key, Item { value, revision: self.major, time, author });
            written.push(item.key);
        }
        let change = match kind {
            Kind::Update => StorageChange::Update,
            _ => StorageChange::Set,
        };
        let told = self.tell(writer, change, &written, &[]);
        Ok((Stored { major: self.major, time: writer.time }, told))
    }

    fn put(&mut self, key: &str, kept: Item) {
        self.len += kept.value.len();
        match self.items.get_mut(key) {
            Some(former) => {
                self.len -= former.value.len();
                *former = kept;
            }
            None => {
                self.len += key.len();
                self.items.insert(key.into(), kept);
            }
        }
    }
}

/// What a set of so many items, with so many bytes of keys and values, takes.
const fn footprint(count: usize, len: usize) -> usize {
    match count {
        0 => 0,
        count => SET + count * ITEM + len,
    }
}
