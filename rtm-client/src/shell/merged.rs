//! The events of many subscriptions in one stream.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::channel::MessageSubscription;
use super::events::{ClientEvent, ClientEvents};
use super::storage::MetadataSubscription;
use super::stream::StreamEvents;
use super::topic::TopicSubscription;
use crate::channel_id::ChannelId;
use crate::message::{ChannelEvent, TopicEvent};
use crate::storage::UserMetadataEvent;
use crate::stream::StreamEvent;

/// An event of a client, and where it belongs.
///
/// ```
/// use rtm_client::RtmEvent;
///
/// fn tell(event: &RtmEvent) {
///     match event {
///         RtmEvent::Client(event) => println!("{event:?}"),
///         RtmEvent::Channel { channel, event } => println!("{channel}: {event:?}"),
///         RtmEvent::Topic { channel, topic, event } => println!("{channel}/{topic}: {event:?}"),
///         other => println!("{other:?}"),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RtmEvent {
    /// Of the client as a whole.
    Client(ClientEvent),
    /// Of a message channel.
    Channel {
        /// Which.
        channel: ChannelId,
        /// What happened.
        event: ChannelEvent,
    },
    /// Of the inbox.
    Inbox(ChannelEvent),
    /// Of a stream channel that is joined.
    Stream {
        /// Which.
        channel: ChannelId,
        /// What happened.
        event: StreamEvent,
    },
    /// Of a topic.
    Topic {
        /// Its stream channel.
        channel: ChannelId,
        /// Its name.
        topic: String,
        /// What happened.
        event: TopicEvent,
    },
    /// Of a user's metadata.
    UserMetadata {
        /// Whose.
        user: String,
        /// What happened.
        event: UserMetadataEvent,
    },
}

/// One stream of all events of a client, and of the subscriptions that are [`add`](Self::add)ed to
/// it, as the listeners of RTM 2.x have it: [`RtmClient::merged_events`](crate::RtmClient::merged_events).
///
/// Subscriptions take turns; each keeps its own order, and what it does when the application is too
/// slow. Dropping the stream ends them. One that ends leaves by itself.
///
/// ```no_run
/// use rtm_client::{ChannelEvent, ClientEvent, RtmClient, RtmEvent, SubscribeOptions};
///
/// # async fn example(client: RtmClient) -> Result<(), rtm_client::Error> {
/// let mut events = client.merged_events();
/// for name in ["lobby", "garden"] {
///     let channel = client.message_channel(name)?;
///     events.add(channel.subscribe(SubscribeOptions::new()).await?);
/// }
/// while let Some(event) = events.recv().await {
///     match event {
///         RtmEvent::Channel { channel, event: ChannelEvent::Message(message) } => {
///             println!("{channel} {}: {:?}", message.publisher, message.payload);
///         }
///         RtmEvent::Client(ClientEvent::LinkState(event)) => println!("{:?}", event.current),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "events are lost unless they are received"]
pub struct MergedEvents {
    /// Each with its subscription inside.
    next: Vec<Next>,
    /// Whose turn it is.
    turn: usize,
}

type Next = Pin<Box<dyn Future<Output = (Option<RtmEvent>, EventSource)> + Send>>;

/// What gives events: [`MergedEvents::add`] takes all of them.
///
/// ```no_run
/// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
/// let mut events = client.merged_events();
/// // An inbox, subscriptions and memberships are such sources.
/// events.add(client.inbox().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct EventSource(Source);

#[derive(Debug)]
enum Source {
    Client(ClientEvents),
    Channel(MessageSubscription),
    Stream(StreamEvents),
    Topic(TopicSubscription),
    Metadata(MetadataSubscription),
}

impl MergedEvents {
    pub(super) fn new(events: ClientEvents) -> Self {
        Self { next: vec![next(EventSource(Source::Client(events)))], turn: 0 }
    }

    /// Takes a subscription in: of a message channel, the inbox, a topic, a user's metadata, or the
    /// events of a stream channel.
    pub fn add(&mut self, source: impl Into<EventSource>) {
        self.next.push(next(source.into()));
    }

    /// The next event, of whichever subscription; `None` when the client is gone, and all have
    /// ended.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<RtmEvent> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<RtmEvent>> {
        let mut waiting = 0;
        while waiting < self.next.len() {
            let turn = self.turn % self.next.len();
            match self.next[turn].as_mut().poll(context) {
                Poll::Ready((Some(event), source)) => {
                    self.next[turn] = next(source);
                    self.turn = turn + 1;
                    return Poll::Ready(Some(event));
                }
                Poll::Ready((None, _)) => {
                    drop(self.next.swap_remove(turn));
                    // Who is there now hasn't been asked.
                    waiting = 0;
                }
                Poll::Pending => {
                    waiting += 1;
                    self.turn = turn + 1;
                }
            }
        }
        match self.next.is_empty() {
            true => Poll::Ready(None),
            false => Poll::Pending,
        }
    }
}

impl fmt::Debug for MergedEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MergedEvents").field("sources", &self.next.len()).finish_non_exhaustive()
    }
}

fn next(source: EventSource) -> Next {
    let EventSource(mut source) = source;
    Box::pin(async move {
        let event = source.recv().await;
        (event, EventSource(source))
    })
}

impl Source {
    async fn recv(&mut self) -> Option<RtmEvent> {
        Some(match self {
            Self::Client(events) => RtmEvent::Client(events.recv().await?),
            Self::Channel(subscription) => {
                let event = subscription.recv().await?;
                match subscription.channel().cloned() {
                    Some(channel) => RtmEvent::Channel { channel, event },
                    None => RtmEvent::Inbox(event),
                }
            }
            Self::Stream(events) => {
                let event = events.recv().await?;
                RtmEvent::Stream { channel: events.channel().clone(), event }
            }
            Self::Topic(subscription) => {
                let event = subscription.recv().await?;
                let topic = subscription.topic().to_owned();
                RtmEvent::Topic { channel: subscription.channel().clone(), topic, event }
            }
            Self::Metadata(subscription) => {
                let event = subscription.recv().await?;
                RtmEvent::UserMetadata { user: subscription.user_id().to_owned(), event }
            }
        })
    }
}

impl From<MessageSubscription> for EventSource {
    fn from(subscription: MessageSubscription) -> Self {
        Self(Source::Channel(subscription))
    }
}

impl From<StreamEvents> for EventSource {
    fn from(events: StreamEvents) -> Self {
        Self(Source::Stream(events))
    }
}

impl From<TopicSubscription> for EventSource {
    fn from(subscription: TopicSubscription) -> Self {
        Self(Source::Topic(subscription))
    }
}

impl From<MetadataSubscription> for EventSource {
    fn from(subscription: MetadataSubscription) -> Self {
        Self(Source::Metadata(subscription))
    }
}
