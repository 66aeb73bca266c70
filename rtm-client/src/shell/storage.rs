//! Metadata of channels and users.

use std::fmt;
use std::sync::Arc;

use rtm_channel::UserId;

use super::queue::{Queue, Sink};
use super::shared::Shared;
use crate::channel_id::ChannelId;
use crate::core::{Answer, Command, MetadataTarget, WriteKind};
use crate::error::{Error, ErrorKind};
use crate::storage::{
    Metadata, MetadataItem, MetadataOptions, MetadataPage, Stored, UserMetadataEvent,
};

/// Metadata: a set of items, key and value, of each channel and of each user.
///
/// Items are there until they are removed, whoever comes and goes; the server keeps them on its
/// disk, and answers when they are there. Everybody who is logged in may read and write every set,
/// as in RTM 2.x, and nobody has to be in the channel. Changes of a channel are told to who asked
/// for them by [`SubscribeOptions::metadata`](crate::SubscribeOptions::metadata), those of a user
/// to who has [subscribed](Self::subscribe_user_metadata). Values are not sealed by
/// [`Encryption`](crate::Encryption), which is for messages: seal them yourself.
///
/// **Revisions.** A set's revision grows by one with each write, and what is written has the set's.
/// A write may say what it expects, of the set ([`MetadataOptions::major_revision`]) and of each
/// item ([`MetadataItem::revision`]): −1 no check, 0 must not exist, n must be at n. Of several who
/// expect the same, one succeeds; the others get
/// [`OutdatedRevision`](crate::ErrorKind::OutdatedRevision), read, and try again.
///
/// ```no_run
/// use rtm_client::{ChannelId, ErrorKind, MetadataItem, MetadataOptions, RtmClient};
///
/// # async fn example(client: RtmClient) -> Result<(), rtm_client::Error> {
/// let (storage, lobby) = (client.storage(), ChannelId::message("lobby")?);
/// let topic = [MetadataItem::new("topic", "cats")];
/// storage.set_channel_metadata(&lobby, topic, MetadataOptions::new().record_author(true)).await?;
///
/// // Counts up, whoever else does.
/// loop {
///     let metadata = storage.get_channel_metadata(&lobby).await?;
///     let (count, revision) = match metadata.get("count") {
///         Some(item) => {
///             let text = String::from_utf8_lossy(&item.value);
///             (text.parse().unwrap_or(0), item.revision)
///         }
///         None => (0, 0),
///     };
///     let next = MetadataItem::new("count", (count + 1).to_string()).revision(revision);
///     match storage.set_channel_metadata(&lobby, [next], MetadataOptions::new()).await {
///         Err(error) if error.kind() == ErrorKind::OutdatedRevision => {}
///         other => break other.map(drop)?,
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    shared: Arc<Shared>,
}

