//! The owner's side: requests, carried out by authority and model alike.

use std::collections::{BTreeSet, VecDeque};

use rtm_channel::{Fanout, Identity, SubscriberId, UserId};
use rtm_topic::StreamAuthority;
use rtm_wire::{
    Delivery, Epoch, Event, JoinTopic, List, MessageType, Position, PublishTopic, Qos, Sequence,
    SessionInstance, SubscribeOptions, Time, UnixTime,
};

use super::{Asked, Control, LaneKind, World, number, number_of, plain, topic, user};
use crate::owner_model;

impl World {
    /// The owner carries out the client's next request.
    pub(crate) fn carry_out(&mut self, client: usize) -> bool {
        let Some(session) = &mut self.clients[client].session else { return false };
        let Some(asked) = session.up.pop_front() else { return false };
        let id = session.id;
        let before = self.authority.clone();
        let mut news = Vec::new();
        let answer = match asked {
            Asked::Join => Some(self.let_in(client, id)),
            Asked::Leave => {
                let result = self.authority.leave(SubscriberId(id));
                let expected = self.owner.leave(id);
                assert_eq!(result.as_ref().map(Vec::len).map_err(|it| it.code), expected);
                news = result.unwrap_or_default();
                Some(Control::Left(self.owner.all_grants(id)))
            }
            Asked::JoinTopic(topic, delivery) => {
                let result = self.let_publish(id, topic, delivery);
                let is_ok = result.is_some();
                news.extend(result);
                Some(Control::TopicJoined(topic, is_ok))
            }
            Asked::LeaveTopic(number) => {
                let result = self.authority.leave_topic(SubscriberId(id), topic(number).as_str());
                let expected = self.owner.leave_topic(id, number);
                assert_eq!(result.as_ref().map(|_| ()).map_err(|it| it.code), expected);
                news.extend(result);
                Some(Control::TopicLeft(number))
            }
            Asked::Publish(topic) => {
                self.sequence(client, id, topic);
                None
            }
            Asked::Subscribe(topic, named) => Some(self.let_hear(id, topic, &named)),
            Asked::Unsubscribe(topic, named) => {
                let answer = self.let_go(id, topic, &named);
                if let Some(Control::Unsubscribed { ended, outcome, .. }) = &answer {
                    let heard = plain(outcome).0;
                    self.clients[client].model.ending(ended, self.owner.epoch, &heard);
                }
                answer
            }
        };
        if self.authority.position() == before.position() {
            assert!(news.is_empty());
        }
        let session = self.clients[client].session.as_mut().expect("it asked just now");
        session.control.extend(answer);
        news.into_iter().for_each(|news| self.spread(client, news));
        self.check_position();
        true
    }

    fn let_in(&mut self, client: usize, id: u64) -> Control {
        let identity = Identity { user: user(client), instance: SessionInstance(1) };
        let before = self.authority.clone();
        let result = self.authority.join(SubscriberId(id), identity, SubscribeOptions::default());
        let expected = self.owner.join(id, client);
        assert_eq!(result.as_ref().map(|_| ()).map_err(|it| it.code), expected);
        self.unchanged_if(result.is_err(), &before);
        if let Ok(topics) = &result {
            let shown = topics.publishers().into_iter();
            let shown =
                shown.map(|it| (number(it.topic), number(it.user), it.publication.0, it.last.0));
            let published = &self.owner.published;
            let published = published.iter().map(|it| (it.topic, it.user, it.number, it.last));
            assert_eq!(shown.collect::<BTreeSet<_>>(), published.collect::<BTreeSet<_>>());
        }
        Control::Joined(result.ok())
    }

    fn let_publish(&mut self, id: u64, number: usize, delivery: Delivery) -> Option<Fanout> {
        let name = topic(number);
        let join = JoinTopic { channel: "class", topic: name.as_str(), delivery, meta: b"" };
        let before = self.authority.clone();
        let result = self.authority.join_topic(Time::ZERO, SubscriberId(id), &join);
        let is_ordered = delivery.qos == Qos::Ordered;
        let expected = self.owner.join_topic(id, number, is_ordered);
        let position = result.as_ref().map(|(position, _)| position.sequence.0);
        assert_eq!(position.map_err(|it| it.code), expected);
        self.unchanged_if(result.is_err(), &before);
        result.ok().map(|(_, news)| news)
    }

