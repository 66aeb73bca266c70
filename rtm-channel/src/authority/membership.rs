//! Who is in a channel.

use std::collections::BTreeMap;

use rtm_wire::SubscribeOptions;

use crate::identity::Identity;
use crate::name::SubscriberId;

/// A session that is in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Whose session it is.
    pub identity: Identity,
    /// What it wants to hear of.
    pub options: SubscribeOptions,
}

/// The sessions that are in one channel, bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    members_max: usize,
    members: BTreeMap<SubscriberId, Member>,
}

impl Membership {
    /// Nobody, and at most `members_max`.
    #[must_use]
    pub const fn new(members_max: usize) -> Self {
        Self { members_max, members: BTreeMap::new() }
    }

    /// Adds a session, or changes what it wants to hear of; false when the channel is full.
    #[must_use]
    pub fn insert(&mut self, subscriber: SubscriberId, member: Member) -> bool {
        let fits = self.members.len() < self.members_max || self.contains(subscriber);
        if fits {
            self.members.insert(subscriber, member);
        }
        fits
    }

    /// Takes a session out.
    pub fn remove(&mut self, subscriber: SubscriberId) -> Option<Member> {
        self.members.remove(&subscriber)
    }

    /// The session's entry.
    #[must_use]
    pub fn get(&self, subscriber: SubscriberId) -> Option<&Member> {
        self.members.get(&subscriber)
    }

    /// Whether the session is in the channel.
    #[must_use]
    pub fn contains(&self, subscriber: SubscriberId) -> bool {
        self.members.contains_key(&subscriber)
    }

    /// All sessions, by number.
    pub fn iter(&self) -> impl Iterator<Item = (SubscriberId, &Member)> {
        self.members.iter().map(|(&subscriber, member)| (subscriber, member))
    }

    /// How many sessions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is in the channel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
