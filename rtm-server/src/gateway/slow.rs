//! Subscribers that take messages more slowly than they come, by what they want then.
//!
//! ```text
//!              lane is three quarters full             half of it is free: owner, catch up
//!   (as usual) ──────────────────────────► Behind ───────────────────────────────────────┐
//!       ▲                                    ▲  messages aren't sent: the history has them │
//!       │ all of it has come                 │ full again, or there is more              ▼
//!       └────────────────────────────────────┴──────────────────────────────────── Replaying
//! ```
//!
//! That is for who catches up. Who wants the newest, or the latest, has older ones taken back that
//! weren't sent; nothing has to be remembered for that.

use std::collections::BTreeMap;

use bytes::Bytes;
use rtm_channel::{ChannelName, SubscriberId};
use rtm_session::{Endpoint, SessionId};
use rtm_wire::{ChannelKind, Event, LaneId, Position, QueuePolicy, Sequence};

use super::{Gateway, Work};
use crate::owner::{CommandKind, LaneKey, Subscription};

/// Messages, and bytes, of which the newest are kept for who lets the oldest be dropped.
const NEWEST: usize = 1_000;
const NEWEST_BYTES: usize = 256 * 1_024;

/// How one session's subscriptions take what comes too fast.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// Those that were chosen; as many as there may be subscriptions.
    policies: BTreeMap<Subscription, QueuePolicy>,
    slow: BTreeMap<ChannelName, Slow>,
}

/// Where a subscriber is that catches up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slow {
    /// It has got messages up to this one. Whether the owner was asked for the others.
    Behind { after: Position, is_asked: bool },
    /// The others come, and have come up to this one.
    Replaying { last: Position },
}

/// What is to be done about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Send,
    Skip,
}

impl Queues {
    pub(super) fn set(&mut self, of: Subscription, policy: QueuePolicy) {
        match policy {
            QueuePolicy::Default => self.policies.remove(&of),
            _ => self.policies.insert(of, policy),
        };
    }

    /// What becomes of too much on a lane.
    pub(super) fn policy(&self, key: &LaneKey) -> QueuePolicy {
        let default = match key {
            LaneKey::Channel(ChannelKind::Message, _) => QueuePolicy::CatchUp,
            _ => QueuePolicy::Disconnect,
        };
        if self.policies.is_empty() {
            return default;
        }
        let of = match key {
            LaneKey::Channel(ChannelKind::Message, name) => Subscription::Channel(name.clone()),
            LaneKey::Publication(channel, topic, _) => {
                Subscription::Topic(channel.clone(), topic.clone())
            }
            _ => return default,
        };
        self.policies.get(&of).copied().unwrap_or(default)
    }

    /// The subscription that a lane was for has ended.
    pub(super) fn end(&mut self, key: &LaneKey) {
        if let LaneKey::Channel(ChannelKind::Message, name) = key {
            self.slow.remove(name);
            self.policies.remove(&Subscription::Channel(name.clone()));
        }
    }

    /// All subscriptions to a stream channel's topics have ended.
    pub(super) fn end_topics(&mut self, channel: &ChannelName) {
        let is_other =
            |of: &Subscription| !matches!(of, Subscription::Topic(it, _) if it == channel);
        self.policies.retain(|of, _| is_other(of));
    }

    /// A message of a channel is about to be sent to who catches up: whether it is to be, given
    /// whether the lane has room.
    fn on_message(&mut self, name: &ChannelName, position: Position, has_room: bool) -> Verdict {
        let before = match self.slow.get(name) {
            Some(Slow::Behind { .. }) => return Verdict::Skip,
            Some(Slow::Replaying { last }) => *last,
            None if has_room => return Verdict::Send,
            None => Position { sequence: Sequence(position.sequence.0 - 1), ..position },
        };
        if has_room {
            return Verdict::Send;
        }
        self.slow.insert(name.clone(), Slow::Behind { after: before, is_asked: false });
        Verdict::Skip
    }

    /// A message of a channel was sent.
    pub(super) fn on_sent(&mut self, key: &LaneKey, message: &Bytes) {
        if self.slow.is_empty() {
            return;
        }
        let LaneKey::Channel(ChannelKind::Message, name) = key else { return };
        if let (Some(Slow::Replaying { last }), Some(position)) =
            (self.slow.get_mut(name), place(message))
        {
            *last = position;
        }
    }

