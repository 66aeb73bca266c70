//! The session layer over a simulated network, in virtual time.

mod close;
mod delivery;
mod fairness;
mod flow;
mod handshake;
mod hostile;
mod keys;
mod lanes;
mod pair;
mod paths;
mod priority;
mod redundancy;
mod replay;
#[cfg(feature = "tokio")]
mod room;
#[cfg(feature = "tokio")]
mod udp;
