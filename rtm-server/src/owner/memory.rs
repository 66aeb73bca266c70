//! How far back all publishes are known, so that repeated ones are recognised.

use std::time::Duration;

use rtm_channel::{ChannelKey, Forgotten, Reached};
use rtm_wire::{OperationId, Time, UnixTime};

use super::channels::AppChannels;
use super::context::Context;
use super::inboxes::Answered;
use super::outbox::Outbox;
use crate::store::{Change, KeptAnswer};

/// For how long publishes have been known by now: whoever published later, and asks again, gets the
/// answer that was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// All of them.
    pub all: Duration,
    /// Those that were to be stored; over restarts, and by the calendar.
    pub stored: Duration,
}

/// Since when publishes are known.
#[derive(Debug, Default)]
pub(super) struct Known {
    since: Time,
    stored_since: Option<UnixTime>,
}

impl Known {
    /// What a former life has known.
    pub(super) fn restore(&mut self, since: UnixTime) {
        self.stored_since = Some(since);
    }

    /// A life begins: what isn't kept isn't known.
    pub(super) fn begin(&mut self, (now, time): (Time, UnixTime), out: &mut Outbox) {
        self.since = now;
        if self.stored_since.is_none() {
            self.raise(time, out);
        }
    }

    /// Has what was forgotten of an app's publishes removed from the disk, too.
    pub(super) fn forget(
        &mut self,
        now: Time,
        time: UnixTime,
        channels: &mut AppChannels,
        out: &mut Outbox,
    ) {
        self.since = self.since.max(channels.log.forgotten_until());
        while let Some(Forgotten { identity, up_to, since }) = channels.log.poll_forgotten() {
            if let Some(since) = since {
                let ago = now.saturating_since(since).as_millis();
                let ago = u64::try_from(ago).unwrap_or(u64::MAX);
                self.raise(UnixTime::from_millis(time.as_millis().saturating_sub(ago)), out);
            }
            let (app, up_to) = (channels.app.clone(), up_to.unwrap_or(OperationId(u64::MAX)));
            out.keep(Change::PublishesGone { app, identity, up_to });
        }
    }

    pub(super) fn memory(&self, now: Time, time: UnixTime) -> Memory {
        let stored = match self.stored_since {
            Some(since) => time.as_millis().saturating_sub(since.as_millis()),
            None => 0,
        };
        let all = now.saturating_since(self.since);
        Memory { all, stored: Duration::from_millis(stored) }
    }

    fn raise(&mut self, since: UnixTime, out: &mut Outbox) {
        if self.stored_since.is_none_or(|known| known < since) {
            self.stored_since = Some(since);
            out.keep(Change::PublishFloor { since });
        }
    }
}

impl AppChannels {
    /// Remembers what a publish is answered; if its message was to be stored, over restarts, too,
    /// after which this is what is known of it.
    pub(super) fn remember(
        &mut self,
        context: &mut Context<'_>,
        key: &ChannelKey,
        answered: Answered,
        kept: Option<Reached>,
    ) {
        let (identity, operation) = (context.identity, context.operation);
        self.log.insert(identity, operation, answered, kept.is_some());
        if let Some(reached) = kept {
            let (key, identity) = (key.clone(), identity.clone());
            let answer = KeptAnswer { published: answered.0, reached };
            context.out.keep(Change::Publish { key, identity, operation, answer });
        }
    }
}