    /// A lane has room: what the owner is to be asked for.
    fn on_room(
        &mut self,
        is_of_lane: impl Fn(&ChannelName) -> bool,
    ) -> Vec<(ChannelName, Position)> {
        let mut asked = Vec::new();
        for (name, slow) in self.slow.iter_mut().filter(|(name, _)| is_of_lane(name)) {
            if let Slow::Behind { after, is_asked: is_asked @ false } = slow {
                *is_asked = true;
                asked.push((name.clone(), *after));
            }
        }
        asked
    }

    /// What was missed comes from here on.
    pub(super) fn on_replay(&mut self, name: &ChannelName) {
        let Some(slow) = self.slow.get_mut(name) else { return };
        if let Slow::Behind { after, is_asked: true } = *slow {
            *slow = Slow::Replaying { last: after };
        }
    }

    /// What was missed has come, or there is more: whether the owner is to be asked for it.
    pub(super) fn on_replay_end(&mut self, name: &ChannelName, more: Option<Position>) -> bool {
        match (self.slow.get(name), more) {
            (Some(Slow::Replaying { .. }), None) => {
                self.slow.remove(name);
                false
            }
            (Some(Slow::Replaying { .. }), Some(after)) => {
                self.slow.insert(name.clone(), Slow::Behind { after, is_asked: true });
                true
            }
            _ => false,
        }
    }
}

impl Gateway {
    /// Makes room for a message on a lane, or says that it is not to be sent.
    pub(super) fn make_room(
        &mut self,
        work: &mut Work<'_>,
        to: SubscriberId,
        (key, lane): (&LaneKey, LaneId),
        message: &Bytes,
    ) -> Verdict {
        let queue_max = self.queue_max;
        let Some(client) = self.clients.get_mut(&to) else { return Verdict::Skip };
        let session = client.session;
        match (client.queues.policy(key), key) {
            (QueuePolicy::CatchUp, LaneKey::Channel(_, name)) => {
                let has_room = !is_high(work.endpoint, session, lane, message.len(), queue_max);
                if has_room && client.queues.slow.is_empty() {
                    return Verdict::Send;
                }
                let Some(position) = place(message) else { return Verdict::Send };
                let verdict = client.queues.on_message(name, position, has_room);
                if verdict == Verdict::Skip {
                    self.counters.skipped += 1;
                    work.endpoint.want_room(session, lane);
                }
                return verdict;
            }
            (QueuePolicy::DropOldest, _) if Event::is_message(message) => {
                let most = (NEWEST_BYTES.min(queue_max.0 / 4 * 3), NEWEST.min(queue_max.1 / 4 * 3));
                while is_above(work.endpoint, session, lane, message.len(), most) {
                    if !take_back(work.endpoint, session, (key, lane)) {
                        break;
                    }
                    self.counters.skipped += 1;
                }
            }
            (QueuePolicy::LatestOnly, _) if Event::is_message(message) => {
                while take_back(work.endpoint, session, (key, lane)) {
                    self.counters.skipped += 1;
                }
            }
            _ => {}
        }
        Verdict::Send
    }

    /// There was no room all the same, as other lanes fill the session, and may take nothing back:
    /// whether that can be made up for.
    pub(super) fn is_made_up_for(
        &mut self,
        to: SubscriberId,
        key: &LaneKey,
        message: &Bytes,
    ) -> bool {
        let Some(client) = self.clients.get_mut(&to) else { return true };
        let (QueuePolicy::CatchUp, LaneKey::Channel(_, name)) = (client.queues.policy(key), key)
        else {
            return false;
        };
        let Some(position) = place(message) else { return false };
        self.counters.skipped += 1;
        client.queues.on_message(name, position, false) == Verdict::Skip
    }

