//! A client's side: what arrives, and what follows from it.

use std::collections::BTreeSet;

use rtm_topic::{Membership, PublisherState, TopicMissed, Topics};
use rtm_wire::{Event, List, Qos, TopicChange};

use super::{Asked, Client, Control, number, number_of, plain, topic, users, with_users};
use crate::client_model::{Own, Phase};
use crate::owner_model;

impl Client {
    pub(super) fn on_control(&mut self, control: Control) {
        match control {
            Control::Joined(Some(topics)) => self.on_joined(&topics),
            Control::Joined(None) => {
                self.view.on_refused();
                self.model.clear();
            }
            Control::Left(ended) => {
                self.view.on_left();
                self.model.left(ended);
            }
            Control::TopicJoined(number, is_ok) => {
                self.view.on_topic_joined(&topic(number), is_ok);
                let own = self.model.own.get_mut(&number).filter(|own| **own == Own::Joining);
                match own {
                    Some(own) if is_ok => *own = Own::Joined,
                    _ => _ = self.model.own.remove(&number),
                }
            }
            Control::TopicLeft(number) => {
                self.view.on_topic_left(&topic(number));
                self.model.own.remove(&number);
            }
            Control::Subscribed { topic: number, all, outcome: Some(outcome) } => {
                let missed = with_users(&outcome, |users| {
                    self.view.on_topic_subscribed(&topic(number), all, users)
                });
                self.tell_missed(missed);
                self.model.subscribed(number, all, &plain(&outcome));
            }
            Control::Subscribed { topic: number, .. } => {
                self.view.on_topic_refused(&topic(number));
                self.model.refused(number);
            }
            Control::Unsubscribed { topic: number, all, outcome, ended } => {
                with_users(&outcome, |users| {
                    self.view.on_topic_unsubscribed(&topic(number), all, users);
                });
                self.model.unsubscribed(number, all, &plain(&outcome).0, ended);
            }
            Control::News { event, is_heard } => {
                let Ok(Event::Topic(event)) = Event::decode(&event) else { panic!("no news") };
                let is_joined = self.model.phase == Phase::Joined;
                assert_eq!(self.view.on_topic_event(&event), is_joined, "{event:?}");
                assert!(!self.view.on_topic_event(&event), "known by now");
                let at = (event.position.epoch.0, event.position.sequence.0);
                let who = (number(event.topic), number(event.publisher));
                if !is_joined {
                    return;
                }
                match event.change {
                    TopicChange::Joined => self.model.begun(who, at, is_heard),
                    _ => self.model.over(who, at, event.last.0),
                }
                for (topic, named) in self.view.take_returned() {
                    let named: Vec<_> = named.iter().map(|user| number(user.as_str())).collect();
                    self.ask(number_of(&topic), &named);
                }
            }
        }
    }

    /// A new membership, or an old one again: then all that came with it is asked for again.
    fn on_joined(&mut self, topics: &Topics) {
        let publishers = topics.publishers();
        let missed = self.view.on_joined(topics.position, List::Slice(&publishers));
        self.model.phase = Phase::Joined;
        self.tell_missed(missed);
        let epoch = topics.position.epoch.0;
        let shown = publishers.iter().map(|it| {
            let who = (number(it.topic), number(it.user));
            ((epoch, it.publication.0), (who, it.last.0))
        });
        self.model.shown((epoch, topics.position.sequence.0), &shown.collect());
        let own = self.view.own_publications();
        let own = own.map(|(topic, state)| match state {
            PublisherState::Joining(delivery, _) => Asked::JoinTopic(number_of(topic), *delivery),
            other => panic!("{other:?} in a new session"),
        });
        let own: Vec<_> = own.collect();
        let wishes = self.view.subscriptions();
        let wishes: Vec<_> = wishes
            .map(|(topic, all, users)| {
                let users = users.iter().map(|user| number(user.as_str()));
                (number_of(topic), all, users.collect::<Vec<_>>())
            })
            .collect();
        let session = self.session.as_mut().expect("something arrived in it");
        session.up.extend(own);
        for (topic, all, named) in wishes {
            if !named.is_empty() {
                self.ask(topic, &named);
            }
            if all {
                self.ask(topic, &[]);
            }
        }
    }

    fn tell_missed(&mut self, missed: Vec<TopicMissed>) {
        for it in missed {
            let publication = (it.publication.epoch.0, it.publication.sequence.0);
            let who = (number_of(&it.topic), number(it.user.as_str()));
            let before = it.before.map(|before| before.0);
            self.model.missed(who, publication, it.after.0, before);
        }
    }

    fn ask(&mut self, number: usize, named: &[usize]) {
        self.view.subscribe_topic(&topic(number), &users(named)).expect("it is a member");
        self.model.ask(number, named);
        let session = self.session.as_mut().expect("something arrived in it");
        session.up.push_back(Asked::Subscribe(number, named.to_vec()));
    }

    pub(super) fn check_settled(&self, owner: &owner_model::Owner) {
        let id = self.session.as_ref().expect("connected").id;
        let is_member = owner.members.contains_key(&id);
        assert_eq!(matches!(self.view.membership(), Membership::Joined(_)), is_member);
        assert_eq!(self.model.phase == Phase::Joined, is_member);
        let all = owner.published.iter().filter(|it| is_member && it.user != self.number);
        let all: BTreeSet<_> =
            all.map(|it| (it.topic, it.user, it.number, it.is_ordered)).collect();
        let shown = self.view.topics().map(|(topic, user, info)| {
            let is_ordered = info.delivery.qos == Qos::Ordered;
            (number_of(topic), number(user.as_str()), info.publication.0, is_ordered)
        });
        assert_eq!(shown.collect::<BTreeSet<_>>(), all, "publishers of {self:?}");
        let own = owner.published.iter().filter(|it| it.session == id).map(|it| it.topic);
        let joined = self.view.own_publications().map(|(topic, state)| {
            assert!(matches!(state, PublisherState::Joined(..)), "{state:?}");
            number_of(topic)
        });
        assert_eq!(joined.collect::<BTreeSet<_>>(), own.collect::<BTreeSet<_>>());
        self.model.check_ended();
        for number in 0..3 {
            self.check_heard(owner, id, number);
        }
    }

    fn check_heard(&self, owner: &owner_model::Owner, id: u64, topic_number: usize) {
        let wish = owner.wishes.get(&(id, topic_number)).cloned().unwrap_or_default();
        let subscribed = self.view.subscribed_users(&topic(topic_number));
        if wish.all || !wish.users.is_empty() {
            assert!(subscribed.is_ok(), "{self:?}");
        }
        let subscribed = subscribed.unwrap_or_default();
        let subscribed: BTreeSet<_> = subscribed.iter().map(|it| number(it.as_str())).collect();
        assert_eq!(subscribed, wish.users.keys().copied().collect(), "{self:?}");
        for it in owner.published.iter().filter(|it| it.topic == topic_number) {
            if self.model.has_named(topic_number, it.user) {
                assert!(it.heard.contains_key(&id), "{} was named by {self:?}", it.user);
            }
            if it.heard.contains_key(&id) {
                self.model.check_heard((owner.epoch, it.number), it.last);
            }
        }
    }
}
