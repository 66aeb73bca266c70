//! A token that proves something.

use crate::service::{Permission, Privileges, Service, privilege};
use crate::token::Token;

/// A token with a good signature that had not expired when it was verified.
///
/// Rights are asked with the present time, since they may end before the token does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    token: Token,
}

impl VerifiedToken {
    pub(crate) const fn new(token: Token) -> Self {
        Self { token }
    }

    /// What the token says.
    #[must_use]
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// When it expires, in seconds since 1970: a day after its issue, at the latest.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        self.token.end()
    }

    /// Whether the user may log in.
    #[must_use]
    pub fn may_login(&self, user: &str, now: u64) -> bool {
        self.login_end(user, now).is_some()
    }

    /// Until when the user may do all that it may now, in seconds since 1970: the earliest end of
    /// what lets it log in; `None` if nothing does.
    #[must_use]
    pub fn login_end(&self, user: &str, now: u64) -> Option<u64> {
        let ends = self.token.services.iter().filter_map(|service| match service {
            Service::Rtm { user_id, privileges } | Service::Rtm2 { user_id, privileges, .. }
                if user_id == user =>
            {
                self.end(privileges, privilege::LOGIN)
            }
            _ => None,
        });
        ends.filter(|end| now < *end).min()
    }

    /// Whether it is one for this user's messages, whatever it allows.
    #[must_use]
    pub fn is_for_user(&self, user: &str) -> bool {
        self.token.services.iter().any(|service| match service {
            Service::Rtm { user_id, .. } | Service::Rtm2 { user_id, .. } => user_id == user,
            _ => false,
        })
    }

    /// Whether the user, who may log in, has every right to channels and users: a service RTM lists
    /// none.
    #[must_use]
    pub fn has_all_rights(&self, user: &str, now: u64) -> bool {
        self.token.services.iter().any(|service| match service {
            Service::Rtm { user_id, privileges } => {
                user_id == user && self.holds(privileges, privilege::LOGIN, now)
            }
            _ => false,
        })
    }

    /// What the services RTM2 list for the user, of those that let it log in.
    pub fn permissions(&self, user: &str, now: u64) -> impl Iterator<Item = &Permission> {
        let services = self.token.services.iter();
        let of_user = services.filter_map(move |service| match service {
            Service::Rtm2 { user_id, privileges, permissions } => {
                let counts = user_id == user && self.holds(privileges, privilege::LOGIN, now);
                counts.then_some(permissions)
            }
            _ => None,
        });
        of_user.flatten()
    }

    /// Whether the user may join the stream channel. An empty uid in the token means any user.
    #[must_use]
    pub fn may_join(&self, channel: &str, user: &str, now: u64) -> bool {
        self.end_of(privilege::JOIN_CHANNEL, channel, user).is_some_and(|end| now < end)
    }

    /// When a privilege of the user in a stream channel ends, in seconds since 1970; `None` without
    /// it. An empty uid in the token means any user.
    #[must_use]
    pub fn end_of(&self, wanted: u16, channel: &str, user: &str) -> Option<u64> {
        let ends = self.token.services.iter().filter_map(|service| match service {
            Service::Rtc { channel: name, uid, privileges }
                if name == channel && (uid == user || uid.is_empty()) =>
            {
                self.end(privileges, wanted)
            }
            _ => None,
        });
        ends.max()
    }

    fn holds(&self, privileges: &Privileges, wanted: u16, now: u64) -> bool {
        self.end(privileges, wanted).is_some_and(|end| now < end)
    }

    /// Privileges are relative to the issue, and end with the token at the latest.
    fn end(&self, privileges: &Privileges, wanted: u16) -> Option<u64> {
        let seconds = u64::from(*privileges.get(&wanted)?);
        Some((u64::from(self.token.issued_at) + seconds).min(self.expires_at()))
    }
}
