//! What comes out of subscriptions, and what a publish gives.

use bytes::Bytes;
use rtm_wire::{MessageEvent, MessageType, Reach, TopicMessageEvent, shared};

use crate::error::Error;
use crate::lock::LockEvent;
use crate::presence::PresenceEvent;
use crate::storage::StorageEvent;
use crate::text::Text;

/// A message of a message channel, or of one's own user channel.
///
/// ```
/// use rtm_client::{ChannelMessage, MessageType};
///
/// fn tell(message: &ChannelMessage) {
///     if message.message_type == MessageType::String {
///         let text = String::from_utf8_lossy(&message.payload);
///         println!("{} in place {}: {text}", message.publisher, message.sequence);
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelMessage {
    /// Who published it.
    pub publisher: Text,
    /// The message; shares the receive buffer.
    pub payload: Bytes,
    /// How the publisher means the payload to be read.
    pub message_type: MessageType,
    /// The publisher's own mark, or empty.
    pub custom_type: Text,
    /// Which life of the channel's owner the sequence belongs to. Only grows.
    pub epoch: u64,
    /// The message's place in the channel within the epoch; without holes.
    pub sequence: u64,
    /// When the server got it: milliseconds since 1970, of the server's clock.
    pub time_ms: u64,
}

impl ChannelMessage {
    /// `event` was read from `message`.
    pub(crate) fn new(message: &Bytes, event: &MessageEvent<'_>) -> Self {
        Self {
            publisher: Text::shared(message, event.publisher),
            payload: shared_payload(message, event.payload),
            message_type: event.message_type,
            custom_type: Text::shared(message, event.custom_type),
            epoch: event.position.epoch.0,
            sequence: event.position.sequence.0,
            time_ms: event.time.as_millis(),
        }
    }
}

/// Messages of a channel that are missing. They are not repeated.
///
/// ```
/// use rtm_client::Gap;
///
/// fn tell(gap: &Gap) {
///     match gap.count {
///         Some(count) => println!("{count} messages are missing"),
///         None => println!("messages are missing since {:?}", gap.after),
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// How many are missing. `None`: unknown, since the channel's owner began a new epoch.
    pub count: Option<u64>,
    /// The last message before the gap: epoch and sequence.
    pub after: (u64, u64),
    /// The first message behind the gap: epoch and sequence.
    pub before: (u64, u64),
}

impl From<rtm_channel::Gap> for Gap {
    fn from(gap: rtm_channel::Gap) -> Self {
        Self {
            count: gap.count(),
            after: (gap.after.epoch.0, gap.after.sequence.0),
            before: (gap.before.epoch.0, gap.before.sequence.0),
        }
    }
}

/// News of a subscribed message channel, or of one's own user channel.
///
/// ```no_run
/// # async fn example(
/// #     mut messages: rtm_client::MessageSubscription,
/// # ) -> Result<(), rtm_client::Error> {
/// use rtm_client::ChannelEvent;
///
/// while let Some(event) = messages.recv().await {
///     match event {
///         ChannelEvent::Message(it) => println!("{}: {:?}", it.publisher, it.payload),
///         ChannelEvent::Gap(gap) => println!("{:?} messages are missing", gap.count),
///         ChannelEvent::Ended(error) => println!("{error}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ChannelEvent {
    /// A message.
    Message(ChannelMessage),
    /// A message that this client's [`Encryption`](crate::Encryption) doesn't open: it was sealed
    /// with another key, changed on its way, or not sealed at all. The payload is as it came.
    Undecryptable(ChannelMessage),
    /// Who is in the channel, or came and went.
    Presence(PresenceEvent),
    /// The channel's metadata, or a change of it, for who asked for it by
    /// [`SubscribeOptions::metadata`](crate::SubscribeOptions::metadata).
    Storage(StorageEvent),
    /// The channel's locks, or a change of one, for who asked for it by
    /// [`SubscribeOptions::locks`](crate::SubscribeOptions::locks).
    Lock(LockEvent),
    /// Messages are missing at this place.
    Gap(Gap),
    /// The subscription has ended without being asked to: nothing follows.
    Ended(Error),
}

