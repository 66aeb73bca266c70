//! The view of one publication's messages.

use std::collections::BTreeSet;

use rtm_wire::{Epoch, Qos, Sequence};

/// Messages of an unordered publication that are told apart behind the newest; a lane lets no
/// message fall further behind (`rtm-session`, message window).
const WINDOW: usize = 16_384;

/// Messages of an ordered publication that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicGap {
    /// The last message that was received.
    pub after: Sequence,
    /// The next one that was.
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
/// The first message sets where it begins. Whether order matters is the publisher's choice; while
/// it isn't known yet, messages count as unordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicationView {
    epoch: Epoch,
    publication: Sequence,
    /// Everything up to here has arrived or is not waited for.
    prefix: Sequence,
    beyond: BTreeSet<Sequence>,
}

impl PublicationView {
    /// The view of a publication of which the first message has just arrived.
    #[must_use]
    pub fn starting_with(epoch: Epoch, publication: Sequence, first: Sequence, qos: Qos) -> Self {
        let before = Sequence(first.0.saturating_sub(1));
        // Unordered, an earlier one may still come.
        let prefix = if qos == Qos::Ordered { before } else { Sequence(0) };
        Self { epoch, publication, prefix, beyond: BTreeSet::new() }
    }

    /// Whether the message belongs to this publication, to an earlier or a later one.
    #[must_use]
    pub fn compare(&self, epoch: Epoch, publication: Sequence) -> std::cmp::Ordering {
        (epoch, publication).cmp(&(self.epoch, self.publication))
    }

    /// A message of the publication has arrived.
    pub fn on_message(&mut self, sequence: Sequence, qos: Qos) -> TopicVerdict {
        if sequence <= self.prefix || self.beyond.contains(&sequence) {
            return TopicVerdict::Repeat;
        }
        if qos == Qos::Ordered {
            let after = self.beyond.last().copied().unwrap_or(self.prefix).max(self.prefix);
            if sequence < after {
                return TopicVerdict::Repeat;
            }
            self.beyond.clear();
            self.prefix = sequence;
            let is_next = after.0 + 1 == sequence.0;
            return if is_next {
                TopicVerdict::Deliver
            } else {
                TopicVerdict::DeliverAfter(TopicGap { after, before: sequence })
            };
        }
        self.beyond.insert(sequence);
        while self.beyond.remove(&self.prefix.next()) {
            self.prefix = self.prefix.next();
        }
        if self.beyond.len() > WINDOW {
            self.prefix = self.beyond.pop_first().expect("longer than the window");
        }
        TopicVerdict::Deliver
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(first: u64, qos: Qos) -> PublicationView {
        PublicationView::starting_with(Epoch(1), Sequence(4), Sequence(first), qos)
    }

    fn verdicts(first: u64, qos: Qos, sequences: &[u64]) -> String {
        let mut view = view(first, qos);
        let verdict = |&sequence| match view.on_message(Sequence(sequence), qos) {
            TopicVerdict::Deliver => 'd',
            TopicVerdict::DeliverAfter(_) => 'g',
            TopicVerdict::Repeat => 'r',
            TopicVerdict::Unwanted => 'u',
        };
        sequences.iter().map(verdict).collect()
    }

    #[test]
    fn ordered_messages_go_up_and_gaps_are_named() {
        assert_eq!(verdicts(7, Qos::Ordered, &[7, 7, 8, 6, 11, 10, 12]), "drdrgrd");
    }

    #[test]
    fn unordered_messages_come_in_any_order_once() {
        assert_eq!(verdicts(7, Qos::Unordered, &[7, 5, 7, 1, 6, 5, 900, 899]), "ddrddrdd");
    }

    #[test]
    fn the_window_is_bounded() {
        let mut view = view(1, Qos::Unordered);
        for sequence in (2..100_000).step_by(2) {
            view.on_message(Sequence(sequence), Qos::Unordered);
        }
        assert!(view.beyond.len() <= WINDOW);
        assert_eq!(view.on_message(Sequence(3), Qos::Unordered), TopicVerdict::Repeat);
    }
}