impl Storage {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared) }
    }

    /// Writes items of a channel, whether they are there or not; all of them or none. Others stay.
    ///
    /// # Errors
    /// [`OutdatedRevision`](crate::ErrorKind::OutdatedRevision): the set, or an item, has another
    /// revision than was expected (−12014).
    /// [`InvalidMetadata`](crate::ErrorKind::InvalidMetadata): no item (−12003), a number that is
    /// no revision (−12005), a key that is none (−12009), or one twice (−12013).
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded): too many items (−12002) or bytes
    /// (−12006), a key (−12011) or value (−12012) that is too long.
    /// [`TooFrequent`](crate::ErrorKind::TooFrequent): more writes than the server allows (−10021).
    /// [`UnknownLock`](crate::ErrorKind::UnknownLock),
    /// [`LockNotOwned`](crate::ErrorKind::LockNotOwned): the lock that was named (−12007, −12008).
    /// [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn),
    /// [`NotConnected`](crate::ErrorKind::NotConnected): it was not sent.
    /// In all these cases nothing was written.
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): the session was lost before the
    /// answer; nobody knows whether it was written. One that expects a revision may be tried again.
    ///
    /// # Cancel safety
    /// It may be written or not when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(storage: rtm_client::Storage) -> Result<(), rtm_client::Error> {
    /// use rtm_client::{ChannelId, MetadataItem, MetadataOptions};
    ///
    /// let lobby = ChannelId::message("lobby")?;
    /// let items = vec![MetadataItem::new("topic", "dinner")];
    /// let stored = storage.set_channel_metadata(&lobby, items, MetadataOptions::new()).await?;
    /// println!("revision {}", stored.major_revision);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_channel_metadata(
        &self,
        channel: &ChannelId,
        items: impl IntoIterator<Item = MetadataItem>,
        options: MetadataOptions,
    ) -> Result<Stored, Error> {
        self.write(of_channel(channel), WriteKind::Set, items, options).await
    }

    /// Writes items of a channel that are all there; all of them or none. Others stay.
    ///
    /// # Errors
    /// As [`set_channel_metadata`](Self::set_channel_metadata); −12014 for an item that isn't
    /// there.
    ///
    /// # Cancel safety
    /// As [`set_channel_metadata`](Self::set_channel_metadata).
    ///
    /// ```no_run
    /// # async fn example(storage: rtm_client::Storage) -> Result<(), rtm_client::Error> {
    /// use rtm_client::{ChannelId, MetadataItem, MetadataOptions};
    ///
    /// // Only if nobody has changed it since revision 7.
    /// let items = vec![MetadataItem::new("topic", "lunch").revision(7)];
    /// let lobby = ChannelId::message("lobby")?;
    /// storage.update_channel_metadata(&lobby, items, MetadataOptions::new()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn update_channel_metadata(
        &self,
        channel: &ChannelId,
        items: impl IntoIterator<Item = MetadataItem>,
        options: MetadataOptions,
    ) -> Result<Stored, Error> {
        self.write(of_channel(channel), WriteKind::Update, items, options).await
    }

    /// Removes items of a channel that are all there, or, without any, the whole set. Of the items
    /// only key and revision count: [`MetadataItem::named`].
    ///
    /// # Errors
    /// As [`update_channel_metadata`](Self::update_channel_metadata); also −12014 for a whole set
    /// that isn't there.
    ///
    /// # Cancel safety
    /// As [`set_channel_metadata`](Self::set_channel_metadata).
    ///
    /// ```no_run
    /// # async fn example(storage: rtm_client::Storage) -> Result<(), rtm_client::Error> {
    /// use rtm_client::{ChannelId, MetadataItem, MetadataOptions};
    ///
    /// let items = vec![MetadataItem::named("topic")];
    /// let lobby = ChannelId::message("lobby")?;
    /// storage.remove_channel_metadata(&lobby, items, MetadataOptions::new()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn remove_channel_metadata(
        &self,
        channel: &ChannelId,
        items: impl IntoIterator<Item = MetadataItem>,
        options: MetadataOptions,
    ) -> Result<Stored, Error> {
        self.write(of_channel(channel), WriteKind::Remove, items, options).await
    }

    /// The whole set of a channel, as it was at one moment; empty where there is none. What doesn't
    /// fit one answer is read in several, and begun anew if the set changes in between, 16 times at
    /// most.
    ///
    /// # Errors
    /// [`OutdatedRevision`](crate::ErrorKind::OutdatedRevision): it changes faster than it can be
    /// read. [`LimitExceeded`](crate::ErrorKind::LimitExceeded): it has more than 4,096 items or
    /// 2 MiB; read it page by page. [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn),
    /// [`NotConnected`](crate::ErrorKind::NotConnected): no session, or it was lost meanwhile.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(storage: rtm_client::Storage) -> Result<(), rtm_client::Error> {
    /// use rtm_client::ChannelId;
    ///
    /// let metadata = storage.get_channel_metadata(&ChannelId::message("lobby")?).await?;
    /// println!("{:?}", metadata.get("topic"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_channel_metadata(&self, channel: &ChannelId) -> Result<Metadata, Error> {
        self.read(of_channel(channel)).await
    }

    /// A part of a channel's set, by key: at most `limit` items (0: as many as the server gives),
    /// those after the key `after`. Pages of different revisions don't belong together.
    ///
    /// # Errors
    /// [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn),
    /// [`NotConnected`](crate::ErrorKind::NotConnected): no session, or it was lost meanwhile.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(storage: rtm_client::Storage) -> Result<(), rtm_client::Error> {
    /// use rtm_client::ChannelId;
    ///
    /// let lobby = ChannelId::message("lobby")?;
    /// let page = storage.channel_metadata_page(&lobby, 100, None).await?;
    /// println!("{} items", page.items.len());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn channel_metadata_page(
        &self,
        channel: &ChannelId,
        limit: u64,
        after: Option<&str>,
    ) -> Result<MetadataPage, Error> {
        self.page(of_channel(channel), limit, after).await
    }

    /// Writes items of a user, `None` for this client's own, whether they are there or not.
    ///
    /// # Errors
    /// As [`set_channel_metadata`](Self::set_channel_metadata), and
    /// [`InvalidUserId`](crate::ErrorKind::InvalidUserId). Users have no locks: naming one is
    /// refused with −12007.
    ///
    /// # Cancel safety
    /// As [`set_channel_metadata`](Self::set_channel_metadata).
    ///
    /// ```no_run
    /// # async fn example(storage: rtm_client::Storage) -> Result<(), rtm_client::Error> {
    /// use rtm_client::{MetadataItem, MetadataOptions};
    ///
    /// // One's own.
    /// let items = vec![MetadataItem::new("name", "Alice")];
    /// storage.set_user_metadata(None, items, MetadataOptions::new()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_user_metadata(
        &self,
        user: Option<&str>,
        items: impl IntoIterator<Item = MetadataItem>,
        options: MetadataOptions,
    ) -> Result<Stored, Error> {
        self.write(self.of_user(user)?, WriteKind::Set, items, options).await
    }

    /// Writes items of a user, `None` for this client's own, that are all there.
    ///
    /// # Errors
    /// As [`set_user_metadata`](Self::set_user_metadata); −12014 for an item that isn't there.
    ///
    /// # Cancel safety
    /// As [`set_channel_metadata`](Self::set_channel_metadata).
    ///
    /// ```no_run
    /// # async fn example(storage: rtm_client::Storage) -> Result<(), rtm_client::Error> {
    /// use rtm_client::{MetadataItem, MetadataOptions};
    ///
    /// let items = vec![MetadataItem::new("name", "Alice B.")];
    /// storage.update_user_metadata(None, items, MetadataOptions::new()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn update_user_metadata(
        &self,
        user: Option<&str>,
        items: impl IntoIterator<Item = MetadataItem>,
        options: MetadataOptions,
    ) -> Result<Stored, Error> {
        self.write(self.of_user(user)?, WriteKind::Update, items, options).await
    }

    /// Removes items of a user, `None` for this client's own, that are all there, or, without any,
    /// the whole set.
    ///
    /// # Errors
    /// As [`update_user_metadata`](Self::update_user_metadata); also −12014 for a whole set that
    /// isn't there.
    ///
    /// # Cancel safety
    /// As [`set_channel_metadata`](Self::set_channel_metadata).
    ///
    /// ```no_run
    /// # async fn example(storage: rtm_client::Storage) -> Result<(), rtm_client::Error> {
    /// use rtm_client::MetadataOptions;
    ///
    /// // All of one's own.
    /// storage.remove_user_metadata(None, Vec::new(), MetadataOptions::new()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn remove_user_metadata(
        &self,
        user: Option<&str>,
        items: impl IntoIterator<Item = MetadataItem>,
        options: MetadataOptions,
    ) -> Result<Stored, Error> {
        self.write(self.of_user(user)?, WriteKind::Remove, items, options).await
    }

    /// The whole set of a user, `None` for this client's own, as it was at one moment.
    ///
    /// # Errors
    /// As [`get_channel_metadata`](Self::get_channel_metadata), and
    /// [`InvalidUserId`](crate::ErrorKind::InvalidUserId).
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(storage: rtm_client::Storage) -> Result<(), rtm_client::Error> {
    /// let metadata = storage.get_user_metadata(Some("bob")).await?;
    /// println!("{:?}", metadata.get("name"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_user_metadata(&self, user: Option<&str>) -> Result<Metadata, Error> {
        self.read(self.of_user(user)?).await
    }

    /// A part of a user's set, by key; as [`channel_metadata_page`](Self::channel_metadata_page).
    ///
    /// # Errors
    /// As [`channel_metadata_page`](Self::channel_metadata_page), and
    /// [`InvalidUserId`](crate::ErrorKind::InvalidUserId).
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(storage: rtm_client::Storage) -> Result<(), rtm_client::Error> {
    /// let page = storage.user_metadata_page(Some("bob"), 100, None).await?;
    /// println!("{} items", page.items.len());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn user_metadata_page(
        &self,
        user: Option<&str>,
        limit: u64,
        after: Option<&str>,
    ) -> Result<MetadataPage, Error> {
        self.page(self.of_user(user)?, limit, after).await
    }

    /// Subscribes to a user's metadata, whether the user is there or not: all of it comes first,
    /// then each change. One subscription to each user at a time.
    ///
    /// # Errors
    /// [`InvalidUserId`](crate::ErrorKind::InvalidUserId).
    /// [`Duplicate`](crate::ErrorKind::Duplicate): subscribed already, here or by a clone.
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded): to as many users as the server allows
    /// (−12017). [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn),
    /// [`NotConnected`](crate::ErrorKind::NotConnected): no session, or it was lost meanwhile.
    ///
    /// # Cancel safety
    /// When the future is dropped, the user is not subscribed, or won't be soon.
    ///
    /// ```no_run
    /// # async fn example(storage: rtm_client::Storage) -> Result<(), rtm_client::Error> {
    /// let mut changes = storage.subscribe_user_metadata("bob").await?;
    /// while let Some(event) = changes.recv().await {
    ///     println!("{event:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn subscribe_user_metadata(&self, user: &str) -> Result<MetadataSubscription, Error> {
        let user = user_id(user)?;
        let (queue, sink) = Queue::new(&self.shared, Sink::UserMetadata);
        let handle = queue.handle();
        let command = Command::SubscribeUserMetadata { user: user.clone(), handle };
        self.shared.call(command, Some(sink)).await?;
        Ok(MetadataSubscription { queue, user })
    }

    /// Ends the subscription to a user's metadata, as dropping it does: what has arrived can still
    /// be received, then nothing follows.
    ///
    /// # Errors
    /// [`InvalidUserId`](crate::ErrorKind::InvalidUserId).
    /// [`NotSubscribed`](crate::ErrorKind::NotSubscribed): −12015.
    ///
    /// # Cancel safety
    /// Once polled, the subscription ends.
    ///
    /// ```no_run
    /// # async fn example(storage: rtm_client::Storage) -> Result<(), rtm_client::Error> {
    /// storage.unsubscribe_user_metadata("bob").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn unsubscribe_user_metadata(&self, user: &str) -> Result<(), Error> {
        let user = user_id(user)?;
        self.shared.call(Command::UnsubscribeUserMetadata { user }, None).await.map(drop)
    }

    async fn write(
        &self,
        target: MetadataTarget,
        kind: WriteKind,
        items: impl IntoIterator<Item = MetadataItem>,
        options: MetadataOptions,
    ) -> Result<Stored, Error> {
        let items = items.into_iter().collect();
        let command = Command::WriteMetadata { target, kind, items, options };
        match self.shared.call(command, None).await? {
            Answer::Stored(stored) => Ok(stored),
            _ => Err(Error::new(ErrorKind::Protocol)),
        }
    }

    async fn read(&self, target: MetadataTarget) -> Result<Metadata, Error> {
        match self.shared.call(Command::ReadMetadata { target }, None).await? {
            Answer::Metadata(metadata) => Ok(metadata),
            _ => Err(Error::new(ErrorKind::Protocol)),
        }
    }

    async fn page(
        &self,
        target: MetadataTarget,
        limit: u64,
        after: Option<&str>,
    ) -> Result<MetadataPage, Error> {
        let after = after.unwrap_or_default().to_owned();
        match self.shared.call(Command::ReadMetadataPage { target, limit, after }, None).await? {
            Answer::MetadataPage(page) => Ok(page),
            _ => Err(Error::new(ErrorKind::Protocol)),
        }
    }

    fn of_user(&self, user: Option<&str>) -> Result<MetadataTarget, Error> {
        match user {
            Some(user) => user_id(user).map(MetadataTarget::User),
            None => Ok(MetadataTarget::User(self.shared.user_id().clone())),
        }
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").finish_non_exhaustive()
    }
}