/// A message in a topic.
///
/// ```
/// use rtm_client::TopicMessage;
///
/// fn tell(message: &TopicMessage) {
///     println!("{}: {} bytes at {}", message.publisher, message.payload.len(), message.time_ms);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicMessage {
    /// Who published it.
    pub publisher: Text,
    /// The message; shares the receive buffer.
    pub payload: Bytes,
    /// How the publisher means the payload to be read.
    pub message_type: MessageType,
    /// The publisher's own mark, or empty.
    pub custom_type: Text,
    /// Which life of the channel's owner the numbers belong to. Only grows.
    pub epoch: u64,
    /// Which of the user's publications: each join of a topic begins a new one. Only grows.
    pub publication: u64,
    /// The message's place in the publication, from 1. The owner leaves no holes; what is missing
    /// between two messages of a publication that skips was skipped.
    pub sequence: u64,
    /// When the server got it: milliseconds since 1970, of the server's clock.
    pub time_ms: u64,
}

impl TopicMessage {
    /// `event` was read from `message`.
    pub(crate) fn new(message: &Bytes, event: &TopicMessageEvent<'_>) -> Self {
        Self {
            publisher: Text::shared(message, event.publisher),
            payload: shared_payload(message, event.payload),
            message_type: event.message_type,
            custom_type: Text::shared(message, event.custom_type),
            epoch: event.epoch.0,
            publication: event.publication.0,
            sequence: event.sequence.0,
            time_ms: event.time.as_millis(),
        }
    }
}

/// Messages of one publisher in a topic that are missing. They are not repeated.
///
/// ```
/// use rtm_client::TopicGap;
///
/// fn tell(gap: &TopicGap) {
///     println!("{:?} of {} are missing", gap.count, gap.publisher);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicGap {
    /// Whose messages.
    pub publisher: Text,
    /// Which of the user's publications.
    pub publication: u64,
    /// How many are missing. `None`: unknown, since the publication ended while the session was
    /// lost.
    pub count: Option<u64>,
    /// Sequence of the last message before the gap; 0 if there was none.
    pub after: u64,
    /// Sequence of the first message behind the gap, if there is one.
    pub before: Option<u64>,
}

impl TopicGap {
    /// A gap that the message before which it is has shown.
    pub(crate) fn new(
        message: &Bytes,
        event: &TopicMessageEvent<'_>,
        gap: rtm_topic::TopicGap,
    ) -> Self {
        let publisher = Text::shared(message, event.publisher);
        Self::build(publisher, event.publication.0, gap.after.0, Some(gap.before.0))
    }

    /// A gap that was found after a loss of the session.
    pub(crate) fn missed(missed: &rtm_topic::TopicMissed) -> Self {
        let publisher = Text::from(missed.user.as_str());
        let before = missed.before.map(|before| before.0);
        Self::build(publisher, missed.publication.sequence.0, missed.after.0, before)
    }

    fn build(publisher: Text, publication: u64, after: u64, before: Option<u64>) -> Self {
        let count = before.map(|before| before.saturating_sub(after + 1));
        Self { publisher, publication, count, after, before }
    }
}

