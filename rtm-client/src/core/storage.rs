//! Metadata: writes and reads.

use rtm_channel::{Refusal, UserId};
use rtm_wire::{
    ChannelKind, ChannelRef, ErrorCode, GetMetadata, ItemRemoval, ItemWrite, LaneId, List,
    LockToken, Metadata as Page, MetadataWrite, RemoveMetadata, ReplyResult, SetMetadata, Time,
    UnderLock, UpdateMetadata,
};

use super::Core;
use super::command::{Answer, MetadataTarget, WriteKind};
use super::operations::{Operation, Purpose};
use super::reading::{Progress, Reading};
use crate::channel_id::ChannelId;
use crate::error::Error;
use crate::storage::{MetadataItem, MetadataOptions, MetadataPage, check, expected};

impl<W> Core<W> {
    pub(super) fn write_metadata(
        &mut self,
        now: Time,
        target: &MetadataTarget,
        kind: WriteKind,
        (items, options): (&[MetadataItem], &MetadataOptions),
        waiter: Option<W>,
    ) {
        let major = check(items, options).and_then(|()| expected(options.major_revision));
        let checked = major.map_err(Error::from).and_then(|major| {
            self.check_connected()?;
            Ok(major)
        });
        let major = match checked {
            Ok(major) => major,
            Err(error) => return self.answer(waiter, Err(error)),
        };
        let lock = UnderLock { name: &options.lock, token: LockToken(options.token) };
        let (target, purpose) = (target.wire(), Purpose::WriteMetadata);
        if kind == WriteKind::Remove {
            return match removals(items) {
                Ok(items) => {
                    let items = List::Slice(&items);
                    let request = RemoveMetadata { target, major, lock, items };
                    self.request(now, LaneId::CONTROL, request, purpose, waiter);
                }
                Err(refusal) => self.answer(waiter, Err(refusal.into())),
            };
        }
        let items = match writes(items) {
            Ok(items) => items,
            Err(refusal) => return self.answer(waiter, Err(refusal.into())),
        };
        let (options, items) = (options.record, List::Slice(&items));
        let write = MetadataWrite { target, options, major, lock, items };
        match kind {
            WriteKind::Update => {
                self.request(now, LaneId::CONTROL, UpdateMetadata(write), purpose, waiter);
            }
            _ => self.request(now, LaneId::CONTROL, SetMetadata(write), purpose, waiter),
        }
    }

    /// The answer to what concerns metadata.
    pub(super) fn on_storage_success(
        &mut self,
        now: Time,
        operation: Operation<W>,
        result: ReplyResult<'_>,
    ) {
        let Operation { purpose, waiter, .. } = operation;
        match (purpose, result) {
            (Purpose::WriteMetadata, ReplyResult::Stored(stored)) => {
                self.answer(waiter, Ok(Answer::Stored(stored.into())));
            }
            (Purpose::ReadPage, ReplyResult::Metadata(page)) => {
                self.answer(waiter, Ok(Answer::MetadataPage(MetadataPage::new(&page))));
            }
            (Purpose::Read(reading), ReplyResult::Metadata(page)) => {
                self.on_page(now, *reading, &page, waiter);
            }
            (Purpose::SubscribeUserMetadata { user, is_restore, .. }, _) => {
                self.answer(waiter, Ok(Answer::Done));
                self.catch_up(now, MetadataTarget::User(user));
                if is_restore {
                    self.on_restored(now);
                }
            }
            (Purpose::UnsubscribeUserMetadata, _) => self.answer(waiter, Ok(Answer::Done)),
            (purpose, _) => self.on_other_answer(now, Operation::new(purpose, waiter)),
        }
    }

    /// Reads one page as it is.
    pub(super) fn read_page(
        &mut self,
        now: Time,
        target: &MetadataTarget,
        (limit, after): (u64, &str),
        waiter: Option<W>,
    ) {
        if let Err(error) = self.check_connected() {
            return self.answer(waiter, Err(error));
        }
        if after.len() > rtm_wire::limits::NAME {
            let wrong = Refusal::new(ErrorCode::STORAGE_KEY_LENGTH_OVERFLOW, "that is no key");
            return self.answer(waiter, Err(wrong.into()));
        }
        let get = GetMetadata { target: target.wire(), limit, after };
        self.request(now, LaneId::CONTROL, get, Purpose::ReadPage, waiter);
    }

    /// Reads a whole set.
    pub(super) fn read_metadata(&mut self, now: Time, target: MetadataTarget, waiter: Option<W>) {
        if let Err(error) = self.check_connected() {
            return self.answer(waiter, Err(error));
        }
        self.read_on(now, Reading::new(target, false), waiter);
    }

    pub(super) fn read_on(&mut self, now: Time, reading: Reading, waiter: Option<W>) {
        let (target, after) = (reading.target.clone(), reading.after().to_owned());
        // As many as the server gives.
        let get = GetMetadata { target: target.wire(), limit: 0, after: &after };
        self.request(now, LaneId::CONTROL, get, Purpose::Read(Box::new(reading)), waiter);
    }

    /// A page of a whole set has come.
    pub(super) fn on_page(
        &mut self,
        now: Time,
        mut reading: Reading,
        page: &Page<'_>,
        waiter: Option<W>,
    ) {
        match reading.take(page) {
            Ok(Progress::More) => self.read_on(now, reading, waiter),
            Ok(Progress::Done(metadata)) if reading.is_for_follower => {
                self.on_caught_up(now, &reading.target, &metadata);
            }
            Ok(Progress::Done(metadata)) => self.answer(waiter, Ok(Answer::Metadata(metadata))),
            Err(error) => self.on_read_refused(now, &reading, error, waiter),
        }
    }
}

impl MetadataTarget {
    pub(super) fn wire(&self) -> ChannelRef<'_> {
        match self {
            Self::Channel(channel) => channel.wire(),
            Self::User(user) => ChannelRef { kind: ChannelKind::User, name: user.as_str() },
        }
    }

    pub(super) fn from_wire(target: &ChannelRef<'_>) -> Option<Self> {
        match target.kind {
            ChannelKind::User => UserId::new(target.name).ok().map(Self::User),
            _ => ChannelId::from_wire(target).map(Self::Channel),
        }
    }
}

fn writes(items: &[MetadataItem]) -> Result<Vec<ItemWrite<'_>>, Refusal> {
    let mut writes = Vec::with_capacity(items.len());
    for item in items {
        let revision = expected(item.revision)?;
        writes.push(ItemWrite { key: &item.key, value: &item.value, revision });
    }
    Ok(writes)
}

fn removals(items: &[MetadataItem]) -> Result<Vec<ItemRemoval<'_>>, Refusal> {
    let mut removals = Vec::with_capacity(items.len());
    for item in items {
        let revision = expected(item.revision)?;
        removals.push(ItemRemoval { key: &item.key, revision });
    }
    Ok(removals)
}
