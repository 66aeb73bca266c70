//! A deterministic network in virtual time, to test engines that do no IO of their own.
//!
//! Nothing here reads a clock or ambient chance: time is an argument, and one seed decides every
//! loss, delay, duplicate and flipped bit. A run can be repeated byte for byte, and thousands of
//! simulated seconds pass in one real one.
//!
//! ```text
//!              World: virtual clock, one step at a time
//!   ┌─────────────────────────────────────────────────────────────────┐
//!   │  Node 10.0.0.1:1                            Node 10.0.0.2:2     │
//!   │   handle_datagram ◄─────┐              ┌────► handle_datagram   │
//!   │   handle_timeout  ◄── clock          clock ─► handle_timeout    │
//!   │   poll_transmit ──┐     │              │     ┌── poll_transmit  │
//!   └───────────────────┼─────┼──────────────┼─────┼──────────────────┘
//!   ┌ Network ──────────▼─────┴──────────────┴─────▼──────────────────┐
//!   │  NAT · partitions · shared bottlenecks · one Link per direction:│
//!   │  MTU ► bottleneck + queue ► bursts, loss ► delay, jitter, copy  │
//!   └─────────────────────────────────────────────────────────────────┘
//! ```
//!
//! # Layout
//!
//! - [`World`] runs [`Node`]s: it moves the clock to the next arrival or timeout, feeds datagrams
//!   before timers and drains what a node sends after each input. An endless loop between nodes is
//!   an error that names the culprit ([`Livelock`]). A node's own clock may drift and jump
//!   ([`World::set_clock`]), and a node may do nothing for a while ([`World::stall`]).
//! - [`Network`] alone is enough where a test keeps its own clock.
//! - [`Link`] alone decides fates and holds nothing: a router of real packets can use it, so that
//!   simulator and laboratory impair alike.
//! - [`LinkConfig`] says what a link does; its setters explain each impairment.
//! - [`scenario`] has whole runs as data: drawn from a seed, printed as one line, replayed, and
//!   shrunk when they fail.
//!
//! # Example
//!
//! Two nodes that echo for ever; see also `examples/ping.rs`.
//!
//! ```
//! use core::time::Duration;
//! use std::net::SocketAddr;
//!
//! use bytes::BytesMut;
//! use rtm_sim::{LinkConfig, Network, Node, World};
//! use rtm_wire::Time;
//!
//! #[derive(Default)]
//! struct Echo {
//!     received: u32,
//!     outgoing: Vec<(SocketAddr, BytesMut)>,
//! }
//!
//! impl Node for Echo {
//!     fn handle_datagram(&mut self, _now: Time, from: SocketAddr, datagram: BytesMut) {
//!         self.received += 1;
//!         self.outgoing.push((from, datagram));
//!     }
//!     fn handle_timeout(&mut self, _now: Time) {}
//!     fn poll_transmit(&mut self, _now: Time, buf: &mut Vec<u8>) -> Option<SocketAddr> {
//!         let (to, datagram) = self.outgoing.pop()?;
//!         buf.extend_from_slice(&datagram);
//!         Some(to)
//!     }
//!     fn poll_timeout(&self) -> Option<Time> {
//!         None
//!     }
//! }
//!
//! let (a, b) = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
//! let mut network = Network::new(1);
//! network.set_default(LinkConfig::new().delay(Duration::from_millis(50)));
//! let mut world = World::new(network);
//! world.insert(a, Echo::default())?;
//! world.insert(b, Echo::default())?;
//!
//! world.with_node(a, |node, _now| node.outgoing.push((b, BytesMut::from("ball"))))?;
//! world.run_until(Time::from_micros(1_000_000))?;
//! assert_eq!(world.node(a).received + world.node(b).received, 20);
//! # Ok::<(), rtm_sim::Livelock>(())
//! ```

mod clock;
mod codel;
mod config;
mod counters;
mod dice;
mod fnv;
mod line;
mod link;
mod nat;
mod network;
pub mod scenario;
pub mod tool;
mod world;

pub use config::{Bandwidth, Burst, CoDel, LinkConfig, Reorder};
pub use counters::Counters;
pub use link::{DropCause, Link, Passage};
pub use network::{BottleneckId, Datagram, Network};
pub use world::{Livelock, Node, World};
