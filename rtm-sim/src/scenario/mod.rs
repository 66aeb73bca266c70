//! Scenarios: what a network does in the course of a run, as data that can be drawn, printed,
//! replayed and shrunk.
//!
//! ```text
//!   seed ──► Ranges::draw ──► Scenario ──► your check ──► fails? ──► shrink ──► smallest Scenario
//!                                ▲ │                                                  │
//!                                │ └─ Play: carries it out in a World                 │ text
//!                                └────────────────── parse ◄──────────────────────────┘
//! ```
//!
//! [`examine`] does all of it for one seed. The check is a function of a scenario: it builds a
//! world, lets a [`Play`] change it in time, and says what is wrong at the end. What the nodes do
//! comes from the scenario as well: [`Scenario::load`] has named numbers, such as how many messages
//! are sent, and [`Scenario::seed`] decides the rest, so that one line of text is the whole run.
//!
//! ```
//! use rtm_sim::scenario::{Failure, Ranges, Scenario, examine};
//!
//! // A system that breaks whenever a cut comes in its second second.
//! let mut check = |scenario: &Scenario| {
//!     let cuts = scenario.to_string().split("; ").filter(|part| part.contains("cut")).count();
//!     if cuts > 0 { Err(Failure::new("broken", "by a cut")) } else { Ok(()) }
//! };
//! let found = (0..100).find_map(|seed| examine(&Ranges::default(), seed, &mut check)).unwrap();
//! assert_eq!(found.smallest.events.len(), 1);
//! let again: Scenario = found.smallest.to_string().parse()?;
//! assert_eq!(again, found.smallest);
//! # Ok::<(), rtm_sim::scenario::ParseError>(())
//! ```

mod conditions;
mod examine;
mod play;
mod ranges;
mod shrink;
#[cfg(test)]
mod tests;
mod text;

pub use self::conditions::{Conditions, Quantity};
pub use self::examine::{Failure, Found, examine, run_caught};
pub use self::play::Play;
pub use self::ranges::{LoadRange, Ranges};
pub use self::shrink::shrink;
pub use self::text::ParseError;

use std::collections::BTreeMap;

/// A run: who may do what to whom, and when. Times are milliseconds of the world's clock.
///
/// The text form is one line, such as
/// `seed=7 ms=5000; up delay=50 loss=100; down delay=50; load messages=20; 1200+500 cut up`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scenario {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// How long the run takes, before what follows it: events are in this time.
    pub run_ms: u64,
    /// The links from clients to the server.
    pub up: Conditions,
    /// The links from the server to clients.
    pub down: Conditions,
    /// Numbers for the system under test, by name. 0, and none, mean as little of it as is
    /// possible.
    pub loads: BTreeMap<String, u64>,
    /// What happens on the way, in any order.
    pub events: Vec<Event>,
}

/// Something that happens to one client, or its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at_ms: u64,
    /// For how long; 0 means for good, which is until the run is over.
    pub lasts_ms: u64,
    /// Which client, counted from 0; too high a number counts from 0 again.
    pub client: usize,
    /// What.
    pub change: Change,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing gets through.
    Cut(Way),
    /// The link behaves otherwise: higher loss, other delay, a lower rate, a storm of duplicates.
    Link(Way, Conditions),
    /// The client is seen under another address, and under its own again at the end.
    Move(Place),
    /// A clock jumps forward and runs fast (or slow) from now on.
    Clock {
        /// Whose.
        side: Side,
        /// By how many millionths it is fast.
        drift_ppm: i32,
        /// How far it jumps.
        jump_ms: u32,
    },
    /// Somebody does nothing for a while, as if the system didn't run it. For good is 1 ms.
    Stall(Side),
}

/// Which direction of a client's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the server.
    Up,
    /// From the server.
    Down,
    /// Both directions.
    Both,
}

/// Who.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The event's client.
    Client,
    /// The server.
    Server,
}

/// Where a client is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At its own address, with another port: its own and this.
    Port(u8),
    /// At another address.
    Address(u8),
}

impl Scenario {
    /// A number for the system under test; 0 if the scenario doesn't have it.
    pub fn load(&self, name: &str) -> u64 {
        self.loads.get(name).copied().unwrap_or(0)
    }
}

impl Way {
    fn has_up(self) -> bool {
        self != Self::Down
    }

    fn has_down(self) -> bool {
        self != Self::Up
    }
}

impl Event {
    /// Whether it goes on at this time.
    fn is_on(&self, ms: u64) -> bool {
        self.at_ms <= ms && (self.lasts_ms == 0 || ms < self.at_ms.saturating_add(self.lasts_ms))
    }
}
