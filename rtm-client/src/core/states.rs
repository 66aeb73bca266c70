//! What this user shows in channels, and how what others show is read.

use std::time::Duration;

use rtm_channel::OwnStates;
use rtm_wire::{
    ChannelKind, LaneId, List, MessageType, PresentUser, RemoveStates, SetStates, State, Time,
};

use super::Core;
use super::command::Answer;
use super::operations::{Operation, Purpose};
use super::seal::{self, Envelope};
use crate::channel_id::ChannelId;
use crate::error::{Error, ErrorKind};
use crate::limits::ServerLimits;
use crate::presence::UserState;

/// Pause before states are shown again that were too much at a time.
const AGAIN_PAUSE: Duration = Duration::from_secs(1);
/// What a topic is never called: sealed states are no messages.
const SEALED_AS: &str = "_state";

/// A state as it was asked for, and as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tried {
    key: String,
    value: String,
    before: Option<Vec<u8>>,
}

impl<W> Core<W> {
    pub(super) fn set_states(
        &mut self,
        now: Time,
        channel: ChannelId,
        states: &[(String, String)],
        waiter: Option<W>,
    ) {
        let before = self.tried(&channel, states);
        let plain: Vec<_> = states.iter().map(state).collect();
        let (kind, name) = (channel.kind(), channel.channel_name());
        match self.own_states.set(kind, name, List::Slice(&plain)) {
            Err(refusal) => self.answer(waiter, Err(refusal.into())),
            // Kept until the channel is joined.
            Ok(false) => self.answer(waiter, Ok(Answer::Done)),
            Ok(true) => self.send_own(now, &channel, states, before, waiter),
        }
    }

    pub(super) fn remove_states(
        &mut self,
        now: Time,
        channel: ChannelId,
        keys: &[String],
        waiter: Option<W>,
    ) {
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        if let Err(error) = check_names(keys.iter().copied()) {
            return self.answer(waiter, Err(error));
        }
        let (kind, name) = (channel.kind(), channel.channel_name());
        let is_meant = |key: &str| keys.is_empty() || keys.contains(&key);
        let removed = self.own_states.states(kind, name).filter(|state| is_meant(state.key));
        let removed = removed.map(|state| (state.key.to_owned(), state.value.to_vec())).collect();
        if self.own_states.remove(kind, name, List::Slice(&keys)) {
            self.send_removal(now, &channel, &keys, removed, waiter);
        } else {
            self.answer(waiter, Ok(Answer::Done));
        }
    }

