//! The authority of a stream channel: members and publishers.

use std::collections::BTreeMap;

use bytes::Bytes;
use rtm_channel::{
    ChannelKey, Fanout, Identity, Limits, Member, Membership, NAME_LEN_MAX, RateLimit, Refusal,
    SubscriberId, UserId, check_name,
};
use rtm_wire::{
    Delivery, Encode, Epoch, ErrorCode, Event, JoinTopic, Position, Publisher, Sequence,
    SubscribeOptions, Time, TopicChange, TopicEvent, UnixTime,
};

use super::topic::{Publication, PublicationKey, Topic};
use crate::delivery::check_delivery;
use crate::limits::TopicLimits;
use crate::name::TopicName;
use crate::wish::Wish;

/// Publishers over all topics of one channel: as many as an answer to a join can list.
pub(super) const PUBLICATIONS_MAX: usize = rtm_wire::limits::LIST;

/// All publishers of a channel, to be shown to who joins it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// The channel's last event.
    pub position: Position,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    topic: TopicName,
    user: UserId,
    number: Sequence,
    last: Sequence,
    since: UnixTime,
    delivery: Delivery,
    meta: Bytes,
}

impl Topics {
    /// The publishers, by topic and user.
    #[must_use]
    pub fn publishers(&self) -> Vec<Publisher<'_>> {
        let entries = self.entries.iter().map(|entry| Publisher {
            topic: entry.topic.as_str(),
            user: entry.user.as_str(),
            publication: entry.number,
            last: entry.last,
            since: entry.since,
            delivery: entry.delivery,
            meta: &entry.meta,
        });
        entries.collect()
    }
}

/// The truth about one stream channel.
///
/// ```text
///           join                join_topic              publish_topic
///  (absent) ───► member ──────────────────► publisher ───────────────► messages to those who
///      ▲           │  ▲                         │                      subscribed to the publisher
///      └── leave ──┘  └────── leave_topic ──────┘
/// ```
///
/// A topic begins with its first publisher and ends with its last. Who leaves the channel, or loses
/// the session, leaves all topics. Publisher and subscriber are independent roles of a member. A
/// user's publications belong to one session; users hear neither news of themselves nor their own
/// messages. A channel has at most 4,096 publications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamAuthority {
    pub(super) key: ChannelKey,
    pub(super) limits: TopicLimits,
    pub(super) position: Position,
    /// What is told from now on is told as of then.
    time: UnixTime,
    pub(super) members: Membership,
    pub(super) topics: BTreeMap<TopicName, Topic>,
    /// What each session wants, by topic; nothing in here is empty.
    pub(super) wishes: BTreeMap<SubscriberId, BTreeMap<TopicName, Wish>>,
}

impl StreamAuthority {
    /// A channel without members, whose next event follows `floor`; see
    /// [`MessageAuthority::new`](rtm_channel::MessageAuthority::new).
    #[must_use]
    pub const fn new(
        key: ChannelKey,
        epoch: Epoch,
        floor: Sequence,
        limits: &Limits,
        topic_limits: TopicLimits,
    ) -> Self {
        Self {
            key,
            limits: topic_limits,
            position: Position { epoch, sequence: floor },
            time: UnixTime::from_millis(0),
            members: Membership::new(limits.stream_members),
            topics: BTreeMap::new(),
            wishes: BTreeMap::new(),
        }
    }

    /// The calendar's time from now on, for publishers that come and go.
    pub const fn set_time(&mut self, time: UnixTime) {
        self.time = time;
    }

    /// Makes a session a member; what there is to see.
    ///
    /// # Errors
    /// The channel is full, or the session is a member.
    pub fn join(
        &mut self,
        subscriber: SubscriberId,
        identity: Identity,
        options: SubscribeOptions,
    ) -> Result<Topics, Refusal> {
        if self.members.contains(subscriber) {
            let reason = "this channel is joined already; leave it first";
            return Err(Refusal::new(ErrorCode::DUPLICATE_OPERATION, reason));
        }
        if !self.members.insert(subscriber, Member { identity, options }) {
            let reason = "the stream channel has as many members as are allowed";
            return Err(Refusal::new(ErrorCode::CHANNEL_JOIN_FAILED, reason));
        }
        let entries = self.topics.iter().flat_map(|(name, topic)| {
            let publications = topic.publications.iter();
            publications.map(|(user, publication)| Entry {
                topic: name.clone(),
                user: user.clone(),
                number: publication.number,
                last: publication.last,
                since: publication.since,
                delivery: publication.delivery,
                meta: publication.meta.clone(),
            })
        });
        Ok(Topics { position: self.position, entries: entries.collect() })
    }