    /// The session has no room: takes back a message that a newer one takes the place of, if there
    /// is one. The newest of each subscription stays, or nothing would tell of what is missing.
    pub(super) fn take_back_any(
        &mut self,
        work: &mut Work<'_>,
        to: SubscriberId,
        key: Option<&LaneKey>,
    ) -> bool {
        let Some(client) = self.clients.get(&to) else { return false };
        let session = client.session;
        // From there on around, so that not always the same ones lose.
        let from = key.unwrap_or(&LaneKey::Control);
        let around = client.lanes.range(from..).chain(client.lanes.range(..from));
        let mut may_lose = around.filter(|(it, _)| {
            let policy = client.queues.policy(it);
            matches!(policy, QueuePolicy::DropOldest | QueuePolicy::LatestOnly)
        });
        let is_taken = may_lose.any(|(it, &lane)| {
            let stats = work.endpoint.lane_stats(session, lane).unwrap_or_default();
            let is_newest = Some(it) != key && stats.send_messages <= 1;
            !is_newest && take_back(work.endpoint, session, (it, lane))
        });
        self.counters.skipped += u64::from(is_taken);
        is_taken
    }

    /// A lane has room again.
    pub(super) fn on_writable(&mut self, work: &mut Work<'_>, session: SessionId, lane: LaneId) {
        let from = super::subscriber_of(session);
        let Some(client) = self.clients.get_mut(&from) else { return };
        let lanes = &client.lanes;
        let is_of_lane = |name: &ChannelName| {
            lanes.get(&LaneKey::Channel(ChannelKind::Message, name.clone())) == Some(&lane)
        };
        for (channel, after) in client.queues.on_room(is_of_lane) {
            self.tell_owner(work, from, CommandKind::CatchUp { channel, after });
        }
    }

    pub(super) fn on_replay_end(
        &mut self,
        work: &mut Work<'_>,
        to: SubscriberId,
        channel: ChannelName,
        more: Option<Position>,
    ) {
        let Some(client) = self.clients.get_mut(&to) else { return };
        if let (true, Some(after)) = (client.queues.on_replay_end(&channel, more), more) {
            self.tell_owner(work, to, CommandKind::CatchUp { channel, after });
        }
    }
}

/// The place of a message of a channel, or how far the channel is.
fn place(event: &Bytes) -> Option<Position> {
    if !Event::is_message(event) && !Event::is_position(event) {
        return None;
    }
    match Event::decode(event) {
        Ok(Event::Message(message)) => Some(message.position),
        Ok(Event::Position(event)) => Some(event.position),
        _ => None,
    }
}

/// Takes back the oldest message of a subscription. The control lane may stand in for its own; what
/// others have there stays.
fn take_back(endpoint: &mut Endpoint, session: SessionId, (key, lane): (&LaneKey, LaneId)) -> bool {
    let is_shared = lane == LaneId::CONTROL;
    let is_wanted = |it: &Bytes| Event::is_message(it) && (!is_shared || is_of(key, it));
    endpoint.take_back_oldest(session, lane, is_wanted).is_some()
}

/// Whether a message is one of those that a lane is for.
fn is_of(key: &LaneKey, message: &Bytes) -> bool {
    match (key, Event::decode(message)) {
        (LaneKey::Channel(kind, name), Ok(Event::Message(it))) => {
            *kind == it.channel.kind && name.as_str() == it.channel.name
        }
        (LaneKey::Publication(channel, topic, publisher), Ok(Event::TopicMessage(it))) => {
            let of = (channel.as_str(), topic.as_str(), publisher.as_str());
            of == (it.channel, it.topic, it.publisher)
        }
        _ => false,
    }
}

/// Whether what isn't a message might soon find no room.
fn is_high(
    endpoint: &Endpoint,
    session: SessionId,
    lane: LaneId,
    len: usize,
    (bytes, messages): (usize, usize),
) -> bool {
    is_above(endpoint, session, lane, len, (bytes / 4 * 3, messages / 4 * 3))
}

/// Whether another message makes the lane hold more than this. One may always be there.
fn is_above(
    endpoint: &Endpoint,
    session: SessionId,
    lane: LaneId,
    len: usize,
    (bytes, messages): (usize, usize),
) -> bool {
    let stats = endpoint.lane_stats(session, lane).unwrap_or_default();
    let is_long = stats.send_messages > 0 && stats.send_bytes + len > bytes;
    is_long || stats.send_messages >= messages.max(1)
}
