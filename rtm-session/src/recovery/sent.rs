//! Packets on their way.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use rtm_wire::{PacketNumber, Time};

/// A packet that has to be acknowledged.
#[derive(Debug)]
pub(super) struct SentPacket<T> {
    pub(super) sent: Time,
    pub(super) bytes: u64,
    /// Since when it counts as lost. It is remembered a while longer: it may only be late.
    pub(super) lost: Option<Time>,
    pub(super) contents: T,
}

/// A ring of packets by number. Those that need no acknowledgement, or have it, are holes.
#[derive(Debug)]
pub(super) struct SentPackets<T> {
    ring: VecDeque<Option<SentPacket<T>>>,
    base: u64,
}

impl<T> SentPackets<T> {
    pub(super) const fn new() -> Self {
        Self { ring: VecDeque::new(), base: 0 }
    }

    /// Adds a packet; numbers only grow, and may leave some out.
    pub(super) fn push(&mut self, number: PacketNumber, packet: Option<SentPacket<T>>) {
        debug_assert!(number.0 >= self.next(), "packet numbers grow");
        if self.ring.is_empty() {
            self.base = number.0;
        }
        while self.next() < number.0 {
            self.ring.push_back(None);
        }
        self.ring.push_back(packet);
        self.trim();
    }

    /// One more than the last number used.
    pub(super) fn next(&self) -> u64 {
        self.base + self.ring.len() as u64
    }

    /// Places in the ring.
    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }

    /// Takes all packets of a range, lowest number first.
    pub(super) fn take(
        &mut self,
        range: RangeInclusive<PacketNumber>,
        mut taken: impl FnMut(PacketNumber, SentPacket<T>),
    ) {
        let low = range.start().0.max(self.base);
        let high = range.end().0.min(self.next().saturating_sub(1));
        for number in low..=high {
            let slot = self.ring.get_mut((number - self.base) as usize);
            if let Some(packet) = slot.and_then(Option::take) {
                taken(PacketNumber(number), packet);
            }
        }
        self.trim();
    }

    /// All packets, lowest number first, lost ones too.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (PacketNumber, &mut SentPacket<T>)> {
        let base = self.base;
        self.ring.iter_mut().enumerate().filter_map(move |(index, slot)| {
            slot.as_mut().map(|packet| (PacketNumber(base + index as u64), packet))
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SentPacket<T>> {
        self.ring.iter().flatten()
    }

    /// Forgets packets that were declared lost before `time`.
    pub(super) fn forget_lost(&mut self, time: Time) {
        while let Some(Some(packet)) = self.ring.front() {
            if packet.lost.is_none_or(|lost| lost >= time) {
                break;
            }
            self.ring.pop_front();
            self.base += 1;
            self.trim();
        }
    }

    fn trim(&mut self) {
        while let Some(None) = self.ring.front() {
            self.ring.pop_front();
            self.base += 1;
        }
    }
}
