//! Messages that a lane gives up: too late, or replaced by a newer one (protocol §4.6).
//!
//! ```text
//!            begun, expired                    frame acknowledged
//!  Pending ─────────────────► Dropped, to tell ─────────────────► Done
//!     │ begun, replaced          ▲ all parts lost      ▲
//!     ├────► Dropped, under way ─┘                     │
//!     │            └───────── all parts acknowledged ──┘
//!     │ not begun, expired ─► Dropped, to tell
//!     └ not begun, replaced ─► its number goes to the newer one
//! ```

use std::ops::Range;

use rtm_wire::Time;

use super::pending::{Dropped, Slot};
use super::send::SendLane;
use super::spec::MESSAGE_WINDOW;

/// When the peer is told of a message that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// At once: it may be waiting for it.
    Now,
    /// Once it is known that the message has not arrived: only credit waits for it.
    WhenNeeded,
}

/// Dropped messages in a row, as one skip frame tells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) seqs: Range<u64>,
    /// Credit of a single message that was begun.
    pub(crate) credit: u64,
}

impl SendLane {
    /// Gives up what is too late at `now`.
    pub(crate) fn expire(&mut self, now: Time) {
        while let Some(&(at, seq)) = self.expiries.first() {
            if at > now {
                return;
            }
            let is_last = seq + 1 == self.end().0;
            let is_fresh = self.pending(seq).is_some_and(|pending| pending.sent.is_none());
            if self.is_latest_only() && is_last && is_fresh {
                self.take_back();
            } else {
                self.give_up(seq, Telling::Now);
            }
        }
    }

    /// When the next message becomes too late.
    pub(crate) fn next_expiry(&self) -> Option<Time> {
        self.expiries.first().map(|&(at, _)| at)
    }

    /// What the lane holds that counts against its limits: messages, bytes, and what they count for
    /// in the session. A latest-only lane is taken as it is after a newer message has replaced what
    /// it may; and what it has dropped, its credit bounds.
    pub(crate) fn counted(&self) -> (usize, usize, usize) {
        let (bytes, charge) = (self.queued_bytes(), self.charge());
        if !self.is_latest_only() {
            return (self.queued_messages(), bytes, charge);
        }
        let (mut messages, mut freed) = (self.live, 0);
        if let Some(Slot::Pending(last)) = self.queue.back() {
            // One that is half sent counts until it is sent.
            if last.sent.is_none() || last.is_sent() {
                (messages, freed) = (messages - 1, last.total() as usize);
            }
        }
        (messages, bytes - freed, charge - freed)
    }

    /// Latest-only: older messages give way to one that is about to be appended.
    ///
    /// One that is half sent goes on to its end, and what of it is lost until then is sent again:
    /// else a lane whose messages come faster than they can be sent would deliver none.
    pub(super) fn make_way(&mut self) {
        let is_last_fresh = matches!(
            self.queue.back(), Some(Slot::Pending(last)) if last.sent.is_none());
        if is_last_fresh {
            self.take_back();
        }
        let Some(Slot::Pending(last)) = self.queue.back() else { return };
        let seq = self.end().0 - 1;
        if last.is_sent() && !self.has_lost(seq) {
            self.give_up(seq, Telling::WhenNeeded);
        }
    }

    /// Whether a newer message takes this one's place.
    pub(super) fn is_replaced(&self, seq: u64) -> bool {
        self.is_latest_only() && seq + 1 < self.end().0
    }

    /// A part went out: if it was the last of a message that a newer one waits to replace, that is
    /// all that is done for it.
    pub(super) fn on_part_sent(&mut self, seq: u64) {
        let is_sent = self.pending(seq).is_some_and(|pending| pending.is_sent());
        if is_sent && self.is_replaced(seq) && !self.has_lost(seq) {
            self.give_up(seq, Telling::WhenNeeded);
        }
    }

    fn has_lost(&self, seq: u64) -> bool {
        self.lost.range((seq, 0)..=(seq, u64::MAX)).next().is_some()
    }

