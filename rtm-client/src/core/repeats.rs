//! Publishes whose session was lost before their answers came: they are sent again in the next one,
//! if the server can tell that they are repeated.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use rtm_session::{SendError, SessionId};
use rtm_wire::{LaneId, LimitKind, OperationId, ReplyResult, Time};

use super::command::HandleId;

use super::operations::{Operation, Purpose, Route};
use super::{Core, Place};
use crate::error::{Error, ErrorKind};

/// Publishes of an instance that a server remembers: so many after it, and one is forgotten.
const REMEMBERED: u64 = 1_024;
/// Pause when the session has no room.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(50);

/// What is kept of a publish until it is answered.
#[derive(Debug)]
pub(super) struct Sent {
    /// The request, as it was first sent.
    pub(super) message: Bytes,
    /// When that was.
    pub(super) at: Time,
    /// Which of this instance's publishes it is.
    pub(super) number: u64,
    /// Whether it was sent in an earlier session, too.
    pub(super) is_repeated: bool,
}

/// What waits to be sent again.
#[derive(Debug)]
pub(super) struct Repeats<W> {
    waiting: BTreeMap<OperationId, Operation<W>>,
    known: KnownFor,
}

/// For how long the server has known publishes, when it answered the login.
#[derive(Clone, Copy, Debug, Default)]
struct KnownFor {
    all: Duration,
    stored: Duration,
}

impl<W> Repeats<W> {
    pub(super) const fn new() -> Self {
        let known = KnownFor { all: Duration::ZERO, stored: Duration::ZERO };
        Self { waiting: BTreeMap::new(), known }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The number of the first one.
    pub(super) fn oldest(&self) -> Option<u64> {
        let (_, first) = self.waiting.first_key_value()?;
        first.sent.as_ref().map(|sent| sent.number)
    }

    pub(super) fn push(&mut self, operation: OperationId, publish: Operation<W>) {
        self.waiting.insert(operation, publish);
    }

    /// The answer to a login tells what is known.
    pub(super) fn on_login(&mut self, result: &ReplyResult<'_>) {
        let ReplyResult::LoggedIn { limits, .. } = result else { return };
        self.known = KnownFor::default();
        for limit in limits.iter() {
            let span = Duration::from_millis(limit.value);
            match limit.kind {
                LimitKind::PublishesKnown => self.known.all = span,
                LimitKind::StoredPublishesKnown => self.known.stored = span,
                _ => {}
            }
        }
    }

    /// Takes out all that might be done twice: the server may have forgotten it.
    fn take_forgotten(&mut self, now: Time, last: u64) -> Vec<Operation<W>> {
        let KnownFor { all, stored } = self.known;
        let is_known = |operation: &Operation<W>| {
            let (Some(sent), Purpose::Publish { is_stored, .. }) =
                (&operation.sent, &operation.purpose)
            else {
                return false;
            };
            let known = if *is_stored { all.max(stored) } else { all };
            now.saturating_since(sent.at) < known && last - sent.number < REMEMBERED
        };
        let all = std::mem::take(&mut self.waiting);
        let (known, forgotten) = all.into_iter().partition(|(_, operation)| is_known(operation));
        self.waiting = known;
        let forgotten: BTreeMap<_, _> = forgotten;
        forgotten.into_values().collect()
    }
}

/// What became of the next one.
pub(super) enum Progress {
    /// It is sent, or answered.
    Done,
    /// It has to wait until then.
    Due(Time),
    /// There is none.
    Nothing,
}

impl<W> Core<W> {
    /// A session was lost: its publishes wait for the next one.
    pub(super) fn keep_for_repeat(&mut self, operation: OperationId, publish: Operation<W>) {
        self.repeats.push(operation, publish);
    }

    /// A new session is there. What the server may have forgotten isn't sent again.
    pub(super) fn check_repeats(&mut self, now: Time) {
        let last = self.operations.published();
        for operation in self.repeats.take_forgotten(now, last) {
            self.end_repeat(now, operation);
        }
    }

    /// Nobody is logged in any more.
    pub(super) fn end_repeats(&mut self, now: Time) {
        for (_, operation) in std::mem::take(&mut self.repeats.waiting) {
            self.end_repeat(now, operation);
        }
    }

    fn end_repeat(&mut self, now: Time, operation: Operation<W>) {
        self.answer(operation.waiter, Err(Error::new(ErrorKind::OutcomeUnknown)));
        if let Purpose::Publish { route, .. } = operation.purpose {
            self.on_answered(now, &route);
        }
    }

    /// Sends the next one.
    pub(super) fn send_repeat(&mut self, now: Time) -> Progress {
        let Some(session) = self.connection.session() else { return Progress::Nothing };
        let Some((id, mut operation)) = self.repeats.waiting.pop_first() else {
            return Progress::Nothing;
        };
        let (Purpose::Publish { route, .. }, Some(sent)) =
            (&operation.purpose, &mut operation.sent)
        else {
            debug_assert!(false, "{:?} is no publish", operation.purpose);
            self.end_repeat(now, operation);
            return Progress::Done;
        };
        if let Err(due) = self.pace.take(now, publication_of(route), &self.limits) {
            self.repeats.push(id, operation);
            return Progress::Due(due);
        }
        let Some(lane) = self.lane_of(now, session, route) else {
            // Its publication has ended.
            self.end_repeat(now, operation);
            return Progress::Done;
        };
        match self.endpoint.send(now, session, lane, sent.message.clone()) {
            Ok(_) => {
                sent.is_repeated = true;
                self.operations.insert(id, operation);
                Progress::Done
            }
            Err(SendError::QueueFull { .. }) => {
                if let Route::Channel(name) = route {
                    self.lanes.on_answered(name);
                }
                self.repeats.push(id, operation);
                Progress::Due(now + NO_ROOM_PAUSE)
            }
            // This server takes no message of this length, and never will: what waits behind goes.
            Err(_) => {
                self.end_repeat(now, operation);
                Progress::Done
            }
        }
    }

    /// The lane of a publish, which counts as unanswered from now on; none if its publication has
    /// ended.
    fn lane_of(&mut self, now: Time, session: SessionId, route: &Route) -> Option<LaneId> {
        match route {
            Route::Channel(name) => {
                Some(self.lanes.channel(now, &mut self.endpoint, session, name))
            }
            Route::Users => Some(self.lanes.users(&mut self.endpoint, session)),
            Route::Publication(handle) => self.publication_lane(*handle),
        }
    }

    fn publication_lane(&self, handle: HandleId) -> Option<LaneId> {
        let Some(Place::Publication(channel, topic)) = self.places.get(&handle) else {
            return None;
        };
        self.streams.get(channel)?.publications.get(topic)?.lane
    }
}

/// The publication that a message belongs to, if it does.
pub(super) fn publication_of(route: &Route) -> Option<HandleId> {
    match route {
        Route::Publication(handle) => Some(*handle),
        Route::Channel(_) | Route::Users => None,
    }
}

/// What is said of a publish that was refused: of a repeated one not what was said ahead of the
/// question whether it is one, since the first may have taken effect.
pub(super) fn told(error: Error, is_repeated: bool) -> Error {
    let is_blind = matches!(error.kind(), ErrorKind::TooFrequent | ErrorKind::NotConnected);
    match is_repeated && is_blind {
        true => Error::new(ErrorKind::OutcomeUnknown).and(&error.to_string()),
        false => error,
    }
}
