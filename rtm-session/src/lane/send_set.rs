//! All lanes that one end sends on, and whose turn it is.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use rtm_wire::{Fragment, Frame, LaneClose, LaneId, Message, MessageSeq, Parity, Time, varint};

use super::send::{Chunk, Copies, Outgoing, OutgoingParity, SendLane};
use super::spec::{CREDIT_PER_MESSAGE, FRAGMENT_MIN, LaneSpec};
use crate::error::SendError;
use crate::redundancy::{Plan, Redundancy, Rider, SMALL_MAX};

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
}

impl SendLimits {
    /// The longest message that can ever be sent: it must fit the credit a lane starts with.
    fn message_len(&self) -> u64 {
        self.message_len.min(self.lane_credit.saturating_sub(CREDIT_PER_MESSAGE))
    }
}

/// A frame that was written.
#[derive(Debug)]
pub(crate) struct Written {
    /// What to remember of it; parity is forgotten.
    pub(crate) chunk: Option<Chunk>,
    /// Whether it went out for the first time.
    pub(crate) is_fresh: bool,
    /// If it is a message that may be sent several times.
    pub(crate) rider: Option<Rider>,
}

#[derive(Debug)]
struct Entry {
    lane: SendLane,
    /// Whether the lane stands in `ready`.
    queued: bool,
    /// Whether somebody was told that the queue is full.
    blocked: bool,
}

/// Invariant: a lane with something to send stands in the ready queue of its priority, once.
#[derive(Debug)]
pub(crate) struct SendLanes {
    limits: SendLimits,
    lanes: BTreeMap<LaneId, Entry>,
    next: LaneId,
    ready: BTreeMap<u8, VecDeque<LaneId>>,
    closing: VecDeque<LaneId>,
    /// The lane that was probed last.
    probed: LaneId,
    writable: Vec<LaneId>,
}

impl SendLanes {
    pub(crate) fn new(limits: SendLimits) -> Self {
        let lane = SendLane::new(LaneSpec::CONTROL, limits.lane_credit);
        let control = Entry { lane, queued: false, blocked: false };
        Self {
            limits,
            lanes: BTreeMap::from([(LaneId::CONTROL, control)]),
            next: LaneId(1),
            ready: BTreeMap::new(),
            closing: VecDeque::new(),
            probed: LaneId::CONTROL,
            writable: Vec::new(),
        }
    }

    pub(crate) fn open(&mut self, spec: LaneSpec) -> Result<LaneId, SendError> {
        if self.lanes.len() as u64 > self.limits.lanes {
            return Err(SendError::TooManyLanes { limit: self.limits.lanes });
        }
        let id = self.next;
        self.next = id.next();
        let lane = SendLane::new(spec, self.limits.lane_credit);
        self.lanes.insert(id, Entry { lane, queued: false, blocked: false });
        Ok(id)
    }

