//! Who somebody is, and which channel is meant.

use rtm_wire::{ChannelKind, ChannelRef, SessionInstance};

use crate::name::{AppId, ChannelName, UserId};

/// One life of one of a user's clients.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// Which client, and which life of it.
    pub instance: SessionInstance,
}

/// A channel among all that a server knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChannelKey {
    /// The app.
    pub app: AppId,
    /// What the channel is.
    pub kind: ChannelKind,
    /// Its name.
    pub name: ChannelName,
}

impl ChannelKey {
    /// The channel as it is named within its app.
    #[must_use]
    pub fn as_ref(&self) -> ChannelRef<'_> {
        ChannelRef { kind: self.kind, name: self.name.as_str() }
    }
}
