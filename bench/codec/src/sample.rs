//! The values that all codecs carry.

use rtm_wire::{
    Ack, AckRanges, ChannelKind, ChannelRef, ConnectionId, DataHeader, Epoch, LaneId, LaneMode,
    Message, MessageEvent, MessageSeq, MessageType, OperationId, PacketNumber, PathId, Position,
    Publish, PublishFlags, Sequence, TopicMessageEvent, TruncatedNumber, UnixTime,
};

/// Payload lengths in bytes.
pub const PAYLOADS: [usize; 4] = [0, 64, 512, 1_024];
/// Numbers of ranges in an acknowledgement.
pub const RANGES: [usize; 3] = [1, 8, 64];
/// The operation that a publish is.
pub const OPERATION: OperationId = OperationId(70_000);

/// The header of every packet here.
#[must_use]
pub fn header() -> DataHeader {
    DataHeader {
        key_phase: false,
        destination: ConnectionId(*b"\x9f\x12\x34\x56\x78\x9a\xbc\xde"),
        path: PathId(0),
        number: TruncatedNumber::new(PacketNumber(70_000), Some(PacketNumber(69_990))),
    }
}

/// A message frame.
#[must_use]
pub fn message(payload: &[u8]) -> Message<'_> {
    Message {
        lane: LaneId(5),
        mode: LaneMode::RELIABLE_ORDERED,
        seq: MessageSeq(70_000),
        fragment: None,
        deadline_ms: None,
        payload,
    }
}

/// An acknowledgement of this many ranges, encoded to `buffer`.
pub fn ack(ranges: usize, buffer: &mut Vec<u8>) -> Ack<'_> {
    let ranges = (0..ranges as u64).map(|index| {
        let high = 70_000 - index * 20;
        PacketNumber(high - 15)..=PacketNumber(high)
    });
    let delay = core::time::Duration::from_micros(3_200);
    Ack::new(PathId(0), delay, AckRanges::encode(ranges, buffer))
}

/// A publish.
#[must_use]
pub fn publish(payload: &[u8]) -> Publish<'_> {
    Publish {
        channel: ChannelRef { kind: ChannelKind::Message, name: "classroom-42" },
        flags: PublishFlags { store: true },
        message_type: MessageType::Binary,
        custom_type: "chat",
        payload,
    }
}

/// What its subscribers see.
#[must_use]
pub fn message_event(payload: &[u8]) -> MessageEvent<'_> {
    MessageEvent {
        channel: ChannelRef { kind: ChannelKind::Message, name: "classroom-42" },
        publisher: "alice-0001",
        position: Position { epoch: Epoch(3), sequence: Sequence(70_000) },
        time: UnixTime::from_millis(1_700_000_000_000),
        message_type: MessageType::Binary,
        custom_type: "chat",
        payload,
    }
}

/// A message in a topic, as its subscribers see it.
#[must_use]
pub fn topic_message_event(payload: &[u8]) -> TopicMessageEvent<'_> {
    TopicMessageEvent {
        channel: "classroom-42",
        topic: "positions",
        publisher: "alice-0001",
        epoch: Epoch(3),
        publication: Sequence(812),
        sequence: Sequence(70_000),
        time: UnixTime::from_millis(1_700_000_000_000),
        message_type: MessageType::Binary,
        custom_type: "chat",
        payload,
    }
}
