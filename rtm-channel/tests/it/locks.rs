//! Long histories of one channel's locks against a plain model, and views that follow.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rtm_channel::{
    AppId, Asker, ChannelKey, ChannelName, Fanout, Identity, KeptLock, Limits, LockAuthority,
    LockName, LockNews, LockVerdict, LockView, SubscriberId, UserId,
};
use rtm_wire::{
    ChannelKind, Epoch, Event, Lock, LockChange, LockToken, OperationId, SessionInstance, Time,
    UnixTime,
};

const TIME: UnixTime = UnixTime::from_millis(1);
/// Users, each with this number of sessions that may take turns.
const USERS: u64 = 4;
const SESSIONS: u64 = 2;
const NAMES: [&str; 3] = ["a", "b", "c"];
/// Locks that are allowed.
const LOCKS: usize = 2;
/// In seconds.
const TTL: u64 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Who {
    user: u64,
    session: u64,
}

impl Who {
    fn subscriber(self) -> SubscriberId {
        SubscriberId(self.user * SESSIONS + self.session + 1)
    }

    fn of(subscriber: SubscriberId) -> Self {
        let number = subscriber.0 - 1;
        Self { user: number / SESSIONS, session: number % SESSIONS }
    }

    fn id(self) -> UserId {
        UserId::new(&name(self.user)).expect("a name")
    }
}

#[derive(Clone, Debug)]
enum Step {
    Join {
        who: Who,
        hears: bool,
    },
    Leave {
        who: Who,
    },
    Lose {
        who: Who,
    },
    Silent {
        who: Who,
    },
    Heard {
        who: Who,
    },
    Set {
        who: Who,
        lock: usize,
    },
    Remove {
        who: Who,
        lock: usize,
    },
    Acquire {
        who: Who,
        lock: usize,
        retry: bool,
    },
    Release {
        who: Who,
        lock: usize,
    },
    Revoke {
        who: Who,
        lock: usize,
        owner: u64,
    },
    Pass {
        seconds: u64,
    },
    /// The owner of the channel starts anew with what was kept; all sessions are gone.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || (0..USERS, 0..SESSIONS).prop_map(|(user, session)| Who { user, session });
    // One name is rarely a lock.
    let lock = || prop_oneof![6 => 0..2_usize, 1 => Just(2)];
    prop_oneof![
        4 => (who(), prop::bool::weighted(0.8)).prop_map(|(who, hears)| Step::Join { who, hears }),
        1 => who().prop_map(|who| Step::Leave { who }),
        2 => who().prop_map(|who| Step::Lose { who }),
        3 => who().prop_map(|who| Step::Silent { who }),
        2 => who().prop_map(|who| Step::Heard { who }),
        3 => (who(), lock()).prop_map(|(who, lock)| Step::Set { who, lock }),
        1 => (who(), lock()).prop_map(|(who, lock)| Step::Remove { who, lock }),
        9 => (who(), lock(), prop::bool::weighted(0.7))
            .prop_map(|(who, lock, retry)| Step::Acquire { who, lock, retry }),
        5 => (who(), lock()).prop_map(|(who, lock)| Step::Release { who, lock }),
        1 => (who(), lock(), 0..USERS)
            .prop_map(|(who, lock, owner)| Step::Revoke { who, lock, owner }),
        3 => (1..2 * TTL).prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Restart),
    ]
}

/// A lock, by rules that are easy to check by eye.
#[derive(Clone, Debug, Default)]
struct Fact {
    /// The owner, by the session that stands for it.
    owner: Option<Who>,
    /// That session is in the channel.
    is_there: bool,
    /// Since when nothing is heard of it.
    lost: Option<u64>,
    token: u64,
    waits: Vec<Who>,
}

/// What a call gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    Done,
    Token(u64),
    Waits,
    Refused(u32),
}

