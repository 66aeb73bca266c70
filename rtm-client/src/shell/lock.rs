//! Locks of channels.

use std::fmt;
use std::sync::Arc;

use super::shared::Shared;
use crate::channel_id::ChannelId;
use crate::core::{Answer, Command, HeldLocks, LockAct};
use crate::error::{Error, ErrorKind};
use crate::lock::{LockDetail, LockOptions, OwnedLock};

/// Locks of channels: one user at a time has each.
///
/// A lock is [made](Self::set_lock) once and is there until it is [removed](Self::remove_lock).
/// The server keeps it on its disk, and answers when it is there. Who uses one has to be in its
/// channel, subscribed or joined; without that a call fails with
/// [`NotSubscribed`](crate::ErrorKind::NotSubscribed) or
/// [`NotJoined`](crate::ErrorKind::NotJoined). Changes are told to who asked for them by
/// [`SubscribeOptions::locks`](crate::SubscribeOptions::locks), one's own too.
///
/// **Loss.** An owner whose session is lost, or who leaves the channel or logs out, keeps the lock
/// for its TTL. Back in the channel in that time, in whichever session, nothing has happened; else
/// others get it, and the former owner is told [`Expired`](crate::LockChange::Expired) when it
/// comes back, or sees in the first snapshot that the lock isn't its own. A restart of the server
/// is a loss, too: acquire the lock again, which gives the same token. It can't be told before,
/// and counts for itself: see [`is_held`](Self::is_held) and [`lost`](Self::lost). And what is done
/// under a lock should name its [token](crate::OwnedLock::token): metadata that is written with
/// [`lock_with_token`](crate::MetadataOptions::lock_with_token) is refused once the lock has gone
/// to somebody else.
///
/// ```no_run
/// use rtm_client::{ChannelId, ErrorKind, LockOptions, MetadataItem, MetadataOptions, RtmClient};
///
/// # async fn example(client: RtmClient) -> Result<(), rtm_client::Error> {
/// let (locks, lobby) = (client.locks(), ChannelId::message("lobby")?);
/// match locks.set_lock(&lobby, "editor", LockOptions::new()).await {
///     Err(error) if error.kind() != ErrorKind::LockExists => return Err(error),
///     _ => {}
/// }
/// // Waits while somebody else has it.
/// let own = locks.acquire_lock(&lobby, "editor", true).await?;
/// let guarded = MetadataOptions::new().lock_with_token("editor", own.token);
/// let topic = [MetadataItem::new("topic", "cats")];
/// client.storage().set_channel_metadata(&lobby, topic, guarded).await?;
/// locks.release_lock(&lobby, "editor").await?;
/// # Ok(())
/// # }
/// ```
///
/// All calls may fail with [`InvalidName`](crate::ErrorKind::InvalidName) (−14005, and before
/// anything is sent), [`TooFrequent`](crate::ErrorKind::TooFrequent) (−10021),
/// [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn) and
/// [`NotConnected`](crate::ErrorKind::NotConnected): nothing was done; and with
/// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): the session was lost before the answer.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Locks {
    shared: Arc<Shared>,
}

