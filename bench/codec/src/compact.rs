//! The samples as postcard messages that borrow text and payloads.

use rtm_wire as rtm;
use serde::{Deserialize, Serialize};

/// A data packet with one frame.
#[derive(Serialize, Deserialize)]
pub struct Packet<'a> {
    key_phase: bool,
    destination: [u8; 8],
    path: u8,
    number: u32,
    #[serde(borrow)]
    frame: Frame<'a>,
}

/// One frame.
#[derive(Serialize, Deserialize)]
pub enum Frame<'a> {
    /// A message.
    Message {
        /// Lane.
        lane: u64,
        /// Flags.
        flags: u8,
        /// Place in the lane.
        seq: u64,
        /// Offset and length of the whole, if a fragment.
        fragment: Option<(u64, u64)>,
        /// Time that remains.
        deadline_ms: Option<u32>,
        /// Payload.
        payload: &'a [u8],
    },
    /// An acknowledgement.
    Ack {
        /// Path id.
        path: u8,
        /// Delay in 32 µs.
        delay: u64,
        /// Gap and length of each.
        ranges: Vec<(u64, u64)>,
    },
}

/// A request or event.
#[derive(Serialize, Deserialize)]
pub enum Operation<'a> {
    /// A publish request.
    Publish {
        /// Operation id.
        operation: u64,
        /// Channel.
        #[serde(borrow)]
        channel: Channel<'a>,
        /// Keep it.
        store: bool,
        /// How to read the payload.
        message_type: u8,
        /// The application's mark.
        custom_type: &'a str,
        /// Payload.
        payload: &'a [u8],
    },
    /// A message event.
    Message {
        /// Channel.
        channel: Channel<'a>,
        /// Publisher.
        publisher: &'a str,
        /// Epoch and sequence.
        position: (u64, u64),
        /// Time in milliseconds.
        time: u64,
        /// How to read the payload.
        message_type: u8,
        /// The application's mark.
        custom_type: &'a str,
        /// Payload.
        payload: &'a [u8],
    },
    /// A topic message event.
    TopicMessage {
        /// Channel.
        channel: &'a str,
        /// Topic.
        topic: &'a str,
        /// Publisher.
        publisher: &'a str,
        /// Epoch, publication and sequence.
        position: (u64, u64, u64),
        /// Time in milliseconds.
        time: u64,
        /// How to read the payload.
        message_type: u8,
        /// The application's mark.
        custom_type: &'a str,
        /// Payload.
        payload: &'a [u8],
    },
}

/// A channel.
#[derive(Serialize, Deserialize)]
pub struct Channel<'a> {
    kind: u8,
    name: &'a str,
}

impl<'a> Packet<'a> {
    /// A packet with this frame.
    #[must_use]
    pub fn new(header: &rtm::DataHeader, frame: Frame<'a>) -> Self {
        Self {
            key_phase: header.key_phase,
            destination: header.destination.0,
            path: header.path.0,
            number: 70_000,
            frame,
        }
    }

    /// Packets that the frame acknowledges.
    #[must_use]
    pub fn acked(&self) -> u64 {
        match &self.frame {
            Frame::Ack { ranges, .. } => ranges.iter().map(|(_, length)| length).sum(),
            Frame::Message { .. } => 0,
        }
    }
}

impl<'a> From<rtm::Message<'a>> for Frame<'a> {
    fn from(message: rtm::Message<'a>) -> Self {
        Self::Message {
            lane: message.lane.0,
            flags: 1,
            seq: message.seq.0,
            fragment: None,
            deadline_ms: None,
            payload: message.payload,
        }
    }
}

impl From<rtm::Ack<'_>> for Frame<'_> {
    fn from(ack: rtm::Ack<'_>) -> Self {
        let mut ranges = Vec::new();
        let mut smallest: Option<u64> = None;
        for range in ack.ranges {
            let (low, high) = (range.start().0, range.end().0);
            ranges.push((smallest.map_or(high, |above| above - high - 2), high - low));
            smallest = Some(low);
        }
        Self::Ack { path: 0, delay: 100, ranges }
    }
}

impl<'a> From<rtm::ChannelRef<'a>> for Channel<'a> {
    fn from(channel: rtm::ChannelRef<'a>) -> Self {
        Self { kind: channel.kind.number(), name: channel.name }
    }
}

impl<'a> From<rtm::Publish<'a>> for Operation<'a> {
    fn from(publish: rtm::Publish<'a>) -> Self {
        Self::Publish {
            operation: crate::sample::OPERATION.0,
            channel: publish.channel.into(),
            store: publish.flags.store,
            message_type: publish.message_type.number(),
            custom_type: publish.custom_type,
            payload: publish.payload,
        }
    }
}

impl<'a> From<rtm::MessageEvent<'a>> for Operation<'a> {
    fn from(event: rtm::MessageEvent<'a>) -> Self {
        Self::Message {
            channel: event.channel.into(),
            publisher: event.publisher,
            position: (event.position.epoch.0, event.position.sequence.0),
            time: event.time.as_millis(),
            message_type: event.message_type.number(),
            custom_type: event.custom_type,
            payload: event.payload,
        }
    }
}

impl<'a> From<rtm::TopicMessageEvent<'a>> for Operation<'a> {
    fn from(event: rtm::TopicMessageEvent<'a>) -> Self {
        Self::TopicMessage {
            channel: event.channel,
            topic: event.topic,
            publisher: event.publisher,
            position: (event.epoch.0, event.publication.0, event.sequence.0),
            time: event.time.as_millis(),
            message_type: event.message_type.number(),
            custom_type: event.custom_type,
            payload: event.payload,
        }
    }
}
