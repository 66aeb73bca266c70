//! The view of a stream channel.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use rtm_channel::{Refusal, UserId};
use rtm_wire::{
    ErrorCode, List, Position, Publisher, Qos, Sequence, SubscribeOptions, TopicChange, TopicEvent,
    TopicMessageEvent, TopicUsers,
};

use super::publication::{PublicationView, TopicVerdict};
use crate::lanes::Delivery;
use crate::name::TopicName;

/// Where a membership is in its life.
///
/// ```text
///           join              on_joined            leave
///   Idle ─────────► Joining ───────────► Joined ─────────► Leaving
///    ▲               │  ▲                  │                  │
///    ├─ on_refused ──┘  └──── rejoin ──────┤ on_disconnected  │
///    │                        Lost ◄───────┘                  │
///    └──────────────────── on_left / on_disconnected ─────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Not a member.
    Idle,
    /// Asked for.
    Joining(SubscribeOptions),
    /// A member.
    Joined(SubscribeOptions),
    /// The session was lost; to be joined again.
    Lost(SubscribeOptions),
    /// The end is asked for.
    Leaving,
}

/// Somebody who publishes in a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublisherInfo {
    /// Which of the user's publications in this topic.
    pub publication: Sequence,
    /// How messages travel.
    pub delivery: Delivery,
    /// What the publisher shows.
    pub meta: Bytes,
}

/// Where an own publication is in its life: absent, joining, joined (or lost with the session, to be
/// joined again), leaving, absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublisherState {
    /// Asked for.
    Joining(Delivery, Bytes),
    /// A publisher.
    Joined(Delivery, Bytes),
    /// The end is asked for.
    Leaving,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Subscription {
    all: bool,
    users: BTreeSet<UserId>,
    received: BTreeMap<UserId, PublicationView>,
}

/// A client's view of one stream channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamView {
    membership: Membership,
    position: Position,
    topics: BTreeMap<TopicName, BTreeMap<UserId, PublisherInfo>>,
    own: BTreeMap<TopicName, PublisherState>,
    subscriptions: BTreeMap<TopicName, Subscription>,
}

impl Default for StreamView {
    fn default() -> Self {
        Self {
            membership: Membership::Idle,
            position: Position::default(),
            topics: BTreeMap::new(),
            own: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
        }
    }
}

impl StreamView {
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

