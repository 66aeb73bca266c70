//! What is told of locks, and to whom.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use rtm_wire::{
    Epoch, Event, List, Lock, LockChange, LockEvent, Position, Sequence, Time, UnixTime,
};

use super::state::LockState;
use crate::authority::event::{advance, encoded};
use crate::authority::message::Fanout;
use crate::identity::ChannelKey;
use crate::limits::Limits;
use crate::name::{LockName, SubscriberId, UserId};

/// Former owners that are to be told when they come back; beyond, the one that has been away for
/// longest is forgotten, and sees in the snapshot that the lock isn't its own.
const FORMER_MAX: usize = 1_024;

/// Writes events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    key: ChannelKey,
    position: Position,
    listeners: BTreeSet<SubscriberId>,
    listeners_max: usize,
    /// Users who have lost a lock while none of their sessions was there.
    former: VecDeque<(UserId, LockName)>,
}

impl News {
    pub(super) fn new(key: ChannelKey, epoch: Epoch, limits: &Limits) -> Self {
        Self {
            key,
            position: Position { epoch, sequence: Sequence(0) },
            listeners: BTreeSet::new(),
            listeners_max: limits.message_members,
            former: VecDeque::new(),
        }
    }

    /// A session hears from now on: all locks, and those that its user has lost meanwhile. Beyond
    /// the limit it is told all of them once, and nothing later.
    pub(super) fn add_listener(
        &mut self,
        (now, time): (Time, UnixTime),
        subscriber: SubscriberId,
        user: &UserId,
        locks: &BTreeMap<LockName, LockState>,
    ) -> Vec<Fanout> {
        if self.listeners.len() < self.listeners_max {
            self.listeners.insert(subscriber);
        }
        let to = vec![subscriber];
        let all: Vec<_> = locks.iter().map(|(name, state)| state.as_lock(name)).collect();
        advance(&mut self.position, now);
        let event = self.write(time, LockChange::Snapshot, "", &all);
        let mut out = vec![Fanout { event, to: to.clone() }];
        let is_own = |(former, _): &(UserId, LockName)| former == user;
        let (lost, rest) = std::mem::take(&mut self.former).into_iter().partition(is_own);
        self.former = rest;
        let lost: VecDeque<_> = lost;
        for (_, name) in lost {
            let Some(state) = locks.get(&name) else { continue };
            advance(&mut self.position, now);
            let lock = state.as_lock(&name);
            let event = self.write(time, LockChange::Expired, user.as_str(), &[lock]);
            out.push(Fanout { event, to: to.clone() });
        }
        out
    }

    pub(super) fn remove_listener(&mut self, subscriber: SubscriberId) {
        self.listeners.remove(&subscriber);
    }

    /// Whether nobody hears.
    pub(super) fn is_idle(&self) -> bool {
        self.listeners.is_empty()
    }

    /// Tells all who hear what has become of a lock; the session `former` that it has expired.
    pub(super) fn tell(
        &mut self,
        (now, time): (Time, UnixTime),
        change: LockChange,
        actor: &UserId,
        lock: Lock<'_>,
        former: Option<SubscriberId>,
    ) -> Vec<Fanout> {
        advance(&mut self.position, now);
        let is_former = |subscriber: &SubscriberId| Some(*subscriber) == former;
        let (own, others): (Vec<_>, Vec<_>) = self.listeners.iter().copied().partition(is_former);
        let mut out = Vec::new();
        for (change, to) in [(change, others), (LockChange::Expired, own)] {
            if !to.is_empty() {
                let event = self.write(time, change, actor.as_str(), &[lock]);
                out.push(Fanout { event, to });
            }
        }
        out
    }

    /// The user is to be told that it has lost the lock, when it comes back.
    pub(super) fn remember_former(&mut self, user: &UserId, name: &LockName) {
        self.forget_former(user, name);
        if self.former.len() >= FORMER_MAX {
            self.former.pop_front();
        }
        self.former.push_back((user.clone(), name.clone()));
    }

    /// The user has the lock again.
    pub(super) fn forget_former(&mut self, user: &UserId, name: &LockName) {
        self.former.retain(|(former, lock)| former != user || lock != name);
    }

    /// The user's session is heard of, and has been told all.
    pub(super) fn forget_former_of(&mut self, subscriber: SubscriberId, user: &UserId) {
        if self.listeners.contains(&subscriber) {
            self.former.retain(|(former, _)| former != user);
        }
    }

    /// There is no such lock any more, which says enough.
    pub(super) fn forget_lock(&mut self, name: &LockName) {
        self.former.retain(|(_, lock)| lock != name);
    }

    fn write(&self, time: UnixTime, change: LockChange, actor: &str, locks: &[Lock<'_>]) -> Bytes {
        let event = Event::Lock(LockEvent {
            channel: self.key.as_ref(),
            change,
            position: self.position,
            time,
            actor,
            locks: List::Slice(locks),
        });
        encoded(&event)
    }
}
