//! The receiving end of one lane.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use rtm_wire::{LaneMode, Parity, Qos, Reliability, Time};

use super::assembly::Assembly;
use super::range_set::RangeSet;
use super::spec::{CREDIT_PER_MESSAGE, FRAGMENT_MIN, MESSAGE_WINDOW};
use crate::error::Violation;

/// The part of its packet, as one by this, that a message has to be at least to share its buffer:
/// for as long as others are missing, and until the application has taken it.
const WAITING_SHARE: usize = 2;
const DELIVERED_SHARE: usize = 16;

/// Part of a message, as its frame tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) mode: LaneMode,
    pub(crate) seq: u64,
    pub(crate) offset: u64,
    pub(crate) total: u64,
    /// When the message is worthless, on lanes that may drop messages.
    pub(crate) until: Option<Time>,
    pub(crate) payload: Shared<'a>,
}

/// A message of which something has arrived, or all of it.
#[derive(Debug)]
pub(crate) struct Held<T> {
    pub(super) what: T,
    /// When it is worthless.
    pub(super) until: Option<Time>,
}

/// Bytes of a message that lie in the packet they came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared<'a> {
    pub(crate) packet: &'a Bytes,
    pub(crate) bytes: &'a [u8],
}

impl Shared<'_> {
    /// The bytes on their own, or sharing the packet's buffer if they are a good part of it: else a
    /// few bytes would keep a whole packet in memory.
    fn take(self, will_wait: bool) -> Bytes {
        let share = if will_wait { WAITING_SHARE } else { DELIVERED_SHARE };
        let charged = self.bytes.len() + CREDIT_PER_MESSAGE as usize;
        if charged * share < self.packet.len() {
            Bytes::copy_from_slice(self.bytes)
        } else {
            rtm_wire::shared(self.packet, self.bytes)
        }
    }
}

/// Invariants: `done` holds the messages that are complete or skipped; `partial` and `waiting`
/// hold others, and complete ones that wait for their turn; `charged − released` never exceeds
/// what was granted beyond `released`.
#[derive(Debug)]
pub(crate) struct ReceiveLane {
    /// From the first message frame; a close frame may come before it.
    mode: Option<LaneMode>,
    done: RangeSet,
    partial: BTreeMap<u64, Held<Assembly>>,
    /// Ordered lanes: complete, but an earlier one is missing.
    waiting: BTreeMap<u64, Held<Bytes>>,
    /// Ordered lanes: the message whose turn it is. Latest-only: the first that is newer than all
    /// that were handed over.
    next_in_order: u64,
    /// The sequence number after the last message, once the peer has closed the lane.
    end: Option<u64>,
    window: u64,
    granted: u64,
    charged: u64,
    released: u64,
    announce: bool,
    /// Messages that came too late, or would have been handed over too late.
    late: u64,
}

impl ReceiveLane {
    pub(crate) fn new(window: u64) -> Self {
        Self {
            mode: None,
            done: RangeSet::new(),
            partial: BTreeMap::new(),
            waiting: BTreeMap::new(),
            next_in_order: 0,
            end: None,
            window,
            granted: window,
            charged: 0,
            released: 0,
            announce: false,
            late: 0,
        }
    }

    /// Takes a part of a message; complete ones go to `deliver`.
    pub(crate) fn on_message(
        &mut self,
        now: Time,
        part: &Part<'_>,
        deliver: &mut Vec<Held<Bytes>>,
    ) -> Result<(), Violation> {
        let &Part { mode, seq, offset, total, until, payload } = part;
        if !self.expects(mode, seq)? {
            return Ok(());
        }
        if payload.bytes.len() as u64 == total {
            match self.partial.remove(&seq) {
                // What was charged for its first part must be what it has.
                Some(assembly) if assembly.what.total() != total => {
                    return Err(Violation::Length);
                }
                Some(_) => {}
                None => self.charge(total)?,
            }
            let will_wait =
                !is_latest_only(mode) && mode.order == Qos::Ordered && seq != self.next_in_order;
            let message = Held { what: payload.take(will_wait), until };
            self.complete(now, seq, message, deliver);
            return Ok(());
        }
        let assembly = self.assembly(seq, total)?;
        assembly.until = [assembly.until, until].into_iter().flatten().min();
        assembly.what.insert(offset, payload.bytes)?;
        self.complete_if_whole(now, seq, deliver);
        Ok(())
    }