#[derive(Clone, Debug, Default)]
struct Model {
    now: u64,
    token: u64,
    locks: BTreeMap<usize, Fact>,
    /// Sessions of which nothing is heard.
    silent: BTreeSet<Who>,
    /// Answers that are to come with this step: who, and the token, or the number of an error.
    answers: Vec<(Who, Result<u64, u32>)>,
    hearers: BTreeSet<Who>,
    /// Users who have lost a lock while they were away.
    former: BTreeSet<(u64, usize)>,
    /// Who is told in this step that it has lost which lock.
    expired: Vec<(Who, usize)>,
}

impl Model {
    fn take(&mut self, step: &Step) -> Given {
        match *step {
            Step::Join { who, hears } => self.join(who, hears),
            Step::Leave { who } => self.end(who, true),
            Step::Lose { who } => self.end(who, false),
            Step::Silent { who } => {
                // Who asks for something later is heard then.
                if self.locks.values().any(|fact| fact.waits.contains(&who)) {
                    self.silent.insert(who);
                }
                self.lose(who);
            }
            Step::Heard { who } => {
                for fact in self.locks.values_mut() {
                    if fact.owner == Some(who) && fact.is_there {
                        fact.lost = None;
                    }
                }
                // It gets what it was told meanwhile.
                if self.hearers.contains(&who) {
                    self.former.retain(|(user, _)| *user != who.user);
                }
                self.silent.remove(&who);
                self.settle();
            }
            Step::Pass { seconds } => self.pass(self.now + seconds),
            Step::Restart => self.restart(),
            Step::Set { lock, .. } => {
                if self.locks.contains_key(&lock) {
                    return Given::Refused(14_004);
                }
                if self.locks.len() >= LOCKS {
                    return Given::Refused(14_001);
                }
                self.locks.insert(lock, Fact::default());
            }
            Step::Remove { lock, .. } => {
                let Some(fact) = self.locks.remove(&lock) else { return Given::Refused(14_008) };
                self.answers.extend(fact.waits.iter().map(|who| (*who, Err(14_008))));
                self.former.retain(|(_, of)| *of != lock);
                let Self { silent, locks, .. } = self;
                silent.retain(|who| locks.values().any(|fact| fact.waits.contains(who)));
            }
            Step::Acquire { who, lock, retry } => return self.acquire(who, lock, retry),
            Step::Release { who, lock } => {
                let Some(fact) = self.locks.get_mut(&lock) else { return Given::Refused(14_008) };
                if fact.owner != Some(who) || !fact.is_there {
                    return Given::Refused(14_006);
                }
                (fact.owner, fact.lost) = (None, None);
                self.settle();
            }
            Step::Revoke { lock, owner, .. } => {
                let Some(fact) = self.locks.get(&lock) else { return Given::Refused(14_008) };
                if fact.owner.is_none_or(|who| who.user != owner) {
                    return Given::Refused(14_006);
                }
                self.expire(lock);
            }
        }
        Given::Done
    }

    /// Who had a lock has it still, and its TTL from now on; all else is forgotten.
    fn restart(&mut self) {
        for fact in self.locks.values_mut() {
            fact.lost = fact.owner.map(|_| self.now);
            fact.is_there = false;
            fact.waits.clear();
        }
        self.silent.clear();
        self.hearers.clear();
        self.former.clear();
    }

    fn join(&mut self, who: Who, hears: bool) {
        for fact in self.locks.values_mut() {
            if fact.owner.is_some_and(|owner| owner.user == who.user) {
                (fact.owner, fact.is_there, fact.lost) = (Some(who), true, None);
            }
        }
        self.hearers.remove(&who);
        if hears {
            self.hearers.insert(who);
            let own = self.former.iter().filter(|(user, _)| *user == who.user);
            self.expired.extend(own.map(|(_, lock)| (who, *lock)));
            self.former.retain(|(user, _)| *user != who.user);
        }
        self.silent.remove(&who);
        self.settle();
    }

