//! One lock: who has it, and who waits.

use std::collections::VecDeque;

use rtm_wire::{Acquired, Lock, LockToken, Time};

use crate::authority::inbox::Asker;
use crate::name::{LockName, SubscriberId, UserId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
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
}

impl Held {
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

    pub(super) fn is_waited_for_by(&self, subscriber: SubscriberId) -> bool {
        self.queue.iter().any(|asker| asker.subscriber == subscriber)
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
