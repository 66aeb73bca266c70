//! What a lane is, and the rules both its ends go by.

use std::time::Duration;

use rtm_wire::{LaneMode, Priority, Qos, Reliability};

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
///
/// The mode decides what becomes of a message that is not acknowledged:
///
/// - **reliable**: it is sent until it is.
/// - **deadline**: it is dropped once its time to live is over, be it sent or not; the receiver is
///   told, and hands over nothing that is later than that, as far as it can know.
/// - **latest-only**: it is replaced by the next message on the lane, which is the newer value of
///   the same thing. The receiver hands over only what is newer than all before it, at once, so
///   that `ordered` makes no difference. The last message always arrives. One that is half sent is
///   finished first, so that a lane gets on however fast values come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneSpec {
    /// Order and reliability.
    pub mode: LaneMode,
    /// Urgency against the session's other lanes: more urgent lanes go first. A less urgent class
    /// of lanes gets one byte for each 15 of more urgent ones, so that it never starves. Lanes of
    /// one class share by bytes, in turns of a quarter of a packet.
    pub priority: Priority,
    /// How often small messages are sent before it is known that they are missing.
    pub redundancy: Redundancy,
    /// Time to live of messages that bring none of their own
    /// ([`SendOptions::deadline`]); `None` is "for ever". Only for lanes that may drop messages.
    pub deadline: Option<Duration>,
}

impl LaneSpec {
    /// The control lane's.
    pub const CONTROL: Self = Self { priority: Priority::Highest, ..Self::ORDERED };

    /// Reliable, ordered, of normal urgency, with copies as the path needs them.
    pub const ORDERED: Self = Self {
        mode: LaneMode::RELIABLE_ORDERED,
        priority: Priority::Normal,
        redundancy: Redundancy::Auto,
        deadline: None,
    };

    /// As [`ORDERED`](Self::ORDERED), with messages that are dropped after this time.
    #[must_use]
    pub const fn deadline(time_to_live: Duration) -> Self {
        let mode = LaneMode { order: Qos::Ordered, reliability: Reliability::Deadline };
        Self { mode, deadline: Some(time_to_live), ..Self::ORDERED }
    }

    /// As [`ORDERED`](Self::ORDERED), with messages that replace older ones.
    pub const LATEST_ONLY: Self = Self {
        mode: LaneMode { order: Qos::Ordered, reliability: Reliability::LatestOnly },
        ..Self::ORDERED
    };

    /// Whether messages may be dropped.
    pub(super) fn is_lossy(&self) -> bool {
        self.mode.reliability != Reliability::Reliable
    }

    /// Whether there can be such a lane.
    pub(super) fn is_valid(&self) -> bool {
        !matches!(self.mode.order, Qos::Unknown(_))
            && !matches!(self.mode.reliability, Reliability::Unknown(_))
            && (self.deadline.is_none() || self.is_lossy())
    }
}

/// What is special about one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendOptions {
    pub(crate) deadline: Option<Duration>,
}

impl SendOptions {
    /// Nothing: as [`Endpoint::send`](crate::Endpoint::send).
    #[must_use]
    pub const fn new() -> Self {
        Self { deadline: None }
    }

    /// Time to live, counted from the call, instead of the lane's ([`LaneSpec::deadline`]). Only on
    /// lanes that may drop messages.
    #[must_use]
    pub const fn deadline(mut self, time_to_live: Duration) -> Self {
        self.deadline = Some(time_to_live);
        self
    }
}

/// What can be seen of one of our lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneStats {
    /// Bytes of messages that are queued or unacknowledged, and not given up.
    pub send_bytes: usize,
    /// How many such messages there are.
    pub send_messages: usize,
    /// Messages that were given up: too late, or replaced by a newer one. A few of them may have
    /// arrived all the same.
    pub dropped: u64,
}
