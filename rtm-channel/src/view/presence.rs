//! The view of who is in a channel (protocol §6.23).

use std::collections::BTreeSet;

use rtm_wire::{List, Position, PresenceChange, PresenceEvent};

/// Users that a view keeps; of more it forgets whom it hears of last.
pub const PRESENCE_VIEW_MAX: usize = 10_000;

/// What to do with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresenceVerdict {
    /// Hand it to the user. After a snapshot, [`PresenceView::users`] are all that it names.
    Deliver,
    /// The rest of a snapshot is still to come.
    Partial,
    /// It belongs to a former subscription, or has been told before.
    Stale,
}

/// The mirror of who is in one channel, for one subscription of one session.
///
/// Equal to the authority's truth once all events have arrived, as long as no more users are there
/// than snapshots name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PresenceView {
    /// The last event that counted; before the first snapshot nothing counts.
    position: Option<Position>,
    is_partial: bool,
    users: BTreeSet<Box<str>>,
    total: u64,
}

impl PresenceView {
    /// A view that waits for its first snapshot.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an event.
    pub fn on_event(&mut self, event: &PresenceEvent<'_>) -> PresenceVerdict {
        let is_snapshot = event.change == PresenceChange::Snapshot;
        // The parts of an event have one position.
        let is_next_part = self.is_partial && self.position == Some(event.position);
        let is_known = self.position.is_some_and(|known| event.position <= known) && !is_next_part;
        if is_known || (self.position.is_none() && !is_snapshot) {
            return PresenceVerdict::Stale;
        }
        if is_snapshot && !is_next_part {
            self.users.clear();
        }
        self.position = Some(event.position);
        self.is_partial = event.has_more;
        self.total = event.total;
        self.add(event.joined);
        for gone in event.left.iter().chain(event.timed_out.iter()) {
            self.users.remove(gone);
        }
        if is_snapshot {
            for present in event.users.iter() {
                self.add_one(present.user);
            }
        }
        match is_snapshot && event.has_more {
            true => PresenceVerdict::Partial,
            false => PresenceVerdict::Deliver,
        }
    }

    /// The session is gone: the next snapshot begins anew.
    pub fn on_disconnected(&mut self) {
        *self = Self::default();
    }

    /// Who is there, by name, as far as it is known.
    pub fn users(&self) -> impl Iterator<Item = &str> {
        self.users.iter().map(|user| &**user)
    }

    /// How many are there, those included whom snapshots don't name.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    fn add(&mut self, users: List<'_, &str>) {
        users.iter().for_each(|user| self.add_one(user));
    }

    fn add_one(&mut self, user: &str) {
        if self.users.len() < PRESENCE_VIEW_MAX {
            self.users.insert(user.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use rtm_wire::{ChannelKind, ChannelRef, Epoch, PresentUser, Sequence, UnixTime};

    use super::*;

    fn event<'a>(change: PresenceChange, sequence: u64, users: &'a [&'a str]) -> PresenceEvent<'a> {
        PresenceEvent {
            channel: ChannelRef { kind: ChannelKind::Message, name: "lobby" },
            change,
            position: Position { epoch: Epoch(1), sequence: Sequence(sequence) },
            time: UnixTime::from_millis(0),
            total: users.len() as u64,
            has_more: false,
            joined: List::Slice(users),
            left: List::default(),
            timed_out: List::default(),
            users: List::default(),
        }
    }

    fn present(users: &[&'static str]) -> Vec<PresentUser<'static>> {
        users.iter().map(|user| PresentUser { user, states: List::default() }).collect()
    }

    #[test]
    fn nothing_counts_before_a_snapshot_and_nothing_old_after_it() {
        let mut view = PresenceView::new();
        let joined = |sequence| event(PresenceChange::Joined, sequence, &["bob"]);
        assert_eq!(view.on_event(&joined(5)), PresenceVerdict::Stale);
        let users = present(&["alice"]);
        let snapshot =
            PresenceEvent { users: List::Slice(&users), ..event(PresenceChange::Snapshot, 6, &[]) };
        assert_eq!(view.on_event(&snapshot), PresenceVerdict::Deliver);
        assert_eq!(view.on_event(&snapshot), PresenceVerdict::Stale);
        assert_eq!(view.on_event(&joined(6)), PresenceVerdict::Stale);
        assert_eq!(Vec::from_iter(view.users()), ["alice"]);
        assert_eq!(view.on_event(&joined(9)), PresenceVerdict::Deliver);
        assert_eq!(Vec::from_iter(view.users()), ["alice", "bob"]);
    }

    #[test]
    fn the_parts_of_a_snapshot_make_one() {
        let mut view = PresenceView::new();
        let (first, last) = (present(&["alice", "bob"]), present(&["carol"]));
        let part = |users, has_more, sequence| PresenceEvent {
            users: List::Slice(users),
            has_more,
            ..event(PresenceChange::Snapshot, sequence, &[])
        };
        assert_eq!(view.on_event(&part(&first, true, 3)), PresenceVerdict::Partial);
        assert_eq!(view.on_event(&part(&last, false, 3)), PresenceVerdict::Deliver);
        assert_eq!(Vec::from_iter(view.users()), ["alice", "bob", "carol"]);
        assert_eq!(view.on_event(&part(&last, false, 7)), PresenceVerdict::Deliver);
        assert_eq!(Vec::from_iter(view.users()), ["carol"], "a new one replaces the former");
    }

    #[test]
    fn a_view_has_a_limit() {
        let mut view = PresenceView::new();
        assert_eq!(
            view.on_event(&event(PresenceChange::Snapshot, 1, &[])),
            PresenceVerdict::Deliver
        );
        let names: Vec<String> = (0..4_000).map(|number| format!("user {number}")).collect();
        for round in 0..3 {
            let own: Vec<String> = names.iter().map(|name| format!("{name} {round}")).collect();
            let users: Vec<&str> = own.iter().map(String::as_str).collect();
            view.on_event(&event(PresenceChange::Interval, 2 + round, &users));
        }
        assert_eq!(view.users().count(), PRESENCE_VIEW_MAX);
    }
}
