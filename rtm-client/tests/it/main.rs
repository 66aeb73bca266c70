//! The core against a scripted server in a simulated network, and the shell on loopback.

mod chaos;
mod client;
mod link;
mod loopback;
mod message;
mod places;
mod restore;
mod server;
mod stream;
mod world;
