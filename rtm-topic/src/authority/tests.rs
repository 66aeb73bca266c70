//! The authority's rules, at their limits and one beyond.

use rtm_channel::{AppId, ChannelName, Limits, UserId};
use rtm_wire::{ChannelKind, MessageType, PublishTopic, SessionInstance, Time, UnixTime};

use rtm_channel::{ChannelKey, Identity, Refusal, SubscriberId};
use rtm_wire::{
    Epoch, ErrorCode, JoinTopic, List, Priority, Qos, Reliability, Sequence, SubscribeOptions,
};

use super::*;
use crate::limits::TopicLimits;

fn authority(topic_limits: TopicLimits) -> StreamAuthority {
    let key = ChannelKey {
        app: AppId::new("app").expect("a name"),
        kind: ChannelKind::Stream,
        name: ChannelName::new("class").expect("a name"),
    };
    let mut limits = Limits::hosted();
    limits.stream_members = 3;
    StreamAuthority::new(key, Epoch(1), Sequence(0), &limits, topic_limits)
}

fn identity(user: &str) -> Identity {
    Identity { user: UserId::new(user).expect("a name"), instance: SessionInstance(1) }
}

fn join(authority: &mut StreamAuthority, number: u64, user: &str) -> SubscriberId {
    let subscriber = SubscriberId(number);
    authority.join(subscriber, identity(user), SubscribeOptions::default()).expect("there is room");
    subscriber
}

fn join_topic(topic: &str) -> JoinTopic<'_> {
    JoinTopic {
        channel: "class",
        topic,
        qos: Qos::Ordered,
        priority: Priority::Normal,
        reliability: Reliability::Reliable,
        meta: b"",
    }
}

fn publish<'a>(topic: &'a str, payload: &'a [u8]) -> PublishTopic<'a> {
    let message_type = MessageType::Binary;
    PublishTopic { channel: "class", topic, message_type, custom_type: "", payload }
}

fn users<'a>(names: &'a [&'a str]) -> List<'a, &'a str> {
    List::Slice(names)
}

/// Runs `act`, which must be refused with this number and change nothing.
#[track_caller]
fn refused<T>(
    authority: &mut StreamAuthority,
    code: ErrorCode,
    act: impl FnOnce(&mut StreamAuthority) -> Result<T, Refusal>,
) {
    let before = authority.clone();
    let refusal = act(authority).err().expect("must be refused");
    assert_eq!(refusal.code, code);
    assert_eq!(*authority, before, "a refusal changes nothing");
}

#[test]
fn only_members_do_anything() {
    let mut authority = authority(TopicLimits::hosted());
    let stranger = SubscriberId(9);
    let code = ErrorCode::CHANNEL_NOT_JOINED;
    refused(&mut authority, code, |a| a.leave(stranger));
    refused(&mut authority, code, |a| a.join_topic(Time::ZERO, stranger, &join_topic("t")));
    refused(&mut authority, code, |a| a.leave_topic(stranger, "t"));
    refused(&mut authority, code, |a| {
        a.publish_topic(Time::ZERO, UnixTime::default(), stranger, &publish("t", b"x"))
    });
    refused(&mut authority, code, |a| a.subscribe_topic(stranger, "t", users(&[])));
    refused(&mut authority, code, |a| a.unsubscribe_topic(stranger, "t", users(&[])));
}

#[test]
fn limits_hold_at_the_limit_and_one_beyond() {
    let mut limits = TopicLimits::hosted();
    (limits.joined_topics, limits.subscribed_topics) = (2, 2);
    let mut authority = authority(limits);
    let [alice, bob, _] =
        [(1, "alice"), (2, "bob"), (3, "carol")].map(|(n, user)| join(&mut authority, n, user));
    refused(&mut authority, ErrorCode::CHANNEL_JOIN_FAILED, |a| {
        a.join(SubscriberId(4), identity("dave"), SubscribeOptions::default())
    });
    refused(&mut authority, ErrorCode::DUPLICATE_OPERATION, |a| {
        a.join(alice, identity("alice"), SubscribeOptions::default())
    });

    for topic in ["one", "two"] {
        authority.join_topic(Time::ZERO, alice, &join_topic(topic)).expect("within the limit");
    }
    refused(&mut authority, ErrorCode::CHANNEL_EXCEED_TOPIC_LIMITATION, |a| {
        a.join_topic(Time::ZERO, alice, &join_topic("three"))
    });
    refused(&mut authority, ErrorCode::CHANNEL_INVALID_TOPIC_META, |a| {
        a.join_topic(Time::ZERO, bob, &JoinTopic { meta: &[0; 257], ..join_topic("meta") })
    });
    authority
        .join_topic(Time::ZERO, bob, &JoinTopic { meta: &[0; 256], ..join_topic("meta") })
        .expect("at the limit");
    refused(&mut authority, ErrorCode::CHANNEL_JOIN_TOPIC_FAILED, |a| {
        a.join_topic(Time::ZERO, bob, &join_topic("meta"))
    });
    let long = "t".repeat(65);
    refused(&mut authority, ErrorCode::CHANNEL_INVALID_TOPIC_NAME, |a| {
        a.join_topic(Time::ZERO, bob, &join_topic(&long))
    });
    let later = JoinTopic { reliability: Reliability::LatestOnly, ..join_topic("x") };
    refused(&mut authority, ErrorCode::SERVICE_NOT_SUPPORTED, |a| {
        a.join_topic(Time::ZERO, bob, &later)
    });

    let message = [0; 1_025];
    let now = UnixTime::default();
    refused(&mut authority, ErrorCode::CHANNEL_MESSAGE_LENGTH_EXCEED_LIMITATION, |a| {
        a.publish_topic(Time::ZERO, now, alice, &publish("one", &message))
    });
    authority
        .publish_topic(Time::ZERO, now, alice, &publish("one", &message[1..]))
        .expect("at the limit");
    refused(&mut authority, ErrorCode::CHANNEL_TOPIC_NOT_JOINED, |a| {
        a.publish_topic(Time::ZERO, now, bob, &publish("one", b"x"))
    });

    for topic in ["one", "two"] {
        authority.subscribe_topic(bob, topic, users(&[])).expect("within the limit");
    }
    refused(&mut authority, ErrorCode::CHANNEL_EXCEED_TOPIC_LIMITATION, |a| {
        a.subscribe_topic(bob, "three", users(&[]))
    });
    refused(&mut authority, ErrorCode::CHANNEL_TOPIC_NOT_SUBSCRIBED, |a| {
        a.unsubscribe_topic(bob, "three", users(&[]))
    });
}