    fn acquire(&mut self, who: Who, lock: usize, retry: bool) -> Given {
        let Some(fact) = self.locks.get_mut(&lock) else { return Given::Refused(14_008) };
        if fact.waits.contains(&who) {
            return Given::Refused(14_003);
        }
        match fact.owner {
            None => {
                self.token += 1;
                (fact.owner, fact.is_there, fact.lost) = (Some(who), true, None);
                fact.token = self.token;
                self.former.remove(&(who.user, lock));
                Given::Token(self.token)
            }
            Some(owner) if owner.user == who.user => {
                (fact.owner, fact.is_there, fact.lost) = (Some(who), true, None);
                Given::Token(fact.token)
            }
            Some(_) if retry => {
                fact.waits.push(who);
                Given::Waits
            }
            Some(_) => Given::Refused(14_007),
        }
    }

    /// A free lock goes to whoever waits longest and is heard of.
    fn settle(&mut self) {
        for (lock, fact) in self.locks.iter_mut().filter(|(_, fact)| fact.owner.is_none()) {
            let next = fact.waits.iter().position(|who| !self.silent.contains(who));
            let Some(at) = next else { continue };
            let who = fact.waits.remove(at);
            self.token += 1;
            (fact.owner, fact.is_there, fact.lost) = (Some(who), true, None);
            fact.token = self.token;
            self.former.remove(&(who.user, *lock));
            self.answers.push((who, Ok(self.token)));
        }
    }

    /// An owner loses its lock. It is told at once, if it hears; and if it is away, when it comes
    /// back, unless nothing is lost any more then.
    fn expire(&mut self, lock: usize) {
        let fact = self.locks.get_mut(&lock).expect("it is there");
        let who = fact.owner.expect("somebody has it");
        if self.hearers.contains(&who) {
            self.expired.push((who, lock));
        }
        if !fact.is_there || fact.lost.is_some() {
            self.former.insert((who.user, lock));
        }
        (fact.owner, fact.lost) = (None, None);
        self.settle();
    }

    fn lose(&mut self, who: Who) {
        let now = self.now;
        for fact in self.locks.values_mut().filter(|fact| fact.owner == Some(who)) {
            fact.lost = fact.lost.or(Some(now));
        }
    }

    fn end(&mut self, who: Who, is_answered: bool) {
        self.lose(who);
        self.hearers.remove(&who);
        self.silent.remove(&who);
        for fact in self.locks.values_mut() {
            if fact.owner == Some(who) {
                fact.is_there = false;
            }
            if fact.waits.contains(&who) {
                fact.waits.retain(|other| *other != who);
                if is_answered {
                    self.answers.push((who, Err(14_007)));
                }
            }
        }
    }

    /// Second by second, all that ends.
    fn pass(&mut self, until: u64) {
        while self.now < until {
            self.now += 1;
            // One after the other, by name: whoever comes next may have waited for both.
            for lock in 0..NAMES.len() {
                let Some(fact) = self.locks.get(&lock) else { continue };
                if fact.lost.is_some_and(|lost| lost + TTL <= self.now) {
                    self.expire(lock);
                }
            }
        }
    }
}

fn name(user: u64) -> String {
    format!("user {user}")
}

struct World {
    locks: LockAuthority,
    /// What is kept elsewhere: the locks, and a floor for all tokens of removed ones.
    kept: BTreeMap<LockName, KeptLock>,
    floor: LockToken,
    views: BTreeMap<SubscriberId, LockView>,
    now: u64,
    operations: u64,
    /// Tokens that were given, in order.
    tokens: Vec<u64>,
    answers: Vec<(Who, Result<u64, u32>)>,
    waiting: BTreeMap<u64, Who>,
    /// Who was told that it has lost which lock.
    expired: Vec<(Who, usize)>,
}

fn key() -> ChannelKey {
    let (app, channel) = (AppId::new("app"), ChannelName::new("lobby"));
    let kind = ChannelKind::Message;
    ChannelKey { app: app.expect("name"), kind, name: channel.expect("name") }
}

fn limits() -> Limits {
    let mut limits = Limits::hosted();
    limits.locks = LOCKS;
    limits
}

