//! What a write must fulfil before anything changes.

use std::collections::BTreeSet;

use rtm_wire::{
    ChannelKind, ErrorCode, Expected, ItemRemoval, ItemWrite, List, Revision, UnderLock,
};

use super::{StorageAuthority, footprint};
use crate::authority::guard::Guard;
use crate::identity::ChannelKey;
use crate::limits::Limits;
use crate::refusal::Refusal;

/// How much one set may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    key_len: usize,
    value_len: usize,
    pub(super) set_len: usize,
    pub(super) items: usize,
    pub(super) page: usize,
    pub(super) listeners: usize,
    pub(super) room: StorageRoom,
}

/// What the other sets of an app leave for one set: whoever owns them all knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageRoom {
    /// Whether a set that has no items may get some.
    pub may_begin: bool,
    /// Bytes by which its [`footprint`](StorageAuthority::footprint) may grow.
    pub bytes: usize,
}

impl StorageRoom {
    /// Nothing is held back.
    pub const UNBOUNDED: Self = Self { may_begin: true, bytes: usize::MAX };
}

impl Bounds {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            key_len: limits.storage_key_len,
            value_len: limits.storage_value_len,
            set_len: limits.storage_set_len,
            items: limits.storage_items,
            page: limits.storage_page,
            listeners: limits.message_members,
            room: StorageRoom::UNBOUNDED,
        }
    }
}

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Set,
    Update,
    Remove,
}

/// Checks that the lock that a write names is held.
pub(super) fn check_lock(
    key: &ChannelKey,
    lock: UnderLock<'_>,
    guard: Option<&Guard>,
) -> Result<(), Refusal> {
    let UnderLock { name, token } = lock;
    let no_such_lock = |reason| Err(Refusal::new(ErrorCode::STORAGE_INVALID_LOCK_NAME, reason));
    if name.is_empty() {
        return match token.0 {
            0 => Ok(()),
            token => no_such_lock(format!("token {token} has no lock; name the lock, too")),
        };
    }
    if key.kind == ChannelKind::User {
        return no_such_lock(format!("users have no locks; write without lock {name}"));
    }
    let Some(guard) = guard else {
        return no_such_lock(format!("channel {} has no lock {name}; set it first", key.name));
    };
    let is_it = guard.lock().as_str() == name && (token.0 == 0 || guard.token() == token);
    if is_it {
        return Ok(());
    }
    let reason = format!(
        "lock {name} under token {token} is asked for, lock {} under token {} is held; acquire it",
        guard.lock(),
        guard.token()
    );
    Err(Refusal::new(ErrorCode::STORAGE_LOCK_NOT_ACQUIRED, reason))
}

/// Checks the set's revision.
pub(super) fn check_major(
    set: &StorageAuthority,
    expected: Expected,
    kind: Kind,
) -> Result<(), Refusal> {
    let name = &set.key.name;
    match expected.revision() {
        None => Ok(()),
        Some(Revision(0)) if kind != Kind::Set => {
            let reason = format!("the metadata of {name} can't both be there and not; expect -1");
            Err(Refusal::new(ErrorCode::STORAGE_INVALID_REVISION, reason))
        }
        Some(Revision(0)) if set.items.is_empty() => Ok(()),
        Some(revision) if revision == set.major => Ok(()),
        Some(revision) => {
            let major = set.major;
            let count = set.items.len();
            let reason = format!(
                "the metadata of {name} is at revision {major} with {count} items, not at \
                 {revision}; read it and try again"
            );
            Err(Refusal::new(ErrorCode::STORAGE_OUTDATED_REVISION, reason))
        }
    }
}

impl StorageAuthority {
    /// Checks each item, and what the set would become.
    pub(super) fn check_writes(
        &self,
        items: List<'_, ItemWrite<'_>>,
        kind: Kind,
    ) -> Result<(), Refusal> {
        if items.is_empty() {
            let reason = "no item is given; name one at least";
            return Err(Refusal::new(ErrorCode::STORAGE_INVALID_METADATA_ITEM, reason));
        }
        let (mut keys, mut count, mut len) = (BTreeSet::new(), self.items.len(), self.len);
        for item in items.iter() {
            self.check_key(item.key, &mut keys)?;
            let (length, limit) = (item.value.len(), self.bounds.value_len);
            if length > limit {
                let key = item.key;
                let reason = format!("the value of {key} has {length} bytes; at most {limit}");
                return Err(Refusal::new(ErrorCode::STORAGE_VALUE_LENGTH_OVERFLOW, reason));
            }
            self.check_revision(item.key, item.revision, kind)?;
            len += length;
            match self.items.get(item.key) {
                Some(former) => len -= former.value.len(),
                None => (count, len) = (count + 1, len + item.key.len()),
            }
        }
        // What shrinks a set is allowed, also above a limit that was lowered.
        let limit = self.bounds.items;
        if count > limit && count > self.items.len() {
            let name = &self.key.name;
            let reason = format!("{name} would have {count} items; at most {limit}, remove some");
            return Err(Refusal::new(ErrorCode::STORAGE_METADATA_ITEM_EXCEED_LIMITATION, reason));
        }
        let limit = self.bounds.set_len;
        if len > limit && len > self.len {
            let name = &self.key.name;
            let reason = format!(
                "keys and values of {name} would have {len} bytes; at most {limit}, remove some"
            );
            return Err(Refusal::new(ErrorCode::STORAGE_METADATA_LENGTH_OVERFLOW, reason));
        }
        self.check_room(count, len)
    }

