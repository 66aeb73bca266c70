//! Subscribers that come back, and get first what was stored while they were away.

use std::collections::BTreeMap;

use bytes::Bytes;
use rtm_channel::{AppId, ChannelKey, KeptMessage, SubscriberId};
use rtm_wire::{ChannelKind, OperationId, Position, ReplyResult, Sequence, UnixTime};

use super::answer::granted;
use super::command::{LaneKey, Output};
use crate::store::HistoryQuery;

/// Subscribers that may catch up at a time; others are told of a gap at once.
const WAITING_MAX: usize = 100_000;
/// The newest messages that are replayed, and their bytes; what is older is a gap. As many bytes,
/// and twice as many messages, may come meanwhile; then it goes on without.
const REPLAY: usize = 100;
const REPLAY_BYTES: usize = 256 * 1_024;

/// A subscription that carries on from a known message, and has missed something.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) key: ChannelKey,
    pub(super) subscriber: SubscriberId,
    pub(super) operation: OperationId,
    /// The last message that is known.
    pub(super) after: Position,
    /// The channel's last one; the subscriber gets what comes later as everybody does.
    pub(super) position: Position,
    /// What is older isn't kept.
    pub(super) since: UnixTime,
}

/// Who waits for what was stored.
///
/// ```text
///   subscribe, after r ──► read of (r, p] ──► on the channel's lane: what was found,
///   at position p          what comes          the answer with p, and what came meanwhile
///                          meanwhile waits
/// ```
///
/// The view is between its old and new life until the answer: what comes before it is in order, and
/// the answer tells what is missing behind it. So the answer takes the lane of the messages.
#[derive(Debug)]
pub(super) struct CatchUps {
    pub(super) replay: Replay,
    waiting: BTreeMap<(ChannelKey, SubscriberId), CatchUp>,
}

/// How much one gets at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replay {
    messages: usize,
    bytes: usize,
}

#[derive(Debug)]
struct CatchUp {
    operation: OperationId,
    position: Position,
    ahead: Vec<Bytes>,
    bytes: usize,
}

impl Beginning {
    /// What was missed.
    pub(super) fn query(&self, replay: Replay) -> HistoryQuery {
        let Position { epoch, sequence } = self.position;
        HistoryQuery {
            key: self.key.clone(),
            oldest_first: false,
            after: Some(self.after),
            before: Some(Position { epoch, sequence: Sequence(sequence.0 + 1) }),
            since: self.since,
            until: None,
            count: replay.messages,
            bytes: replay.bytes,
        }
    }
}

impl CatchUps {
    /// A session whose queue takes so many bytes and messages on one lane ends when it is full, and
    /// would end again each time it comes back: what comes at once is a part of that.
    pub(super) fn new((bytes, messages): (usize, usize)) -> Self {
        let replay = Replay {
            messages: REPLAY.min(messages / 4).max(1),
            bytes: REPLAY_BYTES.min(bytes / 4),
        };
        Self { replay, waiting: BTreeMap::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }

    pub(super) fn begin(&mut self, it: &Beginning) {
        let Beginning { operation, position, .. } = *it;
        let catch_up = CatchUp { operation, position, ahead: Vec::new(), bytes: 0 };
        self.waiting.insert((it.key.clone(), it.subscriber), catch_up);
    }

    /// Keeps back what is ahead of what was missed, until that has come.
    pub(super) fn divert(&mut self, app: &AppId, outputs: &mut Vec<Output>) {
        if self.waiting.is_empty() {
            return;
        }
        let mut passed = Vec::with_capacity(outputs.len());
        for mut output in outputs.drain(..) {
            let (lane, to) = match &mut output {
                Output::Event { lane, to, .. } | Output::LaneEnds { lane, to } => (lane, to),
                _ => {
                    passed.push(output);
                    continue;
                }
            };
            let LaneKey::Channel(kind @ ChannelKind::Message, name) = lane else {
                passed.push(output);
                continue;
            };
            let key = ChannelKey { app: app.clone(), kind: *kind, name: name.clone() };
            let waiting: Vec<_> = to.iter().copied().filter(|to| self.has(&key, *to)).collect();
            to.retain(|to| !waiting.contains(to));
            match output {
                Output::Event { ref message, .. } => {
                    for subscriber in waiting {
                        passed.extend(self.keep_back(&key, subscriber, message));
                    }
                }
                // It has left before it was there.
                Output::LaneEnds { ref mut to, .. } => {
                    for subscriber in waiting {
                        passed.extend(self.end(&key, subscriber, &[]));
                        to.push(subscriber);
                    }
                }
                _ => {}
            }
            passed.push(output);
        }
        *outputs = passed;
    }

    /// All that was missed was found: it goes out, oldest first, and then what came meanwhile.
    pub(super) fn end(
        &mut self,
        key: &ChannelKey,
        subscriber: SubscriberId,
        newest_first: &[KeptMessage],
    ) -> Vec<Output> {
        let Some(catch_up) = self.waiting.remove(&(key.clone(), subscriber)) else {
            return Vec::new();
        };
        let CatchUp { operation, position, ahead, .. } = catch_up;
        let answer = granted(operation, ReplyResult::Subscribed(position));
        let missed = newest_first.iter().rev().map(|it| it.event.clone());
        let all = missed.chain([answer]).chain(ahead);
        let lane = LaneKey::of(key);
        all.map(|it| Output::in_order(lane.clone(), vec![subscriber], it)).collect()
    }

    /// A session is gone.
    pub(super) fn forget(&mut self, key: &ChannelKey, subscriber: SubscriberId) {
        self.waiting.remove(&(key.clone(), subscriber));
    }

    fn has(&self, key: &ChannelKey, subscriber: SubscriberId) -> bool {
        self.waiting.contains_key(&(key.clone(), subscriber))
    }

    /// What is ahead; what goes out if that is too much.
    fn keep_back(
        &mut self,
        key: &ChannelKey,
        subscriber: SubscriberId,
        message: &Bytes,
    ) -> Vec<Output> {
        let Some(catch_up) = self.waiting.get_mut(&(key.clone(), subscriber)) else {
            return Vec::new();
        };
        catch_up.bytes += message.len();
        catch_up.ahead.push(message.clone());
        let Replay { messages, bytes } = self.replay;
        match catch_up.bytes > bytes || catch_up.ahead.len() > 2 * messages {
            true => self.end(key, subscriber, &[]),
            false => Vec::new(),
        }
    }
}
