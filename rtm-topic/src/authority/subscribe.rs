//! Subscriptions to publishers.

use std::collections::BTreeSet;

use rtm_channel::{Refusal, SubscriberId, UserId};
use rtm_wire::{ErrorCode, HeardUser, List, Sequence};

use super::StreamAuthority;
use super::stream::topic_name;
use super::topic::PublicationKey;
use crate::name::TopicName;
use crate::wish::Wish;

/// For whom a subscription, or its end, went well. Partial success is success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscribeOutcome {
    /// Those for whom it did.
    pub succeeded: Vec<Heard>,
    /// The others as they were named, each with a detail code.
    pub failed: Vec<(String, ErrorCode)>,
}

/// A publisher who is heard from now on, or up to now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Who it is.
    pub user: UserId,
    /// The number of the publication; 0 when the user publishes nothing, which happens at the end
    /// of a subscription only.
    pub publication: Sequence,
    /// The publication's last message so far: a subscription hears those after it, one that ends
    /// has heard those up to it. To who begins to hear a latest-only publication, its last message
    /// is still to come: then this is the one before.
    pub last: Sequence,
}

impl SubscribeOutcome {
    /// Those for whom it went well, as the answer tells them.
    #[must_use]
    pub fn heard_users(&self) -> Vec<HeardUser<'_>> {
        let heard = self.succeeded.iter().map(|heard| HeardUser {
            user: heard.user.as_str(),
            publication: heard.publication,
            last: heard.last,
        });
        heard.collect()
    }
}

impl StreamAuthority {
    /// Has a member hear publishers of a topic: those named, which must be publishing, or all there
    /// are and those who come later, up to the limit, the earliest first.
    ///
    /// Who was named is heard again after leaving and coming back. Who is heard because all are
    /// makes room when leaving, for the next one to come; those who were already there when there
    /// was no room are not heard until they come again, or all are asked for again.
    ///
    /// Those heard in latest-only publications get the [latest](Self::latest) message first, which
    /// the caller sends.
    ///
    /// # Errors
    /// Not a member, a bad name, or too many topics. What is wrong with single users stands in the
    /// outcome.
    pub fn subscribe_topic(
        &mut self,
        subscriber: SubscriberId,
        topic: &str,
        users: List<'_, &str>,
    ) -> Result<SubscribeOutcome, Refusal> {
        let own = self.member(subscriber)?.identity.user.clone();
        let topic = self.new_topic_name(topic)?;
        let limit = self.limits.publishers_per_subscription;
        let subscribed = self.wishes.get(&subscriber).map_or(0, |wishes| wishes.len());
        if subscribed >= self.limits.subscribed_topics && self.wish(subscriber, &topic).is_none() {
            let limit = self.limits.subscribed_topics;
            let reason = format!("{limit} topics are subscribed already; unsubscribe one first");
            return Err(Refusal::new(ErrorCode::CHANNEL_EXCEED_TOPIC_LIMITATION, reason));
        }
        let mut wish = self.wish(subscriber, &topic).cloned().unwrap_or_default();
        let mut outcome = SubscribeOutcome::default();
        if users.is_empty() {
            wish.want_all();
            for user in self.publishers(&topic) {
                if user != own && wish.len() < limit && wish.meet(&user) {
                    outcome.succeeded.push(self.heard_from_now(&topic, user));
                }
            }
        }
        for name in users.iter() {
            match self.check_wish(&topic, &own, &wish, name) {
                Ok(user) => {
                    wish.name(user.clone());
                    outcome.succeeded.push(self.heard_from_now(&topic, user));
                }
                Err(code) => outcome.failed.push((name.to_owned(), code)),
            }
        }
        self.apply(subscriber, topic, wish, &outcome.succeeded, true);
        Ok(outcome)
    }

    /// Has a member hear publishers of a topic no more: those named, or all.
    ///
    /// # Errors
    /// Not a member, a bad name, or the topic is not subscribed.
    pub fn unsubscribe_topic(
        &mut self,
        subscriber: SubscriberId,
        topic: &str,
        users: List<'_, &str>,
    ) -> Result<SubscribeOutcome, Refusal> {
        self.member(subscriber)?;
        let topic = topic_name(topic)?;
        let Some(wish) = self.wish(subscriber, &topic) else {
            let reason = format!("topic {topic} is not subscribed; subscribe first");
            return Err(Refusal::new(ErrorCode::CHANNEL_TOPIC_NOT_SUBSCRIBED, reason));
        };
        let mut wish = wish.clone();
        let mut outcome = SubscribeOutcome::default();
        if users.is_empty() {
            let users = wish.users().cloned();
            outcome.succeeded = users.map(|user| self.heard(&topic, user)).collect();
            wish = Wish::default();
        }
        for name in users.iter() {
            match wish.forget(name) {
                Some(user) => outcome.succeeded.push(self.heard(&topic, user)),
                None => outcome.failed.push((name.to_owned(), ErrorCode::NOT_SUBSCRIBED)),
            }
        }
        self.apply(subscriber, topic, wish, &outcome.succeeded, false);
        Ok(outcome)
    }

