//! The life of a session after its handshake.
//!
//! ```text
//!            first data packet          close()              all copies are out
//! Unproved ─────────────────────► Open ─────────► Closing ───────────────► Ended
//!     │ handshake timeout           │ peer's close, reset,                   ▲
//!     └─────────────────────────────┴─ idle timeout, violation ──────────────┘
//! ```
//!
//! A violation by the peer goes through `Closing`, so that the peer hears of it.

use std::time::Duration;

use rtm_wire::{CloseCode, Time};

/// How often the close frame is sent unasked: it is never acknowledged.
pub(crate) const CLOSE_COPIES: u8 = 3;
/// Pause between the copies, or a probe timeout if that is shorter: a process that ends should not
/// have to wait for long.
pub(crate) const CLOSE_PAUSE_MAX: Duration = Duration::from_millis(100);

/// Where a session is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Server: the client has not yet shown that it has the keys. Nothing is sent.
    Unproved { until: Time },
    /// Everything flows.
    Open,
    /// Only the close frame is sent, a few times; frames that arrive are ignored.
    Closing { code: CloseCode, reason: String, copies_left: u8, next_copy: Time, until: Time },
    /// Nothing is sent; the endpoint forgets the session.
    Ended,
}

impl State {
    /// Whether messages are taken.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }
}
