//! Every limit of the format: reached, and passed by one.

use rtm_wire::{
    AckRanges, AcquireLock, ChannelKind, ChannelRef, Close, CloseCode, ConnectionId, DecodeError,
    Delivery, Encode, ErrorCode, Expected, Frame, GetOnlineUsers, GetStates, GetUserChannels,
    Hello, Initial, ItemRemoval, ItemWrite, Join, JoinTopic, Leave, List, MetadataOptions,
    MetadataWrite, OnlineFlags, OnlineUsers, OperationId, Packet, PacketNumber, PresentUser,
    Publish, PublishFlags, QueuePolicy, RemoveMetadata, RemoveStates, Reply, ReplyResult, Request,
    Resume, Resumption, SetMetadata, SetStates, State, SubscribeOptions, SubscribeTopic, Ticket,
    TicketContents, TransportParams, UnderLock, UnixTime, UserChannels, Versions, limits, varint,
};

use crate::vector::put;

const LOBBY: ChannelRef<'_> = ChannelRef { kind: ChannelKind::Message, name: "lobby" };

#[test]
fn names() {
    let name = |length| "n".repeat(length);
    check("channel name", limits::NAME, |length| request(Leave { channel: &name(length) }.into()));
    check("state key", limits::NAME, |length| {
        let states = [State { key: &name(length), value: b"" }];
        request(SetStates { channel: LOBBY, states: List::Slice(&states) }.into())
    });
    check("user", limits::NAME, |length| {
        request(GetStates { channel: LOBBY, user: &name(length) }.into())
    });
    check("user", limits::NAME, |length| {
        let flags = OnlineFlags::default();
        request(GetOnlineUsers { channel: LOBBY, flags, limit: 0, after: &name(length) }.into())
    });
    check("user", limits::NAME, |length| request(GetUserChannels { user: &name(length) }.into()));
    check("next page", limits::NAME, |length| {
        let users = List::default();
        result(ReplyResult::OnlineUsers(OnlineUsers { total: 0, users, next: &name(length) }))
    });
    check("lock name", limits::NAME, |length| {
        let (channel, name) = (LOBBY, &*name(length));
        request(AcquireLock { channel, name, retry: false }.into())
    });
    check("metadata key", limits::NAME, |length| metadata(&name(length), b""));
    check("topic name", limits::NAME, |length| request(join_topic(&name(length), b"").into()));
    check("list element", limits::NAME, |length| {
        let users = name(length);
        request(
            SubscribeTopic {
                channel: "",
                topic: "",
                users: List::Slice(&[&users]),
                queue: QueuePolicy::Default,
            }
            .into(),
        )
    });
}

#[test]
fn texts_and_blobs() {
    check("token", limits::TOKEN, |length| {
        let options = SubscribeOptions::default();
        request(Join { channel: "", options, token: &"t".repeat(length) }.into())
    });
    check("custom type", limits::CUSTOM_TYPE, |length| {
        let publish = Publish {
            channel: ChannelRef { kind: ChannelKind::Message, name: "" },
            flags: PublishFlags::default(),
            message_type: rtm_wire::MessageType::Binary,
            custom_type: &"c".repeat(length),
            payload: b"",
        };
        request(publish.into())
    });
    check("publisher meta", limits::META, |length| {
        request(join_topic("", &vec![0; length]).into())
    });
    check("metadata value", limits::METADATA, |length| metadata("", &vec![0; length]));
    check("close reason", limits::REASON, |length| {
        frame(Close { code: CloseCode::DONE, reason: &"r".repeat(length) }.into())
    });
    check("state value", limits::STATE, |length| {
        let states = [State { key: "mood", value: &vec![0; length] }];
        request(SetStates { channel: LOBBY, states: List::Slice(&states) }.into())
    });
    check("login", limits::LOGIN, |length| hello(&[1], &vec![0; length]));
}

#[test]
fn lists() {
    check("users", limits::LIST, |length| {
        let users = vec![""; length];
        request(
            SubscribeTopic {
                channel: "",
                topic: "",
                users: List::Slice(&users),
                queue: QueuePolicy::Default,
            }
            .into(),
        )
    });
    check("states", limits::LIST, |length| {
        let states = vec![State { key: "", value: b"" }; length];
        request(SetStates { channel: LOBBY, states: List::Slice(&states) }.into())
    });
    check("state keys", limits::LIST, |length| {
        let keys = vec![""; length];
        request(RemoveStates { channel: LOBBY, keys: List::Slice(&keys) }.into())
    });
    check("users", limits::LIST, |length| {
        let users = vec![PresentUser { user: "", states: List::default() }; length];
        let users = List::Slice(&users);
        result(ReplyResult::OnlineUsers(OnlineUsers { total: 0, users, next: "" }))
    });
    check("channels", limits::LIST, |length| {
        let channels = vec![LOBBY; length];
        let channels = List::Slice(&channels);
        result(ReplyResult::UserChannels(UserChannels { total: 0, channels }))
    });
    check("metadata items", limits::LIST, |length| {
        let items = vec![ItemRemoval { key: "", revision: Expected::ANY }; length];
        let (target, major, lock) = (LOBBY, Expected::ANY, UnderLock::default());
        request(RemoveMetadata { target, major, lock, items: List::Slice(&items) }.into())
    });
    check("versions", limits::OFFERS, |length| hello(&vec![1; length], b""));
    check("versions", limits::OFFERS, |length| {
        packet(&Versions { client_cid: ConnectionId([0; 8]), versions: &vec![1; length] })
    });
}

