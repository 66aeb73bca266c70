//! Histories of channels.

use std::fmt;
use std::sync::Arc;

use rtm_channel::ChannelName;

use super::shared::Shared;
use crate::core::{Answer, Command};
use crate::error::{Error, ErrorKind};
use crate::history::{HistoryMessages, HistoryOptions};

/// Histories: messages that were published to be stored
/// ([`PublishOptions::store_in_history`](crate::PublishOptions::store_in_history)).
///
/// A message channel has one, which everybody who is logged in may read, subscribed or not; and
/// each user has one of what was sent to it, which only that user may read. How long messages are
/// kept, and how many, is up to the server; 7 days and 10,000 messages if its operator says
/// nothing. A subscriber that comes back after a loss of its session gets what was stored
/// meanwhile by itself.
///
/// ```no_run
/// use rtm_client::{HistoryOptions, RtmClient};
///
/// # async fn example(client: RtmClient) -> Result<(), rtm_client::Error> {
/// let history = client.history();
/// let mut options = HistoryOptions::new().message_count(50);
/// loop {
///     let page = history.get_messages("lobby", options.clone()).await?;
///     for found in &page.messages {
///         println!("{}: {:?}", found.message.publisher, found.message.payload);
///     }
///     match page.next {
///         Some(next) => options = options.page(next),
///         None => break,
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// Cheap to clone.
#[derive(Clone)]
pub struct History {
    shared: Arc<Shared>,
}

impl History {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared) }
    }

    /// Messages of a message channel, newest first unless the options say otherwise. What doesn't
    /// fit one answer is read in several.
    ///
    /// # Errors
    /// [`InvalidName`](crate::ErrorKind::InvalidName).
    /// [`InvalidHistoryRange`](crate::ErrorKind::InvalidHistoryRange): more than 100 messages, or
    /// none (−15004); the end isn't before the start (−15002).
    /// [`Unsupported`](crate::ErrorKind::Unsupported): the server keeps no history of this channel
    /// (−15005). [`TooFrequent`](crate::ErrorKind::TooFrequent).
    /// [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn),
    /// [`NotConnected`](crate::ErrorKind::NotConnected): no session, or it was lost meanwhile.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(history: rtm_client::History) -> Result<(), rtm_client::Error> {
    /// use rtm_client::HistoryOptions;
    ///
    /// let mut options = HistoryOptions::new().message_count(50);
    /// loop {
    ///     let page = history.get_messages("lobby", options).await?;
    ///     page.messages.iter().for_each(|it| println!("{:?}", it.message.payload));
    ///     let Some(next) = page.next else { break };
    ///     options = HistoryOptions::new().message_count(50).page(next);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_messages(
        &self,
        channel: &str,
        options: HistoryOptions,
    ) -> Result<HistoryMessages, Error> {
        let name = ChannelName::new(channel);
        let name = name.map_err(|wrong| wrong.refusal(ChannelName::ERROR))?;
        self.get(Some(name), options).await
    }

    /// Messages that were sent to this user, received ones too.
    ///
    /// # Errors
    /// As [`get_messages`](Self::get_messages).
    ///
    /// # Cancel safety
    /// As [`get_messages`](Self::get_messages).
    ///
    /// ```no_run
    /// # async fn example(history: rtm_client::History) -> Result<(), rtm_client::Error> {
    /// use rtm_client::HistoryOptions;
    ///
    /// let received = history.get_own_messages(HistoryOptions::new()).await?;
    /// println!("{} messages", received.messages.len());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_own_messages(
        &self,
        options: HistoryOptions,
    ) -> Result<HistoryMessages, Error> {
        self.get(None, options).await
    }

    async fn get(
        &self,
        channel: Option<ChannelName>,
        options: HistoryOptions,
    ) -> Result<HistoryMessages, Error> {
        match self.shared.call(Command::GetMessages { channel, options }, None).await? {
            Answer::History(messages) => Ok(messages),
            _ => Err(Error::new(ErrorKind::Protocol)),
        }
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").finish_non_exhaustive()
    }
}
