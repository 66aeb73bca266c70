//! The server as a program and as a core; the core also together with the client's, in a
//! simulated network.

mod chaos;
mod chat;
mod client;
mod durable;
mod failing_store;
mod history;
mod hostile;
mod lanes;
mod limits;
mod linear;
mod lock_limits;
mod lock_losses;
mod lock_trust;
mod locks;
mod logins;
mod losses;
mod payloads;
mod presence;
mod program;
mod raw;
mod repeats;
mod resume;
mod server;
mod shutdown;
mod skipping;
mod slow;
mod start;
mod states;
mod storage;
mod storage_limits;
mod storage_races;
mod tokens;
mod topics;
mod users;
mod world;
