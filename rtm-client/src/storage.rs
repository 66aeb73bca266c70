//! Metadata of channels and users: what is written, read, and told.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use rtm_channel::Refusal;
use rtm_wire::{ErrorCode, Expected, StorageChange as Change, limits, varint};

use crate::error::Error;

/// An item of metadata: to be written, or as it was read. Names are those of RTM 2.x.
///
/// ```
/// use rtm_client::MetadataItem;
///
/// // Only if nobody has written it since revision 7.
/// let item = MetadataItem::new("topic", "cats").revision(7);
/// assert_eq!((item.key.as_str(), &item.value[..], item.revision), ("topic", &b"cats"[..], 7));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetadataItem {
    /// Printable ASCII; 1 to 32 bytes, where the server doesn't allow more.
    pub key: String,
    /// Its value; up to 16 KiB, where the server doesn't allow more. Not sealed by
    /// [`Encryption`](crate::Encryption).
    pub value: Bytes,
    /// As it was read: the set's revision at the item's last write. To be written: what it has to
    /// be until now; −1 no check, 0 the item must not exist.
    pub revision: i64,
    /// Who wrote it last, if that was [to be recorded](MetadataOptions::record_author). Of no
    /// meaning in what is written.
    pub author: Option<String>,
    /// When, in milliseconds since 1970 of the server's clock, if that was
    /// [to be recorded](MetadataOptions::record_time). Of no meaning in what is written.
    pub time_ms: Option<u64>,
}

impl MetadataItem {
    /// An item to be written, whatever its revision is.
    pub fn new(key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        let (key, value) = (key.into(), value.into());
        Self { key, value, revision: -1, author: None, time_ms: None }
    }

    /// An item to be removed: what it is doesn't matter.
    pub fn named(key: impl Into<String>) -> Self {
        Self::new(key, Bytes::new())
    }

    /// What its revision has to be until now: −1 no check, 0 the item must not exist.
    #[must_use]
    pub const fn revision(mut self, revision: i64) -> Self {
        self.revision = revision;
        self
    }

    pub(crate) fn from_wire(item: &rtm_wire::MetadataItem<'_>) -> Self {
        let time = item.time.as_millis();
        Self {
            key: item.key.to_owned(),
            value: Bytes::copy_from_slice(item.value),
            revision: number(item.revision),
            author: (!item.author.is_empty()).then(|| item.author.to_owned()),
            time_ms: (time != 0).then_some(time),
        }
    }
}

/// How a write is done. Default: as in RTM 2.x, whatever the set's revision, under no lock, and
/// recording neither time nor author.
///
/// ```
/// use rtm_client::MetadataOptions;
///
/// // Only over revision 7 of the set, and only as the lock's owner; with author and time.
/// let options = MetadataOptions::new()
///     .major_revision(7)
///     .lock("editor")
///     .record_author(true)
///     .record_time(true);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "options do nothing until they are handed over"]
pub struct MetadataOptions {
    pub(crate) major_revision: i64,
    pub(crate) record: rtm_wire::MetadataOptions,
    pub(crate) lock: String,
    pub(crate) token: u64,
}

impl Default for MetadataOptions {
    fn default() -> Self {
        Self {
            major_revision: -1,
            record: rtm_wire::MetadataOptions::default(),
            lock: String::new(),
            token: 0,
        }
    }
}

impl MetadataOptions {
    /// No check, no lock, nothing recorded.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the set's revision has to be until now: −1 no check, 0 the set must not exist. Default:
    /// −1.
    pub const fn major_revision(mut self, revision: i64) -> Self {
        self.major_revision = revision;
        self
    }

    /// Whether the time of this write is kept with its items. Default: no.
    pub const fn record_time(mut self, record: bool) -> Self {
        self.record.time = record;
        self
    }

    /// Whether this user is kept as the author of the items. Default: no.
    pub const fn record_author(mut self, record: bool) -> Self {
        self.record.author = record;
        self
    }

    /// The write is done only if this client holds this lock of the channel. Users have no locks.
    /// Default: no lock. Acquire it first, with [`Locks`](crate::Locks), and stay in the channel.
    pub fn lock(mut self, name: impl Into<String>) -> Self {
        (self.lock, self.token) = (name.into(), 0);
        self
    }

    /// As [`lock`](Self::lock), and only while this is the lock's token.
    pub fn lock_with_token(mut self, name: impl Into<String>, token: u64) -> Self {
        (self.lock, self.token) = (name.into(), token);
        self
    }
}

/// What became of a write.
///
/// ```
/// use rtm_client::Stored;
///
/// fn tell(stored: &Stored) {
///     println!("revision {} since {} ms", stored.major_revision, stored.time_ms);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// The set's revision from this write on, and that of all items that it wrote.
    pub major_revision: i64,
    /// When it was: milliseconds since 1970, of the server's clock.
    pub time_ms: u64,
}

impl From<rtm_wire::Stored> for Stored {
    fn from(stored: rtm_wire::Stored) -> Self {
        Self { major_revision: number(stored.major), time_ms: stored.time.as_millis() }
    }
}

