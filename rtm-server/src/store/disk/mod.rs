//! A store in one file, by redb.

mod rows;
mod tables;

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableTable, StorageBackend, StorageError};
use rtm_channel::{ChannelKey, KeptInbox, KeptLock, KeptMessage, LockName, UserId};
use rtm_wire::{LockToken, OperationId, Published, Revision, UnixTime};

use self::rows::{PlaceKey, app_id, channel, identity, place, placed, position, reached, row};
use self::tables::{
    ABOUT, ABOUT_BYTES, ABOUT_FORMAT, ABOUT_PUBLISHES, HISTORIES, INBOXES, ITEMS, LOCKS, MESSAGES,
    PUBLISHES, REVISION_FLOORS, SETS, TOKEN_FLOORS, Tables,
};
use super::length::SyncedLength;
use super::{
    Change, HISTORIES_MAX, HistoryPage, HistoryQuery, KeptAnswer, KeptItem, Store, StoreError,
    TRIM_MAX,
};

/// The format of the tables below.
const FORMAT: u64 = 1;
/// Bytes of the file that are kept in memory.
const CACHE: usize = 32 * 1_024 * 1_024;

/// A store in a file, which one server at a time can use.
///
/// What was committed is on the disk: each commit ends with a sync.
pub struct DiskStore {
    database: Database,
    /// Of all messages.
    bytes: u64,
}

impl DiskStore {
    /// The store in this file, made if it isn't there, readable for its owner only.
    ///
    /// # Errors
    /// Another server uses it, it is none, or the system's.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = open_file(path)?;
        Self::on(FileBackend::new(file).map_err(open_error)?)
    }

    /// A store on a file, or on something like it.
    pub(super) fn on(backend: impl StorageBackend) -> Result<Self, StoreError> {
        let database = builder().create_with_backend(SyncedLength(backend));
        let mut store = Self { database: database.map_err(open_error)?, bytes: 0 };
        store.prepare()?;
        Ok(store)
    }

    /// Makes what isn't there, so that reading finds all of it.
    fn prepare(&mut self) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(error)?;
        {
            let mut about = transaction.open_table(ABOUT).map_err(error)?;
            let found = about.get(ABOUT_FORMAT).map_err(error)?.map(|found| found.value());
            match found {
                None => _ = about.insert(ABOUT_FORMAT, FORMAT).map_err(error)?,
                Some(found) if found > FORMAT => {
                    return Err(StoreError::TooNew { found, known: FORMAT });
                }
                Some(_) => {}
            }
        }
        self.bytes = Tables::open(&transaction)?.bytes;
        transaction.commit().map_err(error)
    }
}

impl std::fmt::Debug for DiskStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiskStore").finish_non_exhaustive()
    }
}

impl Store for DiskStore {
    fn load(&mut self) -> Result<Vec<Change>, StoreError> {
        let transaction = self.database.begin_read().map_err(error)?;
        let mut all = Vec::new();
        for row in transaction.open_table(REVISION_FLOORS).map_err(error)?.iter().map_err(error)? {
            let (app, floor) = row.map_err(error)?;
            let (app, floor) = (app_id(app.value())?, Revision(floor.value()));
            all.push(Change::RevisionFloor { app, floor });
        }
        for row in transaction.open_table(TOKEN_FLOORS).map_err(error)?.iter().map_err(error)? {
            let (app, floor) = row.map_err(error)?;
            let (app, floor) = (app_id(app.value())?, LockToken(floor.value()));
            all.push(Change::TokenFloor { app, floor });
        }
        let about = transaction.open_table(ABOUT).map_err(error)?;
        if let Some(since) = about.get(ABOUT_PUBLISHES).map_err(error)? {
            all.push(Change::PublishFloor { since: UnixTime::from_millis(since.value()) });
        }
        for row in transaction.open_table(SETS).map_err(error)?.iter().map_err(error)? {
            let (key, major) = row.map_err(error)?;
            all.push(Change::Set { key: channel(key.value())?, major: Revision(major.value()) });
        }
        for row in transaction.open_table(ITEMS).map_err(error)?.iter().map_err(error)? {
            let (key, item) = row.map_err(error)?;
            let ((app, kind, name, item_key), (value, revision, time, author)) =
                (key.value(), item.value());
            let key = channel((app, kind, name))?;
            let (revision, time) = (Revision(revision), UnixTime::from_millis(time));
            let (value, author) = (value.into(), author.into());
            let item = KeptItem { key: item_key.into(), value, revision, time, author };
            all.push(Change::Item { key, item });
        }
        for row in transaction.open_table(LOCKS).map_err(error)?.iter().map_err(error)? {
            let (key, lock) = row.map_err(error)?;
            let ((app, kind, name, lock_name), (ttl_secs, token, owner)) =
                (key.value(), lock.value());
            let owner = (!owner.is_empty()).then(|| UserId::new(owner)).transpose();
            let (name_of_lock, owner) =
                (LockName::new(lock_name).map_err(damaged)?, owner.map_err(damaged)?);
            let lock = KeptLock { name: name_of_lock, ttl_secs, token: LockToken(token), owner };
            all.push(Change::Lock { key: channel((app, kind, name))?, lock });
        }
        load_messages(&transaction, &mut all)?;
        Ok(all)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(error)?;
        let mut tables = Tables::open(&transaction)?;
        for change in changes {
            tables.apply(change).map_err(error)?;
        }
        self.bytes = tables.bytes;
        tables.about.insert(ABOUT_BYTES, self.bytes).map_err(error)?;
        drop(tables);
        transaction.commit().map_err(error)
    }

