//! What is told of who comes and goes and of what they show, to whom, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use rtm_wire::{
    Epoch, Event, List, Position, PresenceChange, PresenceEvent, Sequence, Time, UnixTime,
};

use super::Present;
use super::parts::{Entry, PART_MAX, WHOLE_MAX, split};
use crate::authority::event::{advance, encoded};
use crate::authority::message::Fanout;
use crate::identity::ChannelKey;
use crate::limits::Limits;
use crate::name::{SubscriberId, UserId};

/// Who is there.
type Users = BTreeMap<UserId, Present>;

/// Writes events, at once or gathered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    key: ChannelKey,
    position: Position,
    /// Sessions that hear, and whose they are.
    listeners: BTreeMap<SubscriberId, UserId>,
    gathered: Option<Gathered>,
    /// Users up to which each change is told at once.
    announced: usize,
    interval: Duration,
    snapshot_users: usize,
}

/// Changes that wait for the end of the interval.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Gathered {
    until: Time,
    changes: BTreeMap<UserId, Changes>,
    /// There were more than a snapshot names: that is sent instead.
    is_too_much: bool,
}

/// What has happened to one user within the interval.
///
/// Of coming and going the last counts: who joins and leaves within one interval is told as having
/// left, as a listener that came in between has seen the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Changes {
    membership: Option<PresenceChange>,
    /// It shows something else since then.
    has_new_states: bool,
}

impl News {
    pub(super) fn new(key: ChannelKey, epoch: Epoch, limits: &Limits) -> Self {
        Self {
            key,
            position: Position { epoch, sequence: Sequence(0) },
            listeners: BTreeMap::new(),
            gathered: None,
            announced: limits.presence_announced,
            interval: Duration::from_secs(limits.presence_interval.into()),
            snapshot_users: limits.presence_snapshot,
        }
    }

    pub(super) fn add_listener(&mut self, subscriber: SubscriberId, user: &UserId) {
        self.listeners.insert(subscriber, user.clone());
    }

    pub(super) fn remove_listener(&mut self, subscriber: SubscriberId) {
        self.listeners.remove(&subscriber);
    }

    /// Whether nobody hears.
    pub(super) fn is_idle(&self) -> bool {
        self.listeners.is_empty()
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.gathered.as_ref().map(|gathered| gathered.until)
    }

    /// Tells all `but` one, or gathers, what has happened to a user; `users` are there now.
    pub(super) fn tell(
        &mut self,
        (now, time): (Time, UnixTime),
        user: &UserId,
        change: PresenceChange,
        users: &Users,
        but: Option<SubscriberId>,
    ) -> Option<Fanout> {
        if self.gathered.is_some() || users.len() > self.announced {
            self.gather(now, user, change);
            return None;
        }
        advance(&mut self.position, now);
        let others = self.listeners.keys().copied();
        let to: Vec<_> = others.filter(|subscriber| Some(*subscriber) != but).collect();
        if to.is_empty() {
            return None;
        }
        let entry = match change {
            PresenceChange::StateChanged => {
                let shown = users.get(user).map(|present| present.states.list());
                Entry { user, change: None, shown }
            }
            change => Entry { user, change: Some(change), shown: None },
        };
        let event = self.write(time, change, users.len(), false, &[entry]);
        Some(Fanout { event, to })
    }

    /// Tells what was gathered, when its time has come; `users` are all who are there now.
    pub(super) fn handle_timeout(
        &mut self,
        now: Time,
        time: UnixTime,
        users: &Users,
    ) -> Vec<Fanout> {
        let gathered = self.gathered.take_if(|gathered| gathered.until <= now);
        let Some(Gathered { changes, is_too_much, .. }) = gathered else { return Vec::new() };
        advance(&mut self.position, now);
        let to: Vec<_> = self.listeners.keys().copied().collect();
        if to.is_empty() {
            return Vec::new();
        }
        let entries: Vec<_> =
            changes.iter().map(|(user, changes)| changes.entry(user, users)).collect();
        if is_too_much || entries.iter().map(Entry::len).sum::<usize>() > WHOLE_MAX {
            let named = self.named(users.iter());
            return self.write_parts(time, PresenceChange::Snapshot, users.len(), &named, &to);
        }
        self.write_parts(time, PresenceChange::Interval, users.len(), &entries, &to)
    }

