//! What the two handshake messages carry, encrypted (protocol §5).

mod hello;
mod params;
mod resumption;
mod ticket;
mod welcome;

pub use hello::Hello;
pub use params::TransportParams;
pub use resumption::{EarlyMessages, Resumption};
pub use ticket::{Right, SealedTicket, TicketContents, TicketState};
pub use welcome::{Accepted, Welcome};
