//! Who is in the channels of one app.

use std::collections::BTreeMap;
use std::time::Duration;

use rtm_channel::{
    Arrival, ChannelKey, Fanout, Limits, PresenceAuthority, Refusal, SubscriberId, UserId,
};
use rtm_session::Deadlines;
use rtm_wire::{ChannelKind, Epoch, List, State, SubscribeOptions, Time, UnixTime};

use super::command::{LaneKey, Output};
use super::context::Context;
use super::outbox::Outbox;
use super::places::Places;

/// Invariants: an authority exists while it isn't empty; `due` holds its next deadline, if it has
/// one.
#[derive(Debug)]
pub(super) struct Presences {
    epoch: Epoch,
    limits: Limits,
    channels: BTreeMap<ChannelKey, PresenceAuthority>,
    /// How long the loss of each session isn't told.
    timeouts: BTreeMap<SubscriberId, Duration>,
    places: Places,
    due: Deadlines<ChannelKey>,
}

impl Presences {
    pub(super) const fn new(epoch: Epoch, limits: Limits) -> Self {
        Self {
            epoch,
            limits,
            channels: BTreeMap::new(),
            timeouts: BTreeMap::new(),
            places: Places::new(),
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
        self.places.note(&context.identity.user, key);
        if self.places.is_full() {
            let users = self
                .channels
                .iter()
                .flat_map(|(key, authority)| authority.users().map(move |user| (user, key)));
            self.places.rebuild(users);
        }
    }

    /// A user shows something in a channel.
    pub(super) fn set_states(
        &mut self,
        context: &mut Context<'_>,
        key: &ChannelKey,
        states: List<'_, State<'_>>,
    ) -> Result<(), Refusal> {
        let (now, time, from) = (context.now, context.time, context.from);
        let user = &context.identity.user;
        let set = |it: &mut PresenceAuthority| it.set_states(now, time, from, user, states);
        self.change(key, context.out, set)
    }

    /// It shows something no more.
    pub(super) fn remove_states(
        &mut self,
        context: &mut Context<'_>,
        key: &ChannelKey,
        keys: List<'_, &str>,
    ) -> Result<(), Refusal> {
        let (now, time, from) = (context.now, context.time, context.from);
        let user = &context.identity.user;
        let remove = |it: &mut PresenceAuthority| it.remove_states(now, time, from, user, keys);
        self.change(key, context.out, remove)
    }

    /// Who is in a channel, if anybody is.
    pub(super) fn channel(&self, key: &ChannelKey) -> Option<&PresenceAuthority> {
        self.channels.get(key)
    }

    /// The channels that a user is in, as far as others are told.
    pub(super) fn channels_of(&self, user: &UserId) -> impl Iterator<Item = &ChannelKey> {
        let is_there = |key: &&ChannelKey| {
            self.channels.get(key).is_some_and(|authority| authority.is_present(user.as_str()))
        };
        self.places.of(user).filter(is_there)
    }

    /// A session goes from a channel for good.
    pub(super) fn leave(
        &mut self,
        (now, time): (Time, UnixTime),
        key: &ChannelKey,
        from: SubscriberId,
        user: &UserId,
        out: &mut Outbox,
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
        out: &mut Outbox,
    ) {
        self.with(key, out, |authority| authority.heard(now, time, from, user));
    }

    pub(super) fn handle_timeout(&mut self, now: Time, time: UnixTime, out: &mut Outbox) {
        while let Some(key) = self.due.pop_due(now) {
            debug_assert!(self.channels.contains_key(&key), "what is due has an authority");
            self.with(&key, out, |authority| authority.handle_timeout(now, time));
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.due.next()
    }

    /// Does something that may be refused, and is if nobody is there.
    fn change(
        &mut self,
        key: &ChannelKey,
        out: &mut Outbox,
        act: impl FnOnce(&mut PresenceAuthority) -> Result<Vec<Fanout>, Refusal>,
    ) -> Result<(), Refusal> {
        let authority = self.channels.get_mut(key).ok_or_else(PresenceAuthority::not_writable)?;
        tell(key, act(authority)?, out);
        self.settle(key);
        Ok(())
    }

    /// Does something in a channel, if anybody is there, and tells what comes of it.
    fn with(
        &mut self,
        key: &ChannelKey,
        out: &mut Outbox,
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
fn tell(key: &ChannelKey, told: Vec<Fanout>, out: &mut Outbox) {
    debug_assert!(key.kind != ChannelKind::User || told.is_empty(), "users have no presence");
    out.extend(
        told.into_iter().map(|Fanout { event, to }| Output::in_order(LaneKey::of(key), to, event)),
    );
}
