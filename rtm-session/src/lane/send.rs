//! The sending end of one lane.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use bytes::Bytes;
use rtm_wire::{LaneId, MessageSeq, Time};

use super::parity;
use super::range_set::RangeSet;
use super::spec::{CREDIT_PER_MESSAGE, LaneSpec, MESSAGE_WINDOW};
use crate::redundancy::{ParityPolicy, SMALL_MAX};

/// Part of a message in a packet: what is remembered until the packet is acknowledged or lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) lane: LaneId,
    pub(crate) seq: MessageSeq,
    /// Bytes of the message; empty only for an empty message.
    pub(crate) range: Range<u64>,
}

/// A chunk about to be sent, with its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) seq: MessageSeq,
    pub(crate) range: Range<u64>,
    pub(crate) total: u64,
    pub(crate) payload: Bytes,
    /// Whether these bytes go out for the first time.
    pub(crate) is_fresh: bool,
}

impl Outgoing {
    /// Whether it is a message that may be sent several times.
    pub(crate) fn is_small(&self) -> bool {
        self.payload.len() as u64 == self.total && self.total <= SMALL_MAX as u64
    }
}

/// Copies of a small message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Copies {
    /// Sent, and neither acknowledged nor lost.
    pub(crate) under_way: usize,
    /// Of these, copies that are not overdue.
    pub(crate) fresh: usize,
    pub(crate) last: Time,
}

/// A message that is not yet acknowledged as a whole.
#[derive(Debug)]
struct Pending {
    payload: Bytes,
    /// Bytes that were sent at least once; `None` until the message is begun.
    sent: Option<u64>,
    acked: RangeSet,
    copies: Copies,
    parity: Option<ParityPlan>,
}

/// Parity that goes out after a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ParityPlan {
    /// Length of a symbol; no fragment reaches over its end.
    symbol: usize,
    /// How many there are.
    count: u8,
    /// How many have gone out.
    sent: u8,
    /// Whether the next one had no room in a packet.
    has_missed: bool,
}

/// A parity symbol about to be sent.
#[derive(Debug)]
pub(crate) struct OutgoingParity {
    pub(crate) seq: MessageSeq,
    pub(crate) total: u64,
    pub(crate) index: u8,
    pub(crate) symbol: Vec<u8>,
}

impl Pending {
    fn total(&self) -> u64 {
        self.payload.len() as u64
    }

    fn is_sent(&self) -> bool {
        self.sent == Some(self.total())
    }
}

impl ParityPolicy {
    /// Parity for a message of this length, if it is worth any.
    fn plan(self, total: u64) -> Option<ParityPlan> {
        let symbols = usize::try_from(total.div_ceil(self.symbol_max as u64)).ok()?;
        if !(2..=SYMBOLS_MAX).contains(&symbols) {
            return None;
        }
        // Evenly cut, so that little is filled up.
        let symbol = total.div_ceil(symbols as u64) as usize;
        let count = parity::count(symbols, self.loss, self.risk, symbols.min(254 - symbols));
        (count > 0).then_some(ParityPlan { symbol, count: count as u8, sent: 0, has_missed: false })
    }
}

/// Bytes of a long message that go along with a probe.
const PROBE_LEN: u64 = 1_024;
/// Symbols of a message that has parity: what the code can number, and parity besides.
const SYMBOLS_MAX: usize = 200;

