//! What a lane is, and the rules both its ends go by.

use rtm_wire::{LaneMode, Priority};

use crate::redundancy::Redundancy;

/// Credit in bytes that each message takes besides its payload, so that empty messages are not
/// free (protocol §4.7).
pub const CREDIT_PER_MESSAGE: u64 = 32;

/// How far a message may be ahead of the oldest one that has not arrived (protocol §4.5). Bounds
/// what a receiver remembers of a lane with holes.
pub const MESSAGE_WINDOW: u64 = 16_384;

/// A fragment shorter than this waits for the next packet instead, unless it is the last.
pub(super) const FRAGMENT_MIN: u64 = 32;

/// How a lane treats its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneSpec {
    /// Order and reliability.
    pub mode: LaneMode,
    /// Urgency against the session's other lanes. Frames of a more urgent lane go first; lanes of
    /// one urgency take turns, frame by frame.
    pub priority: Priority,
    /// How often small messages are sent before it is known that they are missing.
    pub redundancy: Redundancy,
}

impl LaneSpec {
    /// The control lane's.
    pub const CONTROL: Self = Self { priority: Priority::Highest, ..Self::ORDERED };

    /// Reliable, ordered, of normal urgency, with copies as the path needs them.
    pub const ORDERED: Self = Self {
        mode: LaneMode::RELIABLE_ORDERED,
        priority: Priority::Normal,
        redundancy: Redundancy::Auto,
    };
}
