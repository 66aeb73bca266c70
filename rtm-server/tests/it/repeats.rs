//! A publish that is sent again under its operation id is done once.

use std::time::Duration;

use rtm_client::Qos;
use rtm_client::core::Command;
use rtm_server::AppLimits;
use rtm_session::Config;
use rtm_wire::{
    ChannelKind, ChannelRef, Delivery, ErrorCode, Join, JoinTopic, MessageType, Publish,
    PublishFlags, PublishTopic, Reply, ReplyResult, SubscribeOptions,
};

use super::raw::{encode, login};
use super::world::{Lab, join, link, open_inbox, subscribe, subscribe_topic};

fn publish<'a>(kind: ChannelKind, name: &'a str, payload: &'a [u8]) -> Publish<'a> {
    Publish {
        channel: ChannelRef { kind, name },
        flags: PublishFlags { store: false },
        message_type: MessageType::String,
        custom_type: "",
        payload,
    }
}

/// Bob hears the lobby, and messages for him.
fn lab() -> Lab {
    let mut lab = Lab::with_users(0.0, &["bob"]);
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    lab.call("bob", open_inbox(2)).unwrap();
    lab
}

/// A further session of one of alice's instances.
fn alice(lab: &mut Lab, session: &str, instance: u64) {
    lab.add_raw(session, Config::default(), &encode(0, login("alice", instance)));
    assert!(lab.raw(session).session.is_some());
}

fn say(lab: &mut Lab, session: &str, id: u64, payload: &[u8]) {
    let publish = publish(ChannelKind::Message, "lobby", payload);
    lab.with_raw(session, |raw, now| raw.request(now, id, publish));
    lab.run(Duration::from_millis(100));
}

#[test]
fn in_one_session_it_gets_the_same_answer() {
    let mut lab = lab();
    alice(&mut lab, "alice", 1);
    for (id, payload) in [(5, b"a"), (6, b"b"), (5, b"a"), (5, b"c"), (6, b"b")] {
        say(&mut lab, "alice", id, payload);
    }
    assert_eq!(lab.client("bob").heard(1), ["alice 1: a", "alice 2: b"]);
    let (fives, sixes) = (lab.raw("alice").replies(5), lab.raw("alice").replies(6));
    assert_eq!((fives.len(), sixes.len()), (3, 2));
    assert!(fives.iter().all(|reply| *reply == fives[0]));
    assert_eq!(lab.raw("alice").codes(5)[0], ErrorCode::OK);
    let result = Reply::decode(&sixes[1]).unwrap().result;
    let ReplyResult::Published(published) = result else { panic!("{result:?}") };
    assert_eq!(published.position.sequence.0, 2);
}

#[test]
fn to_a_user_it_arrives_once() {
    let mut lab = lab();
    alice(&mut lab, "alice", 1);
    for _ in 0..3 {
        let publish = publish(ChannelKind::User, "bob", b"psst");
        lab.with_raw("alice", |raw, now| raw.request(now, 7, publish));
    }
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("bob").heard(2), ["alice 1: psst"]);
    // Those that came while the first waited for its receipt have got its answer.
    assert_eq!(lab.raw("alice").codes(7), [ErrorCode::OK]);
    let publish = publish(ChannelKind::User, "bob", b"psst");
    lab.with_raw("alice", |raw, now| raw.request(now, 7, publish));
    lab.run(Duration::from_secs(1));
    let replies = lab.raw("alice").replies(7);
    assert_eq!(replies[0], replies[1]);
    assert_eq!(lab.client("bob").heard(2), ["alice 1: psst"]);
}

#[test]
fn in_the_next_session_of_the_same_instance_it_gets_the_same_answer() {
    let mut lab = lab();
    alice(&mut lab, "first", 1);
    say(&mut lab, "first", 5, b"a");
    alice(&mut lab, "second", 1);
    say(&mut lab, "second", 5, b"a");
    assert_eq!(lab.raw("first").replies(5), lab.raw("second").replies(5));
    // After a loss, too, for 120 s.
    lab.set_blackout("second", true);
    lab.run(Duration::from_secs(45));
    assert_eq!(lab.status().sessions, 1, "it is forgotten, but for its publishes");
    lab.run(Duration::from_secs(100));
    alice(&mut lab, "third", 1);
    say(&mut lab, "third", 5, b"a");
    assert_eq!(lab.raw("first").replies(5), lab.raw("third").replies(5));
    assert_eq!(lab.client("bob").heard(1), ["alice 1: a"]);
}

#[test]
fn another_instance_or_a_forgotten_one_is_somebody_else() {
    let mut lab = lab();
    alice(&mut lab, "first", 1);
    say(&mut lab, "first", 5, b"a");
    alice(&mut lab, "second", 2);
    say(&mut lab, "second", 5, b"b");
    lab.run(Duration::from_secs(130));
    alice(&mut lab, "third", 1);
    say(&mut lab, "third", 5, b"c");
    assert_eq!(lab.client("bob").heard(1), ["alice 1: a", "alice 2: b", "alice 3: c"]);
}

