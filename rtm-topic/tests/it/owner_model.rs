//! What the owner of a stream channel must do: lists, slow and simple. Knows nothing of the
//! engines.

use std::collections::{BTreeMap, BTreeSet};

use rtm_wire::ErrorCode;

pub(crate) const MEMBERS_MAX: usize = 4;
pub(crate) const JOINED_TOPICS: usize = 2;
pub(crate) const SUBSCRIBED_TOPICS: usize = 2;
pub(crate) const USERS_MAX: usize = 2;

/// Who got a message because of which subscription: one number for each time that somebody begins
/// to hear a publication.
pub(crate) type Grant = u64;
/// A publication: epoch and number.
pub(crate) type Publication = (u64, u64);

#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) session: u64,
    pub(crate) user: usize,
    pub(crate) topic: usize,
    pub(crate) number: u64,
    pub(crate) last: u64,
    pub(crate) is_ordered: bool,
    /// Who hears it, by session.
    pub(crate) heard: BTreeMap<u64, Grant>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) all: bool,
    /// Each with whether it was named.
    pub(crate) users: BTreeMap<usize, bool>,
}

/// A grant, and what it was for.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) grant: Grant,
    pub(crate) session: u64,
    pub(crate) topic: usize,
    pub(crate) user: usize,
}

/// A user, and where the user's publication stands: its number and last message.
pub(crate) type Heard = (usize, u64, u64);
pub(crate) type Outcome = (Vec<Heard>, Vec<(usize, ErrorCode)>);

#[derive(Debug, Default)]
pub(crate) struct Owner {
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
    /// Whose session.
    pub(crate) members: BTreeMap<u64, usize>,
    pub(crate) published: Vec<Published>,
    pub(crate) wishes: BTreeMap<(u64, usize), Wish>,
    pub(crate) issued: Vec<Issued>,
}

impl Owner {
    pub(crate) fn join(&mut self, session: u64, user: usize) -> Result<(), ErrorCode> {
        if self.members.contains_key(&session) {
            return Err(ErrorCode::DUPLICATE_OPERATION);
        }
        if self.members.len() == MEMBERS_MAX {
            return Err(ErrorCode::CHANNEL_JOIN_FAILED);
        }
        self.members.insert(session, user);
        Ok(())
    }

    /// How many publications end with it.
    pub(crate) fn leave(&mut self, session: u64) -> Result<usize, ErrorCode> {
        self.user(session)?;
        self.members.remove(&session);
        self.wishes.retain(|&(other, _), _| other != session);
        for published in &mut self.published {
            published.heard.remove(&session);
        }
        let mut count = 0;
        while let Some(own) = self.published.iter().position(|own| own.session == session) {
            self.end(own);
            count += 1;
        }
        Ok(count)
    }

    pub(crate) fn join_topic(
        &mut self,
        session: u64,
        topic: usize,
        is_ordered: bool,
    ) -> Result<u64, ErrorCode> {
        let user = self.user(session)?;
        if self.published.iter().filter(|own| own.user == user).count() >= JOINED_TOPICS {
            return Err(ErrorCode::CHANNEL_EXCEED_TOPIC_LIMITATION);
        }
        if self.published.iter().any(|own| own.user == user && own.topic == topic) {
            return Err(ErrorCode::CHANNEL_JOIN_TOPIC_FAILED);
        }
        self.sequence += 1;
        let (number, heard) = (self.sequence, BTreeMap::new());
        let new = Published { session, user, topic, number, last: 0, is_ordered, heard };
        self.published.push(new);
        let sessions: Vec<_> =
            self.members.iter().map(|(&session, &user)| (session, user)).collect();
        for (other, other_user) in sessions {
            let Some(wish) = self.wishes.get_mut(&(other, topic)) else { continue };
            if wish.all && wish.users.len() < USERS_MAX && other_user != user {
                wish.users.entry(user).or_insert(false);
            }
            if wish.users.contains_key(&user) {
                self.hear(other, topic, user);
            }
        }
        Ok(number)
    }

    pub(crate) fn leave_topic(&mut self, session: u64, topic: usize) -> Result<(), ErrorCode> {
        let own = self.own(session, topic)?;
        self.end(own);
        Ok(())
    }

    /// The message's number.
    pub(crate) fn publish(&mut self, session: u64, topic: usize) -> Result<u64, ErrorCode> {
        let own = self.own(session, topic)?;
        self.published[own].last += 1;
        Ok(self.published[own].last)
    }

