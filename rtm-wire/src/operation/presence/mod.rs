//! Who is in a channel, and what they show there (protocol §6.23 and §6.25).

mod event;
mod query;
mod result;
mod states;

pub use event::{PresenceEvent, PresentUser, State};
pub use query::{GetOnlineUsers, GetStates, GetUserChannels, OnlineFlags};
pub use result::{OnlineUsers, UserChannels};
pub use states::{RemoveStates, SetStates};
