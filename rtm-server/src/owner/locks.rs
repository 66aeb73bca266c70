//! The locks of one app's channels.

use std::collections::BTreeMap;

use bytes::Bytes;
use rtm_channel::{
    Asker, ChannelKey, Fanout, Guard, KeptLock, Limits, LockAnswer, LockAuthority, LockName,
    LockNews, Refusal, SubscriberId, UserId,
};
use rtm_session::Deadlines;
use rtm_wire::{
    Acquired, ChannelKind, ChannelRef, Epoch, ErrorCode, List, LockToken, ReplyResult, Request,
    SetLock, Time, UnderLock, UnixTime,
};

use super::answer::{granted, refused};
use super::channels::AppChannels;
use super::command::{LaneKey, Output};
use super::context::{Context, Who};
use super::outbox::Outbox;
use super::request::unknown;
use crate::store::Change;

/// Invariants: an authority exists while it has locks or listeners; `floor` is no lower than any
/// token of one that was dropped; `count` counts the locks of all; `due` holds the next deadline of
/// each, if it has one.
#[derive(Debug)]
pub(super) struct Locks {
    epoch: Epoch,
    limits: Limits,
    channels: BTreeMap<ChannelKey, LockAuthority>,
    floor: LockToken,
    count: usize,
    due: Deadlines<ChannelKey>,
}

impl Locks {
    pub(super) const fn new(epoch: Epoch, limits: Limits) -> Self {
        Self {
            epoch,
            limits,
            channels: BTreeMap::new(),
            floor: LockToken(0),
            count: 0,
            due: Deadlines::new(),
        }
    }

    /// No token at or below this one is given from now on.
    pub(super) fn raise_floor(&mut self, floor: LockToken) {
        self.floor = self.floor.max(floor);
    }

    /// A channel's locks were kept.
    pub(super) fn restore(&mut self, now: Time, key: &ChannelKey, kept: Vec<KeptLock>) {
        let limits = self.limits.of_kind(key.kind);
        let (epoch, floor) = (self.epoch, self.floor);
        let locks = LockAuthority::restored(key.clone(), epoch, floor, now, kept, &limits);
        self.count += locks.count();
        self.due.set(key.clone(), locks.poll_timeout());
        self.channels.insert(key.clone(), locks);
    }

    /// A session has come to a channel, or has changed its options there: it stands for its user's
    /// locks, and hears of all of them from now on, or no more.
    pub(super) fn join(&mut self, context: &mut Context<'_>, key: &ChannelKey, hears: bool) {
        if hears {
            self.make(key);
        }
        let (moment, from) = ((context.now, context.time), context.from);
        let user = &context.identity.user;
        self.with(key, context.out, |locks| locks.join(moment, from, user, hears));
    }

    /// A session goes from a channel: it waits no more, and has its locks for their TTLs.
    pub(super) fn leave(&mut self, who: &Who<'_>, key: &ChannelKey, out: &mut Outbox) {
        self.with(key, out, |locks| locks.leave(who.now, who.from, who.user));
    }

    /// A session may not own a channel's locks any more.
    pub(super) fn refuse_waiting(
        &mut self,
        from: SubscriberId,
        key: &ChannelKey,
        refusal: &Refusal,
        out: &mut Outbox,
    ) {
        self.with(key, out, |locks| locks.refuse_waiting(from, refusal));
    }

    /// A session is gone, and may be followed by another one. Nobody is there to be answered.
    pub(super) fn lose(&mut self, now: Time, key: &ChannelKey, from: SubscriberId, user: &UserId) {
        let Some(locks) = self.channels.get_mut(key) else { return };
        locks.lose(from, user, now);
        self.settle(key);
    }

    /// A session counts as lost, and may be heard again.
    pub(super) fn silent(
        &mut self,
        now: Time,
        key: &ChannelKey,
        from: SubscriberId,
        user: &UserId,
    ) {
        let Some(locks) = self.channels.get_mut(key) else { return };
        locks.silent(from, user, now);
        self.settle(key);
    }

    /// It is heard again.
    pub(super) fn heard(
        &mut self,
        moment: (Time, UnixTime),
        key: &ChannelKey,
        from: SubscriberId,
        user: &UserId,
        out: &mut Outbox,
    ) {
        self.with(key, out, |locks| locks.heard(moment, from, user));
    }

