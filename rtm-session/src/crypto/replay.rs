//! Each packet counts once.

use rtm_wire::PacketNumber;

/// Packets behind the newest one that are told apart; older ones are refused.
const WINDOW: u64 = 1_024;
const WORDS: usize = (WINDOW / 64) as usize;

/// Which of the last packets have arrived: a ring of bits (RFC 6479).
#[derive(Debug, Default)]
pub(crate) struct ReplayWindow {
    /// One more than the largest number.
    next: u64,
    /// Empty until a packet has come: idle sessions should be small.
    bits: Vec<u64>,
}

impl ReplayWindow {
    /// Whether a packet of this number would be new. Says nothing about whether it is authentic.
    pub(crate) fn is_fresh(&self, number: PacketNumber) -> bool {
        let number = number.0;
        if number >= self.next {
            return true;
        }
        self.next - number <= WINDOW - 64 && !self.bit(number)
    }

    /// Remembers an authentic packet.
    pub(crate) fn insert(&mut self, number: PacketNumber) {
        let number = number.0;
        if self.bits.is_empty() {
            self.bits = vec![0; WORDS];
        }
        if number >= self.next {
            // Words that the window moves onto belong to numbers long gone.
            let (old, new) = (self.next.div_ceil(64), number / 64 + 1);
            for word in old.max(new.saturating_sub(WORDS as u64))..new {
                self.bits[word as usize % WORDS] = 0;
            }
            self.next = number + 1;
        }
        self.bits[(number / 64) as usize % WORDS] |= 1 << (number % 64);
    }

    fn bit(&self, number: u64) -> bool {
        let word = self.bits.get((number / 64) as usize % WORDS).copied().unwrap_or(0);
        word >> (number % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_number_is_fresh_twice(steps in prop::collection::vec(0u64..1_500, 1..400)) {
            let (mut window, mut seen, mut base) = (ReplayWindow::default(), BTreeSet::new(), 0);
            for step in steps {
                // Mostly around the front, sometimes far ahead.
                let number = (base + step).saturating_sub(700);
                base = base.max(number);
                let largest = seen.last().copied().unwrap_or(0);
                let is_fresh = window.is_fresh(PacketNumber(number));
                if seen.contains(&number) {
                    prop_assert!(!is_fresh, "{} twice", number);
                } else if number + 900 > largest {
                    prop_assert!(is_fresh, "{} is new and near", number);
                }
                if is_fresh {
                    window.insert(PacketNumber(number));
                    seen.insert(number);
                }
            }
        }
    }
}
