//! Requests (protocol §6.1, §6.4 to §6.15, §6.24 to §6.27).

use rtm_wire::{
    ChannelKind, ChannelRef, Delivery, Epoch, GetOnlineUsers, GetStates, GetUserChannels, Join,
    JoinTopic, Leave, LeaveTopic, List, Liveness, Login, Logout, MessageType, OnlineFlags,
    OperationId, Position, Priority, Publish, PublishFlags, PublishTopic, Qos, QueuePolicy,
    Receipt, Reliability, RemoveStates, RenewToken, Request, Sequence, SessionInstance, SetStates,
    State, Subscribe, SubscribeOptions, SubscribeTopic, Unsubscribe, UnsubscribeTopic, varint,
};

use super::super::vector::{Type, Vector};
use super::{history, locks, storage, valid};

const AT: Position = Position { epoch: Epoch(3), sequence: Sequence(1_000) };
const LOBBY: ChannelRef<'_> = ChannelRef { kind: ChannelKind::Message, name: "lobby" };

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = sessions();
    vectors.extend(channels());
    vectors.extend(topics());
    vectors.extend(presence());
    vectors.extend(storage::requests());
    vectors.extend(locks::requests());
    vectors.extend(history::requests());
    vectors
}

fn sessions() -> Vec<Vector> {
    let login = Login {
        app_id: "app",
        user_id: "alice",
        instance: SessionInstance(0x0123_4567_89ab_cdef),
        features: 0,
        token: "",
        liveness: Liveness::default(),
    };
    let unknown = Request::Unknown { kind: 0x7f, body: b"later" };
    let town = RenewToken { token: "007x", channel: "town" };
    vec![
        request("6.4", 0, "login in the handshake", login),
        request("6.4", 1, "login with token", Login { token: "007token", ..login }),
        request("6.5", 2, "logout", Logout),
        request("6.30", 43, "renew token", RenewToken { token: "007token", channel: "" }),
        request("6.30", 44, "renew token of a stream channel", town),
        request("6.1", 3, "unknown request", unknown),
        request("6.1", varint::MAX, "largest operation id", Logout),
    ]
}

fn channels() -> Vec<Vector> {
    let options = SubscribeOptions::default();
    let all = SubscribeOptions {
        messages: true,
        presence: true,
        metadata: true,
        locks: true,
        quiet: true,
        queue: QueuePolicy::LatestOnly,
    };
    let subscribe = Subscribe { channel: LOBBY, options, resume: None };
    let resume = Some(Position { epoch: Epoch(3), sequence: Sequence(1_000) });
    let publish = Publish {
        channel: LOBBY,
        flags: PublishFlags { store: false },
        message_type: MessageType::String,
        custom_type: "",
        payload: b"hi",
    };
    let to_user = Publish {
        channel: ChannelRef { kind: ChannelKind::User, name: "bob" },
        flags: PublishFlags { store: true },
        message_type: MessageType::Unknown(7),
        custom_type: "note",
        payload: b"",
    };
    let elsewhere = ChannelRef { kind: ChannelKind::Unknown(200), name: "" };
    vec![
        request("6.6", 4, "subscribe", subscribe),
        request("6.6", 5, "subscribe, resumed", Subscribe { options: all, resume, ..subscribe }),
        request("6.7", 6, "unsubscribe", Unsubscribe { channel: LOBBY }),
        request("6.7", 7, "unsubscribe, unknown kind", Unsubscribe { channel: elsewhere }),
        request("6.8", 8, "join", Join { channel: "room", options, token: "007token" }),
        request("6.9", 9, "leave", Leave { channel: "room" }),
        request("6.10", 10, "publish", publish),
        request("6.24", 10, "receipt", Receipt { position: AT }),
        request("6.10", 70_000, "publish to a user, stored", to_user),
    ]
}

fn topics() -> Vec<Vector> {
    let (channel, topic) = ("room", "gestures");
    let join = JoinTopic {
        channel,
        topic,
        delivery: Delivery { qos: Qos::Ordered, ..Delivery::default() },
        meta: b"",
    };
    let other = JoinTopic {
        delivery: Delivery {
            qos: Qos::Unknown(5),
            priority: Priority::Low,
            reliability: Reliability::LatestOnly,
            deadline_ms: 0,
        },
        meta: b"\x00\xff",
        ..join
    };
    let in_time =
        Delivery { reliability: Reliability::Deadline, deadline_ms: 250, ..Delivery::default() };
    let in_time = JoinTopic { delivery: in_time, ..join };
    let publish = PublishTopic {
        channel,
        topic,
        message_type: MessageType::Binary,
        custom_type: "wave",
        payload: b"\x00\x01\x02",
    };
    let all =
        SubscribeTopic { channel, topic, users: List::default(), queue: QueuePolicy::Default };
    let users = List::Slice(&["alice", "bob"]);
    vec![
        request("6.11", 11, "join topic", join),
        request("6.11", 12, "join topic with meta, unknown order", other),
        request("6.11", 13, "join topic, with a deadline", in_time),
        request("6.12", 13, "leave topic", LeaveTopic { channel, topic }),
        request("6.13", 14, "publish topic", publish),
        request("6.14", 15, "subscribe topic, all", all),
        request(
            "6.14",
            16,
            "subscribe topic",
            SubscribeTopic { users, queue: QueuePolicy::DropOldest, ..all },
        ),
        request("6.15", 17, "unsubscribe topic", UnsubscribeTopic { channel, topic, users }),
    ]
}

fn presence() -> Vec<Vector> {
    let channel = LOBBY;
    let states = [State { key: "mood", value: b"well" }, State { key: "hand", value: b"\x00\xff" }];
    let set = SetStates { channel, states: List::Slice(&states) };
    let keys = List::Slice(&["mood", "hand"]);
    let all = RemoveStates { channel, keys: List::default() };
    let flags = OnlineFlags::default();
    let first = GetOnlineUsers { channel, flags, limit: 0, after: "" };
    let next = GetOnlineUsers {
        channel: ChannelRef { kind: ChannelKind::Stream, name: "room" },
        flags: OnlineFlags { user_ids: true, states: true },
        limit: 100,
        after: "bob",
    };
    let count = OnlineFlags { user_ids: false, states: false };
    vec![
        request("6.25", 18, "set states", set),
        request("6.25", 19, "remove states", RemoveStates { channel, keys }),
        request("6.25", 20, "remove states, all", all),
        request("6.25", 21, "get states", GetStates { channel, user: "bob" }),
        request("6.25", 22, "get online users", first),
        request("6.25", 23, "get online users, with states after bob", next),
        request("6.25", 24, "get online users, count", GetOnlineUsers { flags: count, ..first }),
        request("6.25", 25, "get user channels", GetUserChannels { user: "bob" }),
    ]
}

pub(super) fn request<'a>(
    section: &'static str,
    operation: u64,
    name: &'static str,
    request: impl Into<Request<'a>>,
) -> Vector {
    valid(Type::Request, section, name, &(OperationId(operation), request.into()))
}
