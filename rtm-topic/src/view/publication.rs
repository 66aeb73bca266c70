//! The view of one publication's messages.

use std::collections::BTreeMap;

use rtm_wire::{Delivery, Sequence};

/// Messages of an unordered publication that are told apart behind the newest; a lane lets no
/// message fall further behind (`rtm-session`, message window).
const WINDOW: u64 = 16_384;

/// Messages of a publication that are missing: those after `after` and before `before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicGap {
    /// The last message that was received.
    pub after: Sequence,
    /// The next one that was, or will be.
    pub before: Sequence,
}

/// What to do with a topic message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicVerdict {
    /// Hand it to the user.
    Deliver,
    /// Tell the user of the gap, then hand it over.
    DeliverAfter(TopicGap),
    /// It was here before.
    Repeat,
    /// Nobody wants it (any more).
    Unwanted,
}

/// Which of a publication's messages have arrived.
///
/// ```text
///   0 ── begun ──┤ 1 2 3 ├──┤ 5 6 ├────┤ 9 ├──►      unordered: holes are filled later
///   0 ── begun ──┤ 1 2 3 4 5 6 7 8 9 ├─────────►      ordered: holes are gaps
/// ```
///
/// Of publications that skip messages (deadline, latest-only) no hole is a gap.
///
/// Who hears the publication misses nothing before a place that the owner has told: its beginning,
/// or its last message when the subscription began. Until that is known, the first message that
/// comes is the start. Whether order matters is the publisher's choice; while it isn't known yet,
/// messages count as unordered and reliable.
///
/// Holes are what takes memory: at most 8,192 of them, 24 to 48 bytes each, if a server sends every
/// other message; none in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicationView {
    /// First and last of each run of messages that have arrived or are not waited for; runs don't
    /// touch. The number 0, which no message has, is there once the start is known.
    runs: BTreeMap<u64, u64>,
}

impl PublicationView {
    /// The view of who hears a publication from somewhere in its middle, and isn't told where.
    #[must_use]
    pub fn from_first_message() -> Self {
        Self::default()
    }

    /// The view of who hears every message after this one; 0 is before the first.
    #[must_use]
    pub fn following(last: Sequence) -> Self {
        Self { runs: BTreeMap::from([(0, last.0)]) }
    }

    /// A message of the publication has arrived.
    pub fn on_message(&mut self, sequence: Sequence, delivery: Delivery) -> TopicVerdict {
        let is_ascending = delivery.is_ascending();
        if self.contains(sequence) || (is_ascending && self.newest() > Some(sequence)) {
            return TopicVerdict::Repeat;
        }
        let newest = self.newest();
        self.insert(sequence.0);
        match newest {
            Some(after) if is_ascending && after.0 + 1 < sequence.0 => {
                self.fill_gap(after.0);
                match delivery.is_reliable() {
                    true => TopicVerdict::DeliverAfter(TopicGap { after, before: sequence }),
                    false => TopicVerdict::Deliver,
                }
            }
            _ => {
                self.fill_holes_before_window();
                TopicVerdict::Deliver
            }
        }
    }

    /// A message has arrived while it isn't known yet what is owed before it: then a hole is no
    /// gap, and is kept until it is known.
    pub fn on_unclear_message(&mut self, sequence: Sequence, delivery: Delivery) -> TopicVerdict {
        if delivery.is_ascending() && self.newest() > Some(sequence) {
            return TopicVerdict::Repeat;
        }
        self.on_message(sequence, Delivery::default())
    }

    /// Nothing up to `last` will arrive any more that hasn't yet: the gaps that remain in there, if
    /// the publication is reliable.
    pub fn on_lost_until(&mut self, last: Sequence) -> Vec<TopicGap> {
        let mut gaps = Vec::new();
        let mut runs = self.runs.iter();
        let Some((&first, &(mut after))) = runs.next() else { return gaps };
        if first > last.0 {
            return gaps;
        }
        while after < last.0 {
            let (start, end) = runs.next().map_or((u64::MAX, u64::MAX), |(&s, &e)| (s, e));
            let before = start.min(last.0 + 1);
            gaps.push(TopicGap { after: Sequence(after), before: Sequence(before) });
            after = end;
        }
        self.fill_until(first, last.0);
        gaps
    }

