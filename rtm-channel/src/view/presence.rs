//! The view of who is in a channel, and what they show (protocol §6.23).

use std::collections::BTreeMap;

use rtm_wire::{Position, PresenceChange, PresenceEvent, State};

use crate::states::{StateLimits, States};

/// Users that a view keeps; of more it forgets whom it hears of last.
pub const PRESENCE_VIEW_MAX: usize = 10_000;

/// What a view keeps of one user: 128 states, and 64 KiB of keys and values. Servers send no more.
const STATES_MAX: StateLimits = StateLimits::bounds(128, 64 * 1_024);

/// What to do with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresenceVerdict {
    /// Hand it to the user. After a snapshot, [`PresenceView::users`] are all that it names; after
    /// news of states, [`PresenceView::users_with_states`] has all that they show.
    Deliver,
    /// The rest of a snapshot is still to come.
    Partial,
    /// It belongs to a former subscription, or has been told before.
    Stale,
}

/// The mirror of who is in one channel and of what they show, for one subscription of one session.
///
/// Equal to the authority's truth once all events have arrived, as long as no more users are there
/// than snapshots name. But for what the client's own user shows: others are told of that, and it
/// is in snapshots; [`OwnStates`](crate::OwnStates) has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PresenceView {
    /// The last event that counted; before the first snapshot nothing counts.
    position: Option<Position>,
    is_partial: bool,
    users: BTreeMap<Box<str>, States>,
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
        if event.change == PresenceChange::OutOfService {
            // It has no place among others: there are none.
            return PresenceVerdict::Deliver;
        }
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
        // Who comes shows nothing, unless the same event says otherwise.
        event.joined.iter().for_each(|user| self.put(user, States::default()));
        for gone in event.left.iter().chain(event.timed_out.iter()) {
            self.users.remove(gone);
        }
        for present in event.users.iter() {
            self.put(present.user, States::received(&STATES_MAX, present.states));
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
        self.users.keys().map(|user| &**user)
    }

    /// Who is there, by name, and all that they show, by key; as far as it is known.
    pub fn users_with_states(
        &self,
    ) -> impl Iterator<Item = (&str, impl Iterator<Item = State<'_>>)> {
        self.users.iter().map(|(user, states)| (&**user, states.iter()))
    }

    /// How many are there, those included whom snapshots don't name.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    fn put(&mut self, user: &str, states: States) {
        if let Some(known) = self.users.get_mut(user) {
            *known = states;
        } else if self.users.len() < PRESENCE_VIEW_MAX {
            self.users.insert(user.into(), states);
        }
    }
}

#[cfg(test)]
mod tests {
    use rtm_wire::{ChannelKind, ChannelRef, Epoch, List, PresentUser, Sequence, UnixTime};

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

    /// Users and what they show, as text.
    fn shown(view: &PresenceView) -> Vec<String> {
        let one = |(user, states)| {
            let states = Iterator::map(states, |State { key, value }| {
                format!(" {key}={}", String::from_utf8_lossy(value))
            });
            format!("{user}{}", states.collect::<String>())
        };
        view.users_with_states().map(one).collect()
    }

    #[test]
    fn what_users_show_is_replaced_and_ends_with_them() {
        let mut view = PresenceView::new();
        let (well, tired) = (
            [State { key: "mood", value: b"well" }, State { key: "hand", value: b"up" }],
            [State { key: "mood", value: b"tired" }],
        );
        let showing = |view: &mut PresenceView, change, sequence, states| {
            let users = [PresentUser { user: "alice", states: List::Slice(states) }];
            let event = event(change, sequence, &[]);
            view.on_event(&PresenceEvent { users: List::Slice(&users), ..event });
        };
        showing(&mut view, PresenceChange::Snapshot, 1, &well);
        assert_eq!(shown(&view), ["alice hand=up mood=well"]);
        showing(&mut view, PresenceChange::StateChanged, 2, &tired);
        assert_eq!(shown(&view), ["alice mood=tired"], "it is told whole");
        showing(&mut view, PresenceChange::StateChanged, 2, &well);
        assert_eq!(shown(&view), ["alice mood=tired"], "stale");
        view.on_event(&event(PresenceChange::Joined, 3, &["alice"]));
        assert_eq!(shown(&view), ["alice"], "who has come anew shows nothing");
        let joined = &["bob", "carol"];
        let bob = [PresentUser { user: "bob", states: List::Slice(&well) }];
        let interval = event(PresenceChange::Interval, 4, joined);
        view.on_event(&PresenceEvent { users: List::Slice(&bob), ..interval });
        assert_eq!(shown(&view), ["alice", "bob hand=up mood=well", "carol"]);
        let left = PresenceEvent {
            joined: List::default(),
            left: List::Slice(&["bob"]),
            ..event(PresenceChange::Left, 5, &[])
        };
        view.on_event(&left);
        assert_eq!(shown(&view), ["alice", "carol"]);
    }

    /// Snapshots of large channels don't name everybody.
    #[test]
    fn who_was_not_named_is_known_once_it_shows_something() {
        let mut view = PresenceView::new();
        let states = [State { key: "mood", value: b"well" }];
        view.on_event(&event(PresenceChange::Snapshot, 1, &[]));
        let users = [PresentUser { user: "dave", states: List::Slice(&states) }];
        let changed = event(PresenceChange::StateChanged, 2, &[]);
        view.on_event(&PresenceEvent { users: List::Slice(&users), ..changed });
        assert_eq!(shown(&view), ["dave mood=well"]);
    }

    #[test]
    fn what_a_view_keeps_of_one_user_is_bounded() {
        let mut view = PresenceView::new();
        let keys: Vec<String> = (0..1_000).map(|number| format!("{number}")).collect();
        for value_len in [0, 1_000] {
            let value = vec![7; value_len];
            let states = Vec::from_iter(keys.iter().map(|key| State { key, value: &value }));
            let users = [PresentUser { user: "eve", states: List::Slice(&states) }];
            let snapshot = event(PresenceChange::Snapshot, value_len as u64, &[]);
            view.on_event(&PresenceEvent { users: List::Slice(&users), ..snapshot });
            let count = view.users_with_states().map(|(_, states)| states.count()).sum::<usize>();
            assert_eq!(count, if value_len == 0 { 128 } else { 65 });
        }
    }
}
