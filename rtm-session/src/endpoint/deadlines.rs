//! One deadline for each of many.

use std::collections::{BTreeMap, BTreeSet};

use rtm_wire::Time;

/// Keys (sessions, channels …) by the time at which they want to be woken. A sans-IO machine that
/// has many of them asks for the first, and takes those that are due.
///
/// Invariant: `queue` holds exactly the pairs of `due`, turned round.
#[derive(Debug)]
pub struct Deadlines<K> {
    due: BTreeMap<K, Time>,
    queue: BTreeSet<(Time, K)>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { due: BTreeMap::new(), queue: BTreeSet::new() }
    }
}

impl<K: Clone + Ord> Deadlines<K> {
    /// Nothing is due.
    #[must_use]
    pub const fn new() -> Self {
        Self { due: BTreeMap::new(), queue: BTreeSet::new() }
    }

    /// Moves the deadline of `key`, or removes it.
    pub fn set(&mut self, key: K, deadline: Option<Time>) {
        let old = match deadline {
            Some(deadline) => self.due.insert(key.clone(), deadline),
            None => self.due.remove(&key),
        };
        if old == deadline {
            return;
        }
        if let Some(old) = old {
            self.queue.remove(&(old, key.clone()));
        }
        if let Some(deadline) = deadline {
            self.queue.insert((deadline, key));
        }
    }

    /// Sets a deadline for what has none.
    pub fn set_if_none(&mut self, key: K, deadline: Time) {
        if !self.contains(&key) {
            self.set(key, Some(deadline));
        }
    }

    /// Whether `key` has a deadline.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.due.contains_key(key)
    }

    /// The earliest deadline.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        self.queue.first().map(|&(deadline, _)| deadline)
    }

    /// Takes a key whose time has come, earliest first.
    pub fn pop_due(&mut self, now: Time) -> Option<K> {
        self.queue.first().filter(|(deadline, _)| *deadline <= now)?;
        let (_, key) = self.queue.pop_first()?;
        self.due.remove(&key);
        Some(key)
    }
}
