//! The view: what a client knows of a channel, a mirror.

mod message;
mod own_states;
mod presence;

pub use message::{Early, Gap, MessageView, Verdict, ViewState};
pub use own_states::{CACHED_STATES_MAX, OwnStates, StatesToSend};
pub use presence::{PRESENCE_VIEW_MAX, PresenceVerdict, PresenceView};