    /// All who are there, for one session: itself first, if it is one of them, and no more than are
    /// allowed.
    pub(super) fn snapshot(
        &mut self,
        now: Time,
        time: UnixTime,
        subscriber: SubscriberId,
        users: &Users,
    ) -> Vec<Fanout> {
        let Some(own) = self.listeners.get(&subscriber).cloned() else { return Vec::new() };
        // What is gathered is in the snapshot; what is told later comes behind it.
        advance(&mut self.position, now);
        let others = users.iter().filter(|(user, _)| **user != own);
        let named = self.named(users.get_key_value(&own).into_iter().chain(others));
        self.write_parts(time, PresenceChange::Snapshot, users.len(), &named, &[subscriber])
    }

    /// Whom a snapshot names, and all that they show.
    fn named<'a>(&self, users: impl Iterator<Item = (&'a UserId, &'a Present)>) -> Vec<Entry<'a>> {
        let entries = users.take(self.snapshot_users).map(|(user, present)| {
            let shown = present.states.list();
            Entry { user, change: None, shown: Some(shown) }
        });
        let mut bytes = 0;
        entries
            .take_while(|entry| {
                bytes += entry.len();
                bytes <= WHOLE_MAX
            })
            .collect()
    }

    fn gather(&mut self, now: Time, user: &UserId, change: PresenceChange) {
        let until = now + self.interval;
        let empty = || Gathered { until, changes: BTreeMap::new(), is_too_much: false };
        let gathered = self.gathered.get_or_insert_with(empty);
        let has_room = gathered.changes.len() < self.snapshot_users;
        if !gathered.is_too_much && (has_room || gathered.changes.contains_key(user)) {
            gathered.changes.entry(user.clone()).or_default().add(change);
        } else {
            gathered.is_too_much = true;
            gathered.changes.clear();
        }
    }

    fn write_parts(
        &self,
        time: UnixTime,
        change: PresenceChange,
        total: usize,
        entries: &[Entry<'_>],
        to: &[SubscriberId],
    ) -> Vec<Fanout> {
        // Counts of more than 63 take a second byte in each of the four lists.
        let head = self.write(time, change, total, true, &[]).len() + 4;
        let parts = split(entries, PART_MAX.saturating_sub(head));
        let last = parts.len() - 1;
        let write = |(at, part): (usize, &&[Entry<'_>])| {
            let event = self.write(time, change, total, at < last, part);
            Fanout { event, to: to.to_vec() }
        };
        parts.iter().enumerate().map(write).collect()
    }

    fn write(
        &self,
        time: UnixTime,
        change: PresenceChange,
        total: usize,
        has_more: bool,
        entries: &[Entry<'_>],
    ) -> bytes::Bytes {
        let with = |change| entries.iter().filter_map(move |entry| entry.if_has(change));
        let joined: Vec<_> = with(PresenceChange::Joined).collect();
        let left: Vec<_> = with(PresenceChange::Left).collect();
        let timed_out: Vec<_> = with(PresenceChange::TimedOut).collect();
        let users: Vec<_> = entries.iter().filter_map(Entry::present).collect();
        let event = Event::Presence(PresenceEvent {
            channel: self.key.as_ref(),
            change,
            position: self.position,
            time,
            total: total as u64,
            has_more,
            joined: List::Slice(&joined),
            left: List::Slice(&left),
            timed_out: List::Slice(&timed_out),
            users: List::Slice(&users),
        });
        encoded(&event)
    }
}

impl Changes {
    const fn add(&mut self, change: PresenceChange) {
        match change {
            PresenceChange::StateChanged => self.has_new_states = true,
            // Who comes shows nothing yet, and who goes shows nothing any more.
            change => *self = Self { membership: Some(change), has_new_states: false },
        }
    }

    fn entry<'a>(self, user: &'a UserId, users: &'a Users) -> Entry<'a> {
        let present = users.get(user).filter(|_| self.has_new_states);
        let shown = present.map(|present| present.states.list());
        let is_new = self.membership == Some(PresenceChange::Joined);
        let shown = shown.filter(|states: &Vec<_>| !(is_new && states.is_empty()));
        Entry { user, change: self.membership, shown }
    }
}
