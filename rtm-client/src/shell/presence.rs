//! Presence: what this user shows, and who is where.

use std::fmt;
use std::sync::Arc;

use super::shared::Shared;
use super::storage::user_id;
use crate::channel_id::ChannelId;
use crate::core::{Answer, Command};
use crate::error::{Error, ErrorKind};
use crate::presence::{OnlineUsers, OnlineUsersOptions, UserChannels, UserState};

/// What this user shows in channels, and questions who is where.
///
/// News of presence come with the subscription of a message channel
/// ([`ChannelEvent::Presence`](crate::ChannelEvent::Presence)) and the membership of a stream
/// channel ([`StreamEvent::Presence`](crate::StreamEvent::Presence)). Cheap to clone.
///
/// ```no_run
/// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
/// use rtm_client::{ChannelId, OnlineUsersOptions};
///
/// let (presence, lobby) = (client.presence(), ChannelId::message("lobby")?);
/// presence.set_state(&lobby, [("mood", "calm")]).await?;
/// let page = presence.online_users(&lobby, OnlineUsersOptions::new().states(true)).await?;
/// println!("{} of {}", page.users.len(), page.total);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Presence {
    shared: Arc<Shared>,
}

impl Presence {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared) }
    }

    /// Shows states in a channel: those that are named are added or replaced, others stay. Done
    /// when the server has said so; the others hear of it once for each call.
    ///
    /// Before the channel is subscribed or joined, at most 100 states in all channels together are
    /// kept, and shown as soon as it is: then this is done at once. So it is while the client is
    /// there quietly, or tries to come back. States are shown again after a loss of the session,
    /// and end with the unsubscription, the leave or the logout. With
    /// [`Encryption`](crate::Encryption) values are sealed, keys are not.
    ///
    /// In hosted preset a user shows at most 32 states in a channel, with keys of 64 bytes, values
    /// of 1,024 and all together 8,192 bytes ([`ServerLimits`](crate::ServerLimits)); at most 20
    /// calls a second.
    ///
    /// # Errors
    /// [`InvalidState`](crate::ErrorKind::InvalidState): a key that isn't 1 or more of the
    /// characters of names, or is named twice; an empty value.
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded),
    /// [`TooFrequent`](crate::ErrorKind::TooFrequent).
    /// [`NotPresent`](crate::ErrorKind::NotPresent): the channel was full when this user came.
    /// After an error nothing has changed.
    ///
    /// # Cancel safety
    /// The states may be shown or not when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(presence: rtm_client::Presence) -> Result<(), rtm_client::Error> {
    /// use rtm_client::ChannelId;
    ///
    /// let lobby = ChannelId::message("lobby")?;
    /// presence.set_state(&lobby, [("mood", "calm"), ("hand", "up")]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_state<K, V>(
        &self,
        channel: &ChannelId,
        states: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), Error>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let states = states.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        let command = Command::SetStates { channel: channel.clone(), states };
        self.shared.call(command, None).await.map(drop)
    }

    /// Shows the states of these keys no more, or none at all if no key is named. Keys that aren't
    /// there are passed over.
    ///
    /// # Errors
    /// [`TooFrequent`](crate::ErrorKind::TooFrequent),
    /// [`NotPresent`](crate::ErrorKind::NotPresent).
    ///
    /// # Cancel safety
    /// As [`set_state`](Self::set_state).
    ///
    /// ```no_run
    /// # async fn example(presence: rtm_client::Presence) -> Result<(), rtm_client::Error> {
    /// use rtm_client::ChannelId;
    ///
    /// presence.remove_state(&ChannelId::message("lobby")?, ["hand"]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn remove_state<K: Into<String>>(
        &self,
        channel: &ChannelId,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<(), Error> {
        let keys = keys.into_iter().map(Into::into).collect();
        let command = Command::RemoveStates { channel: channel.clone(), keys };
        self.shared.call(command, None).await.map(drop)
    }

    /// What a user shows in a channel, as the server knows it. This client need not be there.
    ///
    /// # Errors
    /// [`InvalidUserId`](crate::ErrorKind::InvalidUserId).
    /// [`UserNotPresent`](crate::ErrorKind::UserNotPresent): the user isn't there, or quietly.
    /// [`TooFrequent`](crate::ErrorKind::TooFrequent),
    /// [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn),
    /// [`NotConnected`](crate::ErrorKind::NotConnected).
    ///
    /// # Cancel safety
    /// Nothing happens when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(presence: rtm_client::Presence) -> Result<(), rtm_client::Error> {
    /// use rtm_client::ChannelId;
    ///
    /// let shown = presence.get_state(&ChannelId::message("lobby")?, "bob").await?;
    /// println!("{:?}", shown.states.get("mood"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_state(&self, channel: &ChannelId, user: &str) -> Result<UserState, Error> {
        let user = checked(user)?;
        let command = Command::GetStates { channel: channel.clone(), user };
        match self.shared.call(command, None).await? {
            Answer::States(states) => Ok(states),
            _ => Err(Error::new(ErrorKind::Protocol)),
        }
    }

    /// Who is in a channel, a page at a time; what RTM 2.x calls `getOnlineUsers` and `whoNow`.
    /// This client need not be there.
    ///
    /// # Errors
    /// [`InvalidState`](crate::ErrorKind::InvalidState): states without user ids (−13003).
    /// [`TooFrequent`](crate::ErrorKind::TooFrequent),
    /// [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn),
    /// [`NotConnected`](crate::ErrorKind::NotConnected).
    ///
    /// # Cancel safety
    /// Nothing happens when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(presence: rtm_client::Presence) -> Result<(), rtm_client::Error> {
    /// use rtm_client::{ChannelId, OnlineUsersOptions};
    ///
    /// let lobby = ChannelId::message("lobby")?;
    /// let mut options = OnlineUsersOptions::new();
    /// loop {
    ///     let page = presence.online_users(&lobby, options).await?;
    ///     page.users.iter().for_each(|user| println!("{}", user.user));
    ///     let Some(next) = page.next_page else { break };
    ///     options = OnlineUsersOptions::new().page(next);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn online_users(
        &self,
        channel: &ChannelId,
        options: OnlineUsersOptions,
    ) -> Result<OnlineUsers, Error> {
        let command = Command::OnlineUsers { channel: channel.clone(), options };
        match self.shared.call(command, None).await? {
            Answer::OnlineUsers(page) => Ok(page),
            _ => Err(Error::new(ErrorKind::Protocol)),
        }
    }

    /// Which channels a user is in, as far as others are told; what RTM 2.x calls
    /// `getUserChannels` and `whereNow`. Without a name, the client's own user.
    ///
    /// # Errors
    /// [`InvalidUserId`](crate::ErrorKind::InvalidUserId).
    /// [`TooFrequent`](crate::ErrorKind::TooFrequent),
    /// [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn),
    /// [`NotConnected`](crate::ErrorKind::NotConnected).
    ///
    /// # Cancel safety
    /// Nothing happens when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(presence: rtm_client::Presence) -> Result<(), rtm_client::Error> {
    /// for channel in presence.user_channels("bob").await?.channels {
    ///     println!("{channel}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn user_channels(&self, user: &str) -> Result<UserChannels, Error> {
        let user = if user.is_empty() { String::new() } else { checked(user)? };
        match self.shared.call(Command::UserChannels { user }, None).await? {
            Answer::UserChannels(channels) => Ok(channels),
            _ => Err(Error::new(ErrorKind::Protocol)),
        }
    }
}

impl fmt::Debug for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence").finish_non_exhaustive()
    }
}

fn checked(user: &str) -> Result<String, Error> {
    Ok(user_id(user)?.as_str().to_owned())
}
