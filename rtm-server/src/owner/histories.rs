//! Reads of histories, which the store answers later.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use rtm_channel::{ChannelKey, KeptMessage, Refusal, SubscriberId};
use rtm_wire::{
    Bound, ChannelKind, ErrorCode, GetMessages, List, Messages, OperationId, ReplyResult,
    StoredMessage, Time, UnixTime,
};

use super::Owner;
use super::answer::granted;
use super::channels::AppChannels;
use super::command::Output;
use super::context::Context;
use super::request::channel_name;
use crate::store::{Change, Found, HistoryPage, HistoryQuery, Query, QueryId};

/// Requests that may wait.
const WAITING_MAX: usize = 1_024;
/// Messages of an answer, and bytes, but for the first message.
const PAGE: usize = 100;
const PAGE_BYTES: usize = 32 * 1_024;
/// How often old messages are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

/// Who waits for a read.
#[derive(Debug)]
pub(super) enum Reader {
    /// A request.
    Request { to: SubscriberId, operation: OperationId },
    /// A subscriber that has missed something.
    CatchUp { key: ChannelKey, subscriber: SubscriberId, number: u64 },
    /// The search for what is too old.
    Sweep,
}

/// What the store is asked, and for whom.
#[derive(Debug, Default)]
pub(super) struct Reads {
    last: u64,
    to_ask: VecDeque<(QueryId, Query)>,
    asked: BTreeMap<QueryId, Reader>,
    /// How many of them are for requests.
    requests: usize,
    sweep_at: Option<Time>,
}

impl Reads {
    pub(super) fn ask(&mut self, reader: Reader, query: Query) {
        self.last += 1;
        self.requests += usize::from(matches!(reader, Reader::Request { .. }));
        self.to_ask.push_back((QueryId(self.last), query));
        self.asked.insert(QueryId(self.last), reader);
    }

    pub(super) fn is_full(&self) -> bool {
        self.requests >= WAITING_MAX
    }

    pub(super) fn poll(&mut self) -> Option<(QueryId, Query)> {
        self.to_ask.pop_front()
    }

    pub(super) const fn poll_timeout(&self) -> Option<Time> {
        self.sweep_at
    }

    /// Looks for what is too old, from now on.
    pub(super) fn begin_sweeps(&mut self, now: Time) {
        self.sweep_at = Some(now);
    }

    pub(super) fn handle_timeout(&mut self, now: Time) {
        if self.sweep_at.is_some_and(|at| at <= now) {
            self.sweep_at = Some(now + SWEEP_EVERY);
            self.ask(Reader::Sweep, Query::Histories(None));
        }
    }
}

impl Owner {
    /// What the store has found.
    pub(crate) fn found(
        &mut self,
        time: UnixTime,
        id: QueryId,
        found: Found,
        out: &mut Vec<Output>,
    ) {
        match (self.reads.asked.remove(&id), found) {
            (Some(Reader::Request { to, operation }), Found::Messages(page)) => {
                self.reads.requests -= 1;
                let message = answer(operation, &page);
                out.push(Output::Reply { to, of: None, message });
            }
            (Some(Reader::CatchUp { key, subscriber, number }), Found::Messages(page)) => {
                self.outbox.outputs = self.catch_ups.found(&key, subscriber, number, &page);
                self.commits.admit(&key.app, &mut self.outbox, out);
            }
            (Some(Reader::Sweep), Found::Histories(keys)) => {
                if let Some(last) = keys.last().cloned() {
                    self.reads.ask(Reader::Sweep, Query::Histories(Some(last)));
                }
                for key in keys {
                    self.outbox.keep(self.trim_of(key, time));
                }
                self.commits.admit_changes(&mut self.outbox);
            }
            (reader, found) => debug_assert!(false, "{reader:?}: {found:?}"),
        }
    }

    /// The rule for a history, as a store understands it. What waits for a user is never too much.
    pub(super) fn trim_of(&self, key: ChannelKey, time: UnixTime) -> Change {
        let mut retention = self.history.of(&key);
        if key.kind == ChannelKind::User {
            let limits = &self.limits.channel;
            retention.messages = retention.messages.max(limits.inbox_messages as u64);
            retention.days = retention.days.max(limits.inbox_days);
        }
        Change::Trim { key, count: retention.messages, since: retention.since(time) }
    }
}

impl AppChannels {
    /// Begins a read of a history; the answer follows.
    pub(super) fn get_messages(
        &self,
        context: &mut Context<'_>,
        get: &GetMessages<'_>,
    ) -> Result<Option<Bytes>, Refusal> {
        let key = self.history_key(context, get)?;
        let retention = context.history.of(&key);
        if retention.messages == 0 {
            let reason = format!("this server keeps no history of {}", key.name);
            return Err(Refusal::new(ErrorCode::HISTORY_NOT_AVAILABLE, reason));
        }
        if let (Bound::Time(from), Bound::Time(to)) = (get.from, get.to) {
            if from >= to {
                let (from, to) = (from.as_millis(), to.as_millis());
                let reason = format!("nothing lies from {from} to before {to}; swap the times");
                return Err(Refusal::new(ErrorCode::HISTORY_INVALID_TIMESTAMP, reason));
            }
        }
        if context.reads_are_full {
            let reason = "too many wait for the server's disk; try again later";
            return Err(Refusal::new(ErrorCode::HISTORY_OPERATION_FAILED, reason));
        }
        let mut query = HistoryQuery {
            key,
            oldest_first: get.oldest_first,
            after: None,
            before: None,
            since: retention.since(context.time),
            until: None,
            count: match usize::try_from(get.limit).unwrap_or(PAGE) {
                0 => PAGE,
                limit => limit.min(PAGE),
            },
            bytes: PAGE_BYTES,
        };
        match get.from {
            Bound::Open => {}
            Bound::Time(time) => query.since = query.since.max(time),
            Bound::Position(position) => query.after = Some(position),
        }
        match get.to {
            Bound::Open => {}
            Bound::Time(time) => query.until = Some(time),
            Bound::Position(position) => query.before = Some(position),
        }
        let reader = Reader::Request { to: context.from, operation: context.operation };
        context.out.reads.push((reader, Query::Messages(query)));
        Ok(None)
    }

    fn history_key(
        &self,
        context: &Context<'_>,
        get: &GetMessages<'_>,
    ) -> Result<ChannelKey, Refusal> {
        let name = channel_name(get.channel.name)?;
        match get.channel.kind {
            kind @ ChannelKind::Message => Ok(self.key(kind, name)),
            ChannelKind::User if name.as_str() == context.identity.user.as_str() => {
                Ok(self.own_inbox(context))
            }
            ChannelKind::User => {
                let reason = "only its user may read the history of a user";
                Err(Refusal::new(ErrorCode::HISTORY_PERMISSION_DENIED, reason))
            }
            _ => {
                let reason = "histories are of message channels and users";
                Err(Refusal::new(ErrorCode::INVALID_CHANNEL_TYPE, reason))
            }
        }
    }
}

fn answer(operation: OperationId, page: &HistoryPage) -> Bytes {
    let message = |it: &KeptMessage| it.event.clone();
    let events: Vec<_> = page.messages.iter().map(message).collect();
    let messages: Vec<_> = events.iter().map(|event| StoredMessage { event }).collect();
    let messages = Messages { has_more: page.has_more, messages: List::Slice(&messages) };
    granted(operation, ReplyResult::Messages(messages))
}
