//! Which way messages take: with few lanes, and in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rtm_client::{Qos, TopicEvent};
use rtm_session::Config;
use rtm_wire::{
    ChannelKind, ChannelRef, Delivery, Event, Join, JoinTopic, LaneId, Leave, LeaveTopic, List,
    MessageType, Publish, PublishFlags, ServerOperation, Subscribe, SubscribeOptions,
    SubscribeTopic, Unsubscribe, UnsubscribeTopic,
};

use super::raw::{encode, login};
use super::world::{Lab, join, join_topic, leave_topic, link, publication, subscribe_topic};

const TOPICS: [&str; 6] = ["t0", "t1", "t2", "t3", "t4", "t5"];

fn join_town() -> Join<'static> {
    // Without presence, which has a lane of its own.
    let options = SubscribeOptions { presence: false, ..SubscribeOptions::default() };
    Join { channel: "town", options, token: "" }
}

fn subscribe_all(topic: &str) -> SubscribeTopic<'_> {
    SubscribeTopic {
        channel: "town",
        topic,
        users: List::default(),
        queue: rtm_wire::QueuePolicy::Default,
    }
}

/// Topics of the messages that bob got from place `from` on, with their lanes and numbers.
fn messages(lab: &Lab, from: usize) -> Vec<(String, LaneId, u64)> {
    let got = lab.raw("bob").got[from..].iter();
    let messages = got.filter_map(|(lane, message)| match ServerOperation::decode(message) {
        Ok(ServerOperation::Event(Event::TopicMessage(event))) => {
            Some((event.topic.to_owned(), *lane, event.sequence.0))
        }
        _ => None,
    });
    messages.collect()
}

/// Alice publishes in six topics, and bob, who hears them all, allows two lanes.
fn few_lanes(loss: f64) -> Lab {
    let mut lab = Lab::with_users(loss, &["alice"]);
    lab.call("alice", join("town", 1)).unwrap();
    for (index, topic) in TOPICS.into_iter().enumerate() {
        let join = join_topic("town", topic, 10 + index as u64, Qos::Ordered);
        lab.call("alice", join).unwrap();
    }
    lab.add_raw("bob", Config::default().lanes_max(2), &encode(0, login("bob", 1)));
    lab.run(Duration::from_secs(2));
    lab.with_raw("bob", |raw, now| {
        raw.request(now, 1, join_town());
        for (index, topic) in TOPICS.into_iter().enumerate() {
            raw.request(now, 2 + index as u64, subscribe_all(topic));
        }
    });
    lab.run(Duration::from_secs(2));
    lab
}

fn say(lab: &mut Lab, rounds: usize) {
    for _ in 0..rounds {
        for index in 0..TOPICS.len() {
            lab.publish("alice", publication(10 + index as u64), "m");
        }
        lab.run(Duration::from_millis(50));
    }
    lab.run(Duration::from_secs(5));
}

#[test]
fn more_publications_than_lanes_arrive_over_the_control_lane() {
    let mut lab = few_lanes(0.2);
    say(&mut lab, 20);
    let mut heard: BTreeMap<String, (BTreeSet<LaneId>, Vec<u64>)> = BTreeMap::new();
    for (topic, lane, sequence) in messages(&lab, 0) {
        let entry = heard.entry(topic).or_default();
        entry.0.insert(lane);
        entry.1.push(sequence);
    }
    assert_eq!(heard.len(), TOPICS.len());
    let mut on_control = 0;
    for (topic, (lanes, sequences)) in heard {
        assert!(sequences.into_iter().eq(1..=20), "{topic} is complete and in order");
        assert_eq!(lanes.len(), 1, "{topic} stays where it has begun");
        on_control += usize::from(lanes.contains(&LaneId::CONTROL));
    }
    assert_eq!(on_control, 4, "two have lanes of their own");
    assert_eq!(lab.raw("bob").closed, None);
}

