//! All lanes that one end sends on, and whose turn it is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use rtm_wire::{LaneClose, LaneId, MessageSeq, Skip, Time};

use super::pending::Chunk;
use super::send::SendLane;
use super::spec::{CREDIT_PER_MESSAGE, LaneSpec, LaneStats};
use super::turns::Turns;
use crate::error::{QueueBound, SendError};
use crate::redundancy::{Redundancy, Rider};

/// What bounds the sending end; the first three are the peer's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SendLimits {
    /// Lanes open at a time, the control lane not counted.
    pub(crate) lanes: u64,
    /// Credit that each lane starts with.
    pub(crate) lane_credit: u64,
    /// Longest message.
    pub(crate) message_len: u64,
    /// Own bound on each lane's queue.
    pub(crate) queue_bytes: usize,
    /// Own bound on each lane's queue.
    pub(crate) queue_messages: usize,
    /// Own bound on all lanes' queues, each message counting 32 bytes more.
    pub(crate) session_bytes: usize,
    /// Longest datagram.
    pub(crate) datagram_len: usize,
}

impl SendLimits {
    /// The longest message that can ever be sent: it must fit the credit a lane starts with.
    fn message_len(&self) -> u64 {
        self.message_len.min(self.lane_credit.saturating_sub(CREDIT_PER_MESSAGE))
    }
}

/// Messages of one lane that a skip frame named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LaneSkip {
    pub(crate) lane: LaneId,
    pub(crate) seqs: Range<u64>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) lane: SendLane,
    /// Whether the lane stands in `turns`.
    pub(super) queued: bool,
    /// Bytes that it has sent beyond its share, below 0.
    pub(super) debt: i64,
    /// Whether somebody was told that there is no room, and why.
    blocked: Option<Blocked>,
    /// What stands in `expiries`.
    expiry: Option<Time>,
}

/// What has to have room again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blocked {
    Lane,
    Session,
}

impl Entry {
    fn new(spec: LaneSpec, credit: u64) -> Self {
        let lane = SendLane::new(spec, credit);
        Self { lane, queued: false, debt: 0, blocked: None, expiry: None }
    }
}

/// Invariants: a lane with something to send has its turn; one with dropped messages to tell of
/// stands in `skipping`; `charge` is the sum of the lanes' charges.
#[derive(Debug)]
pub(crate) struct SendLanes {
    limits: SendLimits,
    pub(super) lanes: BTreeMap<LaneId, Entry>,
    next: LaneId,
    pub(super) turns: Turns,
    closing: VecDeque<LaneId>,
    /// The lane that was probed last.
    probed: LaneId,
    skipping: BTreeSet<LaneId>,
    /// When lanes have to drop messages.
    expiries: BTreeSet<(Time, LaneId)>,
    writable: Vec<LaneId>,
    charge: usize,
    /// Whether lanes wait for the session to have room.
    is_blocked: bool,
    /// Messages given up on lanes that are gone.
    dropped: u64,
}

impl SendLanes {
    pub(crate) fn new(limits: SendLimits) -> Self {
        let control = Entry::new(LaneSpec::CONTROL, limits.lane_credit);
        Self {
            limits,
            lanes: BTreeMap::from([(LaneId::CONTROL, control)]),
            next: LaneId(1),
            turns: Turns::new(limits.datagram_len),
            closing: VecDeque::new(),
            probed: LaneId::CONTROL,
            skipping: BTreeSet::new(),
            expiries: BTreeSet::new(),
            writable: Vec::new(),
            charge: 0,
            is_blocked: false,
            dropped: 0,
        }
    }

    pub(crate) fn open(&mut self, spec: LaneSpec) -> Result<LaneId, SendError> {
        if !spec.is_valid() {
            return Err(SendError::Mode);
        }
        if self.lanes.len() as u64 > self.limits.lanes {
            return Err(SendError::TooManyLanes { limit: self.limits.lanes });
        }
        let id = self.next;
        self.next = id.next();
        self.lanes.insert(id, Entry::new(spec, self.limits.lane_credit));
        Ok(id)
    }

