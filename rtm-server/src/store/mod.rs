//! What outlives the server: metadata, locks, histories with what waits for users, and which
//! operations have stored what.
//!
//! ```text
//!   ServerCore ── changes ──► Writer, a thread ──► Store: DiskStore (redb) or MemoryStore
//!       ▲                         │
//!       └───── they are kept ─────┘
//! ```
//!
//! A [`Store`] takes a list of [`Change`]s as a whole, and says when it is kept; the core lets
//! answers and events go only then. What all stores have to do is tested once for all of them.

mod change;
mod disk;
mod length;
mod memory;
mod query;
mod writer;

#[cfg(test)]
mod tests;

pub use change::{Change, KeptAnswer, KeptItem};
pub use disk::DiskStore;
pub use memory::MemoryStore;
pub use query::{Found, HistoryPage, HistoryQuery, Query, QueryId};
pub(crate) use writer::{News, Writer};

use std::fmt::Debug;
use std::io;

use rtm_channel::ChannelKey;

/// Where a server keeps what outlives it.
///
/// One server at a time has a store. Calls may block, so they are made on a thread of their own.
pub trait Store: Debug + Send + 'static {
    /// All that is kept, as changes that an empty store would need to hold the same, in the order
    /// of [`Change`]'s variants and then of their keys; messages that wait for a user by their
    /// places. Histories stay where they are.
    ///
    /// # Errors
    /// What is kept can't be read.
    fn load(&mut self) -> Result<Vec<Change>, StoreError>;

    /// Makes these changes, in this order, all of them or none. Afterwards they are kept, whatever
    /// happens to the process or the machine (unless the store says otherwise).
    ///
    /// # Errors
    /// Nobody knows whether they are kept; the store is not to be used any more.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError>;

    /// A part of a history.
    ///
    /// # Errors
    /// What is kept can't be read; the store is not to be used any more.
    fn messages(&mut self, query: &HistoryQuery) -> Result<HistoryPage, StoreError>;

    /// Channels and users that have a history, by key, the next 1,024 at most.
    ///
    /// # Errors
    /// As [`messages`](Self::messages).
    fn histories(&mut self, after: Option<&ChannelKey>) -> Result<Vec<ChannelKey>, StoreError>;

    /// What is asked.
    ///
    /// # Errors
    /// As [`messages`](Self::messages).
    fn find(&mut self, query: &Query) -> Result<Found, StoreError> {
        match query {
            Query::Messages(query) => self.messages(query).map(Found::Messages),
            Query::Histories(after) => self.histories(after.as_ref()).map(Found::Histories),
        }
    }

    /// Bytes of the messages of all histories.
    fn history_bytes(&self) -> u64;
}

/// Messages that one [`Change::Trim`] removes at most, so that no commit takes long.
const TRIM_MAX: usize = 1_000;
/// Keys that [`Store::histories`] gives at a time.
const HISTORIES_MAX: usize = 1_024;

/// What is wrong with a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another server has it.
    #[error("another server uses it")]
    InUse,
    /// What it holds makes no sense.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It was written by a later version.
    #[error("it has format {found}, and this server knows formats up to {known}")]
    TooNew {
        /// The format that it has.
        found: u64,
        /// The last one that is known.
        known: u64,
    },
    /// The system's.
    #[error("{0}")]
    Io(#[from] io::Error),
}
