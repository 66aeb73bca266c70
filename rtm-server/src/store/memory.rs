//! A store that keeps nothing beyond its own life.

use std::collections::BTreeMap;

use rtm_channel::{AppId, ChannelKey, KeptInbox, KeptLetter, KeptLock, LockName};
use rtm_wire::{LockToken, Position, Revision};

use super::{Change, KeptItem, Store, StoreError};

/// A store in memory: for tests and measurements, and for servers that need not keep anything.
///
/// ```
/// use rtm_channel::AppId;
/// use rtm_server::{Change, MemoryStore, Store};
/// use rtm_wire::Revision;
///
/// let mut store = MemoryStore::default();
/// let floor = Change::RevisionFloor { app: AppId::new("demo")?, floor: Revision(7) };
/// store.commit(std::slice::from_ref(&floor))?;
/// assert_eq!(store.load()?, [floor]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryStore {
    revision_floors: BTreeMap<AppId, Revision>,
    token_floors: BTreeMap<AppId, LockToken>,
    sets: BTreeMap<ChannelKey, (Revision, BTreeMap<Box<str>, KeptItem>)>,
    locks: BTreeMap<(ChannelKey, LockName), KeptLock>,
    inboxes: BTreeMap<ChannelKey, (KeptInbox, BTreeMap<Position, KeptLetter>)>,
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Vec<Change>, StoreError> {
        let mut all = Vec::new();
        let floors = self.revision_floors.iter();
        all.extend(floors.map(|(app, &floor)| Change::RevisionFloor { app: app.clone(), floor }));
        let floors = self.token_floors.iter();
        all.extend(floors.map(|(app, &floor)| Change::TokenFloor { app: app.clone(), floor }));
        let sets = self.sets.iter();
        all.extend(sets.map(|(key, (major, _))| Change::Set { key: key.clone(), major: *major }));
        for (key, (_, items)) in &self.sets {
            let items = items.values().cloned();
            all.extend(items.map(|item| Change::Item { key: key.clone(), item }));
        }
        let locks = self.locks.iter();
        all.extend(
            locks.map(|((key, _), lock)| Change::Lock { key: key.clone(), lock: lock.clone() }),
        );
        let inboxes = self.inboxes.iter();
        all.extend(inboxes.map(|(key, (kept, _))| Change::Inbox { key: key.clone(), kept: *kept }));
        for (key, (_, letters)) in &self.inboxes {
            let letters = letters.values().cloned();
            all.extend(letters.map(|letter| Change::Letter { key: key.clone(), letter }));
        }
        Ok(all)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        changes.iter().cloned().for_each(|change| self.apply(change));
        Ok(())
    }
}

impl MemoryStore {
    fn apply(&mut self, change: Change) {
        match change {
            Change::RevisionFloor { app, floor } => {
                self.revision_floors.insert(app, floor);
            }
            Change::TokenFloor { app, floor } => {
                self.token_floors.insert(app, floor);
            }
            Change::Set { key, major } => self.sets.entry(key).or_default().0 = major,
            Change::Item { key, item } => {
                self.sets.entry(key).or_default().1.insert(item.key.clone(), item);
            }
            Change::ItemGone { key, name } => {
                if let Some((_, items)) = self.sets.get_mut(&key) {
                    items.remove(&name);
                }
            }
            Change::SetGone { key } => _ = self.sets.remove(&key),
            Change::Lock { key, lock } => {
                self.locks.insert((key, lock.name.clone()), lock);
            }
            Change::LockGone { key, name } => _ = self.locks.remove(&(key, name)),
            Change::Inbox { key, kept } => {
                let (inbox, letters) =
                    self.inboxes.entry(key).or_insert_with(|| (kept, BTreeMap::new()));
                *inbox = kept;
                letters.retain(|position, _| *position > kept.received);
            }
            Change::Letter { key, letter } => {
                if let Some((_, letters)) = self.inboxes.get_mut(&key) {
                    letters.insert(letter.published.position, letter);
                }
            }
            Change::InboxGone { key } => _ = self.inboxes.remove(&key),
        }
    }
}
