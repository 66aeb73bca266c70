//! What a former life of the server has kept.

use std::collections::BTreeMap;

use rtm_channel::{ChannelKey, KeptInbox, KeptLock, KeptMessage};
use rtm_wire::{Revision, Time, UnixTime};

use super::Owner;
use super::memory::Remembered;
use crate::store::{Change, KeptItem};

/// What belongs together, until all of it is there.
#[derive(Default)]
struct Kept {
    sets: BTreeMap<ChannelKey, (Revision, Vec<KeptItem>)>,
    locks: BTreeMap<ChannelKey, Vec<KeptLock>>,
    inboxes: BTreeMap<ChannelKey, (KeptInbox, Vec<KeptMessage>)>,
}

impl Owner {
    /// Takes up what was kept, as [`Store::load`](crate::Store::load) gives it; before anything
    /// else.
    pub(crate) fn restore(
        &mut self,
        moment: (Time, UnixTime),
        history_bytes: u64,
        changes: impl IntoIterator<Item = Change>,
    ) {
        self.history_bytes = history_bytes;
        self.reads.begin_sweeps(moment.0);
        let mut kept = Kept::default();
        for change in changes {
            match change {
                Change::RevisionFloor { app, floor } => {
                    self.channels_of(app).storages.raise_floor(floor);
                }
                Change::PublishFloor { since } => self.known.restore(since),
                Change::Publish { key, identity, operation, answer } => {
                    let answer = Remembered::Granted((answer.published, answer.reached));
                    let channels = self.channels_of(key.app);
                    channels.log.restore(moment.0, &identity, operation, answer);
                }
                Change::TokenFloor { app, floor } => self.channels_of(app).locks.raise_floor(floor),
                change => kept.add(change),
            }
        }
        self.known.begin(moment, &mut self.outbox);
        self.commits.admit_changes(&mut self.outbox);
        let Kept { sets, locks, inboxes } = kept;
        for (key, (major, items)) in sets {
            self.channels_of(key.app.clone()).storages.restore(&key, major, &items);
        }
        for (key, locks) in locks {
            self.channels_of(key.app.clone()).locks.restore(moment.0, &key, locks);
        }
        for (key, (inbox, letters)) in inboxes {
            self.channels_of(key.app.clone()).inboxes.restore(moment, &key, inbox, letters);
        }
    }
}

impl Kept {
    fn add(&mut self, change: Change) {
        match change {
            Change::Set { key, major } => _ = self.sets.insert(key, (major, Vec::new())),
            Change::Item { key, item } => {
                if let Some((_, items)) = self.sets.get_mut(&key) {
                    items.push(item);
                }
            }
            Change::Lock { key, lock } => self.locks.entry(key).or_default().push(lock),
            Change::Inbox { key, kept } => _ = self.inboxes.insert(key, (kept, Vec::new())),
            Change::Message { key, message } => {
                if let Some((_, letters)) = self.inboxes.get_mut(&key) {
                    letters.push(message);
                }
            }
            _ => debug_assert!(false, "what is kept is there: {change:?}"),
        }
    }
}