    /// Checks that the other sets leave room for so many items of so many bytes.
    fn check_room(&self, count: usize, len: usize) -> Result<(), Refusal> {
        let StorageRoom { may_begin, bytes } = self.bounds.room;
        if self.items.is_empty() && !may_begin {
            let reason = "the app has as many sets of metadata as are allowed; remove one";
            return Err(Refusal::new(ErrorCode::STORAGE_METADATA_ITEM_EXCEED_LIMITATION, reason));
        }
        let growth = footprint(count, len).saturating_sub(self.footprint());
        if growth > bytes {
            let reason = format!(
                "{growth} bytes more of metadata are too much for the app, which has room for \
                 {bytes}; remove some"
            );
            return Err(Refusal::new(ErrorCode::STORAGE_METADATA_LENGTH_OVERFLOW, reason));
        }
        Ok(())
    }

    /// Checks each item, or that there is any; the keys to be removed.
    pub(super) fn check_removals<'a>(
        &self,
        items: List<'a, ItemRemoval<'a>>,
    ) -> Result<Vec<Box<str>>, Refusal> {
        if items.is_empty() {
            if self.items.is_empty() {
                let reason = format!("{} has no metadata that could be removed", self.key.name);
                return Err(Refusal::new(ErrorCode::STORAGE_OUTDATED_REVISION, reason));
            }
            return Ok(self.items.keys().cloned().collect());
        }
        let mut keys = BTreeSet::new();
        for item in items.iter() {
            self.check_key(item.key, &mut keys)?;
            self.check_revision(item.key, item.revision, Kind::Remove)?;
        }
        Ok(items.iter().map(|item| item.key.into()).collect())
    }

    /// Checks one key, which must not be among those before it.
    fn check_key<'a>(&self, key: &'a str, keys: &mut BTreeSet<&'a str>) -> Result<(), Refusal> {
        let limit = self.bounds.key_len;
        if key.is_empty() {
            let reason = format!("a key is empty; give it 1 to {limit} characters");
            return Err(Refusal::new(ErrorCode::STORAGE_INVALID_KEY, reason));
        }
        let length = key.len();
        if length > limit {
            let reason = format!("a key has {length} bytes; at most {limit}, shorten it");
            return Err(Refusal::new(ErrorCode::STORAGE_KEY_LENGTH_OVERFLOW, reason));
        }
        if let Some(character) = key.chars().find(|it| !matches!(it, ' '..='~')) {
            let reason =
                format!("a key contains {character:?}; allowed is printable ASCII: {key:?}");
            return Err(Refusal::new(ErrorCode::STORAGE_INVALID_KEY, reason));
        }
        if !keys.insert(key) {
            let reason = format!("key {key} is given twice; give it once");
            return Err(Refusal::new(ErrorCode::STORAGE_DUPLICATE_KEY, reason));
        }
        Ok(())
    }

    /// Checks that an item is there if it has to be, and its revision.
    fn check_revision(&self, key: &str, expected: Expected, kind: Kind) -> Result<(), Refusal> {
        let expected = expected.revision();
        let must_exist = kind != Kind::Set;
        if must_exist && expected == Some(Revision(0)) {
            let reason = format!("item {key} can't both be there and not; expect -1");
            return Err(Refusal::new(ErrorCode::STORAGE_INVALID_REVISION, reason));
        }
        let outdated = |reason| Err(Refusal::new(ErrorCode::STORAGE_OUTDATED_REVISION, reason));
        let found = self.items.get(key).map(|kept| kept.revision);
        match (found, expected) {
            (None, _) if must_exist => outdated(format!("there is no item {key}; set it first")),
            (None, None | Some(Revision(0))) | (Some(_), None) => Ok(()),
            (Some(found), Some(wanted)) if found == wanted => Ok(()),
            (Some(found), Some(wanted)) => outdated(format!(
                "item {key} is at revision {found}, not at {wanted}; read it and try again"
            )),
            (None, Some(wanted)) => outdated(format!(
                "there is no item {key}, and revision {wanted} is expected; read it and try again"
            )),
        }
    }
}