#[test]
fn a_lane_is_free_again_when_its_publication_has_ended() {
    let mut lab = few_lanes(0.0);
    say(&mut lab, 1);
    let own = messages(&lab, 0).into_iter().filter(|(_, lane, _)| *lane != LaneId::CONTROL);
    let (mut topic, ..) = own.max_by_key(|(_, lane, _)| lane.0).expect("two have lanes");
    let mut handle = 10 + TOPICS.iter().position(|other| *other == topic).unwrap() as u64;
    for round in 0..5_u64 {
        lab.call("alice", leave_topic(handle)).unwrap();
        (topic, handle) = (format!("another {round}"), 100 + round);
        let from = lab.raw("bob").got.len();
        lab.with_raw("bob", |raw, now| raw.request(now, handle, subscribe_all(&topic)));
        lab.run(Duration::from_secs(1));
        lab.call("alice", join_topic("town", &topic, handle, Qos::Ordered)).unwrap();
        lab.publish("alice", publication(handle), "m");
        lab.run(Duration::from_secs(1));
        let got = messages(&lab, from);
        assert_eq!((got.len(), got[0].0.as_str()), (1, topic.as_str()));
        assert_ne!(got[0].1, LaneId::CONTROL, "round {round}: there is room for a lane");
    }
}

#[test]
fn a_publication_that_begins_anew_is_as_its_publisher_says_now() {
    let mut lab = Lab::with_users(0.2, &["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 1)).unwrap();
    }
    lab.call("bob", subscribe_topic("town", "news", &[], 2)).unwrap();
    for (handle, qos) in [(10, Qos::Ordered), (11, Qos::Unordered), (12, Qos::Ordered)] {
        let from = lab.client("bob").topics.len();
        lab.call("alice", join_topic("town", "news", handle, qos)).unwrap();
        for _ in 0..100 {
            lab.publish("alice", publication(handle), "m");
            lab.run(Duration::from_millis(10));
        }
        lab.run(Duration::from_secs(5));
        let numbers = lab.client("bob").topics[from..].iter().map(|(_, event)| match event {
            TopicEvent::Message(message) => message.sequence,
            other => panic!("{other:?}"),
        });
        let mut numbers: Vec<_> = numbers.collect();
        assert_eq!(numbers.is_sorted(), qos == Qos::Ordered, "{qos:?} {numbers:?}");
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(1..=100));
        lab.call("alice", leave_topic(handle)).unwrap();
        lab.run(Duration::from_secs(1));
    }
}

#[test]
fn lanes_of_a_channel_are_free_again_when_it_is_left() {
    let mut lab = few_lanes(0.0);
    say(&mut lab, 1);
    for id in 0..5_u64 {
        let from = lab.raw("bob").got.len();
        lab.with_raw("bob", |raw, now| {
            raw.request(now, 100 + 3 * id, Leave { channel: "town" });
            raw.request(now, 101 + 3 * id, join_town());
            raw.request(now, 102 + 3 * id, subscribe_all("t3"));
        });
        lab.run(Duration::from_secs(1));
        say(&mut lab, 1);
        let again = messages(&lab, from);
        assert_eq!(again.len(), 1);
        assert_ne!(again[0].1, LaneId::CONTROL, "time {id}: there is room for a lane");
    }
}

#[test]
fn lanes_of_subscriptions_that_have_ended_are_free_again() {
    let mut lab = few_lanes(0.0);
    say(&mut lab, 1);
    let lanes: BTreeMap<_, _> = messages(&lab, 0).into_iter().map(|(t, l, _)| (t, l)).collect();
    let find = |is_control: bool| {
        let mut found = lanes.iter().filter(|(_, lane)| (**lane == LaneId::CONTROL) == is_control);
        found.next().expect("there are both kinds").0.as_str()
    };
    let (with_lane, without) = (find(false), find(true));
    lab.with_raw("bob", |raw, now| {
        for (id, topic) in [(50, with_lane), (51, without)] {
            let users = List::default();
            raw.request(now, id, UnsubscribeTopic { channel: "town", topic, users });
        }
        raw.request(now, 52, subscribe_all(without));
    });
    lab.run(Duration::from_secs(1));
    let from = lab.raw("bob").got.len();
    say(&mut lab, 1);
    let again = messages(&lab, from).into_iter().find(|(topic, ..)| topic == without);
    assert_ne!(again.expect("it is subscribed again").1, LaneId::CONTROL);
}

