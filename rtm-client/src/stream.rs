//! What stream channels show of their members and topics.

use bytes::Bytes;
use rtm_wire::{Delivery, Priority, Qos, Reliability, UnixTime};

use crate::error::Error;
use crate::lock::LockEvent;
use crate::presence::PresenceEvent;
use crate::storage::StorageEvent;

/// Somebody who publishes in a topic.
///
/// ```no_run
/// # async fn example(town: rtm_client::StreamChannel) -> Result<(), rtm_client::Error> {
/// for it in town.topics().await? {
///     println!("{} in {} since {} ms", it.publisher, it.topic, it.since_ms);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Publication {
    /// The topic.
    pub topic: String,
    /// Who publishes in it.
    pub publisher: String,
    /// Order of the publisher's messages.
    pub qos: Qos,
    /// Urgency of the publisher's messages.
    pub priority: Priority,
    /// What may become of the publisher's messages.
    pub reliability: Reliability,
    /// After how many milliseconds they are worth nothing; only with [`Reliability::Deadline`].
    pub deadline_ms: Option<u32>,
    /// What the publisher shows of itself.
    pub meta: Bytes,
    /// Since when it publishes, in milliseconds since 1970, by the server's clock.
    pub since_ms: u64,
}

impl Publication {
    pub(crate) fn new(
        (topic, publisher): (&str, &str),
        since: UnixTime,
        delivery: Delivery,
        meta: Bytes,
    ) -> Self {
        let Delivery { qos, priority, reliability, deadline_ms } = delivery;
        let deadline_ms = (reliability == Reliability::Deadline).then_some(deadline_ms);
        let (topic, publisher) = (topic.to_owned(), publisher.to_owned());
        let since_ms = since.as_millis();
        Self { topic, publisher, qos, priority, reliability, deadline_ms, meta, since_ms }
    }
}

/// News of a joined stream channel.
///
/// ```no_run
/// # async fn example(mut members: rtm_client::StreamEvents) -> Result<(), rtm_client::Error> {
/// use rtm_client::StreamEvent;
///
/// while let Some(event) = members.recv().await {
///     match event {
///         StreamEvent::Snapshot(publications) => println!("{} publications", publications.len()),
///         StreamEvent::PublisherJoined(it) => println!("{} in {}", it.publisher, it.topic),
///         StreamEvent::PublisherLeft { publisher, .. } => println!("-{publisher}"),
///         StreamEvent::Ended(error) => println!("{error}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StreamEvent {
    /// Which others publish what: after joining, and again after each loss of the session. Replaces
    /// what was known.
    Snapshot(Vec<Publication>),
    /// Who is in the channel, or came and went.
    Presence(PresenceEvent),
    /// The channel's metadata, or a change of it, for who asked for it by
    /// [`SubscribeOptions::metadata`](crate::SubscribeOptions::metadata).
    Storage(StorageEvent),
    /// The channel's locks, or a change of one, for who asked for it by
    /// [`SubscribeOptions::locks`](crate::SubscribeOptions::locks).
    Lock(LockEvent),
    /// Another user began to publish in a topic.
    PublisherJoined(Publication),
    /// Another user ceased to publish in a topic.
    PublisherLeft {
        /// The topic.
        topic: String,
        /// Who published in it.
        publisher: String,
        /// When it ceased, in milliseconds since 1970, by the server's clock.
        time_ms: u64,
    },
    /// The application was too slow: so many events were dropped.
    /// [`StreamChannel::topics`](crate::StreamChannel::topics) has the present state.
    Lagged(u64),
    /// The membership has ended without being asked to: nothing follows.
    Ended(Error),
}

/// What the server said to a topic subscription.
///
/// ```
/// use rtm_client::SubscribedUsers;
///
/// fn tell(users: &SubscribedUsers) {
///     println!("{:?} are heard, {} are not", users.succeeded, users.failed.len());
/// }
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SubscribedUsers {
    /// Whose messages are heard now because of this call.
    pub succeeded: Vec<String>,
    /// Whose are not, with the reasons.
    pub failed: Vec<FailedUser>,
}

/// A user whose messages could not be subscribed, or unsubscribed.
///
/// ```
/// use rtm_client::FailedUser;
///
/// fn tell(failed: &FailedUser) {
///     println!("{}: {}", failed.user, failed.error.code());
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailedUser {
    /// The user.
    pub user: String,
    /// Why.
    pub error: Error,
}

impl SubscribedUsers {
    pub(crate) fn new(users: &rtm_wire::TopicUsers<'_>) -> Self {
        let failed = users.failed.iter().map(|failed| FailedUser {
            user: failed.user.to_owned(),
            error: Error::from_answer(failed.code, ""),
        });
        Self {
            succeeded: users.succeeded.iter().map(|heard| heard.user.to_owned()).collect(),
            failed: failed.collect(),
        }
    }
}