    /// Whether a member subscribes to the topic, or to somebody in it.
    #[must_use]
    pub fn is_subscribed(&self, subscriber: SubscriberId, topic: &str) -> bool {
        self.wishes.get(&subscriber).is_some_and(|wishes| wishes.contains_key(topic))
    }

    /// Who should get the messages of a publication that begins.
    pub(super) fn subscribers_of(
        &mut self,
        topic: &TopicName,
        user: &UserId,
    ) -> BTreeSet<SubscriberId> {
        let limit = self.limits.publishers_per_subscription;
        let mut subscribers = BTreeSet::new();
        for (&subscriber, wishes) in &mut self.wishes {
            let is_own = self.members.get(subscriber).is_some_and(|own| own.identity.user == *user);
            let Some(wish) = wishes.get_mut(topic).filter(|_| !is_own) else { continue };
            if wish.on_publisher_joined(user, limit) {
                subscribers.insert(subscriber);
            }
        }
        subscribers
    }

    /// A publication has ended: who heard it because all are heard has room for another.
    pub(super) fn forget_publisher(
        &mut self,
        topic: &TopicName,
        user: &UserId,
        subscribers: &BTreeSet<SubscriberId>,
    ) {
        for subscriber in subscribers {
            let wishes = self.wishes.get_mut(subscriber);
            if let Some(wish) = wishes.and_then(|wishes| wishes.get_mut(topic)) {
                wish.on_publisher_left(user);
            }
        }
    }

    fn wish(&self, subscriber: SubscriberId, topic: &TopicName) -> Option<&Wish> {
        self.wishes.get(&subscriber)?.get(topic)
    }

    /// Where the user's publication stands for who begins to hear it.
    fn heard_from_now(&self, topic: &TopicName, user: UserId) -> Heard {
        let key = PublicationKey { topic: topic.clone(), user };
        let latest = u64::from(self.latest(&key).is_some());
        let heard = self.heard(topic, key.user);
        Heard { last: Sequence(heard.last.0 - latest), ..heard }
    }

    /// Where the user's publication stands.
    fn heard(&self, topic: &TopicName, user: UserId) -> Heard {
        let publication = self.topics.get(topic).and_then(|it| it.publications.get(&user));
        let (publication, last) =
            publication.map_or((Sequence(0), Sequence(0)), |it| (it.number, it.last));
        Heard { user, publication, last }
    }

    /// The topic's publishers, earliest first.
    fn publishers(&self, topic: &TopicName) -> Vec<UserId> {
        let publications = self.topics.get(topic).map(|topic| &topic.publications);
        let mut users: Vec<_> = publications
            .into_iter()
            .flatten()
            .map(|(user, publication)| (publication.number, user.clone()))
            .collect();
        users.sort();
        users.into_iter().map(|(_, user)| user).collect()
    }

    fn check_wish(
        &self,
        topic: &TopicName,
        own: &UserId,
        wish: &Wish,
        name: &str,
    ) -> Result<UserId, ErrorCode> {
        let user = UserId::new(name).map_err(|_| ErrorCode::INVALID_REMOTE_USER)?;
        let is_publishing =
            self.topics.get(topic).is_some_and(|topic| topic.publications.contains_key(&user));
        if user == *own {
            Err(ErrorCode::INVALID_REMOTE_USER)
        } else if wish.contains(name) {
            Err(ErrorCode::ALREADY_SUBSCRIBED)
        } else if !is_publishing {
            Err(ErrorCode::REMOTE_USER_IS_NOT_PUBLISHED)
        } else if wish.len() >= self.limits.publishers_per_subscription {
            Err(ErrorCode::SUB_USER_EXCEED_LIMITATION)
        } else {
            Ok(user)
        }
    }

    /// Stores a wish and has it followed for the users that changed.
    fn apply(
        &mut self,
        subscriber: SubscriberId,
        topic: TopicName,
        wish: Wish,
        changed: &[Heard],
        hears: bool,
    ) {
        if let Some(entry) = self.topics.get_mut(&topic) {
            for heard in changed {
                let Some(publication) = entry.publications.get_mut(&heard.user) else { continue };
                if hears {
                    publication.subscribers.insert(subscriber);
                } else {
                    publication.subscribers.remove(&subscriber);
                }
            }
        }
        if !wish.is_empty() {
            self.wishes.entry(subscriber).or_default().insert(topic, wish);
        } else if let Some(wishes) = self.wishes.get_mut(&subscriber) {
            wishes.remove(&topic);
            if wishes.is_empty() {
                self.wishes.remove(&subscriber);
            }
        }
    }
}
