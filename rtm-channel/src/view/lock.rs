//! The view of a channel's locks (protocol §6.27).

use std::collections::BTreeMap;

use rtm_wire::{Lock, LockChange, LockEvent, LockToken, Position};

/// Locks that a view keeps; of more it forgets those it hears of last.
const LOCK_VIEW_MAX: usize = 4_096;

/// What to do with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockVerdict {
    /// Hand it to the user.
    Deliver,
    /// It belongs to a former subscription, or has been told before.
    Stale,
}

/// The mirror of the locks of one channel, for one subscription of one session.
///
/// Equal to the authority's truth once all events have arrived. Who has a lock by its view may have
/// lost it in the meantime: see [`Holdings`](crate::Holdings).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockView {
    /// The last event that counted; before the first snapshot nothing counts.
    position: Option<Position>,
    locks: BTreeMap<Box<str>, Seen>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    owner: Box<str>,
    ttl_secs: u64,
    token: LockToken,
}

impl LockView {
    /// A view that waits for its first snapshot.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an event.
    pub fn on_event(&mut self, event: &LockEvent<'_>) -> LockVerdict {
        let is_snapshot = event.change == LockChange::Snapshot;
        let is_new = match self.position {
            Some(known) => event.position > known,
            None => is_snapshot,
        };
        if !is_new {
            return LockVerdict::Stale;
        }
        self.position = Some(event.position);
        if is_snapshot {
            self.locks.clear();
        }
        for lock in event.locks.iter() {
            if event.change == LockChange::Removed {
                self.locks.remove(lock.name);
            } else {
                self.put(lock);
            }
        }
        LockVerdict::Deliver
    }

    /// The session is gone: the next snapshot begins anew.
    pub fn on_disconnected(&mut self) {
        *self = Self::default();
    }

    /// Whether a snapshot has come.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        self.position.is_some()
    }

    /// All locks, by name, as far as they are known.
    pub fn locks(&self) -> impl Iterator<Item = Lock<'_>> {
        self.locks.iter().map(|(name, seen)| seen.as_lock(name))
    }

    /// One lock.
    #[must_use]
    pub fn lock(&self, name: &str) -> Option<Lock<'_>> {
        self.locks.get_key_value(name).map(|(name, seen)| seen.as_lock(name))
    }

    fn put(&mut self, lock: Lock<'_>) {
        let Lock { name, owner, ttl_secs, token } = lock;
        if self.locks.len() < LOCK_VIEW_MAX || self.locks.contains_key(name) {
            self.locks.insert(name.into(), Seen { owner: owner.into(), ttl_secs, token });
        }
    }
}

impl Seen {
    fn as_lock<'a>(&'a self, name: &'a str) -> Lock<'a> {
        Lock { name, owner: &self.owner, ttl_secs: self.ttl_secs, token: self.token }
    }
}

#[cfg(test)]
mod tests {
    use rtm_wire::{ChannelKind, ChannelRef, Epoch, List, Sequence, UnixTime};

    use super::*;

    fn lock<'a>(name: &'a str, owner: &'a str) -> Lock<'a> {
        Lock { name, owner, ttl_secs: 10, token: LockToken(1) }
    }

    fn event<'a>(change: LockChange, sequence: u64, locks: &'a [Lock<'a>]) -> LockEvent<'a> {
        LockEvent {
            channel: ChannelRef { kind: ChannelKind::Message, name: "lobby" },
            change,
            position: Position { epoch: Epoch(1), sequence: Sequence(sequence) },
            time: UnixTime::from_millis(0),
            actor: "",
            locks: List::Slice(locks),
        }
    }

    #[test]
    fn nothing_counts_before_a_snapshot_and_nothing_old_after_it() {
        let mut view = LockView::new();
        let (free, held) = ([lock("l", "")], [lock("l", "bob")]);
        let acquired = |sequence| event(LockChange::Acquired, sequence, &held);
        assert_eq!(view.on_event(&acquired(5)), LockVerdict::Stale);
        let snapshot = event(LockChange::Snapshot, 6, &free);
        assert_eq!(view.on_event(&snapshot), LockVerdict::Deliver);
        assert_eq!(view.on_event(&acquired(6)), LockVerdict::Stale);
        assert_eq!(view.lock("l"), Some(free[0]));
        assert_eq!(view.on_event(&acquired(9)), LockVerdict::Deliver);
        assert_eq!(view.lock("l"), Some(held[0]));
        let removed = event(LockChange::Removed, 10, &held);
        assert_eq!(view.on_event(&removed), LockVerdict::Deliver);
        assert_eq!(view.locks().count(), 0);
    }

    #[test]
    fn a_view_has_a_limit() {
        let mut view = LockView::new();
        let names: Vec<String> = (0..4_100).map(|number| format!("{number}")).collect();
        let locks: Vec<_> = names.iter().map(|name| lock(name, "")).collect();
        view.on_event(&event(LockChange::Snapshot, 1, &locks[..4_000]));
        view.on_event(&event(LockChange::Set, 2, &locks[4_000..]));
        assert_eq!(view.locks().count(), LOCK_VIEW_MAX);
        let held = [lock("7", "bob")];
        view.on_event(&event(LockChange::Acquired, 3, &held));
        assert_eq!(view.lock("7"), Some(held[0]), "those that are known change");
    }
}
