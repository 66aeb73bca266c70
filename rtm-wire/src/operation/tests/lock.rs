//! Operations of locks.

use super::*;

#[test]
fn requests_of_locks() {
    let (channel, name) = (LOBBY, "l");
    requests(&[
        (b"\x50\x05\x01\x05lobby\x01l\x41\x2c", 5, SetLock { channel, name, ttl_secs: 300 }.into()),
        (b"\x51\x05\x01\x05lobby\x01l", 5, RemoveLock { channel, name }.into()),
        (b"\x52\x05\x01\x05lobby\x01l\x01", 5, AcquireLock { channel, name, retry: true }.into()),
        (b"\x53\x05\x01\x05lobby\x01l", 5, ReleaseLock { channel, name }.into()),
        (
            b"\x54\x05\x01\x05lobby\x01l\x03bob",
            5,
            RevokeLock { channel, name, owner: "bob" }.into(),
        ),
        (b"\x55\x05\x01\x05lobby", 5, GetLocks { channel }.into()),
    ]);
    let short = |field| DecodeError::Short { field };
    refused_requests(&[
        (b"\x50\x05\x01\x05lobby\x01l", 5, short("set lock")),
        (b"\x51\x05\x01\x05lobby\x01", 5, short("remove lock")),
        (b"\x52\x05\x01\x05lobby\x01l\x02", 5, DecodeError::Invalid { field: "retry flag" }),
        (b"\x53\x05\x01\x05lobby\x01l!", 5, DecodeError::Trailing),
        (b"\x54\x05\x01\x05lobby\x01l", 5, short("revoke lock")),
        (b"\x55\x05\x01\x05lobb", 5, short("get locks")),
    ]);
}

#[test]
fn answers_and_events_of_locks() {
    let reply = |result| {
        let (operation, code) = (OperationId(5), ErrorCode::OK);
        ServerOperation::Reply(Reply { operation, code, reason: "", result })
    };
    let held = Lock { name: "l", owner: "bob", ttl_secs: 10, token: LockToken(64) };
    let free = Lock { name: "m", owner: "", ttl_secs: 300, token: LockToken(0) };
    let acquired = Acquired { token: LockToken(64), ttl_secs: 10 };
    let event = LockEvent {
        channel: LOBBY,
        change: LockChange::Acquired,
        position: AT,
        time: TIME,
        actor: "bob",
        locks: List::Slice(&[held]),
    };
    let bytes =
        b"\x95\x01\x05lobby\x04\x03\x40\x40\x80\x00\x40\x00\x03bob\x01\x01l\x03bob\x0a\x40\x40"
            .as_slice();
    server(&[
        (b"\x80\x05\x00\x00\x0d\x40\x40\x0a", reply(ReplyResult::Acquired(acquired))),
        (
            b"\x80\x05\x00\x00\x0e\x02\x01l\x03bob\x0a\x40\x40\x01m\x00\x41\x2c\x00",
            reply(ReplyResult::Locks(List::Slice(&[held, free]))),
        ),
        (bytes, ServerOperation::Event(event.into())),
    ]);
    refused_server(&[
        (b"\x80\x05\x00\x00\x0d\x40\x40", DecodeError::Short { field: "reply" }),
        (b"\x80\x05\x00\x00\x0e\x01\x01l\x00", DecodeError::Short { field: "reply" }),
        (&bytes[..bytes.len() - 2], DecodeError::Short { field: "lock event" }),
        (&[bytes, b"!"].concat(), DecodeError::Trailing),
    ]);
}
