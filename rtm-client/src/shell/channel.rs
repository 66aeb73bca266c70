//! Message channels.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use rtm_channel::ChannelName;
use rtm_wire::ChannelKind;

use super::publish::{PendingPublish, Window};
use super::queue::{Queue, Sink};
use super::shared::Shared;
use crate::channel_id::ChannelId;
use crate::core::{Command, Target};
use crate::error::Error;
use crate::message::{ChannelEvent, Published};
use crate::options::{PublishOptions, SubscribeOptions};

/// A message channel: everybody may publish, and who is subscribed receives.
///
/// Cheap to clone; clones share one window of unanswered messages. Dropping it ends nothing.
///
/// ```no_run
/// # async fn example(lobby: rtm_client::MessageChannel) -> Result<(), rtm_client::Error> {
/// use rtm_client::{PublishOptions, SubscribeOptions};
///
/// let mut messages = lobby.subscribe(SubscribeOptions::new()).await?;
/// let published = lobby.publish("hello", PublishOptions::text()).await?;
/// println!("number {} of the channel", published.sequence);
/// lobby.unsubscribe().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MessageChannel {
    shared: Arc<Shared>,
    name: ChannelName,
    window: Window,
}

impl MessageChannel {
    pub(super) fn new(shared: &Arc<Shared>, name: ChannelName) -> Self {
        Self { shared: Arc::clone(shared), name, window: Window::new() }
    }

    /// The channel's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Subscribes; done when the channel's owner has said so. There is one subscription at a time.
    ///
    /// # Errors
    /// [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn): no login was asked for, or it failed.
    /// [`NotConnected`](crate::ErrorKind::NotConnected): there was no session for too long, or it
    /// was lost before the answer.
    /// [`Duplicate`](crate::ErrorKind::Duplicate): subscribed already, here or by a clone.
    /// [`TooFrequent`](crate::ErrorKind::TooFrequent),
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) and other refusals of the server.
    ///
    /// # Cancel safety
    /// When the future is dropped, the channel is not subscribed, or won't be soon.
    ///
    /// ```no_run
    /// # async fn example(lobby: rtm_client::MessageChannel) -> Result<(), rtm_client::Error> {
    /// use rtm_client::SubscribeOptions;
    ///
    /// let mut messages = lobby.subscribe(SubscribeOptions::new().presence(false)).await?;
    /// println!("{:?}", messages.recv().await);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn subscribe(&self, options: SubscribeOptions) -> Result<MessageSubscription, Error> {
        let (mut queue, sink) = Queue::new(&self.shared, Sink::Channel);
        queue.set_latest(options.is_latest_only(), |event| match event {
            ChannelEvent::Message(_) | ChannelEvent::Undecryptable(_) => Some(""),
            _ => None,
        });
        let (channel, handle) = (self.name.clone(), queue.handle());
        let command = Command::Subscribe { channel, options, handle };
        self.shared.call(command, Some(sink)).await?;
        let channel = ChannelId::of(ChannelKind::Message, &self.name);
        Ok(MessageSubscription::new(queue, Some(channel)))
    }

    /// Ends the subscription: what has arrived can still be received, then nothing follows.
    ///
    /// # Errors
    /// [`NotSubscribed`](crate::ErrorKind::NotSubscribed).
    ///
    /// # Cancel safety
    /// Once polled, the subscription ends.
    ///
    /// ```no_run
    /// # async fn example(lobby: rtm_client::MessageChannel) -> Result<(), rtm_client::Error> {
    /// lobby.unsubscribe().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn unsubscribe(&self) -> Result<(), Error> {
        let channel = self.name.clone();
        self.shared.call(Command::Unsubscribe { channel }, None).await.map(drop)
    }

    /// Publishes a message; done when the channel's owner has given it its place.
    ///
    /// On a network that has gone silent this waits until the session dies, up to 40 s, and for the
    /// next one, in which it is published again if it has no answer. Without a session it waits for
    /// one, for two minutes ([`waiting_calls`](crate::ClientBuilder::waiting_calls)). Who can't
    /// wait so long wraps it in `tokio::time::timeout`; the outcome is unknown then.
    ///
    /// # Errors
    /// [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn),
    /// [`NotConnected`](crate::ErrorKind::NotConnected): it was not sent.
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): a session was lost before the answer,
    /// and the server may have forgotten whether it was published.
    /// [`MessageTooLarge`](crate::ErrorKind::MessageTooLarge),
    /// [`TooFrequent`](crate::ErrorKind::TooFrequent) and other refusals of the server: it was not
    /// published.
    ///
    /// # Cancel safety
    /// The message may be published or not when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(lobby: rtm_client::MessageChannel) -> Result<(), rtm_client::Error> {
    /// use rtm_client::PublishOptions;
    ///
    /// let published = lobby.publish("hello", PublishOptions::text()).await?;
    /// println!("number {} at {} ms", published.sequence, published.time_ms);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn publish(
        &self,
        payload: impl Into<Bytes>,
        options: PublishOptions,
    ) -> Result<Published, Error> {
        self.send(payload, options).await?.await
    }

    /// Publishes a message without waiting for the answer, which the returned future gives: for
    /// many messages in a row.
    ///
    /// Waits only for room: [`PUBLISH_WINDOW_BYTES`](crate::PUBLISH_WINDOW_BYTES) may be unanswered
    /// in this channel handle and its clones. Messages are published in the order of the calls.
    ///
    /// Doesn't keep to the server's rates: what is too much is refused with
    /// [`TooFrequent`](crate::ErrorKind::TooFrequent), see
    /// [`RtmClient::limits`](crate::RtmClient::limits). A development server has no rates; try with
    /// its setting `preset = "hosted"` before a release.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed),
    /// [`NoRuntime`](crate::ErrorKind::NoRuntime). All else comes with the answer.
    ///
    /// # Cancel safety
    /// Nothing is sent when the future is dropped before it is done.
    ///
    /// ```no_run
    /// # async fn example(lobby: rtm_client::MessageChannel) -> Result<(), rtm_client::Error> {
    /// use rtm_client::PublishOptions;
    ///
    /// // Both are under way before the first is answered.
    /// let first = lobby.send("one", PublishOptions::text()).await?;
    /// let second = lobby.send("two", PublishOptions::text()).await?;
    /// assert!(first.await?.sequence < second.await?.sequence);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send(
        &self,
        payload: impl Into<Bytes>,
        options: PublishOptions,
    ) -> Result<PendingPublish, Error> {
        let target = Target::Channel(self.name.clone());
        self.window.send(&self.shared, target, payload.into(), options).await
    }
}

