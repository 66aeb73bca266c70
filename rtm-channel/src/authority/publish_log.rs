//! What was published not long ago, so that a repeated publish is recognised.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rtm_wire::{OperationId, Time};

use crate::identity::Identity;

/// Publishes that are remembered of each session instance.
const OPERATIONS_MAX: usize = 1_024;
/// How long they are remembered after the session has ended.
const KEEP: Duration = Duration::from_secs(120);
/// Ended session instances that are remembered.
const ENDED_MAX: usize = 10_000;

#[derive(Debug)]
struct Log<A> {
    answers: BTreeMap<OperationId, A>,
    life: Life,
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
/// and 10,000 ended instances: about 60 KiB for each busy instance. The caller bounds the number of
/// sessions. `A` is what an answer is made from.
#[derive(Debug)]
pub struct PublishLog<A> {
    logs: BTreeMap<Identity, Log<A>>,
    /// Exactly the logs whose instance has no session.
    ended: BTreeSet<(Time, Identity)>,
}

impl<A> Default for Log<A> {
    fn default() -> Self {
        Self { answers: BTreeMap::new(), life: Life::default() }
    }
}

impl<A> Default for PublishLog<A> {
    fn default() -> Self {
        Self { logs: BTreeMap::new(), ended: BTreeSet::new() }
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
        self.logs.get(identity)?.answers.get(&operation).copied()
    }

    /// Remembers an answer.
    pub fn insert(&mut self, identity: &Identity, operation: OperationId, answer: A) {
        let answers = &mut self.log(identity).answers;
        answers.insert(operation, answer);
        if answers.len() > OPERATIONS_MAX {
            answers.pop_first();
        }
    }

    /// The answer to an operation that is remembered is another one by now.
    pub fn update(&mut self, identity: &Identity, operation: OperationId, answer: A) {
        let log = self.logs.get_mut(identity);
        if let Some(known) = log.and_then(|log| log.answers.get_mut(&operation)) {
            *known = answer;
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
        self.forget(now);
    }

    /// Forgets what is old, or too much.
    pub fn forget(&mut self, now: Time) {
        while let Some((since, _)) = self.ended.first() {
            let is_old = *since + KEEP <= now || self.ended.len() > ENDED_MAX;
            if !is_old {
                break;
            }
            if let Some((_, identity)) = self.ended.pop_first() {
                self.logs.remove(&identity);
            }
        }
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
            log.insert(&alice(1), OperationId(number), answer(number));
        }
        assert_eq!(log.find(&alice(1), OperationId(1)), None);
        assert_eq!(log.find(&alice(1), OperationId(2)), Some(answer(2)));
        assert_eq!(log.find(&alice(2), OperationId(2)), None);
    }

    #[test]
    fn an_ended_instance_is_remembered_for_two_minutes_and_longer_if_it_comes_back() {
        let mut log = PublishLog::<Published>::new();
        for instance in [1, 2] {
            log.insert(&alice(instance), OperationId(5), answer(9));
            log.on_session_ended(at(10), &alice(instance));
        }
        log.on_session_began(&alice(2));
        log.forget(at(129));
        assert_eq!(log.find(&alice(1), OperationId(5)), Some(answer(9)));
        log.forget(at(130));
        assert_eq!(log.find(&alice(1), OperationId(5)), None);
        assert_eq!(log.find(&alice(2), OperationId(5)), Some(answer(9)));
    }

    #[test]
    fn a_session_that_begins_before_the_old_one_has_ended_keeps_the_memory() {
        let mut log = PublishLog::<Published>::new();
        log.on_session_began(&alice(1));
        log.insert(&alice(1), OperationId(5), answer(9));
        log.on_session_began(&alice(1));
        log.on_session_ended(at(10), &alice(1));
        log.forget(at(1_000));
        assert_eq!(log.find(&alice(1), OperationId(5)), Some(answer(9)), "one session is left");
        log.on_session_ended(at(1_000), &alice(1));
        log.forget(at(1_120));
        assert_eq!(log.find(&alice(1), OperationId(5)), None);
        assert!(log.logs.is_empty() && log.ended.is_empty());
    }

    #[test]
    fn ten_thousand_ended_instances_are_kept_and_one_that_flaps_pushes_nobody_out() {
        let mut log = PublishLog::<Published>::new();
        let publish_and_end = |log: &mut PublishLog<Published>, micros: u64, instance: u64| {
            log.on_session_began(&alice(instance));
            log.insert(&alice(instance), OperationId(1), answer(instance));
            log.on_session_ended(Time::from_micros(micros), &alice(instance));
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
}
