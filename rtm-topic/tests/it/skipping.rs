//! Publications that skip messages, by one publisher, for one subscriber who comes and goes: random
//! histories over lanes that drop and replace.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use proptest::prelude::*;
use rtm_channel::{AppId, ChannelKey, ChannelName, Fanout, Identity, Limits, SubscriberId, UserId};
use rtm_topic::{
    Membership, PublicationKey, StreamAuthority, StreamView, TopicLimits, TopicMissed, TopicName,
    TopicVerdict,
};
use rtm_wire::{
    ChannelKind, Delivery, Epoch, Event, JoinTopic, List, MessageType, PublishTopic, Qos,
    Reliability, Sequence, SessionInstance, SubscribeOptions, Time, TopicUsers, UnixTime,
};

const PUBLISHER: SubscriberId = SubscriberId(1);
/// A subscription of a client's life, as its application counts them.
type Subscription = usize;

#[derive(Clone, Debug)]
enum Step {
    JoinTopic(Delivery),
    LeaveTopic,
    Publish,
    Subscribe,
    Unsubscribe,
    Lose,
    Return,
    Control,
    Message(usize),
    /// The network drops what the lane may drop.
    Drop(usize),
}

/// What travels on the control lane.
#[derive(Debug)]
enum Control {
    News(Bytes),
    Heard(rtm_topic::SubscribeOutcome),
    Ended(rtm_topic::SubscribeOutcome),
}

struct World {
    authority: StreamAuthority,
    view: StreamView,
    session: u64,
    is_connected: bool,
    is_publishing: bool,
    control: VecDeque<Control>,
    /// By publication: each with what it may do to messages.
    lanes: BTreeMap<u64, (Delivery, Vec<Bytes>)>,
    /// The last message of each publication so far, and how it travels.
    published: BTreeMap<u64, (Delivery, u64)>,
    /// Publications that the view has been told of.
    known: BTreeSet<u64>,
    hearing: Option<Subscription>,
    subscriptions: usize,
    /// What the application got, in order.
    got: Vec<(Subscription, u64, u64)>,
}

fn topic() -> TopicName {
    TopicName::new("cursor").expect("a name")
}

fn identity(user: &str) -> Identity {
    Identity { user: UserId::new(user).expect("a name"), instance: SessionInstance(1) }
}

fn key() -> PublicationKey {
    PublicationKey { topic: topic(), user: identity("alice").user }
}

impl World {
    fn new() -> Self {
        let app = AppId::new("app").expect("a name");
        let name = ChannelName::new("board").expect("a name");
        let key = ChannelKey { app, kind: ChannelKind::Stream, name };
        let (limits, topics) = (Limits::open(), TopicLimits::open());
        let mut authority = StreamAuthority::new(key, Epoch(1), Sequence(0), &limits, topics);
        let options = SubscribeOptions::default();
        authority.join(PUBLISHER, identity("alice"), options).expect("there is room");
        let mut world = Self {
            authority,
            view: StreamView::new(&topics),
            session: 1,
            is_connected: false,
            is_publishing: false,
            control: VecDeque::new(),
            lanes: BTreeMap::new(),
            published: BTreeMap::new(),
            known: BTreeSet::new(),
            hearing: None,
            subscriptions: 0,
            got: Vec::new(),
        };
        world.view.join(options).expect("it is idle");
        world.enter();
        world
    }

    fn own(&self) -> SubscriberId {
        SubscriberId(self.session)
    }

