//! Frames with messages, as they go into a packet.

use rtm_wire::{Fragment, Frame, LaneId, Message, Parity, Time, varint};

use super::pending::{Chunk, Outgoing, OutgoingParity};
use super::send_set::SendLanes;
use super::spec::{FRAGMENT_MIN, LaneSpec};
use crate::redundancy::{Plan, Redundancy, Rider, SMALL_MAX};

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

impl SendLanes {
    /// The next frame that fits `room` bytes.
    ///
    /// More urgent lanes first, but for the share of the others; lanes of one priority take turns.
    pub(crate) fn next_frame(
        &mut self,
        now: Time,
        room: usize,
        plan: Plan,
        write: impl FnOnce(Frame<'_>),
    ) -> Option<Written> {
        let id = self.next_lane(plan.below)?;
        let entry = self.lanes.get_mut(&id).expect("next_lane() names a lane that exists");
        let spec = entry.lane.spec;
        let fits = |seq, offset, total| {
            let left = capacity(room, spec, id, seq, offset, total)?;
            let is_cut =
                plan.keep_whole && offset == 0 && total <= SMALL_MAX as u64 && left < total;
            (!is_cut).then_some(left)
        };
        let parity_room = |seq, total| {
            let numbers = [id.0, seq, total].map(varint::len).iter().sum::<usize>();
            room.saturating_sub(PARITY_HEAD + numbers)
        };
        let parity = plan.parity.filter(|_| spec.redundancy != Redundancy::Off);
        let next = match entry.lane.next_parity(parity_room) {
            Some(parity) => Next::Parity(parity),
            // Such a lane may drop the message that it has just sent.
            None if spec.is_lossy() => {
                Next::Message(self.change(id, |lane| lane.next_chunk(now, parity, fits))??)
            }
            None => Next::Message(entry.lane.next_chunk(now, parity, fits)?),
        };
        let entry = self.lanes.get_mut(&id).expect("still there");
        entry.queued = entry.lane.has_work();
        entry.debt = self.turns.sent(spec.priority.number(), next.charge(), entry.queued);
        Some(match next {
            Next::Message(outgoing) => self.written(now, id, outgoing, write),
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
        if capacity(room, lane.spec, id, seq.0, 0, total).is_none_or(|left| left < total) {
            return None;
        }
        let outgoing = lane.copy(now, seq)?;
        Some(self.written(now, id, outgoing, write))
    }

    fn written(
        &self,
        now: Time,
        id: LaneId,
        outgoing: Outgoing,
        write: impl FnOnce(Frame<'_>),
    ) -> Written {
        let spec = self.lanes[&id].lane.spec;
        let rider = self.rider(id, &outgoing);
        let Outgoing { seq, range, total, payload, is_fresh, expires } = outgoing;
        let whole = range.start == 0 && range.end == total;
        let fragment = (!whole).then_some(Fragment { offset: range.start, total });
        let payload = &payload[..];
        let mode = spec.mode;
        let deadline_ms = expires.and_then(|at| remaining_ms(now, at));
        let message = Message { lane: id, mode, seq, fragment, deadline_ms, payload };
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
        let has_copies = outgoing.is_small() && policy != Redundancy::Off;
        has_copies.then(|| copies.rider(lane, outgoing.seq, policy))
    }

    /// The lane whose turn it is. Lanes that went idle or away since they queued up are dropped.
    fn next_lane(&mut self, below: Option<u8>) -> Option<LaneId> {
        let Self { turns, lanes, .. } = self;
        let mut left = Vec::new();
        let has_work = |id| lanes.get(&id).is_some_and(|entry| entry.lane.has_work());
        let next = turns.next(below, has_work, |id, debt| left.push((id, debt)));
        for (id, debt) in left {
            if let Some(entry) = lanes.get_mut(&id) {
                (entry.queued, entry.debt) = (false, debt);
            }
        }
        next
    }
}

/// What a lane sends next.
enum Next {
    Message(Outgoing),
    Parity(OutgoingParity),
}

impl Next {
    /// What it counts for in its lane's share.
    fn charge(&self) -> usize {
        FRAME_HEAD
            + match self {
                Self::Message(outgoing) => outgoing.payload.len(),
                Self::Parity(outgoing) => outgoing.symbol.len(),
            }
    }
}

/// About what a frame takes besides its payload.
const FRAME_HEAD: usize = 8;
/// Longest time that can be told, and the bytes that it takes.
const DEADLINE_MS_MAX: u64 = (1 << 20) - 1;
const DEADLINE_LEN: usize = 4;

/// The time that remains, rounded up; `None` if it is more than can be told.
fn remaining_ms(now: Time, expires: Time) -> Option<u32> {
    let ms = expires.saturating_since(now).as_micros().div_ceil(1_000);
    u32::try_from(ms).ok().filter(|&ms| u64::from(ms) <= DEADLINE_MS_MAX)
}

/// Kind, length (two bytes do for any packet), flags and index of a parity frame.
const PARITY_HEAD: usize = 1 + 2 + 1 + 1;

/// How many bytes of a message, from `offset` on, fit a message frame of `room` bytes.
fn capacity(
    room: usize,
    spec: LaneSpec,
    lane: LaneId,
    seq: u64,
    offset: u64,
    total: u64,
) -> Option<u64> {
    let deadline = if spec.is_lossy() { DEADLINE_LEN } else { 0 };
    let room = room as u64;
    // Kind, length (two bytes do for any packet), lane, flags, sequence number.
    let head = (1 + 2 + varint::len(lane.0) + 1 + varint::len(seq) + deadline) as u64;
    if offset == 0 && head + total <= room {
        return Some(total);
    }
    let fragment = (varint::len(offset) + varint::len(total)) as u64;
    let left = room.checked_sub(head + fragment)?;
    (left >= FRAGMENT_MIN || left >= total - offset).then_some(left)
}
