//! Whether a lock that was acquired is still had, by what is told of it.

use rtm_client::{LockChange, LockEvent};

/// An ownership, followed from the answer on.
///
/// Events may be older than the answer, so only the token tells whose they are; and who was away
/// may be told nothing but a snapshot in which the lock isn't its own.
#[derive(Debug)]
pub(super) struct Hold<'a> {
    lock: &'a str,
    token: u64,
    /// Events have reached the ownership.
    is_told: bool,
}

impl<'a> Hold<'a> {
    pub(super) const fn new(lock: &'a str, token: u64) -> Self {
        Self { lock, token, is_told: false }
    }

    /// In words, what has become of the lock, if the event says that it is had no more.
    pub(super) fn end(&mut self, event: &LockEvent) -> Option<String> {
        let it = event.locks.iter().find(|it| it.name == self.lock);
        let is_gone = self.is_over(event.change, it.map(|it| (it.owner.is_some(), it.token)));
        let by = event.actor.as_ref().map_or(String::new(), |actor| format!(", by {actor}"));
        let what = if event.change == LockChange::Removed { "was removed" } else { "is lost" };
        is_gone.then(|| format!("lock {} {what}{by}", self.lock))
    }

    /// `it` is the lock in the event: whether somebody has it, and its last token.
    fn is_over(&mut self, change: LockChange, it: Option<(bool, u64)>) -> bool {
        match it {
            Some((has_owner, token)) if token == self.token => {
                self.is_told = true;
                !has_owner
            }
            Some((_, token)) if token > self.token => true,
            // What was before; or the lock was made anew, or the server has a new life.
            Some(_) => self.is_told,
            // Another lock; or there is none any more.
            None => change == LockChange::Snapshot && self.is_told,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of these events ends the ownership with token 7.
    fn end_of(events: &[(LockChange, Option<(bool, u64)>)]) -> Option<usize> {
        let mut hold = Hold::new("editor", 7);
        events.iter().position(|(change, it)| hold.is_over(*change, *it))
    }

    #[test]
    fn what_is_older_than_the_answer_says_nothing() {
        use LockChange::{Acquired, Expired, Released, Removed, Set, Snapshot};
        let before = [
            (Snapshot, Some((false, 5))),
            (Expired, Some((false, 5))),
            (Acquired, Some((true, 6))),
            (Released, Some((false, 6))),
            (Removed, Some((false, 6))),
            (Snapshot, None),
            (Set, Some((false, 0))),
            (Acquired, None),
            (Acquired, Some((true, 7))),
        ];
        assert_eq!(end_of(&before), None);
        let own = [(Snapshot, Some((true, 7))), (Snapshot, Some((true, 7)))];
        assert_eq!(end_of(&own), None, "it was away in time");
    }

    #[test]
    fn each_way_to_lose_it_is_noticed() {
        use LockChange::{Acquired, Expired, Removed, Snapshot};
        let had = (Acquired, Some((true, 7)));
        let ends = [
            (Expired, Some((false, 7))),
            (Removed, Some((false, 7))),
            (Snapshot, Some((false, 7))),
            (Snapshot, Some((true, 8))),
            // Removed meanwhile, and made anew; or the server has begun a new life.
            (Snapshot, None),
            (Snapshot, Some((false, 0))),
            (Snapshot, Some((true, 1))),
        ];
        for end in ends {
            assert_eq!(end_of(&[had, end]), Some(1), "{end:?}");
        }
        for end in &ends[..4] {
            assert_eq!(
                end_of(&[*end]),
                Some(0),
                "{end:?}, though nothing was told of the ownership"
            );
        }
    }
}