    /// Messages up to `last` are not waited for: what is owed begins after it.
    pub fn start_after(&mut self, last: Sequence) {
        self.fill_until(0, last.0);
    }

    /// Messages up to `last` were those of another subscription: what is left starts with the first
    /// message after them.
    pub fn forget_until(&mut self, last: Sequence) {
        let later = self.runs.split_off(&(last.0 + 1));
        let end = self.newest().filter(|&end| end > last);
        self.runs = later;
        self.runs.extend(end.map(|end| (last.0 + 1, end.0)));
    }

    /// The newest message that has arrived; 0 when none has, but the first is waited for.
    #[must_use]
    pub fn newest(&self) -> Option<Sequence> {
        self.runs.last_key_value().map(|(_, &end)| Sequence(end))
    }

    /// Whether all up to `last` have arrived, as far as that can be known: who isn't told where it
    /// started doesn't know what was before.
    #[must_use]
    pub fn is_complete(&self, last: Sequence, delivery: Delivery) -> bool {
        if !delivery.is_reliable() && delivery.is_ascending() {
            return self.newest() >= Some(last);
        }
        match self.runs.first_key_value() {
            Some((&start, &end)) => (start == 0 || delivery.is_ascending()) && end >= last.0,
            None => false,
        }
    }

    fn contains(&self, sequence: Sequence) -> bool {
        let run = self.runs.range(..=sequence.0).next_back();
        run.is_some_and(|(_, &end)| sequence.0 <= end)
    }

    /// Adds a message that isn't there, and joins the runs that it touches.
    fn insert(&mut self, sequence: u64) {
        let before = self.runs.range(..sequence).next_back().map(|(&start, &end)| (start, end));
        let start = before.filter(|&(_, end)| end + 1 == sequence).map_or(sequence, |run| run.0);
        let end = self.runs.remove(&(sequence + 1)).unwrap_or(sequence);
        self.runs.insert(start, end);
    }

    /// Joins the run that ends with `after` and the next one.
    fn fill_gap(&mut self, after: u64) {
        if let Some((&start, &end)) = self.runs.range(after + 1..).next() {
            self.runs.remove(&start);
            if let Some((_, run)) = self.runs.range_mut(..=after).next_back() {
                *run = end;
            }
        }
    }

    /// One run from `start` to `last`, or on to the end of the run that it touches.
    fn fill_until(&mut self, start: u64, last: u64) {
        let later = self.runs.split_off(&(last + 1));
        let end = self.runs.last_key_value().map_or(last, |(_, &end)| end.max(last));
        self.runs = later;
        let end = self.runs.remove(&(end + 1)).unwrap_or(end);
        self.runs.insert(start, end);
    }

    /// What is too far behind the newest message can't arrive any more.
    fn fill_holes_before_window(&mut self) {
        let floor = self.newest().map_or(0, |newest| newest.0.saturating_sub(WINDOW));
        let Some((&start, &end)) = self.runs.first_key_value() else { return };
        if end >= floor {
            return;
        }
        self.fill_until(start, floor);
    }
}

#[cfg(test)]
mod tests {
    use rtm_wire::{Priority, Qos, Reliability};

    use super::*;

    const UNORDERED: Delivery = Delivery {
        qos: Qos::Unordered,
        priority: Priority::Normal,
        reliability: Reliability::Reliable,
        deadline_ms: 0,
    };
    const ORDERED: Delivery = Delivery { qos: Qos::Ordered, ..UNORDERED };
    const LATEST: Delivery = Delivery { reliability: Reliability::LatestOnly, ..UNORDERED };
    const IN_TIME: Delivery =
        Delivery { reliability: Reliability::Deadline, deadline_ms: 100, ..UNORDERED };

