//! Copies of small messages, so that a loss costs no round trip.
//!
//! ```text
//!  sent once ─► Riders: by copies under way, oldest first
//!                 │ room in a packet that goes out anyway ─► copy
//!                 │ nothing went out for a while, a packet is granted ─► packet of copies
//!                 └ acknowledged, or copies enough ─► no longer listed
//!  LossMeter ─► how many copies, how far apart        Budget ─► bytes and packets for them
//! ```
//!
//! A message counts as safe once so many copies are under way that all of them are lost in one of
//! a thousand cases, by the measured random loss and the length of its bursts. A copy that is
//! known to be lost counts no more, so the message gets another one. While a queue stands before
//! the bottleneck there are no copies at all: they would make the loss that they answer.

mod budget;
mod governor;
mod plan;
mod policy;
mod riders;
#[cfg(test)]
mod tests;
mod trust;

pub(crate) use governor::{Circumstances, Governor};
pub(crate) use plan::{ParityPolicy, Plan};
pub use policy::Redundancy;
pub(crate) use riders::Rider;

/// Messages up to this length are sent several times; longer ones have parity. In bytes.
pub(crate) const SMALL_MAX: usize = 400;
