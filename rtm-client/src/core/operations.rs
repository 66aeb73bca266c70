//! Operations in flight: requests that the server has not answered.

use std::collections::BTreeMap;

use rtm_channel::{ChannelName, UserId};
use rtm_topic::TopicName;
use rtm_wire::{OperationId, Time};

use super::command::HandleId;
use super::history::HistoryReading;
use super::reading::Reading;
use super::repeats::Sent;
use super::states::Tried;
use crate::channel_id::ChannelId;

/// What a request was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Login,
    Logout,
    /// With the count of tickets before.
    RenewToken(String, u64),
    RenewChannelToken(ChannelName, String),
    Publish {
        route: Route,
        is_stored: bool,
    },
    Subscribe {
        channel: ChannelName,
        is_restore: bool,
    },
    Unsubscribe {
        channel: ChannelName,
    },
    OpenInbox {
        is_restore: bool,
    },
    CloseInbox,
    Join {
        channel: ChannelName,
        is_restore: bool,
    },
    Leave {
        channel: ChannelName,
    },
    JoinTopic {
        channel: ChannelName,
        topic: TopicName,
        is_restore: bool,
    },
    LeaveTopic {
        channel: ChannelName,
        topic: TopicName,
    },
    SubscribeTopic {
        channel: ChannelName,
        topic: TopicName,
        all: bool,
        is_restore: bool,
    },
    UnsubscribeTopic {
        channel: ChannelName,
        topic: TopicName,
        all: bool,
    },
    SetStates {
        channel: ChannelId,
        tried: Vec<Tried>,
    },
    RemoveStates {
        channel: ChannelId,
        removed: Vec<(String, Vec<u8>)>,
        keys: Vec<String>,
    },
    GetStates(ChannelId),
    OnlineUsers(ChannelId),
    UserChannels,
    WriteMetadata,
    ReadPage,
    Read(Box<Reading>),
    ReadHistory(Box<HistoryReading>),
    SubscribeUserMetadata {
        user: UserId,
        handle: HandleId,
        is_restore: bool,
    },
    UnsubscribeUserMetadata,
    ChangeLock,
    AcquireLock {
        channel: ChannelId,
        name: String,
        asked: Time,
    },
    GetLocks,
}

/// Which queue of unanswered messages a message stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Channel(ChannelName),
    Users,
    Publication(HandleId),
}

#[derive(Debug)]
pub(super) struct Operation<W> {
    pub(super) purpose: Purpose,
    pub(super) waiter: Option<W>,
    /// Of a publish.
    pub(super) sent: Option<Sent>,
}

/// All that are in flight. Bounded by what the application asks for at a time.
#[derive(Debug)]
pub(super) struct Operations<W> {
    last: OperationId,
    open: BTreeMap<OperationId, Operation<W>>,
    publishes: usize,
    /// Bytes of their requests.
    publish_bytes: usize,
    /// How many of them were sent in an earlier session, too.
    repeated: usize,
    /// How many this instance has sent.
    published: u64,
}

impl<W> Operation<W> {
    /// What isn't sent again.
    pub(super) const fn new(purpose: Purpose, waiter: Option<W>) -> Self {
        Self { purpose, waiter, sent: None }
    }

    fn is_repeated(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.is_repeated)
    }

    fn len(&self) -> usize {
        self.sent.as_ref().map_or(0, |sent| sent.message.len())
    }
}

impl<W> Operations<W> {
    pub(super) const fn new() -> Self {
        Self {
            last: OperationId(0),
            open: BTreeMap::new(),
            publishes: 0,
            publish_bytes: 0,
            repeated: 0,
            published: 0,
        }
    }

    /// A new session instance begins: ids count from 1 again.
    pub(super) fn begin_instance(&mut self) {
        debug_assert!(self.open.is_empty(), "a former session left operations");
        self.last = OperationId(0);
        self.published = 0;
    }

    /// The next id. Only grows within an instance.
    pub(super) fn next_id(&mut self) -> OperationId {
        self.last = self.last.next();
        self.last
    }

    /// The number of the next publish.
    pub(super) const fn next_publish(&mut self) -> u64 {
        self.published += 1;
        self.published
    }

    /// How many publishes there were.
    pub(super) const fn published(&self) -> u64 {
        self.published
    }

    pub(super) fn insert(&mut self, id: OperationId, operation: Operation<W>) {
        self.publishes += usize::from(operation.sent.is_some());
        self.publish_bytes += operation.len();
        self.repeated += usize::from(operation.is_repeated());
        self.open.insert(id, operation);
    }

    pub(super) fn take(&mut self, id: OperationId) -> Option<Operation<W>> {
        let operation = self.open.remove(&id)?;
        self.publishes -= usize::from(operation.sent.is_some());
        self.publish_bytes -= operation.len();
        self.repeated -= usize::from(operation.is_repeated());
        Some(operation)
    }

    /// Whether one is still to be answered.
    pub(super) fn any(&self, is_it: impl Fn(&Purpose) -> bool) -> bool {
        self.open.values().any(|operation| is_it(&operation.purpose))
    }

    /// Who waits for one that is still to be answered, and waits no more.
    pub(super) fn take_waiter(&mut self, is_it: impl Fn(&Purpose) -> bool) -> Option<W> {
        let operation = self.open.values_mut().find(|operation| is_it(&operation.purpose))?;
        operation.waiter.take()
    }

    /// All of them, in the order of asking.
    pub(super) fn take_all(
        &mut self,
    ) -> impl Iterator<Item = (OperationId, Operation<W>)> + use<W> {
        (self.publishes, self.publish_bytes, self.repeated) = (0, 0, 0);
        std::mem::take(&mut self.open).into_iter()
    }

    /// Messages that are unanswered, and their bytes.
    pub(super) const fn unanswered(&self) -> (usize, usize) {
        (self.publishes, self.publish_bytes)
    }

    /// The number of the oldest publish that was sent again and isn't answered.
    pub(super) fn oldest_repeated(&self) -> Option<u64> {
        // Asked before each publish, of which thousands may be open.
        if self.repeated == 0 {
            return None;
        }
        let sent = self.open.values().find_map(|it| it.sent.as_ref().filter(|it| it.is_repeated));
        sent.map(|sent| sent.number)
    }

    /// Whether messages are unanswered.
    pub(super) const fn has_publishes(&self) -> bool {
        self.publishes > 0
    }

    /// How many are in flight.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}
