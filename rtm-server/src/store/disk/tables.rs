//! The tables of the file, and what changes do to them.

use redb::{ReadableTable, StorageError, Table, TableDefinition};
use rtm_channel::{ChannelKey, KeptInbox, KeptMessage, UserId};
use rtm_wire::{OperationId, Published, UnixTime};

use super::rows::{
    Key, NameKey, Place, PlaceKey, PublishKey, PublishRow, end_of, named, number_of_reached, place,
    placed, publish, row,
};
use super::{Change, KeptAnswer, StoreError, TRIM_MAX, error};

pub(super) const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("about");
pub(super) const REVISION_FLOORS: TableDefinition<'_, &str, u64> =
    TableDefinition::new("revision-floors");
pub(super) const TOKEN_FLOORS: TableDefinition<'_, &str, u64> =
    TableDefinition::new("token-floors");
pub(super) const SETS: TableDefinition<'_, Key, u64> = TableDefinition::new("sets");
/// Value, revision, time, author.
pub(super) const ITEMS: TableDefinition<'_, NameKey, (&[u8], u64, u64, &str)> =
    TableDefinition::new("items");
/// TTL in seconds, token, owner or nobody.
pub(super) const LOCKS: TableDefinition<'_, NameKey, (u64, u64, &str)> =
    TableDefinition::new("locks");
/// Received, last.
pub(super) const INBOXES: TableDefinition<'_, Key, (Place, Option<Place>)> =
    TableDefinition::new("inboxes");
/// Time, event.
pub(super) const MESSAGES: TableDefinition<'_, PlaceKey, (u64, &[u8])> =
    TableDefinition::new("messages");
/// How many messages each history has.
pub(super) const HISTORIES: TableDefinition<'_, Key, u64> = TableDefinition::new("histories");
/// Kind and name of the channel, place, time, how far it has got.
pub(super) const PUBLISHES: TableDefinition<'_, PublishKey, PublishRow> =
    TableDefinition::new("publishes");
/// In [`ABOUT`]: the format, the bytes of all messages, since when publishes are known.
pub(super) const ABOUT_FORMAT: &str = "format";
pub(super) const ABOUT_BYTES: &str = "history-bytes";
pub(super) const ABOUT_PUBLISHES: &str = "publishes-since";

/// The tables during one commit.
pub(super) struct Tables<'a> {
    revision_floors: Table<'a, &'static str, u64>,
    token_floors: Table<'a, &'static str, u64>,
    sets: Table<'a, Key, u64>,
    items: Table<'a, NameKey, (&'static [u8], u64, u64, &'static str)>,
    locks: Table<'a, NameKey, (u64, u64, &'static str)>,
    inboxes: Table<'a, Key, (Place, Option<Place>)>,
    messages: Table<'a, PlaceKey, (u64, &'static [u8])>,
    histories: Table<'a, Key, u64>,
    publishes: Table<'a, PublishKey, PublishRow>,
    pub(super) about: Table<'a, &'static str, u64>,
    /// Of all messages.
    pub(super) bytes: u64,
}

impl<'a> Tables<'a> {
    pub(super) fn open(transaction: &'a redb::WriteTransaction) -> Result<Self, StoreError> {
        let about = transaction.open_table(ABOUT).map_err(error)?;
        let bytes = about.get(ABOUT_BYTES).map_err(error)?.map_or(0, |bytes| bytes.value());
        Ok(Self {
            revision_floors: transaction.open_table(REVISION_FLOORS).map_err(error)?,
            token_floors: transaction.open_table(TOKEN_FLOORS).map_err(error)?,
            sets: transaction.open_table(SETS).map_err(error)?,
            items: transaction.open_table(ITEMS).map_err(error)?,
            locks: transaction.open_table(LOCKS).map_err(error)?,
            inboxes: transaction.open_table(INBOXES).map_err(error)?,
            messages: transaction.open_table(MESSAGES).map_err(error)?,
            histories: transaction.open_table(HISTORIES).map_err(error)?,
            publishes: transaction.open_table(PUBLISHES).map_err(error)?,
            about,
            bytes,
        })
    }

