//! The two ways of a message that are measured.

use std::fmt;

use bytes::Bytes;
use rtm_client::{
    ChannelEvent, JoinOptions, MessageChannel, MessageSubscription, PendingPublish, PublishOptions,
    Publishers, Qos, RtmClient, SubscribeOptions, TopicEvent, TopicOptions, TopicPublisher,
    TopicSubscription,
};

use crate::Failure;
use crate::clock::Stamp;

const CHANNEL: &str = "lobby";
const TOPIC: &str = "positions";

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    MessageChannel,
    OrderedTopic,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MessageChannel => "message channel",
            Self::OrderedTopic => "ordered topic",
        })
    }
}

/// Somebody who publishes.
pub(crate) enum Publisher {
    Channel(MessageChannel),
    Topic(TopicPublisher),
}

impl Publisher {
    pub(crate) async fn new(kind: Kind, client: &RtmClient) -> Result<Self, Failure> {
        match kind {
            Kind::MessageChannel => Ok(Self::Channel(client.message_channel(CHANNEL)?)),
            Kind::OrderedTopic => {
                let channel = client.stream_channel(CHANNEL)?;
                // The events may go, the membership stays.
                drop(
                    channel
                        .join(JoinOptions::new().options(SubscribeOptions::new().presence(false)))
                        .await?,
                );
                let options = TopicOptions::new().qos(Qos::Ordered);
                Ok(Self::Topic(channel.join_topic(TOPIC, options).await?))
            }
        }
    }

    pub(crate) async fn send(&self, stamp: Stamp) -> Result<PendingPublish, Failure> {
        let (payload, options) = (stamp.payload(), PublishOptions::new());
        let payload = Bytes::copy_from_slice(&payload);
        match self {
            Self::Channel(channel) => Ok(channel.send(payload, options).await?),
            Self::Topic(topic) => Ok(topic.send(payload, options).await?),
        }
    }
}

/// Somebody who is subscribed.
pub(crate) enum Subscriber {
    Channel(MessageSubscription),
    Topic(TopicSubscription),
}

impl Subscriber {
    /// In a topic, only after somebody publishes there.
    pub(crate) async fn new(kind: Kind, client: &RtmClient) -> Result<Self, Failure> {
        match kind {
            Kind::MessageChannel => {
                let channel = client.message_channel(CHANNEL)?;
                Ok(Self::Channel(channel.subscribe(SubscribeOptions::new().presence(false)).await?))
            }
            Kind::OrderedTopic => {
                let channel = client.stream_channel(CHANNEL)?;
                // The events may go, the membership stays.
                drop(
                    channel
                        .join(JoinOptions::new().options(SubscribeOptions::new().presence(false)))
                        .await?,
                );
                Ok(Self::Topic(channel.subscribe_topic(TOPIC, Publishers::All).await?))
            }
        }
    }

    /// The next message; whatever else comes is a failure of the measurement.
    pub(crate) async fn recv(&mut self) -> Result<Stamp, Failure> {
        let payload = match self {
            Self::Channel(subscription) => match subscription.recv().await {
                Some(ChannelEvent::Message(message)) => message.payload,
                other => return Err(format!("instead of a message: {other:?}").into()),
            },
            Self::Topic(subscription) => match subscription.recv().await {
                Some(TopicEvent::Message(message)) => message.payload,
                other => return Err(format!("instead of a message: {other:?}").into()),
            },
        };
        Stamp::read(&payload).ok_or_else(|| "a message of somebody else".into())
    }
}
