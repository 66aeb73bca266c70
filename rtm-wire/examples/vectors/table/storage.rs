//! Metadata (protocol §6.26).

use rtm_wire::{
    ChannelKind, ChannelRef, Expected, GetMetadata, ItemRemoval, ItemWrite, List, LockToken,
    Metadata, MetadataItem, MetadataOptions, MetadataWrite, RemoveMetadata, ReplyResult, Revision,
    SetMetadata, StorageChange, StorageEvent, Stored, SubscribeUserMetadata, UnderLock, UnixTime,
    UnsubscribeUserMetadata, UpdateMetadata,
};

use super::super::vector::Vector;
use super::requests::request;
use super::server::{event, reply};

const LOBBY: ChannelRef<'_> = ChannelRef { kind: ChannelKind::Message, name: "lobby" };
const BOB: ChannelRef<'_> = ChannelRef { kind: ChannelKind::User, name: "bob" };
const TIME: UnixTime = UnixTime::from_millis(1_700_000_000_000);

pub(super) fn requests() -> Vec<Vector> {
    let items = [
        ItemWrite { key: "topic", value: b"cats", revision: Expected::ANY },
        ItemWrite { key: "round", value: b"\x00\xff", revision: Expected::at(Revision(41)) },
        ItemWrite { key: "winner", value: b"", revision: Expected::ABSENT },
    ];
    let set = MetadataWrite {
        target: LOBBY,
        options: MetadataOptions { time: true, author: true },
        major: Expected::at(Revision(1_000)),
        lock: UnderLock { name: "editor", token: LockToken(70) },
        items: List::Slice(&items),
    };
    let update = MetadataWrite {
        target: BOB,
        options: MetadataOptions { time: true, author: false },
        major: Expected::ANY,
        lock: UnderLock::default(),
        items: List::Slice(&items[..1]),
    };
    let removals = [
        ItemRemoval { key: "topic", revision: Expected::ANY },
        ItemRemoval { key: "round", revision: Expected::at(Revision(41)) },
    ];
    let remove = RemoveMetadata {
        target: LOBBY,
        major: Expected::ANY,
        lock: UnderLock { name: "editor", token: LockToken(0) },
        items: List::Slice(&removals),
    };
    let whole = RemoveMetadata {
        target: BOB,
        major: Expected::at(Revision(5)),
        lock: UnderLock::default(),
        items: List::default(),
    };
    let get = GetMetadata { target: LOBBY, limit: 0, after: "" };
    vec![
        request("6.26", 20, "set metadata", SetMetadata(set)),
        request("6.26", 21, "update metadata", UpdateMetadata(update)),
        request("6.26", 22, "remove metadata", remove),
        request("6.26", 23, "remove metadata, the whole set", whole),
        request("6.26", 24, "get metadata", get),
        request(
            "6.26",
            25,
            "get metadata, next page",
            GetMetadata { limit: 100, after: "k", ..get },
        ),
        request("6.26", 26, "subscribe user metadata", SubscribeUserMetadata { user: "bob" }),
        request("6.26", 27, "unsubscribe user metadata", UnsubscribeUserMetadata { user: "bob" }),
    ]
}

pub(super) fn answers() -> Vec<Vector> {
    let items = [
        MetadataItem {
            key: "round",
            value: b"\x00\xff",
            revision: Revision(41),
            time: UnixTime::default(),
            author: "",
        },
        MetadataItem {
            key: "topic",
            value: b"cats",
            revision: Revision(1_001),
            time: TIME,
            author: "alice",
        },
    ];
    let page =
        Metadata { major: Revision(1_001), total: 3, items: List::Slice(&items), next: "topic" };
    let empty = Metadata { major: Revision(0), total: 0, items: List::default(), next: "" };
    let snapshot = StorageEvent {
        target: LOBBY,
        change: StorageChange::Snapshot,
        major: Revision(1_001),
        time: TIME,
        author: "",
        has_more: true,
        items: List::Slice(&items),
        removed: List::default(),
    };
    let update = StorageEvent {
        target: BOB,
        change: StorageChange::Update,
        author: "alice",
        has_more: false,
        items: List::Slice(&items[1..]),
        ..snapshot
    };
    let removed = StorageEvent {
        change: StorageChange::Remove,
        major: Revision(1_002),
        items: List::default(),
        removed: List::Slice(&["round", "topic"]),
        ..update
    };
    let stored = ReplyResult::Stored(Stored { major: Revision(1_001), time: TIME });
    vec![
        reply("reply to set metadata", stored),
        reply("reply to get metadata", ReplyResult::Metadata(page)),
        reply("reply to get metadata, nothing there", ReplyResult::Metadata(empty)),
        event("6.26", "storage event, part of a snapshot", snapshot),
        event("6.26", "storage event, update of a user", update),
        event("6.26", "storage event, remove", removed),
    ]
}
