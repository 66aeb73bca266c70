//! What becomes of sessions, and so of the locks that they hold or wait for.

use rtm_wire::{ErrorCode, Time, UnixTime};

use super::{LockAnswer, LockAuthority, LockNews};
use crate::authority::inbox::Asker;
use crate::name::{SubscriberId, UserId};
use crate::refusal::Refusal;

impl LockAuthority {
    /// A session comes to the channel, comes back, or changes its options: it stands for its user's
    /// locks from now on. If it `hears`, it is told of all locks, and of those that its user has
    /// lost while it was away.
    pub fn join(
        &mut self,
        (now, time): (Time, UnixTime),
        subscriber: SubscriberId,
        user: &UserId,
        hears: bool,
    ) -> LockNews {
        // Who comes too late has lost its locks.
        let mut news = self.handle_timeout((now, time));
        for (name, state) in &mut self.locks {
            if let Some(holder) = state.holder.as_mut().filter(|holder| holder.user == *user) {
                holder.stand(subscriber, name, &mut self.due);
            }
        }
        match hears {
            true => news.fanouts.extend(self.news.add_listener(
                (now, time),
                subscriber,
                user,
                &self.locks,
            )),
            false => self.news.remove_listener(subscriber),
        }
        self.resume_waiting((now, time), subscriber, &mut news);
        news
    }

    /// A session of this user leaves the channel: its locks are its user's for their TTLs, and it
    /// waits no more.
    pub fn leave(&mut self, now: Time, subscriber: SubscriberId, user: &UserId) -> LockNews {
        let waited = self.end_session(subscriber, user, now);
        let left = || {
            let reason = "left the channel before the lock was free; join and acquire it again";
            Err(Refusal::new(ErrorCode::LOCK_ACQUIRE_FAILED, reason))
        };
        let answer = |asker| LockAnswer { asker, result: left() };
        let answers = waited.into_iter().map(answer).collect();
        LockNews { answers, ..LockNews::default() }
    }

    /// A session may not own locks any more: what it waits for is refused for this reason. What it
    /// owns it keeps.
    pub fn refuse_waiting(&mut self, subscriber: SubscriberId, refusal: &Refusal) -> LockNews {
        let answer = |asker| LockAnswer { asker, result: Err(refusal.clone()) };
        let answers = self.end_waiting(subscriber).into_iter().map(answer).collect();
        LockNews { answers, ..LockNews::default() }
    }

    /// A session of this user was lost at `lost`, and may be followed by another one, which has to
    /// ask again for what this one has waited for.
    pub fn lose(&mut self, subscriber: SubscriberId, user: &UserId, lost: Time) {
        // Nobody is there any more who could be answered.
        self.end_session(subscriber, user, lost);
    }

    /// Nothing is heard of a session of this user, which counts as lost since `lost`.
    pub fn silent(&mut self, subscriber: SubscriberId, user: &UserId, lost: Time) {
        self.waiting.silence(subscriber);
        for (name, state) in &mut self.locks {
            // The first sign of a loss counts.
            let ttl = state.ttl();
            if let Some(holder) = state.holder_if(subscriber, user) {
                if holder.due.is_none() {
                    holder.due = Some(lost + ttl);
                    self.due.insert((lost + ttl, name.clone()));
                }
            }
        }
    }

    /// A silent session of this user is heard again.
    pub fn heard(
        &mut self,
        moment: (Time, UnixTime),
        subscriber: SubscriberId,
        user: &UserId,
    ) -> LockNews {
        // Who is heard too late has lost its locks.
        let mut news = self.handle_timeout(moment);
        for (name, state) in &mut self.locks {
            if let Some(holder) = state.holder_if(subscriber, user) {
                holder.cancel(name, &mut self.due);
            }
        }
        self.news.forget_former_of(subscriber, user);
        self.resume_waiting(moment, subscriber, &mut news);
        news
    }

    /// A session is heard of again, and gets what it has waited for and nobody has.
    fn resume_waiting(
        &mut self,
        moment: (Time, UnixTime),
        subscriber: SubscriberId,
        news: &mut LockNews,
    ) {
        for name in self.waiting.hear(subscriber) {
            if self.locks.get(&name).is_some_and(|state| state.holder.is_none()) {
                self.give_to_next(moment, &name, news);
            }
        }
    }

    /// A session of this user ends; who has waited in it.
    fn end_session(&mut self, subscriber: SubscriberId, user: &UserId, lost: Time) -> Vec<Asker> {
        self.silent(subscriber, user, lost);
        self.news.remove_listener(subscriber);
        for state in self.locks.values_mut() {
            if let Some(holder) = state.holder_if(subscriber, user) {
                holder.has_session = false;
            }
        }
        self.end_waiting(subscriber)
    }

    /// A session waits no more; what it has asked for.
    fn end_waiting(&mut self, subscriber: SubscriberId) -> Vec<Asker> {
        let waited = self.waiting.end_all(subscriber).into_iter();
        waited.filter_map(|name| self.locks.get_mut(&name)?.dequeue(subscriber)).collect()
    }
}
