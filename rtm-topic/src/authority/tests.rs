//! The authority's rules, at their limits and one beyond.

use rtm_channel::{AppId, ChannelName, Limits, UserId};
use rtm_wire::{ChannelKind, Delivery, MessageType, PublishTopic, SessionInstance, Time, UnixTime};

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
        delivery: Delivery { qos: Qos::Ordered, ..Delivery::default() },
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
    let endless = Delivery { reliability: Reliability::Deadline, ..Delivery::default() };
    let endless = JoinTopic { delivery: endless, ..join_topic("x") };
    refused(&mut authority, ErrorCode::INVALID_PARAMETER, |a| {
        a.join_topic(Time::ZERO, bob, &endless)
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

    for _ in 0..2 {
        let (now, time) = (Time::ZERO, UnixTime::default());
        authority.publish_topic(now, time, alice, &publish("t", b"x")).expect("published");
    }

    let wanted = ["alice", "alice", "bob", "dave", "carol", "a.b"];
    let outcome = authority.subscribe_topic(carol, "t", users(&wanted)).expect("partly");

    let heard = |name, publication, last| {
        let user = UserId::new(name).expect("a name");
        Heard { user, publication: Sequence(publication), last: Sequence(last) }
    };
    assert_eq!(outcome.succeeded, [heard("alice", 1, 2)]);
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
    assert_eq!(outcome.succeeded, [heard("alice", 1, 2)]);
    assert_eq!(outcome.failed, [("bob".to_owned(), ErrorCode::NOT_SUBSCRIBED)]);

    authority.subscribe_topic(carol, "t", users(&["alice"])).expect("alice publishes");
    authority.leave_topic(alice, "t").expect("was joined");
    let outcome = authority.unsubscribe_topic(carol, "t", users(&[])).expect("subscribed");
    assert_eq!(outcome.succeeded, [heard("alice", 0, 0)], "nothing is published");
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

#[test]
fn topic_names_have_the_configured_length_and_never_more_than_64_bytes() {
    for (limits, longest) in [(TopicLimits::hosted(), 16), (TopicLimits::open(), 64)] {
        let mut authority = authority(limits);
        let alice = join(&mut authority, 1, "alice");
        for name in ["x".repeat(longest + 1), String::new(), "_x".into(), "a.b".into()] {
            let code = ErrorCode::CHANNEL_INVALID_TOPIC_NAME;
            refused(&mut authority, code, |a| a.join_topic(Time::ZERO, alice, &join_topic(&name)));
            refused(&mut authority, code, |a| a.subscribe_topic(alice, &name, users(&[])));
        }
        let name = "x".repeat(longest);
        authority.join_topic(Time::ZERO, alice, &join_topic(&name)).expect("at the limit");
        authority.subscribe_topic(alice, &name, users(&[])).expect("at the limit");
    }
}

#[test]
fn messages_have_a_rate_and_custom_types_a_length() {
    let mut authority = authority(TopicLimits::hosted());
    let alice = join(&mut authority, 1, "alice");
    for topic in ["one", "two"] {
        authority.join_topic(Time::ZERO, alice, &join_topic(topic)).expect("joins");
    }
    let mut send = |topic, custom_type: &str, micros, code: Option<ErrorCode>| {
        let message = PublishTopic { custom_type, ..publish(topic, b"x") };
        let (now, time) = (Time::from_micros(micros), UnixTime::default());
        match code {
            None => _ = authority.publish_topic(now, time, alice, &message).expect("at the limit"),
            Some(code) => {
                let before = authority.position();
                let result = authority.publish_topic(now, time, alice, &message);
                assert_eq!(result.expect_err("beyond the limit").code, code);
                assert_eq!(authority.position(), before);
            }
        }
    };
    let too_long = Some(ErrorCode::CHANNEL_CUSTOM_TYPE_LENGTH_OVERFLOW);
    send("one", &"c".repeat(33), 0, too_long);
    send("one", &"c".repeat(32), 0, None);
    for _ in 1..200 {
        send("one", "", 0, None);
    }
    send("one", "", 0, Some(ErrorCode::CHANNEL_PUBLISH_MESSAGE_TOO_FREQUENT));
    send("two", "", 0, None);
    send("one", "", 5_000, None);
}

#[test]
fn what_this_version_does_not_know_is_refused() {
    let mut authority = authority(TopicLimits::hosted());
    let alice = join(&mut authority, 1, "alice");
    let unknown = [
        JoinTopic {
            delivery: Delivery { qos: Qos::Unknown(7), ..Delivery::default() },
            ..join_topic("t")
        },
        JoinTopic {
            delivery: Delivery { priority: Priority::Unknown(7), ..Delivery::default() },
            ..join_topic("t")
        },
        JoinTopic {
            delivery: Delivery { reliability: Reliability::Unknown(7), ..Delivery::default() },
            ..join_topic("t")
        },
    ];
    for wanted in unknown {
        refused(&mut authority, ErrorCode::SERVICE_NOT_SUPPORTED, |a| {
            a.join_topic(Time::ZERO, alice, &wanted)
        });
    }
}

#[test]
fn a_publication_belongs_to_the_session_that_began_it() {
    let mut authority = authority(TopicLimits::hosted());
    let [phone, laptop, bob] =
        [(1, "alice"), (2, "alice"), (3, "bob")].map(|(n, user)| join(&mut authority, n, user));
    authority.subscribe_topic(laptop, "t", users(&[])).expect("all but herself");
    authority.subscribe_topic(bob, "t", users(&[])).expect("all");
    let (_, news) = authority.join_topic(Time::ZERO, phone, &join_topic("t")).expect("joins");
    assert_eq!(news.to, [bob], "users hear no news of themselves");
    refused(&mut authority, ErrorCode::CHANNEL_JOIN_TOPIC_FAILED, |a| {
        a.join_topic(Time::ZERO, laptop, &join_topic("t"))
    });
    let code = ErrorCode::CHANNEL_TOPIC_NOT_JOINED;
    refused(&mut authority, code, |a| a.leave_topic(laptop, "t"));
    let (now, time) = (Time::ZERO, UnixTime::default());
    refused(&mut authority, code, |a| a.publish_topic(now, time, laptop, &publish("t", b"x")));
    let message = publish("t", b"x");
    let (_, _, fanout) = authority.publish_topic(now, time, phone, &message).expect("her own");
    assert_eq!(fanout.to, [bob], "nor their own messages");
    assert!(authority.remove(laptop).is_empty());
    assert_eq!(authority.remove(phone).len(), 1);
}

#[test]
fn who_was_met_makes_room_and_who_was_named_does_not() {
    let mut limits = TopicLimits::hosted();
    limits.publishers_per_subscription = 1;
    let mut authority = authority(limits);
    let [alice, bob, carol] =
        [(1, "alice"), (2, "bob"), (3, "carol")].map(|(n, user)| join(&mut authority, n, user));
    let to = |authority: &mut StreamAuthority, publisher| {
        let (now, time) = (Time::ZERO, UnixTime::default());
        let result = authority.publish_topic(now, time, publisher, &publish("t", b"x"));
        result.expect("published").2.to
    };
    authority.subscribe_topic(carol, "t", users(&[])).expect("all");
    for publisher in [alice, bob] {
        authority.join_topic(Time::ZERO, publisher, &join_topic("t")).expect("joins");
    }
    assert_eq!(to(&mut authority, alice), [carol]);
    assert_eq!(to(&mut authority, bob), [], "the earliest counts");
    authority.leave_topic(alice, "t").expect("was joined");
    assert_eq!(to(&mut authority, bob), [], "who was there without room comes again first");
    authority.leave_topic(bob, "t").expect("was joined");
    authority.join_topic(Time::ZERO, bob, &join_topic("t")).expect("joins");
    assert_eq!(to(&mut authority, bob), [carol]);

    authority.unsubscribe_topic(carol, "t", users(&[])).expect("was subscribed");
    authority.subscribe_topic(carol, "t", users(&["bob"])).expect("bob publishes");
    authority.subscribe_topic(carol, "t", users(&[])).expect("all");
    authority.leave_topic(bob, "t").expect("was joined");
    authority.join_topic(Time::ZERO, alice, &join_topic("t")).expect("joins");
    assert_eq!(to(&mut authority, alice), [], "bob's place is kept");
}

#[test]
fn a_channel_has_as_many_publications_as_an_answer_can_list() {
    let mut limits = TopicLimits::open();
    limits.joined_topics = 5_000;
    let mut authority = authority(limits);
    let alice = join(&mut authority, 1, "alice");
    for number in 0..4_096 {
        let name = format!("topic{number}");
        authority.join_topic(Time::ZERO, alice, &join_topic(&name)).expect("at the limit");
    }
    refused(&mut authority, ErrorCode::CHANNEL_EXCEED_TOPIC_LIMITATION, |a| {
        a.join_topic(Time::ZERO, alice, &join_topic("one more"))
    });
    let topics = authority.join(SubscriberId(2), identity("bob"), SubscribeOptions::default());
    assert_eq!(topics.expect("there is room").publishers().len(), 4_096);
}

#[test]
fn named_publishers_have_a_limit() {
    let mut limits = TopicLimits::hosted();
    limits.publishers_per_subscription = 1;
    let mut authority = authority(limits);
    let [alice, bob, carol] =
        [(1, "alice"), (2, "bob"), (3, "carol")].map(|(n, user)| join(&mut authority, n, user));
    for publisher in [alice, bob] {
        authority.join_topic(Time::ZERO, publisher, &join_topic("t")).expect("joins");
    }
    let outcome = authority.subscribe_topic(carol, "t", users(&["alice"])).expect("at the limit");
    assert_eq!(outcome.failed, []);
    let outcome = authority.subscribe_topic(carol, "t", users(&["bob"])).expect("a list of one");
    assert_eq!(outcome.failed, [("bob".into(), ErrorCode::SUB_USER_EXCEED_LIMITATION)]);
}
