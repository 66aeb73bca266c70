//! Every operation as bytes and as a value.

mod history;
mod lock;
mod storage;

use super::*;
use crate::testing::{refused_requests, refused_server, requests, server};
use crate::{
    ChannelKind, Delivery, Epoch, ErrorCode, Limit, LimitKind, List, LockChange, LockToken,
    MessageType, OperationId, PresenceChange, Priority, Qos, QueuePolicy, Reach, Reliability,
    Revision, Sequence, SessionInstance, StorageChange, TopicChange, UnixTime,
};

const LOBBY: ChannelRef<'_> = ChannelRef { kind: ChannelKind::Message, name: "lobby" };
const AT: Position = Position { epoch: Epoch(3), sequence: Sequence(64) };
const TIME: UnixTime = UnixTime::from_millis(0x4000);

#[test]
fn logins() {
    let instance = SessionInstance(64);
    let liveness = Liveness { heartbeat: 5, presence_timeout: 300 };
    let token = "007";
    let login = Login { app_id: "app", user_id: "bob", instance, features: 0, token, liveness };
    requests(&[
        (b"\x01\x00\x03app\x03bob\x40\x40\x00\x03007\x05\x41\x2c", 0, login.into()),
        (b"\x02\x40\x40", 64, Logout.into()),
    ]);
    refused_requests(&[
        (b"\x01\x00\x03app\x03bob\x40\x40\x00\x00\x05", 0, DecodeError::Short { field: "login" }),
        (b"\x01\x05\x03app\x01\xff\x00\x00\x00", 5, DecodeError::Text { field: "user id" }),
        (b"\x02\x05!", 5, DecodeError::Trailing),
    ]);
}

#[test]
fn subscriptions() {
    let options = SubscribeOptions::default();
    let plain = Subscribe { channel: LOBBY, options, resume: None };
    let quiet = SubscribeOptions { quiet: true, presence: false, ..options };
    let again = Subscribe { channel: LOBBY, options: quiet, resume: Some(AT) };
    requests(&[
        (b"\x13\x05\x03\x40\x40", 5, Receipt { position: AT }.into()),
        (b"\x10\x05\x01\x05lobby\x03\x00", 5, plain.into()),
        (b"\x10\x05\x01\x05lobby\x11\x01\x03\x40\x40", 5, again.into()),
        (b"\x11\x05\x01\x05lobby", 5, Unsubscribe { channel: LOBBY }.into()),
    ]);
    let refused = |field| DecodeError::Invalid { field };
    refused_requests(&[
        (b"\x10\x05\x01\x05lobby\x03\x02", 5, refused("resume flag")),
        (b"\x10\x05\x01\x05lobby\x03\x01\x03", 5, DecodeError::Short { field: "subscribe" }),
        (b"\x11\x05\x01\x05lobb", 5, DecodeError::Short { field: "unsubscribe" }),
        (b"\x13\x05\x03", 5, DecodeError::Short { field: "receipt" }),
    ]);
}

#[test]
fn publishes() {
    let publish = Publish {
        channel: LOBBY,
        flags: PublishFlags { store: true },
        message_type: MessageType::String,
        custom_type: "note",
        payload: b"hi",
    };
    let elsewhere = ChannelRef { kind: ChannelKind::Unknown(9), name: "" };
    let other = Publish { channel: elsewhere, message_type: MessageType::Unknown(2), ..publish };
    requests(&[
        (b"\x12\x05\x01\x05lobby\x01\x01\x04notehi", 5, publish.into()),
        (b"\x12\x05\x09\x00\x01\x02\x04notehi", 5, other.into()),
    ]);
    refused_requests(&[
        (b"\x12\x05\x09\x00\x02\x02\x00", 5, DecodeError::Invalid { field: "publish flags" }),
        (b"\x12\x05\x09\x00\x01\x02", 5, DecodeError::Short { field: "publish" }),
    ]);
}

#[test]
fn memberships() {
    let join = Join { channel: "room", options: SubscribeOptions::default(), token: "007" };
    requests(&[
        (b"\x20\x05\x04room\x03\x03007", 5, join.into()),
        (b"\x21\x05\x04room", 5, Leave { channel: "room" }.into()),
    ]);
    refused_requests(&[
        (b"\x20\x05\x04room\x03", 5, DecodeError::Short { field: "join" }),
        (b"\x21\x05\x04room!", 5, DecodeError::Trailing),
    ]);
}

