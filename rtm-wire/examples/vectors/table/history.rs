//! Histories (protocol §6.28).

use rtm_wire::{
    Bound, ChannelKind, ChannelRef, Encode, Epoch, Event, GetMessages, List, MessageEvent,
    MessageType, Messages, Position, PositionEvent, ReplyResult, Sequence, StoredMessage,
    TokenChange, TokenEvent, UnixTime,
};

use super::super::vector::Vector;
use super::requests::request;
use super::server::{event as event_vector, reply};

const LOBBY: ChannelRef<'_> = ChannelRef { kind: ChannelKind::Message, name: "lobby" };
const TIME: UnixTime = UnixTime::from_millis(1_700_000_000_000);
const AT: Position = Position { epoch: Epoch(3), sequence: Sequence(70) };

pub(super) fn requests() -> Vec<Vector> {
    let all = GetMessages {
        channel: LOBBY,
        oldest_first: false,
        limit: 0,
        from: Bound::Open,
        to: Bound::Open,
    };
    let (from, to) = (Bound::Time(UnixTime::from_millis(1_699_999_000_000)), Bound::Time(TIME));
    let between = GetMessages { limit: 100, from, to, ..all };
    let own = ChannelRef { kind: ChannelKind::User, name: "bob" };
    let after = GetMessages { channel: own, oldest_first: true, from: Bound::Position(AT), ..all };
    vec![
        request("6.28", 40, "get messages", all),
        request("6.28", 41, "get messages, between two times", between),
        request("6.28", 42, "get messages, oldest first, after one", after),
    ]
}

pub(super) fn answers() -> Vec<Vector> {
    let event = Event::Message(MessageEvent {
        channel: LOBBY,
        publisher: "alice",
        position: AT,
        time: TIME,
        message_type: MessageType::String,
        custom_type: "",
        payload: b"hi",
    });
    let mut bytes = Vec::new();
    event.encode(&mut bytes);
    let messages = [StoredMessage { event: &bytes }];
    let page = Messages { has_more: true, messages: List::Slice(&messages) };
    let channels = List::default();
    let ending = TokenEvent { change: TokenChange::WillExpire, left_ms: 30_000, channels };
    let lost = [LOBBY, ChannelRef { kind: ChannelKind::User, name: "bob" }];
    let (change, channels) = (TokenChange::ReadPermissionRevoked, List::Slice(&lost));
    let revoked = TokenEvent { change, left_ms: 0, channels };
    let position = PositionEvent { channel: LOBBY, position: AT };
    let empty = Messages { has_more: false, messages: List::default() };
    vec![
        reply("reply to get messages", ReplyResult::Messages(page)),
        reply("reply to get messages, none there", ReplyResult::Messages(empty)),
        event_vector("6.29", "position event", position),
        event_vector("6.30", "token event", ending),
        event_vector("6.30", "token event, less may be read", revoked),
    ]
}