    /// Queues a message; `deadline` is its own time to live.
    pub(crate) fn push(
        &mut self,
        now: Time,
        id: LaneId,
        payload: Bytes,
        deadline: Option<Duration>,
    ) -> Result<MessageSeq, SendError> {
        let entry = self.lanes.get_mut(&id).filter(|entry| entry.lane.is_open());
        let Some(entry) = entry else { return Err(SendError::UnknownLane { lane: id }) };
        let spec = entry.lane.spec;
        if deadline.is_some() && !spec.is_lossy() {
            return Err(SendError::Mode);
        }
        let limit = self.limits.message_len();
        if payload.len() as u64 > limit {
            return Err(SendError::TooLong { length: payload.len(), limit });
        }
        if let Some((bound, blocked)) = self.limits.exceeded(self.charge, entry, payload.len()) {
            entry.blocked = Some(blocked);
            self.is_blocked |= blocked == Blocked::Session;
            return Err(SendError::QueueFull { lane: id, bound });
        }
        let expires = deadline.or(spec.deadline).map(|span| now + span);
        let seq = self.change(id, |lane| lane.push(payload, expires)).expect("just found");
        Ok(seq)
    }

    /// Changes a lane, and what depends on it.
    pub(super) fn change<R>(
        &mut self,
        id: LaneId,
        change: impl FnOnce(&mut SendLane) -> R,
    ) -> Option<R> {
        let entry = self.lanes.get_mut(&id)?;
        let before = entry.lane.charge();
        let result = change(&mut entry.lane);
        self.charge = self.charge - before + entry.lane.charge();
        let expiry = entry.lane.next_expiry();
        if expiry != entry.expiry {
            self.expiries.extend(expiry.map(|at| (at, id)));
            if let Some(at) = std::mem::replace(&mut entry.expiry, expiry) {
                self.expiries.remove(&(at, id));
            }
        }
        if entry.lane.has_skips() {
            self.skipping.insert(id);
        }
        if !entry.queued && entry.lane.has_work() {
            entry.queued = true;
            self.turns.push(entry.lane.spec.priority.number(), id, entry.debt);
        }
        if entry.blocked.is_some() || self.is_blocked {
            self.tell_of_room(id);
        }
        Some(result)
    }

    /// Takes the oldest message of a lane back that is wanted and not begun.
    pub(crate) fn take_back_oldest(
        &mut self,
        id: LaneId,
        wanted: impl FnMut(&Bytes) -> bool,
    ) -> Option<Bytes> {
        self.change(id, |lane| lane.take_back_oldest(wanted)).flatten()
    }

    /// As if the lane had refused a message: it tells when there is room.
    pub(crate) fn want_room(&mut self, id: LaneId) {
        if let Some(entry) = self.lanes.get_mut(&id) {
            entry.blocked.get_or_insert(Blocked::Lane);
        }
    }

    /// Gives up what is too late.
    pub(crate) fn expire(&mut self, now: Time) {
        while let Some(&(at, id)) = self.expiries.first() {
            if at > now {
                return;
            }
            self.change(id, |lane| lane.expire(now));
        }
    }

    /// When messages become too late.
    pub(crate) fn next_expiry(&self) -> Option<Time> {
        self.expiries.first().map(|&(at, _)| at)
    }

    pub(crate) fn close(&mut self, id: LaneId) {
        if id == LaneId::CONTROL {
            return;
        }
        if let Some(entry) = self.lanes.get_mut(&id) {
            entry.lane.close();
            if entry.lane.wants_close() && !self.closing.contains(&id) {
                self.closing.push_back(id);
            }
        }
    }

    /// Of the oldest messages of all lanes, the one whose last copy is longest ago: the first that
    /// an ordered lane misses when a link comes back.
    pub(crate) fn oldest(&self) -> Option<Rider> {
        let riders = self.lanes.iter().filter_map(|(&lane, entry)| {
            let policy = entry.lane.spec.redundancy;
            let (seq, copies) = entry.lane.oldest().filter(|_| policy != Redundancy::Off)?;
            Some(copies.rider(lane, seq, policy))
        });
        riders.min_by_key(|rider| rider.last_copy)
    }

