//! What a session may do with which channels and users (protocol §6.31).

mod names;
mod pass;

use std::sync::Arc;

use rtm_token::{Permission, resource, right};
use rtm_wire::{ChannelKind, ChannelRef, Right};

use self::names::Names;
pub use self::pass::Pass;

/// What a session may do, by the token of its login.
///
/// What is the user's own needs no right, and is not looked at here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Everything: the app wants no tokens.
    Open,
    /// Everything, but for stream channels, which want tokens of their own.
    All,
    /// What is listed.
    Listed(Arc<Listed>),
}

/// Rights to single channels and users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    read: Kinds,
    write: Kinds,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Kinds {
    message: Names,
    stream: Names,
    user: Names,
}

impl Rights {
    /// The rights that a token's permissions give; those of unknown kinds give none.
    pub(crate) fn of_token<'a>(permissions: impl Iterator<Item = &'a Permission>) -> Self {
        let rights = permissions.filter_map(|permission| {
            let kind = match permission.resource {
                resource::MESSAGE_CHANNELS => ChannelKind::Message,
                resource::STREAM_CHANNELS => ChannelKind::Stream,
                resource::USERS => ChannelKind::User,
                _ => return None,
            };
            let is_write = match permission.right {
                right::READ => false,
                right::WRITE => true,
                _ => return None,
            };
            let right = move |name: &'a String| Right { of: ChannelRef { kind, name }, is_write };
            Some(permission.names.iter().map(right))
        });
        Self::of_list(rights.flatten())
    }

    /// The listed rights, and no others.
    pub(crate) fn of_list<'a>(rights: impl Iterator<Item = Right<'a>>) -> Self {
        let mut listed = Listed::default();
        for Right { of: ChannelRef { kind, name }, is_write } in rights {
            let kinds = if is_write { &mut listed.write } else { &mut listed.read };
            if let Some(names) = kinds.of_mut(kind) {
                names.insert(name);
            }
        }
        Self::Listed(Arc::new(listed))
    }

    /// What [`of_list`](Self::of_list) makes these rights of; `None` where nothing is listed.
    pub(crate) fn list(&self) -> Option<Vec<Right<'_>>> {
        let Self::Listed(listed) = self else { return None };
        let all = [(&listed.read, false), (&listed.write, true)];
        let rights = all.into_iter().flat_map(|(kinds, is_write)| {
            kinds.all().into_iter().flat_map(move |(kind, names)| {
                names.iter().map(move |name| Right { of: ChannelRef { kind, name }, is_write })
            })
        });
        Some(rights.collect())
    }

    /// Whether a channel or user may be read: heard, and looked at.
    pub(crate) fn may_read(&self, kind: ChannelKind, name: &str) -> bool {
        self.allows(|listed| &listed.read, kind, name)
    }

    /// Whether a channel or user may be written: published to, and changed.
    pub(crate) fn may_write(&self, kind: ChannelKind, name: &str) -> bool {
        self.allows(|listed| &listed.write, kind, name)
    }

    /// Whether a stream channel may be joined without a token for it.
    pub(crate) fn may_join(&self, channel: &str) -> bool {
        !matches!(self, Self::All) && self.may_read(ChannelKind::Stream, channel)
    }

    /// Whether a member of a stream channel may publish in its topics without a token that says so.
    pub(crate) fn may_publish_in_topics(&self, channel: &str) -> bool {
        !matches!(self, Self::All) && self.may_write(ChannelKind::Stream, channel)
    }

    fn allows(&self, of: impl Fn(&Listed) -> &Kinds, kind: ChannelKind, name: &str) -> bool {
        match self {
            Self::Open | Self::All => true,
            Self::Listed(listed) => of(listed).of(kind).is_some_and(|names| names.contains(name)),
        }
    }
}

impl Kinds {
    const fn of(&self, kind: ChannelKind) -> Option<&Names> {
        match kind {
            ChannelKind::Message => Some(&self.message),
            ChannelKind::Stream => Some(&self.stream),
            ChannelKind::User => Some(&self.user),
            _ => None,
        }
    }

    const fn of_mut(&mut self, kind: ChannelKind) -> Option<&mut Names> {
        match kind {
            ChannelKind::Message => Some(&mut self.message),
            ChannelKind::Stream => Some(&mut self.stream),
            ChannelKind::User => Some(&mut self.user),
            _ => None,
        }
    }

    const fn all(&self) -> [(ChannelKind, &Names); 3] {
        [
            (ChannelKind::Message, &self.message),
            (ChannelKind::Stream, &self.stream),
            (ChannelKind::User, &self.user),
        ]
    }
}

#[cfg(test)]
mod tests;
