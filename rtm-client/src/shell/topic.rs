//! Publishing in topics, and receiving from them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use rtm_topic::TopicName;

use super::publish::{PendingPublish, Window};
use super::queue::Queue;
use super::shared::Guard;
use super::stream::{checked, subscribed, user_ids};
use crate::channel_id::ChannelId;
use crate::core::{Command, Target};
use crate::error::Error;
use crate::message::{Published, TopicEvent};
use crate::options::{PublishOptions, Publishers};
use crate::stream::SubscribedUsers;

/// Publishes in a topic.
///
/// Cheap to clone; clones share one window of unanswered messages. Survives losses of the session,
/// but not the end of the membership: after a logout, or when the link has become
/// [`Failed`](crate::LinkState::Failed), all further messages are refused with
/// [`TopicNotJoined`](crate::ErrorKind::TopicNotJoined); join channel and topic again after the
/// next login. When the last clone is dropped, the topic is left in the background, once all
/// messages are answered.
///
/// ```no_run
/// # async fn example(publisher: rtm_client::TopicPublisher) -> Result<(), rtm_client::Error> {
/// use rtm_client::PublishOptions;
///
/// publisher.publish("52.52,13.40", PublishOptions::text()).await?;
/// publisher.leave().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TopicPublisher {
    guard: Arc<Guard>,
    topic: TopicName,
    window: Window,
}

impl TopicPublisher {
    pub(super) fn new(guard: Guard, topic: TopicName) -> Self {
        Self { guard: Arc::new(guard), topic, window: Window::new() }
    }

    /// The topic's name.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.topic.as_str()
    }

    /// Publishes a message; done when the channel's owner has given it its place in this
    /// publication. How long that may take: see
    /// [`MessageChannel::publish`](crate::MessageChannel::publish).
    ///
    /// # Errors
    /// [`TopicNotJoined`](crate::ErrorKind::TopicNotJoined): the topic, or its channel, was left.
    /// All others as [`MessageChannel::publish`](crate::MessageChannel::publish).
    ///
    /// # Cancel safety
    /// The message may be published or not when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(publisher: rtm_client::TopicPublisher) -> Result<(), rtm_client::Error> {
    /// use rtm_client::PublishOptions;
    ///
    /// publisher.publish("hello", PublishOptions::text()).await?;
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
    /// Waits only for room in the window that this publisher and its clones share.
    ///
    /// Doesn't keep to the server's rates: what is too much is refused with
    /// [`TooFrequent`](crate::ErrorKind::TooFrequent), see
    /// [`RtmClient::limits`](crate::RtmClient::limits). A development server has no rates; try with
    /// its setting `preset = "hosted"` before a release.
    ///
    /// # Errors
    /// As [`MessageChannel::send`](crate::MessageChannel::send).
    ///
    /// # Cancel safety
    /// Nothing is sent when the future is dropped before it is done.
    ///
    /// ```no_run
    /// # async fn example(publisher: rtm_client::TopicPublisher) -> Result<(), rtm_client::Error> {
    /// use rtm_client::PublishOptions;
    ///
    /// for step in 0..100 {
    ///     // Waits while too much is unanswered; nobody has to wait for the answers.
    ///     let _answer = publisher.send(format!("step {step}"), PublishOptions::text()).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send(
        &self,
        payload: impl Into<Bytes>,
        options: PublishOptions,
    ) -> Result<PendingPublish, Error> {
        let target = Target::Topic(self.guard.handle);
        self.window.send(&self.guard.shared, target, payload.into(), options).await
    }

    /// Leaves the topic, once all messages that were sent are answered; until then, and from now
    /// on, further ones are refused.
    ///
    /// # Errors
    /// [`TopicNotJoined`](crate::ErrorKind::TopicNotJoined): it was left already.
    /// [`NotConnected`](crate::ErrorKind::NotConnected): there is no session, or it was lost before
    /// the messages were answered; the publication goes on with the next session.
    ///
    /// # Cancel safety
    /// Once polled, the publication ends.
    ///
    /// ```no_run
    /// # async fn example(publisher: rtm_client::TopicPublisher) -> Result<(), rtm_client::Error> {
    /// publisher.leave().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn leave(&self) -> Result<(), Error> {
        let command = Command::LeaveTopic { handle: self.guard.handle };
        self.guard.shared.call(command, None).await.map(drop)
    }
}

impl fmt::Debug for TopicPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicPublisher").field("topic", &self.topic()).finish_non_exhaustive()
    }
}

