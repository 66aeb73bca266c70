//! The commands, a file each.

pub(crate) mod chat;
pub(crate) mod history;
mod link;
pub(crate) mod lock;
mod place;
pub(crate) mod presence;
pub(crate) mod publish;
pub(crate) mod storage;
pub(crate) mod subscribe;
pub(crate) mod token;
pub(crate) mod user;
mod watch;
