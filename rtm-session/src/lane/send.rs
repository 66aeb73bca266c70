//! The sending end of one lane.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use bytes::Bytes;
use rtm_wire::{MessageSeq, Reliability, Time};

use super::parity;
use super::pending::{Copies, Outgoing, OutgoingParity, ParityPlan, Pending, Slot};
use super::send_drop::Telling;
use super::spec::{CREDIT_PER_MESSAGE, LaneSpec, LaneStats, MESSAGE_WINDOW};
use crate::redundancy::{ParityPolicy, SMALL_MAX};

/// Bytes of a long message that go along with a probe.
const PROBE_LEN: u64 = 1_024;

/// Invariants: `queue[i]` is message `base + i`, and the first of them is not done; messages are
/// begun in order, so those before `next_fresh` are sent to their end, given up or done, that one
/// is pending, and those after it are not begun.
#[derive(Debug)]
pub(crate) struct SendLane {
    pub(crate) spec: LaneSpec,
    pub(super) queue: VecDeque<Slot>,
    pub(super) base: u64,
    /// The first message that isn't sent to its end.
    pub(super) next_fresh: u64,
    /// Parts to be sent again: message and first byte, and where they end. The oldest goes first,
    /// as an ordered lane waits for it.
    pub(super) lost: BTreeMap<(u64, u64), u64>,
    /// Dropped messages that the peer has to be told of.
    pub(super) skips: BTreeSet<u64>,
    /// When pending messages are given up.
    pub(super) expiries: BTreeSet<(Time, u64)>,
    /// Messages that were sent to their end and have parity to follow.
    parity_due: VecDeque<u64>,
    credit_limit: u64,
    credit_used: u64,
    pub(super) queued_bytes: usize,
    /// Messages that are pending.
    pub(super) live: usize,
    /// Messages that were given up so far.
    pub(super) dropped: u64,
    closing: Closing,
}

/// Where the lane is between open and gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    Open,
    /// The close frame has to be sent (again).
    Announce,
    /// It is on its way.
    Announced,
    /// It has arrived.
    Acknowledged,
}

impl SendLane {
    pub(crate) fn new(spec: LaneSpec, credit: u64) -> Self {
        Self {
            spec,
            queue: VecDeque::new(),
            base: 0,
            next_fresh: 0,
            lost: BTreeMap::new(),
            skips: BTreeSet::new(),
            expiries: BTreeSet::new(),
            parity_due: VecDeque::new(),
            credit_limit: credit,
            credit_used: 0,
            queued_bytes: 0,
            live: 0,
            dropped: 0,
            closing: Closing::Open,
        }
    }

    /// Appends a message. The caller has checked the limits.
    pub(crate) fn push(&mut self, payload: Bytes, expires: Option<Time>) -> MessageSeq {
        debug_assert!(self.is_open(), "a closing lane takes no messages");
        if self.is_latest_only() {
            self.make_way();
        }
        let seq = self.end();
        self.queued_bytes += payload.len();
        self.live += 1;
        self.expiries.extend(expires.map(|at| (at, seq.0)));
        self.queue.push_back(Slot::Pending(Pending::new(payload, expires)));
        seq
    }

    /// Takes the next chunk of at most `room(seq, offset, total)` bytes, lost ones first.
    ///
    /// `room` says how much of a message fits given what its header takes; `None` is "not even
    /// one byte".
    pub(crate) fn next_chunk(
        &mut self,
        now: Time,
        parity: Option<ParityPolicy>,
        room: impl Fn(u64, u64, u64) -> Option<u64>,
    ) -> Option<Outgoing> {
        let outgoing = self.next_lost(&room).or_else(|| self.fresh_chunk(parity, &room))?;
        self.note_copy(now, &outgoing);
        self.on_part_sent(outgoing.seq.0);
        Some(outgoing)
    }

    /// The next parity symbol that fits `room(seq, total)` bytes; lost parts go first.
    pub(crate) fn next_parity(
        &mut self,
        room: impl Fn(u64, u64) -> usize,
    ) -> Option<OutgoingParity> {
        if !self.lost.is_empty() {
            return None;
        }
        while let Some(&seq) = self.parity_due.front() {
            let Some((pending, plan)) = self.pending_mut(seq).and_then(|pending| {
                let plan = pending.parity.filter(|plan| plan.sent < plan.count)?;
                Some((pending, plan))
            }) else {
                // Acknowledged meanwhile, or all of it is out.
                self.parity_due.pop_front();
                continue;
            };
            let (total, index) = (pending.total(), plan.sent);
            let fits = room(seq, total) >= plan.symbol;
            let next = pending.parity.as_mut().expect("just found");
            next.has_missed = !fits;
            next.sent += u8::from(fits || plan.has_missed);
            if !fits {
                // In the next packet; a symbol that doesn't fit there either fits nowhere.
                return None;
            }
            let mut symbol = vec![0; plan.symbol];
            parity::encode(&pending.payload, index, &mut symbol);
            return Some(OutgoingParity { seq: MessageSeq(seq), total, index, symbol });
        }
        None
    }

