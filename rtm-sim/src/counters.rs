//! What has happened to datagrams.

use core::ops::AddAssign;

/// Datagrams counted by fate. In a network without datagrams under way,
/// `sent + duplicated = delivered + dropped()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Handed to the network.
    pub sent: u64,
    /// Bytes of those.
    pub sent_bytes: u64,
    /// Handed out by the network, duplicates included.
    pub delivered: u64,
    /// Bytes of those.
    pub delivered_bytes: u64,
    /// Lost by chance or in a burst.
    pub lost: u64,
    /// Second copies made.
    pub duplicated: u64,
    /// Sent the longer way.
    pub reordered: u64,
    /// Delivered with a flipped bit.
    pub corrupted: u64,
    /// Dropped for want of room before a bottleneck, or in the network as a whole.
    pub queue_dropped: u64,
    /// Dropped as too large.
    pub mtu_dropped: u64,
    /// Dropped at a partition.
    pub partitioned: u64,
    /// Dropped because the destination is an address that a node has left by rebinding.
    pub unreachable: u64,
}

impl Counters {
    /// Datagrams that never arrive, whatever the cause.
    pub fn dropped(&self) -> u64 {
        self.lost + self.queue_dropped + self.mtu_dropped + self.partitioned + self.unreachable
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.sent_bytes += other.sent_bytes;
        self.delivered += other.delivered;
        self.delivered_bytes += other.delivered_bytes;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.corrupted += other.corrupted;
        self.queue_dropped += other.queue_dropped;
        self.mtu_dropped += other.mtu_dropped;
        self.partitioned += other.partitioned;
        self.unreachable += other.unreachable;
    }
}
