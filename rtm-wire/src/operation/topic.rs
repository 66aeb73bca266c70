//! Topics of stream channels (protocol §6.11 to §6.15, §6.18, §6.19).

use bytes::BufMut;

use super::field::{Position, name, put_text, text_len};
use super::{Body, kind};
use crate::delivery::Delivery;
use crate::encode::Encode;
use crate::error::Input;
use crate::id::{Epoch, Sequence};
use crate::kind::{MessageType, QueuePolicy, TopicChange};
use crate::limits;
use crate::list::List;
use crate::parse::{self, Parsed, blob, blob_len, put_blob, remainder};
use crate::time::UnixTime;
use crate::varint;

/// `join topic = channel text, topic text, delivery, meta blob`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinTopic<'a> {
    /// The stream channel, joined before.
    pub channel: &'a str,
    /// The topic; it comes to be with its first publisher.
    pub topic: &'a str,
    /// How this publisher's messages travel.
    pub delivery: Delivery,
    /// Shown to the other members.
    pub meta: &'a [u8],
}

impl<'a> Body<'a> for JoinTopic<'a> {
    const KIND: u8 = kind::JOIN_TOPIC;
    const NAME: &'static str = "join topic";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = name(body, "channel name")?;
        let (body, topic) = name(body, "topic name")?;
        let (body, delivery) = Delivery::parse(body)?;
        let (body, meta) = blob(body, "publisher meta", limits::META)?;
        Ok((body, Self { channel, topic, delivery, meta }))
    }

    fn body_len(&self) -> usize {
        text_len(self.channel)
            + text_len(self.topic)
            + self.delivery.encoded_len()
            + blob_len(self.meta)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        put_text(out, self.channel);
        put_text(out, self.topic);
        self.delivery.encode(out);
        put_blob(out, self.meta);
    }
}

/// `leave topic = channel text, topic text`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaveTopic<'a> {
    /// The stream channel.
    pub channel: &'a str,
    /// The topic.
    pub topic: &'a str,
}

impl<'a> Body<'a> for LeaveTopic<'a> {
    const KIND: u8 = kind::LEAVE_TOPIC;
    const NAME: &'static str = "leave topic";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = name(body, "channel name")?;
        let (body, topic) = name(body, "topic name")?;
        Ok((body, Self { channel, topic }))
    }

    fn body_len(&self) -> usize {
        text_len(self.channel) + text_len(self.topic)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        put_text(out, self.channel);
        put_text(out, self.topic);
    }
}

/// `publish topic = channel text, topic text, message type 1 byte, custom type text, payload to the
/// end`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishTopic<'a> {
    /// The stream channel.
    pub channel: &'a str,
    /// The topic, joined before.
    pub topic: &'a str,
    /// How to read the payload.
    pub message_type: MessageType,
    /// The application's own mark, or empty.
    pub custom_type: &'a str,
    /// The message.
    pub payload: &'a [u8],
}

impl<'a> Body<'a> for PublishTopic<'a> {
    const KIND: u8 = kind::PUBLISH_TOPIC;
    const NAME: &'static str = "publish topic";

    #[inline(always)]
    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = name(body, "channel name")?;
        let (body, topic) = name(body, "topic name")?;
        let (body, message_type) = MessageType::parse(body)?;
        let (body, custom_type) = parse::text(body, "custom type", limits::CUSTOM_TYPE)?;
        let (body, payload) = remainder(body, "message", limits::MESSAGE as usize)?;
        Ok((body, Self { channel, topic, message_type, custom_type, payload }))
    }

    #[inline]
    fn body_len(&self) -> usize {
        text_len(self.channel)
            + text_len(self.topic)
            + 1
            + text_len(self.custom_type)
            + self.payload.len()
    }

    #[inline]
    fn encode_body(&self, out: &mut impl BufMut) {
        put_text(out, self.channel);
        put_text(out, self.topic);
        out.put_u8(self.message_type.number());
        put_text(out, self.custom_type);
        out.put_slice(self.payload);
    }
}

/// `subscribe topic = channel text, topic text, users list of text, queue policy 1 byte`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscribeTopic<'a> {
    /// The stream channel, joined before.
    pub channel: &'a str,
    /// The topic.
    pub topic: &'a str,
    /// The publishers; empty for all of them (up to the limit).
    pub users: List<'a, &'a str>,
    /// What becomes of messages that come too fast, of all publishers of this subscription.
    pub queue: QueuePolicy,
}

impl<'a> Body<'a> for SubscribeTopic<'a> {
    const KIND: u8 = kind::SUBSCRIBE_TOPIC;
    const NAME: &'static str = "subscribe topic";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = name(body, "channel name")?;
        let (body, topic) = name(body, "topic name")?;
        let (body, users) = List::parse(body, "users")?;
        let (body, queue) = QueuePolicy::parse(body)?;
        Ok((body, Self { channel, topic, users, queue }))
    }

    fn body_len(&self) -> usize {
        text_len(self.channel) + text_len(self.topic) + self.users.encoded_len() + 1
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        put_text(out, self.channel);
        put_text(out, self.topic);
        self.users.encode(out);
        out.put_u8(self.queue.number());
    }
}

/// `unsubscribe topic = channel text, topic text, users list of text`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsubscribeTopic<'a> {
    /// The stream channel, joined before.
    pub channel: &'a str,
    /// The topic.
    pub topic: &'a str,
    /// The publishers; empty for all of them.
    pub users: List<'a, &'a str>,
}

