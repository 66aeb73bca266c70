//! What is on its way.

use super::sent::SentPacket;

/// Packets that are neither acknowledged nor lost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flight {
    pub(super) bytes: u64,
    /// Bytes of packets that should have been acknowledged by now.
    pub(super) overdue: u64,
    /// Packets that a timer waits for.
    pub(super) eliciting: u64,
}

impl Flight {
    pub(super) fn add<T>(&mut self, packet: &SentPacket<T>) {
        self.bytes += packet.bytes;
        self.eliciting += u64::from(!packet.is_length_probe);
    }

    /// The packet is overdue from now on.
    pub(super) fn note_overdue<T>(&mut self, packet: &mut SentPacket<T>) {
        packet.is_overdue = true;
        self.overdue += packet.bytes;
    }

    /// The packet is acknowledged, lost or forgotten.
    pub(super) fn remove<T>(&mut self, packet: &SentPacket<T>) {
        self.bytes -= packet.bytes;
        self.overdue -= if packet.is_overdue { packet.bytes } else { 0 };
        self.eliciting -= u64::from(!packet.is_length_probe);
    }

    /// What is on its way fills another path: it fills this one no longer.
    pub(super) fn forget_bytes(&mut self) {
        (self.bytes, self.overdue) = (0, 0);
    }
}
