//! How often one user logs in.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rtm_channel::{AppId, Refusal, UserId};
use rtm_wire::{ErrorCode, Time};

/// Within which span logins are counted.
const SPAN: Duration = Duration::from_secs(5);
/// Users whose logins are counted; of more the oldest are forgotten, so that a crowd that comes at
/// once costs no memory without a limit.
const USERS_MAX: usize = 100_000;

type Who = (AppId, UserId);

/// The logins of the last five seconds. Only those that have taken effect are counted: nobody can
/// use up another one's by first flights that were recorded.
#[derive(Debug)]
pub(super) struct LoginRates {
    max: u32,
    counts: BTreeMap<Who, u32>,
    /// When what was counted is forgotten, oldest first.
    order: VecDeque<(Time, Who)>,
}

impl LoginRates {
    pub(super) const fn new(max: u32) -> Self {
        Self { max, counts: BTreeMap::new(), order: VecDeque::new() }
    }

    /// Whether a user may log in once more.
    ///
    /// # Errors
    /// Too many.
    pub(super) fn check(&mut self, now: Time, app: &AppId, user: &UserId) -> Result<(), Refusal> {
        while self.order.front().is_some_and(|(due, _)| *due <= now) {
            self.forget_oldest();
        }
        let who = (app.clone(), user.clone());
        let count = self.counts.get(&who).copied().unwrap_or_default();
        if count >= self.max {
            let (max, seconds) = (self.max, SPAN.as_secs());
            let reason = format!(
                "user {user} has logged in {max} times within {seconds} seconds; wait a little, \
                 and look whether two devices have the same user id"
            );
            return Err(Refusal::new(ErrorCode::OPERATION_RATE_EXCEED_LIMITATION, reason));
        }
        Ok(())
    }

    /// A login has taken effect.
    pub(super) fn note(&mut self, now: Time, app: &AppId, user: &UserId) {
        if self.order.len() >= USERS_MAX {
            self.forget_oldest();
        }
        let who = (app.clone(), user.clone());
        *self.counts.entry(who.clone()).or_default() += 1;
        self.order.push_back((now + SPAN, who));
    }

    fn forget_oldest(&mut self) {
        let Some((_, who)) = self.order.pop_front() else { return };
        if let Some(count) = self.counts.get_mut(&who) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_within_five_seconds_and_not_one_more() {
        let mut rates = LoginRates::new(2);
        let app = AppId::new("app").expect("a name");
        let mut take = |seconds: u64, user: &str| {
            let (now, user) = (Time::from_micros(seconds * 1_000_000), UserId::new(user));
            let user = user.expect("a name");
            let may = rates.check(now, &app, &user).is_ok();
            if may {
                rates.note(now, &app, &user);
            }
            may
        };
        assert_eq!([take(0, "alice"), take(1, "alice"), take(1, "alice")], [true, true, false]);
        assert!(take(1, "bob"), "another user");
        assert!(!take(4, "alice"));
        assert_eq!([take(5, "alice"), take(5, "alice"), take(6, "alice")], [true, false, true]);
        assert!(take(100, "alice"));
        assert_eq!((rates.counts.len(), rates.order.len()), (1, 1), "nothing is left of others");
    }

    #[test]
    fn a_crowd_costs_no_more_memory_than_is_allowed() {
        let mut rates = LoginRates::new(1);
        let app = AppId::new("app").expect("a name");
        for number in 0..USERS_MAX + 5 {
            let user = UserId::new(&number.to_string()).expect("a name");
            assert!(rates.check(Time::ZERO, &app, &user).is_ok());
            rates.note(Time::ZERO, &app, &user);
        }
        assert_eq!((rates.counts.len(), rates.order.len()), (USERS_MAX, USERS_MAX));
    }
}
