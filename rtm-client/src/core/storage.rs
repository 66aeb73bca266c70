//! Metadata: writes, reads, and who hears of whose.

use std::collections::BTreeMap;
use std::time::Duration;

use rtm_channel::{Refusal, UserId};
use rtm_wire::{
    ChannelKind, ErrorCode, GetMetadata, ItemRemoval, ItemWrite, LaneId, List, LockToken,
    Metadata as Page, MetadataWrite, RemoveMetadata, ReplyResult, SetMetadata,
    StorageEvent as News, SubscribeUserMetadata, Time, UnderLock, UnsubscribeUserMetadata,
    UpdateMetadata,
};

use super::command::{Answer, Credit, HandleId, MetadataTarget, Output, WriteKind};
use super::follower::{Follower, Step};
use super::operations::{Operation, Purpose};
use super::reading::{Progress, Reading};
use super::{Core, Place};
use crate::channel_id::ChannelId;
use crate::error::{Error, ErrorKind};
use crate::message::ChannelEvent;
use crate::storage::{
    Metadata, MetadataItem, MetadataOptions, MetadataPage, StorageEvent, UserMetadataEvent, check,
    expected,
};
use crate::stream::StreamEvent;

/// A user whose metadata is heard, or is about to be.
#[derive(Debug)]
pub(super) struct HeardUser {
    handle: HandleId,
    follower: Follower,
}

/// Pause before a set is read again that could not be read.
const READ_PAUSE: Duration = Duration::from_secs(1);

/// Sets of which it is remembered that they were followed in this session; further ones count as
/// such.
const FOLLOWED_MAX: usize = 4_096;