    /// Ends a membership and all that came with it; the news for the others.
    ///
    /// # Errors
    /// The session is no member.
    pub fn leave(&mut self, subscriber: SubscriberId) -> Result<Vec<Fanout>, Refusal> {
        self.member(subscriber)?;
        Ok(self.remove(subscriber))
    }

    /// The session is gone, member or not; the news for the others.
    pub fn remove(&mut self, subscriber: SubscriberId) -> Vec<Fanout> {
        let Some(member) = self.members.remove(subscriber) else { return Vec::new() };
        self.wishes.remove(&subscriber);
        for publication in self.topics.values_mut().flat_map(|t| t.publications.values_mut()) {
            publication.subscribers.remove(&subscriber);
        }
        let user = member.identity.user;
        let is_own = |topic: &Topic| {
            topic.publications.get(&user).is_some_and(|own| own.session == subscriber)
        };
        let left: Vec<_> =
            self.topics.iter().filter(|(_, t)| is_own(t)).map(|(name, _)| name.clone()).collect();
        left.into_iter().map(|topic| self.end_publication(&topic, &user)).collect()
    }

    /// Makes a member a publisher; the publication's place in the channel, and the news for the
    /// others.
    ///
    /// # Errors
    /// Not a member, a bad name, metadata too long, too many topics, joined already, or something
    /// that is not supported.
    pub fn join_topic(
        &mut self,
        now: Time,
        subscriber: SubscriberId,
        join: &JoinTopic<'_>,
    ) -> Result<(Position, Fanout), Refusal> {
        let user = self.member(subscriber)?.identity.user.clone();
        let topic = self.new_topic_name(join.topic)?;
        let delivery = check_delivery(join.delivery)?;
        if join.meta.len() > self.limits.meta_len {
            let (length, limit) = (join.meta.len(), self.limits.meta_len);
            let reason = format!("the metadata has {length} bytes, above the limit of {limit}");
            return Err(Refusal::new(ErrorCode::CHANNEL_INVALID_TOPIC_META, reason));
        }
        self.check_room(&user)?;
        if self.topics.get(&topic).is_some_and(|t| t.publications.contains_key(&user)) {
            let reason = format!("topic {topic} is joined already; leave it first");
            return Err(Refusal::new(ErrorCode::CHANNEL_JOIN_TOPIC_FAILED, reason));
        }
        self.position.sequence = self.position.sequence.next();
        let subscribers = self.subscribers_of(&topic, &user);
        let publication = Publication {
            session: subscriber,
            number: self.position.sequence,
            last: Sequence(0),
            since: self.time,
            delivery,
            meta: Bytes::copy_from_slice(join.meta),
            latest: None,
            rate: RateLimit::new(now, self.limits.messages_per_second),
            subscribers,
        };
        self.topics
            .entry(topic.clone())
            .or_default()
            .publications
            .insert(user.clone(), publication);
        let news = self.news(TopicChange::Joined, &topic, &user, Sequence(0), delivery, join.meta);
        Ok((self.position, news))
    }

    /// Ends a publication; the news for the others.
    ///
    /// # Errors
    /// Not a member, or not a publisher of the topic.
    pub fn leave_topic(
        &mut self,
        subscriber: SubscriberId,
        topic: &str,
    ) -> Result<Fanout, Refusal> {
        let user = self.member(subscriber)?.identity.user.clone();
        let topic = topic_name(topic)?;
        self.publication(topic.as_str(), &user, subscriber)?;
        Ok(self.end_publication(&topic, &user))
    }