    pub(super) fn handle_timeout(&mut self, moment: (Time, UnixTime), out: &mut Outbox) {
        while let Some(key) = self.due.pop_due(moment.0) {
            debug_assert!(self.channels.contains_key(&key), "what is due has an authority");
            self.with(&key, out, |locks| locks.handle_timeout(moment));
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.due.next()
    }

    /// The verdict on a write of metadata; none where the write names no lock, or where there can
    /// be none: then the set refuses what names one.
    pub(super) fn guard(
        &self,
        context: &Context<'_>,
        key: &ChannelKey,
        lock: UnderLock<'_>,
    ) -> Result<Option<Guard>, Refusal> {
        let Some(locks) = self.channels.get(key).filter(|_| !lock.name.is_empty()) else {
            return Ok(None);
        };
        let user = &context.identity.user;
        locks.guard(lock.name, context.from, user, lock.token).map(Some)
    }

    /// Makes a lock.
    fn set(
        &mut self,
        context: &mut Context<'_>,
        key: &ChannelKey,
        set: &SetLock<'_>,
    ) -> Result<(), Refusal> {
        let has = self.channels.get(key).is_some_and(|locks| locks.has(set.name));
        let max = self.limits.locks_of_app;
        // What is wrong with it whatever the others have is told by the channel.
        if self.count >= max && !has && LockName::new(set.name).is_ok() {
            let reason = format!("the app has {max} locks, the limit; remove one first");
            return Err(Refusal::new(ErrorCode::LOCK_OPERATION_FAILED, reason));
        }
        self.make(key);
        let (moment, user) = ((context.now, context.time), &context.identity.user);
        self.change(context.out, key, |locks| locks.set(moment, user, set.name, set.ttl_secs))
    }

    /// The ownership; none while it is waited for.
    fn acquire(
        &mut self,
        context: &mut Context<'_>,
        key: &ChannelKey,
        (name, retry): (&str, bool),
    ) -> Result<Option<Acquired>, Refusal> {
        let (moment, asker): (_, Asker) = ((context.now, context.time), context.asker());
        let acquire = |locks: &mut LockAuthority| locks.acquire(moment, asker, name, retry);
        let done = self.act(key, context.out, |locks| match acquire(locks) {
            Ok((acquired, news)) => (Ok(acquired), news),
            Err(refusal) => (Err(refusal), LockNews::default()),
        });
        done.unwrap_or_else(|| Err(LockAuthority::no_such_lock(name)))
    }

    /// All locks of a channel, as an answer.
    fn list(&self, context: &Context<'_>, key: &ChannelKey) -> Bytes {
        let locks = self.channels.get(key).map(LockAuthority::locks).unwrap_or_default();
        granted(context.operation, ReplyResult::Locks(List::Slice(&locks)))
    }

    /// Changes a channel that has an authority, and tells what comes of it.
    fn change(
        &mut self,
        out: &mut Outbox,
        key: &ChannelKey,
        act: impl FnOnce(&mut LockAuthority) -> Result<LockNews, Refusal>,
    ) -> Result<(), Refusal> {
        let done = self.act(key, out, |locks| match act(locks) {
            Ok(news) => (Ok(()), news),
            Err(refusal) => (Err(refusal), LockNews::default()),
        });
        debug_assert!(done.is_some(), "the caller has made it");
        done.unwrap_or(Ok(()))
    }

    /// Changes a lock that is there, and tells what comes of it.
    fn change_known(
        &mut self,
        out: &mut Outbox,
        key: &ChannelKey,
        name: &str,
        act: impl FnOnce(&mut LockAuthority) -> Result<LockNews, Refusal>,
    ) -> Result<(), Refusal> {
        if !self.channels.contains_key(key) {
            return Err(LockAuthority::no_such_lock(name));
        }
        self.change(out, key, act)
    }

    fn make(&mut self, key: &ChannelKey) {
        let (epoch, floor, limits) = (self.epoch, self.floor, &self.limits);
        self.channels.entry(key.clone()).or_insert_with(|| {
            LockAuthority::new(key.clone(), epoch, floor, &limits.of_kind(key.kind))
        });
    }

    fn with(
        &mut self,
        key: &ChannelKey,
        out: &mut Outbox,
        act: impl FnOnce(&mut LockAuthority) -> LockNews,
    ) {
        self.act(key, out, |locks| ((), act(locks)));
    }

    /// Does something with a channel's locks, if it has an authority; keeps and tells what comes of
    /// it.
    fn act<R>(
        &mut self,
        key: &ChannelKey,
        out: &mut Outbox,
        act: impl FnOnce(&mut LockAuthority) -> (R, LockNews),
    ) -> Option<R> {
        let locks = self.channels.get_mut(key)?;
        let before = locks.count();
        let (result, news) = act(locks);
        self.count = self.count - before + locks.count();
        for name in &news.changed {
            let key = key.clone();
            match locks.kept(name) {
                Some(lock) => out.keep(Change::Lock { key, lock }),
                None => {
                    // Dropped now or later, no channel gives tokens below it.
                    self.floor = self.floor.max(locks.floor());
                    let (app, floor) = (key.app.clone(), self.floor);
                    out.keep(Change::LockGone { key, name: name.clone() });
                    out.keep(Change::TokenFloor { app, floor });
                }
            }
        }
        tell(key, news, out);
        self.settle(key);
        Some(result)
    }

    /// A channel's authority has changed: it may be due at another time, or not be needed any more.
    fn settle(&mut self, key: &ChannelKey) {
        let Some(locks) = self.channels.get(key) else { return };
        self.due.set(key.clone(), locks.poll_timeout());
        if locks.is_empty() {
            self.floor = self.floor.max(locks.floor());
            self.channels.remove(key);
        }
    }
}

impl AppChannels {
    /// The answer to a request that concerns locks; none while a lock is waited for.
    pub(super) fn lock_request(
        &mut self,
        context: &mut Context<'_>,
        request: &Request<'_>,
    ) -> Result<Option<Bytes>, Refusal> {
        let (moment, from) = ((context.now, context.time), context.from);
        let user = &context.identity.user;
        match request {
            Request::SetLock(set) => {
                let key = self.locks_key(from, &set.channel)?;
                self.locks.set(context, &key, set)?;
            }
            Request::RemoveLock(it) => {
                let key = self.locks_key(from, &it.channel)?;
                let remove = |locks: &mut LockAuthority| locks.remove(moment, user, it.name);
                self.locks.change_known(context.out, &key, it.name, remove)?;
            }
            Request::AcquireLock(it) => {
                let key = self.locks_key(from, &it.channel)?;
                let acquired = self.locks.acquire(context, &key, (it.name, it.retry))?;
                let answer = |it| granted(context.operation, ReplyResult::Acquired(it));
                return Ok(acquired.map(answer));
            }
            Request::ReleaseLock(it) => {
                let key = self.locks_key(from, &it.channel)?;
                let release =
                    |locks: &mut LockAuthority| locks.release(moment, from, user, it.name);
                self.locks.change_known(context.out, &key, it.name, release)?;
            }
            Request::RevokeLock(it) => {
                let key = self.locks_key(from, &it.channel)?;
                let revoke =
                    |locks: &mut LockAuthority| locks.revoke(moment, user, it.name, it.owner);
                self.locks.change_known(context.out, &key, it.name, revoke)?;
            }
            Request::GetLocks(get) => {
                let key = self.channel_key(&get.channel)?;
                return Ok(Some(self.locks.list(context, &key)));
            }
            _ => return Err(unknown()),
        }
        Ok(Some(granted(context.operation, ReplyResult::None)))
    }