    /// Takes a parity symbol of a message, which may complete it.
    pub(crate) fn on_parity(
        &mut self,
        now: Time,
        parity: &Parity<'_>,
        deliver: &mut Vec<Held<Bytes>>,
    ) -> Result<(), Violation> {
        let seq = parity.seq.0;
        if !self.expects(parity.mode, seq)? {
            return Ok(());
        }
        self.assembly(seq, parity.total)?.what.insert_parity(parity.index, parity.symbol);
        self.complete_if_whole(now, seq, deliver);
        Ok(())
    }

    /// Whether a message is legal, and not here yet.
    fn expects(&mut self, mode: LaneMode, seq: u64) -> Result<bool, Violation> {
        if *self.mode.get_or_insert(mode) != mode {
            return Err(Violation::Mode);
        }
        if seq >= self.done.prefix() + MESSAGE_WINDOW || self.end.is_some_and(|end| seq >= end) {
            return Err(Violation::Sequence);
        }
        Ok(!self.done.contains(seq))
    }

    /// What has arrived of a message of this length; charges for it if that is nothing yet.
    fn assembly(&mut self, seq: u64, total: u64) -> Result<&mut Held<Assembly>, Violation> {
        if !self.partial.contains_key(&seq) {
            // Shorter ones are not cut, so that what they count is more than a part of what they
            // cost.
            if total <= FRAGMENT_MIN {
                return Err(Violation::Length);
            }
            self.charge(total)?;
            self.partial.insert(seq, Held { what: Assembly::new(total), until: None });
        }
        let assembly = self.partial.get_mut(&seq).expect("inserted above");
        if assembly.what.total() == total { Ok(assembly) } else { Err(Violation::Length) }
    }

    fn complete_if_whole(&mut self, now: Time, seq: u64, deliver: &mut Vec<Held<Bytes>>) {
        let Some(assembly) = self.partial.get_mut(&seq) else { return };
        assembly.what.repair();
        if assembly.what.is_complete() {
            let Held { what, until } = self.partial.remove(&seq).expect("just used");
            self.complete(now, seq, Held { what: what.into_bytes(), until }, deliver);
        }
    }

    /// The peer will not send these; `bytes` of credit, of a single one, are free again.
    ///
    /// Credit is counted for each message by itself, so that skips may overlap and repeat (protocol
    /// §4.6).
    pub(crate) fn on_skip(
        &mut self,
        now: Time,
        skipped: Range<u64>,
        bytes: u64,
        deliver: &mut Vec<Held<Bytes>>,
    ) -> Result<(), Violation> {
        let is_beyond = skipped.end > self.done.prefix() + MESSAGE_WINDOW
            || self.end.is_some_and(|end| skipped.end > end);
        if is_beyond {
            return Err(Violation::Sequence);
        }
        if bytes > 0 && skipped.end - skipped.start > 1 {
            return Err(Violation::Credit);
        }
        let mut charged = 0;
        // What is there, not what is named: a small frame may name many.
        while let Some((&seq, _)) = self.partial.range(skipped.clone()).next() {
            let assembly = self.partial.remove(&seq).expect("just found");
            charged += assembly.what.total() + CREDIT_PER_MESSAGE;
        }
        let is_new = self.done.insert(skipped) > 0;
        if bytes > 0 && charged > 0 && bytes != charged {
            return Err(Violation::Length);
        }
        if is_new && charged == 0 {
            self.charge_bytes(bytes)?;
            charged = bytes;
        }
        self.release_bytes(charged);
        self.deliver_in_order(now, deliver);
        Ok(())
    }

    pub(crate) fn on_close(&mut self, end: u64) -> Result<(), Violation> {
        let begun = self.partial.last_key_value().map_or(0, |(&seq, _)| seq + 1);
        let is_beyond = self.done.end().max(begun) > end;
        if is_beyond || self.end.is_some_and(|known| known != end) {
            return Err(Violation::Sequence);
        }
        self.end = Some(end);
        Ok(())
    }

    /// The application has taken a message of this length, or it is worth nothing.
    pub(crate) fn release(&mut self, bytes: u64) {
        self.release_bytes(bytes + CREDIT_PER_MESSAGE);
    }

