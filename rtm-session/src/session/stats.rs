//! What can be seen of a session from outside.

use std::time::Duration;

use rtm_wire::Time;

/// A snapshot of one session.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SessionStats {
    /// Smoothed round-trip time.
    pub rtt: Duration,
    /// When the newest packet was sent that the peer is known to have; before that it was heard.
    pub heard_until: Option<Time>,
    /// Congestion window in bytes.
    pub window: u64,
    /// Bytes sent and neither acknowledged nor lost.
    pub in_flight: u64,
    /// Bytes of messages that are queued or unacknowledged.
    pub send_bytes: usize,
    /// Messages that are queued or unacknowledged.
    pub send_messages: usize,
    /// Bytes of received messages that are incomplete or wait for an earlier one.
    pub receive_bytes: usize,
    /// Bytes of messages that were handed over and not released, and 32 for each.
    pub unreleased_bytes: u64,
    /// Longest datagram that is sent, as far as is known by now that it passes.
    pub datagram_len: usize,
    /// Packets sent to learn whether longer ones pass.
    pub length_probes_sent: u64,
    /// Packets that are remembered: on their way, lost not long ago, and any between them.
    pub packets_remembered: usize,
    /// Packets sent.
    pub packets_sent: u64,
    /// Bytes of datagrams sent.
    pub bytes_sent: u64,
    /// Packets declared lost, but for those that were sent to learn what passes.
    pub packets_lost: u64,
    /// Of these, packets that arrived after all.
    pub packets_spurious: u64,
    /// Packets declared lost while a queue stood before the bottleneck.
    pub packets_queue_lost: u64,
    /// Part of the packets to the peer that is lost at random, 0 to 1, as estimated.
    pub random_loss: f64,
    /// Mean length of a burst of losses; zero while losses look independent.
    pub burst: Duration,
    /// Copies of messages sent before it was known that they are missing.
    pub copies_sent: u64,
    /// Bytes of such copies.
    pub copies_bytes: u64,
    /// Parity symbols sent for long messages.
    pub parity_sent: u64,
    /// Packets received that were authentic and new.
    pub packets_received: u64,
    /// Bytes of datagrams received that were authentic and new.
    pub bytes_received: u64,
    /// Packets received that were not, damaged, forged or repeated, or that had messages for which
    /// there was no room.
    pub packets_dropped: u64,
    /// Messages handed to the application.
    pub messages_received: u64,
    /// Messages that this end gave up, as they were too late or replaced by a newer one. A few of
    /// them may have arrived all the same.
    pub messages_dropped: u64,
    /// Messages of the peer that were complete, and not handed over as they were too late.
    pub messages_late: u64,
}
