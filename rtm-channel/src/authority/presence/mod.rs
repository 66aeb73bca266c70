//! Who is in a channel, what they show there, and who is told of it (protocol §6.23 and §6.25).

mod news;
mod parts;
mod query;
mod show;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rtm_wire::{Epoch, PresenceChange, Time, UnixTime};

pub use self::query::OnlinePage;

use self::news::News;
use super::message::Fanout;
use crate::identity::{ChannelKey, Identity};
use crate::limits::Limits;
use crate::name::{SubscriberId, UserId};
use crate::states::{StateLimits, States};

/// A session that comes to a channel, as far as presence is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The session.
    pub subscriber: SubscriberId,
    /// Whose it is.
    pub identity: Identity,
    /// Whether it wants to hear who comes and goes.
    pub hears: bool,
    /// Whether the others aren't told of the user.
    pub is_quiet: bool,
    /// How long a loss isn't told.
    pub timeout: Duration,
}

/// The truth about who is in one channel.
///
/// ```text
///             join              silent, lose              time passes
///   (absent) ─────► present ──────────────────► lost ───────────────────► (absent)
///      ▲             │  ▲ ▲      heard, join     │                            │ heard
///      │       leave │  │ └──────────────────────┘                            ▼
///      │             ▼  │ join                                             present
///      └─────────── leaving
///       time passes
/// ```
///
/// A user is present from the join of a session that isn't quiet, once, whatever sessions it has. A
/// loss is told to nobody before the user's timeout has passed, a leave to nobody before
/// [`Limits::presence_debounce`] has. While few are present, each change is told at once; the
/// changes of many are gathered, and told once an interval. Beyond [`Limits::message_members`]
/// users, those lost and leaving included, who comes is taken for quiet.
///
/// What a user shows ends with its presence: it lasts over a loss, and ends with a leave.
///
/// The caller says what happens to sessions, sends what comes back, and calls
/// [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout) says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceAuthority {
    users: BTreeMap<UserId, Present>,
    users_max: usize,
    debounce: Duration,
    state_limits: StateLimits,
    page_max: usize,
    /// When those who are lost, or leave, are gone.
    due: BTreeSet<(Time, UserId)>,
    /// Users who are gone since their sessions were silent for so long, and may be heard again:
    /// with what they have shown.
    gone: BTreeMap<UserId, Present>,
    news: News,
}

/// A user who is there, or counts as there since nobody has been told otherwise yet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Present {
    /// The session that stands for it, or did.
    arrival: Arrival,
    stand: Stand,
    /// When it is gone, unless it is heard or comes before.
    due: Option<Time>,
    states: States,
}

/// How a user's session stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// It is in the channel; if it is silent the user is due.
    Here,
    /// It was lost; the user is due.
    Lost,
    /// It has left; the user is due, and shows nothing any more.
    Leaving {
        /// Others may still see something that the user has shown.
        has_shown: bool,
    },
}

impl PresenceAuthority {
    /// A channel that nobody is in. The epoch must be persisted.
    #[must_use]
    pub fn new(key: ChannelKey, epoch: Epoch, limits: &Limits) -> Self {
        Self {
            users: BTreeMap::new(),
            users_max: limits.message_members,
            debounce: Duration::from_secs(limits.presence_debounce.into()),
            state_limits: StateLimits::new(limits),
            page_max: limits.presence_page.clamp(1, rtm_wire::limits::LIST),
            due: BTreeSet::new(),
            gone: BTreeMap::new(),
            news: News::new(key, epoch, limits),
        }
    }

    /// A session comes, comes back, or changes its options: what the others are told, and the
    /// snapshot for it.
    pub fn join(&mut self, now: Time, time: UnixTime, arrival: Arrival) -> Vec<Fanout> {
        // Who comes too late comes anew.
        let mut out = self.handle_timeout(now, time);
        let user = arrival.identity.user.clone();
        match arrival.hears {
            true => self.news.add_listener(arrival.subscriber, &user),
            false => self.news.remove_listener(arrival.subscriber),
        }
        // Whatever session stood for the user: the newest one says how it is.
        self.gone.remove(&user);
        self.set_due(&user, None);
        let own = Some(arrival.subscriber);
        let is_full = self.users.len() >= self.users_max && !self.users.contains_key(&user);
        if arrival.is_quiet || is_full {
            if self.users.remove(&user).is_some() {
                out.extend(self.tell(now, time, &user, PresenceChange::Left, own));
            }
        } else if let Some(present) = self.users.get_mut(&user) {
            // Another life of the client's knows nothing of what the former one has shown.
            let is_other = present.arrival.identity.instance != arrival.identity.instance;
            let has_ended = is_other && !present.states.is_empty();
            if has_ended {
                present.states = States::default();
            }
            present.arrival = arrival;
            let former = std::mem::replace(&mut present.stand, Stand::Here);
            if has_ended || former == (Stand::Leaving { has_shown: true }) {
                out.extend(self.tell(now, time, &user, PresenceChange::StateChanged, own));
            }
        } else {
            self.users.insert(user.clone(), Present::new(arrival));
            out.extend(self.tell(now, time, &user, PresenceChange::Joined, own));
        }
        out
    }

    /// All who are there, for a session that hears; in several events if there are many.
    pub fn snapshot(&mut self, now: Time, time: UnixTime, subscriber: SubscriberId) -> Vec<Fanout> {
        self.news.snapshot(now, time, subscriber, &self.users)
    }

