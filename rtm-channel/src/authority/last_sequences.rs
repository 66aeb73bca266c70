//! Where channels without members left off.

use std::collections::BTreeMap;

use rtm_wire::Sequence;

use crate::identity::ChannelKey;

/// The last sequences of channels whose authorities were dropped, so that new ones carry on from
/// there: positions never go back, and have no holes as long as the channel is remembered.
///
/// An owner keeps one for each epoch. It remembers so many channels exactly, 150 to 400 bytes each;
/// of those that were dropped before, it only knows that they lie below one common floor. Then a
/// subscriber that was away sees a gap that names more than is missing, never less.
///
/// ```
/// use rtm_channel::{AppId, ChannelKey, ChannelName, LastSequences};
/// use rtm_wire::{ChannelKind, Sequence};
///
/// let (app, name) = (AppId::new("demo")?, ChannelName::new("lobby")?);
/// let key = ChannelKey { app, kind: ChannelKind::Message, name };
/// let mut last = LastSequences::new(10_000);
/// assert_eq!(last.take(&key), Sequence(0));
/// // Here an authority is made with that floor, numbers three messages, and is dropped.
/// last.insert(key.clone(), Sequence(3));
/// assert_eq!(last.take(&key), Sequence(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastSequences {
    channels_max: usize,
    floor: Sequence,
    /// Each channel's turn to be forgotten, and its last sequence.
    channels: BTreeMap<ChannelKey, (u64, Sequence)>,
    /// The same channels, by turn.
    turns: BTreeMap<u64, ChannelKey>,
    next_turn: u64,
}

impl LastSequences {
    /// No channel yet, and at most `channels_max`.
    #[must_use]
    pub const fn new(channels_max: usize) -> Self {
        Self {
            channels_max,
            floor: Sequence(0),
            channels: BTreeMap::new(),
            turns: BTreeMap::new(),
            next_turn: 0,
        }
    }

    /// The channel's authority is dropped.
    pub fn insert(&mut self, key: ChannelKey, last: Sequence) {
        self.forget(&key);
        self.turns.insert(self.next_turn, key.clone());
        self.channels.insert(key, (self.next_turn, last));
        self.next_turn += 1;
        if self.channels.len() > self.channels_max {
            if let Some((_, oldest)) = self.turns.pop_first() {
                if let Some((_, last)) = self.channels.remove(&oldest) {
                    self.floor = self.floor.max(last);
                }
            }
        }
    }

    /// What the channel's new authority carries on from.
    pub fn take(&mut self, key: &ChannelKey) -> Sequence {
        self.forget(key).unwrap_or(self.floor)
    }

    fn forget(&mut self, key: &ChannelKey) -> Option<Sequence> {
        let (turn, last) = self.channels.remove(key)?;
        self.turns.remove(&turn);
        Some(last)
    }
}

#[cfg(test)]
mod tests {
    use rtm_wire::ChannelKind;

    use super::*;
    use crate::name::{AppId, ChannelName};

    fn key(name: &str) -> ChannelKey {
        ChannelKey {
            app: AppId::new("app").expect("a name"),
            kind: ChannelKind::Message,
            name: ChannelName::new(name).expect("a name"),
        }
    }

    #[test]
    fn channels_are_remembered_exactly_up_to_the_limit_and_below_a_floor_beyond() {
        let mut last = LastSequences::new(2);
        last.insert(key("a"), Sequence(50));
        last.insert(key("b"), Sequence(7));
        last.insert(key("a"), Sequence(51));
        assert_eq!(last.take(&key("never seen")), Sequence(0));
        last.insert(key("c"), Sequence(3));
        assert_eq!(last.take(&key("b")), Sequence(7), "the longest gone became the floor");
        assert_eq!(last.take(&key("a")), Sequence(51));
        assert_eq!(last.take(&key("a")), Sequence(7), "taken is forgotten");
        assert_eq!((last.channels.len(), last.turns.len()), (1, 1));
    }
}
