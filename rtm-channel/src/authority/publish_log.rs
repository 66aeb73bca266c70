//! What was published not long ago, so that a repeated publish is recognised.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use rtm_wire::{OperationId, Time};

use crate::identity::Identity;

/// Publishes that are remembered of each session instance.
const OPERATIONS_MAX: usize = 1_024;
/// How long they are remembered after the session has ended.
const KEEP: Duration = Duration::from_secs(120);
/// Ended session instances that are remembered.
const ENDED_MAX: usize = 10_000;
/// After so many publishes that are kept elsewhere, too, and pushed out by later ones, it is told
/// that they may go.
const PUSHED_OUT: usize = 256;

#[derive(Debug)]
struct Log<A> {
    answers: BTreeMap<OperationId, Answer<A>>,
    life: Life,
    /// Whether one of its publishes was kept elsewhere, too.
    is_kept: bool,
    /// Those of them that were pushed out, and not told of.
    pushed_out: usize,
}

#[derive(Clone, Copy, Debug)]
struct Answer<A> {
    answer: A,
    is_kept: bool,
}

/// Publishes that were kept elsewhere, too, and need not be any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// Whose.
    pub identity: Identity,
    /// Up to this one; all if `None`.
    pub up_to: Option<OperationId>,
    /// When the instance's last session ended, if it is forgotten as a whole.
    pub since: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
enum Life {
    /// So many sessions: a new one may begin before the old one's end is noticed. The log of an
    /// instance whose beginning nobody told of has none, and lives until an end is told.
    Sessions(u32),
    /// Since when there is none.
    Ended(Time),
}

impl Default for Life {
    fn default() -> Self {
        Self::Sessions(0)
    }
}

/// The answers to recent publishes, by session instance and operation.
///
/// Remembers the last 1,024 publishes of each instance, for 120 s after its last session has ended,
/// and 10,000 ended instances: about 70 KiB for each busy instance. The caller bounds the number of
/// sessions. `A` is what an answer is made from.
///
/// A caller that keeps some publishes elsewhere, too, to know them after a restart, hears by
/// [`poll_forgotten`](Self::poll_forgotten) what it need not keep any more.
#[derive(Debug)]
pub struct PublishLog<A> {
    logs: BTreeMap<Identity, Log<A>>,
    /// Exactly the logs whose instance has no session.
    ended: BTreeSet<(Time, Identity)>,
    /// Publishes of sessions that ended later are all remembered, but for those that later ones of
    /// the same instance have pushed out.
    forgotten_until: Time,
    forgotten: VecDeque<Forgotten>,
}

impl<A> Default for Log<A> {
    fn default() -> Self {
        let life = Life::default();
        Self { answers: BTreeMap::new(), life, is_kept: false, pushed_out: 0 }
    }
}

impl<A> Default for PublishLog<A> {
    fn default() -> Self {
        Self {
            logs: BTreeMap::new(),
            ended: BTreeSet::new(),
            forgotten_until: Time::ZERO,
            forgotten: VecDeque::new(),
        }
    }
}

impl<A: Copy> PublishLog<A> {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The answer that this operation has had, if it is a repeated one.
    #[must_use]
    pub fn find(&self, identity: &Identity, operation: OperationId) -> Option<A> {
        self.logs.get(identity)?.answers.get(&operation).map(|it| it.answer)
    }

    /// Remembers an answer, which may be kept elsewhere, too.
    pub fn insert(
        &mut self,
        identity: &Identity,
        operation: OperationId,
        answer: A,
        is_kept: bool,
    ) {
        let log = self.log(identity);
        log.is_kept |= is_kept;
        log.answers.insert(operation, Answer { answer, is_kept });
        if log.answers.len() <= OPERATIONS_MAX {
            return;
        }
        let Some((_, pushed_out)) = log.answers.pop_first() else { return };
        log.pushed_out += usize::from(pushed_out.is_kept);
        let Some((&OperationId(oldest), _)) = log.answers.first_key_value() else { return };
        if log.pushed_out >= PUSHED_OUT {
            log.pushed_out = 0;
            // All below what is left, in whichever order they came.
            let (identity, up_to) = (identity.clone(), Some(OperationId(oldest - 1)));
            self.forgotten.push_back(Forgotten { identity, up_to, since: None });
        }
    }

    /// Takes up a publish that was kept elsewhere, of an instance that has no session: as if its
    /// last one had ended `now`.
    pub fn restore(&mut self, now: Time, identity: &Identity, operation: OperationId, answer: A) {
        self.insert(identity, operation, answer, true);
        let log = self.log(identity);
        if matches!(log.life, Life::Sessions(0)) {
            log.life = Life::Ended(now);
            self.ended.insert((now, identity.clone()));
        }
    }

    /// The answer to an operation that is remembered is another one by now.
    pub fn update(&mut self, identity: &Identity, operation: OperationId, answer: A) {
        let log = self.logs.get_mut(identity);
        if let Some(known) = log.and_then(|log| log.answers.get_mut(&operation)) {
            known.answer = answer;
        }
    }