/// Invariants: `queue[i]` is message `base + i`, `None` once acknowledged; messages are begun in
/// order, so those before `next_fresh` are begun and those after it are not.
#[derive(Debug)]
pub(crate) struct SendLane {
    pub(crate) spec: LaneSpec,
    queue: VecDeque<Option<Pending>>,
    base: u64,
    /// The first message that isn't sent to its end.
    next_fresh: u64,
    /// Parts to be sent again: message and first byte, and where they end. The oldest goes first,
    /// as an ordered lane waits for it.
    lost: BTreeMap<(u64, u64), u64>,
    /// Messages that were sent to their end and have parity to follow.
    parity_due: VecDeque<u64>,
    credit_limit: u64,
    credit_used: u64,
    queued_bytes: usize,
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
            parity_due: VecDeque::new(),
            credit_limit: credit,
            credit_used: 0,
            queued_bytes: 0,
            closing: Closing::Open,
        }
    }

    /// Appends a message. The caller has checked the limits.
    pub(crate) fn push(&mut self, payload: Bytes) -> MessageSeq {
        debug_assert!(self.is_open(), "a closing lane takes no messages");
        let seq = self.end();
        self.queued_bytes += payload.len();
        let copies = Copies { under_way: 0, fresh: 0, last: Time::ZERO };
        let acked = RangeSet::new();
        let parity = None;
        self.queue.push_back(Some(Pending { payload, sent: None, acked, copies, parity }));
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
            let pending = self.slot(seq).and_then(Option::as_mut);
            let Some((pending, plan)) = pending.and_then(|pending| {
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
        let outgoing = Outgoing { seq, range: 0..total, total, payload, is_fresh: false };
        self.note_copy(now, &outgoing);
        Some(outgoing)
    }

    /// The oldest message that isn't acknowledged, if it is a small one that has been sent.
    pub(crate) fn oldest(&self) -> Option<(MessageSeq, Copies)> {
        let pending = self.queue.front()?.as_ref()?;
        let is_listed = pending.total() <= SMALL_MAX as u64 && pending.copies.under_way > 0;
        is_listed.then_some((MessageSeq(self.base), pending.copies))
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
        let Some(pending) = slot.as_mut() else { return };
        let total = pending.total();
        pending.acked.insert(range);
        if pending.acked.count() < total {
            return;
        }
        *slot = None;
        self.queued_bytes -= total as usize;
        while let Some(None) = self.queue.front() {
            self.queue.pop_front();
            self.base += 1;
        }
    }

    /// Has a part sent again, unless it is a small message of which other copies are under way:
    /// those are given back.
    pub(crate) fn on_lost(
        &mut self,
        seq: MessageSeq,
        range: Range<u64>,
        was_overdue: bool,
    ) -> Option<Copies> {
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
        if self.is_missing(seq.0, &range) {
            let end = self.lost.entry((seq.0, range.start)).or_default();
            *end = range.end.max(*end);
        }
    }

    /// Has the oldest messages sent again, up to `count` of them, of long ones the first part that
    /// is missing; how many there were.
    pub(crate) fn probe(&mut self, count: usize) -> usize {
        let (mut parts, first) = (Vec::new(), self.base);
        for (seq, pending) in (first..).zip(&self.queue) {
            let Some(pending) = pending else { continue };
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

    /// Messages in the queue, acknowledged ones behind older ones included.
    pub(crate) fn queued_messages(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    fn end(&self) -> MessageSeq {
        MessageSeq(self.base + self.queue.len() as u64)
    }

    fn slot(&mut self, seq: u64) -> Option<&mut Option<Pending>> {
        let index = seq.checked_sub(self.base)?;
        self.queue.get_mut(usize::try_from(index).ok()?)
    }

    fn pending(&self, seq: u64) -> Option<&Pending> {
        let index = seq.checked_sub(self.base)?;
        self.queue.get(usize::try_from(index).ok()?)?.as_ref()
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
            let total = pending.total();
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
            return Some(Outgoing { seq, range: sent, total, payload, is_fresh: false });
        }
    }

    fn fresh_chunk(
        &mut self,
        parity: Option<ParityPolicy>,
        room: &impl Fn(u64, u64, u64) -> Option<u64>,
    ) -> Option<Outgoing> {
        if !self.can_send_fresh() {
            return None;
        }
        let seq = self.next_fresh;
        let index = usize::try_from(seq - self.base).expect("the queue fits memory");
        let pending = self.queue[index].as_mut().expect("not begun, so not acknowledged");
        let total = pending.total();
        let start = pending.sent.unwrap_or(0);
        let mut length = room(seq, start, total)?.min(total - start);
        if length == 0 && total != 0 {
            return None;
        }
        if pending.sent.is_none() {
            pending.parity = parity.and_then(|policy| policy.plan(total));
        }
        if let Some(plan) = pending.parity {
            let symbol = plan.symbol as u64;
            let left = (symbol - start % symbol).min(total - start);
            // A symbol in two packets is lost with either of them.
            if length < left.min(symbol / 2) {
                return None;
            }
            length = length.min(left);
        }
        if pending.sent.is_none() {
            self.credit_used += total + CREDIT_PER_MESSAGE;
        }
        pending.sent = Some(start + length);
        if pending.is_sent() {
            self.next_fresh += 1;
            self.parity_due.extend(pending.parity.map(|_| seq));
        }
        let range = start..start + length;
        let payload = pending.payload.slice(range.start as usize..range.end as usize);
        Some(Outgoing { seq: MessageSeq(seq), range, total, payload, is_fresh: true })
    }

    fn note_copy(&mut self, now: Time, outgoing: &Outgoing) {
        if let Some(Some(pending)) = self.slot(outgoing.seq.0).filter(|_| outgoing.is_small()) {
            let Copies { under_way, fresh, .. } = pending.copies;
            pending.copies = Copies { under_way: under_way + 1, fresh: fresh + 1, last: now };
        }
    }

    /// The message, if it is a small one and the range is all of it.
    fn small(&mut self, seq: u64, range: &Range<u64>) -> Option<&mut Pending> {
        let pending = self.slot(seq)?.as_mut()?;
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
