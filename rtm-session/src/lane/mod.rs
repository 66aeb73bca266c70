//! Lanes: independent streams of messages in one session (protocol §4.5 to §4.8).
//!
//! ```text
//!  send ──► SendLane ─ frames ─► packets ─► RecvLane ──► messages
//!             ▲  credit, lost / acked          │ credit
//!             └────────────────────────────────┘
//! ```
//!
//! Each direction numbers its own lanes. A lane carries whole messages: a message is begun only
//! when the lane's credit covers all of it, so that what has been begun can always be finished.

mod assembly;
mod open_grants;
mod parity;
mod pending;
mod range_set;
mod receive;
mod receive_set;
mod send;
mod send_drop;
mod send_frames;
mod send_set;
mod spec;
mod take_back;
#[cfg(test)]
mod tests;
mod turns;

pub(crate) use open_grants::OpenGrants;
pub(crate) use pending::Chunk;
pub(crate) use receive_set::{ReceiveLanes, Received};
pub(crate) use send_set::{LaneSkip, SendLanes, SendLimits};
pub use spec::{CREDIT_PER_MESSAGE, LaneSpec, LaneStats, MESSAGE_WINDOW, SendOptions};
