//! The view: what a client knows of a channel, a mirror.

mod holdings;
mod lock;
mod message;
mod own_states;
mod presence;
mod storage;

pub use holdings::Holdings;
pub use lock::{LockVerdict, LockView};
pub use message::{Early, Gap, MessageView, Verdict, ViewState};
pub use own_states::{CACHED_STATES_MAX, OwnStates, StatesToSend};
pub use presence::{PRESENCE_VIEW_MAX, PresenceVerdict, PresenceView};
pub use storage::{
    STORAGE_VIEW_ITEMS_MAX, STORAGE_VIEW_LEN_MAX, StorageNews, StorageVerdict, StorageView,
};
