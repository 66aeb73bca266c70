//! The authority of a channel's locks (protocol §6.27).

mod news;
mod sessions;
mod state;
mod waiting;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rtm_wire::{Acquired, Epoch, ErrorCode, Lock, LockChange, LockToken, Time, UnixTime};

use self::news::News;
use self::state::{Due, Holder, LockState};
use self::waiting::Waiting;
use super::guard::Guard;
use super::inbox::Asker;
use super::message::Fanout;
use crate::identity::ChannelKey;
use crate::limits::Limits;
use crate::name::{LockName, SubscriberId, UserId};
use crate::refusal::Refusal;

/// Sessions that wait for one lock.
const WAITERS_MAX: usize = 1_024;
/// Stands for an owner's session that was another server's: no session has this number.
const NO_SESSION: SubscriberId = SubscriberId(u64::MAX);

/// The truth about the locks of one channel.
///
/// ```text
///             acquire                   silent, lose, leave
///   free ──────────────────► held, token ──────────────────► held, until the TTL has passed
///    ▲                        ▲ │    ▲                          │ │
///    │ release, revoke,       │ │    │       heard, join        │ │ time passes
///    │ and nobody waits       │ │    └──────────────────────────┘ │
///    └────────────────────────┼─┴─────────────────────────────────┘
///                             │   somebody waits
///                             └── the next one holds it, under the next token
/// ```
///
/// A lock has one owner at a time, a user. Each ownership has a token that is larger than all that
/// were given in the channel before, also over removed locks: what an owner does elsewhere under an
/// old token can be told from what the present one does. The token must not go back while the
/// authority is away: whoever drops it keeps [`floor`](Self::floor).
///
/// An owner that is lost keeps the lock for the lock's TTL from the detected loss, and one that has
/// left the channel for the TTL from then. Back in time, in any session, nothing has happened.
/// Who waits keeps its place while nothing is heard of it, and is passed over meanwhile; a session
/// that is lost or leaves waits no more.
///
/// The caller has checked that a session is in the channel, says what happens to it, sends what
/// comes back, and calls [`handle_timeout`](Self::handle_timeout) when
/// [`poll_timeout`](Self::poll_timeout) says so. Bounded by [`Limits::locks`], 1,024 waiters for
/// each, [`Limits::message_members`] listeners, and 1,024 former owners that are to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockAuthority {
    /// The last that was given.
    token: LockToken,
    locks: BTreeMap<LockName, LockState>,
    due: Due,
    waiting: Waiting,
    news: News,
    locks_max: usize,
    /// In seconds.
    ttl_min: u64,
    ttl_max: u64,
}

/// What has to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockNews {
    /// Events.
    pub fanouts: Vec<Fanout>,
    /// Answers that have been waited for.
    pub answers: Vec<LockAnswer>,
    /// Locks that have come to be or changed, as [`kept`](LockAuthority::kept) tells, or are gone.
    /// May name one twice.
    pub changed: Vec<LockName>,
}

/// What has to be kept of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLock {
    /// Its name.
    pub name: LockName,
    /// How long a lost owner keeps it, in seconds.
    pub ttl_secs: u64,
    /// The last token that was given for it; 0 if none ever was.
    pub token: LockToken,
    /// Who has it.
    pub owner: Option<UserId>,
}

/// The answer to an acquisition that has waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockAnswer {
    /// To whom.
    pub asker: Asker,
    /// The ownership, or why there will be none.
    pub result: Result<Acquired, Refusal>,
}

impl LockAuthority {
    /// A channel without locks, whose next token follows `floor`.
    ///
    /// The epoch must be persisted, and the floor be no lower than any token that the channel has
    /// given.
    #[must_use]
    pub fn new(key: ChannelKey, epoch: Epoch, floor: LockToken, limits: &Limits) -> Self {
        Self {
            token: floor,
            locks: BTreeMap::new(),
            due: Due::new(),
            waiting: Waiting::default(),
            news: News::new(key, epoch, limits),
            locks_max: limits.locks,
            ttl_min: limits.lock_ttl_min.into(),
            ttl_max: limits.lock_ttl_max.max(limits.lock_ttl_min).into(),
        }
    }