/// News of a subscribed topic.
///
/// ```no_run
/// # async fn example(
/// #     mut subscription: rtm_client::TopicSubscription,
/// # ) -> Result<(), rtm_client::Error> {
/// use rtm_client::TopicEvent;
///
/// while let Some(event) = subscription.recv().await {
///     match event {
///         TopicEvent::Message(it) => println!("{}: {:?}", it.publisher, it.payload),
///         TopicEvent::Gap(gap) => println!("{:?} messages are missing", gap.count),
///         TopicEvent::Ended(error) => println!("{error}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TopicEvent {
    /// A message.
    Message(TopicMessage),
    /// A message that this client's [`Encryption`](crate::Encryption) doesn't open: it was sealed
    /// with another key, changed on its way, or not sealed at all. The payload is as it came.
    Undecryptable(TopicMessage),
    /// Messages of one publisher are missing at this place. Of publishers that didn't choose
    /// [`Qos::Ordered`](crate::Qos::Ordered) it is told after a loss of the session only: else
    /// nobody knows what is still to come. What was missed until the subscription is restored may
    /// be told in two parts, and after the first messages that follow it.
    Gap(TopicGap),
    /// The subscription has ended without being asked to: nothing follows.
    Ended(Error),
}

/// What the channel's owner answered to a publish: the message has its place.
///
/// ```no_run
/// # async fn example(lobby: rtm_client::MessageChannel) -> Result<(), rtm_client::Error> {
/// use rtm_client::PublishOptions;
///
/// let published = lobby.publish("hello", PublishOptions::text()).await?;
/// println!("place {} of life {}", published.sequence, published.epoch);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Published {
    /// Which life of the channel's owner the sequence belongs to.
    pub epoch: u64,
    /// The message's place in the channel, or in the publication of a topic.
    pub sequence: u64,
    /// The time that subscribers see: milliseconds since 1970, of the server's clock.
    pub time_ms: u64,
    /// How far it has got by now.
    pub reached: Reached,
}

/// How far a published message has got.
///
/// ```no_run
/// # async fn example(bob: rtm_client::UserChannel) -> Result<(), rtm_client::Error> {
/// use rtm_client::{PublishOptions, Reached};
///
/// let options = PublishOptions::text().store_in_history(true);
/// match bob.publish("are you there?", options).await?.reached {
///     Reached::Received => println!("he is"),
///     Reached::Stored => println!("he gets it when he comes"),
///     _ => {}
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reached {
    /// It has its place in the channel or topic, and goes to whoever is subscribed.
    Sequenced,
    /// This client has taken it, in a topic that skips messages
    /// ([`TopicOptions::deadline`](crate::TopicOptions::deadline),
    /// [`latest_only`](crate::TopicOptions::latest_only)): it goes out unless it gets too late or a
    /// newer one takes its place. Epoch, sequence and time are not known, and 0.
    Admitted,
    /// The user's SDK has it, with its inbox open.
    Received,
    /// The user isn't there; the message waits for it. RTM 2.x: −11035.
    Stored,
    /// The user's SDK has it, but it could not be stored as was asked. RTM 2.x: −11037.
    ReceivedNotStored,
}

impl Reached {
    /// The number that RTM 2.x gives this outcome, 0 where it is a plain success.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Sequenced | Self::Admitted | Self::Received => 0,
            Self::Stored => -11_035,
            Self::ReceivedNotStored => -11_037,
        }
    }
}

impl Published {
    /// Of a message that no owner answers.
    pub(crate) const ADMITTED: Self =
        Self { epoch: 0, sequence: 0, time_ms: 0, reached: Reached::Admitted };
}

impl From<rtm_wire::Published> for Published {
    fn from(published: rtm_wire::Published) -> Self {
        Self {
            epoch: published.position.epoch.0,
            sequence: published.position.sequence.0,
            time_ms: published.time.as_millis(),
            reached: Reached::Sequenced,
        }
    }
}

impl From<rtm_wire::UserPublished> for Published {
    fn from(user: rtm_wire::UserPublished) -> Self {
        let reached = match user.reach {
            Reach::Stored => Reached::Stored,
            Reach::ReceivedNotStored => Reached::ReceivedNotStored,
            // A later server may know more; what it calls a success is one.
            _ => Reached::Received,
        };
        Self { reached, ..Self::from(user.published) }
    }
}

fn shared_payload(message: &Bytes, payload: &[u8]) -> Bytes {
    if payload.is_empty() { Bytes::new() } else { shared(message, payload) }
}
