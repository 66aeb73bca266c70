//! The codec as a whole: round trips, prefixes, hostile bytes, frozen vectors.

mod hostile;
mod limits;
mod payloads;
mod prefixes;
mod round_trips;
mod strategy;
#[path = "../../examples/vectors/table/mod.rs"]
mod table;
#[path = "../../examples/vectors/vector/mod.rs"]
mod vector;
mod vectors;
