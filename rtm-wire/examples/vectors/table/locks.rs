//! Locks (protocol §6.27).

use rtm_wire::{
    AcquireLock, Acquired, ChannelKind, ChannelRef, Epoch, GetLocks, List, Lock, LockChange,
    LockEvent, LockToken, Position, ReleaseLock, RemoveLock, ReplyResult, RevokeLock, Sequence,
    SetLock, UnixTime,
};

use super::super::vector::Vector;
use super::requests::request;
use super::server::{event, reply};

const LOBBY: ChannelRef<'_> = ChannelRef { kind: ChannelKind::Message, name: "lobby" };
const AT: Position = Position { epoch: Epoch(3), sequence: Sequence(1_000) };
const TIME: UnixTime = UnixTime::from_millis(1_700_000_000_000);

pub(super) fn requests() -> Vec<Vector> {
    let (channel, name) = (LOBBY, "editor");
    let acquire = AcquireLock { channel, name, retry: false };
    vec![
        request("6.27", 30, "set lock", SetLock { channel, name, ttl_secs: 300 }),
        request("6.27", 31, "remove lock", RemoveLock { channel, name }),
        request("6.27", 32, "acquire lock", acquire),
        request("6.27", 33, "acquire lock, waiting", AcquireLock { retry: true, ..acquire }),
        request("6.27", 34, "release lock", ReleaseLock { channel, name }),
        request("6.27", 35, "revoke lock", RevokeLock { channel, name, owner: "bob" }),
        request("6.27", 36, "get locks", GetLocks { channel }),
    ]
}

pub(super) fn answers() -> Vec<Vector> {
    let held = Lock { name: "editor", owner: "bob", ttl_secs: 10, token: LockToken(70) };
    let free = Lock { name: "turn", owner: "", ttl_secs: 300, token: LockToken(0) };
    let snapshot = LockEvent {
        channel: LOBBY,
        change: LockChange::Snapshot,
        position: AT,
        time: TIME,
        actor: "",
        locks: List::Slice(&[held, free]),
    };
    let acquired = LockEvent {
        change: LockChange::Acquired,
        actor: "bob",
        locks: List::Slice(&[held]),
        ..snapshot
    };
    let gone = [Lock { owner: "", ..held }];
    let expired = LockEvent { change: LockChange::Expired, locks: List::Slice(&gone), ..acquired };
    let token = ReplyResult::Acquired(Acquired { token: LockToken(70), ttl_secs: 10 });
    vec![
        reply("reply to acquire lock", token),
        reply("reply to get locks", ReplyResult::Locks(List::Slice(&[held, free]))),
        reply("reply to get locks, none there", ReplyResult::Locks(List::default())),
        event("6.27", "lock event, snapshot", snapshot),
        event("6.27", "lock event, acquired", acquired),
        event("6.27", "lock event, expired", expired),
    ]
}