    /// A session of the subscriber's joins the channel.
    fn enter(&mut self) {
        self.session += 1;
        self.is_connected = true;
        let options = SubscribeOptions::default();
        let topics = self.authority.join(self.own(), identity("bob"), options).expect("room");
        let missed = self.view.on_joined(topics.position, List::Slice(&topics.publishers()));
        self.check_missed(&missed);
        self.known.extend(topics.publishers().iter().map(|publisher| publisher.publication.0));
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::JoinTopic(delivery) if !self.is_publishing => self.join_topic(delivery),
            Step::LeaveTopic if self.is_publishing => {
                let news = self.authority.leave_topic(PUBLISHER, "cursor").expect("it publishes");
                self.is_publishing = false;
                self.tell(news);
            }
            Step::Publish if self.is_publishing => self.publish(),
            Step::Subscribe if self.is_connected && self.hearing.is_none() => {
                self.subscriptions += 1;
                self.hearing = Some(self.subscriptions);
                self.ask();
            }
            // An application can end what was answered. That it does so in the moment in which a
            // publisher's first message has overtaken its join is a price that is known.
            Step::Unsubscribe
                if self.is_connected && self.hearing.is_some() && self.control.is_empty() =>
            {
                self.hearing = None;
                self.view.unsubscribe_topic(&topic(), &[]).expect("it is subscribed");
                let ended = self.authority.unsubscribe_topic(self.own(), "cursor", List::default());
                self.control.push_back(Control::Ended(ended.expect("it is subscribed")));
                // The lane ends; what is on its way may still come, but for half of it.
                self.lanes.retain(|number, _| number % 2 == 0);
            }
            Step::Lose if self.is_connected => {
                self.is_connected = false;
                self.view.on_disconnected();
                self.authority.remove(self.own());
                // What was asked for and not answered is no subscription, as in the client.
                if self.control.iter().any(|control| matches!(control, Control::Heard(_))) {
                    self.hearing = None;
                }
                self.control.clear();
                self.lanes.clear();
            }
            Step::Return if !self.is_connected => self.come_back(),
            Step::Control => {
                self.on_control();
            }
            Step::Message(choice) => {
                self.on_message(choice);
            }
            Step::Drop(choice) => {
                let lane = self.lanes.values_mut().find(|(delivery, lane)| {
                    delivery.reliability == Reliability::Deadline && !lane.is_empty()
                });
                if let Some((_, lane)) = lane {
                    lane.remove(choice % lane.len());
                }
            }
            _ => {}
        }
    }

    fn join_topic(&mut self, delivery: Delivery) {
        let join = JoinTopic { channel: "board", topic: "cursor", delivery, meta: b"" };
        let (position, news) =
            self.authority.join_topic(Time::ZERO, PUBLISHER, &join).expect("there is room");
        self.is_publishing = true;
        self.published.insert(position.sequence.0, (delivery, 0));
        self.tell(news);
    }

    fn publish(&mut self) {
        let (message_type, custom_type, payload) = (MessageType::Binary, "", &b"x"[..]);
        let (channel, topic) = ("board", "cursor");
        let publish = PublishTopic { channel, topic, message_type, custom_type, payload };
        let (published, _, fanout) = self
            .authority
            .publish_topic(Time::ZERO, UnixTime::default(), PUBLISHER, &publish)
            .expect("it publishes");
        let (_, (_, last)) = self.published.iter_mut().next_back().expect("it publishes");
        *last += 1;
        assert_eq!(published.position.sequence.0, *last);
        if fanout.to.contains(&self.own()) {
            self.send(fanout.event);
        }
    }

    fn send(&mut self, message: Bytes) {
        let Ok(Event::TopicMessage(event)) = Event::decode(&message) else { panic!("no message") };
        let number = event.publication.0;
        let delivery = self.published[&number].0;
        let (_, lane) = self.lanes.entry(number).or_insert((delivery, Vec::new()));
        // Every second message finds the one before still waiting, and takes its place.
        if delivery.is_latest_only() && event.sequence.0 % 2 == 0 {
            lane.clear();
        }
        lane.push(message);
    }

    fn tell(&mut self, news: Fanout) {
        if news.to.contains(&self.own()) {
            self.control.push_back(Control::News(news.event));
        }
    }

    fn ask(&mut self) {
        self.view.subscribe_topic(&topic(), &[]).expect("it is joined");
        let heard = self.authority.subscribe_topic(self.own(), "cursor", List::default());
        let heard = heard.expect("there is room");
        let latest = heard.succeeded.iter().filter_map(|_| self.authority.latest(&key()));
        let latest = Vec::from_iter(latest);
        self.control.push_back(Control::Heard(heard));
        latest.into_iter().for_each(|message| self.send(message));
    }

    fn come_back(&mut self) {
        self.view.rejoin().expect("it was lost");
        self.enter();
        if self.hearing.is_some() {
            self.ask();
        } else {
            let _ = self.view.unsubscribe_topic(&topic(), &[]);
        }
    }

    fn on_control(&mut self) -> bool {
        let Some(control) = self.control.pop_front() else { return false };
        let none = |outcome: &rtm_topic::SubscribeOutcome| assert_eq!(outcome.failed, []);
        match control {
            Control::News(event) => {
                let Ok(Event::Topic(event)) = Event::decode(&event) else { panic!("no news") };
                self.view.on_topic_event(&event);
                self.known.insert(event.position.sequence.0);
            }
            Control::Heard(outcome) => {
                none(&outcome);
                let users = outcome.heard_users();
                let users = TopicUsers { succeeded: List::Slice(&users), failed: List::default() };
                let missed = self.view.on_topic_subscribed(&topic(), true, &users);
                self.check_missed(&missed);
            }
            Control::Ended(outcome) => {
                none(&outcome);
                let users = outcome.heard_users();
                let users = TopicUsers { succeeded: List::Slice(&users), failed: List::default() };
                self.view.on_topic_unsubscribed(&topic(), true, &users);
            }
        }
        true
    }

    fn on_message(&mut self, choice: usize) -> bool {
        self.lanes.retain(|_, (_, lane)| !lane.is_empty());
        let Some(at) = choice.checked_rem(self.lanes.len()) else { return false };
        let (_, (delivery, lane)) = self.lanes.iter_mut().nth(at).expect("counted");
        let next = if delivery.is_ascending() { 0 } else { choice % lane.len() };
        let message = lane.remove(next);
        // As the client does: nobody is there to get it.
        let Some(subscription) = self.hearing else { return true };
        let Ok(Event::TopicMessage(event)) = Event::decode(&message) else { panic!("no message") };
        match self.view.on_topic_message(&event) {
            TopicVerdict::Deliver => {
                self.got.push((subscription, event.publication.0, event.sequence.0));
            }
            TopicVerdict::DeliverAfter(gap) => panic!("{gap:?} of what may be skipped"),
            TopicVerdict::Repeat | TopicVerdict::Unwanted => {}
        }
        true
    }

    /// What may be skipped is never missed; unless it was not known yet that it may be.
    fn check_missed(&self, missed: &[TopicMissed]) {
        let is_known = |missed: &TopicMissed| self.known.contains(&missed.publication.sequence.0);
        assert!(!missed.iter().any(is_known), "{missed:?}");
    }

    fn check(&self) {
        let mut seen = BTreeSet::new();
        let mut newest = BTreeMap::new();
        for &(subscription, publication, sequence) in &self.got {
            assert!(seen.insert((subscription, publication, sequence)), "twice: {:?}", self.got);
            let before = newest.insert((subscription, publication), sequence).unwrap_or(0);
            let is_ascending = self.published[&publication].0.is_ascending();
            assert!(!is_ascending || before < sequence, "back: {:?}", self.got);
        }
    }

    /// Everything arrives: then the subscriber has what the publisher published last.
    fn settle(&mut self) {
        self.step(&Step::Return);
        self.step(&Step::Subscribe);
        while self.on_control() || self.on_message(0) {}
        if let Some((&publication, &(delivery, last))) = self.published.last_key_value() {
            let current = self
                .got
                .iter()
                .rev()
                .find(|got| Some(got.0) == self.hearing && got.1 == publication);
            if self.is_publishing && delivery.is_latest_only() && last > 0 {
                assert_eq!(current.map(|got| got.2), Some(last), "{:?}", self.got);
            }
        }
        if self.is_publishing {
            self.publish();
            while self.on_message(0) {}
            let (&publication, &(_, last)) = self.published.last_key_value().expect("it does");
            let (subscription, ..) = *self.got.last().expect("something came");
            assert_eq!(self.got.last(), Some(&(subscription, publication, last)));
            assert_eq!(Some(subscription), self.hearing);
        }
        assert!(matches!(self.view.membership(), Membership::Joined(_)));
        self.check();
    }
}

