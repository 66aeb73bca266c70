//! Replies and events (protocol §6.2, §6.3, §6.17 to §6.19, §6.23, §6.25 to §6.27).

use rtm_wire::{
    ChannelKind, ChannelRef, Delivery, Epoch, ErrorCode, Event, FailedUser, HeardUser, Limit,
    LimitKind, List, MessageEvent, MessageType, OnlineUsers, OperationId, Position, PresenceChange,
    PresenceEvent, PresentUser, Priority, Published, Publisher, Qos, Reach, Reliability, Reply,
    ReplyResult, Sequence, ServerOperation, State, TopicChange, TopicEvent, TopicMessageEvent,
    TopicUsers, UnixTime, UserChannels, UserPublished,
};

use super::super::vector::{Type, Vector};
use super::{history, locks, storage, valid};

const AT: Position = Position { epoch: Epoch(3), sequence: Sequence(1_000) };
const TIME: UnixTime = UnixTime::from_millis(1_700_000_000_000);

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = replies();
    vectors.extend(lists());
    vectors.extend(events());
    vectors.extend(presence());
    vectors.extend(presence_answers());
    vectors.extend(storage::answers());
    vectors.extend(locks::answers());
    vectors.extend(history::answers());
    vectors
}

fn replies() -> Vec<Vector> {
    let refused = Reply {
        operation: OperationId(10),
        code: ErrorCode::CHANNEL_RECEIVER_OFFLINE,
        reason: "bob is offline",
        result: ReplyResult::None,
    };
    let unknown = ReplyResult::Unknown { kind: 0x40, body: b"later" };
    let published = ReplyResult::Published(Published { position: AT, time: TIME });
    vec![
        reply("reply without result", ReplyResult::None),
        valid(Type::Server, "6.2", "reply, refused", &refused),
        valid(
            Type::Server,
            "6.2",
            "reply, unknown error number",
            &Reply { code: ErrorCode(u32::MAX), ..refused },
        ),
        reply("reply to login", logged_in(&[])),
        reply("reply to login, with limits", logged_in(LIMITS)),
        reply("reply to subscribe", ReplyResult::Subscribed(AT)),
        reply("reply to publish", published),
        reply(
            "reply to publish to a user",
            ReplyResult::UserPublished(UserPublished {
                reach: Reach::Stored,
                published: Published { position: AT, time: TIME },
            }),
        ),
        reply("reply to join topic", ReplyResult::TopicJoined(AT)),
        reply("reply with unknown result", unknown),
    ]
}

const LIMITS: &[Limit] = &[
    Limit { kind: LimitKind::MessageLen, value: 32_768 },
    Limit { kind: LimitKind::MessagesPerSecond, value: 60 },
    Limit { kind: LimitKind::TopicMessageLen, value: 1_024 },
    Limit { kind: LimitKind::TopicMessagesPerSecond, value: 200 },
    Limit { kind: LimitKind::Unknown(0x40), value: 7 },
];

fn logged_in(limits: &[Limit]) -> ReplyResult<'_> {
    ReplyResult::LoggedIn { time: TIME, limits: List::Slice(limits) }
}

fn lists() -> Vec<Vector> {
    let publisher = Publisher {
        topic: "gestures",
        user: "alice",
        publication: Sequence(12),
        last: Sequence(345),
        since: TIME,
        delivery: Delivery { qos: Qos::Ordered, ..Delivery::default() },
        meta: b"\x01",
    };
    let newest = Delivery { reliability: Reliability::LatestOnly, ..Delivery::default() };
    let publishers =
        [publisher, Publisher { user: "bob", delivery: newest, meta: b"", ..publisher }];
    let failed = [FailedUser { user: "carol", code: ErrorCode::REMOTE_USER_IS_NOT_PUBLISHED }];
    let joined =
        |publishers| ReplyResult::Joined { position: AT, publishers: List::Slice(publishers) };
    let heard = [HeardUser { user: "alice", publication: Sequence(12), last: Sequence(345) }];
    let users = TopicUsers { succeeded: List::Slice(&heard), failed: List::Slice(&failed) };
    let over = [HeardUser { user: "alice", publication: Sequence(0), last: Sequence(0) }];
    let over = TopicUsers { succeeded: List::Slice(&over), failed: List::Slice(&[]) };
    vec![
        reply("reply to join, nobody publishes", joined(&[])),
        reply("reply to join", joined(&publishers)),
        reply("reply to subscribe topic", ReplyResult::TopicUsers(users)),
        reply("reply to unsubscribe topic, nothing published", ReplyResult::TopicUsers(over)),
    ]
}

