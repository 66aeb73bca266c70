//! Which sessions wait for which locks.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::{LockName, SubscriberId};

/// The queues of all locks, seen from the sessions: what ends with a session is found without a
/// look at every queue.
///
/// Invariant: a session has an entry as long as it waits for something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Waiting {
    sessions: BTreeMap<SubscriberId, Session>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Session {
    locks: BTreeSet<LockName>,
    /// Nothing is heard of it.
    is_silent: bool,
}

impl Waiting {
    pub(super) fn begin(&mut self, subscriber: SubscriberId, lock: LockName) {
        self.sessions.entry(subscriber).or_default().locks.insert(lock);
    }

    pub(super) fn end(&mut self, subscriber: SubscriberId, lock: &LockName) {
        let Some(session) = self.sessions.get_mut(&subscriber) else { return };
        session.locks.remove(lock);
        if session.locks.is_empty() {
            self.sessions.remove(&subscriber);
        }
    }

    /// The session waits no more; the locks for which it did.
    pub(super) fn end_all(&mut self, subscriber: SubscriberId) -> BTreeSet<LockName> {
        self.sessions.remove(&subscriber).unwrap_or_default().locks
    }

    pub(super) fn has(&self, subscriber: SubscriberId, lock: &LockName) -> bool {
        self.sessions.get(&subscriber).is_some_and(|session| session.locks.contains(lock))
    }

    /// Nothing is heard of a session any more.
    pub(super) fn silence(&mut self, subscriber: SubscriberId) {
        if let Some(session) = self.sessions.get_mut(&subscriber) {
            session.is_silent = true;
        }
    }

    pub(super) fn is_silent(&self, subscriber: SubscriberId) -> bool {
        self.sessions.get(&subscriber).is_some_and(|session| session.is_silent)
    }

    /// A session is heard; the locks for which it waits, if it was silent.
    pub(super) fn hear(&mut self, subscriber: SubscriberId) -> Vec<LockName> {
        let session = self.sessions.get_mut(&subscriber);
        let Some(session) = session.filter(|session| session.is_silent) else { return Vec::new() };
        session.is_silent = false;
        session.locks.iter().cloned().collect()
    }
}
