//! The view of a stream channel.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use rtm_channel::{Refusal, UserId};
use rtm_wire::{
    Delivery, ErrorCode, List, Position, Publisher, Sequence, SubscribeOptions, TopicChange,
    TopicEvent,
};

use super::member::{Membership, PublisherInfo, PublisherState};
use super::subscription::Subscription;
use super::topics::TopicMissed;
use crate::limits::TopicLimits;
use crate::name::TopicName;

/// Publishers that are known of one channel: as many as it can have.
const PUBLISHERS_MAX: usize = rtm_wire::limits::LIST;

/// A client's view of one stream channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamView {
    pub(super) membership: Membership,
    pub(super) position: Position,
    pub(super) topics: BTreeMap<TopicName, BTreeMap<UserId, PublisherInfo>>,
    own: BTreeMap<TopicName, PublisherState>,
    pub(super) subscriptions: BTreeMap<TopicName, Subscription>,
    /// Named publishers whom a restored subscription didn't find, and who have come since.
    pub(super) returned: BTreeMap<TopicName, BTreeSet<UserId>>,
    /// Publishers of one topic that the owner lets a member hear.
    pub(super) users_max: usize,
}

impl Default for StreamView {
    /// The view of a channel with the limits of hosted RTM 2.x.
    fn default() -> Self {
        Self::new(&TopicLimits::hosted())
    }
}

impl StreamView {
    /// The view of a channel whose owner has these limits: one that has others hears the same
    /// messages, but tells wrongly who is subscribed beyond the limit.
    #[must_use]
    pub const fn new(limits: &TopicLimits) -> Self {
        Self {
            membership: Membership::Idle,
            position: Position { epoch: rtm_wire::Epoch(0), sequence: Sequence(0) },
            topics: BTreeMap::new(),
            own: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            returned: BTreeMap::new(),
            users_max: limits.publishers_per_subscription,
        }
    }

    /// Where the membership is.
    #[must_use]
    pub const fn membership(&self) -> Membership {
        self.membership
    }

    /// Begins a membership; the request is to be sent.
    ///
    /// # Errors
    /// There is one, or one is about to begin or to end.
    pub fn join(&mut self, options: SubscribeOptions) -> Result<(), Refusal> {
        if self.membership != Membership::Idle {
            let reason = "this stream channel is joined already; leave it first";
            return Err(Refusal::new(ErrorCode::DUPLICATE_OPERATION, reason));
        }
        self.membership = Membership::Joining(options);
        Ok(())
    }

    /// The owner has made us a member, and shows who publishes; after a loss of the session also
    /// what was missed until now of the publications that were heard.
    ///
    /// What is missed from here to the answer to a renewed subscription, that answer tells; also
    /// what was missed of publications that began after the loss, as it tells whether they are
    /// heard. See [`on_topic_subscribed`](Self::on_topic_subscribed). In ordered publications a
    /// message that overtakes the answer tells it first.
    #[must_use]
    pub fn on_joined(
        &mut self,
        position: Position,
        publishers: List<'_, Publisher<'_>>,
    ) -> Vec<TopicMissed> {
        let Membership::Joining(options) = self.membership else { return Vec::new() };
        self.membership = Membership::Joined(options);
        let before = std::mem::replace(&mut self.position, position);
        self.topics.clear();
        let mut last = BTreeMap::new();
        for publisher in publishers.iter() {
            let names = (TopicName::new(publisher.topic), UserId::new(publisher.user));
            if let (Ok(topic), Ok(user)) = names {
                let info = PublisherInfo {
                    publication: publisher.publication,
                    since: publisher.since,
                    delivery: publisher.delivery,
                    meta: Bytes::copy_from_slice(publisher.meta),
                    // What comes up to here was on its way to a former membership.
                    over: match publisher.delivery.is_latest_only() {
                        true => Sequence(0),
                        false => publisher.last,
                    },
                };
                last.insert(publisher.publication, publisher.last);
                self.topics.entry(topic).or_default().insert(user, info);
            }
        }
        self.missed(before, &last)
    }

    /// The owner has refused.
    pub fn on_refused(&mut self) {
        if let Membership::Joining(_) = self.membership {
            self.clear();
        }
    }

    /// Begins the end of a membership; the request is to be sent, unless the session is lost.
    ///
    /// # Errors
    /// There is none.
    pub fn leave(&mut self) -> Result<(), Refusal> {
        match self.membership {
            Membership::Joined(_) => self.membership = Membership::Leaving,
            Membership::Lost(_) => self.clear(),
            _ => return Err(not_joined()),
        }
        Ok(())
    }

    /// The membership has ended, and all that came with it.
    pub fn on_left(&mut self) {
        if self.membership == Membership::Leaving {
            self.clear();
        }
    }

    /// The session is gone.
    pub fn on_disconnected(&mut self) {
        match self.membership {
            Membership::Joining(options) | Membership::Joined(options) => {
                self.membership = Membership::Lost(options);
                self.own.retain(|_, state| *state != PublisherState::Leaving);
                for state in self.own.values_mut() {
                    if let PublisherState::Joined(delivery, meta) = state {
                        *state = PublisherState::Joining(*delivery, std::mem::take(meta));
                    }
                }
                self.subscriptions.retain(|_, subscription| {
                    subscription.on_disconnected();
                    !subscription.is_empty()
                });
                self.returned.clear();
            }
            Membership::Leaving => self.clear(),
            Membership::Idle | Membership::Lost(_) => {}
        }
    }