    /// The user is told to be in a channel, or again: so it is with what it shows there.
    pub(super) fn show_states(&mut self, now: Time, channel: &ChannelId) {
        let to_send = self.own_states.on_joined(channel.kind(), channel.channel_name());
        let owned = |state: &State<'_>| {
            (state.key.to_owned(), String::from_utf8_lossy(state.value).into_owned())
        };
        let states: Vec<_> = to_send.states.iter().map(owned).collect();
        let removed =
            to_send.removed.map(|keys| Vec::from_iter(keys.into_iter().map(String::from)));
        if let Some(removed) = removed {
            let keys: Vec<_> = removed.iter().map(String::as_str).collect();
            self.send_removal(now, channel, &keys, Vec::new(), None);
        }
        if !states.is_empty() {
            self.send_own(now, channel, &states, Vec::new(), None);
        }
    }

    /// Nobody is logged in any more, and nothing is kept for later.
    pub(super) fn forget_states(&mut self) {
        self.own_states = none(&self.limits, self.sealer.is_some());
    }

    pub(super) fn note_state_limits(&mut self) {
        let limits = allowed(&self.limits, self.sealer.is_some());
        self.own_states.set_limits(&limits);
    }

    /// The channel is left: nothing is shown there any more, and nothing held.
    pub(super) fn end_own(&mut self, kind: ChannelKind, channel: &rtm_channel::ChannelName) {
        self.own_states.leave(kind, channel);
        self.end_holdings(kind, channel);
    }

    pub(super) fn on_states_answered(&mut self, channel: &ChannelId) {
        self.own_states.on_answered(channel.kind(), channel.channel_name());
    }

    /// The server refuses that the user shows something, or shows it no more: what it showed before
    /// stays. What was to be shown again after a loss is tried again, if it was too much at a time.
    pub(super) fn on_states_refused(&mut self, now: Time, operation: Operation<W>, error: Error) {
        let Operation { purpose, waiter, .. } = operation;
        let is_asked_for = waiter.is_some();
        let channel = match purpose {
            Purpose::SetStates { channel, tried } => {
                let (kind, name) = (channel.kind(), channel.channel_name());
                for Tried { key, value, before } in &tried {
                    self.own_states.undo(kind, name, key, value.as_bytes(), before.as_deref());
                }
                channel
            }
            Purpose::RemoveStates { channel, removed, keys } => {
                let (kind, name) = (channel.kind(), channel.channel_name());
                let removed: Vec<_> =
                    removed.iter().map(|(key, value)| State { key, value }).collect();
                let keys: Vec<_> = keys.iter().map(String::as_str).collect();
                match is_asked_for {
                    true => self.own_states.put_back(kind, name, List::Slice(&removed)),
                    false => self.own_states.still_removed(kind, name, List::Slice(&keys)),
                }
                channel
            }
            _ => return self.answer(waiter, Err(error)),
        };
        if !is_asked_for && error.kind() == ErrorKind::TooFrequent {
            self.states_due.set_if_none(channel, now + AGAIN_PAUSE);
            return;
        }
        self.on_states_answered(&channel);
        if !is_asked_for {
            tracing::warn!(%channel, %error, "states are not shown");
        }
        self.answer(waiter, Err(error));
    }

    /// Shows again what was too much at a time.
    pub(super) fn advance_states(&mut self, now: Time) {
        while let Some(channel) = self.states_due.pop_due(now) {
            if self.own_states.is_joined(channel.kind(), channel.channel_name()) {
                self.show_states(now, &channel);
            }
        }
    }

    /// A user with what it shows, as far as it can be read.
    pub(super) fn user_state(
        &mut self,
        channel: &ChannelId,
        present: &PresentUser<'_>,
    ) -> UserState {
        self.readable(channel, present.user, present.states.iter())
    }

    pub(super) fn readable<'a>(
        &mut self,
        channel: &ChannelId,
        user: &str,
        states: impl Iterator<Item = State<'a>>,
    ) -> UserState {
        let mut read = UserState::new(user);
        for State { key, value } in states {
            let mut value = bytes::Bytes::copy_from_slice(value);
            let is_open = self.open_sealed(&envelope(channel, user, key), &mut value);
            match String::from_utf8(value.into()) {
                Ok(value) if is_open => _ = read.states.insert(key.to_owned(), value),
                _ => read.unreadable.push(key.to_owned()),
            }
        }
        read
    }

    fn tried(&self, channel: &ChannelId, states: &[(String, String)]) -> Vec<Tried> {
        let shown: Vec<_> =
            self.own_states.states(channel.kind(), channel.channel_name()).collect();
        let tried = states.iter().map(|(key, value)| {
            let before = shown.iter().find(|state| state.key == key);
            let before = before.map(|state| state.value.to_vec());
            Tried { key: key.clone(), value: value.clone(), before }
        });
        tried.collect()
    }

    fn send_own(
        &mut self,
        now: Time,
        channel: &ChannelId,
        states: &[(String, String)],
        tried: Vec<Tried>,
        waiter: Option<W>,
    ) {
        let user = self.config.user_id.clone();
        let sealed: Vec<_> = states
            .iter()
            .map(|(key, value)| {
                let sealed = self.seal(&envelope(channel, user.as_str(), key), value.as_bytes());
                (key.as_str(), sealed.unwrap_or_else(|| value.clone().into_bytes()))
            })
            .collect();
        let states: Vec<_> = sealed.iter().map(|(key, value)| State { key, value }).collect();
        let set = SetStates { channel: channel.wire(), states: List::Slice(&states) };
        let purpose = Purpose::SetStates { channel: channel.clone(), tried };
        self.request(now, LaneId::CONTROL, set, purpose, waiter);
    }

    fn send_removal(
        &mut self,
        now: Time,
        channel: &ChannelId,
        keys: &[&str],
        removed: Vec<(String, Vec<u8>)>,
        waiter: Option<W>,
    ) {
        let remove = RemoveStates { channel: channel.wire(), keys: List::Slice(keys) };
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        let purpose = Purpose::RemoveStates { channel: channel.clone(), removed, keys };
        self.request(now, LaneId::CONTROL, remove, purpose, waiter);
    }
}

/// Nothing is shown, within what the server allows. Sealing makes values longer.
pub(super) fn none(limits: &ServerLimits, is_sealed: bool) -> OwnStates {
    OwnStates::new(&allowed(limits, is_sealed))
}

fn allowed(limits: &ServerLimits, is_sealed: bool) -> rtm_channel::Limits {
    limits.of_states(if is_sealed { seal::OVERHEAD } else { 0 })
}

fn state((key, value): &(String, String)) -> State<'_> {
    State { key, value: value.as_bytes() }
}

fn envelope<'a>(channel: &'a ChannelId, user: &'a str, key: &'a str) -> Envelope<'a> {
    Envelope {
        kind: channel.kind(),
        channel: channel.name(),
        topic: SEALED_AS,
        publisher: user,
        message_type: MessageType::String,
        custom_type: key,
    }
}

/// A key or user that no server could read.
pub(super) fn check_names<'a>(mut names: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let limit = rtm_wire::limits::NAME;
    match names.find(|name| name.len() > limit) {
        None => Ok(()),
        Some(long) => {
            let wrong = format!("a name of {} bytes, above the limit of {limit}", long.len());
            Err(Error::of(ErrorKind::InvalidState, wrong))
        }
    }
}
