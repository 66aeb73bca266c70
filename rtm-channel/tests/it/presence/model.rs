//! Who is there and what they show, by rules that are easy to check by eye.

use std::collections::{BTreeMap, BTreeSet};

use super::{Step, TIMEOUT, name};

/// What one user shows.
pub(super) type Shown = BTreeMap<String, String>;

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    now: u64,
    /// For how long a leave isn't told.
    debounce: u64,
    /// Sessions in the channel that aren't quiet.
    loud: BTreeSet<(u64, u64)>,
    /// Users for whom a session stands, or has stood.
    users: BTreeMap<u64, User>,
}

#[derive(Clone, Debug, Default)]
struct User {
    session: u64,
    lost: Option<u64>,
    left: Option<u64>,
    shown: Shown,
}

impl Model {
    pub(super) fn new(debounce: u64) -> Self {
        Self { debounce, ..Self::default() }
    }

    /// Who is there, and what they show.
    pub(super) fn truth(&self) -> BTreeMap<String, Shown> {
        let there = self.users.iter().filter(|(_, user)| self.is_there(user));
        there.map(|(number, user)| (name(*number), user.shown.clone())).collect()
    }

    /// Who has left, and is told to have gone only later: others may still see what it has shown.
    pub(super) fn leaving(&self) -> BTreeSet<String> {
        let leaving = self.users.iter().filter(|(_, user)| user.left.is_some());
        leaving.map(|(number, _)| name(*number)).collect()
    }

    /// Does a step; false if it is to be refused.
    pub(super) fn take(&mut self, step: &Step) -> bool {
        match *step {
            Step::Join { user, session, is_quiet: false, .. } => {
                self.loud.insert((user, session));
                // Who comes too late comes anew, with nothing to show.
                self.users
                    .retain(|number, it| *number != user || it.is_there(self.now, self.debounce));
                let user = self.users.entry(user).or_default();
                (user.session, user.lost, user.left) = (session, None, None);
            }
            Step::Join { user, session, is_quiet: true, .. } => {
                self.loud.remove(&(user, session));
                self.users.remove(&user);
            }
            Step::Leave { user, session } => {
                self.loud.remove(&(user, session));
                self.leave(user, session);
            }
            Step::Lose { user, session } => {
                self.loud.remove(&(user, session));
                self.lose(user, session);
            }
            Step::Silent { user, session } => self.lose(user, session),
            Step::Heard { user, session } if self.loud.contains(&(user, session)) => {
                if let Some(user) = self.users.get_mut(&user).filter(|it| it.session == session) {
                    user.lost = None;
                }
            }
            Step::Heard { .. } => {}
            Step::Set { user, session, ref pairs } => {
                let Some(shown) = self.shown(user, session) else { return false };
                shown.extend(pairs.clone());
            }
            Step::Remove { user, session, ref keys } => {
                let Some(shown) = self.shown(user, session) else { return false };
                shown.retain(|key, _| !keys.is_empty() && !keys.contains(key));
            }
            Step::Pass { millis } => self.now += millis,
        }
        self.forget();
        true
    }

    fn is_there(&self, user: &User) -> bool {
        user.is_there(self.now, self.debounce)
    }

    fn leave(&mut self, user: u64, session: u64) {
        let Some(present) = self.users.get(&user).filter(|it| it.session == session) else {
            return;
        };
        let is_first = present.left.is_none();
        if !self.is_there(present) {
            self.users.remove(&user);
        } else if is_first {
            let left = Some(self.now);
            self.users.insert(user, User { session, left, ..User::default() });
        }
    }

    fn lose(&mut self, user: u64, session: u64) {
        let now = self.now;
        if let Some(user) = self.users.get_mut(&user).filter(|it| it.session == session) {
            user.lost = user.lost.or(Some(now));
        }
    }

    /// What a session may change: it stands for a user who is there, and is in the channel.
    fn shown(&mut self, user: u64, session: u64) -> Option<&mut Shown> {
        let is_loud = self.loud.contains(&(user, session));
        let present = self.users.get(&user)?;
        let may = is_loud && present.session == session && self.is_there(present);
        self.users.get_mut(&user).filter(|_| may).map(|user| &mut user.shown)
    }

    /// Who isn't there any more is back only if its session is heard, with what it showed.
    fn forget(&mut self) {
        let gone: Vec<u64> = self.users.keys().copied().collect();
        for number in gone {
            let user = self.users[&number].clone();
            if !self.is_there(&user) && !self.loud.contains(&(number, user.session)) {
                self.users.remove(&number);
            }
        }
    }
}

impl User {
    fn is_there(&self, now: u64, debounce: u64) -> bool {
        match (self.left, self.lost) {
            (Some(left), _) => now < left + debounce,
            (None, Some(lost)) => now < lost + TIMEOUT,
            (None, None) => true,
        }
    }
}
