//! What the two handshake messages carry, encrypted (protocol §5).

mod hello;
mod params;
mod welcome;

pub use hello::Hello;
pub use params::TransportParams;
pub use welcome::{Accepted, Welcome};