#[test]
fn cookies() {
    check("cookie", limits::COOKIE, |length| {
        let client_cid = ConnectionId([0; 8]);
        packet(&Initial { version: 1, client_cid, cookie: &vec![0; length], noise: b"" })
    });
}

#[test]
fn tickets() {
    check("ticket", limits::TICKET, |length| {
        let (client_cid, ticket) = (ConnectionId([0; 8]), &*vec![0; length]);
        packet(&Resume { version: 1, client_cid, cookie: b"", ticket, noise: b"" })
    });
    check("ticket", limits::TICKET, |length| {
        let ticket = &*vec![0; length];
        frame(Ticket { number: 0, lifetime_ms: 0, early_max: 0, ticket }.into())
    });
    check("early messages", limits::EARLY_MESSAGES, |length| {
        Resumption::decode(&vec![0; length + 1]).map(drop)
    });
    check("ticket state", limits::TICKET_STATE, |length| {
        let state = &*vec![0; length];
        let (issued, expires) = (UnixTime::default(), UnixTime::default());
        let (secret, register) = ([0; 32], [0; 8]);
        let contents = TicketContents { secret, register, issued, expires, state };
        TicketContents::decode(&put(&contents)).map(drop)
    });
}

#[test]
fn frames() {
    check("frame", limits::FRAME, |length| {
        frame(Frame::Unknown { kind: 0xff, body: &vec![0; length] })
    });
}

/// The encoder leaves out what is beyond the limit, so the bytes of one more are made here.
#[test]
fn ack_ranges() {
    check("ack ranges", limits::ACK_RANGES, |length| {
        let mut body = vec![0, 0];
        varint::put(&mut body, 1_000);
        body.push(0);
        body.extend(vec![0; 2 * (length - 1)]);
        let mut bytes = vec![0x02];
        varint::put(&mut bytes, body.len() as u64);
        bytes.extend(body);
        Frame::decode(&bytes).map(drop)
    });
    let mut bytes = Vec::new();
    let ranges = (0..65).map(|n| PacketNumber(1_000 - 2 * n)..=PacketNumber(1_000 - 2 * n));
    assert_eq!(AckRanges::encode(ranges, &mut bytes).iter().count(), limits::ACK_RANGES);
}

/// `limit` of something is read, and one more is refused by the name of the field.
fn check(field: &'static str, limit: usize, read: impl Fn(usize) -> Result<(), DecodeError>) {
    assert_eq!(read(limit), Ok(()), "{field}");
    assert_eq!(read(limit + 1), Err(DecodeError::TooLong { field }));
}

fn frame(frame: Frame<'_>) -> Result<(), DecodeError> {
    Frame::decode(&put(&frame)).map(drop)
}

fn packet(packet: &impl Encode) -> Result<(), DecodeError> {
    Packet::decode(&put(packet)).map(drop)
}

fn request(request: Request<'_>) -> Result<(), DecodeError> {
    let bytes = put(&(OperationId(1), request));
    Request::decode(&bytes).map(drop).map_err(|error| error.error)
}

fn result(result: ReplyResult<'_>) -> Result<(), DecodeError> {
    let (operation, code) = (OperationId(1), ErrorCode::OK);
    Reply::decode(&put(&Reply { operation, code, reason: "", result })).map(drop)
}

fn hello(versions: &[u8], login: &[u8]) -> Result<(), DecodeError> {
    let params = TransportParams::default();
    let hello = Hello { versions, ciphers: &[1], features: 0, params, login, padding: 0 };
    Hello::decode(&put(&hello)).map(drop)
}

fn metadata(key: &str, value: &[u8]) -> Result<(), DecodeError> {
    let write = MetadataWrite {
        target: LOBBY,
        options: MetadataOptions::default(),
        major: Expected::ANY,
        lock: UnderLock::default(),
        items: List::Slice(&[ItemWrite { key, value, revision: Expected::ANY }]),
    };
    request(SetMetadata(write).into())
}

fn join_topic<'a>(topic: &'a str, meta: &'a [u8]) -> JoinTopic<'a> {
    JoinTopic { channel: "", topic, delivery: Delivery::default(), meta }
}
