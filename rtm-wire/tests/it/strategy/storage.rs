//! Metadata.

use proptest::prelude::*;
use rtm_wire::{
    Expected, GetMetadata, ItemRemoval, ItemWrite, LockToken, Metadata, MetadataItem,
    MetadataOptions, MetadataWrite, RemoveMetadata, ReplyResult, Request, Revision, SetMetadata,
    StorageChange, StorageEvent, Stored, SubscribeUserMetadata, UnderLock, UnsubscribeUserMetadata,
    UpdateMetadata, varint,
};

use super::fields::{channel, name, time};
use super::operations::list;
use super::{bytes, number};

pub(super) fn request() -> impl Strategy<Value = Request<'static>> {
    let remove = (channel(), expected(), under_lock(), list(removal()));
    prop_oneof![
        write().prop_map(|write| SetMetadata(write).into()),
        write().prop_map(|write| UpdateMetadata(write).into()),
        remove.prop_map(|(target, major, lock, items)| RemoveMetadata {
            target,
            major,
            lock,
            items
        }
        .into()),
        (channel(), number(), name()).prop_map(|(target, limit, after)| GetMetadata {
            target,
            limit,
            after
        }
        .into()),
        name().prop_map(|user| SubscribeUserMetadata { user }.into()),
        name().prop_map(|user| UnsubscribeUserMetadata { user }.into()),
    ]
}

pub(super) fn result() -> impl Strategy<Value = ReplyResult<'static>> {
    prop_oneof![
        (revision(), time()).prop_map(|(major, time)| ReplyResult::Stored(Stored { major, time })),
        (revision(), number(), list(item()), name()).prop_map(|(major, total, items, next)| {
            ReplyResult::Metadata(Metadata { major, total, items, next })
        }),
    ]
}

pub(super) fn event() -> impl Strategy<Value = StorageEvent<'static>> {
    let write = (revision(), time(), name());
    let what = (any::<u8>(), any::<bool>(), list(item()), list(name()));
    (channel(), write, what).prop_map(
        |(target, (major, time, author), (change, has_more, items, removed))| StorageEvent {
            target,
            change: StorageChange::from_number(change),
            major,
            time,
            author,
            has_more,
            items,
            removed,
        },
    )
}

fn write() -> impl Strategy<Value = MetadataWrite<'static>> {
    let item = (name(), bytes(100), expected()).prop_map(|(key, value, revision)| ItemWrite {
        key,
        value,
        revision,
    });
    let options = any::<[bool; 2]>();
    (channel(), options, expected(), under_lock(), list(item)).prop_map(
        |(target, [time, author], major, lock, items)| MetadataWrite {
            target,
            options: MetadataOptions { time, author },
            major,
            lock,
            items,
        },
    )
}

fn removal() -> impl Strategy<Value = ItemRemoval<'static>> {
    (name(), expected()).prop_map(|(key, revision)| ItemRemoval { key, revision })
}

fn item() -> impl Strategy<Value = MetadataItem<'static>> {
    (name(), bytes(100), revision(), time(), name()).prop_map(
        |(key, value, revision, time, author)| MetadataItem { key, value, revision, time, author },
    )
}

fn under_lock() -> impl Strategy<Value = UnderLock<'static>> {
    (name(), number()).prop_map(|(name, token)| UnderLock { name, token: LockToken(token) })
}

fn expected() -> impl Strategy<Value = Expected> {
    let revision = number().prop_map(|it| Expected::at(Revision(it.min(varint::MAX - 1))));
    prop_oneof![Just(Expected::ANY), Just(Expected::ABSENT), revision]
}

fn revision() -> impl Strategy<Value = Revision> {
    number().prop_map(Revision)
}