impl fmt::Debug for MessageChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageChannel").field("name", &self.name()).finish_non_exhaustive()
    }
}

/// Receives the messages of a channel, or of the inbox.
///
/// An application that is slower than the channel stops the channel's lane, and nothing else: the
/// server sends at most 256 KiB that are not received, then it queues, and in the end does what
/// [`SubscribeOptions::queue`] says. Survives losses of the session; messages that are missing
/// because of one are reported as a gap. Dropping it unsubscribes in the background. A channel's
/// subscription ends with the logout, and when the link becomes
/// [`Failed`](crate::LinkState::Failed); the inbox stays open.
///
/// ```no_run
/// # async fn example(
/// #     mut messages: rtm_client::MessageSubscription,
/// # ) -> Result<(), rtm_client::Error> {
/// while let Some(event) = messages.recv().await {
///     println!("{:?}: {event:?}", messages.channel());
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping a subscription ends it"]
pub struct MessageSubscription {
    queue: Queue<ChannelEvent>,
    /// None of the inbox.
    channel: Option<ChannelId>,
}

impl MessageSubscription {
    pub(super) const fn new(queue: Queue<ChannelEvent>, channel: Option<ChannelId>) -> Self {
        Self { queue, channel }
    }

    /// Which message channel it is; none if it is the inbox.
    #[must_use]
    pub const fn channel(&self) -> Option<&ChannelId> {
        self.channel.as_ref()
    }

    /// The next event; `None` when the subscription has ended.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<ChannelEvent> {
        self.queue.recv().await
    }

    /// The next event, if it is there already.
    ///
    /// ```no_run
    /// # async fn example(
    /// #     mut messages: rtm_client::MessageSubscription,
    /// # ) -> Result<(), rtm_client::Error> {
    /// // What is there, between two frames.
    /// while let Some(event) = messages.try_recv() {
    ///     println!("{event:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_recv(&mut self) -> Option<ChannelEvent> {
        self.queue.try_recv()
    }
}

impl fmt::Debug for MessageSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSubscription").finish_non_exhaustive()
    }
}
