//! Where a peer is, and by what it is reached.

use std::fmt;
use std::net::SocketAddr;

/// A stream of one endpoint; never reused.
///
/// The driver counts the streams that it accepts, the endpoint those that it asks for. One endpoint
/// does either: servers accept, clients ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where packets come from and go to. An address alone means datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remote {
    /// Datagrams: they may be lost, repeated and overtaken.
    Datagrams(SocketAddr),
    /// A stream, TCP or a WebSocket, to or from this address: packets arrive in order or not at
    /// all, when it ends.
    Stream(StreamId, SocketAddr),
}

impl Remote {
    /// The peer's address.
    #[must_use]
    pub const fn addr(self) -> SocketAddr {
        match self {
            Self::Datagrams(addr) | Self::Stream(_, addr) => addr,
        }
    }

    /// The stream, if it is one.
    #[must_use]
    pub const fn stream(self) -> Option<StreamId> {
        match self {
            Self::Datagrams(_) => None,
            Self::Stream(stream, _) => Some(stream),
        }
    }

    /// Whether packets arrive in order, or, from some point on, none.
    pub(crate) const fn is_stream(self) -> bool {
        matches!(self, Self::Stream(..))
    }
}

impl From<SocketAddr> for Remote {
    fn from(addr: SocketAddr) -> Self {
        Self::Datagrams(addr)
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Datagrams(addr) => addr.fmt(f),
            Self::Stream(stream, addr) => write!(f, "{addr} (stream {stream})"),
        }
    }
}