    /// The locks of a channel as [`kept`](Self::kept) said; `floor` as for [`new`](Self::new). No
    /// owner has a session, so each has its TTL from now on to come back.
    #[must_use]
    pub fn restored(
        key: ChannelKey,
        epoch: Epoch,
        floor: LockToken,
        now: Time,
        locks: impl IntoIterator<Item = KeptLock>,
        limits: &Limits,
    ) -> Self {
        let mut restored = Self::new(key, epoch, floor, limits);
        for KeptLock { name, ttl_secs, token, owner } in locks {
            restored.token = restored.token.max(token);
            let mut state = LockState::new(ttl_secs);
            state.token = token;
            state.holder = owner.map(|user| {
                let due = now + state.ttl();
                restored.due.insert((due, name.clone()));
                Holder { user, subscriber: NO_SESSION, has_session: false, due: Some(due) }
            });
            restored.locks.insert(name, state);
        }
        restored
    }

    /// What has to be kept of a lock, if there is one of this name.
    #[must_use]
    pub fn kept(&self, name: &LockName) -> Option<KeptLock> {
        let state = self.locks.get(name)?;
        Some(KeptLock {
            name: name.clone(),
            ttl_secs: state.ttl_secs,
            token: state.token,
            owner: state.holder.as_ref().map(|holder| holder.user.clone()),
        })
    }

    /// Makes a lock that nobody has. The TTL is brought to what is allowed.
    ///
    /// # Errors
    /// The name is none, or taken; there are as many locks as are allowed.
    pub fn set(
        &mut self,
        moment: (Time, UnixTime),
        user: &UserId,
        name: &str,
        ttl_secs: u64,
    ) -> Result<LockNews, Refusal> {
        let name = LockName::new(name).map_err(|error| error.refusal(LockName::ERROR))?;
        if self.locks.contains_key(&name) {
            let reason = format!("lock {name} is there already; acquire it");
            return Err(Refusal::new(ErrorCode::LOCK_ALREADY_EXIST, reason));
        }
        if self.locks.len() >= self.locks_max {
            let max = self.locks_max;
            let reason = format!("the channel has {max} locks, the limit; remove one first");
            return Err(Refusal::new(ErrorCode::LOCK_OPERATION_FAILED, reason));
        }
        let state = LockState::new(ttl_secs.clamp(self.ttl_min, self.ttl_max));
        let told = self.news.tell(moment, LockChange::Set, user, state.as_lock(&name), None);
        self.locks.insert(name.clone(), state);
        Ok(LockNews { fanouts: told, answers: Vec::new(), changed: vec![name] })
    }

    /// Does away with a lock, whoever has it; those who wait are refused.
    ///
    /// # Errors
    /// There is none.
    pub fn remove(
        &mut self,
        moment: (Time, UnixTime),
        user: &UserId,
        name: &str,
    ) -> Result<LockNews, Refusal> {
        let (name, mut state) =
            self.locks.remove_entry(name).ok_or_else(|| Self::no_such_lock(name))?;
        if let Some(mut holder) = state.holder.take() {
            holder.cancel(&name, &mut self.due);
        }
        self.news.forget_lock(&name);
        let fanouts = self.news.tell(moment, LockChange::Removed, user, state.as_lock(&name), None);
        let removed = || {
            let reason = format!("lock {name} was removed by {user}; set it first");
            Refusal::new(ErrorCode::LOCK_NOT_EXIST, reason)
        };
        let waited = std::mem::take(&mut state.queue).into_iter();
        let waited = waited.inspect(|asker| self.waiting.end(asker.subscriber, &name));
        let answers = waited.map(|asker| LockAnswer { asker, result: Err(removed()) }).collect();
        Ok(LockNews { fanouts, answers, changed: vec![name] })
    }

