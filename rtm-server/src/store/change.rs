//! What a server keeps, one change at a time.

use rtm_channel::{
    AppId, ChannelKey, Identity, KeptInbox, KeptLock, KeptMessage, LockName, Reached,
};
use rtm_wire::{LockToken, MetadataItem, OperationId, Published, Revision, UnixTime};

/// A change of what is kept.
///
/// The order of the variants is that in which [`Store::load`](super::Store::load) gives them: what
/// belongs to something comes after it. Of messages it gives those that wait.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// All revisions of removed metadata of an app, so far, are no greater. Only grows.
    RevisionFloor {
        /// The app.
        app: AppId,
        /// The revision.
        floor: Revision,
    },
    /// All tokens of removed locks of an app, so far, are no greater. Only grows.
    TokenFloor {
        /// The app.
        app: AppId,
        /// The token.
        floor: LockToken,
    },
    /// Stored messages whose publishers' sessions have ended since then are all known by their
    /// operations. Only grows.
    PublishFloor {
        /// Since when.
        since: UnixTime,
    },
    /// A set of metadata has this revision.
    Set {
        /// Whose.
        key: ChannelKey,
        /// The revision.
        major: Revision,
    },
    /// An item of a set is there, or is another one.
    Item {
        /// Of which set, which has a [`Set`](Self::Set).
        key: ChannelKey,
        /// The item.
        item: KeptItem,
    },
    /// A lock is there, or has changed.
    Lock {
        /// Of which channel.
        key: ChannelKey,
        /// The lock.
        lock: KeptLock,
    },
    /// Messages wait for a user, those behind `received`.
    Inbox {
        /// Of which user.
        key: ChannelKey,
        /// How far.
        kept: KeptInbox,
    },
    /// A message is stored: in the history of a channel, or of a user, for whom it may wait.
    Message {
        /// Of which channel or user.
        key: ChannelKey,
        /// The message.
        message: KeptMessage,
    },
    /// A message that was to be stored was published by this operation, which is known when it is
    /// repeated.
    Publish {
        /// Of which channel or user the message is.
        key: ChannelKey,
        /// By whom.
        identity: Identity,
        /// Which of its operations it was.
        operation: OperationId,
        /// What was answered.
        answer: KeptAnswer,
    },
    /// An item is gone.
    ItemGone {
        /// Of which set.
        key: ChannelKey,
        /// Its key.
        name: Box<str>,
    },
    /// A set is gone, with all its items.
    SetGone {
        /// Whose.
        key: ChannelKey,
    },
    /// A lock is gone.
    LockGone {
        /// Of which channel.
        key: ChannelKey,
        /// Its name.
        name: LockName,
    },
    /// A history keeps so many messages, the last ones, and none that are older; but those that
    /// wait for a user stay, and 1,000 are removed at most.
    Trim {
        /// Of which channel or user.
        key: ChannelKey,
        /// How many.
        count: u64,
        /// Since when.
        since: UnixTime,
    },
    /// Nothing waits for a user any more.
    InboxGone {
        /// Of which user.
        key: ChannelKey,
    },
    /// Publishes need not be known any more.
    PublishesGone {
        /// In which app.
        app: AppId,
        /// Whose.
        identity: Identity,
        /// Up to which one.
        up_to: OperationId,
    },
}

/// What is answered to a publish of a message that was to be stored, after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Its place.
    pub published: Published,
    /// How far it has got: sequenced, stored, or unknown.
    pub reached: Reached,
}

/// An item of metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptItem {
    /// Its key.
    pub key: Box<str>,
    /// Its value.
    pub value: Box<[u8]>,
    /// The set's revision at its last write.
    pub revision: Revision,
    /// When that was; 0 when it was not to be recorded.
    pub time: UnixTime,
    /// Who did it; empty when it was not to be recorded.
    pub author: Box<str>,
}

impl From<MetadataItem<'_>> for KeptItem {
    fn from(item: MetadataItem<'_>) -> Self {
        Self {
            key: item.key.into(),
            value: item.value.into(),
            revision: item.revision,
            time: item.time,
            author: item.author.into(),
        }
    }
}

impl KeptItem {
    /// The item as it travels.
    #[must_use]
    pub fn as_item(&self) -> MetadataItem<'_> {
        MetadataItem {
            key: &self.key,
            value: &self.value,
            revision: self.revision,
            time: self.time,
            author: &self.author,
        }
    }
}

impl Change {
    /// The channel or user that it concerns; none if it concerns an app, or who publishes.
    #[must_use]
    pub const fn key(&self) -> Option<&ChannelKey> {
        match self {
            Self::RevisionFloor { .. }
            | Self::TokenFloor { .. }
            | Self::PublishFloor { .. }
            | Self::PublishesGone { .. } => None,
            Self::Set { key, .. }
            | Self::Item { key, .. }
            | Self::Lock { key, .. }
            | Self::Inbox { key, .. }
            | Self::Message { key, .. }
            | Self::Publish { key, .. }
            | Self::Trim { key, .. }
            | Self::ItemGone { key, .. }
            | Self::SetGone { key }
            | Self::LockGone { key, .. }
            | Self::InboxGone { key } => Some(key),
        }
    }

    /// What it takes in memory, about.
    #[must_use]
    pub(crate) fn footprint(&self) -> usize {
        let contents = match self {
            Self::Item { item, .. } => item.value.len(),
            Self::Message { message, .. } => message.event.len(),
            _ => 0,
        };
        size_of::<Self>() + contents
    }
}
