//! Identifiers and counters, each a type of its own so that they can't be exchanged by mistake.

use core::fmt;

/// Declares a newtype over `u64` that travels as a varint.
macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// The largest value that fits a varint.
            pub const MAX: Self = Self(crate::varint::MAX);

            /// The one after this.
            ///
            /// # Panics
            /// Beyond 2⁶² − 1, which a counter stepped a million times a second reaches after
            /// 146,000 years.
            #[must_use]
            pub const fn next(self) -> Self {
                assert!(self.0 < crate::varint::MAX, "counter exhausted");
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter! {
    /// Number of a packet on one path in one direction. Never used twice with one key.
    PacketNumber
}
counter! {
    /// One direction's lane. The sender of a lane numbers it, upwards, and never reuses a number.
    /// Lane 0 is the control lane and always open.
    LaneId
}
counter! {
    /// Position of a message in its lane, from 0 without holes.
    MessageSeq
}
counter! {
    /// Names one operation of one session instance; the reply carries it, and the owner recognises
    /// a repeated operation by it. Only grows within a session instance. 0 means "no operation".
    OperationId
}
counter! {
    /// One life of one client: a process, from login to logout, across reconnects. Chosen at random
    /// by the client, so that a user may have several devices and a stale one is recognised.
    SessionInstance
}
counter! {
    /// Counts the lives of a channel's owner; persisted before the owner serves.
    Epoch
}
counter! {
    /// Position of an event in its channel (or in its publication, for topic messages) within an
    /// [`Epoch`], from 1 without holes.
    Sequence
}

counter! {
    /// How often a set of metadata was written, over all its lives; an item's revision is that of
    /// its set at its last write. 0 is what has never been.
    Revision
}
counter! {
    /// Names one ownership of a lock. Grows with each of them in its channel, so that whoever has
    /// seen a newer one can refuse an older one. 0 is none.
    LockToken
}

impl LaneId {
    /// The lane of requests, replies and membership events: reliable, ordered, most urgent.
    pub const CONTROL: Self = Self(0);
}

/// Which of a session's network paths a packet belongs to. 0 is the first path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(pub u8);

/// Names a session towards one of its ends, whatever address packets come from.
///
/// Each end chooses the ids by which it wants to be addressed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub [u8; Self::LEN]);

impl ConnectionId {
    /// Length in bytes.
    pub const LEN: usize = 8;
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId({self})")
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_count() {
        assert_eq!(PacketNumber(0).next(), PacketNumber(1));
        assert_eq!(PacketNumber(PacketNumber::MAX.0 - 1).next(), PacketNumber::MAX);
    }

    #[test]
    #[should_panic(expected = "counter exhausted")]
    fn counters_end_where_varints_do() {
        let _ = Sequence::MAX.next();
    }
}
