//! Small messages that may be sent once more.

use std::collections::VecDeque;

use rtm_wire::{LaneId, MessageSeq, Time};

use super::Redundancy;

/// Copies under way above which a message gets no further one.
pub(super) const COPIES_MAX: usize = 16;
/// Messages that are listed by one number of copies; beyond, the oldest are left to loss recovery.
const LISTED_MAX: usize = 1_024;

/// A message and its copies, as they were when it was listed. When they have changed since, the
/// message is listed elsewhere and this entry means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rider {
    pub(crate) lane: LaneId,
    pub(crate) seq: MessageSeq,
    pub(crate) policy: Redundancy,
    /// Copies under way that are not overdue, the first one included.
    pub(crate) copies: usize,
    /// When the message was sent first.
    pub(crate) first_copy: Time,
    /// When the last one was sent.
    pub(crate) last_copy: Time,
}

/// Messages by the number of their copies, in the order of their last copy.
///
/// Those with the fewest copies come first: their next copy is worth most.
#[derive(Debug)]
pub(super) struct Riders {
    /// The place is the number of copies.
    listed: [VecDeque<Rider>; COPIES_MAX],
}

impl Riders {
    pub(super) fn new() -> Self {
        Self { listed: std::array::from_fn(|_| VecDeque::new()) }
    }

    /// Lists a message after its copy; `is_current` tells entries that still mean something.
    pub(super) fn push(&mut self, rider: Rider, is_current: impl Fn(&Rider) -> bool) {
        let Some(list) = self.listed.get_mut(rider.copies) else { return };
        // Twice as many as come in, so that what is over never piles up.
        for _ in 0..2 {
            if list.front().is_some_and(|front| list.len() >= LISTED_MAX || !is_current(front)) {
                list.pop_front();
            }
        }
        list.push_back(rider);
    }

    /// The message that needs a copy most among those that `choose` wants; what it refuses is
    /// struck off.
    pub(super) fn next(
        &mut self,
        order: Order,
        choose: impl Fn(&Rider) -> Choice,
    ) -> Option<Rider> {
        let mut chosen: Option<(Time, usize)> = None;
        for (copies, list) in self.listed.iter_mut().enumerate() {
            while let Some(front) = list.front() {
                match choose(front) {
                    Choice::Take if order == Order::Copies => return list.pop_front(),
                    Choice::Take => {
                        let candidate = (front.last_copy, copies);
                        chosen = Some(chosen.map_or(candidate, |chosen| chosen.min(candidate)));
                        break;
                    }
                    Choice::Wait => break,
                    Choice::Drop => drop(list.pop_front()),
                }
            }
        }
        self.listed[chosen?.1].pop_front()
    }

    /// Lists a message again that was chosen and could not be copied.
    pub(super) fn put_back(&mut self, rider: Rider) {
        if let Some(list) = self.listed.get_mut(rider.copies) {
            list.push_front(rider);
        }
    }

    /// The earliest time that `due` gives for the first of each list that it gives one for.
    pub(super) fn due(&self, due: impl Fn(&Rider) -> Option<Time>) -> Option<Time> {
        self.listed.iter().filter_map(|list| list.iter().find_map(&due)).min()
    }

    pub(super) fn clear(&mut self) {
        self.listed.iter_mut().for_each(VecDeque::clear);
    }
}

/// Which message comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The one with the fewest copies: right when losses don't depend on each other.
    Copies,
    /// The one whose last copy is longest ago: one burst takes all recent copies.
    Time,
}

/// What to do with the first of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Take,
    /// It, and all behind it, had a copy too recently.
    Wait,
    Drop,
}
