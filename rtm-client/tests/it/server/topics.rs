//! Stream channels of the scripted server.

use super::*;

type Answer<'a> = &'a mut dyn FnMut(&mut Server, ReplyResult<'_>);

impl Server {
    pub(super) fn on_stream_request(
        &mut self,
        now: Time,
        session: SessionId,
        user: &str,
        request: Request<'_>,
        answer: Answer<'_>,
    ) {
        match request {
            Request::Join(join) => self.on_join(session, join.channel, answer),
            Request::Leave(leave) => {
                self.members.remove(&(leave.channel.to_owned(), session));
                answer(self, ReplyResult::None);
            }
            Request::JoinTopic(join) => self.on_join_topic(now, user, join, answer),
            Request::LeaveTopic(leave) => {
                answer(self, ReplyResult::None);
                self.leave_topic(now, leave.channel, leave.topic, user);
            }
            Request::PublishTopic(publish) => self.on_publish_topic(now, user, publish, answer),
            Request::SubscribeTopic(subscribe) => {
                self.on_subscribe_topic(session, subscribe, answer);
            }
            Request::UnsubscribeTopic(unsubscribe) => {
                let key = (session, unsubscribe.channel.to_owned(), unsubscribe.topic.to_owned());
                if unsubscribe.users.is_empty() {
                    self.topic_subscriptions.remove(&key);
                } else if let Some(Some(users)) = self.topic_subscriptions.get_mut(&key) {
                    users.retain(|user| unsubscribe.users.iter().all(|other| other != user));
                }
                let (channel, topic) = (unsubscribe.channel, unsubscribe.topic);
                let heard = unsubscribe.users.iter().map(|user| self.heard(channel, topic, user));
                let heard: Vec<_> = heard.collect();
                let (succeeded, failed) = (List::Slice(&heard), List::default());
                answer(self, ReplyResult::TopicUsers(TopicUsers { succeeded, failed }));
            }
            _ => answer(self, ReplyResult::None),
        }
    }

    fn on_join(&mut self, session: SessionId, name: &str, answer: Answer<'_>) {
        self.members.insert((name.to_owned(), session));
        let channel = ChannelRef { kind: ChannelKind::Stream, name };
        let position = self.position(channel);
        let publications = std::mem::take(&mut self.publications);
        let of_channel = publications.iter().filter(|(other, _)| other.0 == name);
        let publishers: Vec<_> = of_channel
            .map(|((_, topic, user), publication)| Publisher {
                since: UnixTime::default(),
                topic,
                user,
                publication: Sequence(publication.number),
                last: Sequence(publication.last),
                delivery: publication.delivery,
                meta: &publication.meta,
            })
            .collect();
        let publishers = List::Slice(&publishers);
        answer(self, ReplyResult::Joined { position, publishers });
        self.publications = publications;
    }

    fn on_join_topic(&mut self, now: Time, user: &str, join: JoinTopic<'_>, answer: Answer<'_>) {
        let channel = ChannelRef { kind: ChannelKind::Stream, name: join.channel };
        let position = self.next_position(channel);
        let publication = Publication {
            number: position.sequence.0,
            last: 0,
            delivery: join.delivery,
            meta: join.meta.to_vec(),
        };
        let name = (join.channel.to_owned(), join.topic.to_owned(), user.to_owned());
        self.publications.insert(name, publication);
        answer(self, ReplyResult::TopicJoined(position));
        self.tell_topic(now, TopicChange::Joined, position, join.channel, join.topic, user);
    }

    fn on_publish_topic(
        &mut self,
        now: Time,
        user: &str,
        publish: PublishTopic<'_>,
        answer: Answer<'_>,
    ) {
        let name = (publish.channel.to_owned(), publish.topic.to_owned(), user.to_owned());
        let publication = self.publications.get_mut(&name).expect("it was joined");
        publication.last += 1;
        let event = TopicMessageEvent {
            channel: publish.channel,
            topic: publish.topic,
            publisher: user,
            epoch: Epoch(self.epoch),
            publication: Sequence(publication.number),
            sequence: Sequence(publication.last),
            time: UnixTime::from_millis(2_000),
            message_type: publish.message_type,
            custom_type: publish.custom_type,
            payload: publish.payload,
        };
        let position = Position { epoch: event.epoch, sequence: event.sequence };
        let time = event.time;
        answer(self, ReplyResult::Published(Published { position, time }));
        self.fan_out_topic(now, event);
    }

    fn on_subscribe_topic(
        &mut self,
        session: SessionId,
        subscribe: SubscribeTopic<'_>,
        answer: Answer<'_>,
    ) {
        let publishers: Vec<_> = self.publishers(subscribe.channel, subscribe.topic);
        let key = (session, subscribe.channel.to_owned(), subscribe.topic.to_owned());
        let (succeeded, failed): (Vec<_>, Vec<_>) = match subscribe.users.is_empty() {
            true => (publishers.iter().map(String::as_str).collect(), Vec::new()),
            false => subscribe
                .users
                .iter()
                .partition(|user| publishers.iter().any(|publisher| publisher == user)),
        };
        let entry = self.topic_subscriptions.entry(key).or_insert(Some(BTreeSet::new()));
        match (subscribe.users.is_empty(), entry) {
            (true, entry) => *entry = None,
            (false, Some(users)) => users.extend(succeeded.iter().map(|&u| u.to_owned())),
            (false, None) => {}
        }
        let code = ErrorCode::REMOTE_USER_IS_NOT_PUBLISHED;
        let failed: Vec<_> = failed.into_iter().map(|user| FailedUser { user, code }).collect();
        let heard = succeeded.iter();
        let heard = heard.map(|user| self.heard(subscribe.channel, subscribe.topic, user));
        let heard: Vec<_> = heard.collect();
        let users = TopicUsers { succeeded: List::Slice(&heard), failed: List::Slice(&failed) };
        answer(self, ReplyResult::TopicUsers(users));
    }

    pub(super) fn leave_topic(&mut self, now: Time, channel: &str, topic: &str, user: &str) {
        let name = (channel.to_owned(), topic.to_owned(), user.to_owned());
        let stream = ChannelRef { kind: ChannelKind::Stream, name: channel };
        let position = self.next_position(stream);
        self.tell_topic(now, TopicChange::Left, position, channel, topic, user);
        self.publications.remove(&name);
    }

    /// Where the user's publication stands.
    fn heard<'a>(&self, channel: &str, topic: &str, user: &'a str) -> HeardUser<'a> {
        let name = (channel.to_owned(), topic.to_owned(), user.to_owned());
        let (publication, last) =
            self.publications.get(&name).map_or((0, 0), |it| (it.number, it.last));
        HeardUser { user, publication: Sequence(publication), last: Sequence(last) }
    }

    fn publishers(&self, channel: &str, topic: &str) -> Vec<String> {
        let names = self.publications.keys();
        let found = names.filter(|name| name.0 == channel && name.1 == topic);
        found.map(|name| name.2.clone()).collect()
    }

    fn fan_out_topic(&mut self, now: Time, event: TopicMessageEvent<'_>) {
        let wants = |users: &Option<BTreeSet<String>>| {
            users.as_ref().is_none_or(|users| users.contains(event.publisher))
        };
        let to: Vec<_> = self
            .topic_subscriptions
            .iter()
            .filter(|((_, channel, topic), users)| {
                channel == event.channel && topic == event.topic && wants(users)
            })
            .map(|((session, ..), _)| *session)
            .collect();
        let lane = format!("{} {} {}", event.channel, event.topic, event.publication);
        self.send_event(now, &to, &lane, LaneSpec::ORDERED, event.into());
    }

    fn tell_topic(
        &mut self,
        now: Time,
        change: TopicChange,
        position: Position,
        channel: &str,
        topic: &str,
        user: &str,
    ) {
        let name = (channel.to_owned(), topic.to_owned(), user.to_owned());
        let publication = self.publications.remove(&name);
        // Who leaves has no meta any more, but a last message (protocol §6.19).
        let has_left = change == TopicChange::Left;
        let found = publication.as_ref();
        let event = TopicEvent {
            time: UnixTime::default(),
            channel,
            position,
            change,
            topic,
            publisher: user,
            delivery: found.map(|found| found.delivery).unwrap_or_default(),
            last: Sequence(found.filter(|_| has_left).map_or(0, |found| found.last)),
            meta: found.filter(|_| !has_left).map_or(&[], |found| &found.meta),
        };
        let members = self.members.iter().filter(|(name, _)| name == channel);
        let to: Vec<_> = members.map(|(_, session)| *session).collect();
        self.send_event(now, &to, "", LaneSpec::CONTROL, event.into());
        self.publications.extend(publication.map(|publication| (name, publication)));
    }
}