fn delivery() -> impl Strategy<Value = Delivery> {
    (any::<bool>(), any::<bool>()).prop_map(|(is_ordered, is_latest)| Delivery {
        qos: if is_ordered { Qos::Ordered } else { Qos::Unordered },
        reliability: if is_latest { Reliability::LatestOnly } else { Reliability::Deadline },
        deadline_ms: if is_latest { 0 } else { 100 },
        ..Delivery::default()
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => delivery().prop_map(Step::JoinTopic),
        1 => Just(Step::LeaveTopic),
        12 => Just(Step::Publish),
        4 => Just(Step::Subscribe),
        3 => Just(Step::Unsubscribe),
        1 => Just(Step::Lose),
        3 => Just(Step::Return),
        8 => Just(Step::Control),
        10 => (0..24usize).prop_map(Step::Message),
        3 => (0..24usize).prop_map(Step::Drop),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_skipped_is_no_gap_and_the_latest_comes(
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.settle();
    }
}

#[test]
fn who_subscribes_again_gets_the_latest_again() {
    let latest = Delivery { reliability: Reliability::LatestOnly, ..Delivery::default() };
    for is_late in [false, true] {
        let mut world = World::new();
        world.step(&Step::JoinTopic(latest));
        world.step(&Step::Subscribe);
        while world.on_control() {}
        world.step(&Step::Publish);
        world.step(&Step::Message(0));
        world.step(&Step::Unsubscribe);
        world.step(&Step::Subscribe);
        if is_late {
            while world.on_control() {}
        }
        world.step(&Step::Message(0));
        assert_eq!(world.got, [(1, 1, 1), (2, 1, 1)]);
        world.settle();
    }
}
