//! Locks of channels: what is asked, answered, and told.

use std::time::Duration;

use rtm_channel::{LockName, UserId};
use rtm_wire::{Acquired, Lock, LockChange as Change, LockEvent as News};

use crate::error::Error;

/// How a lock is made. Names and defaults are those of RTM 2.x.
///
/// ```
/// use std::time::Duration;
///
/// use rtm_client::LockOptions;
///
/// // An owner that is lost has ten seconds to come back in.
/// let options = LockOptions::new().ttl(Duration::from_secs(10));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "options do nothing until they are handed over"]
pub struct LockOptions {
    ttl: Duration,
}

impl LockOptions {
    /// A TTL of 10 s.
    pub const fn new() -> Self {
        Self { ttl: Duration::from_secs(10) }
    }

    /// How long an owner that is lost, or has left the channel, keeps the lock; in whole seconds,
    /// upwards. The server brings it to what it allows: 10 to 300 s, where it isn't configured
    /// otherwise. Default: 10 s.
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// As the wire has it.
    pub(crate) fn ttl_secs(self) -> u64 {
        let is_part = self.ttl.subsec_nanos() > 0;
        let seconds = self.ttl.as_secs().saturating_add(is_part.into());
        // More than any server allows.
        seconds.min(u32::MAX.into())
    }
}

impl Default for LockOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// A lock that this client's user has.
///
/// ```no_run
/// # async fn example(locks: rtm_client::Locks) -> Result<(), rtm_client::Error> {
/// use rtm_client::{ChannelId, MetadataOptions};
///
/// let lobby = ChannelId::message("lobby")?;
/// let own = locks.acquire_lock(&lobby, "editor", false).await?;
/// // What is written under it comes too late when the lock has gone to somebody else.
/// let options = MetadataOptions::new().lock_with_token(own.name.clone(), own.token);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedLock {
    /// Its name.
    pub name: String,
    /// Names this ownership: larger than the token of each former one in the channel. Give it to
    /// whatever is done under the lock, as
    /// [`MetadataOptions::lock_with_token`](crate::MetadataOptions::lock_with_token), so that what
    /// comes late is refused.
    pub token: u64,
    /// How long the lock is kept while this client is lost; and for how long this client relies on
    /// it ([`is_held`](crate::Locks::is_held)) without hearing of the server.
    pub ttl: Duration,
}

impl OwnedLock {
    pub(crate) const fn new(name: String, acquired: Acquired) -> Self {
        let Acquired { token, ttl_secs } = acquired;
        Self { name, token: token.0, ttl: Duration::from_secs(ttl_secs) }
    }
}

/// A lock as it is at one moment.
///
/// ```
/// use rtm_client::LockDetail;
///
/// fn tell(lock: &LockDetail) {
///     println!("{} for {:?}: {:?}", lock.name, lock.ttl, lock.owner);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockDetail {
    /// Its name.
    pub name: String,
    /// Who has it; nobody if it is free.
    pub owner: Option<String>,
    /// How long an owner that is lost keeps it.
    pub ttl: Duration,
    /// The last token that was given for it; 0 if none ever was.
    pub token: u64,
}

impl LockDetail {
    pub(crate) fn from_wire(lock: &Lock<'_>) -> Self {
        let Lock { name, owner, ttl_secs, token } = *lock;
        Self {
            name: name.to_owned(),
            owner: (!owner.is_empty()).then(|| owner.to_owned()),
            ttl: Duration::from_secs(ttl_secs),
            token: token.0,
        }
    }
}

/// The locks of a channel, or a change of one.
///
/// ```
/// use rtm_client::{LockChange, LockEvent};
///
/// fn tell(event: &LockEvent) {
///     match event.change {
///         LockChange::Snapshot => println!("{} locks", event.locks.len()),
///         change => println!("{change:?} by {:?}: {:?}", event.actor, event.locks),
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockEvent {
    /// What has happened.
    pub change: LockChange,
    /// Who did it; for a lock that has run out its former owner; nobody in a snapshot.
    pub actor: Option<String>,
    /// When, in milliseconds since 1970 of the server's clock.
    pub time_ms: u64,
    /// In a snapshot all locks of the channel, by name; else the one that has changed, as it is
    /// now.
    pub locks: Vec<LockDetail>,
}

impl LockEvent {
    pub(crate) fn new(news: &News<'_>) -> Self {
        Self {
            change: news.change.into(),
            actor: (!news.actor.is_empty()).then(|| news.actor.to_owned()),
            time_ms: news.time.as_millis(),
            locks: news.locks.iter().map(|lock| LockDetail::from_wire(&lock)).collect(),
        }
    }
}

/// What has happened to locks.
///
/// ```
/// use rtm_client::LockChange;
///
/// const fn is_lost(change: LockChange) -> bool {
///     matches!(change, LockChange::Released | LockChange::Expired | LockChange::Removed)
/// }
/// assert!(is_lost(LockChange::Expired) && !is_lost(LockChange::Acquired));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockChange {
    /// Nothing, but all of them are told: at the beginning, and again after each loss of the
    /// session. Replaces what was known.
    Snapshot,
    /// A lock was made.
    Set,
    /// A lock was done away with, whoever had it.
    Removed,
    /// A user has become its owner.
    Acquired,
    /// Its owner has given it up, or has lost it.
    Released,
    /// This user has lost it, by a revocation or by being lost.
    Expired,
    /// Something that this version has no name for.
    Other,
}

impl From<Change> for LockChange {
    fn from(change: Change) -> Self {
        match change {
            Change::Snapshot => Self::Snapshot,
            Change::Set => Self::Set,
            Change::Removed => Self::Removed,
            Change::Acquired => Self::Acquired,
            Change::Released => Self::Released,
            Change::Expired => Self::Expired,
            _ => Self::Other,
        }
    }
}

/// Checks that a name may be one of a lock: nothing else is sent.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    LockName::new(name).map_err(|wrong| wrong.refusal(LockName::ERROR))?;
    Ok(())
}

/// Checks the name of an owner.
pub(crate) fn check_owner(owner: &str) -> Result<(), Error> {
    UserId::new(owner).map_err(|wrong| wrong.refusal(UserId::ERROR))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_goes_out_in_whole_seconds_upwards() {
        for (millis, seconds) in [(0, 0), (1, 1), (1_000, 1), (1_001, 2), (u64::MAX, 4_294_967_295)]
        {
            let options = LockOptions::new().ttl(Duration::from_millis(millis));
            assert_eq!(options.ttl_secs(), seconds, "{millis} ms");
        }
        assert_eq!(LockOptions::default().ttl_secs(), 10);
        assert_eq!(LockOptions::new().ttl(Duration::MAX).ttl_secs(), 4_294_967_295);
    }
}
