//! The view: what a client knows of a channel, a mirror.

mod message;

pub use message::{Early, Gap, MessageView, Verdict, ViewState};
