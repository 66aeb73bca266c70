//! The authority: what a channel's owner knows, the truth.

mod client_limits;
mod event;
mod guard;
mod inbox;
mod last_sequences;
mod lock;
mod membership;
mod message;
mod presence;
mod publish_log;
mod storage;

pub use client_limits::ClientLimits;
pub use guard::Guard;
pub use inbox::{
    Asker, Delivered, InboxAuthority, KeptInbox, KeptMessage, Opened, Outcome, Progress, Reached,
};
pub use last_sequences::LastSequences;
pub use lock::{KeptLock, LockAnswer, LockAuthority, LockNews};
pub use membership::{Member, Membership};
pub use message::{Fanout, MessageAuthority};
pub use presence::{Arrival, OnlinePage, PresenceAuthority};
pub use publish_log::{Forgotten, PublishLog};
pub use storage::{Page, StorageAuthority, StorageRoom, Writer};
