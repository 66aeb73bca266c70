//! Until when members of stream channels may stay, and may publish in topics: as long as the tokens
//! that they joined with.

use std::collections::BTreeMap;
use std::time::Duration;

use rtm_channel::{ChannelKey, SubscriberId, UserId};
use rtm_session::Deadlines;
use rtm_wire::{Time, TokenChange, UnixTime};

use super::channels::AppChannels;
use super::context::Who;
use super::outbox::Outbox;
use super::rights::tell_token;
use crate::clock::monotonic;
use crate::rights::Pass;

/// How long before its end a member is told, as a session is.
const WARNING: Duration = Duration::from_secs(30);

type Member = (SubscriberId, ChannelKey);

/// Invariants: whoever has a pass is a member; `due` has each of them, with its warning or its end.
#[derive(Debug, Default)]
pub(super) struct Passes {
    held: BTreeMap<Member, Held>,
    due: Deadlines<Member>,
}

#[derive(Debug)]
struct Held {
    user: UserId,
    joins_until: Time,
    publishes_until: Option<Time>,
}

impl Passes {
    /// A member has come with this token, or shows this one; with none it stays without an end.
    pub(super) fn set(&mut self, who: &Who<'_>, key: &ChannelKey, pass: Option<Pass>) {
        let Some(Pass { joins_until, publishes_until }) = pass else {
            return self.remove(who.from, key);
        };
        let time = |target: UnixTime| monotonic(who.now, who.time, target);
        let (joins_until, user) = (time(joins_until), who.user.clone());
        let held = Held { user, joins_until, publishes_until: publishes_until.map(time) };
        let micros = joins_until.as_micros().saturating_sub(WARNING.as_micros() as u64);
        let member = (who.from, key.clone());
        self.due.set(member.clone(), Some(Time::from_micros(micros)));
        self.held.insert(member, held);
    }

    /// Nobody is there any more.
    pub(super) fn remove(&mut self, from: SubscriberId, key: &ChannelKey) {
        let member = (from, key.clone());
        self.due.set(member.clone(), None);
        self.held.remove(&member);
    }

    /// Whether a member has joined with a token.
    pub(super) fn has(&self, from: SubscriberId, key: &ChannelKey) -> bool {
        self.held.contains_key(&(from, key.clone()))
    }

    /// Whether a member's token lets it publish in topics.
    pub(super) fn may_publish(&self, now: Time, from: SubscriberId, key: &ChannelKey) -> bool {
        let held = self.held.get(&(from, key.clone()));
        held.and_then(|held| held.publishes_until).is_some_and(|until| now < until)
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.due.next()
    }
}

impl AppChannels {
    /// Tells those whose tokens end soon, and puts out those whose tokens have ended.
    pub(super) fn handle_passes(&mut self, now: Time, time: UnixTime, out: &mut Outbox) {
        while let Some(member) = self.passes.due.pop_due(now) {
            let Some(held) = self.passes.held.get(&member) else { continue };
            let (user, until) = (held.user.clone(), held.joins_until);
            let left = until.saturating_since(now);
            let (from, key) = member.clone();
            let who = Who { now, time, from, user: &user };
            let channel = std::slice::from_ref(&key);
            if left.is_zero() {
                let parted = self.part(&who, &key, out);
                debug_assert!(parted.is_ok(), "whoever has a pass is a member: {parted:?}");
                tell_token(&who, TokenChange::Expired, 0, channel, out);
            } else {
                self.passes.due.set(member, Some(until));
                let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                tell_token(&who, TokenChange::WillExpire, left_ms, channel, out);
            }
        }
    }
}