fn events() -> Vec<Vector> {
    let message = MessageEvent {
        channel: ChannelRef { kind: ChannelKind::Message, name: "lobby" },
        publisher: "alice",
        position: AT,
        time: TIME,
        message_type: MessageType::String,
        custom_type: "",
        payload: b"hi",
    };
    let topic_message = TopicMessageEvent {
        channel: "room",
        topic: "gestures",
        publisher: "alice",
        epoch: Epoch(3),
        publication: Sequence(12),
        sequence: Sequence(345),
        time: TIME,
        message_type: MessageType::Binary,
        custom_type: "wave",
        payload: b"\x00\x01\x02",
    };
    let joined = TopicEvent {
        channel: "room",
        position: AT,
        time: TIME,
        change: TopicChange::Joined,
        topic: "gestures",
        publisher: "alice",
        delivery: Delivery {
            priority: Priority::High,
            reliability: Reliability::Deadline,
            deadline_ms: 250,
            ..Delivery::default()
        },
        last: Sequence(0),
        meta: b"\x01",
    };
    let left = TopicEvent { change: TopicChange::Left, last: Sequence(345), meta: b"", ..joined };
    vec![
        event("6.17", "message event", message),
        event("6.18", "topic message event", topic_message),
        event("6.19", "topic event, joined", joined),
        event("6.19", "topic event, left", left),
        event("6.3", "unknown event", Event::Unknown { kind: 0xfe, body: b"later" }),
    ]
}

fn presence() -> Vec<Vector> {
    let joined = PresenceEvent {
        channel: ChannelRef { kind: ChannelKind::Message, name: "lobby" },
        change: PresenceChange::Joined,
        position: AT,
        time: TIME,
        total: 2,
        has_more: false,
        joined: List::Slice(&["alice"]),
        left: List::default(),
        timed_out: List::default(),
        users: List::default(),
    };
    let states = [State { key: "mood", value: b"well" }];
    let users = [
        PresentUser { user: "alice", states: List::Slice(&states) },
        PresentUser { user: "bob", states: List::default() },
    ];
    let snapshot = PresenceEvent {
        change: PresenceChange::Snapshot,
        has_more: true,
        joined: List::default(),
        users: List::Slice(&users),
        ..joined
    };
    let interval = PresenceEvent {
        channel: ChannelRef { kind: ChannelKind::Stream, name: "room" },
        change: PresenceChange::Interval,
        left: List::Slice(&["carol"]),
        timed_out: List::Slice(&["dave"]),
        users: List::Slice(&users[..1]),
        ..joined
    };
    vec![
        event("6.23", "presence event, joined", joined),
        event("6.23", "presence event, part of a snapshot", snapshot),
        event("6.23", "presence event, interval", interval),
    ]
}

fn presence_answers() -> Vec<Vector> {
    let states = [State { key: "mood", value: b"well" }, State { key: "hand", value: b"\x00\xff" }];
    let bob = PresentUser { user: "bob", states: List::Slice(&states) };
    let users = [PresentUser { user: "alice", states: List::default() }, bob];
    let page = OnlineUsers { total: 70_000, users: List::Slice(&users), next: "bob" };
    let count = OnlineUsers { users: List::default(), next: "", ..page };
    let channels = [
        ChannelRef { kind: ChannelKind::Message, name: "lobby" },
        ChannelRef { kind: ChannelKind::Stream, name: "room" },
    ];
    let found = UserChannels { total: 2, channels: List::Slice(&channels) };
    vec![
        reply("reply to get states", ReplyResult::PresentUser(bob)),
        reply("reply to get online users", ReplyResult::OnlineUsers(page)),
        reply("reply to get online users, count", ReplyResult::OnlineUsers(count)),
        reply("reply to get user channels", ReplyResult::UserChannels(found)),
    ]
}

pub(super) fn reply(name: &'static str, result: ReplyResult<'_>) -> Vector {
    let reply = Reply { operation: OperationId(9), code: ErrorCode::OK, reason: "", result };
    valid(Type::Server, "6.2", name, &reply)
}

pub(super) fn event<'a>(
    section: &'static str,
    name: &'static str,
    event: impl Into<Event<'a>>,
) -> Vector {
    valid(Type::Server, section, name, &ServerOperation::Event(event.into()))
}
