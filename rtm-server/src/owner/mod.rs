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
mod channels;
mod command;
mod commits;
mod context;
mod inboxes;
mod locks;
mod outbox;
mod places;
mod presences;
mod request;
mod restore;
mod states;
mod storages;

pub(crate) use answer::{granted, refused};
pub(crate) use command::{Command, CommandKind, LaneKey, Output};

use std::collections::BTreeMap;

use rtm_channel::AppId;
use rtm_wire::{Epoch, Time, UnixTime};

use self::channels::AppChannels;
use self::commits::Commits;
use self::context::Context;
use self::outbox::Outbox;
use crate::limits::AppLimits;
use crate::store::Change;

/// All channels of all apps that this owner owns.
#[derive(Debug)]
pub(crate) struct Owner {
    epoch: Epoch,
    limits: AppLimits,
    apps: BTreeMap<AppId, AppChannels>,
    commits: Commits,
    outbox: Outbox,
}

impl Owner {
    /// An owner in an epoch that is persisted and greater than all before.
    #[must_use]
    pub(crate) fn new(epoch: Epoch, limits: AppLimits) -> Self {
        let (commits, outbox) = Default::default();
        Self { epoch, limits, apps: BTreeMap::new(), commits, outbox }
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
        let Command { app, from, identity, kind } = command;
        let mut outbox = std::mem::take(&mut self.outbox);
        let (commits, channels) = self.parts(app.clone());
        match kind {
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
            CommandKind::Request { operation, message, time_left } => {
                let (identity, out) = (&identity, &mut outbox);
                let mut context =
                    Context { now, time, from, identity, operation, time_left, commits, out };
                let reply = channels.request(&mut context, &message);
                // The answer goes out before what it caused, on the same lane or another.
                if let Some(reply) = reply {
                    outbox.outputs.insert(0, reply);
                }
            }
        }
        self.commits.admit(&app, &mut outbox, out);
        self.outbox = outbox;
    }

    /// Does what is due: tells who is gone, answers who has waited for too long.
    pub(crate) fn handle_timeout(&mut self, now: Time, time: UnixTime, out: &mut Vec<Output>) {
        for (app, channels) in &mut self.apps {
            channels.handle_timeout(now, time, &mut self.outbox);
            self.commits.admit(app, &mut self.outbox, out);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.apps.values().filter_map(|channels| channels.poll_timeout()).min()
    }

    /// Changes that are to be kept next, as a whole; tell of it with
    /// [`committed`](Self::committed).
    pub(crate) fn poll_commit(&mut self) -> Option<Vec<Change>> {
        self.commits.begin()
    }

    /// The changes that were polled last are kept: what has waited for that comes to `out`.
    pub(crate) fn committed(&mut self, out: &mut Vec<Output>) {
        self.commits.end(out);
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
        self.parts(app).1
    }

    fn parts(&mut self, app: AppId) -> (&Commits, &mut AppChannels) {
        let (epoch, limits) = (self.epoch, self.limits);
        let make = || AppChannels::new(app.clone(), epoch, limits);
        (&self.commits, self.apps.entry(app.clone()).or_insert_with(make))
    }
}
