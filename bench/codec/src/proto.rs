//! The samples as protobuf messages, with the field types that a `.proto` file would give them and
//! `Bytes` for payloads.

use bytes::Bytes;
use rtm_wire as rtm;

/// A data packet with one frame.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Packet {
    /// Which key.
    #[prost(bool, tag = "1")]
    pub key_phase: bool,
    /// Connection id.
    #[prost(fixed64, tag = "2")]
    pub destination: u64,
    /// Path id.
    #[prost(uint32, tag = "3")]
    pub path: u32,
    /// Packet number.
    #[prost(uint32, tag = "4")]
    pub number: u32,
    /// The frame.
    #[prost(oneof = "Frame", tags = "5, 6")]
    pub frame: Option<Frame>,
}

/// One frame.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Frame {
    /// A message.
    #[prost(message, tag = "5")]
    Message(Message),
    /// An acknowledgement.
    #[prost(message, tag = "6")]
    Ack(Ack),
}

/// A message frame.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Message {
    /// Lane.
    #[prost(uint64, tag = "1")]
    pub lane: u64,
    /// Flags.
    #[prost(uint32, tag = "2")]
    pub flags: u32,
    /// Place in the lane.
    #[prost(uint64, tag = "3")]
    pub seq: u64,
    /// Offset, if a fragment.
    #[prost(uint64, optional, tag = "4")]
    pub offset: Option<u64>,
    /// Length of the whole, if a fragment.
    #[prost(uint64, optional, tag = "5")]
    pub total: Option<u64>,
    /// Time that remains.
    #[prost(uint32, optional, tag = "6")]
    pub deadline_ms: Option<u32>,
    /// Payload.
    #[prost(bytes = "bytes", tag = "7")]
    pub payload: Bytes,
}

/// An acknowledgement frame.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Ack {
    /// Path id.
    #[prost(uint32, tag = "1")]
    pub path: u32,
    /// Delay in 32 µs.
    #[prost(uint64, tag = "2")]
    pub delay: u64,
    /// Largest, length, gap, length, …: packed.
    #[prost(uint64, repeated, tag = "3")]
    pub ranges: Vec<u64>,
}

/// A channel.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Channel {
    /// Kind.
    #[prost(uint32, tag = "1")]
    pub kind: u32,
    /// Name.
    #[prost(string, tag = "2")]
    pub name: String,
}

/// A publish request.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Publish {
    /// Operation id.
    #[prost(uint64, tag = "1")]
    pub operation: u64,
    /// Channel.
    #[prost(message, required, tag = "2")]
    pub channel: Channel,
    /// Keep it.
    #[prost(bool, tag = "3")]
    pub store: bool,
    /// How to read the payload.
    #[prost(uint32, tag = "4")]
    pub message_type: u32,
    /// The application's mark.
    #[prost(string, tag = "5")]
    pub custom_type: String,
    /// Payload.
    #[prost(bytes = "bytes", tag = "6")]
    pub payload: Bytes,
}

/// A message event.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MessageEvent {
    /// Channel.
    #[prost(message, required, tag = "1")]
    pub channel: Channel,
    /// Publisher.
    #[prost(string, tag = "2")]
    pub publisher: String,
    /// Epoch.
    #[prost(uint64, tag = "3")]
    pub epoch: u64,
    /// Sequence.
    #[prost(uint64, tag = "4")]
    pub sequence: u64,
    /// Time in milliseconds.
    #[prost(uint64, tag = "5")]
    pub time: u64,
    /// How to read the payload.
    #[prost(uint32, tag = "6")]
    pub message_type: u32,
    /// The application's mark.
    #[prost(string, tag = "7")]
    pub custom_type: String,
    /// Payload.
    #[prost(bytes = "bytes", tag = "8")]
    pub payload: Bytes,
}

