//! Drivers: the sockets, clocks and tasks under the engines. Feature `tokio`.
//!
//! ```text
//!   commands ─┐                    ┌─ flush ─► application
//!             ▼                    │
//!  socket ─► drive: feed, drain ─► Engine ─► poll_transmit ─► socket
//!             ▲                    │
//!   clock ────┘◄── poll_timeout ───┘
//! ```
//!
//! A driver holds no decision of the protocol: it feeds an [`Engine`] and carries out what that
//! says.

mod clock;
mod drive;
mod engine;
mod room;
mod stream;
mod transport;
mod udp;

pub use clock::{Clock, Moment, seed_from_system};
pub use drive::drive;
pub use engine::{Engine, Flow};
pub use room::{LaneGone, Room, RoomGate, room};
pub use stream::{
    Connect, Duplex, HttpProxy, StreamFailure, StreamKind, StreamListener, TcpConnector,
    WithStreams,
};
pub use transport::{Arrivals, Departures, Transport};
pub use udp::UdpTransport;