#[test]
fn topics() {
    let (channel, topic) = ("room", "t");
    let join = JoinTopic {
        channel,
        topic,
        delivery: Delivery {
            qos: Qos::Ordered,
            priority: Priority::Low,
            reliability: Reliability::Deadline,
            deadline_ms: 64,
        },
        meta: b"\xff",
    };
    let publish = PublishTopic {
        channel,
        topic,
        message_type: MessageType::Binary,
        custom_type: "",
        payload: b"hi",
    };
    let users = List::Slice(&["alice", "bob"]);
    requests(&[
        (b"\x22\x05\x04room\x01t\x01\x08\x01\x40\x40\x01\xff", 5, join.into()),
        (b"\x23\x05\x04room\x01t", 5, LeaveTopic { channel, topic }.into()),
        (b"\x24\x05\x04room\x01t\x00\x00hi", 5, publish.into()),
        (
            b"\x25\x05\x04room\x01t\x02\x05alice\x03bob\x02",
            5,
            SubscribeTopic { channel, topic, users, queue: QueuePolicy::DropOldest }.into(),
        ),
        (
            b"\x26\x05\x04room\x01t\x00",
            5,
            UnsubscribeTopic { channel, topic, users: List::default() }.into(),
        ),
    ]);
    refused_requests(&[
        (b"\x25\x05\x04room\x01t\x02\x05alice", 5, DecodeError::Short { field: "subscribe topic" }),
        (b"\x25\x05\x04room\x01t\x00\x05alice", 5, DecodeError::Trailing),
        (b"\x25\x05\x04room\x01t\x50\x01", 5, DecodeError::TooLong { field: "users" }),
    ]);
}

/// Who sent it can be answered, as soon as the id was read.
#[test]
fn requests_of_all_kinds() {
    requests(&[(b"\x7f\x05later", 5, Request::Unknown { kind: 0x7f, body: b"later" })]);
    refused_requests(&[
        (b"", 0, DecodeError::Incomplete),
        (b"\x12\x40", 0, DecodeError::Incomplete),
        (b"\x12\x40\x05", 0, DecodeError::Varint),
        (b"\x90\x05", 0, DecodeError::Invalid { field: "request kind" }),
    ]);
}

#[test]
fn replies() {
    let reply = |result| {
        let (operation, code) = (OperationId(5), ErrorCode::OK);
        ServerOperation::Reply(Reply { operation, code, reason: "", result })
    };
    let refused = Reply {
        operation: OperationId(64),
        code: ErrorCode::CHANNEL_RECEIVER_OFFLINE,
        reason: "gone",
        result: ReplyResult::None,
    };
    let published = ReplyResult::Published(Published { position: AT, time: TIME });
    let limits = [
        Limit { kind: LimitKind::MessagesPerSecond, value: 60 },
        Limit { kind: LimitKind::Unknown(0x40), value: 5 },
    ];
    server(&[
        (b"\x80\x05\x00\x00\x00", reply(ReplyResult::None)),
        (b"\x80\x40\x40\x6b\x19\x04gone\x00", ServerOperation::Reply(refused)),
        (
            b"\x80\x05\x00\x00\x01\x80\x00\x40\x00\x02\x02\x3c\x40\x05",
            reply(ReplyResult::LoggedIn { time: TIME, limits: List::Slice(&limits) }),
        ),
        (b"\x80\x05\x00\x00\x02\x03\x40\x40", reply(ReplyResult::Subscribed(AT))),
        (b"\x80\x05\x00\x00\x03\x03\x40\x40\x80\x00\x40\x00", reply(published)),
        (b"\x80\x05\x00\x00\x05\x03\x40\x40", reply(ReplyResult::TopicJoined(AT))),
        (b"\x80\x05\x00\x00\x40later", reply(ReplyResult::Unknown { kind: 0x40, body: b"later" })),
    ]);
    refused_server(&[
        (b"", DecodeError::Incomplete),
        (b"\x80\x05\x00\x00", DecodeError::Short { field: "reply" }),
        (b"\x80\x05\x00\x00\x00!", DecodeError::Trailing),
    ]);
}

