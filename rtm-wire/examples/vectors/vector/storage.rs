//! Fields of metadata and locks.

use rtm_wire::{
    Acquired, ChannelRef, Expected, List, Lock, LockEvent, Metadata, MetadataItem, MetadataWrite,
    Request, StorageEvent, Stored, UnderLock,
};
use serde_json::{Value, json};

use super::operations::{channel, position};
use super::{hex, int};

/// The fields of a request for metadata or a lock.
pub(super) fn request(request: &Request<'_>) -> Option<Value> {
    let fields = match request {
        Request::SetMetadata(set) => write(&set.0),
        Request::UpdateMetadata(update) => write(&update.0),
        Request::RemoveMetadata(remove) => {
            let items = remove.items.iter();
            let items = items.map(|it| json!({ "key": it.key, "revision": expected(it.revision) }));
            json!({
                "target": channel(&remove.target),
                "major": expected(remove.major),
                "lock": under_lock(remove.lock),
                "items": items.collect::<Vec<_>>(),
            })
        }
        Request::GetMetadata(get) => json!({
            "target": channel(&get.target),
            "limit": int(get.limit),
            "after": get.after,
        }),
        Request::SubscribeUserMetadata(subscribe) => json!({ "user": subscribe.user }),
        Request::UnsubscribeUserMetadata(unsubscribe) => json!({ "user": unsubscribe.user }),
        Request::SetLock(set) => {
            let mut fields = named_lock(&set.channel, set.name);
            fields["ttl_s"] = int(set.ttl_secs);
            fields
        }
        Request::RemoveLock(remove) => named_lock(&remove.channel, remove.name),
        Request::AcquireLock(acquire) => {
            let mut fields = named_lock(&acquire.channel, acquire.name);
            fields["retry"] = json!(acquire.retry);
            fields
        }
        Request::ReleaseLock(release) => named_lock(&release.channel, release.name),
        Request::RevokeLock(revoke) => {
            let mut fields = named_lock(&revoke.channel, revoke.name);
            fields["owner"] = json!(revoke.owner);
            fields
        }
        Request::GetLocks(get) => json!({ "channel": channel(&get.channel) }),
        _ => return None,
    };
    Some(fields)
}

pub(super) fn stored(stored: Stored) -> Value {
    json!({
        "kind": "stored",
        "major": int(stored.major.0),
        "time_ms": int(stored.time.as_millis()),
    })
}

pub(super) fn metadata(metadata: &Metadata<'_>) -> Value {
    json!({
        "kind": "metadata",
        "major": int(metadata.major.0),
        "total": int(metadata.total),
        "items": metadata.items.iter().map(item).collect::<Vec<_>>(),
        "next": metadata.next,
    })
}

pub(super) fn acquired(acquired: Acquired) -> Value {
    json!({
        "kind": "acquired",
        "token": int(acquired.token.0),
        "ttl_s": int(acquired.ttl_secs),
    })
}

pub(super) fn locks(locks: List<'_, Lock<'_>>) -> Value {
    json!({ "kind": "locks", "locks": locks.iter().map(lock).collect::<Vec<_>>() })
}

pub(super) fn storage_event(event: &StorageEvent<'_>) -> Value {
    json!({
        "kind": "storage event",
        "target": channel(&event.target),
        "change": event.change.number(),
        "major": int(event.major.0),
        "time_ms": int(event.time.as_millis()),
        "author": event.author,
        "more": event.has_more,
        "items": event.items.iter().map(item).collect::<Vec<_>>(),
        "removed": event.removed.iter().collect::<Vec<_>>(),
    })
}

pub(super) fn lock_event(event: &LockEvent<'_>) -> Value {
    json!({
        "kind": "lock event",
        "channel": channel(&event.channel),
        "change": event.change.number(),
        "position": position(event.position),
        "time_ms": int(event.time.as_millis()),
        "actor": event.actor,
        "locks": event.locks.iter().map(lock).collect::<Vec<_>>(),
    })
}

fn write(write: &MetadataWrite<'_>) -> Value {
    let items = write.items.iter().map(|item| {
        json!({
            "key": item.key,
            "value": hex(item.value),
            "revision": expected(item.revision),
        })
    });
    json!({
        "target": channel(&write.target),
        "record_time": write.options.time,
        "record_author": write.options.author,
        "major": expected(write.major),
        "lock": under_lock(write.lock),
        "items": items.collect::<Vec<_>>(),
    })
}

/// As users write it: null for no check, 0 for what must not exist.
fn expected(expected: Expected) -> Value {
    expected.revision().map_or(Value::Null, |revision| int(revision.0))
}

fn under_lock(lock: UnderLock<'_>) -> Value {
    json!({ "name": lock.name, "token": int(lock.token.0) })
}

fn named_lock(of: &ChannelRef<'_>, name: &str) -> Value {
    json!({ "channel": channel(of), "name": name })
}

fn item(item: MetadataItem<'_>) -> Value {
    json!({
        "key": item.key,
        "value": hex(item.value),
        "revision": int(item.revision.0),
        "time_ms": int(item.time.as_millis()),
        "author": item.author,
    })
}

fn lock(lock: Lock<'_>) -> Value {
    json!({
        "name": lock.name,
        "owner": lock.owner,
        "ttl_s": int(lock.ttl_secs),
        "token": int(lock.token.0),
    })
}