#[test]
fn an_instance_that_is_back_in_time_is_not_forgotten() {
    let mut lab = lab();
    alice(&mut lab, "first", 1);
    say(&mut lab, "first", 5, b"a");
    lab.set_blackout("first", true);
    lab.run(Duration::from_secs(100));
    alice(&mut lab, "second", 1);
    lab.run(Duration::from_secs(300));
    // When a session ends, what is old is forgotten.
    lab.add_users(&["carol"]);
    lab.call("carol", Command::Logout).unwrap();
    say(&mut lab, "second", 5, b"a");
    assert_eq!(lab.raw("first").replies(5), lab.raw("second").replies(5));
    assert_eq!(lab.client("bob").heard(1), ["alice 1: a"]);
}

#[test]
fn a_refusal_for_its_rate_does_not_undo_it() {
    let mut lab = lab();
    alice(&mut lab, "alice", 1);
    say(&mut lab, "alice", 5, b"a");
    lab.with_raw("alice", |raw, now| {
        let flood = publish(ChannelKind::Message, "lobby", b"b");
        (6..100).for_each(|id| raw.request(now, id, flood));
    });
    say(&mut lab, "alice", 5, b"a");
    let too_frequent = ErrorCode::CHANNEL_PUBLISH_MESSAGE_TOO_FREQUENT;
    assert_eq!(lab.raw("alice").codes(5), [ErrorCode::OK, too_frequent]);
    assert_eq!(lab.raw("alice").codes(99), [too_frequent]);
    lab.run(Duration::from_secs(2));
    say(&mut lab, "alice", 5, b"a");
    say(&mut lab, "alice", 99, b"b");
    let replies = lab.raw("alice").replies(5);
    assert_eq!(replies[0], replies[2]);
    // Which may come behind what was published since, and so isn't tried again.
    assert_eq!(lab.raw("alice").codes(99), [too_frequent; 2]);
}

#[test]
fn what_was_refused_stays_so() {
    let mut lab = Lab::new(0.0);
    alice(&mut lab, "alice", 1);
    let publish = publish(ChannelKind::User, "bob", b"hi");
    lab.with_raw("alice", |raw, now| raw.request(now, 5, publish));
    lab.run(Duration::from_millis(100));
    lab.add_users(&["bob"]);
    lab.call("bob", open_inbox(1)).unwrap();
    lab.with_raw("alice", |raw, now| raw.request(now, 5, publish));
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.raw("alice").codes(5), [ErrorCode::CHANNEL_RECEIVER_OFFLINE; 2]);
    assert!(lab.client("bob").heard(1).is_empty(), "its publisher may have said more since");
}

#[test]
fn in_a_topic_it_is_done_once() {
    let mut lab = lab();
    lab.call("bob", join("town", 3)).unwrap();
    alice(&mut lab, "alice", 1);
    lab.with_raw("alice", |raw, now| {
        let options = SubscribeOptions::default();
        raw.request(now, 1, Join { channel: "town", options, token: "" });
        let delivery = Delivery { qos: Qos::Ordered, ..Delivery::default() };
        let (channel, topic, meta) = ("town", "news", &b""[..]);
        raw.request(now, 2, JoinTopic { channel, topic, delivery, meta });
    });
    lab.run(Duration::from_millis(100));
    lab.call("bob", subscribe_topic("town", "news", &[], 4)).unwrap();
    for (id, payload) in [(3, b"a"), (3, b"a"), (4, b"b"), (3, b"a")] {
        let (channel, topic, custom_type) = ("town", "news", "");
        let message_type = MessageType::String;
        let publish = PublishTopic { channel, topic, message_type, custom_type, payload };
        lab.with_raw("alice", |raw, now| raw.request(now, id, publish));
    }
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("bob").heard_topic(4), ["alice 1: a", "alice 2: b"]);
    assert_eq!(lab.raw("alice").codes(3), [ErrorCode::OK; 3]);
}

#[test]
fn the_last_1024_publishes_are_remembered() {
    let mut lab = Lab::build(11, link(), AppLimits::open(), Config::server());
    lab.add_users(&["bob"]);
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    alice(&mut lab, "alice", 1);
    for id in 1..=1_025 {
        let publish = publish(ChannelKind::Message, "lobby", b"m");
        lab.with_raw("alice", |raw, now| raw.request(now, id, publish));
    }
    lab.run(Duration::from_secs(5));
    assert_eq!(lab.client("bob").channels.len(), 1_025);
    say(&mut lab, "alice", 2, b"m");
    assert_eq!(lab.client("bob").channels.len(), 1_025, "the second is remembered");
    say(&mut lab, "alice", 1, b"m");
    assert_eq!(lab.client("bob").channels.len(), 1_026, "the first is not");
}
