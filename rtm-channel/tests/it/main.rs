//! Authority and views together, over lanes that overtake one another, against a reference model.

mod model;
mod presence;
mod schedule;
mod world;