    fn verdicts(mut view: PublicationView, delivery: Delivery, sequences: &[u64]) -> String {
        let verdict = |&sequence| match view.on_message(Sequence(sequence), delivery) {
            TopicVerdict::Deliver => 'd',
            TopicVerdict::DeliverAfter(_) => 'g',
            TopicVerdict::Repeat => 'r',
            TopicVerdict::Unwanted => 'u',
        };
        sequences.iter().map(verdict).collect()
    }

    fn gaps(view: &mut PublicationView, last: u64) -> Vec<(u64, u64)> {
        let gaps = view.on_lost_until(Sequence(last));
        gaps.into_iter().map(|gap| (gap.after.0, gap.before.0)).collect()
    }

    #[test]
    fn ordered_messages_go_up_and_gaps_are_named() {
        let from_first = PublicationView::from_first_message;
        assert_eq!(verdicts(from_first(), ORDERED, &[7, 7, 8, 6, 11, 10, 12]), "drdrgrd");
        let begun = PublicationView::following(Sequence(0));
        assert_eq!(verdicts(begun, ORDERED, &[1, 2, 4, 3]), "ddgr");
        let mut begun = PublicationView::following(Sequence(0));
        let gap = TopicGap { after: Sequence(0), before: Sequence(3) };
        let verdict = begun.on_message(Sequence(3), ORDERED);
        assert_eq!(verdict, TopicVerdict::DeliverAfter(gap));
        assert!(begun.is_complete(Sequence(3), ORDERED), "the gap is not waited for");
        assert_eq!(gaps(&mut begun, 3), [], "nor named again");
    }

    #[test]
    fn unordered_messages_come_in_any_order_once() {
        let sequences = [7, 5, 7, 1, 6, 5, 900, 899, 2, 4, 3, 3, 900];
        for view in [PublicationView::from_first_message(), PublicationView::following(Sequence(0))]
        {
            assert_eq!(verdicts(view, UNORDERED, &sequences), "ddrddrdddddrr");
        }
    }

    #[test]
    fn of_what_may_be_skipped_no_hole_is_a_gap() {
        let begun = PublicationView::following(Sequence(0));
        let sequences = [2, 1, 5, 3, 5, 9];
        assert_eq!(verdicts(begun.clone(), LATEST, &sequences), "drdrrd");
        let ordered = Delivery { qos: Qos::Ordered, ..IN_TIME };
        assert_eq!(verdicts(begun.clone(), ordered, &sequences), "drdrrd");
        assert_eq!(verdicts(begun.clone(), IN_TIME, &sequences), "ddddrd");
        for delivery in [LATEST, ordered] {
            let mut view = begun.clone();
            for sequence in [3, 7] {
                view.on_message(Sequence(sequence), delivery);
            }
            assert!(!view.is_complete(Sequence(8), delivery));
            assert!(view.is_complete(Sequence(7), delivery));
            assert_eq!(view.runs.len(), 1, "holes take no memory");
        }
    }

    #[test]
    fn what_came_before_the_order_was_known_counts() {
        let mut view = PublicationView::from_first_message();
        for sequence in [1, 2, 3] {
            view.on_message(Sequence(sequence), UNORDERED);
        }
        assert_eq!(verdicts(view, ORDERED, &[3, 4, 6]), "rdg");
    }

