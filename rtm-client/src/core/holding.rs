//! Locks that this client's user has and may rely on.

use rtm_channel::{ChannelName, ViewState};
use rtm_topic::Membership;
use rtm_wire::{Acquired, ChannelKind, Position, Time};

use super::Core;
use super::command::{HeldLocks, Output};
use crate::channel_id::ChannelId;

impl<W> Core<W> {
    /// A lock was acquired that was asked for at `asked`, which the server has heard.
    pub(super) fn hold(
        &mut self,
        channel: &ChannelId,
        name: &str,
        acquired: Acquired,
        asked: Time,
    ) {
        let heard = self.heard_until().map_or(asked, |heard| heard.max(asked));
        let place = (channel.kind(), channel.channel_name());
        self.holdings.acquired(place, name, acquired, heard);
        // Something may have been told already.
        self.note_told(channel);
    }

    /// A lock is about to be given up.
    pub(super) fn unhold(&mut self, channel: &ChannelId, name: &str) {
        self.holdings.released(channel.kind(), channel.channel_name(), name);
        self.tell_held();
    }

    /// The server counts the session as being in the channel.
    pub(super) fn hold_on(&mut self, kind: ChannelKind, channel: &ChannelName, at: Position) {
        self.holdings.joined(kind, channel, at.epoch);
        // The list of locks may have come before the answer.
        self.note_told(&ChannelId::of(kind, channel));
    }

    /// The channel is left.
    pub(super) fn end_holdings(&mut self, kind: ChannelKind, channel: &ChannelName) {
        self.holdings.left(kind, channel);
        self.tell_held();
    }

    /// Something is known of the channel's locks.
    pub(super) fn note_told(&mut self, channel: &ChannelId) {
        let name = channel.channel_name();
        let view = match channel.is_stream() {
            true => self.streams.get(name).map(|entry| &entry.locks),
            false => self.channels.get(name).map(|entry| &entry.locks),
        };
        if let Some(view) = view.filter(|view| view.is_told()) {
            let user = &self.config.user_id;
            self.holdings.told((channel.kind(), name), user, |lock| view.lock(lock));
        }
        self.tell_held();
    }

    /// Time passes, and packets are acknowledged.
    pub(super) fn advance_holdings(&mut self, now: Time) {
        if self.holdings.is_empty() {
            return;
        }
        self.holdings.expire(now);
        if let Some(heard) = self.heard_until() {
            let (channels, streams) = (&self.channels, &self.streams);
            self.holdings.heard(heard, |kind, name| match kind {
                ChannelKind::Stream => streams
                    .get(name)
                    .is_some_and(|it| matches!(it.view.membership(), Membership::Joined(_))),
                _ => channels
                    .get(name)
                    .is_some_and(|it| matches!(it.view.state(), ViewState::Subscribed { .. })),
            });
        }
        self.tell_held();
    }

    /// Tells which locks may be relied on, if that has changed.
    pub(super) fn tell_held(&mut self) {
        let now = || {
            let held = self.holdings.iter();
            held.map(|(kind, channel, name, token)| (kind, channel, name, token.0))
        };
        let before = self.held.iter().map(|((channel, name), token)| {
            (channel.kind(), channel.channel_name(), name.as_str(), *token)
        });
        if now().eq(before) {
            return;
        }
        let held: HeldLocks = now()
            .map(|(kind, channel, name, token)| {
                ((ChannelId::of(kind, channel), name.to_owned()), token)
            })
            .collect();
        self.held.clone_from(&held);
        self.outputs.push_back(Output::Held(held));
    }

    /// When the newest packet was sent that the server is known to have.
    fn heard_until(&self) -> Option<Time> {
        let session = self.connection.session()?;
        self.endpoint.stats(session)?.heard_until
    }
}