impl World {
    fn new() -> Self {
        Self {
            locks: LockAuthority::new(key(), Epoch(1), LockToken(0), &limits()),
            kept: BTreeMap::new(),
            floor: LockToken(0),
            views: BTreeMap::new(),
            now: 0,
            operations: 0,
            tokens: Vec::new(),
            answers: Vec::new(),
            waiting: BTreeMap::new(),
            expired: Vec::new(),
        }
    }

    fn moment(&self) -> (Time, UnixTime) {
        (Time::from_micros(self.now * 1_000_000), TIME)
    }

    fn take(&mut self, step: &Step) -> Given {
        let moment = self.moment();
        let called = match *step {
            Step::Join { who, hears } => {
                match hears {
                    true => self.views.insert(who.subscriber(), LockView::new()),
                    false => self.views.remove(&who.subscriber()),
                };
                Ok(self.locks.join(moment, who.subscriber(), &who.id(), hears))
            }
            Step::Leave { who } => {
                self.views.remove(&who.subscriber());
                Ok(self.locks.leave(moment.0, who.subscriber(), &who.id()))
            }
            Step::Lose { who } => {
                self.views.remove(&who.subscriber());
                self.waiting.retain(|_, other| *other != who);
                self.locks.lose(who.subscriber(), &who.id(), moment.0);
                Ok(LockNews::default())
            }
            Step::Silent { who } => {
                self.locks.silent(who.subscriber(), &who.id(), moment.0);
                Ok(LockNews::default())
            }
            Step::Heard { who } => Ok(self.locks.heard(moment, who.subscriber(), &who.id())),
            Step::Set { who, lock } => self.locks.set(moment, &who.id(), NAMES[lock], TTL),
            Step::Remove { who, lock } => self.locks.remove(moment, &who.id(), NAMES[lock]),
            Step::Acquire { who, lock, retry } => return self.acquire(who, lock, retry),
            Step::Release { who, lock } => {
                self.locks.release(moment, who.subscriber(), &who.id(), NAMES[lock])
            }
            Step::Revoke { who, lock, owner } => {
                self.locks.revoke(moment, &who.id(), NAMES[lock], &name(owner))
            }
            Step::Pass { seconds } => {
                self.pass(self.now + seconds);
                Ok(LockNews::default())
            }
            Step::Restart => {
                self.views.clear();
                self.waiting.clear();
                let (kept, floor) = (self.kept.values().cloned(), self.floor);
                let limits = limits();
                self.locks =
                    LockAuthority::restored(key(), Epoch(2), floor, moment.0, kept, &limits);
                Ok(LockNews::default())
            }
        };
        match called {
            Ok(news) => {
                self.deliver(news);
                Given::Done
            }
            Err(refusal) => Given::Refused(refusal.code.0),
        }
    }

    fn acquire(&mut self, who: Who, lock: usize, retry: bool) -> Given {
        self.operations += 1;
        let instance = SessionInstance(who.session);
        let asker = Asker {
            subscriber: who.subscriber(),
            identity: Identity { user: who.id(), instance },
            operation: OperationId(self.operations),
        };
        match self.locks.acquire(self.moment(), asker, NAMES[lock], retry) {
            Ok((Some(acquired), news)) => {
                self.deliver(news);
                if self.tokens.last().is_none_or(|last| acquired.token.0 > *last) {
                    self.tokens.push(acquired.token.0);
                }
                assert_eq!(acquired.ttl_secs, TTL);
                Given::Token(acquired.token.0)
            }
            Ok((None, news)) => {
                assert_eq!(news, LockNews::default());
                self.waiting.insert(self.operations, who);
                Given::Waits
            }
            Err(refusal) => Given::Refused(refusal.code.0),
        }
    }

