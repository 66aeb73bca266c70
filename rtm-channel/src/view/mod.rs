//! The view: what a client knows of a channel, a mirror.

mod message;
mod presence;

pub use message::{Early, Gap, MessageView, Verdict, ViewState};
pub use presence::{PRESENCE_VIEW_MAX, PresenceVerdict, PresenceView};
