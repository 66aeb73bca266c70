//! What a request is carried out with.

use std::time::Duration;

use rtm_channel::{Asker, Identity, SubscriberId, UserId};
use rtm_wire::{OperationId, Time, UnixTime};

use super::commits::Commits;
use super::outbox::Outbox;
use crate::retention::HistoryRules;
use crate::rights::{Pass, Rights};

/// Whose doing something is, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who<'a> {
    pub(super) now: Time,
    pub(super) time: UnixTime,
    pub(super) from: SubscriberId,
    pub(super) user: &'a UserId,
}

/// Who asks, when, and where what follows goes.
pub(super) struct Context<'a> {
    pub(super) now: Time,
    pub(super) time: UnixTime,
    pub(super) from: SubscriberId,
    pub(super) identity: &'a Identity,
    pub(super) operation: OperationId,
    /// What it may do.
    pub(super) rights: &'a Rights,
    /// What its token gives for the stream channel that is concerned.
    pub(super) pass: Option<Pass>,
    /// For how long the request is of worth, if it is so for a time only.
    pub(super) time_left: Option<Duration>,
    /// What is on its way to the disk.
    pub(super) commits: &'a Commits,
    pub(super) history: &'a HistoryRules,
    /// Bytes of all histories, about.
    pub(super) history_bytes: u64,
    /// Whether no more may wait for a read of a history.
    pub(super) reads_are_full: bool,
    /// Whether no more may catch up.
    pub(super) catch_ups_are_full: bool,
    pub(super) out: &'a mut Outbox,
}

impl<'a> Context<'a> {
    /// Who asks.
    pub(super) const fn who(&self) -> Who<'a> {
        let user = &self.identity.user;
        Who { now: self.now, time: self.time, from: self.from, user }
    }

    /// Who waits for the answer.
    pub(super) fn asker(&self) -> Asker {
        let (subscriber, identity, operation) = (self.from, self.identity.clone(), self.operation);
        Asker { subscriber, identity, operation }
    }
}