/// Receives a user's metadata, and its changes.
///
/// Survives losses of the session: the next one begins with a new snapshot. Dropping it
/// unsubscribes in the background. Ends with the logout, and when the link becomes
/// [`Failed`](crate::LinkState::Failed). An application that doesn't receive stops the lane
/// of this user's metadata, and no other.
///
/// ```no_run
/// # async fn example(storage: rtm_client::Storage) -> Result<(), rtm_client::Error> {
/// let mut changes = storage.subscribe_user_metadata("bob").await?;
/// println!("{} has {:?}", changes.user_id().to_owned(), changes.recv().await);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping a subscription ends it"]
pub struct MetadataSubscription {
    queue: Queue<UserMetadataEvent>,
    user: UserId,
}

impl MetadataSubscription {
    /// Whose metadata it is.
    #[must_use]
    pub fn user_id(&self) -> &str {
        self.user.as_str()
    }

    /// The next event; `None` when the subscription has ended.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<UserMetadataEvent> {
        self.queue.recv().await
    }

    /// The next event, if it is there already.
    pub fn try_recv(&mut self) -> Option<UserMetadataEvent> {
        self.queue.try_recv()
    }
}

impl fmt::Debug for MetadataSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetadataSubscription")
            .field("user_id", &self.user_id())
            .finish_non_exhaustive()
    }
}

fn of_channel(channel: &ChannelId) -> MetadataTarget {
    MetadataTarget::Channel(channel.clone())
}

/// A user's name, checked before anything is sent.
pub(super) fn user_id(user: &str) -> Result<UserId, Error> {
    Ok(UserId::new(user).map_err(|wrong| wrong.refusal(UserId::ERROR))?)
}
