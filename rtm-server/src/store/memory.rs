//! A store that keeps nothing beyond its own life.

use std::collections::BTreeMap;
use std::ops::Bound;

use rtm_channel::{AppId, ChannelKey, Identity, KeptInbox, KeptLock, KeptMessage, LockName};
use rtm_wire::{LockToken, OperationId, Position, Revision, UnixTime};

use super::{
    Change, HISTORIES_MAX, HistoryPage, HistoryQuery, KeptAnswer, KeptItem, Store, StoreError,
    TRIM_MAX,
};

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
    publish_floor: Option<UnixTime>,
    sets: BTreeMap<ChannelKey, (Revision, BTreeMap<Box<str>, KeptItem>)>,
    locks: BTreeMap<(ChannelKey, LockName), KeptLock>,
    inboxes: BTreeMap<ChannelKey, KeptInbox>,
    histories: BTreeMap<ChannelKey, BTreeMap<Position, KeptMessage>>,
    publishes: BTreeMap<(AppId, Identity, OperationId), (ChannelKey, KeptAnswer)>,
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Vec<Change>, StoreError> {
        let mut all = Vec::new();
        let floors = self.revision_floors.iter();
        all.extend(floors.map(|(app, &floor)| Change::RevisionFloor { app: app.clone(), floor }));
        let floors = self.token_floors.iter();
        all.extend(floors.map(|(app, &floor)| Change::TokenFloor { app: app.clone(), floor }));
        all.extend(self.publish_floor.map(|since| Change::PublishFloor { since }));
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
        all.extend(inboxes.map(|(key, kept)| Change::Inbox { key: key.clone(), kept: *kept }));
        for (key, kept) in &self.inboxes {
            let Some(messages) = self.histories.get(key) else { continue };
            let waiting = messages.values().filter(|it| it.published.position > kept.received);
            let waiting = waiting.cloned();
            all.extend(waiting.map(|message| Change::Message { key: key.clone(), message }));
        }
        all.extend(self.publishes.iter().map(|((_, identity, operation), (key, answer))| {
            let (key, identity) = (key.clone(), identity.clone());
            Change::Publish { key, identity, operation: *operation, answer: *answer }
        }));
        Ok(all)
    }

    fn messages(&mut self, query: &HistoryQuery) -> Result<HistoryPage, StoreError> {
        let mut page = HistoryPage::default();
        let Some(messages) = self.histories.get(&query.key) else { return Ok(page) };
        let (first, last) = query.range();
        if first <= last {
            let range = messages.range(first..=last).map(|(_, message)| message);
            let is_past = |it: &&KeptMessage| !query.is_past(it.published.time);
            let is_wanted = |it: &&KeptMessage| query.is_wanted(it.published.time);
            match query.oldest_first {
                true => page.fill(query, range.take_while(is_past).filter(is_wanted).cloned()),
                false => {
                    let range = range.rev().take_while(is_past).filter(is_wanted);
                    page.fill(query, range.cloned());
                }
            }
        }
        Ok(page)
    }

    fn histories(&mut self, after: Option<&ChannelKey>) -> Result<Vec<ChannelKey>, StoreError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let keys = self.histories.range((from, Bound::Unbounded)).map(|(key, _)| key.clone());
        Ok(keys.take(HISTORIES_MAX).collect())
    }

    fn history_bytes(&self) -> u64 {
        let messages = self.histories.values().flat_map(BTreeMap::values);
        messages.map(|it| it.event.len() as u64).sum()
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        changes.iter().cloned().for_each(|change| self.apply(change));
        Ok(())
    }
}

impl MemoryStore {
    fn trim(&mut self, key: &ChannelKey, count: u64, since: UnixTime) {
        let Some(messages) = self.histories.get_mut(key) else { return };
        let received = self.inboxes.get(key).map(|kept| kept.received);
        for _ in 0..TRIM_MAX {
            let is_much = messages.len() as u64 > count;
            let Some(first) = messages.first_entry() else { break };
            let is_waiting = received.is_some_and(|received| *first.key() > received);
            if is_waiting || !(is_much || first.get().published.time < since) {
                break;
            }
            first.remove();
        }
        if messages.is_empty() {
            self.histories.remove(key);
        }
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::RevisionFloor { app, floor } => {
                self.revision_floors.insert(app, floor);
            }
            Change::TokenFloor { app, floor } => {
                self.token_floors.insert(app, floor);
            }
            Change::PublishFloor { since } => self.publish_floor = Some(since),
            Change::Publish { key, identity, operation, answer } => {
                self.publishes.insert((key.app.clone(), identity, operation), (key, answer));
            }
            Change::PublishesGone { app, identity, up_to } => {
                let last = (app.clone(), identity.clone(), up_to);
                let all = (app, identity, OperationId(0))..=last;
                let gone: Vec<_> = self.publishes.range(all).map(|(it, _)| it.clone()).collect();
                gone.iter().for_each(|it| _ = self.publishes.remove(it));
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
            Change::Inbox { key, kept } => _ = self.inboxes.insert(key, kept),
            Change::InboxGone { key } => _ = self.inboxes.remove(&key),
            Change::Message { key, message } => {
                let messages = self.histories.entry(key).or_default();
                messages.insert(message.published.position, message);
            }
            Change::Trim { key, count, since } => self.trim(&key, count, since),
        }
    }
}