#[test]
fn a_subscription_tells_for_whom_it_went_well() {
    let mut limits = TopicLimits::hosted();
    limits.publishers_per_subscription = 1;
    let mut authority = authority(limits);
    let [alice, bob, carol] =
        [(1, "alice"), (2, "bob"), (3, "carol")].map(|(n, user)| join(&mut authority, n, user));
    for publisher in [alice, bob] {
        authority.join_topic(Time::ZERO, publisher, &join_topic("t")).expect("joins");
    }

    let wanted = ["alice", "alice", "bob", "dave", "carol", "a.b"];
    let outcome = authority.subscribe_topic(carol, "t", users(&wanted)).expect("partly");

    assert_eq!(outcome.succeeded, [UserId::new("alice").expect("a name")]);
    let failed = [
        ("alice", ErrorCode::ALREADY_SUBSCRIBED),
        ("bob", ErrorCode::SUB_USER_EXCEED_LIMITATION),
        ("dave", ErrorCode::REMOTE_USER_IS_NOT_PUBLISHED),
        ("carol", ErrorCode::INVALID_REMOTE_USER),
        ("a.b", ErrorCode::INVALID_REMOTE_USER),
    ];
    assert_eq!(outcome.failed, failed.map(|(user, code)| (user.to_owned(), code)));
    let outcome =
        authority.unsubscribe_topic(carol, "t", users(&["bob", "alice"])).expect("partly");
    assert_eq!(outcome.failed, [("bob".to_owned(), ErrorCode::NOT_SUBSCRIBED)]);
}

#[test]
fn messages_go_to_those_who_hear_their_publisher() {
    let mut authority = authority(TopicLimits::hosted());
    let [alice, bob, carol] =
        [(1, "alice"), (2, "bob"), (3, "carol")].map(|(n, user)| join(&mut authority, n, user));
    authority.subscribe_topic(carol, "t", users(&[])).expect("all, though nobody is there yet");
    let (position, news) =
        authority.join_topic(Time::ZERO, alice, &join_topic("t")).expect("joins");
    assert_eq!((position.sequence, news.to), (Sequence(1), vec![bob, carol]));
    authority.subscribe_topic(bob, "t", users(&["alice"])).expect("alice publishes");

    let now = UnixTime::default();
    let to = |authority: &mut StreamAuthority| {
        let result = authority.publish_topic(Time::ZERO, now, alice, &publish("t", b"x"));
        let (published, _, fanout) = result.expect("published");
        (published.position.sequence.0, fanout.to)
    };
    assert_eq!(to(&mut authority), (1, vec![bob, carol]));
    authority.unsubscribe_topic(carol, "t", users(&[])).expect("was subscribed");
    assert_eq!(to(&mut authority), (2, vec![bob]));

    // Who was named is heard again when they come back, and counts from 1.
    authority.leave_topic(alice, "t").expect("was joined");
    authority.join_topic(Time::ZERO, alice, &join_topic("t")).expect("joins again");
    assert_eq!(to(&mut authority), (1, vec![bob]));

    // A lost session takes everything along.
    let news = authority.remove(alice);
    assert_eq!(news.len(), 1);
    assert_eq!(news[0].to, [bob, carol]);
    assert!(authority.topics.is_empty(), "the last publisher has gone");
    authority.remove(bob);
    assert!(authority.wishes.len() <= 1);
}
