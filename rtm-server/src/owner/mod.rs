//! The owner of an app's channels: gives every event its place.
//!
//! ```text
//!  gateway ── Command ──► Owner ─┬─ MessageAuthority, one for each channel in use
//!     ▲                          ├─ StreamAuthority, one for each channel in use
//!     │                          ├─ InboxAuthority, one for each user who reads or is waited for
//!     │                          ├─ PresenceAuthority, one for each channel with users in it
//!     │                          ├─ StorageAuthority, one for each set of metadata
//!     │                          ├─ LockAuthority, one for each channel with locks
//!     │                          ├─ PublishLog
//!     └────── Output ── Commits ◄┴─ Outbox: outputs, and changes of what is kept
//!                         │ ▲
//!                 changes ▼ │ on the disk
//! ```
//!
//! Commands, outputs and changes are plain values: nothing is shared with the gateway or the store,
//! so that owners can be put on other threads or machines.

mod answer;
mod backlog;
mod catch_up;
mod channels;
mod command;
mod commits;
mod context;
mod histories;
mod inboxes;
mod locks;
mod memory;
mod outbox;
mod passes;
mod places;
mod presences;
mod request;
mod restore;
mod rights;
mod services;
mod states;
mod storages;

pub(crate) use answer::{granted, refused};
pub(crate) use command::{Command, CommandKind, LaneKey, Output, Subscription};
pub(crate) use memory::Memory;

use std::collections::BTreeMap;

use rtm_channel::AppId;
use rtm_wire::{ChannelKind, Epoch, Time, UnixTime};

use self::catch_up::CatchUps;
use self::channels::AppChannels;
use self::commits::Commits;
use self::context::{Context, Who};
use self::histories::{Reader, Reads};
use self::outbox::Outbox;
use crate::limits::AppLimits;
use crate::retention::HistoryRules;
use crate::store::{Change, Query, QueryId};

/// All channels of all apps that this owner owns.
#[derive(Debug)]
pub(crate) struct Owner {
    epoch: Epoch,
    limits: AppLimits,
    apps: BTreeMap<AppId, AppChannels>,
    history: HistoryRules,
    /// Of all histories, when the last commit ended.
    history_bytes: u64,
    known: memory::Known,
    commits: Commits,
    reads: Reads,
    catch_ups: CatchUps,
    outbox: Outbox,
}

impl Owner {
    /// An owner in an epoch that is persisted and greater than all before. A session's queue takes
    /// so many bytes and messages on one lane.
    #[must_use]
    pub(crate) fn new(
        epoch: Epoch,
        limits: AppLimits,
        history: HistoryRules,
        queue: (usize, usize),
    ) -> Self {
        Self {
            epoch,
            limits,
            apps: BTreeMap::new(),
            history,
            history_bytes: 0,
            known: memory::Known::default(),
            commits: Commits::default(),
            reads: Reads::default(),
            catch_ups: CatchUps::new(queue),
            outbox: Outbox::default(),
        }
    }

    /// Carries out one command; what is to be sent comes to `out`, in order. What tells of changes
    /// that aren't kept yet waits.
    pub(crate) fn handle(
        &mut self,
        now: Time,
        time: UnixTime,
        command: Command,
        out: &mut Vec<Output>,
    ) {
        let Command { app, from, identity, rights, kind } = command;
        let mut outbox = std::mem::take(&mut self.outbox);
        let (epoch, limits) = (self.epoch, self.limits);
        let make = || AppChannels::new(app.clone(), epoch, limits);
        let channels = self.apps.entry(app.clone()).or_insert_with(make);
        channels.set_time(time);
        match kind {
            CommandKind::PublishRefused { operation, code } => {
                channels.remember_refused(&identity, operation, code);
            }
            CommandKind::CatchUp { channel, after } => {
                let key = channels.key(ChannelKind::Message, channel);
                if !self.catch_ups.is_waiting(&key, from) {
                    let history = (&self.history, self.catch_ups.is_full());
                    channels.catch_up(time, from, (key, after), history, &mut outbox);
                }
            }
            CommandKind::SessionExpected => channels.log.on_session_expected(now, &identity),
            CommandKind::SessionBegan { presence_timeout } => {
                channels.session_began(from, &identity, presence_timeout);
            }
            CommandKind::SessionSilent => channels.session_silent(now, from, &identity),
            CommandKind::SessionHeard => {
                channels.session_heard((now, time), from, &identity, &mut outbox);
            }
            CommandKind::SessionEnded { is_lost } => {
                channels.session_ended((now, time), from, &identity, is_lost, &mut outbox);
            }
            CommandKind::RightsChanged => {
                let who = Who { now, time, from, user: &identity.user };
                channels.rights_changed(&who, &rights, &mut outbox);
            }
            CommandKind::Request { operation, message, time_left, pass } => {
                let mut context = Context {
                    now,
                    time,
                    from,
                    identity: &identity,
                    operation,
                    rights: &rights,
                    pass,
                    time_left,
                    commits: &self.commits,
                    history: &self.history,
                    history_bytes: self.history_bytes,
                    reads_are_full: self.reads.is_full(),
                    catch_ups_are_full: self.catch_ups.is_full(),
                    out: &mut outbox,
                };
                let reply = channels.request(&mut context, &message);
                // The answer goes out before what it caused, on the same lane or another.
                if let Some(reply) = reply {
                    outbox.outputs.insert(0, reply);
                }
            }
        }
        self.known.forget(now, time, channels, &mut outbox);
        self.outbox = outbox;
        self.settle(time, &app, out);
    }