/// A whole set of metadata, of one moment.
///
/// ```no_run
/// # async fn example(storage: rtm_client::Storage) -> Result<(), rtm_client::Error> {
/// let metadata = storage.get_user_metadata(Some("alice")).await?;
/// if let Some(mood) = metadata.get("mood") {
///     println!("revision {}: {}", mood.revision, String::from_utf8_lossy(&mood.value));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// The set's revision; that of its last write, also where it has no items.
    pub major_revision: i64,
    /// All items, by key.
    pub items: Vec<MetadataItem>,
}

impl Metadata {
    /// The item with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&MetadataItem> {
        let at = self.items.binary_search_by(|item| item.key.as_str().cmp(key)).ok()?;
        self.items.get(at)
    }
}

/// A part of a set of metadata.
///
/// ```no_run
/// # async fn example(storage: rtm_client::Storage) -> Result<(), rtm_client::Error> {
/// let mut after = None;
/// loop {
///     let page = storage.user_metadata_page(Some("bob"), 100, after.as_deref()).await?;
///     println!("{} items of revision {}", page.items.len(), page.major_revision);
///     let Some(next) = page.next else { break };
///     after = Some(next);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetadataPage {
    /// The set's revision. Pages of different revisions don't belong together.
    pub major_revision: i64,
    /// Items of the whole set.
    pub total: u64,
    /// The items, by key.
    pub items: Vec<MetadataItem>,
    /// The key after which to go on; none when there is no more.
    pub next: Option<String>,
}

impl MetadataPage {
    pub(crate) fn new(page: &rtm_wire::Metadata<'_>) -> Self {
        Self {
            major_revision: number(page.major),
            total: page.total,
            items: page.items.iter().map(|item| MetadataItem::from_wire(&item)).collect(),
            next: (!page.next.is_empty()).then(|| page.next.to_owned()),
        }
    }
}

/// All items of a set, by key. Cheap to clone: events of one set share what hasn't changed.
///
/// ```
/// use rtm_client::StorageEvent;
///
/// fn tell(event: &StorageEvent) {
///     for item in event.items.iter() {
///         println!("{} = {:?}", item.key, item.value);
///     }
/// }
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MetadataItems(Arc<[Arc<MetadataItem>]>);

impl MetadataItems {
    /// In the order of their keys, which `items` has to keep.
    pub(crate) fn new(items: impl IntoIterator<Item = Arc<MetadataItem>>) -> Self {
        Self(items.into_iter().collect())
    }

    /// The item with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&MetadataItem> {
        self.shared(key).map(|item| &**item)
    }

    /// All, in the order of their keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &MetadataItem> {
        self.0.iter().map(|item| &**item)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none: then the set doesn't exist.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn shared(&self, key: &str) -> Option<&Arc<MetadataItem>> {
        let at = self.0.binary_search_by(|item| item.key.as_str().cmp(key)).ok()?;
        self.0.get(at)
    }
}

impl fmt::Debug for MetadataItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// News of a set of metadata. The writer hears of its own writes, too: all see one sequence.
///
/// ```
/// use rtm_client::{StorageChange, StorageEvent};
///
/// fn tell(event: &StorageEvent) {
///     match event.change {
///         StorageChange::Snapshot => println!("{} items", event.items.len()),
///         _ => println!("{:?} written, {:?} removed", event.changed, event.removed),
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageEvent {
    /// What was done.
    pub change: StorageChange,
    /// Who did it; none for a snapshot.
    pub author: Option<String>,
    /// When: milliseconds since 1970, of the server's clock; 0 for a snapshot that had to be read.
    pub time_ms: u64,
    /// The set's revision from then on. Grows by one with each write.
    pub major_revision: i64,
    /// The whole set after it.
    pub items: MetadataItems,
    /// Keys of the items that were written; for a snapshot all.
    pub changed: Vec<String>,
    /// Keys of the items that were removed.
    pub removed: Vec<String>,
}

/// What was done to a set of metadata; names as in RTM 2.x, where all changes come as `Update`.
///
/// ```
/// use rtm_client::StorageChange;
///
/// const fn replaces_all(change: StorageChange) -> bool {
///     matches!(change, StorageChange::Snapshot)
/// }
/// assert!(replaces_all(StorageChange::Snapshot) && !replaces_all(StorageChange::Update));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StorageChange {
    /// Nothing, but all of it is told: at the beginning, and again after each loss of the session.
    /// Replaces what was known.
    Snapshot,
    /// Items were written, whether they were there or not.
    Set,
    /// Items that were there were written.
    Update,
    /// Items were removed.
    Remove,
    /// Something that this version has no name for.
    Other,
}

impl From<Change> for StorageChange {
    fn from(change: Change) -> Self {
        match change {
            Change::Snapshot => Self::Snapshot,
            Change::Set => Self::Set,
            Change::Update => Self::Update,
            Change::Remove => Self::Remove,
            _ => Self::Other,
        }
    }
}