    /// Drops a pending message.
    pub(super) fn give_up(&mut self, seq: u64, telling: Telling) {
        let Some(pending) = self.pending_mut(seq) else { return };
        let (total, expires, under_way) = (pending.total(), pending.expires, pending.under_way);
        let (credit, acked) = (pending.credit(), std::mem::take(&mut pending.acked));
        let is_told = telling == Telling::Now || under_way == 0;
        let dropped = Slot::Dropped(Dropped { total, credit, acked, under_way, is_told });
        *self.slot(seq).expect("just found") = dropped;
        self.dropped += 1;
        self.on_no_longer_pending(seq, total, expires);
        while let Some((&part, _)) = self.lost.range((seq, 0)..=(seq, u64::MAX)).next() {
            self.lost.remove(&part);
        }
        if is_told {
            self.skips.insert(seq);
        }
        self.pass_over_dropped();
    }

    /// Keeps `next_fresh` at a message that can be sent.
    pub(super) fn pass_over_dropped(&mut self) {
        while self.slot(self.next_fresh).is_some_and(|slot| !matches!(slot, Slot::Pending(_))) {
            self.next_fresh += 1;
        }
    }

    /// Takes the last message, which is not begun, off the queue: its number was never told.
    fn take_back(&mut self) {
        let seq = self.end().0 - 1;
        if let Some(Slot::Pending(last)) = self.queue.pop_back() {
            self.dropped += 1;
            self.on_no_longer_pending(seq, last.total(), last.expires);
        }
    }

    /// Part of a dropped message has arrived: perhaps it is there after all.
    pub(super) fn on_dropped_acked(&mut self, seq: u64, range: Range<u64>) {
        let Some(slot) = self.slot(seq) else { return };
        let Slot::Dropped(dropped) = slot else { return };
        dropped.acked.insert(range);
        if dropped.acked.count() >= dropped.total {
            *slot = Slot::Done;
            self.skips.remove(&seq);
            self.forget_done();
        } else {
            self.on_dropped_lost(seq);
        }
    }

    /// One part of a dropped message less is under way.
    pub(super) fn on_dropped_lost(&mut self, seq: u64) {
        let Some(Slot::Dropped(dropped)) = self.slot(seq) else { return };
        dropped.under_way = dropped.under_way.saturating_sub(1);
        if dropped.under_way == 0 && !dropped.is_told {
            dropped.is_told = true;
            self.skips.insert(seq);
        }
    }

    /// What the next skip frame has to say. Those that were never begun go together.
    pub(crate) fn next_skip(&self) -> Option<Skipped> {
        let &first = self.skips.first().filter(|&&first| first < self.window_end())?;
        let credit = self.dropped_credit(first)?;
        let is_next = |seq: u64| {
            seq < self.window_end()
                && self.skips.contains(&seq)
                && self.dropped_credit(seq) == Some(0)
        };
        let mut end = first + 1;
        while credit == 0 && is_next(end) {
            end += 1;
        }
        Some(Skipped { seqs: first..end, credit })
    }

    /// The frame was written.
    pub(crate) fn on_skip_sent(&mut self, seqs: &Range<u64>) {
        for seq in seqs.clone() {
            self.skips.remove(&seq);
        }
    }

    pub(crate) fn on_skip_acked(&mut self, seqs: &Range<u64>) {
        for seq in seqs.clone() {
            if let Some(slot @ Slot::Dropped(_)) = self.slot(seq) {
                *slot = Slot::Done;
                self.skips.remove(&seq);
            }
        }
        self.forget_done();
    }

    /// The frame was lost: what the peer may not know yet is told again.
    pub(crate) fn on_skip_lost(&mut self, seqs: &Range<u64>) {
        for seq in seqs.clone() {
            if self.dropped_credit(seq).is_some() {
                self.skips.insert(seq);
            }
        }
    }

    pub(crate) fn has_skips(&self) -> bool {
        self.skips.first().is_some_and(|&first| first < self.window_end())
    }

    /// Messages from here on must not be named (protocol §4.5).
    fn window_end(&self) -> u64 {
        self.base + MESSAGE_WINDOW
    }

    fn dropped_credit(&self, seq: u64) -> Option<u64> {
        let index = seq.checked_sub(self.base)?;
        match self.queue.get(usize::try_from(index).ok()?)? {
            Slot::Dropped(dropped) => Some(dropped.credit),
            _ => None,
        }
    }
}
