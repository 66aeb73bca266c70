//! All lanes that one end receives on.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use rtm_wire::{
    LaneClose, LaneCredit, LaneId, LaneMode, Message, Parity, Qos, Reliability, Skip, Time,
};

use super::range_set::RangeSet;
use super::receive::{Held, Part, ReceiveLane, Shared};
use super::spec::CREDIT_PER_MESSAGE;
use crate::error::Violation;

/// What came of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// A message is complete, and its turn has come.
    Message { lane: LaneId, payload: Bytes, until: Option<Time> },
    /// The lane has ended, after all its messages.
    Ended { lane: LaneId },
}

/// Invariant: lanes below `opened` are in `lanes`, in `ended`, or have not been heard of yet; they
/// all count as open until they end, so that the ranges of `ended` are as few as open lanes.
#[derive(Debug)]
pub(crate) struct ReceiveLanes {
    lanes_max: u64,
    window: u64,
    message_max: u64,
    lanes: BTreeMap<LaneId, ReceiveLane>,
    opened: u64,
    ended: RangeSet,
    /// Lanes whose credit has to be announced.
    grants: VecDeque<LaneId>,
    /// Credit of messages that were handed over and not released, of lanes that have ended, too.
    unreleased: u64,
    /// The part of it that belongs to lanes that have ended: no lane's credit bounds it.
    left_behind: u64,
    /// Messages that were too late, on lanes that have ended.
    late: u64,
    scratch: Vec<Held<Bytes>>,
}

impl ReceiveLanes {
    pub(crate) fn new(lanes_max: u64, window: u64, message_max: u64) -> Self {
        Self {
            lanes_max,
            window,
            message_max,
            lanes: BTreeMap::new(),
            opened: 1,
            ended: RangeSet::new(),
            grants: VecDeque::new(),
            unreleased: 0,
            left_behind: 0,
            late: 0,
            scratch: Vec::new(),
        }
    }

    /// Takes a message frame, whose payload is part of `packet`.
    pub(crate) fn on_message(
        &mut self,
        now: Time,
        packet: &Bytes,
        message: &Message<'_>,
        out: &mut Vec<Received>,
    ) -> Result<(), Violation> {
        let length = message.payload.len() as u64;
        let (offset, total) = message.fragment.map_or((0, length), |f| (f.offset, f.total));
        self.check(message.mode, total)?;
        let id = message.lane;
        let mut deliver = std::mem::take(&mut self.scratch);
        if let Some(lane) = self.lane(id)? {
            let payload = Shared { packet, bytes: message.payload };
            let (mode, seq) = (message.mode, message.seq.0);
            let is_lossy = mode.reliability != Reliability::Reliable;
            let left = message.deadline_ms.filter(|_| is_lossy);
            let until = left.map(|ms| now + Duration::from_millis(ms.into()));
            let part = Part { mode, seq, offset, total, until, payload };
            lane.on_message(now, &part, &mut deliver)?;
            // Of messages that were not handed over.
            if lane.wants_grant() {
                self.note_grant(id);
            }
        }
        self.hand_over(id, deliver, out);
        Ok(())
    }

    pub(crate) fn on_skip(
        &mut self,
        now: Time,
        skip: &Skip,
        out: &mut Vec<Received>,
    ) -> Result<(), Violation> {
        let mut deliver = std::mem::take(&mut self.scratch);
        if let Some(lane) = self.lane(skip.lane)? {
            let skipped = skip.first.0..skip.first.0 + skip.count;
            lane.on_skip(now, skipped, skip.bytes, &mut deliver)?;
        }
        self.note_grant(skip.lane);
        self.hand_over(skip.lane, deliver, out);
        Ok(())
    }

    pub(crate) fn on_close(
        &mut self,
        close: &LaneClose,
        out: &mut Vec<Received>,
    ) -> Result<(), Violation> {
        if close.lane == LaneId::CONTROL {
            return Err(Violation::Lane);
        }
        if let Some(lane) = self.lane(close.lane)? {
            lane.on_close(close.end.0)?;
        }
        self.hand_over(close.lane, Vec::new(), out);
        Ok(())
    }

    /// The application has taken a message of this length from the lane.
    pub(crate) fn release(&mut self, id: LaneId, bytes: usize) {
        let credit = bytes as u64 + CREDIT_PER_MESSAGE;
        self.unreleased = self.unreleased.saturating_sub(credit);
        match self.lanes.get_mut(&id) {
            Some(lane) => lane.release(bytes as u64),
            None => self.left_behind = self.left_behind.saturating_sub(credit),
        }
        self.note_grant(id);
    }

