//! Stream channels.

use std::fmt;
use std::sync::Arc;

use rtm_channel::{ChannelName, UserId};
use rtm_topic::TopicName;
use rtm_wire::ChannelKind;
use tokio::sync::broadcast;

use super::queue::{Queue, Sink};
use super::shared::{Guard, Shared};
use super::topic::{TopicPublisher, TopicSubscription};
use crate::channel_id::ChannelId;
use crate::core::{Answer, Command};
use crate::error::{Error, ErrorKind};
use crate::message::TopicEvent;
use crate::options::{JoinOptions, Publishers, TopicOptions, TopicSubscribeOptions};
use crate::queue_policy::QueuePolicy;
use crate::stream::{Publication, StreamEvent, SubscribedUsers};

/// Events of a stream channel that wait for a slow application.
const EVENTS_MAX: usize = 256;

/// A stream channel: who has joined it may publish in its topics, and subscribe to publishers.
///
/// Cheap to clone. Dropping it ends nothing: the membership lasts until [`leave`](Self::leave) or
/// the logout.
///
/// ```no_run
/// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
/// use rtm_client::{JoinOptions, PublishOptions, Publishers, TopicOptions};
///
/// let town = client.stream_channel("town")?;
/// let mut members = town.join(JoinOptions::new().token("007…")).await?;
/// let positions = town.join_topic("positions", TopicOptions::new().latest_only()).await?;
/// let mut others = town.subscribe_topic("positions", Publishers::All).await?;
/// positions.publish("52.52,13.40", PublishOptions::text()).await?;
/// println!("{:?}", others.recv().await);
/// town.leave().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct StreamChannel {
    shared: Arc<Shared>,
    name: ChannelName,
}

impl StreamChannel {
    pub(super) fn new(shared: &Arc<Shared>, name: ChannelName) -> Self {
        Self { shared: Arc::clone(shared), name }
    }

