//! Events as the library holds them, and as C reads them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use rtm_client::{
    ChannelEvent, ChannelMessage, LinkEvent, MessageType, Publication, Published, TopicEvent,
    TopicMessage, Unrestored,
};

use crate::abi::{self, RtmBytes, RtmEvent};
use crate::failure::Failure;

/// Keeps what an event points to.
#[derive(Debug)]
pub(crate) struct Event {
    /// With empty texts and without a number.
    pub(crate) plain: RtmEvent,
    pub(crate) channel: String,
    pub(crate) topic: String,
    pub(crate) publisher: String,
    pub(crate) custom_type: String,
    pub(crate) payload: Bytes,
    pub(crate) text: String,
}

// SAFETY: the pointers of `plain` are null until the event is lent, and belong to it.
unsafe impl Send for Event {}

impl Event {
    pub(crate) fn new(kind: u32) -> Self {
        Self {
            plain: RtmEvent { kind, ..RtmEvent::NONE },
            channel: String::new(),
            topic: String::new(),
            publisher: String::new(),
            custom_type: String::new(),
            payload: Bytes::new(),
            text: String::new(),
        }
    }

    pub(crate) fn of(kind: u32, place: &Place) -> Self {
        let mut event = Self::new(kind);
        event.plain.channel_type = place.channel_type;
        event.channel.clone_from(&place.channel);
        event.topic.clone_from(&place.topic);
        event
    }

    pub(crate) fn failed(mut self, failure: Failure) -> Self {
        self.plain.error = failure.code;
        self.text = failure.text;
        self
    }

    pub(crate) fn published(self, published: Published) -> Self {
        self.at(published.epoch, published.sequence, published.time_ms)
    }

    fn at(mut self, epoch: u64, sequence: u64, time_ms: u64) -> Self {
        (self.plain.epoch, self.plain.sequence, self.plain.time_ms) = (epoch, sequence, time_ms);
        self
    }

    fn with(mut self, message_type: MessageType, custom_type: &str, payload: Bytes) -> Self {
        self.plain.message_type = match message_type {
            MessageType::String => abi::RTM_MESSAGE_STRING,
            _ => abi::RTM_MESSAGE_BINARY,
        };
        custom_type.clone_into(&mut self.custom_type);
        self.payload = payload;
        self
    }

    pub(crate) fn about(mut self, publisher: &str) -> Self {
        publisher.clone_into(&mut self.publisher);
        self
    }

    pub(crate) fn counted(mut self, count: Option<u64>) -> Self {
        self.plain.count = count.unwrap_or_default();
        self.plain.flags |= if count.is_some() { abi::RTM_FLAG_COUNTED } else { 0 };
        self
    }

    pub(crate) fn from_channel(place: &Place, event: ChannelEvent) -> Option<Self> {
        match event {
            ChannelEvent::Message(message) => Some(Self::message(place, message)),
            ChannelEvent::Gap(gap) => Some(Self::of(abi::RTM_EVENT_GAP, place).counted(gap.count)),
            ChannelEvent::Ended(error) => {
                Some(Self::of(abi::RTM_EVENT_ENDED, place).failed(error.into()))
            }
            _ => None,
        }
    }

    fn message(place: &Place, message: ChannelMessage) -> Self {
        Self::of(abi::RTM_EVENT_MESSAGE, place)
            .about(&message.publisher)
            .at(message.epoch, message.sequence, message.time_ms)
            .with(message.message_type, &message.custom_type, message.payload)
    }

    pub(crate) fn from_topic(place: &Place, event: TopicEvent) -> Option<Self> {
        match event {
            TopicEvent::Message(message) => Some(Self::topic_message(place, message)),
            TopicEvent::Gap(gap) => {
                let mut event = Self::of(abi::RTM_EVENT_GAP, place).about(&gap.publisher);
                event.plain.publication = gap.publication;
                Some(event.counted(gap.count))
            }
            TopicEvent::Ended(error) => {
                Some(Self::of(abi::RTM_EVENT_ENDED, place).failed(error.into()))
            }
            _ => None,
        }
    }

