//! What is told of who comes and goes, to whom, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use rtm_wire::{
    Encode, Epoch, Event, List, Position, PresenceChange, PresenceEvent, PresentUser, Sequence,
    Time, UnixTime,
};

use crate::authority::message::Fanout;
use crate::identity::ChannelKey;
use crate::limits::Limits;
use crate::name::{SubscriberId, UserId};

/// Longest part of a snapshot or of an interval's news, in bytes and in users; every client takes
/// as much (`rtm_wire::limits::LIST`).
const PART_MAX: usize = 32 * 1_024;
const PART_USERS_MAX: usize = 1_000;

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

/// Changes that wait for the end of the interval; the last of each user counts.
///
/// Who joins and leaves within one interval is told as having left: a listener that came in between
/// has seen the user.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Gathered {
    until: Time,
    changes: BTreeMap<UserId, PresenceChange>,
    /// There were more than a snapshot names: that is sent instead.
    is_too_much: bool,
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

    /// Tells all `but` one, or gathers, what has happened to a user; `total` are there now.
    pub(super) fn tell(
        &mut self,
        now: Time,
        time: UnixTime,
        user: &UserId,
        change: PresenceChange,
        (total, but): (usize, Option<SubscriberId>),
    ) -> Option<Fanout> {
        if self.gathered.is_some() || total > self.announced {
            let until = now + self.interval;
            let empty = || Gathered { until, changes: BTreeMap::new(), is_too_much: false };
            let gathered = self.gathered.get_or_insert_with(empty);
            let has_room = gathered.changes.len() < self.snapshot_users;
            if !gathered.is_too_much && (has_room || gathered.changes.contains_key(user)) {
                gathered.changes.insert(user.clone(), change);
            } else {
                gathered.is_too_much = true;
                gathered.changes.clear();
            }
            return None;
        }
        self.advance(now);
        let others = self.listeners.keys().copied();
        let to: Vec<_> = others.filter(|subscriber| Some(*subscriber) != but).collect();
        if to.is_empty() {
            return None;
        }
        let mut lists = Lists::default();
        lists.add(user, change);
        Some(Fanout { event: self.write(time, change, total, false, &lists), to })
    }

    /// Tells what was gathered, when its time has come; `users` are all who are there now.
    pub(super) fn handle_timeout<'a>(
        &mut self,
        now: Time,
        time: UnixTime,
        users: impl ExactSizeIterator<Item = &'a UserId>,
    ) -> Vec<Fanout> {
        let gathered = self.gathered.take_if(|gathered| gathered.until <= now);
        let Some(Gathered { changes, is_too_much, .. }) = gathered else { return Vec::new() };
        self.advance(now);
        let to: Vec<_> = self.listeners.keys().copied().collect();
        if to.is_empty() {
            return Vec::new();
        }
        let total = users.len();
        if is_too_much {
            let named = users.take(self.snapshot_users);
            let named = named.map(|user| (user, PresenceChange::Snapshot));
            return self.write_parts(time, PresenceChange::Snapshot, total, named, &to);
        }
        let changes = changes.iter().map(|(user, change)| (user, *change));
        self.write_parts(time, PresenceChange::Interval, total, changes, &to)
    }

    /// All who are there, for one session: itself first, if it is one of them, and no more than are
    /// allowed. `find` finds one of them.
    pub(super) fn snapshot<'a>(
        &mut self,
        now: Time,
        time: UnixTime,
        subscriber: SubscriberId,
        users: impl ExactSizeIterator<Item = &'a UserId>,
        find: impl FnOnce(&UserId) -> Option<&'a UserId>,
    ) -> Vec<Fanout> {
        let Some(own) = self.listeners.get(&subscriber).cloned() else { return Vec::new() };
        // What is gathered is in the snapshot; what is told later comes behind it.
        self.advance(now);
        let total = users.len();
        let named = find(&own).into_iter().chain(users.filter(|user| **user != own));
        let named = named.take(self.snapshot_users).map(|user| (user, PresenceChange::Snapshot));
        self.write_parts(time, PresenceChange::Snapshot, total, named, &[subscriber])
    }

    /// Positions grow over the lives of the channel, too, which remembers nothing in between: they
    /// are the owner's time, and one more where that has not gone on.
    fn advance(&mut self, now: Time) {
        let next = self.position.sequence.next();
        self.position.sequence = next.max(Sequence(now.as_micros()));
    }

    fn write_parts<'a>(
        &self,
        time: UnixTime,
        change: PresenceChange,
        total: usize,
        entries: impl Iterator<Item = (&'a UserId, PresenceChange)>,
        to: &[SubscriberId],
    ) -> Vec<Fanout> {
        let mut parts = vec![Lists::default()];
        for (user, change) in entries {
            if parts.last().is_some_and(Lists::is_full) {
                parts.push(Lists::default());
            }
            parts.last_mut().expect("never empty").add(user, change);
        }
        let last = parts.len() - 1;
        let write = |(at, part): (usize, &Lists<'_>)| {
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
        lists: &Lists<'_>,
    ) -> bytes::Bytes {
        let event = Event::Presence(PresenceEvent {
            channel: self.key.as_ref(),
            change,
            position: self.position,
            time,
            total: total as u64,
            has_more,
            joined: List::Slice(&lists.joined),
            left: List::Slice(&lists.left),
            timed_out: List::Slice(&lists.timed_out),
            users: List::Slice(&lists.users),
        });
        let mut encoded = Vec::with_capacity(event.encoded_len());
        event.encode(&mut encoded);
        encoded.into()
    }
}

/// The lists of one event.
#[derive(Default)]
struct Lists<'a> {
    joined: Vec<&'a str>,
    left: Vec<&'a str>,
    timed_out: Vec<&'a str>,
    users: Vec<PresentUser<'a>>,
    /// About how many bytes they take.
    len: usize,
    count: usize,
}

impl<'a> Lists<'a> {
    const fn is_full(&self) -> bool {
        self.len >= PART_MAX || self.count >= PART_USERS_MAX
    }

    fn add(&mut self, user: &'a UserId, change: PresenceChange) {
        let user = user.as_str();
        self.len += user.len() + 2;
        self.count += 1;
        match change {
            PresenceChange::Joined => self.joined.push(user),
            PresenceChange::Left => self.left.push(user),
            PresenceChange::TimedOut => self.timed_out.push(user),
            _ => self.users.push(PresentUser { user, states: List::default() }),
        }
    }
}
