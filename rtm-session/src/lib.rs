//! The session layer of RTM: encrypted sessions with many independent lanes of messages over
//! datagrams, or streams where they don't pass, as a sans-IO state machine.
//!
//! ```text
//!   your application
//!     │ connect, send, release        ▲ Event
//!  ┌──▼───────────────────────────────┴──┐
//!  │ Endpoint: handshakes, sessions      │
//!  │   Session: lanes, loss, encryption  │
//!  └──┬───────────────────────────────▲──┘
//!     │ poll_transmit                 │ handle_datagram, handle_timeout
//!   a socket and a clock: `driver` (feature `tokio`), your own, or a simulator
//! ```
//!
//! A session is opened in one round trip with the login inside (Noise NK: the client knows the
//! server's public key), or by a ticket of an earlier one; it survives loss, reordering, repetition
//! and address changes, and delivers each message once: in order on ordered lanes, at once on
//! unordered ones. One lane never waits for another; long messages are cut and interleaved; each
//! lane has credit of its own. Nothing here reads a clock or the system's randomness: the same
//! seed, inputs and times give the same datagrams, to the byte.
//!
//! The layer knows nothing of channels or users: logins and messages are bytes.
//!
//! ```
//! use rtm_session::{Config, Endpoint, Event, LoginAnswer, Seed, StaticKey};
//! use rtm_wire::{LaneId, Time};
//!
//! let key = StaticKey::from_bytes([1; 32]);
//! let mut server = Endpoint::server(Config::server(), key.clone(), Seed::from_bytes([2; 32]));
//! let mut client = Endpoint::client(Config::default(), Seed::from_bytes([3; 32]));
//! let here: std::net::SocketAddr = "10.0.0.1:1".parse()?;
//! let there: std::net::SocketAddr = "10.0.0.2:2".parse()?;
//!
//! let now = Time::ZERO;
//! client.connect(now, there, &key.public(), b"login")?;
//! let mut heard = Vec::new();
//! for _ in 0..4 {
//!     let mut datagram = Vec::new();
//!     while client.poll_transmit(now, &mut datagram).is_some() {
//!         server.handle_datagram(now, here, datagram.as_slice().into());
//!     }
//!     while let Some(event) = server.poll_event() {
//!         match event {
//!             Event::LoginRequested { login, .. } => {
//!                 server.answer_login(now, login, LoginAnswer::Accept(b"welcome"));
//!             }
//!             Event::Message { payload, .. } => heard.push(payload),
//!             _ => {}
//!         }
//!     }
//!     while server.poll_transmit(now, &mut datagram).is_some() {
//!         client.handle_datagram(now, there, datagram.as_slice().into());
//!     }
//!     while let Some(event) = client.poll_event() {
//!         if let Event::Connected { session, .. } = event {
//!             client.send(now, session, LaneId::CONTROL, "hello".into())?;
//!         }
//!     }
//! }
//! assert_eq!(heard, ["hello"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | is |
//! |---|---|
//! | `endpoint` | all sessions of a socket: handshakes, routing, stateless answers |
//! | `session` | one session: packets in, packets out, its life |
//! | `lane` | messages, fragments, order, credit |
//! | `recovery` | acknowledgements, loss, congestion (RFC 9002) |
//! | `redundancy` | small messages sent several times, as the path loses |
//! | `crypto` | Noise, ciphers, keys, cookies |
//! | `driver` | sockets and clocks; the only part that does IO |

mod config;
mod crypto;
#[cfg(feature = "tokio")]
pub mod driver;
mod endpoint;
mod error;
mod event;
/// Sessions against a peer that has the keys: for fuzz targets, which are built with this flag.
#[cfg(any(test, fuzzing))]
pub mod fuzzing {
    pub use crate::session::duel::Duel;
}
mod lane;
mod received;
mod recovery;
mod redundancy;
mod remote;
mod session;
mod ticket;

pub use config::{Carriers, Config};
pub use crypto::{KeyError, PublicKey, Seed, StaticKey};
pub use endpoint::{
    Deadlines, Endpoint, EndpointCounters, HANDSHAKE_LOGIN_MAX, LOGIN_ANSWER_MAX, StreamAction,
    StreamEvent, TICKET_STATE_MAX,
};
pub use error::{CloseCause, ConnectError, QueueBound, SendError, Violation};
pub use event::{Event, LoginAnswer, LoginId, SessionId};
pub use lane::{CREDIT_PER_MESSAGE, LaneSpec, LaneStats, MESSAGE_WINDOW, SendOptions};
pub use recovery::CongestionControl;
pub use redundancy::Redundancy;
pub use remote::{Remote, StreamId};
pub use session::SessionStats;
pub use ticket::{Ticket, TicketConfig};
