//! One lock: who has it, and who waits.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use rtm_wire::{Acquired, Lock, LockToken, Time};

use crate::authority::inbox::Asker;
use crate::name::{LockName, SubscriberId, UserId};

/// When owners that are lost have lost their locks, too.
pub(super) type Due = BTreeSet<(Time, LockName)>;

/// A lock, free or held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LockState {
    /// How long a lost owner keeps it.
    pub(super) ttl_secs: u64,
    /// The last that was given for it; 0 if none ever was.
    pub(super) token: LockToken,
    pub(super) holder: Option<Holder>,
    /// Who waits, longest first; no session twice.
    pub(super) queue: VecDeque<Asker>,
}

/// Who has a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) user: UserId,
    /// The session that stands for the user, or did before it was lost or has left.
    pub(super) subscriber: SubscriberId,
    pub(super) has_session: bool,
    /// When the lock is lost, while nothing is heard of the user.
    pub(super) due: Option<Time>,
}

impl Holder {
    /// Whether this very session holds the lock for its user.
    pub(super) fn is_of(&self, subscriber: SubscriberId, user: &UserId) -> bool {
        self.has_session && self.subscriber == subscriber && self.user == *user
    }

    /// This session stands for the user from now on.
    pub(super) fn stand(&mut self, subscriber: SubscriberId, name: &LockName, due: &mut Due) {
        (self.subscriber, self.has_session) = (subscriber, true);
        self.cancel(name, due);
    }

    /// Nothing has happened: the lock isn't lost.
    pub(super) fn cancel(&mut self, name: &LockName, due: &mut Due) {
        if let Some(at) = self.due.take() {
            due.remove(&(at, name.clone()));
        }
    }
}

impl LockState {
    pub(super) const fn new(ttl_secs: u64) -> Self {
        Self { ttl_secs, token: LockToken(0), holder: None, queue: VecDeque::new() }
    }

    pub(super) fn holder_if(
        &mut self,
        subscriber: SubscriberId,
        user: &UserId,
    ) -> Option<&mut Holder> {
        self.holder.as_mut().filter(|holder| holder.is_of(subscriber, user))
    }

    /// How long a lost owner keeps it.
    pub(super) const fn ttl(&self) -> Duration {
        Duration::from_secs(self.ttl_secs)
    }

    /// The session waits no more, if it did.
    pub(super) fn dequeue(&mut self, subscriber: SubscriberId) -> Option<Asker> {
        let at = self.queue.iter().position(|asker| asker.subscriber == subscriber)?;
        self.queue.remove(at)
    }

    /// What its owner is answered.
    pub(super) const fn acquired(&self) -> Acquired {
        Acquired { token: self.token, ttl_secs: self.ttl_secs }
    }

    pub(super) fn as_lock<'a>(&'a self, name: &'a LockName) -> Lock<'a> {
        let owner = self.holder.as_ref().map_or("", |holder| holder.user.as_str());
        Lock { name: name.as_str(), owner, ttl_secs: self.ttl_secs, token: self.token }
    }

    /// Who has it, for the reason of a refusal.
    pub(super) fn owner_words(&self) -> String {
        match &self.holder {
            Some(holder) => format!("{} has it", holder.user),
            None => "nobody has it, acquire it first".to_owned(),
        }
    }
}