    /// A new session is there: what to join with. Own publications and subscriptions are to be
    /// asked for again once it is joined.
    pub fn rejoin(&mut self) -> Option<SubscribeOptions> {
        let Membership::Lost(options) = self.membership else { return None };
        self.membership = Membership::Joining(options);
        Some(options)
    }

    /// Begins a publication; the request is to be sent.
    ///
    /// # Errors
    /// The channel is not joined, or the topic is.
    pub fn join_topic(
        &mut self,
        topic: &TopicName,
        delivery: Delivery,
        meta: Bytes,
    ) -> Result<(), Refusal> {
        self.check_joined()?;
        if self.own.contains_key(topic) {
            let reason = format!("topic {topic} is joined already; leave it first");
            return Err(Refusal::new(ErrorCode::CHANNEL_JOIN_TOPIC_FAILED, reason));
        }
        self.own.insert(topic.clone(), PublisherState::Joining(delivery, meta));
        Ok(())
    }

    /// The owner has answered a [`join_topic`](Self::join_topic).
    pub fn on_topic_joined(&mut self, topic: &TopicName, succeeded: bool) {
        if let Some(PublisherState::Joining(delivery, meta)) = self.own.get(topic).cloned() {
            if succeeded {
                self.own.insert(topic.clone(), PublisherState::Joined(delivery, meta));
            } else {
                self.own.remove(topic);
            }
        }
    }

    /// Whether messages may be published in the topic.
    ///
    /// # Errors
    /// The channel or the topic is not joined.
    pub fn check_publisher(&self, topic: &TopicName) -> Result<(), Refusal> {
        self.check_joined()?;
        match self.own.get(topic) {
            Some(PublisherState::Joined(..)) => Ok(()),
            _ => {
                let reason = format!("topic {topic} is not joined; join it first");
                Err(Refusal::new(ErrorCode::CHANNEL_TOPIC_NOT_JOINED, reason))
            }
        }
    }

    /// Begins the end of a publication; the request is to be sent.
    ///
    /// # Errors
    /// There is none.
    pub fn leave_topic(&mut self, topic: &TopicName) -> Result<(), Refusal> {
        self.check_publisher(topic)?;
        self.own.insert(topic.clone(), PublisherState::Leaving);
        Ok(())
    }

    /// The publication has ended.
    pub fn on_topic_left(&mut self, topic: &TopicName) {
        if self.own.get(topic) == Some(&PublisherState::Leaving) {
            self.own.remove(topic);
        }
    }

    /// A publisher has come or gone; false when that was known.
    pub fn on_topic_event(&mut self, event: &TopicEvent<'_>) -> bool {
        let is_member = matches!(self.membership, Membership::Joined(_));
        let names = (TopicName::new(event.topic), UserId::new(event.publisher));
        let (true, Ok(topic), Ok(user)) =
            (is_member && event.position > self.position, names.0, names.1)
        else {
            return false;
        };
        self.position = event.position;
        match event.change {
            TopicChange::Joined => self.on_publisher_joined(topic, user, event),
            TopicChange::Left => self.on_publisher_left(&topic, &user, event.last),
            _ => false,
        }
    }

    /// The channel's topics with their publishers.
    pub fn topics(&self) -> impl Iterator<Item = (&TopicName, &UserId, &PublisherInfo)> {
        self.topics.iter().flat_map(|(topic, publishers)| {
            publishers.iter().map(move |(user, info)| (topic, user, info))
        })
    }

    /// Own publications, to be asked for again after a loss of the session.
    pub fn own_publications(&self) -> impl Iterator<Item = (&TopicName, &PublisherState)> {
        self.own.iter()
    }

    /// Whether the channel is joined.
    ///
    /// # Errors
    /// It is not.
    pub fn check_joined(&self) -> Result<(), Refusal> {
        match self.membership {
            Membership::Joined(_) => Ok(()),
            _ => Err(not_joined()),
        }
    }

    fn on_publisher_joined(
        &mut self,
        topic: TopicName,
        user: UserId,
        event: &TopicEvent<'_>,
    ) -> bool {
        if self.topics.values().map(BTreeMap::len).sum::<usize>() >= PUBLISHERS_MAX {
            return false;
        }
        let info = PublisherInfo {
            publication: event.position.sequence,
            since: event.time,
            delivery: event.delivery,
            meta: Bytes::copy_from_slice(event.meta),
            over: Sequence(0),
        };
        if let Some(subscription) = self.subscriptions.get_mut(&topic) {
            let publication = info.publication(event.publisher, event.position);
            if subscription.on_publisher_joined(&user, publication, self.users_max) {
                self.returned.entry(topic.clone()).or_default().insert(user.clone());
            }
        }
        self.topics.entry(topic).or_default().insert(user, info);
        true
    }

    fn on_publisher_left(&mut self, topic: &TopicName, user: &UserId, last: Sequence) -> bool {
        let Some(publishers) = self.topics.get_mut(topic) else { return false };
        let Some(info) = publishers.remove(user) else { return false };
        if publishers.is_empty() {
            self.topics.remove(topic);
        }
        if let Some(subscription) = self.subscriptions.get_mut(topic) {
            let at = Position { sequence: info.publication, ..self.position };
            subscription.on_publisher_left(user, at, last);
        }
        true
    }

    fn clear(&mut self) {
        let users_max = self.users_max;
        *self = Self { users_max, ..Self::default() };
    }
}

fn not_joined() -> Refusal {
    let reason = "this stream channel is not joined; join it first";
    Refusal::new(ErrorCode::CHANNEL_NOT_JOINED, reason)
}

#[cfg(test)]
mod tests;
