//! The C ABI of the RTM client SDK; `include/rtm.h` is made from this crate.
//!
//! ```text
//!  C ──► calls: arguments checked, nothing unwinds ──► clients: number → instance
//!                                                         │ tasks on the thread rtm-io
//!  C ◄── rtm_poll_event ◄── queue ◄── results, messages ──┘
//!  C ◄── wake, log sink ◄── dispatcher, on the thread rtm-callback
//! ```
//!
//! `docs/decisions/0017-c-abi.md` says what holds, and why. This crate is a binding: programs in
//! Rust take `rtm-client`.

mod abi;
mod arguments;
mod calls;
mod clients;
mod dispatcher;
mod event;
mod failure;
mod instance;
mod layout;
mod log;
mod publisher;
mod pumps;
mod queue;
mod runtime;

pub use abi::*;
pub use calls::*;
