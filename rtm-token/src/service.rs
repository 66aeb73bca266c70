//! What a token allows.

use std::collections::BTreeMap;

use crate::fields::{Reader, put_bytes, put_u16, put_u32};

/// Privilege numbers; each service counts its own.
pub mod privilege {
    /// RTM and RTM2: log in.
    pub const LOGIN: u16 = 1;
    /// RTC: join the channel.
    pub const JOIN_CHANNEL: u16 = 1;
    /// RTC: publish data in the channel.
    pub const PUBLISH_DATA: u16 = 4;
}

/// Kinds of names in [`Permission`]s.
pub mod resource {
    /// Message channels.
    pub const MESSAGE_CHANNELS: u16 = 0;
    /// Stream channels.
    pub const STREAM_CHANNELS: u16 = 1;
    /// Users.
    pub const USERS: u16 = 4;
}

/// What a [`Permission`] allows with them.
pub mod right {
    /// Subscribe, join, look at what is kept.
    pub const READ: u16 = 0;
    /// Publish, change what is kept.
    pub const WRITE: u16 = 1;
}

/// Privileges with their lifetimes, in seconds from the token's issue.
pub type Privileges = BTreeMap<u16, u32>;

/// Names of one kind of resource with one right to them, of an RTM2 service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// One of [`resource`]; 2 group channels and 3 server groups don't exist here.
    pub resource: u16,
    /// One of [`right`].
    pub right: u16,
    /// Which ones. A name that ends in `*` stands for all that begin so.
    pub names: Vec<String>,
}

/// One service of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Service {
    /// Type 1: a channel for a user.
    Rtc {
        /// The channel.
        channel: String,
        /// The user; empty for any.
        uid: String,
        /// What the user may.
        privileges: Privileges,
    },
    /// Type 2: messaging for a user.
    Rtm {
        /// The user.
        user_id: String,
        /// What the user may.
        privileges: Privileges,
    },
    /// Type 8: messaging for a user, with rights to single resources.
    Rtm2 {
        /// The user.
        user_id: String,
        /// What the user may.
        privileges: Privileges,
        /// Rights to resources, in the token's order.
        permissions: Vec<Permission>,
    },
    /// Types 3 (streaming), 5 (chat), 6 (FCDN): other products' services with one or two names.
    Named {
        /// The type.
        kind: u16,
        /// What the user may.
        privileges: Privileges,
        /// The names, in the token's order.
        names: Vec<String>,
    },
    /// A type that this crate doesn't read, with all that follows it: where it ends isn't known.
    Opaque {
        /// The type.
        kind: u16,
        /// Everything after the type.
        bytes: Vec<u8>,
    },
}

impl Service {
    /// Messaging for a user: may log in for `seconds` from the token's issue.
    #[must_use]
    pub fn rtm(user_id: &str, seconds: u32) -> Self {
        let privileges = Privileges::from([(privilege::LOGIN, seconds)]);
        Self::Rtm { user_id: user_id.to_owned(), privileges }
    }

    /// Messaging for a user, for `seconds` from the token's issue, with these rights and no others.
    ///
    /// ```
    /// use rtm_token::{Permission, Service, resource, right};
    ///
    /// let names = vec!["room-7".to_owned(), "news-*".to_owned()];
    /// let read = Permission { resource: resource::MESSAGE_CHANNELS, right: right::READ, names };
    /// let service = Service::rtm2("alice", 600, vec![read]);
    /// assert_eq!(service.kind(), 8);
    /// ```
    #[must_use]
    pub fn rtm2(user_id: &str, seconds: u32, permissions: Vec<Permission>) -> Self {
        let privileges = Privileges::from([(privilege::LOGIN, seconds)]);
        Self::Rtm2 { user_id: user_id.to_owned(), privileges, permissions }
    }

    /// A stream channel for a user: may join, and publish in topics, for `seconds` from the token's
    /// issue.
    #[must_use]
    pub fn rtc(channel: &str, uid: &str, seconds: u32) -> Self {
        let rights = [privilege::JOIN_CHANNEL, privilege::PUBLISH_DATA];
        let privileges = rights.map(|right| (right, seconds)).into();
        Self::Rtc { channel: channel.to_owned(), uid: uid.to_owned(), privileges }
    }

