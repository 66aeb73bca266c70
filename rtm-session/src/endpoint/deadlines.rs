//! One deadline for each session.

use std::collections::{BTreeMap, BTreeSet};

use rtm_wire::Time;

/// Sessions by the time at which they want to be woken.
///
/// Invariant: `queue` holds exactly the pairs of `due`, turned round.
#[derive(Debug)]
pub(crate) struct Deadlines<K> {
    due: BTreeMap<K, Time>,
    queue: BTreeSet<(Time, K)>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { due: BTreeMap::new(), queue: BTreeSet::new() }
    }
}

impl<K: Copy + Ord> Deadlines<K> {
    pub(crate) const fn new() -> Self {
        Self { due: BTreeMap::new(), queue: BTreeSet::new() }
    }

    /// Moves the deadline of `key`, or removes it.
    pub(crate) fn set(&mut self, key: K, deadline: Option<Time>) {
        let old = match deadline {
            Some(deadline) => self.due.insert(key, deadline),
            None => self.due.remove(&key),
        };
        if old == deadline {
            return;
        }
        if let Some(old) = old {
            self.queue.remove(&(old, key));
        }
        if let Some(deadline) = deadline {
            self.queue.insert((deadline, key));
        }
    }

    pub(crate) fn next(&self) -> Option<Time> {
        self.queue.first().map(|&(deadline, _)| deadline)
    }

    /// Takes a key whose time has come, earliest first.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<K> {
        let &(deadline, key) = self.queue.first().filter(|(deadline, _)| *deadline <= now)?;
        self.queue.remove(&(deadline, key));
        self.due.remove(&key);
        Some(key)
    }
}
