//! That a writer holds the lock that it names.

use rtm_wire::LockToken;

use crate::name::LockName;

/// The verdict of a channel's locks on one write: the writer holds this lock now, under this token.
///
/// [`LockAuthority::guard`](crate::LockAuthority::guard) gives it, and the authority of metadata
/// takes it: neither knows the other. It counts for the write that it was asked for, at once, and
/// must not be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    lock: LockName,
    token: LockToken,
}

impl Guard {
    /// Whoever makes one has checked it.
    #[must_use]
    pub const fn new(lock: LockName, token: LockToken) -> Self {
        Self { lock, token }
    }

    /// The lock.
    #[must_use]
    pub const fn lock(&self) -> &LockName {
        &self.lock
    }

    /// Its current token.
    #[must_use]
    pub const fn token(&self) -> LockToken {
        self.token
    }
}