    /// The channel's last event.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Whether nobody is in the channel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// How a publication's messages travel, while it lasts.
    #[must_use]
    pub fn delivery(&self, key: &PublicationKey) -> Option<Delivery> {
        let topic = self.topics.get(&key.topic)?;
        topic.publications.get(&key.user).map(|publication| publication.delivery)
    }

    /// The last message of a latest-only publication, if there is one: who begins to hear it gets
    /// that first.
    #[must_use]
    pub fn latest(&self, key: &PublicationKey) -> Option<Bytes> {
        self.topics.get(&key.topic)?.publications.get(&key.user)?.latest.clone()
    }

    pub(super) fn member(&self, subscriber: SubscriberId) -> Result<&Member, Refusal> {
        self.members.get(subscriber).ok_or_else(|| {
            let reason = "this stream channel is not joined; join it first";
            Refusal::new(ErrorCode::CHANNEL_NOT_JOINED, reason)
        })
    }

    /// What this very session publishes in the topic.
    pub(super) fn publication(
        &mut self,
        topic: &str,
        user: &UserId,
        subscriber: SubscriberId,
    ) -> Result<&mut Publication, Refusal> {
        let publication =
            self.topics.get_mut(topic).and_then(|topic| topic.publications.get_mut(user));
        publication.filter(|publication| publication.session == subscriber).ok_or_else(|| {
            let reason = format!("topic {topic} is not joined; join it first");
            Refusal::new(ErrorCode::CHANNEL_TOPIC_NOT_JOINED, reason)
        })
    }

    /// The name of a topic that may come to be.
    pub(super) fn new_topic_name(&self, text: &str) -> Result<TopicName, Refusal> {
        let limit = self.limits.topic_name_len.min(NAME_LEN_MAX);
        let checked = check_name("the topic name", text, limit).and_then(|()| TopicName::new(text));
        checked.map_err(|error| error.refusal(TopicName::ERROR))
    }

    /// Whether the user may publish in one more topic.
    fn check_room(&self, user: &UserId) -> Result<(), Refusal> {
        let publications = self.topics.values().map(|topic| &topic.publications);
        let own = publications.clone().filter(|topic| topic.contains_key(user)).count();
        let limit = self.limits.joined_topics;
        let reason = if own >= limit {
            format!("{limit} topics are joined already; leave one first")
        } else if publications.map(BTreeMap::len).sum::<usize>() >= PUBLICATIONS_MAX {
            format!("the channel has {PUBLICATIONS_MAX} publishers already; try again later")
        } else {
            return Ok(());
        };
        Err(Refusal::new(ErrorCode::CHANNEL_EXCEED_TOPIC_LIMITATION, reason))
    }

    fn end_publication(&mut self, topic: &TopicName, user: &UserId) -> Fanout {
        let entry = self.topics.get_mut(topic).expect("the caller has found the publication");
        let ended = entry.publications.remove(user).expect("the caller has found the publication");
        if entry.publications.is_empty() {
            self.topics.remove(topic);
        }
        self.forget_publisher(topic, user, &ended.subscribers);
        self.position.sequence = self.position.sequence.next();
        self.news(TopicChange::Left, topic, user, ended.last, ended.delivery, b"")
    }

    /// An event for all members but the one that it is about.
    fn news(
        &self,
        change: TopicChange,
        topic: &TopicName,
        user: &UserId,
        last: Sequence,
        delivery: Delivery,
        meta: &[u8],
    ) -> Fanout {
        let event = Event::Topic(TopicEvent {
            channel: self.key.name.as_str(),
            position: self.position,
            time: self.time,
            change,
            topic: topic.as_str(),
            publisher: user.as_str(),
            delivery,
            last,
            meta,
        });
        let mut encoded = Vec::with_capacity(event.encoded_len());
        event.encode(&mut encoded);
        let others = self.members.iter().filter(|(_, member)| member.identity.user != *user);
        Fanout { event: encoded.into(), to: others.map(|(subscriber, _)| subscriber).collect() }
    }
}

pub(super) fn topic_name(text: &str) -> Result<TopicName, Refusal> {
    TopicName::new(text).map_err(|error| error.refusal(TopicName::ERROR))
}
