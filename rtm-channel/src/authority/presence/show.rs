//! What users show in a channel (protocol §6.25).

use rtm_wire::{ErrorCode, List, PresenceChange, State, Time, UnixTime};

use super::{PresenceAuthority, Present, Stand};
use crate::authority::message::Fanout;
use crate::name::{SubscriberId, UserId};
use crate::refusal::Refusal;

impl PresenceAuthority {
    /// A session of this user shows something: what the others are told, which is nothing if it has
    /// shown the same before. What it shows besides stays.
    ///
    /// # Errors
    /// The others aren't told of this session, since it isn't in the channel, is quiet, or has come
    /// when the channel was full. A key or value is none or too long, a key is named twice, or
    /// there are too many. A refusal changes nothing.
    pub fn set_states(
        &mut self,
        now: Time,
        time: UnixTime,
        subscriber: SubscriberId,
        user: &UserId,
        states: List<'_, State<'_>>,
    ) -> Result<Vec<Fanout>, Refusal> {
        let limits = self.state_limits;
        let has_changed = self.shown(subscriber, user)?.states.set(&limits, states)?;
        Ok(self.tell_states(now, time, subscriber, user, has_changed))
    }

    /// A session of this user shows the states of these keys no more, or none at all if there are
    /// no keys: what the others are told. A key that isn't there is passed over.
    ///
    /// # Errors
    /// The others aren't told of this session, as in [`set_states`](Self::set_states).
    pub fn remove_states(
        &mut self,
        now: Time,
        time: UnixTime,
        subscriber: SubscriberId,
        user: &UserId,
        keys: List<'_, &str>,
    ) -> Result<Vec<Fanout>, Refusal> {
        let has_changed = self.shown(subscriber, user)?.states.remove(keys);
        Ok(self.tell_states(now, time, subscriber, user, has_changed))
    }

    /// The refusal of states where the others aren't told of who sets them; also for a channel
    /// without an authority, which nobody is in.
    #[must_use]
    pub fn not_writable() -> Refusal {
        let reason = "others aren't told that you are in this channel, so you can't show states; \
                      subscribe or join first, and not as quiet";
        Refusal::new(ErrorCode::PRESENCE_NOT_WRITABLE, reason)
    }

    fn tell_states(
        &mut self,
        now: Time,
        time: UnixTime,
        subscriber: SubscriberId,
        user: &UserId,
        has_changed: bool,
    ) -> Vec<Fanout> {
        let change = PresenceChange::StateChanged;
        let told = has_changed.then(|| self.tell(now, time, user, change, Some(subscriber)));
        Vec::from_iter(told.flatten())
    }

    /// The user, if others are told of it and this very session stands for it.
    fn shown(&mut self, subscriber: SubscriberId, user: &UserId) -> Result<&mut Present, Refusal> {
        let present = self.present(subscriber, user);
        present.filter(|present| present.stand == Stand::Here).ok_or_else(Self::not_writable)
    }
}
