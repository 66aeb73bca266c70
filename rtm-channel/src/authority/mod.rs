//! The authority: what a channel's owner knows, the truth.

mod membership;
mod message;
mod publish_log;

pub use membership::{Member, Membership};
pub use message::{Fanout, MessageAuthority};
pub use publish_log::PublishLog;