    /// The channel's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Joins the channel; done when its owner has said so. Its first event shows which others
    /// publish what.
    ///
    /// # Errors
    /// [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn),
    /// [`NotConnected`](crate::ErrorKind::NotConnected): no session, or it was lost meanwhile.
    /// [`Duplicate`](crate::ErrorKind::Duplicate): joined already, or still being left.
    /// [`InvalidToken`](crate::ErrorKind::InvalidToken) and other refusals of the server.
    ///
    /// # Cancel safety
    /// The channel may be joined or not when the future is dropped; [`leave`](Self::leave) makes
    /// sure.
    ///
    /// ```no_run
    /// # async fn example(town: rtm_client::StreamChannel) -> Result<(), rtm_client::Error> {
    /// use rtm_client::JoinOptions;
    ///
    /// let mut members = town.join(JoinOptions::new().token("007…")).await?;
    /// println!("{:?}", members.recv().await);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn join(&self, options: JoinOptions) -> Result<StreamEvents, Error> {
        let (sender, events) = broadcast::channel(EVENTS_MAX);
        let guard = Guard::new(&self.shared);
        let (channel, handle) = (self.name.clone(), guard.handle);
        let command = Command::Join { channel, options, handle };
        self.shared.call(command, Some((handle, Sink::Stream(sender)))).await?;
        let channel = ChannelId::of(ChannelKind::Stream, &self.name);
        Ok(StreamEvents { events, channel, _guard: guard })
    }

    /// Gives the membership another token: it lasts as long as that, may do what that lets it do,
    /// and is restored with it after a loss of the session. To be called when
    /// [`ClientEvent::Token`](crate::ClientEvent::Token) names this channel and says that the
    /// present one ends soon.
    ///
    /// # Errors
    /// [`NotJoined`](crate::ErrorKind::NotJoined).
    /// [`InvalidToken`](crate::ErrorKind::InvalidToken),
    /// [`TokenExpired`](crate::ErrorKind::TokenExpired): not one for this channel and user; the
    /// membership goes on with the one before.
    /// [`NotConnected`](crate::ErrorKind::NotConnected), −10026: the session was lost before the
    /// answer; the channel is joined again with this token. Without a session nobody is asked, and
    /// the same is done. [`TooFrequent`](crate::ErrorKind::TooFrequent).
    ///
    /// # Cancel safety
    /// It may be taken or not when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(town: rtm_client::StreamChannel) -> Result<(), rtm_client::Error> {
    /// town.renew_token("007…").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn renew_token(&self, token: impl Into<String>) -> Result<(), Error> {
        let (channel, token) = (self.name.clone(), token.into());
        self.shared.call(Command::RenewChannelToken { channel, token }, None).await.map(drop)
    }

    /// Gives the channel up: leaves it if it is joined, or about to be. For programs that have
    /// learned it from RTM 2.x; dropping all handles of a channel that isn't joined does the same.
    ///
    /// # Errors
    /// [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn) and others that keep from leaving.
    ///
    /// # Cancel safety
    /// As [`leave`](Self::leave).
    ///
    /// ```no_run
    /// # async fn example(town: rtm_client::StreamChannel) -> Result<(), rtm_client::Error> {
    /// town.release().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn release(self) -> Result<(), Error> {
        match self.leave().await {
            Err(error) if error.kind() == ErrorKind::NotJoined => Ok(()),
            left => left,
        }
    }

    /// Leaves the channel: all publications and topic subscriptions in it end.
    ///
    /// Messages that are unanswered may be refused; leave the topics first where that matters.
    ///
    /// # Errors
    /// [`NotJoined`](crate::ErrorKind::NotJoined).
    ///
    /// # Cancel safety
    /// Once polled, the membership ends.
    ///
    /// ```no_run
    /// # async fn example(town: rtm_client::StreamChannel) -> Result<(), rtm_client::Error> {
    /// town.leave().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn leave(&self) -> Result<(), Error> {
        self.shared.call(Command::Leave { channel: self.name.clone() }, None).await.map(drop)
    }

    /// Which others publish what at present, as far as this client knows; own publications aren't
    /// shown. Asks nobody.
    ///
    /// # Errors
    /// [`NotJoined`](crate::ErrorKind::NotJoined);
    /// [`NotConnected`](crate::ErrorKind::NotConnected) while it isn't known.
    ///
    /// # Cancel safety
    /// Nothing happens when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(town: rtm_client::StreamChannel) -> Result<(), rtm_client::Error> {
    /// for publication in town.topics().await? {
    ///     println!("{} in {}", publication.publisher, publication.topic);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn topics(&self) -> Result<Vec<Publication>, Error> {
        match self.shared.call(Command::Topics { channel: self.name.clone() }, None).await? {
            Answer::Topics(publications) => Ok(publications),
            _ => Err(Error::new(ErrorKind::Protocol)),
        }
    }

    /// Becomes a publisher in a topic; done when the channel's owner has said so. The topic comes
    /// to be with its first publisher.
    ///
    /// # Errors
    /// [`InvalidName`](crate::ErrorKind::InvalidName).
    /// [`NotJoined`](crate::ErrorKind::NotJoined): join the channel first.
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) and other refusals of the server.
    ///
    /// # Cancel safety
    /// When the future is dropped, the topic is not joined, or won't be soon.
    ///
    /// ```no_run
    /// # async fn example(town: rtm_client::StreamChannel) -> Result<(), rtm_client::Error> {
    /// use rtm_client::{PublishOptions, Qos, TopicOptions};
    ///
    /// let chat = town.join_topic("chat", TopicOptions::new().qos(Qos::Ordered)).await?;
    /// chat.publish("hello", PublishOptions::text()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn join_topic(
        &self,
        topic: &str,
        options: TopicOptions,
    ) -> Result<TopicPublisher, Error> {
        let topic = topic_name(topic)?;
        let guard = Guard::new(&self.shared);
        let (channel, handle) = (self.name.clone(), guard.handle);
        let command = Command::JoinTopic { channel, topic: topic.clone(), options, handle };
        self.shared.call(command, None).await?;
        Ok(TopicPublisher::new(guard, topic))
    }

    /// Subscribes to publishers of a topic; done when the channel's owner has said whose messages
    /// come. There is one subscription of a topic at a time; it can be changed.
    ///
    /// [`Publishers::All`] succeeds even if nobody publishes there yet. Users that are named have
    /// to publish already: name those of the [`StreamEvent::Snapshot`], or wait for their
    /// [`StreamEvent::PublisherJoined`]. Takes [`Publishers`], or [`TopicSubscribeOptions`].
    ///
    /// # Errors
    /// [`InvalidName`](crate::ErrorKind::InvalidName),
    /// [`InvalidUserList`](crate::ErrorKind::InvalidUserList).
    /// [`Unsupported`](crate::ErrorKind::Unsupported): a topic isn't stored, so that nobody can
    /// catch up.
    /// [`NotJoined`](crate::ErrorKind::NotJoined): join the channel first.
    /// [`Duplicate`](crate::ErrorKind::Duplicate): the topic is subscribed.
    /// [`UnknownTopic`](crate::ErrorKind::UnknownTopic): none of the users that are named publishes
    /// there. Other refusals of the server.
    ///
    /// # Cancel safety
    /// When the future is dropped, the topic is not subscribed, or won't be soon.
    ///
    /// ```no_run
    /// # async fn example(town: rtm_client::StreamChannel) -> Result<(), rtm_client::Error> {
    /// use rtm_client::Publishers;
    ///
    /// let subscription = town.subscribe_topic("chat", Publishers::users(["alice", "bob"])).await?;
    /// for failed in &subscription.subscribed().failed {
    ///     println!("{}: {}", failed.user, failed.error);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn subscribe_topic(
        &self,
        topic: &str,
        options: impl Into<TopicSubscribeOptions>,
    ) -> Result<TopicSubscription, Error> {
        let topic = topic_name(topic)?;
        let TopicSubscribeOptions { publishers, queue: policy } = options.into();
        let users = user_ids(publishers)?;
        let (mut queue, sink) = Queue::new(&self.shared, Sink::Topic);
        queue.set_latest(policy == QueuePolicy::LatestOnly, |event| match event {
            TopicEvent::Message(it) | TopicEvent::Undecryptable(it) => Some(&it.publisher),
            _ => None,
        });
        let (channel, handle) = (self.name.clone(), queue.handle());
        let command = Command::SubscribeTopic {
            channel,
            topic: topic.clone(),
            users,
            queue: policy.wire(),
            handle,
        };
        let subscribed = subscribed(self.shared.call(command, Some(sink)).await?)?;
        let channel = ChannelId::of(ChannelKind::Stream, &self.name);
        Ok(TopicSubscription::new(queue, (channel, topic), subscribed))
    }

    /// Whose messages of a topic this client receives at present. Asks nobody.
    ///
    /// # Errors
    /// [`NotJoined`](crate::ErrorKind::NotJoined),
    /// [`NotSubscribed`](crate::ErrorKind::NotSubscribed);
    /// [`NotConnected`](crate::ErrorKind::NotConnected) while it isn't known.
    ///
    /// # Cancel safety
    /// Nothing happens when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(town: rtm_client::StreamChannel) -> Result<(), rtm_client::Error> {
    /// println!("{:?}", town.subscribed_users("chat").await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn subscribed_users(&self, topic: &str) -> Result<Vec<String>, Error> {
        let (channel, topic) = (self.name.clone(), topic_name(topic)?);
        match self.shared.call(Command::SubscribedUsers { channel, topic }, None).await? {
            Answer::UserList(users) => Ok(users),
            _ => Err(Error::new(ErrorKind::Protocol)),
        }
    }
}