    /// A session of this instance is about to begin: nothing of it is forgotten for 120 s more.
    pub fn on_session_expected(&mut self, now: Time, identity: &Identity) {
        let Some(log) = self.logs.get_mut(identity) else { return };
        if let Life::Ended(since) = log.life {
            log.life = Life::Ended(now);
            self.ended.remove(&(since, identity.clone()));
            self.ended.insert((now, identity.clone()));
        }
    }

    /// A session of this instance has begun, the first or one more.
    pub fn on_session_began(&mut self, identity: &Identity) {
        let life = &mut self.log(identity).life;
        match *life {
            Life::Sessions(count) => *life = Life::Sessions(count + 1),
            Life::Ended(since) => {
                *life = Life::Sessions(1);
                self.ended.remove(&(since, identity.clone()));
            }
        }
    }

    /// One of the instance's sessions has ended.
    pub fn on_session_ended(&mut self, now: Time, identity: &Identity) {
        if let Some(log) = self.logs.get_mut(identity) {
            match log.life {
                Life::Sessions(count) if count > 1 => log.life = Life::Sessions(count - 1),
                Life::Sessions(_) if log.answers.is_empty() => _ = self.logs.remove(identity),
                Life::Sessions(_) => {
                    log.life = Life::Ended(now);
                    self.ended.insert((now, identity.clone()));
                }
                Life::Ended(_) => {}
            }
        }
    }

