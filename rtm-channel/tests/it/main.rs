//! Authority and views together, over lanes that overtake one another, against a reference model.

mod inbox;
mod model;
mod presence;
mod schedule;
mod world;