    fn messages(&mut self, query: &HistoryQuery) -> Result<HistoryPage, StoreError> {
        let mut page = HistoryPage::default();
        let (first, last) = query.range();
        if first > last {
            return Ok(page);
        }
        let transaction = self.database.begin_read().map_err(error)?;
        let messages = transaction.open_table(MESSAGES).map_err(error)?;
        let range = placed(&query.key, place(first))..=placed(&query.key, place(last));
        let range = messages.range(range).map_err(error)?;
        match query.oldest_first {
            true => page.try_fill(query, wanted(query, range))?,
            false => page.try_fill(query, wanted(query, range.rev()))?,
        }
        Ok(page)
    }

    fn histories(&mut self, after: Option<&ChannelKey>) -> Result<Vec<ChannelKey>, StoreError> {
        let transaction = self.database.begin_read().map_err(error)?;
        let histories = transaction.open_table(HISTORIES).map_err(error)?;
        let from = after.map_or(("", 0, ""), row);
        let mut keys = Vec::new();
        for found in histories.range(from..).map_err(error)? {
            let (key, _) = found.map_err(error)?;
            let key = channel(key.value())?;
            if Some(&key) != after {
                keys.push(key);
            }
            if keys.len() >= HISTORIES_MAX {
                break;
            }
        }
        Ok(keys)
    }

    fn history_bytes(&self) -> u64 {
        self.bytes
    }
}

/// What waits for users, and who has published what was to be stored.
fn load_messages(
    transaction: &redb::ReadTransaction,
    all: &mut Vec<Change>,
) -> Result<(), StoreError> {
    let mut inboxes = Vec::new();
    for row in transaction.open_table(INBOXES).map_err(error)?.iter().map_err(error)? {
        let (key, kept) = row.map_err(error)?;
        let (received, last) = kept.value();
        let kept = KeptInbox { received: position(received), last: last.map(position) };
        let key = channel(key.value())?;
        inboxes.push((key.clone(), kept.received));
        all.push(Change::Inbox { key, kept });
    }
    let messages = transaction.open_table(MESSAGES).map_err(error)?;
    for (key, received) in inboxes {
        let waiting = placed(&key, place(received))..=placed(&key, (u64::MAX, u64::MAX));
        for row in messages.range(waiting).map_err(error)? {
            let message = message_of(row)?;
            if message.published.position > received {
                all.push(Change::Message { key: key.clone(), message });
            }
        }
    }
    for row in transaction.open_table(PUBLISHES).map_err(error)?.iter().map_err(error)? {
        let (key, answer) = row.map_err(error)?;
        let ((app, user, instance, operation), (kind, name, place, time, how_far)) =
            (key.value(), answer.value());
        let published = Published { position: position(place), time: UnixTime::from_millis(time) };
        let answer = KeptAnswer { published, reached: reached(how_far)? };
        let (key, identity) = (channel((app, kind, name))?, identity(user, instance)?);
        let operation = OperationId(operation);
        all.push(Change::Publish { key, identity, operation, answer });
    }
    Ok(())
}

fn builder() -> redb::Builder {
    let mut builder = redb::Builder::new();
    // The format that later versions of the library read, too.
    builder.set_cache_size(CACHE).create_with_file_format_v3(true);
    builder
}

/// Messages of a wanted time; what isn't wanted is not copied.
fn wanted<'a>(
    query: &HistoryQuery,
    rows: impl Iterator<Item = Result<MessageRow<'a>, StorageError>>,
) -> impl Iterator<Item = Result<KeptMessage, StoreError>> {
    let time = |message: &redb::AccessGuard<'_, (u64, &'static [u8])>| {
        UnixTime::from_millis(message.value().0)
    };
    let rows = rows.take_while(move |row| match row {
        Ok((_, message)) => !query.is_past(time(message)),
        Err(_) => true,
    });
    let rows = rows.filter(move |row| match row {
        Ok((_, message)) => query.is_wanted(time(message)),
        Err(_) => true,
    });
    rows.map(message_of)
}

/// A row of [`MESSAGES`].
type MessageRow<'a> =
    (redb::AccessGuard<'a, PlaceKey>, redb::AccessGuard<'a, (u64, &'static [u8])>);

fn message_of(row: Result<MessageRow<'_>, StorageError>) -> Result<KeptMessage, StoreError> {
    let (key, message) = row.map_err(error)?;
    let ((_, _, _, epoch, sequence), (time, event)) = (key.value(), message.value());
    let position = position((epoch, sequence));
    let published = Published { position, time: UnixTime::from_millis(time) };
    Ok(KeptMessage { published, event: event.to_vec().into() })
}

/// Opens or makes a file. A new one's name is on the disk, too.
fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}

fn damaged(wrong: impl ToString) -> StoreError {
    StoreError::Damaged(wrong.to_string())
}

fn open_error(error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse,
        DatabaseError::Storage(StorageError::Io(error))
            if error.kind() == io::ErrorKind::InvalidData =>
        {
            damaged(error)
        }
        other => self::error(other),
    }
}

fn error(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Io(error) => StoreError::Io(error),
        other => damaged(other),
    }
}

#[cfg(test)]
impl DiskStore {
    /// As a later version would.
    pub(super) fn set_format(&self, format: u64) {
        let transaction = self.database.begin_write().expect("begun");
        transaction
            .open_table(ABOUT)
            .expect("there")
            .insert(ABOUT_FORMAT, format)
            .expect("written");
        transaction.commit().expect("committed");
    }

    /// As nobody would.
    pub(super) fn insert_set(&self, app: &str, name: &str) {
        let transaction = self.database.begin_write().expect("begun");
        transaction.open_table(SETS).expect("there").insert((app, 1, name), 1).expect("written");
        transaction.commit().expect("committed");
    }
}
