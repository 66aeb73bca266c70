//! Fields of histories.

use rtm_wire::{Bound, Event, GetMessages, Messages};
use serde_json::{Value, json};

use super::operations::{self, channel, position};
use super::{hex, int};

pub(super) fn get_messages(get: &GetMessages<'_>) -> Value {
    json!({
        "channel": channel(&get.channel),
        "oldest_first": get.oldest_first,
        "limit": int(get.limit),
        "from": bound(get.from),
        "to": bound(get.to),
    })
}

fn bound(bound: Bound) -> Value {
    match bound {
        Bound::Open => json!({ "kind": "open" }),
        Bound::Time(time) => json!({ "kind": "time", "time_ms": int(time.as_millis()) }),
        Bound::Position(at) => json!({ "kind": "position", "position": position(at) }),
    }
}

pub(super) fn messages(page: &Messages<'_>) -> Value {
    let event = |bytes: &[u8]| match Event::decode(bytes) {
        Ok(event) => operations::event(&event),
        Err(_) => json!(hex(bytes)),
    };
    json!({
        "kind": "messages",
        "has_more": page.has_more,
        "messages": page.messages.iter().map(|it| event(it.event)).collect::<Vec<_>>(),
    })
}