    /// A stream channel for a user who may join, and listen.
    #[must_use]
    pub fn rtc_subscriber(channel: &str, uid: &str, seconds: u32) -> Self {
        let privileges = Privileges::from([(privilege::JOIN_CHANNEL, seconds)]);
        Self::Rtc { channel: channel.to_owned(), uid: uid.to_owned(), privileges }
    }

    /// The type's number.
    #[must_use]
    pub const fn kind(&self) -> u16 {
        match self {
            Self::Rtc { .. } => 1,
            Self::Rtm { .. } => 2,
            Self::Rtm2 { .. } => 8,
            Self::Named { kind, .. } | Self::Opaque { kind, .. } => *kind,
        }
    }

    pub(crate) fn parse(reader: &mut Reader<'_>) -> Option<Self> {
        let kind = reader.u16()?;
        if !matches!(kind, 1 | 2 | 3 | 5 | 6 | 8) {
            let bytes = reader.rest().to_vec();
            *reader = Reader::new(&[]);
            return Some(Self::Opaque { kind, bytes });
        }
        let privileges = privileges(reader)?;
        Some(match kind {
            1 => Self::Rtc { channel: reader.text()?, uid: reader.text()?, privileges },
            2 => Self::Rtm { user_id: reader.text()?, privileges },
            8 => Self::Rtm2 {
                user_id: reader.text()?,
                permissions: permissions(reader)?,
                privileges,
            },
            kind => {
                let count = if kind == 5 { 1 } else { 2 };
                let names = (0..count).map(|_| reader.text()).collect::<Option<_>>()?;
                Self::Named { kind, privileges, names }
            }
        })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u16(out, usize::from(self.kind()));
        match self {
            Self::Rtc { channel, uid, privileges } => {
                put_privileges(out, privileges);
                put_bytes(out, channel.as_bytes());
                put_bytes(out, uid.as_bytes());
            }
            Self::Rtm { user_id, privileges } => {
                put_privileges(out, privileges);
                put_bytes(out, user_id.as_bytes());
            }
            Self::Rtm2 { user_id, privileges, permissions } => {
                put_privileges(out, privileges);
                put_bytes(out, user_id.as_bytes());
                put_permissions(out, permissions);
            }
            Self::Named { privileges, names, .. } => {
                put_privileges(out, privileges);
                names.iter().for_each(|name| put_bytes(out, name.as_bytes()));
            }
            Self::Opaque { bytes, .. } => out.extend_from_slice(bytes),
        }
    }
}

fn privileges(reader: &mut Reader<'_>) -> Option<Privileges> {
    let count = reader.u16()?;
    (0..count).map(|_| Some((reader.u16()?, reader.u32()?))).collect()
}

fn put_privileges(out: &mut Vec<u8>, privileges: &Privileges) {
    put_u16(out, privileges.len());
    for (&privilege, &seconds) in privileges {
        put_u16(out, usize::from(privilege));
        put_u32(out, seconds);
    }
}

/// `permissions = u16 count, (u16 resource, u16 count, (u16 right, u16 count, str…)…)…`
fn permissions(reader: &mut Reader<'_>) -> Option<Vec<Permission>> {
    let mut permissions = Vec::new();
    for _ in 0..reader.u16()? {
        let resource = reader.u16()?;
        for _ in 0..reader.u16()? {
            let right = reader.u16()?;
            let count = reader.u16()?;
            let names = (0..count).map(|_| reader.text()).collect::<Option<_>>()?;
            permissions.push(Permission { resource, right, names });
        }
    }
    Some(permissions)
}

/// Neighbours with the same resource are written as one resource with several rights.
fn put_permissions(out: &mut Vec<u8>, permissions: &[Permission]) {
    let groups = || permissions.chunk_by(|one, next| one.resource == next.resource);
    put_u16(out, groups().count());
    for group in groups() {
        put_u16(out, usize::from(group[0].resource));
        put_u16(out, group.len());
        for permission in group {
            put_u16(out, usize::from(permission.right));
            put_u16(out, permission.names.len());
            permission.names.iter().for_each(|name| put_bytes(out, name.as_bytes()));
        }
    }
}
