//! Who is in the channels of one app.

use std::collections::BTreeMap;
use std::time::Duration;

use rtm_channel::{Arrival, ChannelKey, Fanout, Limits, PresenceAuthority, SubscriberId, UserId};
use rtm_session::Deadlines;
use rtm_wire::{ChannelKind, Epoch, LaneMode, Priority, SubscribeOptions, Time, UnixTime};

use super::command::{LaneKey, Output};
use super::context::Context;

/// Invariants: an authority exists while it isn't empty; `due` holds its next deadline, if it has
/// one.
#[derive(Debug)]
pub(super) struct Presences {
    epoch: Epoch,
    limits: Limits,
    channels: BTreeMap<ChannelKey, PresenceAuthority>,
    /// How long the loss of each session isn't told.
    timeouts: BTreeMap<SubscriberId, Duration>,
    due: Deadlines<ChannelKey>,
}

impl Presences {
    pub(super) const fn new(epoch: Epoch, limits: Limits) -> Self {
        Self {
            epoch,
            limits,
            channels: BTreeMap::new(),
            timeouts: BTreeMap::new(),
            due: Deadlines::new(),
        }
    }

    pub(super) fn session_began(&mut self, from: SubscriberId, timeout: Duration) {
        self.timeouts.insert(from, timeout);
    }

    /// All its channels have been left, or count as lost.
    pub(super) fn session_ended(&mut self, from: SubscriberId) {
        self.timeouts.remove(&from);
    }

    /// A session has come to a channel, or has changed its options there.
    pub(super) fn join(
        &mut self,
        context: &mut Context<'_>,
        key: &ChannelKey,
        options: SubscribeOptions,
    ) {
        let (epoch, limits) = (self.epoch, &self.limits);
        let arrival = Arrival {
            subscriber: context.from,
            identity: context.identity.clone(),
            hears: options.presence,
            is_quiet: options.quiet,
            timeout: self.timeouts.get(&context.from).copied().unwrap_or_default(),
        };
        let authority = self
            .channels
            .entry(key.clone())
            .or_insert_with(|| PresenceAuthority::new(key.clone(), epoch, limits));
        let mut told = authority.join(context.now, context.time, arrival);
        told.extend(authority.snapshot(context.now, context.time, context.from));
        tell(key, told, context.out);
        self.settle(key);
    }

    /// A session goes from a channel for good.
    pub(super) fn leave(
        &mut self,
        (now, time): (Time, UnixTime),
        key: &ChannelKey,
        from: SubscriberId,
        user: &UserId,
        out: &mut Vec<Output>,
    ) {
        if let Some(authority) = self.channels.get_mut(key) {
            tell(key, authority.leave(now, time, from, user), out);
            self.settle(key);
        }
    }

    /// A session is gone, and may be followed by another one.
    pub(super) fn lose(&mut self, now: Time, key: &ChannelKey, from: SubscriberId, user: &UserId) {
        if let Some(authority) = self.channels.get_mut(key) {
            authority.lose(from, user, now);
            self.settle(key);
        }
    }

    /// A session counts as lost, and may be heard again.
    pub(super) fn silent(
        &mut self,
        now: Time,
        key: &ChannelKey,
        from: SubscriberId,
        user: &UserId,
    ) {
        if let Some(authority) = self.channels.get_mut(key) {
            authority.silent(from, user, now);
            self.settle(key);
        }
    }

    /// It is heard again.
    pub(super) fn heard(
        &mut self,
        (now, time): (Time, UnixTime),
        key: &ChannelKey,
        from: SubscriberId,
        user: &UserId,
        out: &mut Vec<Output>,
    ) {
        if let Some(authority) = self.channels.get_mut(key) {
            tell(key, authority.heard(now, time, from, user), out);
            self.settle(key);
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Time, time: UnixTime, out: &mut Vec<Output>) {
        while let Some(key) = self.due.pop_due(now) {
            match self.channels.get_mut(&key) {
                Some(authority) => tell(&key, authority.handle_timeout(now, time), out),
                None => debug_assert!(false, "a channel without an authority is due"),
            }
            self.settle(&key);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.due.next()
    }

    /// An authority has changed: it may be due at another time, or not be needed any more.
    fn settle(&mut self, key: &ChannelKey) {
        let authority = self.channels.get(key).filter(|authority| !authority.is_empty());
        self.due.set(key.clone(), authority.and_then(PresenceAuthority::poll_timeout));
        if authority.is_none() {
            self.channels.remove(key);
        }
    }
}

/// On the channel's own lane: in order with its messages, and bounded by its credit.
fn tell(key: &ChannelKey, told: Vec<Fanout>, out: &mut Vec<Output>) {
    debug_assert!(key.kind != ChannelKind::User || told.is_empty(), "users have no presence");
    out.extend(told.into_iter().map(|Fanout { event, to }| Output::Event {
        to,
        lane: LaneKey::Channel(key.kind, key.name.clone()),
        mode: LaneMode::RELIABLE_ORDERED,
        priority: Priority::Normal,
        message: event,
    }));
}
