//! Locks.

use proptest::prelude::*;
use rtm_wire::{
    AcquireLock, Acquired, GetLocks, Lock, LockChange, LockEvent, LockToken, ReleaseLock,
    RemoveLock, ReplyResult, Request, RevokeLock, SetLock,
};

use super::fields::{channel, name, position, time};
use super::number;
use super::operations::list;

pub(super) fn request() -> impl Strategy<Value = Request<'static>> {
    let lock = || (channel(), name());
    prop_oneof![
        (lock(), number()).prop_map(|((channel, name), ttl_secs)| SetLock {
            channel,
            name,
            ttl_secs
        }
        .into()),
        lock().prop_map(|(channel, name)| RemoveLock { channel, name }.into()),
        (lock(), any::<bool>()).prop_map(|((channel, name), retry)| AcquireLock {
            channel,
            name,
            retry
        }
        .into()),
        lock().prop_map(|(channel, name)| ReleaseLock { channel, name }.into()),
        (lock(), name())
            .prop_map(|((channel, name), owner)| RevokeLock { channel, name, owner }.into()),
        channel().prop_map(|channel| GetLocks { channel }.into()),
    ]
}

pub(super) fn result() -> impl Strategy<Value = ReplyResult<'static>> {
    prop_oneof![
        (token(), number())
            .prop_map(|(token, ttl_secs)| ReplyResult::Acquired(Acquired { token, ttl_secs })),
        list(held()).prop_map(ReplyResult::Locks),
    ]
}

pub(super) fn event() -> impl Strategy<Value = LockEvent<'static>> {
    (channel(), any::<u8>(), position(), time(), name(), list(held())).prop_map(
        |(channel, change, position, time, actor, locks)| LockEvent {
            channel,
            change: LockChange::from_number(change),
            position,
            time,
            actor,
            locks,
        },
    )
}

fn held() -> impl Strategy<Value = Lock<'static>> {
    (name(), name(), number(), token()).prop_map(|(name, owner, ttl_secs, token)| Lock {
        name,
        owner,
        ttl_secs,
        token,
    })
}

fn token() -> impl Strategy<Value = LockToken> {
    number().prop_map(LockToken)
}
