//! What this client's user shows in its channels (protocol §6.25).

use std::collections::{BTreeMap, BTreeSet};

use rtm_wire::{ChannelKind, ErrorCode, List, State};

use crate::limits::Limits;
use crate::name::ChannelName;
use crate::refusal::Refusal;
use crate::states::{StateLimits, States};

/// States that a client keeps for all channels that it hasn't joined yet, as in RTM 2.x.
pub const CACHED_STATES_MAX: usize = 100;

/// Channels left while the session was lost that are remembered; those of more are forgotten, and
/// the server shows what it knows until the user's presence timeout.
const LEFT_MAX: usize = 1_000;

/// What a client's user wants to show, by channel.
///
/// ```text
///            on_joined             on_lost
///   cached ─────────────► joined ───────────► away      leave: forgotten
///                            ▲    on_joined     │
///                            └──────────────────┘
/// ```
///
/// States that are set before the channel is joined are cached, and sent once it is. They are kept
/// while it is joined, and sent again when the client comes back after a loss: if the loss was
/// short that changes nothing, else it shows them anew. They end with [`leave`](Self::leave).
///
/// The server merges states, so those that were removed without an answer are named when the
/// client comes back. The caller says of each request that it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnStates {
    limits: StateLimits,
    /// At most those channels that are joined, and [`CACHED_STATES_MAX`] besides.
    channels: BTreeMap<(ChannelKind, ChannelName), Own>,
}

/// What is to be sent after a join: first what is to be removed, then what is to be set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatesToSend<'a> {
    /// Keys to remove, none of them meaning all; `None` if there is nothing to remove.
    pub removed: Option<Vec<&'a str>>,
    /// All that is to be shown; nothing is to be sent if it is empty.
    pub states: Vec<State<'a>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Own {
    phase: Phase,
    states: States,
    removed: Removed,
    /// Requests without an answer.
    open: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Cached,
    Joined,
    Away,
    /// Left, and the server may not know it; otherwise as cached.
    Left,
}

/// What the server may still show although it was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Removed {
    /// These, at most as many as a user may show.
    Keys(BTreeSet<Box<str>>),
    /// More than could be kept.
    Unknown,
}

