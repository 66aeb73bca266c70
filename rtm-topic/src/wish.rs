//! Whose messages of a topic a subscriber gets: one rule for both sides.

use std::collections::BTreeSet;

use rtm_channel::UserId;

/// What one member wants of one topic.
///
/// The owner keeps one for each member and topic, and the member's view follows it: answers and
/// topic events reach the view in the owner's order, so that the same rule gives the same users.
///
/// ```text
///              name / meet                 forget, or it publishes no more (met only)
///  (unheard) ──────────────► named | met ─────────────────────────────────────────────► (unheard)
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Whoever publishes, as they come, while there is room.
    all: bool,
    /// Those that were asked for by name: they stay when they leave, and are heard again when they
    /// come back.
    named: BTreeSet<UserId>,
    /// Those that are heard because all are, until they leave. None of them is named.
    met: BTreeSet<UserId>,
}

impl Wish {
    /// From now on, whoever publishes.
    pub(crate) fn want_all(&mut self) {
        self.all = true;
    }

    /// The user is wanted by name.
    pub(crate) fn name(&mut self, user: UserId) {
        self.met.remove(&user);
        self.named.insert(user);
    }

    /// The user publishes, and is heard because all are; false when it was heard.
    pub(crate) fn meet(&mut self, user: &UserId) -> bool {
        !self.named.contains(user) && self.met.insert(user.clone())
    }

    /// The user has begun to publish; whether it is to be heard when there is room for `users_max`.
    pub(crate) fn on_publisher_joined(&mut self, user: &UserId, users_max: usize) -> bool {
        if self.all && self.len() < users_max {
            self.meet(user);
        }
        self.contains(user.as_str())
    }

    /// The user publishes no more.
    pub(crate) fn on_publisher_left(&mut self, user: &UserId) {
        self.met.remove(user);
    }

    /// The user is wanted no more, as long as all are not asked for anew; who it was, if it was
    /// heard.
    pub(crate) fn forget(&mut self, user: &str) -> Option<UserId> {
        self.named.take(user).or_else(|| self.met.take(user))
    }

    pub(crate) const fn all(&self) -> bool {
        self.all
    }

    pub(crate) fn into_named(self) -> BTreeSet<UserId> {
        self.named
    }

    /// Those who are heard, by name.
    pub(crate) fn users(&self) -> impl Iterator<Item = &UserId> {
        self.named.union(&self.met)
    }

    pub(crate) fn contains(&self, user: &str) -> bool {
        self.named.contains(user) || self.met.contains(user)
    }

    pub(crate) fn len(&self) -> usize {
        self.named.len() + self.met.len()
    }

    /// Whether nobody is wanted: then there is no subscription.
    pub(crate) fn is_empty(&self) -> bool {
        !self.all && self.named.is_empty() && self.met.is_empty()
    }
}
