//! What the view hears: subscriptions to publishers, and their messages.

use std::collections::{BTreeMap, BTreeSet};

use rtm_channel::{Refusal, UserId};
use rtm_wire::{ErrorCode, Position, QueuePolicy, Sequence, TopicMessageEvent, TopicUsers};

use super::member::Membership;
use super::publication::TopicVerdict;
use super::stream::StreamView;
use super::subscription::{Kept, Publication, Subscription};
use crate::name::TopicName;

/// Messages of a publication that were missed because the session was lost: those after `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicMissed {
    /// The topic.
    pub topic: TopicName,
    /// The publisher.
    pub user: UserId,
    /// Which of the user's publications in this topic: the owner's epoch, and the number.
    pub publication: Position,
    /// The last message before them; 0 when they are the first ones.
    pub after: Sequence,
    /// The next message after them. None when the publication ended meanwhile: then it isn't known
    /// whether there were more, and how many.
    pub before: Option<Sequence>,
}

impl StreamView {
    /// Begins a subscription to these publishers of a topic, or to all when none is named; the
    /// request is to be sent. Messages may come before its answer.
    ///
    /// # Errors
    /// The channel is not joined.
    pub fn subscribe_topic(&mut self, topic: &TopicName, users: &[UserId]) -> Result<(), Refusal> {
        self.check_joined()?;
        if !self.subscriptions.contains_key(topic) {
            self.subscriptions.insert(topic.clone(), Subscription::default());
        }
        if let Some(subscription) = self.subscriptions.get_mut(topic) {
            subscription.expect(users);
        }
        Ok(())
    }

    /// What becomes of messages of a subscribed topic that come too fast: what is told as missing
    /// depends on it. To be said when the subscription begins.
    pub fn set_queue(&mut self, topic: &TopicName, queue: QueuePolicy) {
        if let Some(subscription) = self.subscriptions.get_mut(topic) {
            subscription.set_queue(queue);
        }
    }

    /// The owner has answered the earliest open [`subscribe_topic`](Self::subscribe_topic) of this
    /// topic: these publishers are heard from now on. `all` says that none was named.
    ///
    /// When it restores a subscription that was lost with a session, the result tells what was
    /// missed since [`on_joined`](Self::on_joined), and of publications that began in between all
    /// until now.
    #[must_use]
    pub fn on_topic_subscribed(
        &mut self,
        topic: &TopicName,
        all: bool,
        users: &TopicUsers<'_>,
    ) -> Vec<TopicMissed> {
        let Some(subscription) = self.subscriptions.get_mut(topic) else { return Vec::new() };
        let publishers = self.topics.get(topic);
        let find = |user| {
            let info = publishers.and_then(|publishers| publishers.get(user))?;
            Some(info.publication(user, self.position))
        };
        let mut missed = Vec::new();
        for (user, publication, gaps) in subscription.on_answer(all, users, find) {
            for gap in gaps {
                let (topic, user, before) = (topic.clone(), user.clone(), Some(gap.before));
                missed.push(TopicMissed { topic, user, publication, after: gap.after, before });
            }
        }
        self.drop_empty(topic);
        missed
    }

    /// The earliest open [`subscribe_topic`](Self::subscribe_topic) of this topic was refused.
    pub fn on_topic_refused(&mut self, topic: &TopicName) {
        if let Some(subscription) = self.subscriptions.get_mut(topic) {
            subscription.on_refused();
        }
        self.drop_empty(topic);
    }

    /// Begins the end of a subscription to these publishers of a topic, or to all when none is
    /// named; the request is to be sent.
    ///
    /// # Errors
    /// The channel is not joined, or the topic not subscribed.
    pub fn unsubscribe_topic(
        &mut self,
        topic: &TopicName,
        users: &[UserId],
    ) -> Result<(), Refusal> {
        self.subscription(topic)?;
        if let Some(subscription) = self.subscriptions.get_mut(topic) {
            subscription.forget_kept(users);
        }
        if let Some(returned) = self.returned.get_mut(topic) {
            returned.retain(|user| !users.is_empty() && !users.contains(user));
        }
        self.drop_empty(topic);
        Ok(())
    }

    /// The owner has ended a subscription: these publishers are not heard any more. `all` says that
    /// none was named.
    pub fn on_topic_unsubscribed(&mut self, topic: &TopicName, all: bool, users: &TopicUsers<'_>) {
        if let Some(subscription) = self.subscriptions.get_mut(topic) {
            subscription.on_ended(all, users.succeeded.iter());
            self.drop_empty(topic);
        }
        // Stragglers are nobody's, also when the publisher is subscribed again.
        let Some(publishers) = self.topics.get_mut(topic) else { return };
        for ended in users.succeeded.iter() {
            let info = publishers.get_mut(ended.user);
            let info = info.filter(|info| info.publication == ended.publication);
            // But for the last message of a latest-only publication, which comes again.
            if let Some(info) = info.filter(|info| !info.delivery.is_latest_only()) {
                info.over = ended.last;
            }
        }
    }

