//! Fields of frames.

use rtm_wire::{Ack, Frame, Message};
use serde_json::{Value, json};

use super::{hex, int};

pub(super) fn frame(frame: &Frame<'_>) -> Value {
    match frame {
        Frame::Padding(padding) => json!({ "kind": "padding", "length": padding.length }),
        Frame::Ping(_) => json!({ "kind": "ping" }),
        Frame::Ack(ack) => acknowledgement(ack),
        Frame::Close(close) => {
            json!({ "kind": "close", "code": close.code.0, "reason": close.reason })
        }
        Frame::Message(message) => message_frame(message),
        Frame::Skip(skip) => json!({
            "kind": "skip",
            "lane": int(skip.lane.0),
            "first": int(skip.first.0),
            "count": int(skip.count),
            "bytes": int(skip.bytes),
        }),
        Frame::LaneCredit(credit) => json!({
            "kind": "lane credit",
            "lane": int(credit.lane.0),
            "limit": int(credit.limit),
        }),
        Frame::LaneClose(close) => json!({
            "kind": "lane close",
            "lane": int(close.lane.0),
            "end": int(close.end.0),
        }),
        Frame::NewConnectionId(new) => json!({
            "kind": "new connection id",
            "number": int(new.number),
            "id": hex(&new.id.0),
            "reset_token": hex(&new.reset_token.0),
        }),
        Frame::RetireConnectionId(retire) => {
            json!({ "kind": "retire connection id", "number": int(retire.number) })
        }
        Frame::PathChallenge(challenge) => {
            json!({ "kind": "path challenge", "data": hex(&challenge.0) })
        }
        Frame::PathResponse(response) => {
            json!({ "kind": "path response", "data": hex(&response.0) })
        }
        Frame::Parity(parity) => json!({
            "kind": "parity",
            "lane": int(parity.lane.0),
            "order": parity.mode.order.number(),
            "reliability": parity.mode.reliability.number(),
            "seq": int(parity.seq.0),
            "total": int(parity.total),
            "index": parity.index,
            "symbol": hex(parity.symbol),
        }),
        Frame::Ticket(ticket) => json!({
            "kind": "ticket",
            "number": int(ticket.number),
            "lifetime_ms": int(ticket.lifetime_ms),
            "early_max": int(ticket.early_max),
            "ticket": hex(ticket.ticket),
        }),
        Frame::Unknown { kind, body } => json!({ "kind": kind, "body": hex(body) }),
        other => panic!("{other:?} has no fields in the vectors"),
    }
}

fn acknowledgement(ack: &Ack<'_>) -> Value {
    let ranges: Vec<Value> =
        ack.ranges.iter().map(|range| json!([int(range.start().0), int(range.end().0)])).collect();
    json!({
        "kind": "ack",
        "path": ack.path.0,
        "delay_us": u64::try_from(ack.delay().as_micros()).expect("67 s at most"),
        "ranges": ranges,
    })
}

fn message_frame(message: &Message<'_>) -> Value {
    json!({
        "kind": "message",
        "lane": int(message.lane.0),
        "order": message.mode.order.number(),
        "reliability": message.mode.reliability.number(),
        "seq": int(message.seq.0),
        "offset": message.fragment.map(|fragment| int(fragment.offset)),
        "total": message.fragment.map(|fragment| int(fragment.total)),
        "deadline_ms": message.deadline_ms,
        "payload": hex(message.payload),
    })
}