impl Locks {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared) }
    }

    /// Makes a lock that nobody has.
    ///
    /// # Errors
    /// [`LockExists`](crate::ErrorKind::LockExists): there is one of this name (−14004).
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded): as many as allowed (−14001).
    /// Those of all calls.
    ///
    /// # Cancel safety
    /// It may be made or not when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(locks: rtm_client::Locks) -> Result<(), rtm_client::Error> {
    /// use rtm_client::{ChannelId, LockOptions};
    ///
    /// locks.set_lock(&ChannelId::message("lobby")?, "editor", LockOptions::new()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_lock(
        &self,
        channel: &ChannelId,
        name: &str,
        options: LockOptions,
    ) -> Result<(), Error> {
        self.act(channel, name, LockAct::Set(options)).await.map(drop)
    }

    /// Makes this user the owner. While somebody else has the lock: fails, or with `retry` waits
    /// for as long as it takes; who waits longest is next. Who has it already gets the same answer
    /// again.
    ///
    /// # Errors
    /// [`LockTaken`](crate::ErrorKind::LockTaken): somebody else has it, and `retry` is false; the
    /// channel was left while waiting; too many wait (−14007).
    /// [`UnknownLock`](crate::ErrorKind::UnknownLock): there is none, or it was removed while
    /// waiting (−14008). [`Duplicate`](crate::ErrorKind::Duplicate): this client waits for it
    /// already (−14003). [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): the session was
    /// lost; who still wants the lock acquires it again when the link is connected, at the end of
    /// the queue, unless it has become this user's in the meantime. Those of all calls.
    ///
    /// # Cancel safety
    /// The lock may become this user's, also later, when the future is dropped. To end the
    /// waiting, leave the channel; to give the lock up, release it.
    ///
    /// ```no_run
    /// # async fn example(locks: rtm_client::Locks) -> Result<(), rtm_client::Error> {
    /// use rtm_client::ChannelId;
    ///
    /// let lobby = ChannelId::message("lobby")?;
    /// // Waits while somebody else has it.
    /// let own = locks.acquire_lock(&lobby, "editor", true).await?;
    /// println!("under token {}", own.token);
    /// locks.release_lock(&lobby, "editor").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn acquire_lock(
        &self,
        channel: &ChannelId,
        name: &str,
        retry: bool,
    ) -> Result<OwnedLock, Error> {
        match self.act(channel, name, LockAct::Acquire { retry }).await? {
            Answer::Acquired(own) => Ok(own),
            _ => Err(Error::new(ErrorKind::Protocol)),
        }
    }

    /// Gives up a lock; who waits longest gets it at once.
    ///
    /// # Errors
    /// [`LockNotOwned`](crate::ErrorKind::LockNotOwned): this client doesn't have it, or not any
    /// more (−14006). [`UnknownLock`](crate::ErrorKind::UnknownLock): −14008. Those of all calls.
    ///
    /// # Cancel safety
    /// It may be given up or not when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(locks: rtm_client::Locks) -> Result<(), rtm_client::Error> {
    /// use rtm_client::ChannelId;
    ///
    /// locks.release_lock(&ChannelId::message("lobby")?, "editor").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn release_lock(&self, channel: &ChannelId, name: &str) -> Result<(), Error> {
        self.act(channel, name, LockAct::Release).await.map(drop)
    }

    /// Takes a lock from its owner; who waits longest gets it at once. Everybody in the channel
    /// may.
    ///
    /// # Errors
    /// [`LockNotOwned`](crate::ErrorKind::LockNotOwned): this owner doesn't have it (−14006).
    /// [`UnknownLock`](crate::ErrorKind::UnknownLock): −14008.
    /// [`InvalidUserId`](crate::ErrorKind::InvalidUserId): −10006. Those of all calls.
    ///
    /// # Cancel safety
    /// It may be taken or not when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(locks: rtm_client::Locks) -> Result<(), rtm_client::Error> {
    /// use rtm_client::ChannelId;
    ///
    /// locks.revoke_lock(&ChannelId::message("lobby")?, "editor", "bob").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn revoke_lock(
        &self,
        channel: &ChannelId,
        name: &str,
        owner: &str,
    ) -> Result<(), Error> {
        let act = LockAct::Revoke { owner: owner.to_owned() };
        self.act(channel, name, act).await.map(drop)
    }

    /// Does away with a lock, whoever has it; who waits for it is refused.
    ///
    /// # Errors
    /// [`UnknownLock`](crate::ErrorKind::UnknownLock): there is none (−14008). Those of all calls.
    ///
    /// # Cancel safety
    /// It may be removed or not when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(locks: rtm_client::Locks) -> Result<(), rtm_client::Error> {
    /// use rtm_client::ChannelId;
    ///
    /// locks.remove_lock(&ChannelId::message("lobby")?, "editor").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn remove_lock(&self, channel: &ChannelId, name: &str) -> Result<(), Error> {
        self.act(channel, name, LockAct::Remove).await.map(drop)
    }

    /// All locks of a channel, by name. Nobody has to be in the channel. It counts as a read of
    /// metadata.
    ///
    /// # Errors
    /// [`TooFrequent`](crate::ErrorKind::TooFrequent) (−10021).
    /// [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn),
    /// [`NotConnected`](crate::ErrorKind::NotConnected): not asked, or the session was lost before
    /// the answer.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    ///
    /// ```no_run
    /// # async fn example(locks: rtm_client::Locks) -> Result<(), rtm_client::Error> {
    /// use rtm_client::ChannelId;
    ///
    /// for lock in locks.get_locks(&ChannelId::message("lobby")?).await? {
    ///     println!("{}: {:?}", lock.name, lock.owner);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_locks(&self, channel: &ChannelId) -> Result<Vec<LockDetail>, Error> {
        let command = Command::GetLocks { channel: channel.clone() };
        match self.shared.call(command, None).await? {
            Answer::Locks(locks) => Ok(locks),
            _ => Err(Error::new(ErrorKind::Protocol)),
        }
    }

    /// Whether this client may rely on a lock that it has acquired. Asks nobody.
    ///
    /// Not once its TTL has passed since the newest packet was sent that the server is known to
    /// have: the server may have given the lock to somebody else, and can't tell it. Choose a TTL
    /// well above [`heartbeat_interval`](crate::ClientBuilder::heartbeat_interval), in which the
    /// server is pinged. Nor after what ends it here: the lock is released, the channel left, the
    /// client logged out; and when an event tells so, of which
    /// [`SubscribeOptions::locks`](crate::SubscribeOptions::locks) lets the client hear. What has
    /// ended once doesn't begin again; acquire the lock anew, which gives the same token if it is
    /// still this user's.
    ///
    /// Against a revocation that isn't known yet, work that was begun before, and a device that
    /// sleeps (its clock may stand still), only the [token](OwnedLock::token) helps.
    #[must_use]
    pub fn is_held(&self, channel: &ChannelId, own: &OwnedLock) -> bool {
        is_held(&self.shared.held().borrow(), channel, own)
    }

    /// Waits until a lock isn't [held](Self::is_held) any more.
    ///
    /// # Cancel safety
    /// Nothing is changed when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(locks: rtm_client::Locks) -> Result<(), rtm_client::Error> {
    /// use rtm_client::ChannelId;
    ///
    /// let lobby = ChannelId::message("lobby")?;
    /// let own = locks.acquire_lock(&lobby, "editor", true).await?;
    /// tokio::select! {
    ///     () = locks.lost(&lobby, &own) => println!("somebody else may have it"),
    ///     () = tokio::time::sleep(std::time::Duration::from_secs(5)) => println!("done in time"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn lost(&self, channel: &ChannelId, own: &OwnedLock) {
        let mut held = self.shared.held();
        // The sender lives as long as this does.
        let _ = held.wait_for(|held| !is_held(held, channel, own)).await;
    }

    async fn act(&self, channel: &ChannelId, name: &str, act: LockAct) -> Result<Answer, Error> {
        let (channel, name) = (channel.clone(), name.to_owned());
        self.shared.call(Command::Lock { channel, name, act }, None).await
    }
}

fn is_held(held: &HeldLocks, channel: &ChannelId, own: &OwnedLock) -> bool {
    held.get(&(channel.clone(), own.name.clone())) == Some(&own.token)
}

impl fmt::Debug for Locks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locks").finish_non_exhaustive()
    }
}