/// All of them.
pub(super) type HeardUsers = BTreeMap<UserId, HeardUser>;

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

    /// The answer to what concerns metadata; another one is none that was asked for.
    pub(super) fn on_storage_success(
        &mut self,
        now: Time,
        operation: Operation<W>,
        result: ReplyResult<'_>,
    ) {
        let Operation { purpose, waiter } = operation;
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
                self.catch_up(now, &user_ref(&user));
                if is_restore {
                    self.on_restored(now);
                }
            }
            (Purpose::UnsubscribeUserMetadata, _) => self.answer(waiter, Ok(Answer::Done)),
            (purpose, _) => {
                let error = Error::of(ErrorKind::Protocol, "the server answered something else");
                self.on_failure(now, Operation { purpose, waiter }, error);
            }
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

    fn read_on(&mut self, now: Time, reading: Reading, waiter: Option<W>) {
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

    /// A set can't be read now: it changes too fast, or too much is read at a time. For who follows
    /// it, it is read again after a pause.
    pub(super) fn on_read_refused(
        &mut self,
        now: Time,
        reading: &Reading,
        error: Error,
        waiter: Option<W>,
    ) {
        if reading.is_for_follower {
            tracing::debug!(target = ?reading.target, %error, "metadata is read again later");
            self.reads_due.entry(reading.target.clone()).or_insert(now + READ_PAUSE);
        }
        self.answer(waiter, Err(error));
    }

    /// Reads again what could not be read.
    pub(super) fn advance_reads(&mut self, now: Time) {
        let due = self.reads_due.iter().filter(|(_, at)| **at <= now);
        for target in due.map(|(target, _)| target.clone()).collect::<Vec<_>>() {
            self.reads_due.remove(&target);
            if self.follower(&target).is_some_and(|follower| follower.needs_reading()) {
                self.read_on(now, Reading::new(target, true), None);
            }
        }
    }

    pub(super) fn subscribe_user_metadata(
        &mut self,
        now: Time,
        user: UserId,
        handle: HandleId,
        waiter: Option<W>,
    ) {
        let checked = self.check_connected().map(drop).and_then(|()| {
            let is_heard = self.heard_users.contains_key(&user);
            let wrong = format!("the metadata of {user} is subscribed already");
            if is_heard { Err(Error::of(ErrorKind::Duplicate, wrong)) } else { Ok(()) }
        });
        if let Err(error) = checked {
            self.outputs.push_back(Output::End(handle));
            return self.answer(waiter, Err(error));
        }
        self.places.insert(handle, Place::UserMetadata(user.clone()));
        let follower = Follower::default();
        self.heard_users.insert(user.clone(), HeardUser { handle, follower });
        self.begin_following(&user_ref(&user), true);
        self.send_subscribe_user(now, user, handle, false, waiter);
    }

    fn send_subscribe_user(
        &mut self,
        now: Time,
        user: UserId,
        handle: HandleId,
        is_restore: bool,
        waiter: Option<W>,
    ) {
        let purpose = Purpose::SubscribeUserMetadata { user: user.clone(), handle, is_restore };
        let request = SubscribeUserMetadata { user: user.as_str() };
        self.request(now, LaneId::CONTROL, request, purpose, waiter);
    }

    pub(super) fn on_user_metadata_refused(
        &mut self,
        now: Time,
        (user, handle): (&UserId, HandleId),
        error: &Error,
        is_restore: bool,
    ) {
        self.end_heard_user(user, handle, is_restore.then_some(error));
        if is_restore {
            self.on_restored(now);
        }
    }

    /// Hears of a user no more; the server takes requests in order, so it may be subscribed again
    /// at once.
    pub(super) fn unsubscribe_user_metadata(&mut self, now: Time, user: UserId, waiter: Option<W>) {
        let Some(handle) = self.heard_users.get(&user).map(|heard| heard.handle) else {
            let reason = format!("not subscribed to the metadata of {user}; subscribe first");
            let refusal = Refusal::new(ErrorCode::STORAGE_NOT_SUBSCRIBE, reason);
            return self.answer(waiter, Err(refusal.into()));
        };
        self.end_heard_user(&user, handle, None);
        if self.check_connected().is_err() {
            // It ends with the session.
            return self.answer(waiter, Ok(Answer::Done));
        }
        let request = UnsubscribeUserMetadata { user: user.as_str() };
        let purpose = Purpose::UnsubscribeUserMetadata;
        self.request(now, LaneId::CONTROL, request, purpose, waiter);
    }

    /// Ends what this handle hears of a user, if it still does.
    pub(super) fn end_heard_user(
        &mut self,
        user: &UserId,
        handle: HandleId,
        error: Option<&Error>,
    ) {
        if self.heard_users.get(user).is_some_and(|heard| heard.handle == handle) {
            self.heard_users.remove(user);
            self.places.remove(&handle);
            if let Some(error) = error {
                let event = UserMetadataEvent::Ended(error.clone());
                self.outputs.push_back(Output::UserMetadata { handle, event, credit: None });
            }
            self.outputs.push_back(Output::End(handle));
        }
    }

    /// The session is gone; the next one begins with snapshots.
    pub(super) fn lose_user_metadata(&mut self) {
        self.followed.clear();
        for heard in self.heard_users.values_mut() {
            heard.follower = Follower::default();
        }
    }

    pub(super) fn restore_user_metadata(&mut self, now: Time) {
        let heard = self.heard_users.iter().map(|(user, heard)| (user.clone(), heard.handle));
        for (user, handle) in heard.collect::<Vec<_>>() {
            self.expect_restored();
            self.begin_following(&user_ref(&user), true);
            self.send_subscribe_user(now, user, handle, true, None);
        }
    }

    /// Nobody is logged in any more.
    pub(super) fn end_user_metadata(&mut self, error: Option<&Error>) {
        let heard = self.heard_users.iter().map(|(user, heard)| (user.clone(), heard.handle));
        for (user, handle) in heard.collect::<Vec<_>>() {
            self.end_heard_user(&user, handle, error);
        }
    }

    /// Whether the event went to a subscription, which takes its credit.
    pub(super) fn on_storage_event(&mut self, now: Time, news: &News<'_>, credit: Credit) -> bool {
        let Some(target) = MetadataTarget::from_wire(&news.target) else { return false };
        match self.follower(&target).map(|follower| follower.on_event(news)) {
            Some(Step::Tell(event)) => self.tell(&target, event, Some(credit)),
            Some(Step::Read) => {
                self.read_on(now, Reading::new(target, true), None);
                false
            }
            Some(Step::Nothing) | None => false,
        }
    }

    /// A set was read for who had lost something of it.
    fn on_caught_up(&mut self, now: Time, target: &MetadataTarget, metadata: &Metadata) {
        let step = self.follower(target).map(|follower| follower.on_read(metadata));
        match step {
            Some(Step::Tell(event)) => {
                self.tell(target, event, None);
            }
            Some(Step::Read) => self.read_on(now, Reading::new(target.clone(), true), None),
            Some(Step::Nothing) | None => {}
        }
    }

    /// A set is about to be followed, if it is a channel's that was joined to hear of it.
    pub(super) fn begin_following(&mut self, target: &rtm_wire::ChannelRef<'_>, hears: bool) {
        let Some(target) = MetadataTarget::from_wire(target) else { return };
        if !hears {
            // What is still on its way to a former subscription is nobody's.
            if let Some(follower) = self.follower(&target) {
                *follower = Follower::deaf();
            }
            return;
        }
        let is_first = self.followed.len() < FOLLOWED_MAX && self.followed.insert(target.clone());
        if let Some(follower) = self.follower(&target) {
            *follower = if is_first { Follower::default() } else { Follower::again() };
        }
    }

    /// The server tells of a set from now on: it is read, if it was followed before.
    pub(super) fn catch_up(&mut self, now: Time, target: &rtm_wire::ChannelRef<'_>) {
        let Some(target) = MetadataTarget::from_wire(target) else { return };
        if self.follower(&target).is_some_and(|follower| follower.needs_reading()) {
            self.read_on(now, Reading::new(target, true), None);
        }
    }

    fn follower(&mut self, target: &MetadataTarget) -> Option<&mut Follower> {
        match target {
            MetadataTarget::Channel(channel) if channel.is_stream() => {
                self.streams.get_mut(channel.name()).map(|entry| &mut entry.metadata)
            }
            MetadataTarget::Channel(channel) => {
                self.channels.get_mut(channel.name()).map(|entry| &mut entry.metadata)
            }
            MetadataTarget::User(user) => {
                self.heard_users.get_mut(user).map(|heard| &mut heard.follower)
            }
        }
    }

    /// Whether somebody took the event, and the credit.
    fn tell(
        &mut self,
        target: &MetadataTarget,
        event: StorageEvent,
        credit: Option<Credit>,
    ) -> bool {
        let (output, takes_credit) = match target {
            MetadataTarget::Channel(channel) if channel.is_stream() => {
                let handle = self.streams.get(channel.name()).and_then(|entry| entry.events);
                let event = StreamEvent::Storage(event);
                (handle.map(|handle| Output::Stream { handle, event }), false)
            }
            MetadataTarget::Channel(channel) => {
                let handle = self.channels.get(channel.name()).and_then(|entry| entry.handle);
                let event = ChannelEvent::Storage(event);
                (handle.map(|handle| Output::Channel { handle, event, credit }), true)
            }
            MetadataTarget::User(user) => {
                let handle = self.heard_users.get(user).map(|heard| heard.handle);
                let event = UserMetadataEvent::Storage(event);
                (handle.map(|handle| Output::UserMetadata { handle, event, credit }), true)
            }
        };
        let is_told = output.is_some();
        self.outputs.extend(output);
        is_told && takes_credit
    }
}

impl MetadataTarget {
    pub(super) fn wire(&self) -> rtm_wire::ChannelRef<'_> {
        match self {
            Self::Channel(channel) => channel.wire(),
            Self::User(user) => user_ref(user),
        }
    }

    fn from_wire(target: &rtm_wire::ChannelRef<'_>) -> Option<Self> {
        match target.kind {
            ChannelKind::User => UserId::new(target.name).ok().map(Self::User),
            _ => ChannelId::from_wire(target).map(Self::Channel),
        }
    }
}

fn user_ref(user: &UserId) -> rtm_wire::ChannelRef<'_> {
    rtm_wire::ChannelRef { kind: ChannelKind::User, name: user.as_str() }
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
