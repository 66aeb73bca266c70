//! Which lane a publication takes.

use rtm_wire::{LaneMode, Priority, Qos, Reliability};

/// How a publication's messages travel, chosen by its publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Their order.
    pub qos: Qos,
    /// Their urgency.
    pub priority: Priority,
}

impl Default for Delivery {
    /// Unordered and normal, as in RTM 2.x.
    fn default() -> Self {
        Self { qos: Qos::Unordered, priority: Priority::Normal }
    }
}

impl Delivery {
    /// The mode of the publication's lane, at the publisher and at each subscriber.
    #[must_use]
    pub const fn lane_mode(&self) -> LaneMode {
        LaneMode { order: self.qos, reliability: Reliability::Reliable }
    }
}
