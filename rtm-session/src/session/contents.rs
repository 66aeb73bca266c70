//! What a packet held that has to arrive.

use rtm_wire::{LaneId, PacketNumber};

use crate::lane::{Chunk, LaneSkip};

/// One frame, as far as it matters when its packet is acknowledged or lost.
///
/// Frames that tell a present state (credit) name what to tell again, not what was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Part of a message.
    Chunk(Chunk),
    /// The credit of a lane.
    Credit(LaneId),
    /// Messages of a lane that were dropped.
    Skip(LaneSkip),
    /// The end of a lane.
    LaneClose(LaneId),
    /// The ticket of this number.
    Ticket(u64),
    /// An acknowledgement of packets up to this one; never sent again.
    Ack(PacketNumber),
}

/// All of a packet's frames that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) frames: Vec<Sent>,
    /// The packet should have been acknowledged by now.
    pub(crate) is_overdue: bool,
    /// Length of the datagram.
    pub(crate) bytes: usize,
    /// The packet only asks whether its length passes; its number.
    pub(crate) length_probe: Option<PacketNumber>,
}
