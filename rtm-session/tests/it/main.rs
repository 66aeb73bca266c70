//! The session layer over a simulated network, in virtual time.

mod close;
mod delivery;
mod extremes;
mod fairness;
mod flow;
mod handshake;
mod hostile;
mod keys;
mod lanes;
mod mtu;
mod pair;
mod paths;
mod priority;
mod redundancy;
mod redundancy_congestion;
mod remembered;
mod replay;
mod resume;
#[cfg(feature = "tokio")]
mod room;
mod scenarios;
mod silence;
mod streams;
#[cfg(feature = "tokio")]
mod talker;
mod tampering;
#[cfg(feature = "tokio")]
mod udp;
