//! Operations of metadata.

use super::*;

const ROOM: ChannelRef<'_> = ChannelRef { kind: ChannelKind::Stream, name: "room" };

#[test]
fn writes() {
    let items = [
        ItemWrite { key: "a", value: b"x", revision: Expected::ANY },
        ItemWrite { key: "b", value: b"", revision: Expected::at(Revision(63)) },
    ];
    let write = MetadataWrite {
        target: ROOM,
        options: MetadataOptions { time: true, author: true },
        major: Expected::ABSENT,
        lock: UnderLock { name: "l", token: LockToken(64) },
        items: List::Slice(&items),
    };
    let plain = MetadataWrite {
        options: MetadataOptions::default(),
        major: Expected::ANY,
        lock: UnderLock::default(),
        items: List::default(),
        ..write
    };
    let removals = [ItemRemoval { key: "a", revision: Expected::at(Revision(1)) }];
    let (major, lock) = (Expected::ANY, UnderLock::default());
    let remove = RemoveMetadata { target: ROOM, major, lock, items: List::Slice(&removals) };
    let body = b"\x02\x04room\x03\x01\x01l\x40\x40\x02\x01a\x01x\x00\x01b\x00\x40\x40";
    requests(&[
        (&[b"\x40\x05", &body[..]].concat(), 5, SetMetadata(write).into()),
        (&[b"\x41\x05", &body[..]].concat(), 5, UpdateMetadata(write).into()),
        (b"\x40\x05\x02\x04room\x00\x00\x00\x00\x00", 5, SetMetadata(plain).into()),
        (b"\x42\x05\x02\x04room\x00\x00\x00\x01\x01a\x02", 5, remove.into()),
        (
            b"\x42\x05\x02\x04room\x00\x00\x00\x00",
            5,
            RemoveMetadata { items: List::default(), ..remove }.into(),
        ),
    ]);
    let options = DecodeError::Invalid { field: "metadata options" };
    let short = |field| DecodeError::Short { field };
    refused_requests(&[
        (b"\x40\x05\x02\x04room\x04\x00\x00\x00\x00", 5, options),
        (b"\x40\x05\x02\x04room\x00\x00\x00\x00\x01\x01a\x00", 5, short("set metadata")),
        (b"\x41\x05\x02\x04room\x00\x00\x00\x00", 5, short("update metadata")),
        (b"\x42\x05\x02\x04room\x00\x00\x00\x01\x01a", 5, short("remove metadata")),
        (b"\x42\x05\x02\x04room\x00\x00\x00\x00!", 5, DecodeError::Trailing),
    ]);
}

#[test]
fn questions_and_subscriptions() {
    requests(&[
        (b"\x43\x05\x02\x04room\x40\x40\x01k", 5, {
            GetMetadata { target: ROOM, limit: 64, after: "k" }.into()
        }),
        (b"\x44\x05\x03bob", 5, SubscribeUserMetadata { user: "bob" }.into()),
        (b"\x45\x05\x03bob", 5, UnsubscribeUserMetadata { user: "bob" }.into()),
    ]);
    let short = |field| DecodeError::Short { field };
    refused_requests(&[
        (b"\x43\x05\x02\x04room\x00", 5, short("get metadata")),
        (b"\x44\x05\x03bo", 5, short("subscribe user metadata")),
        (b"\x45\x05\x03bob!", 5, DecodeError::Trailing),
    ]);
}

#[test]
fn answers() {
    let reply = |result| {
        let (operation, code) = (OperationId(5), ErrorCode::OK);
        ServerOperation::Reply(Reply { operation, code, reason: "", result })
    };
    let item =
        MetadataItem { key: "a", value: b"x", revision: Revision(64), time: TIME, author: "bob" };
    let bare = MetadataItem { time: UnixTime::default(), author: "", ..item };
    let page =
        Metadata { major: Revision(65), total: 3, items: List::Slice(&[item, bare]), next: "a" };
    let empty = Metadata { major: Revision(0), total: 0, items: List::default(), next: "" };
    let stored = Stored { major: Revision(64), time: TIME };
    server(&[
        (b"\x80\x05\x00\x00\x0b\x40\x40\x80\x00\x40\x00", reply(ReplyResult::Stored(stored))),
        (
            b"\x80\x05\x00\x00\x0c\x40\x41\x03\x02\x01a\x01x\x40\x40\x80\x00\x40\x00\x03bob\
              \x01a\x01x\x40\x40\x00\x00\x01a",
            reply(ReplyResult::Metadata(page)),
        ),
        (b"\x80\x05\x00\x00\x0c\x00\x00\x00\x00", reply(ReplyResult::Metadata(empty))),
    ]);
    refused_server(&[
        (b"\x80\x05\x00\x00\x0b\x40\x40", DecodeError::Short { field: "reply" }),
        (b"\x80\x05\x00\x00\x0c\x00\x00\x00\x00!", DecodeError::Trailing),
    ]);
}

#[test]
fn storage_events() {
    let item = MetadataItem {
        key: "a",
        value: b"x",
        revision: Revision(7),
        time: UnixTime::default(),
        author: "",
    };
    let update = StorageEvent {
        target: ROOM,
        change: StorageChange::Update,
        major: Revision(7),
        time: TIME,
        author: "bob",
        has_more: true,
        items: List::Slice(&[item]),
        removed: List::default(),
    };
    let removed = StorageEvent {
        change: StorageChange::Remove,
        has_more: false,
        items: List::default(),
        removed: List::Slice(&["a", "b"]),
        ..update
    };
    let removed_bytes =
        b"\x94\x02\x04room\x04\x07\x80\x00\x40\x00\x03bob\x00\x00\x02\x01a\x01b".as_slice();
    server(&[
        (
            b"\x94\x02\x04room\x03\x07\x80\x00\x40\x00\x03bob\x01\x01\x01a\x01x\x07\x00\x00\x00",
            ServerOperation::Event(update.into()),
        ),
        (removed_bytes, ServerOperation::Event(removed.into())),
    ]);
    let short = DecodeError::Short { field: "storage event" };
    refused_server(&[
        (&removed_bytes[..removed_bytes.len() - 1], short),
        (
            b"\x94\x02\x04room\x04\x07\x07\x00\x02\x00\x00",
            DecodeError::Invalid { field: "storage flags" },
        ),
    ]);
}
