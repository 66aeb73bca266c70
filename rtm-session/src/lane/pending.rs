//! What the sending end remembers of a message.

use std::ops::Range;

use bytes::Bytes;
use rtm_wire::{LaneId, MessageSeq, Time};

use super::parity;
use super::range_set::RangeSet;
use super::spec::CREDIT_PER_MESSAGE;
use crate::redundancy::{ParityPolicy, Redundancy, Rider, SMALL_MAX};

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
    /// When the message is given up.
    pub(crate) expires: Option<Time>,
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
    pub(crate) first: Time,
    pub(crate) last: Time,
}

impl Copies {
    /// What the redundancy has to know of the message.
    pub(super) fn rider(self, lane: LaneId, seq: MessageSeq, policy: Redundancy) -> Rider {
        let Self { fresh, first, last, .. } = self;
        Rider { lane, seq, policy, copies: fresh, first_copy: first, last_copy: last }
    }
}

/// A message that is not yet acknowledged as a whole, and not given up.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) payload: Bytes,
    /// Bytes that were sent at least once; `None` until the message is begun.
    pub(super) sent: Option<u64>,
    pub(super) acked: RangeSet,
    /// Parts sent, and neither acknowledged nor lost.
    pub(super) under_way: usize,
    pub(super) copies: Copies,
    pub(super) parity: Option<ParityPlan>,
    /// When it is given up, on lanes that drop messages.
    pub(super) expires: Option<Time>,
}

/// A message that is given up, until the peer knows or has it all the same.
#[derive(Debug)]
pub(super) struct Dropped {
    pub(super) total: u64,
    /// Credit that it took when it was begun; 0 if it never was.
    pub(super) credit: u64,
    pub(super) acked: RangeSet,
    /// Parts sent, and neither acknowledged nor lost.
    pub(super) under_way: usize,
    /// Whether a skip frame says so, or is about to.
    pub(super) is_told: bool,
}

/// What is known of one message of a lane.
#[derive(Debug)]
pub(super) enum Slot {
    Pending(Pending),
    Dropped(Dropped),
    /// The peer has it, or knows that it will not come.
    Done,
}

/// Parity that goes out after a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ParityPlan {
    /// Length of a symbol; no fragment reaches over its end.
    pub(super) symbol: usize,
    /// How many there are.
    pub(super) count: u8,
    /// How many have gone out.
    pub(super) sent: u8,
    /// Whether the next symbol, of the message or of parity, had no room in a packet.
    pub(super) has_missed: bool,
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
    pub(super) fn new(payload: Bytes, expires: Option<Time>) -> Self {
        let copies = Copies { under_way: 0, fresh: 0, first: Time::ZERO, last: Time::ZERO };
        let acked = RangeSet::new();
        Self { payload, sent: None, acked, under_way: 0, copies, parity: None, expires }
    }

    pub(super) fn total(&self) -> u64 {
        self.payload.len() as u64
    }

    pub(super) fn is_sent(&self) -> bool {
        self.sent == Some(self.total())
    }

    /// The credit that it has taken.
    pub(super) fn credit(&self) -> u64 {
        self.sent.map_or(0, |_| self.total() + CREDIT_PER_MESSAGE)
    }
}

impl ParityPolicy {
    /// Parity for a message of this length, if it is worth any.
    pub(super) fn plan(self, total: u64) -> Option<ParityPlan> {
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

/// Symbols of a message that has parity: what the code can number, and parity besides.
const SYMBOLS_MAX: usize = 200;
