//! What was published not long ago, so that a repeated publish is recognised.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rtm_wire::{OperationId, Published, Time};

use crate::identity::Identity;

/// Publishes that are remembered of each session instance.
const OPERATIONS_MAX: usize = 1_024;
/// How long they are remembered after the session has ended.
const KEEP: Duration = Duration::from_secs(120);
/// Ended session instances that are remembered.
const ENDED_MAX: usize = 10_000;

#[derive(Debug, Default)]
struct Log {
    answers: BTreeMap<OperationId, Published>,
    /// When the session ended, if it has.
    ended: Option<Time>,
}

/// The answers to recent publishes, by session instance and operation.
///
/// Remembers the last 1,024 publishes of each instance, for 120 s after its session has ended,
/// and 10,000 ended instances: about 40 KiB for each busy instance.
#[derive(Debug, Default)]
pub struct PublishLog {
    logs: BTreeMap<Identity, Log>,
    /// In the order of their ends; entries of instances that came back are stale.
    ended: VecDeque<(Time, Identity)>,
}

impl PublishLog {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The answer that this operation has had, if it is a repeated one.
    #[must_use]
    pub fn find(&self, identity: &Identity, operation: OperationId) -> Option<Published> {
        self.logs.get(identity)?.answers.get(&operation).copied()
    }

    /// Remembers an answer.
    pub fn insert(&mut self, identity: &Identity, operation: OperationId, answer: Published) {
        if !self.logs.contains_key(identity) {
            self.logs.insert(identity.clone(), Log::default());
        }
        if let Some(log) = self.logs.get_mut(identity) {
            log.answers.insert(operation, answer);
            if log.answers.len() > OPERATIONS_MAX {
                log.answers.pop_first();
            }
        }
    }

    /// A session of this instance has begun (again).
    pub fn on_session_began(&mut self, identity: &Identity) {
        if let Some(log) = self.logs.get_mut(identity) {
            log.ended = None;
        }
    }

    /// The instance's session has ended.
    pub fn on_session_ended(&mut self, now: Time, identity: &Identity) {
        if let Some(log) = self.logs.get_mut(identity) {
            log.ended = Some(now);
            self.ended.push_back((now, identity.clone()));
        }
        self.forget(now);
    }

    /// Forgets what is old, or too much.
    pub fn forget(&mut self, now: Time) {
        while let Some((ended, identity)) = self.ended.front() {
            let is_old = *ended + KEEP <= now || self.ended.len() > ENDED_MAX;
            if !is_old {
                break;
            }
            // Only if it has not come back since.
            if self.logs.get(identity).is_some_and(|log| log.ended == Some(*ended)) {
                self.logs.remove(identity);
            }
            self.ended.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use rtm_wire::{Epoch, Position, Sequence, SessionInstance, UnixTime};

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
        let mut log = PublishLog::new();
        for number in 1..=1_025 {
            log.insert(&alice(1), OperationId(number), answer(number));
        }
        assert_eq!(log.find(&alice(1), OperationId(1)), None);
        assert_eq!(log.find(&alice(1), OperationId(2)), Some(answer(2)));
        assert_eq!(log.find(&alice(2), OperationId(2)), None);
    }

    #[test]
    fn an_ended_instance_is_remembered_for_two_minutes_and_longer_if_it_comes_back() {
        let mut log = PublishLog::new();
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
}