    /// One more copy of a small message that has been sent and is not acknowledged.
    pub(crate) fn copy(&mut self, now: Time, seq: MessageSeq) -> Option<Outgoing> {
        let pending = self.pending(seq.0)?;
        let (total, payload) = (pending.total(), pending.payload.clone());
        let expires = pending.expires;
        let outgoing = Outgoing { seq, range: 0..total, total, payload, is_fresh: false, expires };
        self.note_copy(now, &outgoing);
        Some(outgoing)
    }

    /// The oldest message that isn't acknowledged, if it is a small one that has been sent.
    pub(crate) fn oldest(&self) -> Option<(MessageSeq, Copies)> {
        let mut pending = (self.base..).zip(&self.queue).filter_map(|(seq, slot)| match slot {
            Slot::Pending(pending) => Some((seq, pending)),
            _ => None,
        });
        let (seq, pending) = pending.next()?;
        let is_listed = pending.total() <= SMALL_MAX as u64 && pending.copies.under_way > 0;
        is_listed.then_some((MessageSeq(seq), pending.copies))
    }

    /// The length of a message that isn't acknowledged.
    pub(crate) fn length(&self, seq: MessageSeq) -> Option<u64> {
        self.pending(seq.0).map(Pending::total)
    }

    /// The copies of a message that isn't acknowledged.
    pub(crate) fn copies(&self, seq: MessageSeq) -> Option<Copies> {
        self.pending(seq.0).map(|pending| pending.copies)
    }

    pub(crate) fn has_work(&self) -> bool {
        let mut lost = self.lost.iter().map(|(&(seq, start), &end)| (seq, start..end));
        lost.any(|(seq, range)| self.is_missing(seq, &range))
            || !self.parity_due.is_empty()
            || self.can_send_fresh()
    }

    pub(crate) fn on_acked(&mut self, seq: MessageSeq, range: Range<u64>) {
        let Some(slot) = self.slot(seq.0) else { return };
        let pending = match slot {
            Slot::Pending(pending) => pending,
            Slot::Dropped(_) => return self.on_dropped_acked(seq.0, range),
            Slot::Done => return,
        };
        let (total, expires) = (pending.total(), pending.expires);
        pending.acked.insert(range);
        pending.under_way = pending.under_way.saturating_sub(1);
        if pending.acked.count() < total {
            return;
        }
        *slot = Slot::Done;
        self.on_no_longer_pending(seq.0, total, expires);
        self.forget_done();
    }

    /// Has a part sent again, unless it is a small message of which other copies are under way:
    /// those are given back.
    pub(crate) fn on_lost(
        &mut self,
        seq: MessageSeq,
        range: Range<u64>,
        was_overdue: bool,
    ) -> Option<Copies> {
        match self.slot(seq.0) {
            Some(Slot::Pending(pending)) => {
                pending.under_way = pending.under_way.saturating_sub(1);
            }
            Some(Slot::Dropped(_)) => {
                self.on_dropped_lost(seq.0);
                return None;
            }
            _ => return None,
        }
        if let Some(pending) = self.small(seq.0, &range) {
            let Copies { under_way, fresh, .. } = &mut pending.copies;
            *under_way = under_way.saturating_sub(1);
            *fresh = fresh.saturating_sub(usize::from(!was_overdue));
            if *under_way > 0 {
                return Some(pending.copies);
            }
        }
        self.repeat(seq, range);
        None
    }

    /// A copy of a small message should have been acknowledged by now.
    pub(crate) fn on_overdue(&mut self, seq: MessageSeq, range: &Range<u64>) -> Option<Copies> {
        let pending = self.small(seq.0, range)?;
        pending.copies.fresh = pending.copies.fresh.saturating_sub(1);
        Some(pending.copies)
    }