    /// A session of this user goes for good: what the others are told, at once or later.
    ///
    /// Nothing is told before [`Limits::presence_debounce`] has passed, and if the user has come
    /// again by then, only that it shows nothing any more, if it has shown something.
    pub fn leave(
        &mut self,
        now: Time,
        time: UnixTime,
        subscriber: SubscriberId,
        user: &UserId,
    ) -> Vec<Fanout> {
        self.news.remove_listener(subscriber);
        self.take_gone(subscriber, user);
        if self.debounce.is_zero() {
            return Vec::from_iter(self.remove_if_of(now, time, subscriber, user));
        }
        let due = now + self.debounce;
        let Some(present) = self.present(subscriber, user) else { return Vec::new() };
        // The first good-bye counts.
        if matches!(present.stand, Stand::Here | Stand::Lost) {
            let has_shown = !std::mem::take(&mut present.states).is_empty();
            present.stand = Stand::Leaving { has_shown };
            self.set_due(user, Some(due));
        }
        Vec::new()
    }

    /// A session of this user was lost at `lost`, and may be followed by another one.
    pub fn lose(&mut self, subscriber: SubscriberId, user: &UserId, lost: Time) {
        self.silent(subscriber, user, lost);
        self.news.remove_listener(subscriber);
        self.take_gone(subscriber, user);
        if let Some(present) = self.present(subscriber, user) {
            if present.stand == Stand::Here {
                present.stand = Stand::Lost;
            }
        }
    }

    /// Nothing is heard of a session of this user, which counts as lost since `lost`.
    pub fn silent(&mut self, subscriber: SubscriberId, user: &UserId, lost: Time) {
        let Some(present) = self.present(subscriber, user) else { return };
        // The first sign of a loss counts.
        if present.due.is_none() {
            let due = lost + present.arrival.timeout;
            self.set_due(user, Some(due));
        }
    }

    /// A silent session of this user is heard again: what the others are told, if the user was
    /// gone.
    pub fn heard(
        &mut self,
        now: Time,
        time: UnixTime,
        subscriber: SubscriberId,
        user: &UserId,
    ) -> Vec<Fanout> {
        // Who is heard too late comes anew.
        let mut out = self.handle_timeout(now, time);
        if let Some(present) = self.take_gone(subscriber, user) {
            let shows = !present.states.is_empty();
            self.users.insert(user.clone(), Present { due: None, ..present });
            // It has to be told of this itself, as it was of its end.
            out.extend(self.tell(now, time, user, PresenceChange::Joined, None));
            if shows {
                out.extend(self.tell(now, time, user, PresenceChange::StateChanged, None));
            }
        } else if self.present(subscriber, user).is_some_and(|it| it.stand == Stand::Here) {
            self.set_due(user, None);
        }
        out
    }

    /// Does what is due: tells who is gone, and what was gathered.
    pub fn handle_timeout(&mut self, now: Time, time: UnixTime) -> Vec<Fanout> {
        let mut out = Vec::new();
        while let Some((due, user)) = self.due.first().cloned() {
            if due > now {
                break;
            }
            self.due.remove(&(due, user.clone()));
            let Some(present) = self.users.remove(&user) else { continue };
            if present.stand == Stand::Here {
                self.gone.insert(user.clone(), present.clone());
            }
            let change = match present.stand {
                Stand::Here | Stand::Lost => PresenceChange::TimedOut,
                Stand::Leaving { .. } => PresenceChange::Left,
            };
            out.extend(self.tell(now, time, &user, change, None));
        }
        out.extend(self.news.handle_timeout(now, time, &self.users));
        out
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let due = self.due.first().map(|(due, _)| *due);
        [due, self.news.poll_timeout()].into_iter().flatten().min()
    }

    /// Whether nothing has to be kept: nobody is there, and nobody hears.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.gone.is_empty() && self.news.is_idle()
    }

    /// Who is there, by name.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        self.users.keys()
    }

    /// Takes a user out whom this very session stands for.
    fn remove_if_of(
        &mut self,
        now: Time,
        time: UnixTime,
        subscriber: SubscriberId,
        user: &UserId,
    ) -> Option<Fanout> {
        self.present(subscriber, user)?;
        self.set_due(user, None);
        self.users.remove(user);
        self.tell(now, time, user, PresenceChange::Left, Some(subscriber))
    }

    fn tell(
        &mut self,
        now: Time,
        time: UnixTime,
        user: &UserId,
        change: PresenceChange,
        but: Option<SubscriberId>,
    ) -> Option<Fanout> {
        self.news.tell((now, time), user, change, &self.users, but)
    }

    /// The user is forgotten who is gone with this very session.
    fn take_gone(&mut self, subscriber: SubscriberId, user: &UserId) -> Option<Present> {
        self.gone.get(user).filter(|present| present.arrival.subscriber == subscriber)?;
        self.gone.remove(user)
    }

    /// The user, if this very session stands for it.
    fn present(&mut self, subscriber: SubscriberId, user: &UserId) -> Option<&mut Present> {
        self.users.get_mut(user).filter(|present| present.arrival.subscriber == subscriber)
    }

    fn set_due(&mut self, user: &UserId, due: Option<Time>) {
        let Some(present) = self.users.get_mut(user) else { return };
        if let Some(former) = present.due {
            self.due.remove(&(former, user.clone()));
        }
        present.due = due;
        self.due.extend(due.map(|due| (due, user.clone())));
    }
}

impl Present {
    /// A user who has come, and shows nothing yet.
    fn new(arrival: Arrival) -> Self {
        Self { arrival, stand: Stand::Here, due: None, states: States::default() }
    }
}