    /// The next credit frame.
    pub(crate) fn next_grant(&mut self) -> Option<LaneCredit> {
        while let Some(id) = self.grants.pop_front() {
            let limit = self.lanes.get_mut(&id).and_then(ReceiveLane::take_grant);
            if let Some(limit) = limit {
                return Some(LaneCredit { lane: id, limit });
            }
        }
        None
    }

    /// A credit frame was lost or did not fit: the lane's present limit goes out again, unless the
    /// lane is over. Whether it does.
    pub(crate) fn on_grant_lost(&mut self, id: LaneId) -> bool {
        let lane = self.lanes.get_mut(&id);
        let is_open = lane.is_some();
        if let Some(lane) = lane {
            lane.on_grant_lost();
        }
        self.note_grant(id);
        is_open
    }

    pub(crate) fn has_grants(&self) -> bool {
        !self.grants.is_empty()
    }

    /// Whether so much is held, and waits for the application, that nothing more may come.
    ///
    /// Lanes that are open can't bring this about, as their credit ends first. So it ends when the
    /// application takes what lanes have left behind that are over, whatever else is incomplete.
    pub(crate) fn is_full(&self) -> bool {
        if self.left_behind == 0 {
            return false;
        }
        let held = self.lanes.values().map(ReceiveLane::held).sum::<u64>();
        self.left_behind + held > (self.lanes_max + 1).saturating_mul(self.window)
    }

    /// Credit of messages that the application has not released.
    pub(crate) fn unreleased(&self) -> u64 {
        self.unreleased
    }

    /// Messages that were not handed over since they were too late.
    pub(crate) fn late(&self) -> u64 {
        self.late + self.lanes.values().map(ReceiveLane::late).sum::<u64>()
    }

    /// Bytes held in incomplete and waiting messages.
    pub(crate) fn buffered(&self) -> usize {
        self.lanes.values().map(ReceiveLane::buffered).sum()
    }

    /// Takes a parity frame.
    pub(crate) fn on_parity(
        &mut self,
        now: Time,
        parity: &Parity<'_>,
        out: &mut Vec<Received>,
    ) -> Result<(), Violation> {
        self.check(parity.mode, parity.total)?;
        let mut deliver = std::mem::take(&mut self.scratch);
        if let Some(lane) = self.lane(parity.lane)? {
            lane.on_parity(now, parity, &mut deliver)?;
            if lane.wants_grant() {
                self.note_grant(parity.lane);
            }
        }
        self.hand_over(parity.lane, deliver, out);
        Ok(())
    }

    fn check(&self, mode: LaneMode, total: u64) -> Result<(), Violation> {
        let is_unknown = matches!(mode.order, Qos::Unknown(_))
            || matches!(mode.reliability, Reliability::Unknown(_));
        if total > self.message_max {
            Err(Violation::Length)
        } else if is_unknown {
            Err(Violation::Mode)
        } else {
            Ok(())
        }
    }

    /// The lane, opened with all below it if it is new; `None` when it has ended.
    fn lane(&mut self, id: LaneId) -> Result<Option<&mut ReceiveLane>, Violation> {
        if self.ended.contains(id.0) {
            return Ok(None);
        }
        let opened = self.opened.max(id.0 + 1);
        // Lane 0 is always open and not counted.
        if opened - self.ended.count() > self.lanes_max + 1 {
            return Err(Violation::Lanes);
        }
        self.opened = opened;
        let window = self.window;
        Ok(Some(self.lanes.entry(id).or_insert_with(|| ReceiveLane::new(window))))
    }

    fn hand_over(&mut self, id: LaneId, mut deliver: Vec<Held<Bytes>>, out: &mut Vec<Received>) {
        let credit = deliver.iter().map(|message| message.what.len() as u64 + CREDIT_PER_MESSAGE);
        self.unreleased += credit.sum::<u64>();
        let message = |Held { what, until }| Received::Message { lane: id, payload: what, until };
        out.extend(deliver.drain(..).map(message));
        if deliver.capacity() > self.scratch.capacity() {
            self.scratch = deliver;
        }
        if let Some(lane) = self.lanes.get(&id).filter(|lane| lane.is_finished()) {
            self.left_behind += lane.held();
            self.late += lane.late();
            self.lanes.remove(&id);
            self.ended.insert(id.0..id.0 + 1);
            out.push(Received::Ended { lane: id });
        }
    }

    fn note_grant(&mut self, id: LaneId) {
        let wants_grant = self.lanes.get(&id).is_some_and(ReceiveLane::wants_grant);
        if wants_grant && !self.grants.contains(&id) {
            self.grants.push_back(id);
        }
    }
}