    /// Does what is due: tells who is gone, answers who has waited for too long.
    pub(crate) fn handle_timeout(&mut self, now: Time, time: UnixTime, out: &mut Vec<Output>) {
        for (app, channels) in &mut self.apps {
            channels.set_time(time);
            channels.handle_timeout(now, time, &mut self.outbox);
            channels.log.handle_timeout(now);
            self.known.forget(now, time, channels, &mut self.outbox);
            self.catch_ups.divert(app, &mut self.outbox.outputs, false);
            self.commits.admit(app, &mut self.outbox, out);
        }
        self.reads.handle_timeout(now);
    }

    /// What came of a command goes its ways.
    fn settle(&mut self, time: UnixTime, app: &AppId, out: &mut Vec<Output>) {
        for (reader, query) in std::mem::take(&mut self.outbox.reads) {
            self.reads.ask(reader, query);
        }
        // A command stores one message, if any: each is published by a command of its own.
        let stored = self.outbox.changes.iter().rev().find_map(|change| match change {
            Change::Message { key, .. } => Some(key.clone()),
            _ => None,
        });
        if let Some(key) = stored {
            let trim = self.trim_of(key, time);
            self.outbox.keep(trim);
        }
        for (key, subscriber) in std::mem::take(&mut self.outbox.lost) {
            self.catch_ups.forget(&key, subscriber);
        }
        let beginning = self.outbox.beginning.take();
        let beginning = beginning.map(|it| (self.catch_ups.begin(&it), it));
        self.catch_ups.divert(app, &mut self.outbox.outputs, beginning.is_some());
        self.commits.admit(app, &mut self.outbox, out);
        if let Some((number, it)) = beginning {
            let query = Query::Messages(it.query(self.catch_ups.replay));
            let (key, subscriber) = (it.key.clone(), it.subscriber);
            let read = (Reader::CatchUp { key, subscriber, number }, query);
            // What was sequenced before has to be on the disk.
            if let Some((reader, query)) = self.commits.hold_read(&it.key, read) {
                self.reads.ask(reader, query);
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let due = self.apps.values().filter_map(|channels| channels.poll_timeout());
        due.chain(self.reads.poll_timeout()).min()
    }

    /// Changes that are to be kept next, as a whole; tell of it with
    /// [`committed`](Self::committed).
    pub(crate) fn poll_commit(&mut self) -> Option<Vec<Change>> {
        self.commits.begin()
    }

    /// The changes that were polled last are kept: what has waited for that comes to `out`. All
    /// histories have so many bytes now.
    pub(crate) fn committed(&mut self, history_bytes: u64, out: &mut Vec<Output>) {
        self.history_bytes = history_bytes;
        for (reader, query) in self.commits.end(out) {
            self.reads.ask(reader, query);
        }
    }

    /// What the store is to be asked next; tell the answer with [`found`](Self::found).
    pub(crate) fn poll_query(&mut self) -> Option<(QueryId, Query)> {
        self.reads.poll()
    }

    /// How far back publishes are known.
    #[must_use]
    pub(crate) fn memory(&self, now: Time, time: UnixTime) -> Memory {
        self.known.memory(now, time)
    }

    /// Whether something isn't kept yet.
    #[must_use]
    pub(crate) fn is_committing(&self) -> bool {
        self.commits.is_busy()
    }

    /// Channels that are in use, over all apps.
    #[must_use]
    pub(crate) fn channels(&self) -> usize {
        self.apps.values().map(AppChannels::len).sum()
    }

    fn channels_of(&mut self, app: AppId) -> &mut AppChannels {
        let (epoch, limits) = (self.epoch, self.limits);
        let make = || AppChannels::new(app.clone(), epoch, limits);
        self.apps.entry(app.clone()).or_insert_with(make)
    }
}
