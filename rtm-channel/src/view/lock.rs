//! The view of a channel's locks (protocol §6.27).

use rtm_wire::{LockChange, LockEvent, Position};

/// What to do with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockVerdict {
    /// Hand it to the user.
    Deliver,
    /// It belongs to a former subscription, or has been told before.
    Stale,
}

/// What has been told of the locks of one channel, for one subscription of one session.
///
/// It keeps no locks: a snapshot has all of them, and each event the lock that it is about, as it
/// is then. Who has a lock by what it was told may have lost it in the meantime; an owner that the
/// authority has lost can't be told. Against that only the token helps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockView {
    /// The last event that counted; before the first snapshot nothing counts.
    position: Option<Position>,
}

impl LockView {
    /// A view that waits for its first snapshot.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an event.
    pub fn on_event(&mut self, event: &LockEvent<'_>) -> LockVerdict {
        let is_new = match self.position {
            Some(known) => event.position > known,
            None => event.change == LockChange::Snapshot,
        };
        if !is_new {
            return LockVerdict::Stale;
        }
        self.position = Some(event.position);
        LockVerdict::Deliver
    }

    /// The session is gone: the next snapshot begins anew.
    pub fn on_disconnected(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use rtm_wire::{ChannelKind, ChannelRef, Epoch, List, Sequence, UnixTime};

    use super::*;

    fn event(change: LockChange, sequence: u64) -> LockEvent<'static> {
        LockEvent {
            channel: ChannelRef { kind: ChannelKind::Message, name: "lobby" },
            change,
            position: Position { epoch: Epoch(1), sequence: Sequence(sequence) },
            time: UnixTime::from_millis(0),
            actor: "",
            locks: List::Slice(&[]),
        }
    }

    #[test]
    fn nothing_counts_before_a_snapshot_and_nothing_old_after_it() {
        let mut view = LockView::new();
        let acquired = |sequence| event(LockChange::Acquired, sequence);
        assert_eq!(view.on_event(&acquired(5)), LockVerdict::Stale);
        assert_eq!(view.on_event(&event(LockChange::Snapshot, 6)), LockVerdict::Deliver);
        assert_eq!(view.on_event(&acquired(6)), LockVerdict::Stale);
        assert_eq!(view.on_event(&acquired(9)), LockVerdict::Deliver);
        view.on_disconnected();
        assert_eq!(view.on_event(&acquired(10)), LockVerdict::Stale);
        assert_eq!(view.on_event(&event(LockChange::Snapshot, 10)), LockVerdict::Deliver);
    }
}
