//! What has arrived of the peer's packets, and when to say so (RFC 9000 section 13.2).

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use rtm_wire::{PacketNumber, Time};

use crate::crypto::ReplayWindow;

/// Ranges that are remembered for acknowledgements; older ones are forgotten.
const RANGES_MAX: usize = 32;
/// Packets that have to be acknowledged after which it is done at once.
const ELICITING_MAX: u32 = 2;

/// The peer's packets on one path.
#[derive(Debug)]
pub(crate) struct ReceivedPackets {
    replay: ReplayWindow,
    /// Lowest and highest number, newest range first, with holes between them.
    ranges: VecDeque<(u64, u64)>,
    largest: Option<(PacketNumber, Time)>,
    /// Something has arrived since the last acknowledgement.
    has_news: bool,
    eliciting: u32,
    deadline: Option<Time>,
    is_due: bool,
    ack_delay: Duration,
}

impl ReceivedPackets {
    pub(crate) fn new(ack_delay: Duration) -> Self {
        Self {
            replay: ReplayWindow::default(),
            ranges: VecDeque::new(),
            largest: None,
            has_news: false,
            eliciting: 0,
            deadline: None,
            is_due: false,
            ack_delay,
        }
    }

    pub(crate) fn largest(&self) -> Option<PacketNumber> {
        self.largest.map(|(number, _)| number)
    }

    /// Whether the packet would be new. To be asked before it is opened.
    pub(crate) fn is_fresh(&self, number: PacketNumber) -> bool {
        self.replay.is_fresh(number)
    }

    /// Takes note of an authentic packet.
    pub(crate) fn on_packet(&mut self, now: Time, number: PacketNumber, eliciting: bool) {
        self.replay.insert(number);
        let is_next = self.largest().is_none_or(|largest| number.0 == largest.0 + 1);
        if self.largest().is_none_or(|largest| number > largest) {
            self.largest = Some((number, now));
        }
        self.insert(number.0);
        self.has_news = true;
        if eliciting {
            self.eliciting += 1;
            // A hole, or one that is filled, is news that the peer waits for.
            self.is_due |= self.eliciting >= ELICITING_MAX || !is_next;
            self.deadline.get_or_insert(now + self.ack_delay);
        }
    }

    /// Whether an acknowledgement has to go out at once.
    pub(crate) fn is_ack_due(&self) -> bool {
        self.is_due
    }

    /// When one has to go out at the latest.
    pub(crate) fn ack_deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// What to acknowledge, newest first, and how long the largest has waited for it; `None` when
    /// there is no news.
    pub(crate) fn take_ack(
        &mut self,
        now: Time,
    ) -> Option<(impl Iterator<Item = RangeInclusive<PacketNumber>> + '_, Duration)> {
        let (_, arrived) = self.largest.filter(|_| self.has_news)?;
        self.has_news = false;
        self.is_due = false;
        self.eliciting = 0;
        self.deadline = None;
        let ranges = self.ranges.iter();
        let ranges = ranges.map(|&(low, high)| PacketNumber(low)..=PacketNumber(high));
        Some((ranges, now.saturating_since(arrived)))
    }

    /// The peer knows that everything up to `number` has arrived: it need not be said again.
    pub(crate) fn forget_up_to(&mut self, number: PacketNumber) {
        while self.ranges.len() > 1 && self.ranges.back().is_some_and(|r| r.1 <= number.0) {
            self.ranges.pop_back();
        }
    }

    fn insert(&mut self, number: u64) {
        let at = self.ranges.partition_point(|&(low, _)| low > number + 1);
        // `at` is the first range that isn't wholly above `number + 1`.
        match self.ranges.get_mut(at) {
            Some((low, high)) if *low <= number + 1 && number <= *high + 1 => {
                *low = (*low).min(number);
                *high = (*high).max(number);
                self.melt(at);
            }
            _ => self.ranges.insert(at, (number, number)),
        }
        self.ranges.truncate(RANGES_MAX);
    }

    /// Joins the range with its older neighbour, if they touch now.
    fn melt(&mut self, at: usize) {
        if let (Some(&(low, high)), Some(&(older_low, older_high))) =
            (self.ranges.get(at), self.ranges.get(at + 1))
        {
            if older_high + 1 >= low {
                self.ranges[at] = (older_low.min(low), high.max(older_high));
                self.ranges.remove(at + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const fn at(millis: u64) -> Time {
        Time::from_micros(millis * 1_000)
    }

    fn received() -> ReceivedPackets {
        ReceivedPackets::new(Duration::from_millis(5))
    }

    #[test]
    fn one_packet_waits_and_a_second_is_acknowledged_at_once() {
        let mut received = received();
        received.on_packet(at(10), PacketNumber(0), true);
        assert!(!received.is_ack_due());
        assert_eq!(received.ack_deadline(), Some(at(15)));
        received.on_packet(at(12), PacketNumber(1), true);
        assert!(received.is_ack_due());
        let (ranges, delay) = received.take_ack(at(13)).expect("news");
        assert_eq!(ranges.collect::<Vec<_>>(), [PacketNumber(0)..=PacketNumber(1)]);
        assert_eq!(delay, Duration::from_millis(1));
        assert!(received.take_ack(at(14)).is_none(), "no news");
        assert_eq!(received.ack_deadline(), None);
    }

    #[test]
    fn a_hole_is_told_at_once() {
        let mut received = received();
        received.on_packet(at(0), PacketNumber(0), true);
        assert!(received.take_ack(at(0)).is_some());
        received.on_packet(at(1), PacketNumber(2), true);
        assert!(received.is_ack_due());
    }

    #[test]
    fn acknowledgements_alone_are_not_acknowledged() {
        let mut received = received();
        received.on_packet(at(0), PacketNumber(0), false);
        received.on_packet(at(1), PacketNumber(1), false);
        assert!(!received.is_ack_due());
        assert_eq!(received.ack_deadline(), None);
    }

    proptest! {
        #[test]
        fn ranges_are_the_newest_of_what_arrived(
            numbers in prop::collection::vec(0u64..120, 1..90),
        ) {
            let (mut received, mut model, mut is_full) = (received(), BTreeSet::new(), false);
            for number in numbers {
                received.on_packet(at(0), PacketNumber(number), true);
                model.insert(number);
                let (ranges, _) = received.take_ack(at(0)).expect("news");
                let ranges: Vec<_> = ranges.map(|range| (range.start().0, range.end().0)).collect();
                prop_assert!(ranges.len() <= RANGES_MAX);
                prop_assert!(ranges.windows(2).all(|pair| pair[1].1 + 1 < pair[0].0));
                let numbers = ranges.iter().flat_map(|&(low, high)| low..=high);
                let listed: BTreeSet<_> = numbers.collect();
                prop_assert!(listed.is_subset(&model));
                prop_assert_eq!(listed.last(), model.last());
                // Until something had to be forgotten.
                is_full |= ranges.len() == RANGES_MAX;
                prop_assert!(is_full || listed == model);
            }
        }
    }
}