    /// Makes the asker's user the owner, if the lock is free or its own. Else, with `retry`, it
    /// waits: none, and the answer follows when the lock is free.
    ///
    /// # Errors
    /// There is no such lock; another user has it; the session waits for it already; too many wait.
    pub fn acquire(
        &mut self,
        moment: (Time, UnixTime),
        asker: Asker,
        name: &str,
        retry: bool,
    ) -> Result<(Option<Acquired>, LockNews), Refusal> {
        let (Ok(name), Some(state)) = (LockName::new(name), self.locks.get_mut(name)) else {
            return Err(Self::no_such_lock(name));
        };
        if self.waiting.has(asker.subscriber, &name) {
            let reason = format!("this session waits for lock {name} already; wait for the answer");
            return Err(Refusal::new(ErrorCode::LOCK_OPERATION_PERFORMING, reason));
        }
        let Some(holder) = &mut state.holder else {
            let mut news = LockNews::default();
            let acquired = self.give(moment, &name, asker, &mut news);
            return Ok((acquired, news));
        };
        if holder.user == asker.identity.user {
            holder.stand(asker.subscriber, &name, &mut self.due);
            return Ok((Some(state.acquired()), LockNews::default()));
        }
        let fault = match retry {
            false => Some("try later, or wait for it"),
            true if state.queue.len() >= WAITERS_MAX => Some("too many wait for it; try later"),
            true => None,
        };
        if let Some(what_to_do) = fault {
            let reason = format!("{} has lock {name}; {what_to_do}", holder.user);
            return Err(Refusal::new(ErrorCode::LOCK_ACQUIRE_FAILED, reason));
        }
        self.waiting.begin(asker.subscriber, name);
        state.queue.push_back(asker);
        Ok((None, LockNews::default()))
    }

    /// Gives up a lock; who waits longest gets it at once.
    ///
    /// # Errors
    /// There is no such lock; this session of this user doesn't hold it.
    pub fn release(
        &mut self,
        moment: (Time, UnixTime),
        subscriber: SubscriberId,
        user: &UserId,
        name: &str,
    ) -> Result<LockNews, Refusal> {
        let state = self.locks.get_mut(name).ok_or_else(|| Self::no_such_lock(name))?;
        if state.holder_if(subscriber, user).is_none() {
            let reason = format!("{user} does not hold lock {name} here; {}", state.owner_words());
            return Err(Refusal::new(ErrorCode::LOCK_NOT_ACQUIRED, reason));
        }
        Ok(self.free(moment, user, name, false))
    }

    /// Takes a lock from its owner, who is told that it has expired; who waits longest gets it at
    /// once. Anybody may.
    ///
    /// # Errors
    /// There is no such lock; this user doesn't have it.
    pub fn revoke(
        &mut self,
        moment: (Time, UnixTime),
        user: &UserId,
        name: &str,
        owner: &str,
    ) -> Result<LockNews, Refusal> {
        let state = self.locks.get(name).ok_or_else(|| Self::no_such_lock(name))?;
        if state.holder.as_ref().is_none_or(|holder| holder.user.as_str() != owner) {
            let reason = format!("{owner} does not have lock {name}; {}", state.owner_words());
            return Err(Refusal::new(ErrorCode::LOCK_NOT_ACQUIRED, reason));
        }
        Ok(self.free(moment, user, name, true))
    }

    /// The verdict on a write of metadata under a lock: whether this session of this user holds it,
    /// under this token if one is given (not 0).
    ///
    /// # Errors
    /// There is no such lock; it isn't held by this session, or under another token. With the
    /// numbers of storage.
    pub fn guard(
        &self,
        name: &str,
        subscriber: SubscriberId,
        user: &UserId,
        token: LockToken,
    ) -> Result<Guard, Refusal> {
        let Some((name, state)) = self.locks.get_key_value(name) else {
            let reason = format!("there is no lock {name} in this channel; set it first");
            return Err(Refusal::new(ErrorCode::STORAGE_INVALID_LOCK_NAME, reason));
        };
        let refused = |reason| Err(Refusal::new(ErrorCode::STORAGE_LOCK_NOT_ACQUIRED, reason));
        let is_held = state.holder.as_ref().is_some_and(|holder| holder.is_of(subscriber, user));
        if !is_held {
            let words = state.owner_words();
            return refused(format!("{user} does not hold lock {name} here; {words}"));
        }
        if token.0 != 0 && token != state.token {
            let current = state.token;
            let reason = format!("lock {name} is held under token {current}, not {token}");
            return refused(format!("{reason}; find out what has happened in between"));
        }
        Ok(Guard::new(name.clone(), state.token))
    }