    fn deliver(&mut self, news: LockNews) {
        for name in &news.changed {
            match self.locks.kept(name) {
                Some(lock) => _ = self.kept.insert(name.clone(), lock),
                None => {
                    self.kept.remove(name);
                    self.floor = self.locks.floor();
                }
            }
        }
        for Fanout { event, to } in news.fanouts {
            let Ok(Event::Lock(event)) = Event::decode(&event) else { panic!("no lock event") };
            for subscriber in to {
                let view = self.views.get_mut(&subscriber).expect("only listeners are told");
                assert_eq!(view.on_event(&event), LockVerdict::Deliver);
                if event.change == LockChange::Expired {
                    let lock = event.locks.iter().next().expect("it names the lock");
                    let name = NAMES.iter().position(|name| *name == lock.name);
                    self.expired.push((Who::of(subscriber), name.expect("one of them")));
                }
            }
        }
        for answer in news.answers {
            let who = self.waiting.remove(&answer.asker.operation.0).expect("it waits, once");
            assert_eq!(answer.asker.subscriber, who.subscriber());
            let result = answer.result.map(|acquired| acquired.token.0);
            if let Ok(token) = result {
                assert!(self.tokens.last().is_none_or(|last| token > *last), "tokens only grow");
                self.tokens.push(token);
            }
            self.answers.push((who, result.map_err(|refusal| refusal.code.0)));
        }
    }

    /// Time passes; what is due is done when it is due.
    fn pass(&mut self, until: u64) {
        while let Some(due) = self.locks.poll_timeout().map(|due| due.as_micros() / 1_000_000) {
            if due > until {
                break;
            }
            self.now = self.now.max(due);
            let news = self.locks.handle_timeout(self.moment());
            self.deliver(news);
        }
        self.now = until;
    }

    fn check(&self, model: &Model) {
        let shown = |lock: Lock<'_>| (lock.name.to_owned(), lock.owner.to_owned(), lock.token.0);
        let fact = |(lock, fact): (&usize, &Fact)| {
            let owner = fact.owner.map_or(String::new(), |who| name(who.user));
            (NAMES[*lock].to_owned(), owner, fact.token)
        };
        let wanted: Vec<_> = model.locks.iter().map(fact).collect();
        let found: Vec<_> = self.locks.locks().into_iter().map(shown).collect();
        assert_eq!(found, wanted);
        for (subscriber, view) in &self.views {
            let seen: Vec<_> = view.locks().map(shown).collect();
            assert_eq!(seen, wanted, "{subscriber:?}");
        }
        assert_eq!(self.locks.floor().0, model.token);
        self.check_guards(model);
    }

    /// Exactly one session may write under a lock, and only under its token.
    fn check_guards(&self, model: &Model) {
        for (lock, fact) in &model.locks {
            for (user, session) in (0..USERS).flat_map(|it| (0..SESSIONS).map(move |s| (it, s))) {
                let who = Who { user, session };
                let is_owner = fact.owner == Some(who) && fact.is_there;
                for token in [0, fact.token, fact.token + 1] {
                    let guard = self.locks.guard(
                        NAMES[*lock],
                        who.subscriber(),
                        &who.id(),
                        LockToken(token),
                    );
                    assert_eq!(guard.is_ok(), is_owner && token <= fact.token, "{who:?} {token}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(crate::a_thousand_cases())]

    #[test]
    fn locks_are_as_the_model_says_and_all_views_agree_at_once(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let (mut model, mut world) = (Model::default(), World::new());
        for step in &steps {
            let copy = world.locks.clone();
            (model.answers, model.expired) = (Vec::new(), Vec::new());
            (world.answers, world.expired) = (Vec::new(), Vec::new());
            let (wanted, given) = (model.take(step), world.take(step));
            assert_eq!(given, wanted, "{step:?}");
            if matches!(given, Given::Refused(_)) {
                assert_eq!(world.locks, copy, "a refusal changes nothing");
            }
            // Each in its own order; between locks there is none.
            let sorted = |answers: &[(Who, Result<u64, u32>)]| {
                let mut answers = answers.to_vec();
                answers.sort();
                answers
            };
            assert_eq!(sorted(&world.answers), sorted(&model.answers), "{step:?}");
            world.check(&model);
            model.expired.sort();
            world.expired.sort();
            assert_eq!(world.expired, model.expired, "{step:?}");
        }
    }
}
