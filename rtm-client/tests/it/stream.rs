//! Stream channels and topics.

use std::time::Duration;

use rtm_client::core::{Answer, Command, HandleId, Target};
use rtm_client::{ErrorKind, Priority, Qos, TopicOptions};
use rtm_wire::ErrorCode;

use super::world::{Lab, join, join_topic, name, subscribe_topic, topic, user_ids};

fn ordered() -> TopicOptions {
    TopicOptions::new().qos(Qos::Ordered).priority(Priority::High).meta("a camera")
}

/// Alice and Bob in "town"; Alice publishes in "news" as handle 2.
fn town(loss: f64) -> Lab {
    let mut lab = Lab::with_users(loss, &["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 1)).unwrap();
    }
    lab.call("alice", join_topic("town", "news", 2, ordered())).unwrap();
    lab.run(Duration::from_secs(2));
    lab
}

fn leave_topic() -> Command {
    Command::LeaveTopic { handle: HandleId(2) }
}

#[test]
fn members_hear_who_publishes() {
    let mut lab = town(0.0);
    assert_eq!(lab.client("bob").heard_stream(1), ["snapshot ", "+news/alice"]);
    let topics = lab.call("bob", Command::Topics { channel: name("town") }).unwrap();
    let Answer::Topics(topics) = topics else { panic!("{topics:?}") };
    assert_eq!((&*topics[0].topic, &*topics[0].publisher), ("news", "alice"));
    assert_eq!((topics[0].qos, topics[0].priority), (Qos::Ordered, Priority::High));
    assert_eq!(topics[0].meta, "a camera");
    lab.call("alice", leave_topic()).unwrap();
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("bob").heard_stream(1).last().map(String::as_str), Some("-news/alice"));

    // Who joins later sees what there is; who doesn't care goes on without events.
    lab.call("alice", join_topic("town", "news", 3, ordered())).unwrap();
    lab.call("bob", Command::Leave { channel: name("town") }).unwrap();
    assert_eq!(lab.client("bob").ended, [HandleId(1)]);
    lab.call("bob", join("town", 4)).unwrap();
    assert_eq!(lab.client("bob").heard_stream(4), ["snapshot news/alice"]);
    lab.with_client("bob", |client, now| client.drop_handle(now, 4));
    lab.call("bob", Command::Topics { channel: name("town") }).unwrap();
}

#[test]
fn messages_of_a_topic_arrive_once_and_in_order() {
    for loss in [0.0, 0.2] {
        let mut lab = town(loss);
        let subscribed = lab.call("bob", subscribe_topic("town", "news", &[], 5)).unwrap();
        let Answer::Users(users) = subscribed else { panic!("{subscribed:?}") };
        assert_eq!(users.succeeded, ["alice"]);
        let publishes: Vec<_> = (0..200)
            .map(|index| lab.publish("alice", Target::Topic(HandleId(2)), &format!("m{index}")))
            .collect();
        // Leaving waits for all of them.
        let leave = lab.command("alice", leave_topic());
        let late = lab.publish("alice", Target::Topic(HandleId(2)), "late");
        assert_eq!(lab.published("alice", late).unwrap_err().kind(), ErrorKind::TopicNotJoined);
        for (index, publish) in publishes.into_iter().enumerate() {
            assert_eq!(lab.published("alice", publish).unwrap().sequence, index as u64 + 1);
        }
        lab.answer("alice", leave).unwrap();
        lab.run(Duration::from_secs(10));
        let expected: Vec<_> =
            (0..200).map(|index| format!("alice {}: m{index}", index + 1)).collect();
        assert_eq!(lab.client("bob").heard_topic(5), expected, "loss {loss}");
    }
}

#[test]
fn publishers_are_subscribed_one_by_one() {
    let mut lab = town(0.0);
    let error = lab.call("bob", subscribe_topic("town", "news", &["carol"], 5)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownTopic);
    let answer = lab.call("bob", subscribe_topic("town", "news", &["alice", "carol"], 6)).unwrap();
    let Answer::Users(users) = answer else { panic!("{answer:?}") };
    assert_eq!((users.succeeded.len(), &*users.failed[0].user), (1, "carol"));
    assert_eq!(users.failed[0].error.code(), -5);
    let error = lab.call("bob", subscribe_topic("town", "news", &[], 7)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);

    lab.call("bob", join_topic("town", "news", 8, TopicOptions::new())).unwrap();
    let add = Command::AddPublishers { handle: HandleId(6), users: Some(user_ids(&["bob"])) };
    lab.call("bob", add).unwrap();
    let list = || Command::SubscribedUsers { channel: name("town"), topic: topic("news") };
    let Ok(Answer::UserList(users)) = lab.call("bob", list()) else { panic!() };
    assert_eq!(users, ["alice", "bob"]);
    let remove = Command::RemovePublishers { handle: HandleId(6), users: user_ids(&["alice"]) };
    lab.call("bob", remove).unwrap();
    for (user, handle) in [("alice", 2), ("bob", 8)] {
        let publish = lab.publish(user, Target::Topic(HandleId(handle)), "hi");
        lab.published(user, publish).unwrap();
    }
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("bob").heard_topic(6), ["bob 1: hi"]);
    for users in [Some(Vec::new()), None] {
        let command = Command::AddPublishers { handle: HandleId(6), users: users.clone() };
        assert_eq!(lab.call("bob", command).is_ok(), users.is_none());
    }

    lab.call("bob", Command::UnsubscribeTopic { handle: HandleId(6) }).unwrap();
    let error = lab.call("bob", list()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
}

