//! Sessions over streams, and between streams and datagrams (decision 0016).

mod moves;
mod on_streams;
mod race;
#[cfg(feature = "tokio")]
mod sockets;
mod strangers;
mod world;