    /// Has a part sent again, whether it is lost or not.
    pub(crate) fn repeat(&mut self, seq: MessageSeq, range: Range<u64>) {
        if !self.is_missing(seq.0, &range) {
            return;
        }
        let is_sent = self.pending(seq.0).is_some_and(Pending::is_sent);
        if is_sent && self.is_replaced(seq.0) {
            self.give_up(seq.0, Telling::WhenNeeded);
        } else {
            let end = self.lost.entry((seq.0, range.start)).or_default();
            *end = range.end.max(*end);
        }
    }

    /// Has the oldest messages sent again, up to `count` of them, of long ones the first part that
    /// is missing; how many there were.
    pub(crate) fn probe(&mut self, count: usize) -> usize {
        let (mut parts, first) = (Vec::new(), self.base);
        for (seq, slot) in (first..).zip(&self.queue) {
            let Slot::Pending(pending) = slot else { continue };
            let Some(sent) = pending.sent.filter(|_| parts.len() < count) else { break };
            let start = pending.acked.prefix();
            parts.push((seq, start..sent.min(start + PROBE_LEN)));
        }
        for (seq, range) in &parts {
            self.repeat(MessageSeq(*seq), range.clone());
        }
        parts.len()
    }

    /// Raises the credit; a lower limit is an old frame.
    pub(crate) fn on_credit(&mut self, limit: u64) {
        self.credit_limit = self.credit_limit.max(limit);
    }

    pub(crate) fn close(&mut self) {
        if self.closing == Closing::Open {
            self.closing = Closing::Announce;
        }
    }

    /// The end to announce, once. The close frame may overtake messages: the receiver waits for
    /// them.
    pub(crate) fn take_close(&mut self) -> Option<MessageSeq> {
        let announce = self.closing == Closing::Announce;
        announce.then(|| {
            self.closing = Closing::Announced;
            self.end()
        })
    }

    pub(crate) fn wants_close(&self) -> bool {
        self.closing == Closing::Announce
    }

    pub(crate) fn on_close_lost(&mut self) {
        if self.closing == Closing::Announced {
            self.closing = Closing::Announce;
        }
    }

    pub(crate) fn on_close_acked(&mut self) {
        if self.closing != Closing::Open {
            self.closing = Closing::Acknowledged;
        }
    }

    /// Whether the peer has all of it and the lane can be forgotten.
    pub(crate) fn is_finished(&self) -> bool {
        self.closing == Closing::Acknowledged && self.queue.is_empty()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.closing == Closing::Open
    }

