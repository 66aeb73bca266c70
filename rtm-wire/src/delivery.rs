//! How the messages of a publication travel (protocol §6.11).

use core::time::Duration;

use bytes::BufMut;

use crate::encode::Encode;
use crate::error::Input;
use crate::frame::LaneMode;
use crate::kind::{Priority, Qos, Reliability};
use crate::parse::{self, Parsed};
use crate::varint;

/// `delivery = qos 1 byte, priority 1 byte, reliability 1 byte, deadline varint in ms`
///
/// Chosen by a publisher for its own messages in a topic, on the way to the owner and from there to
/// each subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Their order.
    pub qos: Qos,
    /// Their urgency.
    pub priority: Priority,
    /// What may become of them.
    pub reliability: Reliability,
    /// Milliseconds from the publish after which a message is worth nothing:
    /// [`Reliability::Deadline`] only, else 0.
    pub deadline_ms: u32,
}

impl Default for Delivery {
    /// Unordered and normal, as in RTM 2.x, and reliable.
    fn default() -> Self {
        Self {
            qos: Qos::Unordered,
            priority: Priority::Normal,
            reliability: Reliability::Reliable,
            deadline_ms: 0,
        }
    }
}

impl Delivery {
    /// The mode of the publication's lane, at the publisher and at each subscriber.
    #[must_use]
    pub const fn lane_mode(&self) -> LaneMode {
        LaneMode { order: self.qos, reliability: self.reliability }
    }

    /// Whether every message arrives while the sessions live. Else what doesn't is no gap.
    #[must_use]
    pub fn is_reliable(&self) -> bool {
        self.reliability == Reliability::Reliable
    }

    /// Whether a newer message takes the place of older ones.
    #[must_use]
    pub fn is_latest_only(&self) -> bool {
        self.reliability == Reliability::LatestOnly
    }

    /// Whether no message is handed over after a later one.
    #[must_use]
    pub fn is_ascending(&self) -> bool {
        self.qos == Qos::Ordered || self.is_latest_only()
    }

    /// Time from the publish after which a message is worth nothing, if there is one.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let is_meant = self.reliability == Reliability::Deadline;
        is_meant.then(|| Duration::from_millis(self.deadline_ms.into()))
    }

    pub(crate) fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        let (input, qos) = Qos::parse(input)?;
        let (input, priority) = Priority::parse(input)?;
        let (input, reliability) = Reliability::parse(input)?;
        let (input, deadline) = parse::number(input, "deadline", u32::MAX.into())?;
        let deadline_ms = u32::try_from(deadline).unwrap_or(u32::MAX);
        Ok((input, Self { qos, priority, reliability, deadline_ms }))
    }
}

impl Encode for Delivery {
    fn encoded_len(&self) -> usize {
        3 + varint::len(self.deadline_ms.into())
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_u8(self.qos.number());
        out.put_u8(self.priority.number());
        out.put_u8(self.reliability.number());
        varint::put(out, self.deadline_ms.into());
    }
}
