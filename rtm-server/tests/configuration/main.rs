//! Every setting of a client by what it does, over real sockets to a real server: at its limit and
//! one beyond. What needs virtual time is in `tests/it/presence.rs` and in the client's tests of
//! its link.

mod encryption;
mod events;
mod identity;
mod lab;
mod logs;
mod places;
mod presence;
mod presets;
mod services;