impl<'a> Body<'a> for UnsubscribeTopic<'a> {
    const KIND: u8 = kind::UNSUBSCRIBE_TOPIC;
    const NAME: &'static str = "unsubscribe topic";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = name(body, "channel name")?;
        let (body, topic) = name(body, "topic name")?;
        let (body, users) = List::parse(body, "users")?;
        Ok((body, Self { channel, topic, users }))
    }

    fn body_len(&self) -> usize {
        text_len(self.channel) + text_len(self.topic) + self.users.encoded_len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        put_text(out, self.channel);
        put_text(out, self.topic);
        self.users.encode(out);
    }
}

/// `topic message event = channel text, topic text, publisher text, epoch varint, publication
/// varint, sequence varint, time varint in ms, message type 1 byte, custom type text, payload to
/// the end`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicMessageEvent<'a> {
    /// The stream channel.
    pub channel: &'a str,
    /// The topic.
    pub topic: &'a str,
    /// Who published.
    pub publisher: &'a str,
    /// The owner's life.
    pub epoch: Epoch,
    /// The publication: the channel's sequence at which this publisher joined the topic.
    pub publication: Sequence,
    /// The message's place in the publication, from 1.
    pub sequence: Sequence,
    /// When the owner got it.
    pub time: UnixTime,
    /// How to read the payload.
    pub message_type: MessageType,
    /// The publisher's own mark, or empty.
    pub custom_type: &'a str,
    /// The message.
    pub payload: &'a [u8],
}

impl<'a> Body<'a> for TopicMessageEvent<'a> {
    const KIND: u8 = kind::TOPIC_MESSAGE_EVENT;
    const NAME: &'static str = "topic message event";

    #[inline(always)]
    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = name(body, "channel name")?;
        let (body, topic) = name(body, "topic name")?;
        let (body, publisher) = name(body, "publisher")?;
        let (body, epoch) = varint::parse(body)?;
        let (body, publication) = varint::parse(body)?;
        let (body, sequence) = varint::parse(body)?;
        let (body, time) = varint::parse(body)?;
        let (body, message_type) = MessageType::parse(body)?;
        let (body, custom_type) = parse::text(body, "custom type", limits::CUSTOM_TYPE)?;
        let (body, payload) = remainder(body, "message", limits::MESSAGE as usize)?;
        let event = Self {
            channel,
            topic,
            publisher,
            epoch: Epoch(epoch),
            publication: Sequence(publication),
            sequence: Sequence(sequence),
            time: UnixTime::from_millis(time),
            message_type,
            custom_type,
            payload,
        };
        Ok((body, event))
    }

    #[inline]
    fn body_len(&self) -> usize {
        text_len(self.channel)
            + text_len(self.topic)
            + text_len(self.publisher)
            + varint::len(self.epoch.0)
            + varint::len(self.publication.0)
            + varint::len(self.sequence.0)
            + varint::len(self.time.as_millis())
            + 1
            + text_len(self.custom_type)
            + self.payload.len()
    }

    #[inline]
    fn encode_body(&self, out: &mut impl BufMut) {
        put_text(out, self.channel);
        put_text(out, self.topic);
        put_text(out, self.publisher);
        for value in [self.epoch.0, self.publication.0, self.sequence.0, self.time.as_millis()] {
            varint::put(out, value);
        }
        out.put_u8(self.message_type.number());
        put_text(out, self.custom_type);
        out.put_slice(self.payload);
    }
}

/// `topic event = channel text, position, time, change 1 byte, topic text, publisher text,
/// delivery, last varint, meta blob`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicEvent<'a> {
    /// The stream channel.
    pub channel: &'a str,
    /// The event's place in the channel; that of a join names the publication.
    pub position: Position,
    /// When.
    pub time: UnixTime,
    /// What happened.
    pub change: TopicChange,
    /// The topic.
    pub topic: &'a str,
    /// Who came or went.
    pub publisher: &'a str,
    /// How the publisher's messages travel.
    pub delivery: Delivery,
    /// When the publisher left: the sequence of the publication's last message; else 0.
    pub last: Sequence,
    /// What the publisher shows; empty when it left.
    pub meta: &'a [u8],
}

impl<'a> Body<'a> for TopicEvent<'a> {
    const KIND: u8 = kind::TOPIC_EVENT;
    const NAME: &'static str = "topic event";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = name(body, "channel name")?;
        let (body, position) = Position::parse(body)?;
        let (body, time) = varint::parse(body)?;
        let (body, change) = TopicChange::parse(body)?;
        let (body, topic) = name(body, "topic name")?;
        let (body, publisher) = name(body, "publisher")?;
        let (body, delivery) = Delivery::parse(body)?;
        let (body, last) = varint::parse(body)?;
        let (body, meta) = blob(body, "publisher meta", limits::META)?;
        let last = Sequence(last);
        let event = Self {
            channel,
            position,
            time: UnixTime::from_millis(time),
            change,
            topic,
            publisher,
            delivery,
            last,
            meta,
        };
        Ok((body, event))
    }

    fn body_len(&self) -> usize {
        text_len(self.channel)
            + self.position.encoded_len()
            + varint::len(self.time.as_millis())
            + 1
            + text_len(self.topic)
            + text_len(self.publisher)
            + self.delivery.encoded_len()
            + varint::len(self.last.0)
            + blob_len(self.meta)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        put_text(out, self.channel);
        self.position.encode(out);
        varint::put(out, self.time.as_millis());
        out.put_u8(self.change.number());
        put_text(out, self.topic);
        put_text(out, self.publisher);
        self.delivery.encode(out);
        varint::put(out, self.last.0);
        put_blob(out, self.meta);
    }
}