    /// Does what is due: takes locks from owners that were lost for too long.
    pub fn handle_timeout(&mut self, moment: (Time, UnixTime)) -> LockNews {
        let mut news = LockNews::default();
        while let Some((due, name)) = self.due.first().cloned() {
            if due > moment.0 {
                break;
            }
            self.due.pop_first();
            let holder = self.locks.get(&name).and_then(|state| state.holder.as_ref());
            let Some(owner) = holder.map(|holder| holder.user.clone()) else { continue };
            let freed = self.free(moment, &owner, name.as_str(), true);
            news.fanouts.extend(freed.fanouts);
            news.answers.extend(freed.answers);
            news.changed.extend(freed.changed);
        }
        news
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.due.first().map(|(due, _)| *due)
    }

    /// All locks, by name.
    #[must_use]
    pub fn locks(&self) -> Vec<Lock<'_>> {
        self.locks.iter().map(|(name, state)| state.as_lock(name)).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.locks.len()
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.locks.contains_key(name)
    }

    /// The last token that was given: what has to be kept when the authority is dropped.
    #[must_use]
    pub const fn floor(&self) -> LockToken {
        self.token
    }

    /// Whether nothing has to be kept but the floor: there is no lock, and nobody listens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.locks.is_empty() && self.news.is_idle()
    }

    /// What a session is told that names a lock which isn't there, also when a channel has no
    /// authority of locks at all.
    #[must_use]
    pub fn no_such_lock(name: &str) -> Refusal {
        let reason = format!("there is no lock {name} in this channel; set it first");
        Refusal::new(ErrorCode::LOCK_NOT_EXIST, reason)
    }

    /// Ends an ownership, tells it, and gives the lock to the next one. A former owner that it
    /// `is_taken` from is told that it has expired.
    fn free(
        &mut self,
        moment: (Time, UnixTime),
        actor: &UserId,
        name: &str,
        is_taken: bool,
    ) -> LockNews {
        let mut news = LockNews::default();
        let (Ok(name), Some(state)) = (LockName::new(name), self.locks.get_mut(name)) else {
            return news;
        };
        let Some(mut holder) = state.holder.take() else { return news };
        let former = is_taken.then_some(holder.subscriber);
        let lock = state.as_lock(&name);
        news.fanouts = self.news.tell(moment, LockChange::Released, actor, lock, former);
        news.changed.push(name.clone());
        // A silent session may never get what it is told, and be followed by another one.
        if is_taken && (!holder.has_session || holder.due.is_some()) {
            self.news.remember_former(&holder.user, &name);
        }
        holder.cancel(&name, &mut self.due);
        self.give_to_next(moment, &name, &mut news);
        news
    }

    /// Gives a free lock to whoever waits longest and is heard of.
    fn give_to_next(&mut self, moment: (Time, UnixTime), name: &LockName, news: &mut LockNews) {
        let Some(state) = self.locks.get_mut(name) else { return };
        let is_heard = |asker: &Asker| !self.waiting.is_silent(asker.subscriber);
        let next = state.queue.iter().position(is_heard);
        let Some(asker) = next.and_then(|at| state.queue.remove(at)) else { return };
        self.waiting.end(asker.subscriber, name);
        if let Some(acquired) = self.give(moment, name, asker.clone(), news) {
            news.answers.push(LockAnswer { asker, result: Ok(acquired) });
        }
    }

    /// Gives a free lock to a session, under a new token.
    fn give(
        &mut self,
        moment: (Time, UnixTime),
        name: &LockName,
        asker: Asker,
        news: &mut LockNews,
    ) -> Option<Acquired> {
        let state = self.locks.get_mut(name)?;
        self.token = self.token.next();
        state.token = self.token;
        let user = asker.identity.user;
        self.news.forget_former(&user, name);
        let holder = Holder {
            user: user.clone(),
            subscriber: asker.subscriber,
            has_session: true,
            due: None,
        };
        state.holder = Some(holder);
        let told = self.news.tell(moment, LockChange::Acquired, &user, state.as_lock(name), None);
        news.fanouts.extend(told);
        news.changed.push(name.clone());
        Some(state.acquired())
    }
}