/// What a subscription to a user's metadata gives.
///
/// ```
/// use rtm_client::UserMetadataEvent;
///
/// fn tell(event: &UserMetadataEvent) {
///     match event {
///         UserMetadataEvent::Storage(it) => println!("revision {}", it.major_revision),
///         UserMetadataEvent::Ended(error) => println!("{error}"),
///         _ => {}
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum UserMetadataEvent {
    /// The set, or a change of it.
    Storage(StorageEvent),
    /// The subscription has ended without being asked to: nothing follows.
    Ended(Error),
}

/// A revision as users see it: the wire's are below 2⁶².
pub(crate) fn number(revision: rtm_wire::Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}

/// What a write expects, as it was numbered.
pub(crate) fn expected(number: i64) -> Result<Expected, Refusal> {
    Expected::from_number(number).ok_or_else(|| {
        let reason = format!("{number} is no revision; -1 no check, 0 must not exist, or one read");
        Refusal::new(ErrorCode::STORAGE_INVALID_REVISION, reason)
    })
}

/// What the wire can't carry, so that the server couldn't say what is wrong with it.
pub(crate) fn check(items: &[MetadataItem], options: &MetadataOptions) -> Result<(), Refusal> {
    let too_long = |code, what: &str, length: usize, limit: usize| {
        Err(Refusal::new(code, format!("{what} has {length} bytes, above {limit}; shorten it")))
    };
    if options.lock.len() > limits::NAME {
        let code = ErrorCode::STORAGE_INVALID_LOCK_NAME;
        return too_long(code, "the lock's name", options.lock.len(), limits::NAME);
    }
    if options.token > varint::MAX {
        let reason = "that is no token of a lock; take the one that acquiring it gave";
        return Err(Refusal::new(ErrorCode::STORAGE_INVALID_LOCK_NAME, reason));
    }
    if items.len() > limits::LIST {
        let (count, limit) = (items.len(), limits::LIST);
        let reason = format!("{count} items in one call, above {limit}; split them");
        return Err(Refusal::new(ErrorCode::STORAGE_METADATA_ITEM_EXCEED_LIMITATION, reason));
    }
    for item in items {
        let (key, value) = (item.key.len(), item.value.len());
        if key > limits::NAME {
            let code = ErrorCode::STORAGE_KEY_LENGTH_OVERFLOW;
            return too_long(code, "a key", key, limits::NAME);
        }
        if value > limits::METADATA {
            let what = format!("the value of {}", item.key);
            let code = ErrorCode::STORAGE_VALUE_LENGTH_OVERFLOW;
            return too_long(code, &what, value, limits::METADATA);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(items: &[MetadataItem], options: &MetadataOptions) -> Option<ErrorCode> {
        check(items, options).err().map(|refusal| refusal.code)
    }

    #[test]
    fn what_the_wire_carries_is_left_to_the_server_and_no_more() {
        let options = MetadataOptions::new();
        let key = |length| [MetadataItem::new("k".repeat(length), "")];
        assert_eq!(code(&key(255), &options), None);
        assert_eq!(code(&key(256), &options), Some(ErrorCode::STORAGE_KEY_LENGTH_OVERFLOW));
        let value = |length| [MetadataItem::new("k", vec![0; length])];
        assert_eq!(code(&value(65_536), &options), None);
        let too_long = Some(ErrorCode::STORAGE_VALUE_LENGTH_OVERFLOW);
        assert_eq!(code(&value(65_537), &options), too_long);
        let many = |count| vec![MetadataItem::named("k"); count];
        assert_eq!(code(&many(4_096), &options), None);
        let too_many = Some(ErrorCode::STORAGE_METADATA_ITEM_EXCEED_LIMITATION);
        assert_eq!(code(&many(4_097), &options), too_many);
        let no_lock = Some(ErrorCode::STORAGE_INVALID_LOCK_NAME);
        assert_eq!(code(&[], &MetadataOptions::new().lock("l".repeat(255))), None);
        assert_eq!(code(&[], &MetadataOptions::new().lock("l".repeat(256))), no_lock);
        assert_eq!(code(&[], &MetadataOptions::new().lock_with_token("l", varint::MAX)), None);
        assert_eq!(
            code(&[], &MetadataOptions::new().lock_with_token("l", varint::MAX + 1)),
            no_lock
        );
    }

    #[test]
    fn revisions_that_mean_nothing_are_refused() {
        for good in [-1, 0, 1, (1 << 62) - 2] {
            assert!(expected(good).is_ok(), "{good}");
        }
        for bad in [-2, i64::MIN, i64::MAX] {
            let code = expected(bad).unwrap_err().code;
            assert_eq!(code, ErrorCode::STORAGE_INVALID_REVISION, "{bad}");
        }
    }

    #[test]
    fn items_are_found_by_key() {
        let items = ["a", "b", "d"].map(|key| MetadataItem::new(key, key.to_owned()));
        let all = MetadataItems::new(items.clone().map(Arc::new));
        let set = Metadata { major_revision: 3, items: items.to_vec() };
        for (key, is_there) in [("a", true), ("b", true), ("c", false), ("d", true), ("", false)] {
            assert_eq!(all.get(key).is_some(), is_there, "{key}");
            assert_eq!(set.get(key), all.get(key), "{key}");
        }
        assert_eq!((all.len(), all.is_empty()), (3, false));
    }
}