    pub(crate) fn push(&mut self, id: LaneId, payload: Bytes) -> Result<MessageSeq, SendError> {
        let limits = self.limits;
        let entry = self.lanes.get_mut(&id).filter(|entry| entry.lane.is_open());
        let Some(entry) = entry else { return Err(SendError::UnknownLane { lane: id }) };
        let limit = limits.message_len();
        if payload.len() as u64 > limit {
            return Err(SendError::TooLong { length: payload.len(), limit });
        }
        let is_full = entry.lane.queued_messages() >= limits.queue_messages
            || entry.lane.queued_bytes() + payload.len() > limits.queue_bytes;
        // A message longer than the whole queue may go alone.
        if is_full && entry.lane.queued_messages() > 0 {
            entry.blocked = true;
            return Err(SendError::QueueFull { lane: id });
        }
        let seq = entry.lane.push(payload);
        self.wake(id);
        Ok(seq)
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

    /// The next frame that fits `room` bytes.
    ///
    /// More urgent lanes first; lanes of one priority take turns.
    pub(crate) fn next_frame(
        &mut self,
        now: Time,
        room: usize,
        plan: Plan,
        write: impl FnOnce(Frame<'_>),
    ) -> Option<Written> {
        let id = self.front()?;
        let entry = self.lanes.get_mut(&id).expect("front() names a lane that exists");
        let fits = |seq, offset, total| {
            let left = capacity(room as u64, id, seq, offset, total)?;
            let is_cut =
                plan.keep_whole && offset == 0 && total <= SMALL_MAX as u64 && left < total;
            (!is_cut).then_some(left)
        };
        let parity_room = |seq, total| {
            let numbers = [id.0, seq, total].map(varint::len).iter().sum::<usize>();
            room.saturating_sub(PARITY_HEAD + numbers)
        };
        let parity = plan.parity.filter(|_| entry.lane.spec.redundancy != Redundancy::Off);
        let next = match entry.lane.next_parity(parity_room) {
            Some(parity) => Next::Parity(parity),
            None => Next::Message(entry.lane.next_chunk(now, parity, fits)?),
        };
        let still_ready = entry.lane.has_work();
        let priority = entry.lane.spec.priority.number();
        entry.queued = still_ready;
        let queue = self.ready.get_mut(&priority).expect("front() found it there");
        queue.pop_front();
        if still_ready {
            queue.push_back(id);
        }
        Some(match next {
            Next::Message(outgoing) => self.written(id, outgoing, write),
            Next::Parity(outgoing) => self.written_parity(id, &outgoing, write),
        })
    }

    /// One more copy of a message that is not acknowledged, if it fits.
    pub(crate) fn copy(
        &mut self,
        now: Time,
        rider: &Rider,
        room: usize,
        write: impl FnOnce(Frame<'_>),
    ) -> Option<Written> {
        let (id, seq) = (rider.lane, rider.seq);
        let lane = &mut self.lanes.get_mut(&id)?.lane;
        let total = lane.length(seq)?;
        if capacity(room as u64, id, seq.0, 0, total).is_none_or(|left| left < total) {
            return None;
        }
        let outgoing = lane.copy(now, seq)?;
        Some(self.written(id, outgoing, write))
    }

    /// Of the oldest messages of all lanes, the one whose last copy is longest ago: the first that
    /// an ordered lane misses when a link comes back.
    pub(crate) fn oldest(&self) -> Option<Rider> {
        let riders = self.lanes.iter().filter_map(|(&lane, entry)| {
            let policy = entry.lane.spec.redundancy;
            let (seq, copies) = entry.lane.oldest().filter(|_| policy != Redundancy::Off)?;
            Some(Rider { lane, seq, policy, copies: copies.fresh, last_copy: copies.last })
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
            let lane = &mut self.lanes.get_mut(&id).expect("just listed").lane;
            let repeated = lane.probe(left);
            if repeated > 0 {
                self.probed = id;
                left -= repeated;
                self.wake(id);
            }
        }
    }

    /// Whether a message still has the copies that it was listed with.
    pub(crate) fn is_current(&self, rider: &Rider) -> bool {
        let copies = self.lanes.get(&rider.lane).and_then(|entry| entry.lane.copies(rider.seq));
        copies.is_some_and(|copies| copies.fresh == rider.copies && copies.last == rider.last_copy)
    }

    fn written(&self, id: LaneId, outgoing: Outgoing, write: impl FnOnce(Frame<'_>)) -> Written {
        let spec = self.lanes[&id].lane.spec;
        let rider = self.rider(id, &outgoing);
        let Outgoing { seq, range, total, payload, is_fresh } = outgoing;
        let whole = range.start == 0 && range.end == total;
        let fragment = (!whole).then_some(Fragment { offset: range.start, total });
        let payload = &payload[..];
        let mode = spec.mode;
        let message = Message { lane: id, mode, seq, fragment, deadline_ms: None, payload };
        write(message.into());
        Written { chunk: Some(Chunk { lane: id, seq, range }), is_fresh, rider }
    }

    fn written_parity(
        &self,
        lane: LaneId,
        outgoing: &OutgoingParity,
        write: impl FnOnce(Frame<'_>),
    ) -> Written {
        let mode = self.lanes[&lane].lane.spec.mode;
        let &OutgoingParity { seq, total, index, ref symbol } = outgoing;
        write(Parity { lane, mode, seq, total, index, symbol }.into());
        Written { chunk: None, is_fresh: false, rider: None }
    }

    fn rider(&self, lane: LaneId, outgoing: &Outgoing) -> Option<Rider> {
        let entry = self.lanes.get(&lane)?;
        let policy = entry.lane.spec.redundancy;
        let copies = entry.lane.copies(outgoing.seq)?;
        let seq = outgoing.seq;
        (outgoing.is_small() && policy != Redundancy::Off).then_some(Rider {
            lane,
            seq,
            policy,
            copies: copies.fresh,
            last_copy: copies.last,
        })
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
        let Some(entry) = self.lanes.get_mut(&chunk.lane) else { return };
        entry.lane.on_acked(chunk.seq, chunk.range);
        // Half empty, so that the writer isn't woken for each message.
        let is_low = entry.lane.queued_messages() <= self.limits.queue_messages / 2
            && entry.lane.queued_bytes() <= self.limits.queue_bytes / 2;
        if entry.blocked && is_low {
            entry.blocked = false;
            self.writable.push(chunk.lane);
        }
        // The window may have moved.
        self.wake(chunk.lane);
        self.forget_if_finished(chunk.lane);
    }

    /// Has a part sent again, unless other copies of it are under way: it may ride with those.
    pub(crate) fn on_lost(&mut self, chunk: Chunk, was_overdue: bool) -> Option<Rider> {
        let Chunk { lane, seq, range } = chunk;
        let entry = self.lanes.get_mut(&lane)?;
        let policy = entry.lane.spec.redundancy;
        let Some(Copies { fresh, last, .. }) = entry.lane.on_lost(seq, range, was_overdue) else {
            self.wake(lane);
            return None;
        };
        Some(Rider { lane, seq, policy, copies: fresh, last_copy: last })
    }

    /// A part should have been acknowledged by now: a small message may ride once more.
    pub(crate) fn on_overdue(&mut self, chunk: &Chunk) -> Option<Rider> {
        let &Chunk { lane, seq, ref range } = chunk;
        let entry = self.lanes.get_mut(&lane)?;
        let policy = entry.lane.spec.redundancy;
        let Copies { fresh, last, .. } = entry.lane.on_overdue(seq, range)?;
        Some(Rider { lane, seq, policy, copies: fresh, last_copy: last })
    }

    /// Has a part sent again, whether it is lost or not.
    pub(crate) fn repeat(&mut self, chunk: Chunk) {
        if let Some(entry) = self.lanes.get_mut(&chunk.lane) {
            entry.lane.repeat(chunk.seq, chunk.range);
            self.wake(chunk.lane);
        }
    }

    pub(crate) fn on_credit(&mut self, id: LaneId, limit: u64) {
        if let Some(entry) = self.lanes.get_mut(&id) {
            entry.lane.on_credit(limit);
            self.wake(id);
        }
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

    pub(crate) fn has_work(&self) -> bool {
        !self.closing.is_empty() || self.ready.values().any(|queue| !queue.is_empty())
    }

    /// Bytes and messages that are queued or unacknowledged, over all lanes.
    pub(crate) fn queued(&self) -> (usize, usize) {
        self.lanes.values().fold((0, 0), |(bytes, messages), entry| {
            (bytes + entry.lane.queued_bytes(), messages + entry.lane.queued_messages())
        })
    }

    /// The lane whose turn it is. Lanes that went idle or away since they queued up are dropped.
    fn front(&mut self) -> Option<LaneId> {
        for queue in self.ready.values_mut() {
            while let Some(&id) = queue.front() {
                match self.lanes.get_mut(&id) {
                    Some(entry) if entry.lane.has_work() => return Some(id),
                    Some(entry) => entry.queued = false,
                    None => {}
                }
                queue.pop_front();
            }
        }
        None
    }

    fn wake(&mut self, id: LaneId) {
        let Some(entry) = self.lanes.get_mut(&id) else { return };
        if !entry.queued && entry.lane.has_work() {
            entry.queued = true;
            let priority = entry.lane.spec.priority.number();
            self.ready.entry(priority).or_default().push_back(id);
        }
    }

    fn forget_if_finished(&mut self, id: LaneId) {
        if self.lanes.get(&id).is_some_and(|entry| entry.lane.is_finished()) {
            self.lanes.remove(&id);
        }
    }
}

/// What a lane sends next.
enum Next {
    Message(Outgoing),
    Parity(OutgoingParity),
}

/// Kind, length (two bytes do for any packet), flags and index of a parity frame.
const PARITY_HEAD: usize = 1 + 2 + 1 + 1;

/// How many bytes of a message, from `offset` on, fit a message frame of `room` bytes.
fn capacity(room: u64, lane: LaneId, seq: u64, offset: u64, total: u64) -> Option<u64> {
    // Kind, length (two bytes do for any packet), lane, flags, sequence number.
    let head = (1 + 2 + varint::len(lane.0) + 1 + varint::len(seq)) as u64;
    if offset == 0 && head + total <= room {
        return Some(total);
    }
    let fragment = (varint::len(offset) + varint::len(total)) as u64;
    let left = room.checked_sub(head + fragment)?;
    (left >= FRAGMENT_MIN || left >= total - offset).then_some(left)
}