    /// The owner has made us a member, and shows who publishes.
    pub fn on_joined(&mut self, position: Position, publishers: List<'_, Publisher<'_>>) {
        let Membership::Joining(options) = self.membership else { return };
        self.membership = Membership::Joined(options);
        self.position = position;
        self.topics.clear();
        for publisher in publishers.iter() {
            let names = (TopicName::new(publisher.topic), UserId::new(publisher.user));
            if let (Ok(topic), Ok(user)) = names {
                let info = PublisherInfo {
                    publication: publisher.publication,
                    delivery: Delivery { qos: publisher.qos, priority: publisher.priority },
                    meta: Bytes::copy_from_slice(publisher.meta),
                };
                self.topics.entry(topic).or_default().insert(user, info);
            }
        }
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

    /// The owner has answered a subscription: these publishers are heard from now on.
    pub fn on_topic_subscribed(&mut self, topic: &TopicName, all: bool, users: &TopicUsers<'_>) {
        if let Membership::Joined(_) = self.membership {
            let subscription = self.subscriptions.entry(topic.clone()).or_default();
            subscription.all |= all;
            subscription.users.extend(users.succeeded.iter().flat_map(UserId::new));
            self.drop_empty(topic);
        }
    }

    /// Messages may come before the answer to a subscription: expect them.
    pub fn expect_topic(&mut self, topic: &TopicName) {
        self.subscriptions.entry(topic.clone()).or_default();
    }

    /// The subscription was refused.
    pub fn on_topic_refused(&mut self, topic: &TopicName) {
        self.drop_empty(topic);
    }

    /// The owner has ended a subscription: these publishers are not heard any more.
    pub fn on_topic_unsubscribed(&mut self, topic: &TopicName, all: bool, users: &TopicUsers<'_>) {
        if let Some(subscription) = self.subscriptions.get_mut(topic) {
            subscription.all &= !all;
            for user in users.succeeded.iter() {
                subscription.users.remove(user);
                subscription.received.remove(user);
            }
            self.drop_empty(topic);
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
            TopicChange::Joined => {
                let info = PublisherInfo {
                    publication: event.position.sequence,
                    delivery: Delivery { qos: event.qos, priority: event.priority },
                    meta: Bytes::copy_from_slice(event.meta),
                };
                if let Some(subscription) = self.subscriptions.get_mut(&topic) {
                    if subscription.all {
                        subscription.users.insert(user.clone());
                    }
                }
                self.topics.entry(topic).or_default().insert(user, info);
            }
            TopicChange::Left => {
                if let Some(publishers) = self.topics.get_mut(&topic) {
                    publishers.remove(&user);
                    if publishers.is_empty() {
                        self.topics.remove(&topic);
                    }
                }
            }
            _ => return false,
        }
        true
    }

    /// A message has arrived. It may come before the event that its publisher has joined, or
    /// after the one that it has left: they travel on another lane.
    pub fn on_topic_message(&mut self, event: &TopicMessageEvent<'_>) -> TopicVerdict {
        let (Ok(topic), Ok(user)) = (TopicName::new(event.topic), UserId::new(event.publisher))
        else {
            return TopicVerdict::Unwanted;
        };
        let qos = self.qos(&topic, &user, event.publication);
        let Some(subscription) = self.subscriptions.get_mut(&topic) else {
            return TopicVerdict::Unwanted;
        };
        let (epoch, publication, sequence) = (event.epoch, event.publication, event.sequence);
        let received = subscription
            .received
            .entry(user)
            .or_insert_with(|| PublicationView::starting_with(epoch, publication, sequence, qos));
        match received.compare(epoch, publication) {
            Ordering::Less => return TopicVerdict::Repeat,
            Ordering::Equal => {}
            // The publisher has left and come back: its messages begin at 1 again.
            Ordering::Greater => {
                let first = Sequence(1);
                *received = PublicationView::starting_with(epoch, publication, first, qos);
            }
        }
        received.on_message(sequence, qos)
    }

    /// The channel's topics with their publishers.
    pub fn topics(&self) -> impl Iterator<Item = (&TopicName, &UserId, &PublisherInfo)> {
        self.topics.iter().flat_map(|(topic, publishers)| {
            publishers.iter().map(move |(user, info)| (topic, user, info))
        })
    }

    /// Whose messages in a topic are heard.
    ///
    /// # Errors
    /// The channel is not joined, or the topic not subscribed.
    pub fn subscribed_users(&self, topic: &TopicName) -> Result<Vec<UserId>, Refusal> {
        self.check_joined()?;
        match self.subscriptions.get(topic) {
            Some(subscription) => Ok(subscription.users.iter().cloned().collect()),
            None => {
                let reason = format!("topic {topic} is not subscribed; subscribe first");
                Err(Refusal::new(ErrorCode::CHANNEL_TOPIC_NOT_SUBSCRIBED, reason))
            }
        }
    }

    /// Own publications, to be asked for again after a loss of the session.
    pub fn own_publications(&self) -> impl Iterator<Item = (&TopicName, &PublisherState)> {
        self.own.iter()
    }

    /// Subscriptions, to be asked for again after a loss of the session: topic, whether all, and
    /// users.
    pub fn subscriptions(&self) -> impl Iterator<Item = (&TopicName, bool, &BTreeSet<UserId>)> {
        self.subscriptions.iter().map(|(topic, entry)| (topic, entry.all, &entry.users))
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

    /// The order that a publication's messages have, as far as it is known.
    fn qos(&self, topic: &TopicName, user: &UserId, publication: Sequence) -> Qos {
        let info = self.topics.get(topic).and_then(|publishers| publishers.get(user));
        info.filter(|info| info.publication == publication)
            .map_or(Qos::Unordered, |info| info.delivery.qos)
    }

    fn drop_empty(&mut self, topic: &TopicName) {
        let is_empty = |entry: &Subscription| !entry.all && entry.users.is_empty();
        if self.subscriptions.get(topic).is_some_and(is_empty) {
            self.subscriptions.remove(topic);
        }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

fn not_joined() -> Refusal {
    let reason = "this stream channel is not joined; join it first";
    Refusal::new(ErrorCode::CHANNEL_NOT_JOINED, reason)
}

impl PublisherState {
    /// What the publication was asked for with, while it is wanted.
    #[must_use]
    pub const fn wanted(&self) -> Option<(Delivery, &Bytes)> {
        match self {
            Self::Joining(delivery, meta) | Self::Joined(delivery, meta) => Some((*delivery, meta)),
            Self::Leaving => None,
        }
    }
}