    /// Messages in the queue, acknowledged and dropped ones behind older ones included.
    pub(crate) fn queued_messages(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// What it counts for in the session's queue.
    pub(crate) fn charge(&self) -> usize {
        self.queued_bytes + self.live * CREDIT_PER_MESSAGE as usize
    }

    pub(crate) fn stats(&self) -> LaneStats {
        LaneStats { send_bytes: self.queued_bytes, send_messages: self.live, dropped: self.dropped }
    }

    pub(super) fn is_latest_only(&self) -> bool {
        self.spec.mode.reliability == Reliability::LatestOnly
    }

    pub(super) fn end(&self) -> MessageSeq {
        MessageSeq(self.base + self.queue.len() as u64)
    }

    pub(super) fn slot(&mut self, seq: u64) -> Option<&mut Slot> {
        let index = seq.checked_sub(self.base)?;
        self.queue.get_mut(usize::try_from(index).ok()?)
    }

    pub(super) fn pending(&self, seq: u64) -> Option<&Pending> {
        let index = seq.checked_sub(self.base)?;
        match self.queue.get(usize::try_from(index).ok()?)? {
            Slot::Pending(pending) => Some(pending),
            _ => None,
        }
    }

    pub(super) fn pending_mut(&mut self, seq: u64) -> Option<&mut Pending> {
        match self.slot(seq)? {
            Slot::Pending(pending) => Some(pending),
            _ => None,
        }
    }

    /// A message was acknowledged as a whole, or given up.
    pub(super) fn on_no_longer_pending(&mut self, seq: u64, total: u64, expires: Option<Time>) {
        self.queued_bytes -= total as usize;
        self.live -= 1;
        if let Some(at) = expires {
            self.expiries.remove(&(at, seq));
        }
    }

    pub(super) fn forget_done(&mut self) {
        while let Some(Slot::Done) = self.queue.front() {
            self.queue.pop_front();
            self.base += 1;
        }
    }

    fn is_missing(&self, seq: u64, range: &Range<u64>) -> bool {
        self.pending(seq)
            .is_some_and(|pending| pending.total() == 0 || !pending.acked.covers(range))
    }

    fn next_lost(&mut self, room: &impl Fn(u64, u64, u64) -> Option<u64>) -> Option<Outgoing> {
        loop {
            let (&(seq, start), &end) = self.lost.first_key_value()?;
            let range = start..end;
            if !self.is_missing(seq, &range) {
                self.lost.pop_first();
                continue;
            }
            let pending = self.pending(seq).expect("missing means pending");
            let (total, expires) = (pending.total(), pending.expires);
            let length = room(seq, range.start, total)?.min(range.end - range.start);
            let sent = range.start..range.start + length;
            if length == 0 && total != 0 {
                return None;
            }
            let payload = pending.payload.slice(sent.start as usize..sent.end as usize);
            self.lost.pop_first();
            if sent.end < range.end {
                // Another part may begin there, cut from a packet of another length.
                let end = self.lost.entry((seq, sent.end)).or_default();
                *end = range.end.max(*end);
            }
            let seq = MessageSeq(seq);
            return Some(Outgoing { seq, range: sent, total, payload, is_fresh: false, expires });
        }
    }

    fn fresh_chunk(
        &mut self,
        policy: Option<ParityPolicy>,
        room: &impl Fn(u64, u64, u64) -> Option<u64>,
    ) -> Option<Outgoing> {
        if !self.can_send_fresh() {
            return None;
        }
        let seq = self.next_fresh;
        let index = usize::try_from(seq - self.base).expect("the queue fits memory");
        let Slot::Pending(pending) = &mut self.queue[index] else { return None };
        let (total, expires) = (pending.total(), pending.expires);
        let start = pending.sent.unwrap_or(0);
        let mut length = room(seq, start, total)?.min(total - start);
        if length == 0 && total != 0 {
            return None;
        }
        if pending.sent.is_none() {
            let has_missed = pending.parity.is_some_and(|plan| plan.has_missed);
            let plan = policy.and_then(|policy| policy.plan(total));
            pending.parity = plan.map(|plan| ParityPlan { has_missed, ..plan });
            if let (Some(plan), Some(_)) = (&mut pending.parity, pending.expires) {
                // Parity tells no deadline, so it must not do without any fragment.
                let symbols = parity::symbols(total, plan.symbol);
                plan.count = plan.count.min((symbols - 1) as u8);
            }
        }
        if let Some(plan) = &mut pending.parity {
            let symbol = plan.symbol as u64;
            let left = (symbol - start % symbol).min(total - start);
            // A symbol in two packets is lost with either of them, and all that follow would be in
            // two as well. One that doesn't fit the next packet either fits none.
            let has_missed = std::mem::replace(&mut plan.has_missed, length < left);
            if length < left && (!has_missed || length < symbol / 2) {
                return None;
            }
            length = length.min(left);
        }
        if pending.sent.is_none() {
            self.credit_used += total + CREDIT_PER_MESSAGE;
        }
        pending.sent = Some(start + length);
        let range = start..start + length;
        let payload = pending.payload.slice(range.start as usize..range.end as usize);
        if pending.is_sent() {
            self.parity_due.extend(pending.parity.map(|_| seq));
            self.next_fresh += 1;
            self.pass_over_dropped();
        }
        Some(Outgoing { seq: MessageSeq(seq), range, total, payload, is_fresh: true, expires })
    }

    fn note_copy(&mut self, now: Time, outgoing: &Outgoing) {
        let Some(pending) = self.pending_mut(outgoing.seq.0) else { return };
        pending.under_way += 1;
        if outgoing.is_small() {
            let Copies { under_way, fresh, first, .. } = pending.copies;
            let first = if outgoing.is_fresh { now } else { first };
            pending.copies =
                Copies { under_way: under_way + 1, fresh: fresh + 1, first, last: now };
        }
    }

    /// The message, if it is a small one and the range is all of it.
    fn small(&mut self, seq: u64, range: &Range<u64>) -> Option<&mut Pending> {
        let pending = self.pending_mut(seq)?;
        let is_small = pending.total() <= SMALL_MAX as u64 && *range == (0..pending.total());
        is_small.then_some(pending)
    }

    /// Whether the next fresh message may go out: it is begun already, or credit and window cover
    /// it.
    fn can_send_fresh(&self) -> bool {
        let Some(pending) = self.pending(self.next_fresh) else { return false };
        pending.sent.is_some()
            || (self.credit_used + pending.total() + CREDIT_PER_MESSAGE <= self.credit_limit
                && self.next_fresh < self.base + MESSAGE_WINDOW)
    }
}
