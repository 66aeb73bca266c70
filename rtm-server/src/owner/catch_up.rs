//! Subscribers that come back, and get first what was stored while they were away.

use std::collections::BTreeMap;

use bytes::Bytes;
use rtm_channel::{AppId, ChannelKey, SubscriberId};
use rtm_wire::{
    ChannelKind, Event, OperationId, Position, PositionEvent, ReplyResult, Sequence, UnixTime,
};

use super::answer::{encode, granted};
use super::channels::AppChannels;
use super::command::{LaneKey, Output};
use super::outbox::Outbox;
use crate::retention::HistoryRules;
use crate::store::{HistoryPage, HistoryQuery};

/// Subscribers that may catch up at a time; others are told of a gap at once.
const WAITING_MAX: usize = 20_000;
/// The newest messages that are replayed, and their bytes; what is older is a gap. As many bytes,
/// and twice as many messages, may come meanwhile; then it goes on without, or, for who was too
/// slow, those come with the next part.
const REPLAY: usize = 100;
const REPLAY_BYTES: usize = 256 * 1_024;

/// A subscription that carries on from a known message, and has missed something.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) key: ChannelKey,
    pub(super) subscriber: SubscriberId,
    /// That of a subscription; none if it was too slow for its queue.
    pub(super) operation: Option<OperationId>,
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
    waiting: BTreeMap<ChannelKey, BTreeMap<SubscriberId, CatchUp>>,
    /// Reads that are to come, also for those who are gone meanwhile.
    reads: usize,
    last: u64,
}

/// How much one gets at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replay {
    messages: usize,
    bytes: usize,
}

#[derive(Debug)]
struct CatchUp {
    number: u64,
    operation: Option<OperationId>,
    position: Position,
    ahead: Vec<Bytes>,
    bytes: usize,
    /// Too much came meanwhile to keep it.
    is_overfull: bool,
}

