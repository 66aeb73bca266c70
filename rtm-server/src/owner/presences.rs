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
        let (now, time, from) = (context.now, context.time, context.from);
        self.channels
            .entry(key.clone())
            .or_insert_with(|| PresenceAuthority::new(key.clone(), epoch, limits));
        self.with(key, context.out, |authority| {
            let mut told = authority.join(now, time, arrival);
            told.extend(authority.snapshot(now, time, from));
            told
        });
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
        self.with(key, out, |authority| authority.leave(now, time, from, user));
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
        self.with(key, out, |authority| authority.heard(now, time, from, user));
    }

    pub(super) fn handle_timeout(&mut self, now: Time, time: UnixTime, out: &mut Vec<Output>) {
        while let Some(key) = self.due.pop_due(now) {
            debug_assert!(self.channels.contains_key(&key), "what is due has an authority");
            self.with(&key, out, |authority| authority.handle_timeout(now, time));
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.due.next()
    }

    /// Does something in a channel, if anybody is there, and tells what comes of it.
    fn with(
        &mut self,
        key: &ChannelKey,
        out: &mut Vec<Output>,
        act: impl FnOnce(&mut PresenceAuthority) -> Vec<Fanout>,
    ) {
        if let Some(authority) = self.channels.get_mut(key) {
            tell(key, act(authority), out);
            self.settle(key);
        }
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
        time_left: None,
        message: event,
    }));
}
