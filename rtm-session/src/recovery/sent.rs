//! Packets on their way.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use rtm_wire::{PacketNumber, Time};

/// A packet that has to be acknowledged.
#[derive(Debug)]
pub(super) struct SentPacket<T> {
    pub(super) sent: Time,
    /// Time since the packet before it.
    pub(super) gap: Duration,
    /// Zero if neither window nor loss of the present path go by it: it asked whether its length
    /// passes, or went over a former path.
    pub(super) bytes: u64,
    /// It only asks whether its length passes, and nobody waits for the answer.
    pub(super) is_length_probe: bool,
    /// It should have been acknowledged by now.
    pub(super) is_overdue: bool,
    /// Since when it counts as lost. It is remembered a while longer: it may only be late.
    pub(super) lost: Option<Time>,
    pub(super) contents: T,
}

impl<T> SentPacket<T> {
    /// Whether the present path is judged by it.
    pub(super) const fn counts(&self) -> bool {
        self.bytes > 0
    }
}

/// Packets that have to be acknowledged, by number. Those that have it are holes, until all before
/// them are gone; those that need none take no place, or a peer that never acknowledges could fill
/// the memory with its own packets' acknowledgements.
#[derive(Debug)]
pub(super) struct SentPackets<T> {
    slots: VecDeque<(u64, Option<SentPacket<T>>)>,
    next: u64,
}

/// Places above which lost packets are forgotten early.
const REMEMBERED_MAX: usize = 16_384;

impl<T> SentPackets<T> {
    pub(super) const fn new() -> Self {
        Self { slots: VecDeque::new(), next: 0 }
    }

    /// Adds a packet, if it has to be acknowledged; numbers only grow, and may leave some out.
    pub(super) fn push(&mut self, number: PacketNumber, packet: Option<SentPacket<T>>) {
        debug_assert!(number.0 >= self.next, "packet numbers grow");
        self.next = number.0 + 1;
        if packet.is_some() {
            self.slots.push_back((number.0, packet));
        }
    }

    /// One more than the last number used.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Places taken.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Takes all packets of a range, lowest number first.
    pub(super) fn take(
        &mut self,
        range: RangeInclusive<PacketNumber>,
        mut taken: impl FnMut(PacketNumber, SentPacket<T>),
    ) {
        let low = self.slots.partition_point(|(number, _)| *number < range.start().0);
        for (number, slot) in self.slots.range_mut(low..) {
            if *number > range.end().0 {
                break;
            }
            if let Some(packet) = slot.take() {
                taken(PacketNumber(*number), packet);
            }
        }
        self.trim();
    }

    /// Takes the packet of the lowest number.
    pub(super) fn pop(&mut self) -> Option<SentPacket<T>> {
        let (_, packet) = self.slots.pop_front()?;
        self.trim();
        packet
    }

    /// All packets, lowest number first, lost ones too; `None` for those that were acknowledged.
    pub(super) fn iter_mut(
        &mut self,
    ) -> impl Iterator<Item = (PacketNumber, Option<&mut SentPacket<T>>)> {
        self.slots.iter_mut().map(|(number, slot)| (PacketNumber(*number), slot.as_mut()))
    }

    /// Forgets lost packets, the oldest first, while there are more places than this.
    pub(super) fn forget_lost_above(&mut self, most: usize) {
        while self.slots.len() > most
            && self
                .slots
                .front()
                .is_some_and(|(_, slot)| slot.as_ref().is_none_or(|it| it.lost.is_some()))
        {
            self.slots.pop_front();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SentPacket<T>> {
        self.slots.iter().filter_map(|(_, slot)| slot.as_ref())
    }

    /// When the first packet from the number `first` on was sent, lost or not.
    pub(super) fn first_from(&self, first: u64) -> Option<Time> {
        let low = self.slots.partition_point(|(number, _)| *number < first);
        self.slots.range(low..).find_map(|(_, slot)| slot.as_ref().map(|packet| packet.sent))
    }

    /// Packets from the number `first` on that were sent up to `time` and are on their way.
    pub(super) fn sent_until(
        &mut self,
        first: u64,
        time: Time,
    ) -> impl Iterator<Item = (PacketNumber, &mut SentPacket<T>)> {
        let low = self.slots.partition_point(|(number, _)| *number < first);
        let slots = self.slots.range_mut(low..);
        let packets = slots.filter_map(|(number, slot)| {
            slot.as_mut().map(|packet| (PacketNumber(*number), packet))
        });
        packets.take_while(move |(_, packet)| packet.sent <= time)
    }

    /// Forgets packets that were declared lost before `time`, and more if there are too many.
    pub(super) fn forget_lost(&mut self, time: Time) {
        while let Some((_, Some(packet))) = self.slots.front() {
            let is_many = self.slots.len() > REMEMBERED_MAX;
            if packet.lost.is_none_or(|lost| lost >= time && !is_many) {
                break;
            }
            self.slots.pop_front();
            self.trim();
        }
    }

    fn trim(&mut self) {
        while let Some((_, None)) = self.slots.front() {
            self.slots.pop_front();
        }
    }
}
