//! What an endpoint has dropped, and why.

/// Datagrams that changed nothing, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointCounters {
    /// Not a packet at all.
    pub malformed: u64,
    /// A packet for a session that isn't there.
    pub unknown_session: u64,
    /// A packet of a session that was damaged, forged or repeated.
    pub rejected: u64,
    /// A first flight that can't be read: damaged, or for another key.
    pub undecipherable: u64,
    /// A first flight of a version or cipher that isn't spoken.
    pub incompatible: u64,
    /// A first flight without the cookie that it was asked for.
    pub unproved: u64,
    /// A first flight that found the tables full, or from where too many come.
    pub refused: u64,
    /// A first flight with a ticket that doesn't count, or that the application declined.
    pub no_ticket: u64,
    /// Early data that was not taken; its first flight went on.
    pub early_refused: u64,
    /// A packet that makes no sense in this role or state: replies to a server, first flights to
    /// a client, answers that came too late.
    pub misplaced: u64,
    /// Stateless answers sent: cookies, key hints, resets, versions.
    pub stateless_answers: u64,
    /// Stateless answers not sent because of their rate limit.
    pub stateless_suppressed: u64,
}

impl EndpointCounters {
    /// All dropped datagrams.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.malformed
            + self.unknown_session
            + self.rejected
            + self.undecipherable
            + self.incompatible
            + self.unproved
            + self.refused
            + self.no_ticket
            + self.misplaced
    }
}
