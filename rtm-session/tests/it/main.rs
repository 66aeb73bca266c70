//! The session layer over a simulated network, in virtual time.

mod close;
mod delivery;
mod fairness;
mod flow;
mod handshake;
mod hostile;
mod keys;
mod mtu;
mod pair;
mod paths;
mod redundancy;
mod redundancy_congestion;
mod replay;
mod resume;
mod scenarios;
mod tampering;
#[cfg(feature = "tokio")]
mod udp;
