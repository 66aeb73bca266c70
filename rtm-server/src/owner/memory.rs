//! How far back all publishes are known, so that repeated ones are recognised.

use std::time::Duration;

use bytes::Bytes;
use rtm_channel::{ChannelKey, ChannelName, Forgotten, Identity, Reached, Refusal, UserId};
use rtm_topic::{PublicationKey, TopicName};
use rtm_wire::{ChannelKind, ErrorCode, OperationId, Request, Time, UnixTime};

use super::channels::AppChannels;
use super::context::Context;
use super::inboxes::{Answered, answer_to};
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

/// What is known of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remembered {
    Granted(Answered),
    /// So that it isn't tried anew behind what its publisher has said since.
    Refused(ErrorCode),
}

impl Remembered {
    /// The answer; none while a receipt is waited for.
    fn answer(self, operation: OperationId, is_waiting: bool) -> Result<Option<Bytes>, Refusal> {
        match self {
            Self::Granted(_) if is_waiting => Ok(None),
            Self::Granted(answered) => Ok(Some(answer_to(operation, answered))),
            Self::Refused(code) => {
                let reason = "refused when it was published first, and not tried again";
                Err(Refusal::new(code, reason))
            }
        }
    }
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
    /// The answer to a publish that is a repeated one; none within while its receipt is waited for.
    pub(super) fn repeated(
        &mut self,
        context: &Context<'_>,
        inbox: Option<&ChannelKey>,
    ) -> Option<Result<Option<Bytes>, Refusal>> {
        let remembered = self.log.find(context.identity, context.operation)?;
        let is_waiting = inbox.is_some_and(|inbox| self.inboxes.ask_again(inbox, &context.asker()));
        Some(remembered.answer(context.operation, is_waiting))
    }

    /// Remembers that a publish was refused, unless it was granted before.
    pub(super) fn remember_refused(
        &mut self,
        identity: &Identity,
        operation: OperationId,
        code: ErrorCode,
    ) {
        if self.log.find(identity, operation).is_none() {
            self.log.insert(identity, operation, Remembered::Refused(code), false);
        }
    }

    /// Whether a publish is sent again by its client when its answer is lost.
    pub(super) fn may_be_repeated(&self, request: &Request<'_>, user: &UserId) -> bool {
        match request {
            Request::Publish(_) => true,
            Request::PublishTopic(publish) => {
                let names = (ChannelName::new(publish.channel), TopicName::new(publish.topic));
                let (Ok(channel), Ok(topic)) = names else { return false };
                let key = self.key(ChannelKind::Stream, channel);
                let publication = PublicationKey { topic, user: user.clone() };
                let delivery = self.delivery(&key, &publication);
                delivery.is_some_and(|delivery| delivery.is_reliable())
            }
            _ => false,
        }
    }

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
        self.log.insert(identity, operation, Remembered::Granted(answered), kept.is_some());
        if let Some(reached) = kept {
            let (key, identity) = (key.clone(), identity.clone());
            let answer = KeptAnswer { published: answered.0, reached };
            context.out.keep(Change::Publish { key, identity, operation, answer });
        }
    }
}
