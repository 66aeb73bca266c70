//! Who hears of whose metadata, and that nothing of it is missed.

use std::collections::BTreeMap;
use std::time::Duration;

use rtm_channel::{Refusal, UserId};
use rtm_wire::{
    ErrorCode, LaneId, StorageEvent as News, SubscribeUserMetadata, Time, UnsubscribeUserMetadata,
};

use super::command::{Answer, Credit, HandleId, MetadataTarget, Output};
use super::follower::{Follower, Step};
use super::operations::Purpose;
use super::reading::Reading;
use super::{Core, Place};
use crate::error::{Error, ErrorKind};
use crate::message::ChannelEvent;
use crate::storage::{Metadata, StorageEvent, UserMetadataEvent};
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
        self.begin_following(MetadataTarget::User(user.clone()), true);
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
            self.note_unrestored_user(user, error);
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

    /// The server tells no more of a user.
    pub(super) fn on_unheard(&mut self, user: &UserId, error: &Error) {
        let Some(handle) = self.heard_users.get(user).map(|heard| heard.handle) else { return };
        // What is asked for now gets an answer of its own; the server tells of what was before.
        let is_asked_for = self.operations.any(|purpose| match purpose {
            Purpose::SubscribeUserMetadata { handle: asked, is_restore, .. } => {
                *asked == handle && !is_restore
            }
            _ => false,
        });
        if !is_asked_for {
            self.end_heard_user(user, handle, Some(error));
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
            self.begin_following(MetadataTarget::User(user.clone()), true);
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
            Some(Step::Tell(event)) => self.tell_storage(&target, event, Some(credit)),
            Some(Step::Read) => {
                self.read_on(now, Reading::new(target, true), None);
                false
            }
            Some(Step::Nothing) | None => false,
        }
    }

    /// A set was read for who had lost something of it.
    pub(super) fn on_caught_up(&mut self, now: Time, target: &MetadataTarget, metadata: &Metadata) {
        let step = self.follower(target).map(|follower| follower.on_read(metadata));
        match step {
            Some(Step::Tell(event)) => {
                self.tell_storage(target, event, None);
            }
            Some(Step::Read) => self.read_on(now, Reading::new(target.clone(), true), None),
            Some(Step::Nothing) | None => {}
        }
    }

    /// A set is about to be followed; or a channel's that is joined without a wish to hear of it.
    pub(super) fn begin_following(&mut self, target: MetadataTarget, hears: bool) {
        let follower = if !hears {
            // What is still on its way to a former subscription is nobody's.
            Follower::deaf()
        } else if self.followed.len() < FOLLOWED_MAX && self.followed.insert(target.clone()) {
            Follower::default()
        } else {
            Follower::again()
        };
        if let Some(former) = self.follower(&target) {
            *former = follower;
        }
    }

    /// The server tells of a set from now on: it is read, if it was followed before.
    pub(super) fn catch_up(&mut self, now: Time, target: MetadataTarget) {
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

    /// Whether the event went to a subscription, which takes the credit.
    fn tell_storage(
        &mut self,
        target: &MetadataTarget,
        event: StorageEvent,
        credit: Option<Credit>,
    ) -> bool {
        let user = match target {
            MetadataTarget::Channel(channel) => {
                let told =
                    (ChannelEvent::Storage as fn(_) -> _, StreamEvent::Storage as fn(_) -> _);
                return self.tell(channel, event, told, credit);
            }
            MetadataTarget::User(user) => user,
        };
        let Some(heard) = self.heard_users.get(user) else { return false };
        let (handle, event) = (heard.handle, UserMetadataEvent::Storage(event));
        self.outputs.push_back(Output::UserMetadata { handle, event, credit });
        true
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
            self.reads_due.set_if_none(reading.target.clone(), now + READ_PAUSE);
        }
        self.answer(waiter, Err(error));
    }

    /// Reads again what could not be read.
    pub(super) fn advance_reads(&mut self, now: Time) {
        while let Some(target) = self.reads_due.pop_due(now) {
            self.catch_up(now, target);
        }
    }
}