    pub(super) fn apply(&mut self, change: &Change) -> Result<(), StorageError> {
        match change {
            Change::RevisionFloor { app, floor } => {
                self.revision_floors.insert(app.as_str(), floor.0)?;
            }
            Change::TokenFloor { app, floor } => {
                self.token_floors.insert(app.as_str(), floor.0)?;
            }
            Change::PublishFloor { since } => {
                self.about.insert(ABOUT_PUBLISHES, since.as_millis())?;
            }
            Change::Publish { key, identity, operation, answer } => {
                let KeptAnswer { published: Published { position, time }, reached } = answer;
                let (_, kind, name) = row(key);
                let value =
                    (kind, name, place(*position), time.as_millis(), number_of_reached(*reached));
                self.publishes.insert(publish(&key.app, identity, *operation), value)?;
            }
            Change::PublishesGone { app, identity, up_to } => {
                let first = publish(app, identity, OperationId(0));
                let gone = first..=publish(app, identity, *up_to);
                self.publishes.retain_in(gone, |_, _| false)?;
            }
            Change::Set { key, major } => _ = self.sets.insert(row(key), major.0)?,
            Change::Item { key, item } => {
                let value = (&*item.value, item.revision.0, item.time.as_millis(), &*item.author);
                self.items.insert(named(key, &item.key), value)?;
            }
            Change::ItemGone { key, name } => _ = self.items.remove(named(key, name))?,
            Change::SetGone { key } => {
                self.sets.remove(row(key))?;
                let end = end_of(key);
                let all = named(key, "")..(key.app.as_str(), key.kind.number(), &*end, "");
                self.items.retain_in(all, |_, _| false)?;
            }
            Change::Lock { key, lock } => {
                let owner = lock.owner.as_ref().map_or("", UserId::as_str);
                let value = (lock.ttl_secs, lock.token.0, owner);
                self.locks.insert(named(key, lock.name.as_str()), value)?;
            }
            Change::LockGone { key, name } => _ = self.locks.remove(named(key, name.as_str()))?,
            Change::Inbox { key, kept } => {
                let KeptInbox { received, last } = kept;
                self.inboxes.insert(row(key), (place(*received), last.map(place)))?;
            }
            Change::InboxGone { key } => _ = self.inboxes.remove(row(key))?,
            Change::Message { key, message } => self.insert_message(key, message)?,
            Change::Trim { key, count, since } => self.trim(key, *count, *since)?,
        }
        Ok(())
    }

    fn insert_message(
        &mut self,
        key: &ChannelKey,
        message: &KeptMessage,
    ) -> Result<(), StorageError> {
        let Published { position, time } = message.published;
        let value = (time.as_millis(), &*message.event);
        let former = self.messages.insert(placed(key, place(position)), value)?;
        let former = former.map(|former| former.value().1.len() as u64);
        self.bytes = self.bytes + message.event.len() as u64 - former.unwrap_or(0);
        if former.is_none() {
            let count = self.count(key)?;
            self.histories.insert(row(key), count + 1)?;
        }
        Ok(())
    }

    fn trim(&mut self, key: &ChannelKey, most: u64, since: UnixTime) -> Result<(), StorageError> {
        let before = self.count(key)?;
        let received = self.inboxes.get(row(key))?.map(|kept| kept.value().0);
        let mut count = before;
        for _ in 0..TRIM_MAX {
            let all = placed(key, (0, 0))..=placed(key, (u64::MAX, u64::MAX));
            let first = self.messages.range(all)?.next().transpose()?.map(|(at, message)| {
                let ((.., epoch, sequence), (time, event)) = (at.value(), message.value());
                ((epoch, sequence), time, event.len() as u64)
            });
            let Some((place, time, len)) = first else { break };
            let is_waiting = received.is_some_and(|received| place > received);
            if is_waiting || (count <= most && time >= since.as_millis()) {
                break;
            }
            self.messages.remove(placed(key, place))?;
            (self.bytes, count) = (self.bytes - len, count - 1);
        }
        match count {
            0 => _ = self.histories.remove(row(key))?,
            count if count != before => _ = self.histories.insert(row(key), count)?,
            _ => {}
        }
        Ok(())
    }

    fn count(&self, key: &ChannelKey) -> Result<u64, StorageError> {
        Ok(self.histories.get(row(key))?.map_or(0, |count| count.value()))
    }
}