    /// Whether all messages were handed over.
    pub(crate) fn is_finished(&self) -> bool {
        self.end.is_some_and(|end| self.done.prefix() >= end) && self.waiting.is_empty()
    }

    /// The limit to be announced now, if it has moved far enough.
    pub(crate) fn take_grant(&mut self) -> Option<u64> {
        std::mem::take(&mut self.announce).then_some(self.granted)
    }

    pub(crate) fn wants_grant(&self) -> bool {
        self.announce
    }

    /// The frame with the limit was lost.
    pub(crate) fn on_grant_lost(&mut self) {
        self.announce = true;
    }

    /// Credit of what is here: messages begun, waiting, or handed over and not released.
    pub(crate) fn held(&self) -> u64 {
        self.charged - self.released
    }

    /// Bytes held for this lane.
    pub(crate) fn buffered(&self) -> usize {
        self.partial.values().map(|assembly| assembly.what.held()).sum::<usize>()
            + self.waiting.values().map(|message| message.what.len()).sum::<usize>()
    }

    /// Messages that were not handed over since they were too late.
    pub(crate) fn late(&self) -> u64 {
        self.late
    }

    fn complete(
        &mut self,
        now: Time,
        seq: u64,
        message: Held<Bytes>,
        deliver: &mut Vec<Held<Bytes>>,
    ) {
        self.done.insert(seq..seq + 1);
        let Some(mode) = self.mode else { return };
        if is_latest_only(mode) {
            self.take_if_newer(now, seq, message, deliver);
        } else if mode.order != Qos::Ordered {
            self.hand_over(now, message, deliver);
        } else {
            if self.next_in_order == seq {
                self.next_in_order += 1;
                self.hand_over(now, message, deliver);
            } else {
                self.waiting.insert(seq, message);
            }
            self.deliver_in_order(now, deliver);
        }
    }

    /// Latest-only: older messages are worth nothing any more, complete or not. Those of which
    /// nothing has arrived have taken credit that only the sender knows.
    fn take_if_newer(
        &mut self,
        now: Time,
        seq: u64,
        message: Held<Bytes>,
        deliver: &mut Vec<Held<Bytes>>,
    ) {
        if seq < self.next_in_order {
            return self.release(message.what.len() as u64);
        }
        let handed_over = deliver.len();
        self.hand_over(now, message, deliver);
        if deliver.len() == handed_over {
            return;
        }
        self.next_in_order = seq + 1;
        while let Some(older) = self.partial.first_entry().filter(|older| *older.key() < seq) {
            let (seq, assembly) = older.remove_entry();
            self.done.insert(seq..seq + 1);
            self.release(assembly.what.total());
        }
    }

    /// Hands a message over unless it is too late.
    fn hand_over(&mut self, now: Time, message: Held<Bytes>, deliver: &mut Vec<Held<Bytes>>) {
        if message.until.is_some_and(|until| now > until) {
            self.late += 1;
            self.release(message.what.len() as u64);
        } else {
            deliver.push(message);
        }
    }

    fn deliver_in_order(&mut self, now: Time, deliver: &mut Vec<Held<Bytes>>) {
        // From one that is there to the next: a small frame may have skipped many.
        let ready = self.done.prefix();
        while let Some(first) = self.waiting.first_entry().filter(|first| *first.key() < ready) {
            let message = first.remove();
            self.hand_over(now, message, deliver);
        }
        self.next_in_order = self.next_in_order.max(ready);
    }

    fn charge(&mut self, total: u64) -> Result<(), Violation> {
        self.charge_bytes(total + CREDIT_PER_MESSAGE)
    }

    fn charge_bytes(&mut self, bytes: u64) -> Result<(), Violation> {
        self.charged = self.charged.saturating_add(bytes);
        if self.charged <= self.granted { Ok(()) } else { Err(Violation::Credit) }
    }

    fn release_bytes(&mut self, bytes: u64) {
        self.released = self.released.saturating_add(bytes).min(self.charged);
        let target = self.released + self.window;
        if target - self.granted >= self.window / 4 {
            self.granted = target;
            self.announce = true;
        }
    }
}

fn is_latest_only(mode: LaneMode) -> bool {
    mode.reliability == Reliability::LatestOnly
}