#[test]
fn replies_with_lists() {
    let reply = |result| {
        let (operation, code) = (OperationId(5), ErrorCode::OK);
        ServerOperation::Reply(Reply { operation, code, reason: "", result })
    };
    let publishers = [Publisher {
        topic: "t",
        user: "bob",
        publication: Sequence(1),
        last: Sequence(2),
        since: TIME,
        delivery: Delivery { qos: Qos::Ordered, ..Delivery::default() },
        meta: b"\xff",
    }];
    let joined = ReplyResult::Joined { position: AT, publishers: List::Slice(&publishers) };
    let failed = [FailedUser { user: "bob", code: ErrorCode::REMOTE_USER_IS_NOT_PUBLISHED }];
    let heard = [HeardUser { user: "alice", publication: Sequence(1), last: Sequence(64) }];
    let users = TopicUsers { succeeded: List::Slice(&heard), failed: List::Slice(&failed) };
    server(&[
        (
            b"\x80\x05\x00\x00\x04\x03\x40\x40\x01\x01t\x03bob\x01\x02\x80\x00\x40\x00\x01\x04\x00\x00\x01\xff",
            reply(joined),
        ),
        (
            b"\x80\x05\x00\x00\x06\x01\x05alice\x01\x40\x40\x01\x03bob\x05",
            reply(ReplyResult::TopicUsers(users)),
        ),
    ]);
}

#[test]
fn events() {
    let message = MessageEvent {
        channel: LOBBY,
        publisher: "bob",
        position: AT,
        time: TIME,
        message_type: MessageType::String,
        custom_type: "",
        payload: b"hi",
    };
    let topic_message = TopicMessageEvent {
        channel: "room",
        topic: "t",
        publisher: "bob",
        epoch: Epoch(3),
        publication: Sequence(1),
        sequence: Sequence(2),
        time: TIME,
        message_type: MessageType::Binary,
        custom_type: "note",
        payload: b"hi",
    };
    let left = TopicEvent {
        channel: "room",
        position: AT,
        time: TIME,
        change: TopicChange::Left,
        topic: "t",
        publisher: "bob",
        delivery: Delivery { reliability: Reliability::LatestOnly, ..Delivery::default() },
        last: Sequence(2),
        meta: b"",
    };
    let unknown = Event::Unknown { kind: 0x81, body: b"later" };
    server(&[
        (
            b"\x90\x01\x05lobby\x03bob\x03\x40\x40\x80\x00\x40\x00\x01\x00hi",
            ServerOperation::Event(message.into()),
        ),
        (
            b"\x91\x04room\x01t\x03bob\x03\x01\x02\x80\x00\x40\x00\x00\x04notehi",
            ServerOperation::Event(topic_message.into()),
        ),
        (
            b"\x92\x04room\x03\x40\x40\x80\x00\x40\x00\x03\x01t\x03bob\x00\x04\x02\x00\x02\x00",
            ServerOperation::Event(left.into()),
        ),
        (b"\x81later", ServerOperation::Event(unknown)),
    ]);
    refused_server(&[
        (b"\x12\x05", DecodeError::Invalid { field: "event kind" }),
        (b"\x90\x01\x05lob", DecodeError::Short { field: "message event" }),
    ]);
}

#[test]
fn publishes_to_users_are_answered_with_how_far_they_got() {
    let published = Published { position: AT, time: TIME };
    let result = ReplyResult::UserPublished(UserPublished { reach: Reach::Stored, published });
    let reply = Reply { operation: OperationId(5), code: ErrorCode::OK, reason: "", result };
    let bytes = b"\x80\x05\x00\x00\x07\x02\x03\x40\x40\x80\x00\x40\x00";
    server(&[(bytes, ServerOperation::Reply(reply))]);
    let short = &bytes[..bytes.len() - 1];
    refused_server(&[(short, DecodeError::Short { field: "reply" })]);
}

#[test]
fn presence() {
    let none = PresenceEvent {
        channel: LOBBY,
        change: PresenceChange::OutOfService,
        position: AT,
        time: TIME,
        total: 0,
        has_more: false,
        joined: List::default(),
        left: List::default(),
        timed_out: List::default(),
        users: List::default(),
    };
    let mood = [State { key: "mood", value: b"ok" }];
    let users = [
        PresentUser { user: "bob", states: List::Slice(&mood) },
        PresentUser { user: "al", states: List::default() },
    ];
    let interval = PresenceEvent {
        change: PresenceChange::Interval,
        total: 64,
        has_more: true,
        joined: List::Slice(&["eve"]),
        left: List::Slice(&["a", "b"]),
        timed_out: List::Slice(&["c"]),
        users: List::Slice(&users),
        ..none
    };
    let head = b"\x93\x01\x05lobby";
    let event = |rest: &[u8]| [&head[..], rest].concat();
    let empty = event(b"\x07\x03\x40\x40\x80\x00\x40\x00\x00\x00\x00\x00\x00\x00");
    let full = event(
        b"\x02\x03\x40\x40\x80\x00\x40\x00\x40\x40\x01\x01\x03eve\x02\x01a\x01b\x01\x01c\
          \x02\x03bob\x01\x04mood\x02ok\x02al\x00",
    );
    server(&[
        (&empty, ServerOperation::Event(none.into())),
        (&full, ServerOperation::Event(interval.into())),
    ]);
    refused_server(&[
        (&empty[..empty.len() - 1], DecodeError::Short { field: "presence event" }),
        (&[&empty[..], b"!"].concat(), DecodeError::Trailing),
    ]);
}

