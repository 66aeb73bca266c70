//! The metadata of one app: sets of its channels and of its users.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use rtm_channel::{
    ChannelKey, ChannelName, Fanout, Guard, Limits, Refusal, StorageAuthority, StorageRoom,
    SubscriberId, UserId, Writer, check_user_subscriptions,
};
use rtm_wire::{
    ChannelKind, ChannelRef, ErrorCode, ReplyResult, Request, Revision, SetMetadata, Stored,
    UnderLock, UpdateMetadata,
};

use super::answer::granted;
use super::channels::AppChannels;
use super::command::{LaneKey, Output};
use super::context::Context;
use super::outbox::Outbox;
use crate::store::{Change, KeptItem};

/// What a write gives.
type Written = Result<(Stored, Vec<Fanout>), Refusal>;

/// Invariants: an authority exists while it has items or listeners; `floor` is no lower than the
/// revision of any that was dropped; `sets` and `bytes` count what all of them hold; `heard` names
/// the sets that each session listens to.
#[derive(Debug)]
pub(super) struct Storages {
    limits: Limits,
    authorities: BTreeMap<ChannelKey, StorageAuthority>,
    floor: Revision,
    /// Whose removal has raised it last.
    floor_by: Option<ChannelKey>,
    /// Sets that have items.
    sets: usize,
    bytes: usize,
    heard: BTreeMap<SubscriberId, BTreeSet<ChannelKey>>,
}

impl Storages {
    pub(super) const fn new(limits: Limits) -> Self {
        Self {
            limits,
            authorities: BTreeMap::new(),
            floor: Revision(0),
            floor_by: None,
            sets: 0,
            bytes: 0,
            heard: BTreeMap::new(),
        }
    }

    /// No set begins at or below this revision from now on.
    pub(super) fn raise_floor(&mut self, floor: Revision) {
        self.floor = self.floor.max(floor);
    }

    /// A set was kept, with these items.
    pub(super) fn restore(&mut self, key: &ChannelKey, major: Revision, items: &[KeptItem]) {
        let items = items.iter().map(KeptItem::as_item);
        let limits = self.limits.of_kind(key.kind);
        let set = StorageAuthority::restored(key.clone(), major, items, &limits);
        self.bytes += set.footprint();
        self.sets += usize::from(set.footprint() > 0);
        self.authorities.insert(key.clone(), set);
    }

    /// A session has come to a channel, or has changed its options there: it hears of the metadata
    /// from now on, all of it first, or no more.
    pub(super) fn join(&mut self, context: &mut Context<'_>, key: &ChannelKey, hears: bool) {
        if !hears {
            return self.leave(context.from, key);
        }
        let listened = self.listen(context, key);
        // As many may listen as may be in the channel, and this one is.
        debug_assert!(listened.is_ok(), "{listened:?}");
    }

    /// A session hears of a set no more, if it did.
    pub(super) fn leave(&mut self, from: SubscriberId, key: &ChannelKey) {
        if self.forget_heard(from, key) {
            self.with(key, |set| set.leave(from));
        }
    }

    /// A session is gone, and hears nothing more.
    pub(super) fn session_ended(&mut self, from: SubscriberId) {
        for key in self.heard.remove(&from).unwrap_or_default() {
            self.with(&key, |set| set.leave(from));
        }
    }