    #[test]
    fn what_is_lost_is_named_hole_by_hole_and_once() {
        let mut view = PublicationView::following(Sequence(1));
        for sequence in [3, 5, 6] {
            view.on_message(Sequence(sequence), UNORDERED);
        }
        assert_eq!(gaps(&mut view.clone(), 6), [(1, 3), (3, 5)]);
        assert_eq!(gaps(&mut view, 8), [(1, 3), (3, 5), (6, 9)]);
        assert_eq!(gaps(&mut view, 8), []);
        assert_eq!(verdicts(view, UNORDERED, &[2, 8, 9]), "rrd");
        assert_eq!(gaps(&mut PublicationView::from_first_message(), 8), [], "nothing was heard");
    }

    #[test]
    fn what_is_unclear_is_no_gap_until_the_start_is_known() {
        let mut view = PublicationView::from_first_message();
        for sequence in [3, 6, 7, 9] {
            let verdict = view.on_unclear_message(Sequence(sequence), ORDERED);
            assert_eq!(verdict, TopicVerdict::Deliver);
        }
        let verdict = view.on_unclear_message(Sequence(8), ORDERED);
        assert_eq!(verdict, TopicVerdict::Repeat, "out of order");
        for (start, expected) in [(2, &[(3, 6), (7, 9), (9, 11)][..]), (8, &[(9, 11)]), (10, &[])] {
            let mut view = view.clone();
            view.start_after(Sequence(start));
            assert_eq!(gaps(&mut view, 10), expected, "after {start}");
        }
        for (ended, rest) in [(2, "rrr"), (5, "drr"), (6, "ddr"), (9, "ddd")] {
            let mut view = view.clone();
            view.forget_until(Sequence(ended));
            assert_eq!(verdicts(view, UNORDERED, &[3, 6, 9]), rest);
        }
    }

    #[test]
    fn a_loss_names_nothing_beyond_it() {
        let mut view = PublicationView::following(Sequence(0));
        for sequence in [2, 5, 8] {
            view.on_message(Sequence(sequence), UNORDERED);
        }
        assert_eq!(gaps(&mut view, 3), [(0, 2), (2, 4)]);
        assert_eq!(gaps(&mut view, 6), [(3, 5), (5, 7)]);
        assert_eq!(gaps(&mut view, 8), [(6, 8)]);
    }

    #[test]
    fn a_publication_is_complete_when_nothing_up_to_its_end_is_waited_for() {
        let mut begun = PublicationView::following(Sequence(0));
        assert!(begun.is_complete(Sequence(0), UNORDERED));
        let mut middle = PublicationView::from_first_message();
        assert!(!middle.is_complete(Sequence(0), ORDERED));
        for view in [&mut begun, &mut middle] {
            for sequence in [3, 2] {
                view.on_message(Sequence(sequence), UNORDERED);
                assert!(!view.is_complete(Sequence(3), UNORDERED));
            }
            view.on_message(Sequence(1), UNORDERED);
        }
        assert!(begun.is_complete(Sequence(3), UNORDERED));
        assert!(!middle.is_complete(Sequence(3), UNORDERED));
        assert!(middle.is_complete(Sequence(3), ORDERED));
    }

    #[test]
    fn the_window_is_bounded() {
        for mut view in
            [PublicationView::from_first_message(), PublicationView::following(Sequence(0))]
        {
            for sequence in (2..100_000).step_by(2) {
                view.on_message(Sequence(sequence), UNORDERED);
            }
            assert!(view.runs.len() <= WINDOW as usize / 2 + 1, "{}", view.runs.len());
            assert_eq!(view.on_message(Sequence(3), UNORDERED), TopicVerdict::Repeat);
            let oldest = 99_998 - WINDOW;
            let verdict = |view: &mut PublicationView, sequence| {
                view.on_message(Sequence(sequence), UNORDERED)
            };
            assert_eq!(verdict(&mut view, oldest - 1), TopicVerdict::Repeat, "outside");
            assert_eq!(verdict(&mut view, oldest + 1), TopicVerdict::Deliver, "inside");
            assert_eq!(verdict(&mut view, Sequence::MAX.0), TopicVerdict::Deliver);
            assert_eq!(view.runs.len(), 2);
        }
    }
}