impl Beginning {
    /// What was missed.
    pub(super) fn query(&self, replay: Replay) -> HistoryQuery {
        let Position { epoch, sequence } = self.position;
        HistoryQuery {
            key: self.key.clone(),
            // Who was too slow gets all of it, a part at a time.
            oldest_first: self.operation.is_none(),
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
        Self { replay, waiting: BTreeMap::new(), reads: 0, last: 0 }
    }

    pub(super) fn is_full(&self) -> bool {
        self.reads >= WAITING_MAX
    }

    /// Its number: a read of which has to be ended.
    pub(super) fn begin(&mut self, it: &Beginning) -> u64 {
        let Beginning { operation, position, .. } = *it;
        (self.last, self.reads) = (self.last + 1, self.reads + 1);
        let (number, ahead) = (self.last, Vec::new());
        let (bytes, is_overfull) = (0, false);
        let catch_up = CatchUp { number, operation, position, ahead, bytes, is_overfull };
        self.waiting.entry(it.key.clone()).or_default().insert(it.subscriber, catch_up);
        number
    }

    /// A read has come, whoever is still there.
    pub(super) fn found(
        &mut self,
        key: &ChannelKey,
        subscriber: SubscriberId,
        number: u64,
        page: &HistoryPage,
    ) -> Vec<Output> {
        self.reads -= 1;
        self.end(key, subscriber, Some(number), Some(page))
    }

    /// Keeps back what is ahead of what was missed, until that has come. What a subscription itself
    /// `is_causing` isn't counted as too much.
    pub(super) fn divert(&mut self, app: &AppId, outputs: &mut Vec<Output>, is_causing: bool) {
        if self.waiting.is_empty() {
            return;
        }
        let mut passed = Vec::with_capacity(outputs.len());
        for mut output in outputs.drain(..) {
            let Some((key, waiting)) = self.held_up(app, &mut output) else {
                passed.push(output);
                continue;
            };
            match &mut output {
                Output::Event { message, .. } => {
                    for subscriber in waiting {
                        passed.extend(self.keep_back(&key, subscriber, message, is_causing));
                    }
                }
                // It has left before it was there.
                Output::LaneEnds { to, .. } => {
                    for subscriber in waiting {
                        passed.extend(self.end(&key, subscriber, None, None));
                        to.push(subscriber);
                    }
                }
                _ => {}
            }
            passed.push(output);
        }
        *outputs = passed;
    }

    /// Takes those out of an output's receivers who catch up in its channel.
    fn held_up(&self, app: &AppId, output: &mut Output) -> Option<(ChannelKey, Vec<SubscriberId>)> {
        let (lane, to) = match output {
            Output::Event { lane, to, .. } | Output::LaneEnds { lane, to } => (lane, to),
            _ => return None,
        };
        let LaneKey::Channel(kind @ ChannelKind::Message, name) = lane else { return None };
        let key = ChannelKey { app: app.clone(), kind: *kind, name: name.clone() };
        let here = self.waiting.get(&key)?;
        let is_waiting = |to: &SubscriberId| here.contains_key(to);
        let (waiting, others) = std::mem::take(to).into_iter().partition(is_waiting);
        *to = others;
        Some((key, waiting))
    }

    /// All that was missed was found: it goes out, oldest first, and then what came meanwhile.
    /// With a number, only if it is that one. Without a page there was too much meanwhile, or the
    /// subscription ends.
    fn end(
        &mut self,
        key: &ChannelKey,
        subscriber: SubscriberId,
        number: Option<u64>,
        page: Option<&HistoryPage>,
    ) -> Vec<Output> {
        let here = self.waiting.get(key).and_then(|here| here.get(&subscriber));
        if here.is_none_or(|it| number.is_some_and(|number| it.number != number)) {
            return Vec::new();
        }
        let Some(catch_up) = self.take(key, subscriber) else { return Vec::new() };
        let CatchUp { operation, position, ahead, is_overfull, .. } = catch_up;
        let lane = LaneKey::of(key);
        let send = |it| Output::in_order(lane.clone(), vec![subscriber], it);
        let messages = page.map_or(&[][..], |page| &page.messages);
        let missed = messages.iter().map(|it| it.event.clone());
        let Some(operation) = operation else {
            let (to, channel) = (subscriber, key.name.clone());
            if page.is_none() {
                return vec![Output::ReplayEnds { to, channel, more_after: None }];
            }
            // Where it has to go on; nowhere if it is at the end.
            let last = messages.last().map(|last| last.published.position);
            let part = last.filter(|_| page.is_some_and(|page| page.has_more));
            let more_after = part.or(is_overfull.then_some(position));
            let ends = Output::ReplayEnds { to, channel, more_after };
            let told = part.is_none().then(|| told_position(key, position));
            // What is newer comes later; what is no message is told now.
            let is_next = |it: &Bytes| more_after.is_none() || !Event::is_message(it);
            let ahead = ahead.into_iter().filter(is_next);
            return missed.chain(told).chain(ahead).map(send).chain([ends]).collect();
        };
        let answer = granted(operation, ReplyResult::Subscribed(position));
        missed.rev().chain([answer]).chain(ahead).map(send).collect()
    }

    /// Whether a subscriber catches up already.
    pub(super) fn is_waiting(&self, key: &ChannelKey, subscriber: SubscriberId) -> bool {
        self.waiting.get(key).is_some_and(|here| here.contains_key(&subscriber))
    }

    /// A session is gone.
    pub(super) fn forget(&mut self, key: &ChannelKey, subscriber: SubscriberId) {
        self.take(key, subscriber);
    }

    fn take(&mut self, key: &ChannelKey, subscriber: SubscriberId) -> Option<CatchUp> {
        let here = self.waiting.get_mut(key)?;
        let catch_up = here.remove(&subscriber);
        if here.is_empty() {
            self.waiting.remove(key);
        }
        catch_up
    }

    /// What is ahead; what goes out if that is too much.
    fn keep_back(
        &mut self,
        key: &ChannelKey,
        subscriber: SubscriberId,
        message: &Bytes,
        is_caused: bool,
    ) -> Vec<Output> {
        let here = self.waiting.get_mut(key).and_then(|here| here.get_mut(&subscriber));
        let Some(catch_up) = here else { return Vec::new() };
        let send = |it| Output::in_order(LaneKey::of(key), vec![subscriber], it);
        if catch_up.is_overfull {
            // A message comes with the next part.
            let now = (!Event::is_message(message)).then(|| message.clone());
            return now.into_iter().map(send).collect();
        }
        catch_up.ahead.push(message.clone());
        if is_caused {
            return Vec::new();
        }
        catch_up.bytes += message.len();
        let Replay { messages, bytes } = self.replay;
        if catch_up.bytes <= bytes && catch_up.ahead.len() <= 2 * messages {
            return Vec::new();
        }
        if catch_up.operation.is_some() {
            return self.end(key, subscriber, None, None);
        }
        catch_up.is_overfull = true;
        let others = std::mem::take(&mut catch_up.ahead);
        others.into_iter().filter(|it| !Event::is_message(it)).map(send).collect()
    }
}

/// How far the channel is: what is missing until then is missing for good.
pub(super) fn told_position(key: &ChannelKey, position: Position) -> Bytes {
    encode(&Event::Position(PositionEvent { channel: key.as_ref(), position }))
}

impl AppChannels {
    /// A subscriber that was too slow for its queue has room again: it gets what was stored
    /// meanwhile, the oldest first, and then hears as everybody does.
    pub(super) fn catch_up(
        &mut self,
        time: UnixTime,
        from: SubscriberId,
        (key, after): (ChannelKey, Position),
        (history, is_full): (&HistoryRules, bool),
        out: &mut Outbox,
    ) {
        if !self.is_in(from, &key) {
            return;
        }
        let position = self.message(&key).position();
        out.push(Output::Replay { to: from, channel: key.name.clone() });
        let retention = history.of(&key);
        if after < position && retention.messages > 0 && !is_full {
            let since = retention.since(time);
            let (subscriber, operation) = (from, None);
            out.beginning = Some(Beginning { key, subscriber, operation, after, position, since });
            return;
        }
        let lane = LaneKey::of(&key);
        out.push(Output::in_order(lane, vec![from], told_position(&key, position)));
        out.push(Output::ReplayEnds { to: from, channel: key.name, more_after: None });
    }
}

#[cfg(test)]
mod tests;
