//! Tickets as applications see them: a server's rules, and a client's treasure.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use rtm_wire::Time;

use crate::crypto::Secret;

/// How a server makes tickets (protocol §5.6). None is made unless the application asks for it,
/// with [`issue_ticket`](crate::Endpoint::issue_ticket).
#[derive(Clone)]
pub struct TicketConfig {
    pub(crate) secret: Option<Secret>,
    pub(crate) rotation: Duration,
    pub(crate) overlap: Duration,
    pub(crate) early_len_max: usize,
    pub(crate) early_flights_max: usize,
}

impl Default for TicketConfig {
    fn default() -> Self {
        Self {
            secret: None,
            rotation: Duration::from_secs(3_600),
            overlap: Duration::from_secs(7_200),
            early_len_max: 512,
            early_flights_max: 4_096,
        }
    }
}

impl fmt::Debug for TicketConfig {
    /// Hides the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketConfig")
            .field("rotation", &self.rotation)
            .field("overlap", &self.overlap)
            .field("early_len_max", &self.early_len_max)
            .field("early_flights_max", &self.early_flights_max)
            .finish_non_exhaustive()
    }
}

impl TicketConfig {
    /// The secret that the keys of tickets come from: 32 random bytes that all servers which take
    /// each other's tickets share, or a server keeps over its restarts. Who knows it can read the
    /// first flights of resumptions, not their sessions. Default: one of the process's own.
    #[must_use]
    pub fn secret(mut self, secret: [u8; 32]) -> Self {
        self.secret = Some(Secret::new(secret));
        self
    }

    /// How long a key makes tickets, in wall-clock periods that servers with one secret have in
    /// common; at least a second. Default 1 h.
    #[must_use]
    pub const fn rotation(mut self, period: Duration) -> Self {
        assert!(period.as_secs() >= 1, "a key makes tickets for a second at least");
        self.rotation = period;
        self
    }

    /// How much longer it opens them; no ticket lives longer than both together. Default 2 h.
    #[must_use]
    pub const fn overlap(mut self, span: Duration) -> Self {
        self.overlap = span;
        self
    }

    /// Most bytes of early data that a client is allowed; none if 0. It waits for nothing, so it
    /// comes in one datagram. Default 512.
    #[must_use]
    pub const fn early_len_max(mut self, bytes: usize) -> Self {
        self.early_len_max = bytes;
        self
    }

    /// First flights with early data that are remembered for 20 s, about 120 bytes each; while the
    /// table is full, early data is refused. Default 4,096.
    #[must_use]
    pub const fn early_flights_max(mut self, flights: usize) -> Self {
        self.early_flights_max = flights;
        self
    }
}

/// What a client may come back with, once or several times, until it ends: see
/// [`resume`](crate::Endpoint::resume).
///
/// It is worth as much as the login that it stands for, and stays in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    pub(crate) bytes: Bytes,
    pub(crate) secret: Secret,
    pub(crate) received: Time,
    pub(crate) expires: Time,
    pub(crate) early_len_max: usize,
}

impl Ticket {
    /// Whether it has ended, so that a resumption would be a full handshake.
    #[must_use]
    pub fn is_expired(&self, now: Time) -> bool {
        now >= self.expires
    }

    /// When it ends.
    #[must_use]
    pub const fn expires(&self) -> Time {
        self.expires
    }

    /// Most bytes of early messages that the server takes with it; each counts two bytes more.
    #[must_use]
    pub const fn early_len_max(&self) -> usize {
        self.early_len_max
    }
}

/// A ticket by its last bytes, the tag of its seal: everybody on the way has seen them, and no two
/// are alike.
pub(crate) type TicketTag = [u8; 16];

/// The tag of a ticket; `None` if it is too short to have one.
pub(crate) fn ticket_tag(ticket: &[u8]) -> Option<TicketTag> {
    ticket.last_chunk().copied()
}

impl fmt::Debug for Ticket {
    /// Hides what makes it valuable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("expires", &self.expires).finish_non_exhaustive()
    }
}