#[test]
fn presence_states() {
    let states = [State { key: "mood", value: b"ok" }, State { key: "k", value: b"" }];
    let set = SetStates { channel: LOBBY, states: List::Slice(&states) };
    let keys = List::Slice(&["mood", "k"]);
    let all = RemoveStates { channel: LOBBY, keys: List::default() };
    requests(&[
        (b"\x30\x05\x01\x05lobby\x02\x04mood\x02ok\x01k\x00", 5, set.into()),
        (
            b"\x31\x05\x01\x05lobby\x02\x04mood\x01k",
            5,
            RemoveStates { channel: LOBBY, keys }.into(),
        ),
        (b"\x31\x05\x01\x05lobby\x00", 5, all.into()),
    ]);
    refused_requests(&[
        (b"\x30\x05\x01\x05lobby\x01\x04mood", 5, DecodeError::Short { field: "set states" }),
        (b"\x30\x05\x01\x05lobby\x00!", 5, DecodeError::Trailing),
        (b"\x31\x05\x01\x05lobby\x01", 5, DecodeError::Short { field: "remove states" }),
    ]);
}

#[test]
fn presence_questions() {
    let get = GetStates { channel: LOBBY, user: "bob" };
    let online = |user_ids, states| {
        let flags = OnlineFlags { user_ids, states };
        GetOnlineUsers { channel: LOBBY, flags, limit: 64, after: "bob" }
    };
    requests(&[
        (b"\x32\x05\x01\x05lobby\x03bob", 5, get.into()),
        (b"\x33\x05\x01\x05lobby\x00\x40\x40\x03bob", 5, online(false, false).into()),
        (b"\x33\x05\x01\x05lobby\x01\x40\x40\x03bob", 5, online(true, false).into()),
        (b"\x33\x05\x01\x05lobby\x02\x40\x40\x03bob", 5, online(false, true).into()),
        (b"\x33\x05\x01\x05lobby\x03\x40\x40\x03bob", 5, online(true, true).into()),
        (b"\x34\x05\x03bob", 5, GetUserChannels { user: "bob" }.into()),
    ]);
    refused_requests(&[
        (b"\x32\x05\x01\x05lobby", 5, DecodeError::Short { field: "get states" }),
        (b"\x33\x05\x01\x05lobby\x04\x00\x00", 5, DecodeError::Invalid { field: "online flags" }),
        (b"\x33\x05\x01\x05lobby\x01\x00", 5, DecodeError::Short { field: "get online users" }),
        (b"\x34\x05\x03bo", 5, DecodeError::Short { field: "get user channels" }),
    ]);
}

#[test]
fn answers_to_presence_questions() {
    let reply = |result| {
        let (operation, code) = (OperationId(5), ErrorCode::OK);
        ServerOperation::Reply(Reply { operation, code, reason: "", result })
    };
    let states = [State { key: "mood", value: b"ok" }];
    let bob = PresentUser { user: "bob", states: List::Slice(&states) };
    let page = OnlineUsers { total: 64, users: List::Slice(&[bob]), next: "bob" };
    let channels = [LOBBY, ChannelRef { kind: ChannelKind::Stream, name: "room" }];
    let found = UserChannels { total: 2, channels: List::Slice(&channels) };
    server(&[
        (b"\x80\x05\x00\x00\x08\x03bob\x01\x04mood\x02ok", reply(ReplyResult::PresentUser(bob))),
        (
            b"\x80\x05\x00\x00\x09\x40\x40\x01\x03bob\x01\x04mood\x02ok\x03bob",
            reply(ReplyResult::OnlineUsers(page)),
        ),
        (
            b"\x80\x05\x00\x00\x0a\x02\x02\x01\x05lobby\x02\x04room",
            reply(ReplyResult::UserChannels(found)),
        ),
    ]);
    refused_server(&[
        (b"\x80\x05\x00\x00\x08\x03bob", DecodeError::Short { field: "reply" }),
        (b"\x80\x05\x00\x00\x09\x00\x00", DecodeError::Short { field: "reply" }),
        (b"\x80\x05\x00\x00\x0a\x00\x50\x01", DecodeError::TooLong { field: "channels" }),
    ]);
}