    /// Carries out a write of items under these keys, or of all; keeps what becomes of them, and
    /// tells who listens.
    fn write(
        &mut self,
        context: &mut Context<'_>,
        (key, guard, items): (&ChannelKey, Option<&Guard>, &[&str]),
        act: impl FnOnce(&mut StorageAuthority, &Writer<'_>) -> Written,
    ) -> Result<Stored, Refusal> {
        let writer = Writer { user: &context.identity.user, time: context.time, guard };
        let room = StorageRoom {
            may_begin: self.sets < self.limits.storage_sets,
            bytes: self.limits.storage_bytes.saturating_sub(self.bytes),
        };
        let mut changes = Vec::new();
        let (stored, told) = self.with(key, |set| {
            set.grant(room);
            let written = act(set, &writer)?;
            changes = changes_of(key, set, items);
            Ok(written)
        })?;
        if let [Change::SetGone { .. }] = *changes {
            // Dropped now or later, no set begins below it.
            self.floor = self.floor.max(stored.major);
            self.floor_by = Some(key.clone());
            let (app, floor) = (key.app.clone(), self.floor);
            changes.push(Change::RevisionFloor { app, floor });
        }
        changes.into_iter().for_each(|change| context.out.keep(change));
        tell(key, told, context.out);
        Ok(stored)
    }

    /// Gives a set to read; one that isn't there comes to be for that moment only.
    pub(super) fn read<R>(
        &mut self,
        key: &ChannelKey,
        read: impl FnOnce(&StorageAuthority) -> R,
    ) -> R {
        self.with(key, |set| read(set))
    }

    /// A session hears of a user's set from now on, all of it first; also if it did before.
    pub(super) fn subscribe_user(
        &mut self,
        context: &mut Context<'_>,
        key: &ChannelKey,
    ) -> Result<(), Refusal> {
        let is_known = self.heard.get(&context.from).is_some_and(|heard| heard.contains(key));
        if !is_known {
            let limit = self.limits.storage_user_subscriptions;
            check_user_subscriptions(self.count_users(context.from), limit)?;
        }
        self.listen(context, key)
    }

    /// A session hears of a user's set no more.
    pub(super) fn unsubscribe_user(
        &mut self,
        context: &mut Context<'_>,
        key: &ChannelKey,
    ) -> Result<(), Refusal> {
        let from = context.from;
        self.with(key, |set| set.unsubscribe(from))?;
        self.unhear_user(from, key, context.out);
        Ok(())
    }

    /// A session hears of a user's set no more, whatever it wants.
    pub(super) fn unhear_user(&mut self, from: SubscriberId, key: &ChannelKey, out: &mut Outbox) {
        self.leave(from, key);
        let lane = LaneKey::UserMetadata(key.name.clone());
        out.push(Output::LaneEnds { to: vec![from], lane });
    }

    /// The users whose sets a session hears of.
    pub(super) fn users_heard_by(&self, from: SubscriberId) -> Vec<ChannelKey> {
        let heard = self.heard.get(&from).into_iter().flatten();
        heard.filter(|key| key.kind == ChannelKind::User).cloned().collect()
    }

    /// Whether the session has listened to the set, which it does no more.
    fn forget_heard(&mut self, from: SubscriberId, key: &ChannelKey) -> bool {
        let Some(heard) = self.heard.get_mut(&from) else { return false };
        let was_heard = heard.remove(key);
        if heard.is_empty() {
            self.heard.remove(&from);
        }
        was_heard
    }

    /// Users whose sets a session hears of.
    fn count_users(&self, from: SubscriberId) -> usize {
        let heard = self.heard.get(&from).into_iter().flatten();
        heard.filter(|key| key.kind == ChannelKind::User).count()
    }

    /// What is told of a set that isn't there tells the floor, so it waits until that is kept.
    fn wait_for_floor(&self, context: &mut Context<'_>, key: &ChannelKey) {
        let has_items = self.authorities.get(key).is_some_and(|set| set.footprint() > 0);
        let is_raised = self.floor_by.as_ref().is_some_and(|by| context.commits.is_dirty(by));
        if is_raised && !has_items {
            // It changes nothing, and has what is told of this set wait for the same commit.
            context.out.keep(Change::SetGone { key: key.clone() });
        }
    }

    fn listen(&mut self, context: &mut Context<'_>, key: &ChannelKey) -> Result<(), Refusal> {
        self.wait_for_floor(context, key);
        let (time, from) = (context.time, context.from);
        let told = self.with(key, |set| set.subscribe(time, from))?;
        tell(key, told, context.out);
        self.heard.entry(from).or_default().insert(key.clone());
        Ok(())
    }

    /// Does something with a set, made if there is none; then it is dropped if it is empty.
    fn with<R>(&mut self, key: &ChannelKey, act: impl FnOnce(&mut StorageAuthority) -> R) -> R {
        let (floor, limits) = (self.floor, &self.limits);
        let set = self.authorities.entry(key.clone()).or_insert_with(|| {
            StorageAuthority::new(key.clone(), floor, &limits.of_kind(key.kind))
        });
        let before = set.footprint();
        let result = act(set);
        let after = set.footprint();
        self.bytes = self.bytes - before + after;
        self.sets = self.sets - usize::from(before > 0) + usize::from(after > 0);
        if set.is_empty() {
            self.floor = self.floor.max(set.floor());
            self.authorities.remove(key);
        }
        result
    }
}

impl AppChannels {
    /// The answer to a request that concerns metadata; none if it doesn't.
    pub(super) fn storage_request(
        &mut self,
        context: &mut Context<'_>,
        request: &Request<'_>,
    ) -> Option<Result<Bytes, Refusal>> {
        if let Some(key) = self.subject(context, request) {
            self.storages.wait_for_floor(context, &key);
        }
        let stored = match request {
            Request::SetMetadata(SetMetadata(set)) => {
                let items: Vec<_> = set.items.iter().map(|item| item.key).collect();
                let what = (&set.target, set.lock, &*items);
                self.write_set(context, what, |it, writer| it.set(writer, set))
            }
            Request::UpdateMetadata(UpdateMetadata(update)) => {
                let items: Vec<_> = update.items.iter().map(|item| item.key).collect();
                let what = (&update.target, update.lock, &*items);
                self.write_set(context, what, |it, writer| it.update(writer, update))
            }
            Request::RemoveMetadata(remove) => {
                let items: Vec<_> = remove.items.iter().map(|item| item.key).collect();
                let what = (&remove.target, remove.lock, &*items);
                self.write_set(context, what, |it, writer| it.remove(writer, remove))
            }
            Request::GetMetadata(get) => {
                let operation = context.operation;
                return Some(self.set_key(&get.target).map(|key| {
                    self.storages.read(&key, |set| {
                        let page = set.page(get.limit, get.after);
                        granted(operation, ReplyResult::Metadata(page.as_result()))
                    })
                }));
            }
            Request::SubscribeUserMetadata(subscribe) => {
                let key = self.user_key(subscribe.user);
                let done = key.and_then(|key| self.storages.subscribe_user(context, &key));
                return Some(done.map(|()| granted(context.operation, ReplyResult::None)));
            }
            Request::UnsubscribeUserMetadata(unsubscribe) => {
                let key = self.user_key(unsubscribe.user);
                let done = key.and_then(|key| self.storages.unsubscribe_user(context, &key));
                return Some(done.map(|()| granted(context.operation, ReplyResult::None)));
            }
            _ => return None,
        };
        Some(stored.map(|stored| granted(context.operation, ReplyResult::Stored(stored))))
    }

