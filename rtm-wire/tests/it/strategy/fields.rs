//! Fields that stand in many types.

use proptest::prelude::*;
use rtm_wire::{
    ChannelKind, ChannelRef, Cipher, Delivery, Epoch, ErrorCode, MessageType, OperationId,
    Position, Priority, Qos, Reliability, Sequence, TopicChange, UnixTime, limits,
};

use super::{number, text};

pub(super) fn name() -> impl Strategy<Value = &'static str> {
    prop_oneof![9 => text(20), 1 => text(limits::NAME)]
}

/// Mostly known numbers.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![3 => 0..=4_u8, 1 => any::<u8>()]
}

pub(super) fn channel_kind() -> impl Strategy<Value = ChannelKind> {
    byte().prop_map(ChannelKind::from_number)
}

pub(super) fn cipher() -> impl Strategy<Value = Cipher> {
    byte().prop_map(Cipher::from_number)
}

pub(super) fn message_type() -> impl Strategy<Value = MessageType> {
    byte().prop_map(MessageType::from_number)
}

pub(super) fn delivery() -> impl Strategy<Value = Delivery> {
    (byte(), byte(), byte(), any::<u32>()).prop_map(|(qos, priority, reliability, deadline_ms)| {
        Delivery {
            qos: Qos::from_number(qos),
            priority: Priority::from_number(priority),
            reliability: Reliability::from_number(reliability),
            deadline_ms,
        }
    })
}

pub(super) fn topic_change() -> impl Strategy<Value = TopicChange> {
    byte().prop_map(TopicChange::from_number)
}

pub(super) fn channel() -> impl Strategy<Value = ChannelRef<'static>> {
    (channel_kind(), name()).prop_map(|(kind, name)| ChannelRef { kind, name })
}

pub(super) fn error_code() -> impl Strategy<Value = ErrorCode> {
    prop_oneof![Just(ErrorCode::OK), any::<u32>().prop_map(ErrorCode)]
}

pub(super) fn operation_id() -> impl Strategy<Value = OperationId> {
    number().prop_map(OperationId)
}

pub(super) fn position() -> impl Strategy<Value = Position> {
    (number(), number()).prop_map(|(epoch, sequence)| Position {
        epoch: Epoch(epoch),
        sequence: Sequence(sequence),
    })
}

pub(super) fn sequence() -> impl Strategy<Value = Sequence> {
    number().prop_map(Sequence)
}

pub(super) fn time() -> impl Strategy<Value = UnixTime> {
    number().prop_map(UnixTime::from_millis)
}