    /// Has up to `count` of the messages sent again that have waited longest, lanes in turn.
    pub(crate) fn probe(&mut self, count: usize) {
        let after = self.lanes.range(self.probed.next()..).map(|(id, _)| *id);
        let order: Vec<_> =
            after.chain(self.lanes.range(..=self.probed).map(|(id, _)| *id)).collect();
        let mut left = count;
        for id in order {
            if left == 0 {
                break;
            }
            let repeated = self.change(id, |lane| lane.probe(left)).unwrap_or(0);
            if repeated > 0 {
                self.probed = id;
                left -= repeated;
            }
        }
    }

    /// Whether a message still has the copies that it was listed with.
    pub(crate) fn is_current(&self, rider: &Rider) -> bool {
        let copies = self.lanes.get(&rider.lane).and_then(|entry| entry.lane.copies(rider.seq));
        copies.is_some_and(|copies| copies.fresh == rider.copies && copies.last == rider.last_copy)
    }

    /// The next lane close frame.
    pub(crate) fn next_close(&mut self) -> Option<LaneClose> {
        while let Some(id) = self.closing.pop_front() {
            let end = self.lanes.get_mut(&id).and_then(|entry| entry.lane.take_close());
            if let Some(end) = end {
                return Some(LaneClose { lane: id, end });
            }
        }
        None
    }

    /// Puts a lane close frame back that did not fit.
    pub(crate) fn on_close_lost(&mut self, id: LaneId) {
        if let Some(entry) = self.lanes.get_mut(&id) {
            entry.lane.on_close_lost();
            if entry.lane.wants_close() {
                self.closing.push_back(id);
            }
        }
    }

    pub(crate) fn on_close_acked(&mut self, id: LaneId) {
        if let Some(entry) = self.lanes.get_mut(&id) {
            entry.lane.on_close_acked();
        }
        self.forget_if_finished(id);
    }

    pub(crate) fn on_acked(&mut self, chunk: Chunk) {
        self.change(chunk.lane, |lane| lane.on_acked(chunk.seq, chunk.range));
        self.forget_if_finished(chunk.lane);
    }

    /// The next skip frame, which may be of any lane: what was dropped delays nothing else.
    pub(crate) fn next_skip(&mut self) -> Option<Skip> {
        while let Some(&lane) = self.skipping.first() {
            let skipped = self.lanes.get(&lane).and_then(|entry| entry.lane.next_skip());
            if let Some(skipped) = skipped {
                let first = MessageSeq(skipped.seqs.start);
                let count = skipped.seqs.end - skipped.seqs.start;
                return Some(Skip { lane, first, count, bytes: skipped.credit });
            }
            self.skipping.pop_first();
        }
        None
    }

    /// The frame that [`next_skip`](Self::next_skip) gave was written; what is remembered of it.
    pub(crate) fn on_skip_sent(&mut self, skip: &Skip) -> LaneSkip {
        let seqs = skip.first.0..skip.first.0 + skip.count;
        if let Some(entry) = self.lanes.get_mut(&skip.lane) {
            entry.lane.on_skip_sent(&seqs);
        }
        LaneSkip { lane: skip.lane, seqs }
    }

    pub(crate) fn on_skip_acked(&mut self, skip: &LaneSkip) {
        self.change(skip.lane, |lane| lane.on_skip_acked(&skip.seqs));
        self.forget_if_finished(skip.lane);
    }

    /// A skip frame has to go out again, as far as it still matters.
    pub(crate) fn on_skip_lost(&mut self, skip: &LaneSkip) {
        self.change(skip.lane, |lane| lane.on_skip_lost(&skip.seqs));
    }

    /// Has a part sent again, unless other copies of it are under way: it may ride with those.
    pub(crate) fn on_lost(&mut self, chunk: Chunk, was_overdue: bool) -> Option<Rider> {
        let Chunk { lane, seq, range } = chunk;
        let policy = self.lanes.get(&lane)?.lane.spec.redundancy;
        let copies = self.change(lane, |lane| lane.on_lost(seq, range, was_overdue))?;
        Some(copies?.rider(lane, seq, policy))
    }

    /// A part should have been acknowledged by now: a small message may ride once more.
    pub(crate) fn on_overdue(&mut self, chunk: &Chunk) -> Option<Rider> {
        let &Chunk { lane, seq, ref range } = chunk;
        let entry = self.lanes.get_mut(&lane)?;
        let policy = entry.lane.spec.redundancy;
        let copies = entry.lane.on_overdue(seq, range)?;
        Some(copies.rider(lane, seq, policy))
    }