    fn let_hear(&mut self, id: u64, number: usize, named: &[usize]) -> Control {
        let names: Vec<_> = named.iter().map(|&it| user(it)).collect();
        let names: Vec<_> = names.iter().map(UserId::as_str).collect();
        let before = self.authority.clone();
        let topic_name = topic(number);
        let list = List::Slice(&names);
        let result = self.authority.subscribe_topic(SubscriberId(id), topic_name.as_str(), list);
        let expected = self.owner.subscribe(id, number, named);
        let outcome = result.as_ref().map(plain).map_err(|it| it.code);
        assert_eq!(outcome, expected);
        self.unchanged_if(result.is_err(), &before);
        Control::Subscribed { topic: number, all: named.is_empty(), outcome: result.ok() }
    }

    fn let_go(&mut self, id: u64, number: usize, named: &[usize]) -> Option<Control> {
        let names: Vec<_> = named.iter().map(|&it| user(it)).collect();
        let names: Vec<_> = names.iter().map(UserId::as_str).collect();
        let before = self.authority.clone();
        let topic_name = topic(number);
        let list = List::Slice(&names);
        let result = self.authority.unsubscribe_topic(SubscriberId(id), topic_name.as_str(), list);
        let grants = |owner: &owner_model::Owner, gone: &[usize]| match (named, gone) {
            ([_, ..], []) => BTreeSet::new(),
            ([], _) => owner.grants(id, number, &[]),
            (_, gone) => owner.grants(id, number, gone),
        };
        let expected = self.owner.unsubscribe(id, number, named);
        let outcome = result.as_ref().map(plain).map_err(|it| it.code);
        assert_eq!(outcome, expected);
        self.unchanged_if(result.is_err(), &before);
        let (gone, _) = expected.ok()?;
        let gone: Vec<_> = gone.iter().map(|heard| heard.0).collect();
        let ended = grants(&self.owner, &gone);
        let outcome = result.ok()?;
        Some(Control::Unsubscribed { topic: number, all: named.is_empty(), outcome, ended })
    }

    fn sequence(&mut self, client: usize, id: u64, number: usize) {
        let name = topic(number);
        let publish = PublishTopic {
            channel: "class",
            topic: name.as_str(),
            message_type: MessageType::Binary,
            custom_type: "",
            payload: b"",
        };
        let before = self.authority.clone();
        let time = UnixTime::from_millis(0);
        let result = self.authority.publish_topic(Time::ZERO, time, SubscriberId(id), &publish);
        let expected = self.owner.publish(id, number);
        let sequence = result.as_ref().map(|it| it.0.position.sequence.0);
        assert_eq!(sequence.map_err(|it| it.code), expected);
        self.unchanged_if(result.is_err(), &before);
        let Ok((_, key, fanout)) = result else { return };
        assert_eq!((number_of(&key.topic), &key.user), (number, &user(client)));
        let it = self.owner.find(number, client).expect("it publishes");
        let order = self.authority.delivery(&key).map(|delivery| delivery.qos == Qos::Ordered);
        assert_eq!(order, Some(it.is_ordered));
        let heard: Vec<_> = it.heard.keys().copied().map(SubscriberId).collect();
        assert_eq!(fanout.to, heard);
        let publication = (self.owner.epoch, it.number);
        for session in self.clients.iter_mut().filter_map(|client| client.session.as_mut()) {
            if let Some(&grant) = it.heard.get(&session.id) {
                let about = LaneKind { topic: number, user: client, is_ordered: it.is_ordered };
                let lane = session.lanes.entry((publication, grant));
                let (_, lane) = lane.or_insert_with(|| (about, VecDeque::new()));
                lane.push_back(fanout.event.clone());
            }
        }
    }

    fn unchanged_if(&self, is_refused: bool, before: &StreamAuthority) {
        if is_refused {
            assert_eq!(self.authority, *before, "a refusal changes nothing");
        }
    }

    /// News of a user go to all others.
    pub(super) fn spread(&mut self, about: usize, news: Fanout) {
        let others = self.owner.others(about).into_iter().map(SubscriberId);
        assert_eq!(news.to, others.collect::<Vec<_>>());
        let Ok(Event::Topic(event)) = Event::decode(&news.event) else { panic!("no news") };
        let it = self.owner.find(number(event.topic), about);
        for session in self.clients.iter_mut().filter_map(|client| client.session.as_mut()) {
            if news.to.contains(&SubscriberId(session.id)) {
                let is_heard = it.is_some_and(|it| it.heard.contains_key(&session.id));
                session.control.push_back(Control::News { event: news.event.clone(), is_heard });
            }
        }
    }

    pub(super) fn check_position(&self) {
        let (epoch, sequence) = (Epoch(self.owner.epoch), Sequence(self.owner.sequence));
        assert_eq!(self.authority.position(), Position { epoch, sequence });
        assert_eq!(self.authority.is_empty(), self.owner.members.is_empty());
    }
}