/// A topic message event.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TopicMessageEvent {
    /// Channel.
    #[prost(string, tag = "1")]
    pub channel: String,
    /// Topic.
    #[prost(string, tag = "2")]
    pub topic: String,
    /// Publisher.
    #[prost(string, tag = "3")]
    pub publisher: String,
    /// Epoch.
    #[prost(uint64, tag = "4")]
    pub epoch: u64,
    /// Publication.
    #[prost(uint64, tag = "5")]
    pub publication: u64,
    /// Sequence.
    #[prost(uint64, tag = "6")]
    pub sequence: u64,
    /// Time in milliseconds.
    #[prost(uint64, tag = "7")]
    pub time: u64,
    /// How to read the payload.
    #[prost(uint32, tag = "8")]
    pub message_type: u32,
    /// The application's mark.
    #[prost(string, tag = "9")]
    pub custom_type: String,
    /// Payload.
    #[prost(bytes = "bytes", tag = "10")]
    pub payload: Bytes,
}

impl Packet {
    /// A packet with this frame.
    #[must_use]
    pub fn new(header: &rtm::DataHeader, frame: Frame) -> Self {
        Self {
            key_phase: header.key_phase,
            destination: u64::from_le_bytes(header.destination.0),
            path: u32::from(header.path.0),
            number: 70_000,
            frame: Some(frame),
        }
    }
}

impl From<rtm::Message<'_>> for Frame {
    fn from(message: rtm::Message<'_>) -> Self {
        Self::Message(Message {
            lane: message.lane.0,
            flags: 1,
            seq: message.seq.0,
            offset: None,
            total: None,
            deadline_ms: None,
            payload: Bytes::copy_from_slice(message.payload),
        })
    }
}

impl From<rtm::Ack<'_>> for Frame {
    fn from(ack: rtm::Ack<'_>) -> Self {
        let mut ranges = Vec::new();
        let mut smallest: Option<u64> = None;
        for range in ack.ranges {
            let (low, high) = (range.start().0, range.end().0);
            ranges.push(smallest.map_or(high, |above| above - high - 2));
            ranges.push(high - low);
            smallest = Some(low);
        }
        Self::Ack(Ack { path: 0, delay: 100, ranges })
    }
}

impl From<rtm::ChannelRef<'_>> for Channel {
    fn from(channel: rtm::ChannelRef<'_>) -> Self {
        Self { kind: u32::from(channel.kind.number()), name: channel.name.to_owned() }
    }
}

impl From<rtm::Publish<'_>> for Publish {
    fn from(publish: rtm::Publish<'_>) -> Self {
        Self {
            operation: crate::sample::OPERATION.0,
            channel: publish.channel.into(),
            store: publish.flags.store,
            message_type: u32::from(publish.message_type.number()),
            custom_type: publish.custom_type.to_owned(),
            payload: Bytes::copy_from_slice(publish.payload),
        }
    }
}

impl From<rtm::MessageEvent<'_>> for MessageEvent {
    fn from(event: rtm::MessageEvent<'_>) -> Self {
        Self {
            channel: event.channel.into(),
            publisher: event.publisher.to_owned(),
            epoch: event.position.epoch.0,
            sequence: event.position.sequence.0,
            time: event.time.as_millis(),
            message_type: u32::from(event.message_type.number()),
            custom_type: event.custom_type.to_owned(),
            payload: Bytes::copy_from_slice(event.payload),
        }
    }
}

impl From<rtm::TopicMessageEvent<'_>> for TopicMessageEvent {
    fn from(event: rtm::TopicMessageEvent<'_>) -> Self {
        Self {
            channel: event.channel.to_owned(),
            topic: event.topic.to_owned(),
            publisher: event.publisher.to_owned(),
            epoch: event.epoch.0,
            publication: event.publication.0,
            sequence: event.sequence.0,
            time: event.time.as_millis(),
            message_type: u32::from(event.message_type.number()),
            custom_type: event.custom_type.to_owned(),
            payload: Bytes::copy_from_slice(event.payload),
        }
    }
}