#[test]
fn lanes_of_message_channels_are_free_again_when_they_are_unsubscribed() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.add_raw_user("bob", Config::default().lanes_max(1));
    for round in 0..5 {
        let at = format!("c{round}");
        let channel = ChannelRef { kind: ChannelKind::Message, name: &at };
        let options = SubscribeOptions::default();
        let id = 1 + 2 * round;
        lab.with_raw("bob", |raw, now| {
            raw.request(now, id, Subscribe { channel, options, resume: None });
        });
        lab.run(Duration::from_millis(100));
        lab.publish("alice", super::world::channel(&at), "m");
        lab.run(Duration::from_secs(1));
        let (lane, _) = lab.raw("bob").got.last().expect("the message");
        assert_ne!(*lane, LaneId::CONTROL, "round {round}");
        lab.with_raw("bob", |raw, now| raw.request(now, id + 1, Unsubscribe { channel }));
        lab.run(Duration::from_millis(100));
    }
}

#[test]
fn replies_do_not_overtake_news_that_came_before_them() {
    for seed in 0..20 {
        let link = link().loss(0.2).jitter(Duration::from_millis(30));
        let (limits, session) = (rtm_server::AppLimits::hosted(), Config::server());
        let mut lab = Lab::build(seed, link, limits, session);
        lab.add_users(&["alice"]);
        lab.add_raw("bob", Config::default(), &encode(0, login("bob", 1)));
        lab.run(Duration::from_secs(3));
        lab.call("alice", join("town", 1)).unwrap();
        lab.with_raw("bob", |raw, now| raw.request(now, 1, join_town()));
        lab.run(Duration::from_secs(3));
        for (index, topic) in TOPICS.into_iter().enumerate() {
            let handle = 10 + index as u64;
            lab.call("alice", join_topic("town", topic, handle, Qos::Ordered)).unwrap();
            // Alice knows that it is done, so whatever bob is answered from now on comes later.
            lab.with_raw("bob", |raw, now| {
                raw.request(now, handle, LeaveTopic { channel: "town", topic });
            });
        }
        lab.run(Duration::from_secs(5));
        for (index, topic) in TOPICS.into_iter().enumerate() {
            let news = place(&lab, |operation| match operation {
                ServerOperation::Event(Event::Topic(event)) => event.topic == topic,
                _ => false,
            });
            let reply = place(&lab, |operation| match operation {
                ServerOperation::Reply(reply) => reply.operation.0 == 10 + index as u64,
                ServerOperation::Event(_) => false,
            });
            assert!(news.is_some() && news < reply, "seed {seed} {topic}: {news:?} {reply:?}");
        }
    }
}

/// When bob got it, counted in messages.
fn place(lab: &Lab, what: impl Fn(&ServerOperation<'_>) -> bool) -> Option<usize> {
    let got = &lab.raw("bob").got;
    got.iter().position(|(_, message)| ServerOperation::decode(message).is_ok_and(|it| what(&it)))
}

#[test]
fn an_answer_comes_before_what_it_has_caused() {
    let mut lab = Lab::new(0.0);
    // Without lanes of its own, all comes to this client in one order.
    lab.add_raw_user("bob", Config::default().lanes_max(0));
    lab.with_raw("bob", |raw, now| {
        let channel = ChannelRef { kind: ChannelKind::Message, name: "lobby" };
        let options = SubscribeOptions::default();
        raw.request(now, 1, Subscribe { channel, options, resume: None });
        let (flags, message_type) = (PublishFlags { store: false }, MessageType::Binary);
        let (custom_type, payload) = ("", &b"hi"[..]);
        raw.request(now, 2, Publish { channel, flags, message_type, custom_type, payload });
    });
    lab.run(Duration::from_secs(1));
    let got = lab.raw("bob").got.iter();
    let is_reply = got.map(|(lane, message)| {
        assert_eq!(*lane, LaneId::CONTROL);
        matches!(ServerOperation::decode(message), Ok(ServerOperation::Reply(_)))
    });
    // Who is there comes after the answer to the subscription, the message after its own.
    assert!(is_reply.eq([true, false, true, false]));
}

#[test]
fn a_join_of_ones_own_topic_is_answered_before_anything_is_heard_of_it() {
    let mut lab = few_lanes(0.0);
    let from = lab.raw("bob").got.len();
    lab.with_raw("bob", |raw, now| {
        let delivery = Delivery { qos: Qos::Ordered, ..Delivery::default() };
        let (channel, topic, meta) = ("town", "own", &b""[..]);
        raw.request(now, 90, JoinTopic { channel, topic, delivery, meta });
    });
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.raw("bob").got.len(), from + 1, "the reply, and no news of oneself");
    assert_eq!(lab.client("alice").heard_stream(1).last().unwrap(), "+own/bob");
}