    /// Publishers who were named before the session was lost, were not there when the subscription
    /// was restored, and publish now: to be subscribed again, with
    /// [`subscribe_topic`](Self::subscribe_topic). To be asked after each topic event.
    #[must_use]
    pub fn take_returned(&mut self) -> BTreeMap<TopicName, BTreeSet<UserId>> {
        std::mem::take(&mut self.returned)
    }

    /// A message has arrived. It may come before the event that its publisher has joined, before
    /// the answer to the subscription, or after the event that its publisher has left: they travel
    /// on another lane.
    pub fn on_topic_message(&mut self, event: &TopicMessageEvent<'_>) -> TopicVerdict {
        let subscription = self.subscriptions.get_mut(event.topic);
        let (Membership::Joined(_), Some(subscription)) = (self.membership, subscription) else {
            return TopicVerdict::Unwanted;
        };
        let at = Position { epoch: event.epoch, sequence: event.publication };
        let publishers = self.topics.get(event.topic);
        let info = publishers.and_then(|publishers| publishers.get(event.publisher));
        let info = info.filter(|info| info.publication == event.publication);
        if info.is_some_and(|info| event.sequence <= info.over) {
            return TopicVerdict::Unwanted;
        }
        let delivery = info.map(|info| info.delivery);
        let is_over = info.is_none() && at <= self.position;
        let publication = Publication { user: event.publisher, at, delivery };
        subscription.on_message(publication, is_over, event.sequence)
    }

    /// Whose messages in a topic are heard. Publishers of a restored subscription count once they
    /// are found again.
    ///
    /// # Errors
    /// The channel is not joined, or the topic not subscribed.
    pub fn subscribed_users(&self, topic: &TopicName) -> Result<Vec<UserId>, Refusal> {
        self.subscription(topic).map(|it| it.wish().users().cloned().collect())
    }

    /// Subscriptions that were lost with a session, to be asked for again in a new one: topic,
    /// whether all are wanted, and those who are wanted by name. First the named ones are to be
    /// asked for, if there are any, then all.
    pub fn subscriptions(&self) -> impl Iterator<Item = (&TopicName, bool, &BTreeSet<UserId>)> {
        let kept = self.subscriptions.iter().map(|(topic, entry)| (topic, entry.kept()));
        let kept = kept.filter(|(_, kept)| **kept != Kept::default());
        kept.map(|(topic, kept)| (topic, kept.all, &kept.named))
    }

    /// What was missed since the position `before`, now that the publications' last messages are
    /// known by their numbers.
    pub(super) fn missed(
        &mut self,
        before: Position,
        last: &BTreeMap<Sequence, Sequence>,
    ) -> Vec<TopicMissed> {
        let mut missed = Vec::new();
        for (topic, subscription) in &mut self.subscriptions {
            let mut report = |user: &UserId, publication, after, before| {
                let (topic, user) = (topic.clone(), user.clone());
                missed.push(TopicMissed { topic, user, publication, after, before });
            };
            let publishers = self.topics.get(topic);
            let is_found = |user: &UserId, at: Position| {
                let info = publishers.and_then(|publishers| publishers.get(user));
                at.epoch == self.position.epoch
                    && info.is_some_and(|info| info.publication == at.sequence)
            };
            for (user, at, gaps, open) in subscription.on_not_found(is_found) {
                gaps.iter().for_each(|gap| report(&user, at, gap.after, Some(gap.before)));
                open.iter().for_each(|&after| report(&user, at, after, None));
            }
            for (user, info) in publishers.into_iter().flatten() {
                let publication = info.publication(user.as_str(), self.position);
                let is_new = publication.at > before;
                let last = last.get(&info.publication).copied().unwrap_or_default();
                for gap in subscription.on_found(publication, last, is_new) {
                    report(user, publication.at, gap.after, Some(gap.before));
                }
            }
        }
        missed
    }

    fn drop_empty(&mut self, topic: &TopicName) {
        if self.subscriptions.get(topic).is_some_and(Subscription::is_empty) {
            self.subscriptions.remove(topic);
        }
    }

    fn subscription(&self, topic: &TopicName) -> Result<&Subscription, Refusal> {
        self.check_joined()?;
        self.subscriptions.get(topic).filter(|it| it.is_subscribed()).ok_or_else(|| {
            let reason = format!("topic {topic} is not subscribed; subscribe first");
            Refusal::new(ErrorCode::CHANNEL_TOPIC_NOT_SUBSCRIBED, reason)
        })
    }
}
