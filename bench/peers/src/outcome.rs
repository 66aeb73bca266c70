//! The files that a run leaves, as both who writes and who reads them see them.

use serde::{Deserialize, Serialize};

/// What the server has seen. All times are in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServerOutcome {
    /// Messages that were to come, large ones included.
    pub(crate) expected: u64,
    /// Each small message that came, once, in the order of arrival.
    pub(crate) small: Arrivals,
    /// The same for large messages.
    pub(crate) big: Arrivals,
    /// Messages that came again.
    pub(crate) duplicates: u64,
    /// Messages that came after a later one of their flow.
    pub(crate) reversed: u64,
    /// Bytes of a bulk transfer that came in each second after its start.
    pub(crate) bulk_bytes: Vec<u64>,
    /// When the client began, by the machine's monotonic clock.
    pub(crate) start_us: u64,
    /// Processor time that the server had used.
    pub(crate) cpu_us: u64,
}

/// Messages that came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Arrivals {
    /// When each was to be sent, after the client's start.
    pub(crate) intended_us: Vec<u64>,
    /// How long after that it came.
    pub(crate) latency_us: Vec<u64>,
}

/// What the client has to tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClientOutcome {
    /// Which peer this is and how it is set up, for people.
    pub(crate) peer: String,
    /// Messages handed to the peer.
    pub(crate) sent: u64,
    /// Messages that the peer didn't take (no connection could be made, or its queue was full).
    pub(crate) refused: u64,
    /// By how much messages were handed over after their time, in microseconds, the 99th
    /// percentile.
    pub(crate) late_p99_us: u64,
    /// Processor time that the client had used, in microseconds.
    pub(crate) cpu_us: u64,
}