    /// Forgets what is old, or too much. Nothing else does, but for publishes that are pushed out.
    pub fn handle_timeout(&mut self, now: Time) {
        while self.poll_timeout().is_some_and(|due| due <= now) {
            let Some((since, identity)) = self.ended.pop_first() else { break };
            self.forgotten_until = self.forgotten_until.max(since);
            if self.logs.remove(&identity).is_some_and(|log| log.is_kept) {
                let since = Some(since);
                self.forgotten.push_back(Forgotten { identity, up_to: None, since });
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let (since, _) = self.ended.first()?;
        Some(if self.ended.len() > ENDED_MAX { *since } else { *since + KEEP })
    }

    /// All publishes since then are remembered: those of sessions that ended later, that is, but
    /// for those that 1,024 later ones of the same instance have pushed out.
    #[must_use]
    pub const fn forgotten_until(&self) -> Time {
        self.forgotten_until
    }

    /// What need not be kept elsewhere any more.
    pub fn poll_forgotten(&mut self) -> Option<Forgotten> {
        self.forgotten.pop_front()
    }

    fn log(&mut self, identity: &Identity) -> &mut Log<A> {
        if !self.logs.contains_key(identity) {
            self.logs.insert(identity.clone(), Log::default());
        }
        self.logs.get_mut(identity).expect("it is there or was just inserted")
    }
}

#[cfg(test)]
mod tests {
    use rtm_wire::{Epoch, Position, Published, Sequence, SessionInstance, UnixTime};

    use super::*;
    use crate::name::UserId;

    fn alice(instance: u64) -> Identity {
        let user = UserId::new("alice").expect("a name");
        Identity { user, instance: SessionInstance(instance) }
    }

    fn answer(sequence: u64) -> Published {
        let position = Position { epoch: Epoch(1), sequence: Sequence(sequence) };
        Published { position, time: UnixTime::from_millis(0) }
    }

    fn at(seconds: u64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn the_last_1024_operations_are_remembered() {
        let mut log = PublishLog::<Published>::new();
        for number in 1..=1_025 {
            log.insert(&alice(1), OperationId(number), answer(number), false);
        }
        assert_eq!(log.find(&alice(1), OperationId(1)), None);
        assert_eq!(log.find(&alice(1), OperationId(2)), Some(answer(2)));
        assert_eq!(log.find(&alice(2), OperationId(2)), None);
    }

    #[test]
    fn an_ended_instance_is_remembered_for_two_minutes_and_longer_if_it_comes_back() {
        let mut log = PublishLog::<Published>::new();
        for instance in [1, 2] {
            log.insert(&alice(instance), OperationId(5), answer(9), false);
            log.on_session_ended(at(10), &alice(instance));
        }
        log.on_session_began(&alice(2));
        log.handle_timeout(at(129));
        assert_eq!(log.find(&alice(1), OperationId(5)), Some(answer(9)));
        log.handle_timeout(at(130));
        assert_eq!(log.find(&alice(1), OperationId(5)), None);
        assert_eq!(log.find(&alice(2), OperationId(5)), Some(answer(9)));
    }

    #[test]
    fn a_session_that_begins_before_the_old_one_has_ended_keeps_the_memory() {
        let mut log = PublishLog::<Published>::new();
        log.on_session_began(&alice(1));
        log.insert(&alice(1), OperationId(5), answer(9), false);
        log.on_session_began(&alice(1));
        log.on_session_ended(at(10), &alice(1));
        log.handle_timeout(at(1_000));
        assert_eq!(log.find(&alice(1), OperationId(5)), Some(answer(9)), "one session is left");
        log.on_session_ended(at(1_000), &alice(1));
        log.handle_timeout(at(1_120));
        assert_eq!(log.find(&alice(1), OperationId(5)), None);
        assert!(log.logs.is_empty() && log.ended.is_empty());
    }

    #[test]
    fn ten_thousand_ended_instances_are_kept_and_one_that_flaps_pushes_nobody_out() {
        let mut log = PublishLog::<Published>::new();
        let publish_and_end = |log: &mut PublishLog<Published>, micros: u64, instance: u64| {
            log.on_session_began(&alice(instance));
            log.insert(&alice(instance), OperationId(1), answer(instance), false);
            let at = Time::from_micros(micros);
            log.on_session_ended(at, &alice(instance));
            log.handle_timeout(at);
        };
        for instance in 0..10_000 {
            publish_and_end(&mut log, instance, instance);
        }
        for micros in 10_000..30_000 {
            publish_and_end(&mut log, micros, 9_999);
        }
        assert!(log.find(&alice(0), OperationId(1)).is_some());
        publish_and_end(&mut log, 30_000, 10_000);
        assert_eq!(log.find(&alice(0), OperationId(1)), None, "one too many");
        assert!(log.find(&alice(1), OperationId(1)).is_some());
        assert_eq!((log.logs.len(), log.ended.len()), (10_000, 10_000));
    }

    #[test]
    fn who_published_nothing_leaves_no_trace() {
        let mut log = PublishLog::<Published>::new();
        log.on_session_began(&alice(1));
        log.on_session_ended(at(1), &alice(1));
        log.on_session_ended(at(1), &alice(2));
        assert!(log.logs.is_empty() && log.ended.is_empty());
    }

    #[test]
    fn who_is_about_to_come_back_is_not_forgotten_and_how_far_back_all_is_known_is_told() {
        let mut log = PublishLog::<Published>::new();
        for instance in [1, 2] {
            log.insert(&alice(instance), OperationId(5), answer(9), false);
            log.on_session_ended(at(10), &alice(instance));
        }
        log.handle_timeout(at(129));
        assert_eq!(log.forgotten_until(), Time::ZERO);
        assert_eq!(log.poll_timeout(), Some(at(130)));
        log.on_session_expected(at(129), &alice(2));
        log.handle_timeout(at(130));
        assert_eq!(log.forgotten_until(), at(10));
        assert_eq!(log.find(&alice(1), OperationId(5)), None);
        assert_eq!(log.find(&alice(2), OperationId(5)), Some(answer(9)));
        assert_eq!(log.poll_timeout(), Some(at(249)));
        log.handle_timeout(at(249));
        assert_eq!((log.forgotten_until(), log.poll_timeout()), (at(129), None));
        assert_eq!(log.poll_forgotten(), None, "nothing was kept elsewhere");
    }

    #[test]
    fn what_is_kept_elsewhere_too_is_told_of_when_it_may_go() {
        let mut log = PublishLog::<Published>::new();
        log.on_session_began(&alice(1));
        let insert = |log: &mut PublishLog<_>, numbers: std::ops::RangeInclusive<u64>| {
            for number in numbers {
                log.insert(&alice(1), OperationId(number), answer(number), number % 2 == 0);
            }
        };
        insert(&mut log, 1..=1_535);
        assert_eq!(log.poll_forgotten(), None);
        insert(&mut log, 1_536..=1_536);
        let (identity, up_to) = (alice(1), Some(OperationId(512)));
        let expected = Forgotten { identity, up_to, since: None };
        assert_eq!(log.poll_forgotten(), Some(expected), "256 of them, each second one");
        // Numbers that go down are pushed out at once, up to the first of those that are left.
        for number in (1..=512).rev() {
            log.insert(&alice(1), OperationId(number), answer(number), number % 2 == 0);
        }
        let expected = Forgotten { identity: alice(1), up_to: Some(OperationId(512)), since: None };
        assert_eq!((log.poll_forgotten(), log.poll_forgotten()), (Some(expected), None));
        log.on_session_ended(at(10), &alice(1));
        log.handle_timeout(at(130));
        let expected = Forgotten { identity: alice(1), up_to: None, since: Some(at(10)) };
        assert_eq!((log.poll_forgotten(), log.poll_forgotten()), (Some(expected), None));
    }

    #[test]
    fn what_was_kept_elsewhere_is_known_again_for_two_minutes() {
        let mut log = PublishLog::<Published>::new();
        for number in 1..=1_100 {
            log.restore(at(0), &alice(1), OperationId(number), answer(number));
        }
        log.restore(at(0), &alice(2), OperationId(5), answer(5));
        log.on_session_began(&alice(2));
        assert_eq!(log.find(&alice(1), OperationId(76)), None, "the last 1,024");
        assert_eq!(log.find(&alice(1), OperationId(77)), Some(answer(77)));
        log.handle_timeout(at(120));
        assert_eq!(log.find(&alice(1), OperationId(77)), None);
        assert_eq!(log.find(&alice(2), OperationId(5)), Some(answer(5)));
        let forgotten = log.poll_forgotten().expect("alice's first");
        assert_eq!((forgotten.identity, forgotten.up_to), (alice(1), None));
    }
}