    /// Writes to a set, under the lock that is named, if one is.
    fn write_set(
        &mut self,
        context: &mut Context<'_>,
        (target, lock, items): (&ChannelRef<'_>, UnderLock<'_>, &[&str]),
        act: impl FnOnce(&mut StorageAuthority, &Writer<'_>) -> Written,
    ) -> Result<Stored, Refusal> {
        let key = self.set_key(target)?;
        let guard = self.locks.guard(context, &key, lock)?;
        self.storages.write(context, (&key, guard.as_ref(), items), act)
    }

    /// Whose set is meant.
    pub(super) fn set_key(&self, target: &ChannelRef<'_>) -> Result<ChannelKey, Refusal> {
        match target.kind {
            ChannelKind::Message | ChannelKind::Stream => self.channel_key(target),
            ChannelKind::User => self.user_key(target.name),
            _ => {
                let reason = "metadata is of message channels, stream channels and users";
                Err(Refusal::new(ErrorCode::INVALID_CHANNEL_TYPE, reason))
            }
        }
    }

    pub(super) fn user_key(&self, user: &str) -> Result<ChannelKey, Refusal> {
        let user = UserId::new(user).map_err(|error| error.refusal(UserId::ERROR))?;
        Ok(self.key(ChannelKind::User, ChannelName::from(&user)))
    }
}

/// What has to be kept of a set that was just written, with these items, or all.
fn changes_of(key: &ChannelKey, set: &StorageAuthority, items: &[&str]) -> Vec<Change> {
    let key = || key.clone();
    if set.footprint() == 0 {
        return vec![Change::SetGone { key: key() }];
    }
    let mut changes = vec![Change::Set { key: key(), major: set.floor() }];
    changes.extend(items.iter().map(|&name| match set.item(name) {
        Some(item) => Change::Item { key: key(), item: KeptItem::from(item) },
        None => Change::ItemGone { key: key(), name: name.into() },
    }));
    changes
}

/// On the lane of the channel's messages; of users, each on its own: many large sets at a time, as
/// after a loss, would not fit one lane's queue.
fn tell(key: &ChannelKey, told: Vec<Fanout>, out: &mut Outbox) {
    let lane = match key.kind {
        ChannelKind::User => LaneKey::UserMetadata(key.name.clone()),
        _ => LaneKey::of(key),
    };
    let event = |Fanout { event, to }| Output::in_order(lane.clone(), to, event);
    out.extend(told.into_iter().map(event));
}
