//! Locks that a client's user has, and until when it may rely on them.

use std::collections::BTreeMap;
use std::time::Duration;

use rtm_wire::{Acquired, ChannelKind, Epoch, Lock, LockToken, Time};

use crate::name::{ChannelName, UserId};

type Place = (ChannelKind, ChannelName);

/// The locks of one client's user, as far as the client may rely on them.
///
/// The authority takes a lock from an owner that it has lost for the TTL, and can't tell it then.
/// So an owner counts for itself: it relies on a lock until the TTL has passed since the newest
/// packet was sent that is known to have arrived. The authority counts from the loss that it
/// detects, which is later. What has once run out is relied on again only after it was acquired
/// again. In a new life of the authority nothing is relied on before it has told that it knows the
/// ownership. A revocation may come at any time: against that, and against work that goes on behind
/// an owner's back, only the token helps.
///
/// Bounded by what is joined and acquired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// In which of its lives each channel is that was joined.
    lives: BTreeMap<Place, Epoch>,
    own: BTreeMap<(Place, Box<str>), Holding>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Holding {
    token: LockToken,
    ttl: Duration,
    until: Time,
    /// This life of the authority knows of it.
    is_sure: bool,
    /// The channel's view has got as far as this ownership.
    is_told: bool,
}

impl Holdings {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { lives: BTreeMap::new(), own: BTreeMap::new() }
    }

    /// A lock was acquired; the newest packet that is known to have arrived was sent at `heard`.
    pub fn acquired(
        &mut self,
        (kind, channel): (ChannelKind, &ChannelName),
        name: &str,
        acquired: Acquired,
        heard: Time,
    ) {
        let (token, ttl) = (acquired.token, Duration::from_secs(acquired.ttl_secs));
        let (until, is_sure, is_told) = (heard + ttl, true, false);
        let holding = Holding { token, ttl, until, is_sure, is_told };
        self.own.insert(((kind, channel.clone()), name.into()), holding);
    }

    /// A lock is given up, or is about to be.
    pub fn released(&mut self, kind: ChannelKind, channel: &ChannelName, name: &str) {
        self.own.remove(&((kind, channel.clone()), name.into()));
    }

    /// The channel is joined, or joined again. In a new life of it nothing is sure until it is
    /// [`told`](Self::told).
    pub fn joined(&mut self, kind: ChannelKind, channel: &ChannelName, epoch: Epoch) {
        if self.lives.insert((kind, channel.clone()), epoch) != Some(epoch) {
            let here = self.own.iter_mut();
            let here = here.filter(|(((of, name), _), _)| *of == kind && name == channel);
            here.for_each(|(_, holding)| holding.is_sure = false);
        }
    }

    /// The channel is left: nothing in it is held any more.
    pub fn left(&mut self, kind: ChannelKind, channel: &ChannelName) {
        self.lives.remove(&(kind, channel.clone()));
        self.own.retain(|((of, name), _), _| *of != kind || name != channel);
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.own.is_empty()
    }

    /// What has run out is relied on no more.
    pub fn expire(&mut self, now: Time) {
        self.own.retain(|_, holding| now < holding.until);
    }

    /// The newest packet that is known to have arrived was sent at `heard`. Only where the session
    /// `is_in` the channel does the authority hear of the owner. What has run out has to be
    /// [`expire`](Self::expire)d before.
    pub fn heard(&mut self, heard: Time, is_in: impl Fn(ChannelKind, &ChannelName) -> bool) {
        for (((kind, channel), _), holding) in &mut self.own {
            if holding.is_sure && is_in(*kind, channel) {
                holding.until = holding.until.max(heard + holding.ttl);
            }
        }
    }

    /// What is known of the channel's locks by what was told; `lock` looks one up. Events may be
    /// older than an ownership, so only the token tells whose they are.
    pub fn told<'a>(
        &mut self,
        (kind, channel): (ChannelKind, &ChannelName),
        user: &UserId,
        lock: impl Fn(&str) -> Option<Lock<'a>>,
    ) {
        self.own.retain(|((of, name), lock_name), holding| {
            if *of != kind || name != channel {
                return true;
            }
            match lock(lock_name) {
                Some(lock) if lock.token == holding.token => {
                    holding.is_told = true;
                    holding.is_sure |= lock.owner == user.as_str();
                    lock.owner == user.as_str()
                }
                Some(lock) if lock.token > holding.token => false,
                // What was before; or the lock was removed, and perhaps made anew.
                _ => !holding.is_told,
            }
        });
    }

    /// When [`expire`](Self::expire) is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.own.values().map(|holding| holding.until).min()
    }

    /// The token under which a lock is held, if it is.
    #[must_use]
    pub fn token(&self, kind: ChannelKind, channel: &ChannelName, name: &str) -> Option<LockToken> {
        let key = ((kind, channel.clone()), name.into());
        self.own.get(&key).filter(|holding| holding.is_sure).map(|holding| holding.token)
    }

    /// All that are held: kind and name of the channel, name of the lock, token.
    pub fn iter(&self) -> impl Iterator<Item = (ChannelKind, &ChannelName, &str, LockToken)> {
        let sure = self.own.iter().filter(|(_, holding)| holding.is_sure);
        sure.map(|(((kind, channel), name), holding)| (*kind, channel, &**name, holding.token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: ChannelKind = ChannelKind::Message;

    fn at(millis: u64) -> Time {
        Time::from_micros(millis * 1_000)
    }

    fn lobby() -> ChannelName {
        ChannelName::new("lobby").expect("a name")
    }

    fn lock(owner: &'static str, token: u64) -> Option<Lock<'static>> {
        Some(Lock { name: "l", owner, ttl_secs: 10, token: LockToken(token) })
    }

    /// Token 7, for 10 s, heard at 1 s.
    fn own() -> Holdings {
        let mut own = Holdings::new();
        let acquired = Acquired { token: LockToken(7), ttl_secs: 10 };
        own.acquired((KIND, &lobby()), "l", acquired, at(1_000));
        own
    }

    fn is_held(own: &Holdings) -> bool {
        own.token(KIND, &lobby(), "l") == Some(LockToken(7))
    }

    #[test]
    fn an_owner_relies_on_its_lock_for_the_ttl_since_it_was_heard() {
        let mut holdings = own();
        assert_eq!(holdings.poll_timeout(), Some(at(11_000)));
        holdings.expire(at(10_999));
        assert!(is_held(&holdings));
        holdings.heard(at(5_000), |_, _| false);
        assert_eq!(holdings.poll_timeout(), Some(at(11_000)), "it isn't in the channel");
        holdings.heard(at(5_000), |kind, channel| kind == KIND && *channel == lobby());
        holdings.heard(at(4_000), |_, _| true);
        assert_eq!(holdings.poll_timeout(), Some(at(15_000)));
        holdings.expire(at(15_000));
        holdings.heard(at(15_000), |_, _| true);
        assert_eq!((holdings, is_held(&own())), (Holdings::new(), true), "never again");
    }

    #[test]
    fn what_is_given_up_is_not_relied_on() {
        let mut holdings = own();
        holdings.released(KIND, &lobby(), "m");
        holdings.left(ChannelKind::Stream, &lobby());
        assert_eq!(holdings.iter().count(), 1);
        let mut left = holdings.clone();
        left.left(KIND, &lobby());
        holdings.released(KIND, &lobby(), "l");
        assert_eq!((left, holdings), (Holdings::new(), Holdings::new()));
    }

    #[test]
    fn in_a_new_life_of_the_channel_nothing_is_held() {
        let mut holdings = own();
        holdings.joined(KIND, &lobby(), Epoch(1));
        assert!(!is_held(&holdings), "it was acquired before it was joined");
        let acquired = Acquired { token: LockToken(7), ttl_secs: 10 };
        holdings.acquired((KIND, &lobby()), "l", acquired, at(1_000));
        holdings.joined(ChannelKind::Stream, &lobby(), Epoch(2));
        holdings.joined(KIND, &lobby(), Epoch(1));
        assert!(is_held(&holdings), "joined again in time");
        holdings.joined(KIND, &lobby(), Epoch(2));
        assert_eq!((is_held(&holdings), holdings.iter().count()), (false, 0));
    }

    #[test]
    fn a_new_life_that_knows_of_the_ownership_makes_it_sure_again() {
        let user = UserId::new("alice").expect("a name");
        let told = |own: &mut Holdings, lock: Option<Lock<'static>>| {
            own.told((KIND, &lobby()), &user, |_| lock);
        };
        let restarted = || {
            let mut own = own();
            own.joined(KIND, &lobby(), Epoch(1));
            let acquired = Acquired { token: LockToken(7), ttl_secs: 10 };
            own.acquired((KIND, &lobby()), "l", acquired, at(1_000));
            told(&mut own, lock("alice", 7));
            own.joined(KIND, &lobby(), Epoch(2));
            assert!(!is_held(&own));
            own
        };
        let mut own = restarted();
        own.heard(at(9_000), |_, _| true);
        assert_eq!(own.poll_timeout(), Some(at(11_000)), "nothing counts before it is told");
        told(&mut own, lock("alice", 7));
        assert!(is_held(&own));
        own.heard(at(9_000), |_, _| true);
        assert_eq!(own.poll_timeout(), Some(at(19_000)));
        // It has expired, or is another's, or was forgotten.
        for other in [lock("", 7), lock("bob", 8), None, lock("alice", 1)] {
            let mut own = restarted();
            told(&mut own, other);
            assert!(own.is_empty() && !is_held(&own), "{other:?}");
        }
    }

    /// Which of these things that are told, one after the other, ends the ownership.
    fn end_of(told: &[Option<Lock<'static>>]) -> Option<usize> {
        let user = UserId::new("alice").expect("a name");
        let mut own = own();
        told.iter().position(|lock| {
            own.told((KIND, &lobby()), &user, |_| *lock);
            !is_held(&own)
        })
    }

    #[test]
    fn what_is_older_than_the_ownership_says_nothing() {
        let before = [lock("", 5), lock("bob", 6), lock("", 6), None, lock("", 0), None];
        assert_eq!(end_of(&before), None);
        assert_eq!(end_of(&[lock("alice", 7), lock("alice", 7)]), None, "it was away in time");
    }

    #[test]
    fn each_way_to_lose_it_is_noticed() {
        // Lost, taken by another, removed, made anew; the server has begun a new life.
        for end in [lock("", 7), lock("bob", 8), None, lock("", 0), lock("alice", 1)] {
            assert_eq!(end_of(&[lock("alice", 7), end]), Some(1), "{end:?}");
        }
        for end in [lock("", 7), lock("bob", 8)] {
            assert_eq!(end_of(&[end]), Some(0), "{end:?}, though nothing was told of it before");
        }
    }
}
