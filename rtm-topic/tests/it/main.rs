//! Authority and views together, over lanes that overtake one another, against a reference model.

mod client_model;
mod owner_model;
mod schedule;
mod skipping;
mod world;