    /// Has a part sent again, whether it is lost or not.
    pub(crate) fn repeat(&mut self, chunk: Chunk) {
        self.change(chunk.lane, |lane| lane.repeat(chunk.seq, chunk.range));
    }

    pub(crate) fn on_credit(&mut self, id: LaneId, limit: u64) {
        self.change(id, |lane| lane.on_credit(limit));
    }

    /// Whether credit for this lane means anything: it is or was open.
    pub(crate) fn has_had(&self, id: LaneId) -> bool {
        id < self.next
    }

    /// A lane whose queue has room again after a refused message.
    pub(crate) fn poll_writable(&mut self) -> Option<LaneId> {
        self.writable.pop()
    }

    /// Whether there are messages that the peer has not acknowledged.
    pub(crate) fn has_pending(&self) -> bool {
        self.lanes.values().any(|entry| entry.lane.queued_messages() > 0)
    }

    /// The most urgent class of lanes that has something to send.
    pub(crate) fn urgency(&self) -> Option<u8> {
        self.turns.most_urgent()
    }

    pub(crate) fn has_writable(&self) -> bool {
        !self.writable.is_empty()
    }

    pub(crate) fn has_work(&self) -> bool {
        !(self.closing.is_empty() && self.skipping.is_empty() && self.turns.is_empty())
    }

    /// Messages that were given up.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped + self.lanes.values().map(|entry| entry.lane.stats().dropped).sum::<u64>()
    }

    pub(crate) fn lane_stats(&self, id: LaneId) -> Option<LaneStats> {
        self.lanes.get(&id).map(|entry| entry.lane.stats())
    }

    /// Bytes and messages that are queued or unacknowledged, over all lanes.
    pub(crate) fn queued(&self) -> (usize, usize) {
        self.lanes.values().fold((0, 0), |(bytes, messages), entry| {
            (bytes + entry.lane.queued_bytes(), messages + entry.lane.queued_messages())
        })
    }

    /// Tells those whose messages were refused, once there is room to speak of: not for each
    /// message.
    fn tell_of_room(&mut self, id: LaneId) {
        let limits = self.limits;
        // A quarter of it is free.
        let is_roomy = self.charge <= limits.session_bytes - limits.session_bytes / 4;
        let is_low = |entry: &Entry| {
            entry.lane.queued_messages() <= limits.queue_messages / 2
                && entry.lane.queued_bytes() <= limits.queue_bytes / 2
        };
        if let Some(entry) = self.lanes.get_mut(&id) {
            if entry.blocked == Some(Blocked::Lane) && is_low(entry) {
                entry.blocked = None;
                self.writable.push(id);
            }
        }
        if !(self.is_blocked && is_roomy) {
            return;
        }
        self.is_blocked = false;
        for (&id, entry) in &mut self.lanes {
            if entry.blocked == Some(Blocked::Session) {
                entry.blocked = None;
                self.writable.push(id);
            }
        }
    }

    fn forget_if_finished(&mut self, id: LaneId) {
        if let Some(entry) = self.lanes.get(&id).filter(|entry| entry.lane.is_finished()) {
            self.dropped += entry.lane.stats().dropped;
            self.lanes.remove(&id);
        }
    }
}

impl SendLimits {
    /// The bound that another message of this length would break, and what has to have room then.
    ///
    /// A message longer than a whole queue may go alone.
    fn exceeded(
        &self,
        charge: usize,
        entry: &Entry,
        length: usize,
    ) -> Option<(QueueBound, Blocked)> {
        let (messages, bytes, own_charge) = entry.lane.counted();
        let others = charge - entry.lane.charge() + own_charge;
        let is_long = |queued, limit| queued > 0 && queued + length > limit;
        if messages >= self.queue_messages.max(1) {
            Some((QueueBound::LaneMessages(self.queue_messages), Blocked::Lane))
        } else if is_long(bytes, self.queue_bytes) {
            Some((QueueBound::LaneBytes(self.queue_bytes), Blocked::Lane))
        } else if is_long(others, self.session_bytes.saturating_sub(CREDIT_PER_MESSAGE as usize)) {
            Some((QueueBound::SessionBytes(self.session_bytes), Blocked::Session))
        } else {
            None
        }
    }
}
