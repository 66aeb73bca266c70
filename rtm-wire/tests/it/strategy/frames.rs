//! Frames.

use core::ops::RangeInclusive;
use core::time::Duration;

use proptest::prelude::*;
use rtm_wire::{
    Ack, AckRanges, Close, CloseCode, Fragment, Frame, LaneClose, LaneCredit, LaneId, LaneMode,
    Message, MessageSeq, NewConnectionId, PacketNumber, Padding, Parity, PathChallenge, PathId,
    PathResponse, Ping, Qos, Reliability, RetireConnectionId, Skip, Ticket, limits, varint,
};

use super::packets::{connection_id, reset_token};
use super::{bytes, number, text};

pub(crate) fn frame() -> impl Strategy<Value = Frame<'static>> {
    prop_oneof![
        (0..200_usize).prop_map(|length| Padding { length }.into()),
        Just(Ping.into()),
        ack().prop_map(Frame::from),
        (any::<u32>(), text(limits::REASON)).prop_map(|(code, reason)| Close {
            code: CloseCode(code),
            reason
        }
        .into()),
        message().prop_map(Frame::from),
        skip().prop_map(Frame::from),
        (number(), number())
            .prop_map(|(lane, limit)| LaneCredit { lane: LaneId(lane), limit }.into()),
        (number(), number()).prop_map(|(lane, end)| LaneClose {
            lane: LaneId(lane),
            end: MessageSeq(end)
        }
        .into()),
        (number(), connection_id(), reset_token()).prop_map(|(number, id, reset_token)| {
            NewConnectionId { number, id, reset_token }.into()
        }),
        number().prop_map(|number| RetireConnectionId { number }.into()),
        any::<[u8; 8]>().prop_map(|data| PathChallenge(data).into()),
        any::<[u8; 8]>().prop_map(|data| PathResponse(data).into()),
        parity().prop_map(Frame::from),
        (number(), number(), number(), bytes(limits::TICKET)).prop_map(
            |(number, lifetime_ms, early_max, ticket)| {
                Ticket { number, lifetime_ms, early_max, ticket }.into()
            }
        ),
        (0x0d..=0xff_u8, bytes(50))
            .prop_filter("unknown", |(kind, _)| *kind != 0x10)
            .prop_map(|(kind, body)| Frame::Unknown { kind, body }),
    ]
}

fn ack() -> impl Strategy<Value = Ack<'static>> {
    (any::<u8>(), 0..100_000_000_u64, ranges()).prop_map(|(path, delay_us, ranges)| {
        let buffer = Box::leak(Box::default());
        let delay = Duration::from_micros(delay_us);
        Ack::new(PathId(path), delay, AckRanges::encode(ranges, buffer))
    })
}

/// Ranges from the largest down, with a hole between neighbours.
fn ranges() -> impl Strategy<Value = Vec<RangeInclusive<PacketNumber>>> {
    let steps = proptest::collection::vec((0..1_000_u64, 0..100_u64), 1..=limits::ACK_RANGES);
    (number(), steps).prop_map(|(largest, steps)| {
        let mut ranges = Vec::new();
        let mut top = Some(largest);
        for (length, gap) in steps {
            let Some(high) = top else { break };
            let low = high.saturating_sub(length);
            ranges.push(PacketNumber(low)..=PacketNumber(high));
            top = low.checked_sub(gap + 2);
        }
        ranges
    })
}

fn message() -> impl Strategy<Value = Message<'static>> {
    let place = prop_oneof![Just(None), (number(), number()).prop_map(Some)];
    let deadline = proptest::option::of(0..1_u32 << 20);
    (number(), mode(), number(), place, deadline, bytes(300)).prop_map(
        |(lane, mode, seq, place, deadline_ms, payload)| Message {
            lane: LaneId(lane),
            mode,
            seq: MessageSeq(seq),
            fragment: place.and_then(|(before, after)| fragment(before, after, payload.len())),
            deadline_ms,
            payload,
        },
    )
}

/// A place for a fragment of this length, with other bytes before or after it.
fn fragment(before: u64, after: u64, length: usize) -> Option<Fragment> {
    let half = limits::MESSAGE / 2;
    let (before, after, length) = (before % half, after % (half - 1_000), length as u64);
    let is_fragment = length > 0 && before + after > 0;
    is_fragment.then_some(Fragment { offset: before, total: before + length + after })
}

/// Two bits of reliability and one of order travel.
fn mode() -> impl Strategy<Value = LaneMode> {
    (0..=1_u8, 0..=3_u8).prop_map(|(order, reliability)| LaneMode {
        order: Qos::from_number(order),
        reliability: Reliability::from_number(reliability),
    })
}

fn parity() -> impl Strategy<Value = Parity<'static>> {
    let symbol = (1usize..300).prop_map(|length| &*vec![0x5a; length].leak());
    (number(), mode(), number(), 2u64..200, 0u8..50, symbol).prop_map(
        |(lane, mode, seq, symbols, index, symbol)| Parity {
            lane: LaneId(lane),
            mode,
            seq: MessageSeq(seq),
            total: symbols * symbol.len() as u64 - seq % symbol.len() as u64,
            index,
            symbol,
        },
    )
}

fn skip() -> impl Strategy<Value = Skip> {
    (number(), number(), number(), number()).prop_map(|(lane, first, count, bytes)| {
        let first = first.min(varint::MAX - 1);
        let count = count.clamp(1, varint::MAX - first);
        Skip { lane: LaneId(lane), first: MessageSeq(first), count, bytes }
    })
}
