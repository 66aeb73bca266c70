//! The owner of an app's channels: gives every event its place.
//!
//! ```text
//!  gateway ── Command ──► Owner ─┬─ MessageAuthority, one for each channel in use
//!     ▲                          ├─ StreamAuthority, one for each channel in use
//!     │                          ├─ InboxAuthority, one for each user who reads or is waited for
//!     │                          ├─ PresenceAuthority, one for each channel with users in it
//!     │                          ├─ StorageAuthority, one for each set of metadata
//!     │                          ├─ LockAuthority, one for each channel with locks
//!     └────── Output ────────────┴─ PublishLog
//! ```
//!
//! Commands and outputs are plain values: nothing is shared with the gateway, so that owners can
//! be put on other threads or machines.

mod answer;
mod channels;
mod command;
mod context;
mod inboxes;
mod locks;
mod places;
mod presences;
mod request;
mod states;
mod storages;

pub(crate) use answer::{granted, refused};
pub(crate) use command::{Command, CommandKind, LaneKey, Output};

use std::collections::BTreeMap;

use rtm_channel::AppId;
use rtm_wire::{Epoch, Time, UnixTime};

use self::channels::AppChannels;
use self::context::Context;
use crate::limits::AppLimits;

/// All channels of all apps that this owner owns.
#[derive(Debug)]
pub(crate) struct Owner {
    epoch: Epoch,
    limits: AppLimits,
    apps: BTreeMap<AppId, AppChannels>,
}

impl Owner {
    /// An owner in an epoch that is persisted and greater than all before.
    #[must_use]
    pub(crate) const fn new(epoch: Epoch, limits: AppLimits) -> Self {
        Self { epoch, limits, apps: BTreeMap::new() }
    }

    /// Carries out one command; what is to be sent comes to `out`, in order.
    pub(crate) fn handle(
        &mut self,
        now: Time,
        time: UnixTime,
        command: Command,
        out: &mut Vec<Output>,
    ) {
        let Command { app, from, identity, kind } = command;
        let (epoch, limits) = (self.epoch, self.limits);
        let channels =
            self.apps.entry(app.clone()).or_insert_with(|| AppChannels::new(app, epoch, limits));
        match kind {
            CommandKind::SessionBegan { presence_timeout } => {
                channels.session_began(from, &identity, presence_timeout);
            }
            CommandKind::SessionSilent => channels.session_silent(now, from, &identity),
            CommandKind::SessionHeard => channels.session_heard((now, time), from, &identity, out),
            CommandKind::SessionEnded { is_lost } => {
                channels.session_ended((now, time), from, &identity, is_lost, out);
            }
            CommandKind::Request { operation, message, time_left } => {
                let at = out.len();
                let mut context =
                    Context { now, time, from, identity: &identity, operation, time_left, out };
                let reply = channels.request(&mut context, &message);
                // The answer goes out before what it caused, on the same lane or another.
                if let Some(reply) = reply {
                    out.insert(at, reply);
                }
            }
        }
    }

    /// Does what is due: tells who is gone, answers who has waited for too long.
    pub(crate) fn handle_timeout(&mut self, now: Time, time: UnixTime, out: &mut Vec<Output>) {
        for channels in self.apps.values_mut() {
            channels.handle_timeout(now, time, out);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.apps.values().filter_map(|channels| channels.poll_timeout()).min()
    }

    /// Channels that are in use, over all apps.
    #[must_use]
    pub(crate) fn channels(&self) -> usize {
        self.apps.values().map(AppChannels::len).sum()
    }
}