impl OwnStates {
    /// Nothing to show. The limits are those of the server, as far as the client knows them.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self { limits: StateLimits::new(limits), channels: BTreeMap::new() }
    }

    /// The server has told its limits; what is kept already stays.
    pub fn set_limits(&mut self, limits: &Limits) {
        self.limits = StateLimits::new(limits);
    }

    /// The user shows something in a channel, besides what it shows there already; whether that is
    /// to be sent now. Else the channel isn't joined just now, and it is sent later.
    ///
    /// # Errors
    /// As of [`PresenceAuthority::set_states`](crate::PresenceAuthority::set_states); and too many
    /// are kept for channels that are not joined yet. A refusal changes nothing.
    pub fn set(
        &mut self,
        kind: ChannelKind,
        channel: &ChannelName,
        states: List<'_, State<'_>>,
    ) -> Result<bool, Refusal> {
        let key = (kind, channel.clone());
        let mut own = self.channels.get(&key).cloned().unwrap_or_else(Own::new);
        own.states.set(&self.limits, states)?;
        if own.phase.is_before() {
            self.check_cached(&key, own.states.len())?;
        }
        if let Removed::Keys(removed) = &mut own.removed {
            removed.retain(|key| !own.states.contains(key));
        }
        let is_joined = own.ask();
        if !own.is_nothing() {
            self.channels.insert(key, own);
        }
        Ok(is_joined)
    }

    /// The user shows the states of these keys no more, or none at all if there are no keys;
    /// whether that is to be sent now. A key that isn't there is passed over.
    pub fn remove(
        &mut self,
        kind: ChannelKind,
        channel: &ChannelName,
        keys: List<'_, &str>,
    ) -> bool {
        let key = (kind, channel.clone());
        let Some(own) = self.channels.get_mut(&key) else { return false };
        if !own.phase.is_before() {
            own.removed.add(&own.states, keys, self.limits.count());
        }
        own.states.remove(keys);
        let is_joined = own.ask();
        if own.is_nothing() {
            self.channels.remove(&key);
        }
        is_joined
    }

    /// The server has refused a state, which therefore is as it was before; unless it has been set
    /// to something else meanwhile.
    pub fn undo(
        &mut self,
        kind: ChannelKind,
        channel: &ChannelName,
        key: &str,
        tried: &[u8],
        before: Option<&[u8]>,
    ) {
        let Some(own) = self.channels.get_mut(&(kind, channel.clone())) else { return };
        if !own.states.iter().any(|state| state.key == key && state.value == tried) {
            return;
        }
        own.states.remove(List::Slice(&[key]));
        if let Some(value) = before {
            own.states.merge(&self.limits, List::Slice(&[State { key, value }]));
        }
    }

    /// The server has refused a removal: these are still shown, unless they were set anew.
    pub fn put_back(
        &mut self,
        kind: ChannelKind,
        channel: &ChannelName,
        states: List<'_, State<'_>>,
    ) {
        let Some(own) = self.channels.get_mut(&(kind, channel.clone())) else { return };
        let gone: Vec<_> = states.iter().filter(|state| !own.states.contains(state.key)).collect();
        own.states.merge(&self.limits, List::Slice(&gone));
    }

    /// A removal that was named when the client came back was refused: it is to be named again; all
    /// if there are no keys.
    pub fn still_removed(
        &mut self,
        kind: ChannelKind,
        channel: &ChannelName,
        keys: List<'_, &str>,
    ) {
        let Some(own) = self.channels.get_mut(&(kind, channel.clone())) else { return };
        match &mut own.removed {
            Removed::Keys(removed) if !keys.is_empty() => {
                removed.extend(keys.iter().map(Box::<str>::from));
                removed.retain(|key| !own.states.contains(key));
            }
            removed => *removed = Removed::Unknown,
        }
    }

    /// Whether the channel is joined, as far as this knows.
    #[must_use]
    pub fn is_joined(&self, kind: ChannelKind, channel: &ChannelName) -> bool {
        let own = self.channels.get(&(kind, channel.clone()));
        own.is_some_and(|own| own.phase == Phase::Joined)
    }

    /// The channel is joined, or joined again, and others are told so: what is to be sent. Also
    /// when the server tells that the client's own user has come, as it does after a silence that
    /// was too long.
    pub fn on_joined(&mut self, kind: ChannelKind, channel: &ChannelName) -> StatesToSend<'_> {
        let own = self.channels.entry((kind, channel.clone())).or_insert_with(Own::new);
        own.phase = Phase::Joined;
        let to_send = StatesToSend { removed: own.removed.keys(), states: own.states.list() };
        own.open += usize::from(to_send.removed.is_some());
        own.open += usize::from(!to_send.states.is_empty());
        to_send
    }

    /// One request that was to be sent for this channel was answered, whatever the answer says.
    pub fn on_answered(&mut self, kind: ChannelKind, channel: &ChannelName) {
        let Some(own) = self.channels.get_mut(&(kind, channel.clone())) else { return };
        own.open = own.open.saturating_sub(1);
        if own.open == 0 && own.phase == Phase::Joined {
            own.removed = Removed::none();
        }
    }

    /// The session is gone: nothing is joined until the client has come back, and what wasn't
    /// answered never will be.
    pub fn on_lost(&mut self) {
        for own in self.channels.values_mut() {
            own.open = 0;
            if own.phase == Phase::Joined {
                own.phase = Phase::Away;
            }
        }
    }

    /// The channel is left, or will not be joined again: nothing is shown there any more.
    ///
    /// Who leaves while the session is lost, or before it is lost without an answer, can't tell the
    /// server, which still shows what it knows if the user comes again in time: then all of it is
    /// removed first, unless [`on_left`](Self::on_left) says that the server knows.
    pub fn leave(&mut self, kind: ChannelKind, channel: &ChannelName) {
        let key = (kind, channel.clone());
        let Some(own) = self.channels.remove(&key) else { return };
        let left = self.channels.values().filter(|own| own.phase == Phase::Left).count();
        if own.phase != Phase::Cached && left < LEFT_MAX {
            let left = Own { phase: Phase::Left, removed: Removed::Unknown, ..Own::new() };
            self.channels.insert(key, left);
        }
    }

    /// The server has answered that the channel is left.
    pub fn on_left(&mut self, kind: ChannelKind, channel: &ChannelName) {
        let key = (kind, channel.clone());
        let Some(own) = self.channels.get_mut(&key) else { return };
        if own.phase == Phase::Left {
            (own.phase, own.removed) = (Phase::Cached, Removed::none());
        }
        if own.is_nothing() {
            self.channels.remove(&key);
        }
    }

    /// What the user shows or wants to show in a channel, by key.
    pub fn states(
        &self,
        kind: ChannelKind,
        channel: &ChannelName,
    ) -> impl Iterator<Item = State<'_>> + use<'_> {
        let own = self.channels.get(&(kind, channel.clone()));
        own.into_iter().flat_map(|own| own.states.iter())
    }

    /// Checks that there is room for `count` states of this channel that isn't joined yet.
    fn check_cached(&self, key: &(ChannelKind, ChannelName), count: usize) -> Result<(), Refusal> {
        let others = self.channels.iter();
        let others = others.filter(|(other, own)| *other != key && own.phase.is_before());
        let count = count + others.map(|(_, own)| own.states.len()).sum::<usize>();
        if count <= CACHED_STATES_MAX {
            return Ok(());
        }
        let reason = format!(
            "{count} states for channels that aren't joined, above the limit of \
             {CACHED_STATES_MAX}; join some of them first"
        );
        Err(Refusal::new(ErrorCode::PRESENCE_CACHED_TOO_MANY_STATES, reason))
    }
}

impl Phase {
    /// Whether the channel isn't joined, nor about to be joined again.
    const fn is_before(self) -> bool {
        matches!(self, Self::Cached | Self::Left)
    }
}

impl Own {
    fn new() -> Self {
        let (states, removed) = (States::default(), Removed::none());
        Self { phase: Phase::Cached, states, removed, open: 0 }
    }

    /// Whether a request is to be sent; then it is counted.
    fn ask(&mut self) -> bool {
        let is_joined = self.phase == Phase::Joined;
        self.open += usize::from(is_joined);
        is_joined
    }

    /// Whether nothing has to be kept.
    fn is_nothing(&self) -> bool {
        self.phase == Phase::Cached && self.states.is_empty()
    }
}

impl Removed {
    const fn none() -> Self {
        Self::Keys(BTreeSet::new())
    }

    /// Notes those of `states` that are going to be removed.
    fn add(&mut self, states: &States, keys: List<'_, &str>, limit: usize) {
        let Self::Keys(removed) = self else { return };
        match keys.is_empty() {
            true => removed.extend(states.keys().map(Box::from)),
            false => {
                let known = keys.iter().filter(|key| states.contains(key));
                removed.extend(known.map(Box::from));
            }
        }
        if removed.len() > limit {
            *self = Self::Unknown;
        }
    }

    fn keys(&self) -> Option<Vec<&str>> {
        match self {
            Self::Keys(keys) if keys.is_empty() => None,
            Self::Keys(keys) => Some(keys.iter().map(|key| &**key).collect()),
            Self::Unknown => Some(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests;