    fn topic_message(place: &Place, message: TopicMessage) -> Self {
        let mut event = Self::of(abi::RTM_EVENT_MESSAGE, place)
            .about(&message.publisher)
            .at(message.epoch, message.sequence, message.time_ms)
            .with(message.message_type, &message.custom_type, message.payload);
        event.plain.publication = message.publication;
        event
    }

    pub(crate) fn publication(kind: u32, channel: &Place, publication: &Publication) -> Self {
        let mut event = Self::of(kind, channel).about(&publication.publisher);
        event.topic.clone_from(&publication.topic);
        event.payload = publication.meta.clone();
        event
    }

    pub(crate) fn link(link: &LinkEvent) -> Self {
        let mut event = Self::new(abi::RTM_EVENT_LINK);
        event.plain.link_state = link.current.number().into();
        event.plain.link_previous = link.previous.number().into();
        event.plain.link_reason = link.reason.number().into();
        event.plain.flags |= if link.is_restored { abi::RTM_FLAG_RESTORED } else { 0 };
        match &link.error {
            Some(error) => event.failed(error.clone().into()),
            None => event,
        }
    }

    pub(crate) fn unrestored(unrestored: &Unrestored) -> Self {
        let mut event = Self::new(abi::RTM_EVENT_UNRESTORED);
        event.channel.clone_from(&unrestored.channel);
        event.topic = unrestored.topic.clone().unwrap_or_default();
        event.publisher = unrestored.user.clone().unwrap_or_default();
        event.failed(unrestored.error.clone().into())
    }
}

/// Which channel, and which topic of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) channel_type: u32,
    pub(crate) channel: String,
    /// Empty: none.
    pub(crate) topic: String,
}

impl Place {
    pub(crate) fn message(channel: &str) -> Self {
        Self::new(abi::RTM_CHANNEL_MESSAGE, channel, "")
    }

    pub(crate) fn stream(channel: &str) -> Self {
        Self::new(abi::RTM_CHANNEL_STREAM, channel, "")
    }

    pub(crate) fn topic(channel: &str, topic: &str) -> Self {
        Self::new(abi::RTM_CHANNEL_STREAM, channel, topic)
    }

    fn new(channel_type: u32, channel: &str, topic: &str) -> Self {
        Self { channel_type, channel: channel.to_owned(), topic: topic.to_owned() }
    }
}

/// Events that C holds, by number, and whose they are.
static LENT: Mutex<Lent> = Mutex::new(Lent { last: 0, events: BTreeMap::new() });

struct Lent {
    last: u64,
    events: BTreeMap<u64, Box<Event>>,
}

/// Most events that may be unfreed at a time.
const LENT_MAX: usize = 4_096;

/// Whether another event may be lent.
pub(crate) fn check_room() -> Result<(), Failure> {
    let lent = LENT.lock().unwrap_or_else(PoisonError::into_inner);
    if lent.events.len() < LENT_MAX {
        return Ok(());
    }
    Err(Failure::too_many("4096 events are unfreed: call rtm_event_free for each that was polled"))
}

/// Lends an event to C.
pub(crate) fn lend(event: Event) -> RtmEvent {
    // On the heap, lest its texts move.
    let event = Box::new(event);
    let mut lent = LENT.lock().unwrap_or_else(PoisonError::into_inner);
    lent.last += 1;
    let id = lent.last;
    let view = RtmEvent {
        id,
        channel: RtmBytes::of(event.channel.as_bytes()),
        topic: RtmBytes::of(event.topic.as_bytes()),
        publisher: RtmBytes::of(event.publisher.as_bytes()),
        custom_type: RtmBytes::of(event.custom_type.as_bytes()),
        payload: RtmBytes::of(&event.payload),
        text: RtmBytes::of(event.text.as_bytes()),
        ..event.plain
    };
    lent.events.insert(id, event);
    view
}

/// Takes it back.
pub(crate) fn take_back(id: u64) -> Result<(), Failure> {
    let taken = LENT.lock().unwrap_or_else(PoisonError::into_inner).events.remove(&id);
    taken.map(drop).ok_or_else(|| Failure::released("event", id))
}