    pub(crate) fn subscribe(
        &mut self,
        session: u64,
        topic: usize,
        users: &[usize],
    ) -> Result<Outcome, ErrorCode> {
        let own = self.user(session)?;
        let topics = self.wishes.keys().filter(|&&(other, _)| other == session).count();
        if !self.wishes.contains_key(&(session, topic)) && topics >= SUBSCRIBED_TOPICS {
            return Err(ErrorCode::CHANNEL_EXCEED_TOPIC_LIMITATION);
        }
        let mut wish = self.wishes.get(&(session, topic)).cloned().unwrap_or_default();
        let mut outcome = Outcome::default();
        // In the order of their publications.
        let there: Vec<_> =
            self.published.iter().filter(|it| it.topic == topic).map(|it| it.user).collect();
        if users.is_empty() {
            wish.all = true;
            for &user in &there {
                let is_new = user != own && !wish.users.contains_key(&user);
                if is_new && wish.users.len() < USERS_MAX {
                    wish.users.insert(user, false);
                    outcome.0.push(self.standing(topic, user));
                }
            }
        }
        for &user in users {
            let code = if user == own {
                ErrorCode::INVALID_REMOTE_USER
            } else if wish.users.contains_key(&user) {
                ErrorCode::ALREADY_SUBSCRIBED
            } else if !there.contains(&user) {
                ErrorCode::REMOTE_USER_IS_NOT_PUBLISHED
            } else if wish.users.len() >= USERS_MAX {
                ErrorCode::SUB_USER_EXCEED_LIMITATION
            } else {
                wish.users.insert(user, true);
                outcome.0.push(self.standing(topic, user));
                continue;
            };
            outcome.1.push((user, code));
        }
        if wish.all || !wish.users.is_empty() {
            self.wishes.insert((session, topic), wish);
        }
        for &(user, ..) in &outcome.0 {
            self.hear(session, topic, user);
        }
        Ok(outcome)
    }

    pub(crate) fn unsubscribe(
        &mut self,
        session: u64,
        topic: usize,
        users: &[usize],
    ) -> Result<Outcome, ErrorCode> {
        self.user(session)?;
        let Some(mut wish) = self.wishes.get(&(session, topic)).cloned() else {
            return Err(ErrorCode::CHANNEL_TOPIC_NOT_SUBSCRIBED);
        };
        let mut outcome = Outcome::default();
        if users.is_empty() {
            wish.all = false;
            outcome.0 = wish.users.keys().map(|&user| self.standing(topic, user)).collect();
            wish.users.clear();
        }
        for &user in users {
            match wish.users.remove(&user) {
                Some(_) => outcome.0.push(self.standing(topic, user)),
                None => outcome.1.push((user, ErrorCode::NOT_SUBSCRIBED)),
            }
        }
        if !wish.all && wish.users.is_empty() {
            self.wishes.remove(&(session, topic));
        } else {
            self.wishes.insert((session, topic), wish);
        }
        for it in self.published.iter_mut().filter(|it| it.topic == topic) {
            if outcome.0.iter().any(|heard| heard.0 == it.user) {
                it.heard.remove(&session);
            }
        }
        Ok(outcome)
    }

    pub(crate) fn restart(&mut self) {
        *self = Self {
            epoch: self.epoch + 1,
            issued: std::mem::take(&mut self.issued),
            ..Self::default()
        };
    }

    /// Everybody's sessions but the user's.
    pub(crate) fn others(&self, user: usize) -> Vec<u64> {
        let others = self.members.iter().filter(|&(_, &other)| other != user);
        others.map(|(&session, _)| session).collect()
    }

    pub(crate) fn find(&self, topic: usize, user: usize) -> Option<&Published> {
        self.published.iter().find(|it| it.topic == topic && it.user == user)
    }

    fn standing(&self, topic: usize, user: usize) -> Heard {
        self.find(topic, user).map_or((user, 0, 0), |it| (user, it.number, it.last))
    }

    /// Grants of a session for publishers of a topic, all so far; for all publishers when none is
    /// named.
    pub(crate) fn grants(&self, session: u64, topic: usize, users: &[usize]) -> BTreeSet<Grant> {
        let of_topic = self.issued.iter().filter(|it| it.session == session && it.topic == topic);
        let wanted = of_topic.filter(|it| users.is_empty() || users.contains(&it.user));
        wanted.map(|it| it.grant).collect()
    }

    /// Grants of a session, all so far.
    pub(crate) fn all_grants(&self, session: u64) -> BTreeSet<Grant> {
        self.issued.iter().filter(|it| it.session == session).map(|it| it.grant).collect()
    }

    fn user(&self, session: u64) -> Result<usize, ErrorCode> {
        self.members.get(&session).copied().ok_or(ErrorCode::CHANNEL_NOT_JOINED)
    }

    fn own(&self, session: u64, topic: usize) -> Result<usize, ErrorCode> {
        self.user(session)?;
        let own = self.published.iter().position(|it| it.session == session && it.topic == topic);
        own.ok_or(ErrorCode::CHANNEL_TOPIC_NOT_JOINED)
    }

    fn hear(&mut self, session: u64, topic: usize, user: usize) {
        let grant = self.issued.len() as Grant;
        self.issued.push(Issued { grant, session, topic, user });
        let mut published = self.published.iter_mut();
        let it = published.find(|it| it.topic == topic && it.user == user).expect("it publishes");
        it.heard.insert(session, grant);
    }

    fn end(&mut self, index: usize) {
        let ended = self.published.remove(index);
        self.sequence += 1;
        for (&(_, topic), wish) in &mut self.wishes {
            if topic == ended.topic && wish.users.get(&ended.user) == Some(&false) {
                wish.users.remove(&ended.user);
            }
        }
    }
}