/// Receives messages of a topic.
///
/// As with [`MessageSubscription`](crate::MessageSubscription), a slow application stops the lanes
/// of these publishers, and nothing else. Survives losses of the session, but no logout and no
/// [`Failed`](crate::LinkState::Failed) link. Dropping it unsubscribes in the background.
///
/// ```no_run
/// # async fn example(
/// #     mut subscription: rtm_client::TopicSubscription,
/// # ) -> Result<(), rtm_client::Error> {
/// use rtm_client::Publishers;
///
/// subscription.add(Publishers::users(["carol"])).await?;
/// while let Some(event) = subscription.recv().await {
///     println!("{event:?}");
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping a subscription ends it"]
pub struct TopicSubscription {
    queue: Queue<TopicEvent>,
    channel: ChannelId,
    topic: TopicName,
    subscribed: SubscribedUsers,
}

impl TopicSubscription {
    pub(super) fn new(
        queue: Queue<TopicEvent>,
        (channel, topic): (ChannelId, TopicName),
        subscribed: SubscribedUsers,
    ) -> Self {
        Self { queue, channel, topic, subscribed }
    }

    /// The topic's name.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.topic.as_str()
    }

    /// The stream channel that the topic is in.
    #[must_use]
    pub const fn channel(&self) -> &ChannelId {
        &self.channel
    }

    /// What the server said when the topic was subscribed: whose messages come, and whose don't.
    /// [`StreamChannel::subscribed_users`](crate::StreamChannel::subscribed_users) has the present
    /// state.
    #[must_use]
    pub const fn subscribed(&self) -> &SubscribedUsers {
        &self.subscribed
    }

    /// The next event; `None` when the subscription has ended.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<TopicEvent> {
        self.queue.recv().await
    }

    /// The next event, if it is there already.
    pub fn try_recv(&mut self) -> Option<TopicEvent> {
        self.queue.try_recv()
    }

    /// Adds publishers; done when the channel's owner has said whose messages come in addition.
    ///
    /// # Errors
    /// As [`StreamChannel::subscribe_topic`](crate::StreamChannel::subscribe_topic).
    ///
    /// # Cancel safety
    /// They may be added or not when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(
    /// #     mut subscription: rtm_client::TopicSubscription,
    /// # ) -> Result<(), rtm_client::Error> {
    /// use rtm_client::Publishers;
    ///
    /// let added = subscription.add(Publishers::users(["carol"])).await?;
    /// println!("{:?}", added.succeeded);
    /// # let _ = &mut subscription;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn add(&self, publishers: Publishers) -> Result<SubscribedUsers, Error> {
        let (handle, users) = (self.queue.handle(), user_ids(publishers)?);
        let command = Command::AddPublishers { handle, users };
        subscribed(self.queue.shared().call(command, None).await?)
    }

    /// Removes publishers; done when the channel's owner has said whose messages don't come any
    /// more. The subscription goes on, even if it is empty.
    ///
    /// # Errors
    /// [`InvalidUserList`](crate::ErrorKind::InvalidUserList): an empty list, or no user ids.
    /// All others as [`add`](Self::add).
    ///
    /// # Cancel safety
    /// They may be removed or not when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(
    /// #     mut subscription: rtm_client::TopicSubscription,
    /// # ) -> Result<(), rtm_client::Error> {
    /// subscription.remove(&["carol"]).await?;
    /// # let _ = &mut subscription;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn remove<S: AsRef<str>>(&self, users: &[S]) -> Result<SubscribedUsers, Error> {
        let (handle, users) = (self.queue.handle(), checked(users)?);
        let command = Command::RemovePublishers { handle, users };
        subscribed(self.queue.shared().call(command, None).await?)
    }

    /// Ends the subscription, and waits for the server's answer. Dropping it doesn't wait.
    ///
    /// # Errors
    /// [`NotSubscribed`](crate::ErrorKind::NotSubscribed): it has ended already.
    ///
    /// # Cancel safety
    /// The subscription ends, whether the future is dropped or not.
    ///
    /// ```no_run
    /// # async fn example(
    /// #     mut subscription: rtm_client::TopicSubscription,
    /// # ) -> Result<(), rtm_client::Error> {
    /// # let _ = &mut subscription;
    /// subscription.unsubscribe().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn unsubscribe(self) -> Result<(), Error> {
        let command = Command::UnsubscribeTopic { handle: self.queue.handle() };
        self.queue.shared().call(command, None).await.map(drop)
    }
}

impl fmt::Debug for TopicSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicSubscription").field("topic", &self.topic()).finish_non_exhaustive()
    }
}