impl fmt::Debug for StreamChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamChannel").field("name", &self.name()).finish_non_exhaustive()
    }
}

/// Receives which others begin and cease to publish in a stream channel; own publications aren't
/// shown.
///
/// Holds 256 events; the oldest go when the application is slower. Dropping it discards events; the
/// membership goes on.
///
/// ```no_run
/// # async fn example(mut members: rtm_client::StreamEvents) -> Result<(), rtm_client::Error> {
/// while let Some(event) = members.recv().await {
///     println!("{}: {event:?}", members.channel());
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "events are lost unless they are received"]
pub struct StreamEvents {
    events: broadcast::Receiver<StreamEvent>,
    channel: ChannelId,
    _guard: Guard,
}

impl StreamEvents {
    /// Which channel it is.
    #[must_use]
    pub const fn channel(&self) -> &ChannelId {
        &self.channel
    }

    /// The next event; `None` when the membership has ended.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<StreamEvent> {
        match self.events.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(StreamEvent::Lagged(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl fmt::Debug for StreamEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamEvents").finish_non_exhaustive()
    }
}

pub(super) fn subscribed(answer: Answer) -> Result<SubscribedUsers, Error> {
    match answer {
        Answer::Users(users) => Ok(users),
        _ => Ok(SubscribedUsers::default()),
    }
}

/// Checked user ids; `None` for everybody.
pub(super) fn user_ids(publishers: Publishers) -> Result<Option<Vec<UserId>>, Error> {
    match publishers {
        Publishers::All => Ok(None),
        Publishers::Users(users) => checked(&users).map(Some),
    }
}

pub(super) fn checked<S: AsRef<str>>(users: &[S]) -> Result<Vec<UserId>, Error> {
    let check = |user: &S| {
        UserId::new(user.as_ref()).map_err(|wrong| {
            let wrong = format!("{:?} is no user: {wrong}", user.as_ref());
            Error::of(ErrorKind::InvalidUserList, wrong)
        })
    };
    users.iter().map(check).collect()
}

fn topic_name(name: &str) -> Result<TopicName, Error> {
    Ok(TopicName::new(name).map_err(|wrong| wrong.refusal(TopicName::ERROR))?)
}