    /// The channel whose locks are meant. The session has to be in it: an owner that isn't there
    /// could not be lost.
    fn locks_key(
        &self,
        from: SubscriberId,
        channel: &ChannelRef<'_>,
    ) -> Result<ChannelKey, Refusal> {
        if channel.kind == ChannelKind::Stream {
            return self.joined_stream(from, channel.name);
        }
        let key = self.message_key(channel)?;
        if self.is_in(from, &key) {
            return Ok(key);
        }
        let reason = "this channel is not subscribed; subscribe it before using its locks";
        Err(Refusal::new(ErrorCode::CHANNEL_NOT_SUBSCRIBED, reason))
    }
}

/// Events on the lane of the channel's messages, answers to who has waited.
fn tell(key: &ChannelKey, news: LockNews, out: &mut Outbox) {
    let LockNews { fanouts, answers, .. } = news;
    out.extend(answers.into_iter().map(|LockAnswer { asker, result }| {
        let message = match result {
            Ok(acquired) => granted(asker.operation, ReplyResult::Acquired(acquired)),
            Err(refusal) => refused(asker.operation, &refusal),
        };
        Output::Reply { to: asker.subscriber, of: Some(key.clone()), message }
    }));
    out.extend(
        fanouts
            .into_iter()
            .map(|Fanout { event, to }| Output::in_order(LaneKey::of(key), to, event)),
    );
}