#[test]
fn a_topic_is_subscribed_anew_while_the_former_subscription_ends() {
    let mut lab = town(0.0);
    lab.call("bob", subscribe_topic("town", "news", &[], 5)).unwrap();
    lab.with_client("bob", |client, now| client.drop_handle(now, 5));
    lab.call("bob", subscribe_topic("town", "news", &[], 6)).unwrap();
    let publish = lab.publish("alice", Target::Topic(HandleId(2)), "hi");
    lab.published("alice", publish).unwrap();
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("bob").heard_topic(6), ["alice 1: hi"]);
}

#[test]
fn a_dropped_publisher_leaves_once_its_messages_are_answered() {
    let mut lab = town(0.0);
    let publish = lab.publish("alice", Target::Topic(HandleId(2)), "last");
    lab.with_client("alice", |client, now| client.drop_handle(now, 2));
    lab.published("alice", publish).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.server().requests.last().map(String::as_str), Some("alice: leave topic"));
    lab.call("alice", join_topic("town", "news", 3, ordered())).unwrap();
}

#[test]
fn what_is_not_joined_cannot_be_used() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    for command in [
        join_topic("town", "news", 2, ordered()),
        subscribe_topic("town", "news", &[], 3),
        Command::Leave { channel: name("town") },
        Command::Topics { channel: name("town") },
    ] {
        assert_eq!(lab.call("alice", command).unwrap_err().kind(), ErrorKind::NotJoined);
    }
    let publish = lab.publish("alice", Target::Topic(HandleId(2)), "hi");
    assert_eq!(lab.published("alice", publish).unwrap_err().kind(), ErrorKind::TopicNotJoined);
    lab.call("alice", join("town", 1)).unwrap();
    assert_eq!(lab.call("alice", join("town", 4)).unwrap_err().kind(), ErrorKind::Duplicate);
    let long = TopicOptions::new().meta(vec![0; 4_097]);
    let error = lab.call("alice", join_topic("town", "news", 5, long)).unwrap_err();
    assert_eq!(error.code(), -11_018);
}

#[test]
fn refused_joins_leave_nothing_behind() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.with_server(|server, _| server.refuse.insert("join", ErrorCode::INVALID_TOKEN));
    let error = lab.call("alice", join("town", 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidToken);
    assert_eq!(lab.client("alice").ended, [HandleId(1)]);
    lab.with_server(|server, _| {
        server.refuse.clear();
        server.refuse.insert("join topic", ErrorCode::CHANNEL_EXCEED_TOPIC_LIMITATION);
        server.refuse.insert("subscribe topic", ErrorCode::CHANNEL_EXCEED_TOPIC_LIMITATION);
    });
    lab.call("alice", join("town", 2)).unwrap();
    let error = lab.call("alice", join_topic("town", "news", 3, ordered())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    let error = lab.call("alice", subscribe_topic("town", "news", &[], 4)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    lab.with_server(|server, _| server.refuse.clear());
    lab.call("alice", join_topic("town", "news", 5, ordered())).unwrap();
    lab.call("alice", subscribe_topic("town", "news", &[], 6)).unwrap();
}

/// What the server refuses of a topic that skips is told by the next publish, once.
#[test]
fn a_refusal_that_nobody_waits_for_comes_with_the_next_publish() {
    let too_long = ErrorCode::CHANNEL_MESSAGE_LENGTH_EXCEED_LIMITATION;
    let too_frequent = ErrorCode::CHANNEL_PUBLISH_MESSAGE_TOO_FREQUENT;
    let in_time = TopicOptions::new().deadline(Duration::from_secs(1));
    let latest = TopicOptions::new().latest_only();
    for (options, code) in
        [(in_time.clone(), too_long), (in_time, too_frequent), (latest.clone(), too_long)]
    {
        let mut lab = town(0.0);
        lab.call("alice", join_topic("town", "cars", 3, options)).unwrap();
        let say = |lab: &mut Lab| {
            let waiter = lab.publish("alice", Target::Topic(HandleId(3)), "here");
            lab.published("alice", waiter)
        };
        lab.with_server(|server, _| server.refuse.insert("publish topic", code));
        say(&mut lab).unwrap();
        lab.run(Duration::from_millis(100));
        lab.with_server(|server, _| server.refuse.remove("publish topic"));
        let error = say(&mut lab).unwrap_err();
        assert_eq!(error.code(), -i32::try_from(code.0).unwrap());
        assert!(error.to_string().contains("the script says no"), "{error}");
        say(&mut lab).unwrap();
        lab.run(Duration::from_millis(100));
        say(&mut lab).unwrap();
    }

    // The newest value is tried again until it is taken.
    let mut lab = town(0.0);
    lab.call("alice", join_topic("town", "cars", 3, latest)).unwrap();
    lab.run(Duration::from_millis(100));
    lab.call("bob", subscribe_topic("town", "cars", &[], 5)).unwrap();
    lab.with_server(|server, _| server.refuse.insert("publish topic", too_frequent));
    for text in ["one", "two", "three"] {
        let waiter = lab.publish("alice", Target::Topic(HandleId(3)), text);
        lab.published("alice", waiter).unwrap();
        lab.run(Duration::from_millis(150));
    }
    assert_eq!(lab.client("bob").heard_topic(5), [""; 0]);
    lab.with_server(|server, _| server.refuse.remove("publish topic"));
    lab.run(Duration::from_millis(300));
    assert_eq!(lab.client("bob").heard_topic(5), ["alice 1: three"]);
}
