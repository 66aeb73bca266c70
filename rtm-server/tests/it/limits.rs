//! What is too long, too much, too often, or out of order is refused, and changes nothing.

use std::time::Duration;

use bytes::Bytes;
use rtm_client::core::{Answer, Command, HandleId};
use rtm_client::{PublishOptions, Qos, TopicOptions};
use rtm_session::Config;
use rtm_wire::{
    ChannelKind, ChannelRef, CloseCode, Delivery, ErrorCode, Join, JoinTopic, Leave, LeaveTopic,
    List, MessageType, Priority, Publish, PublishFlags, PublishTopic, Reliability, Request,
    Subscribe, SubscribeOptions, SubscribeTopic, Unsubscribe, UnsubscribeTopic,
};

use super::raw::{encode, login};
use super::server::OPEN_APP;
use super::world::{
    Lab, channel, join, join_topic, name, open_inbox, publication, publish, subscribe,
    subscribe_topic, topic, unsubscribe, user,
};

const PUBLISH: Publish<'_> = Publish {
    channel: ChannelRef { kind: ChannelKind::Message, name: "lobby" },
    flags: PublishFlags { store: false },
    message_type: MessageType::String,
    custom_type: "",
    payload: b"hi",
};

const PUBLISH_TOPIC: PublishTopic<'_> = PublishTopic {
    channel: "town",
    topic: "news",
    message_type: MessageType::String,
    custom_type: "",
    payload: b"hi",
};

const JOIN_TOPIC: JoinTopic<'_> = JoinTopic {
    channel: "town",
    topic: "news",
    delivery: Delivery {
        qos: Qos::Ordered,
        priority: Priority::Normal,
        reliability: Reliability::Reliable,
        deadline_ms: 0,
    },
    meta: b"",
};

fn message_channel(name: &str) -> ChannelRef<'_> {
    ChannelRef { kind: ChannelKind::Message, name }
}

fn subscribe_to(channel: ChannelRef<'_>) -> Request<'_> {
    Subscribe { channel, options: SubscribeOptions::default(), resume: None }.into()
}

/// Sends requests and compares the codes of their answers; nothing else comes of those.
fn check(cases: &[(Request<'_>, ErrorCode)]) {
    let mut lab = Lab::new(0.0);
    lab.add_raw_user("alice", Config::default());
    let channels = lab.status().channels;
    for (index, (request, code)) in cases.iter().enumerate() {
        let id = index as u64 + 1;
        lab.with_raw("alice", |raw, now| raw.request(now, id, *request));
        lab.run(Duration::from_millis(100));
        assert_eq!(lab.raw("alice").codes(id), [*code], "{request:?}");
    }
    assert_eq!(lab.raw("alice").closed, None);
    assert_eq!(lab.raw("alice").got.len(), cases.len());
    assert_eq!(lab.status().channels, channels, "refusals make no channel");
}

#[test]
fn names_that_are_none_are_refused() {
    let long = "x".repeat(65);
    let bad_channel = ErrorCode::INVALID_CHANNEL_NAME;
    let mut cases = Vec::new();
    for name in [long.as_str(), "", "_x", "a.b", "a/b", "ä", "a\tb"] {
        // What is longer than the wire takes can't be read.
        let code = bad_channel;
        cases.push((subscribe_to(message_channel(name)), code));
        cases.push((Unsubscribe { channel: message_channel(name) }.into(), code));
        cases.push((Publish { channel: message_channel(name), ..PUBLISH }.into(), code));
        let options = SubscribeOptions::default();
        cases.push((Join { channel: name, options, token: "" }.into(), code));
        cases.push((Leave { channel: name }.into(), code));
        cases.push((JoinTopic { channel: name, ..JOIN_TOPIC }.into(), code));
        cases.push((PublishTopic { channel: name, ..PUBLISH_TOPIC }.into(), code));
    }
    check(&cases);
}

#[test]
fn names_at_the_limit_are_good_for_everything() {
    let (who, at) = ("u".repeat(64), "c".repeat(64));
    let mut lab = Lab::with_users(0.0, &[&who]);
    lab.call(&who, subscribe(&at, 1)).unwrap();
    lab.call(&who, join(&at, 2)).unwrap();
    lab.call(&who, open_inbox(3)).unwrap();
    for target in [channel(&at), user(&who)] {
        lab.call(&who, publish(target, b"hi")).unwrap();
    }
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client(&who).heard(1), [format!("{who} 1: hi")]);
}

#[test]
fn what_is_not_joined_or_subscribed_is_refused() {
    let not_joined = ErrorCode::CHANNEL_NOT_JOINED;
    let users = List::default();
    let not_own = ChannelRef { kind: ChannelKind::User, name: "bob" };
    let own = ChannelRef { kind: ChannelKind::User, name: "alice" };
    let stream = ChannelRef { kind: ChannelKind::Stream, name: "town" };
    let cases = [
        (
            Unsubscribe { channel: message_channel("lobby") }.into(),
            ErrorCode::CHANNEL_NOT_SUBSCRIBED,
        ),
        (Leave { channel: "town" }.into(), not_joined),
        (JOIN_TOPIC.into(), not_joined),
        (LeaveTopic { channel: "town", topic: "news" }.into(), not_joined),
        (PUBLISH_TOPIC.into(), not_joined),
        (
            SubscribeTopic {
                channel: "town",
                topic: "news",
                users,
                queue: rtm_wire::QueuePolicy::Default,
            }
            .into(),
            not_joined,
        ),
        (UnsubscribeTopic { channel: "town", topic: "news", users }.into(), not_joined),
        (subscribe_to(not_own), ErrorCode::CHANNEL_SUBSCRIBE_PERMISSION_DENIED),
        (Unsubscribe { channel: not_own }.into(), ErrorCode::CHANNEL_NOT_SUBSCRIBED),
        (Unsubscribe { channel: own }.into(), ErrorCode::CHANNEL_NOT_SUBSCRIBED),
        (subscribe_to(stream), ErrorCode::INVALID_CHANNEL_TYPE),
        (Publish { channel: stream, ..PUBLISH }.into(), ErrorCode::INVALID_CHANNEL_TYPE),
        (Request::Unknown { kind: 0x7f, body: b"later" }, ErrorCode::SERVICE_NOT_SUPPORTED),
    ];
    check(&cases);
}

#[test]
fn what_topics_refuse_members() {
    let mut lab = Lab::with_users(0.0, &["bob"]);
    lab.add_raw_user("alice", Config::default());
    lab.call("bob", join("town", 1)).unwrap();
    let long = "x".repeat(65);
    let users = List::default();
    let bad_name = ErrorCode::CHANNEL_INVALID_TOPIC_NAME;
    let (joined, ok) = (SubscribeOptions::default(), ErrorCode::OK);
    let cases: [(Request<'_>, ErrorCode); 14] = [
        (Join { channel: "town", options: joined, token: "" }.into(), ok),
        (
            Join { channel: "town", options: joined, token: "" }.into(),
            ErrorCode::DUPLICATE_OPERATION,
        ),
        (JoinTopic { topic: "a.b", ..JOIN_TOPIC }.into(), bad_name),
        (JoinTopic { topic: &long[..17], ..JOIN_TOPIC }.into(), bad_name),
        (JoinTopic { topic: &long[..16], ..JOIN_TOPIC }.into(), ok),
        (LeaveTopic { channel: "town", topic: &long[..16] }.into(), ok),
        (PUBLISH_TOPIC.into(), ErrorCode::CHANNEL_TOPIC_NOT_JOINED),
        (LeaveTopic { channel: "town", topic: "news" }.into(), ErrorCode::CHANNEL_TOPIC_NOT_JOINED),
        (
            JoinTopic {
                delivery: Delivery { reliability: Reliability::Unknown(3), ..Delivery::default() },
                ..JOIN_TOPIC
            }
            .into(),
            ErrorCode::SERVICE_NOT_SUPPORTED,
        ),
        (JOIN_TOPIC.into(), ok),
        (JOIN_TOPIC.into(), ErrorCode::CHANNEL_JOIN_TOPIC_FAILED),
        (
            UnsubscribeTopic { channel: "town", topic: "news", users }.into(),
            ErrorCode::CHANNEL_TOPIC_NOT_SUBSCRIBED,
        ),
        (LeaveTopic { channel: "town", topic: "news" }.into(), ok),
        (Leave { channel: "town" }.into(), ok),
    ];
    for (index, (request, code)) in cases.iter().enumerate() {
        let id = index as u64 + 1;
        lab.with_raw("alice", |raw, now| raw.request(now, id, *request));
        lab.run(Duration::from_millis(100));
        assert_eq!(lab.raw("alice").codes(id), [*code], "{request:?}");
    }
    let news = lab.client("bob").heard_stream(1);
    assert_eq!(news.len(), 5, "refusals are nobody's news: {news:?}");
}

#[test]
fn users_and_apps_with_bad_names_are_refused_at_the_login() {
    let mut lab = Lab::new(0.0);
    let cases = [("_x", ErrorCode::INVALID_USER_ID), ("", ErrorCode::INVALID_USER_ID)];
    for (index, (user, code)) in cases.into_iter().enumerate() {
        let name = format!("client {index}");
        lab.add_raw(&name, Config::default(), &encode(0, login(user, 1)));
        assert_eq!(lab.raw(&name).refused, Some(code), "{user}");
    }
    let unknown = rtm_wire::Login { app_id: "nobody's", ..login("alice", 1) };
    lab.add_raw("stranger", Config::default(), &encode(0, unknown));
    assert_eq!(lab.raw("stranger").refused, Some(ErrorCode::INVALID_APP_ID));
    assert_eq!(lab.status().gateway.logins_refused, 3);
}

#[test]
fn messages_at_the_limit_arrive_and_longer_ones_are_refused() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 1)).unwrap();
    }
    lab.call("bob", subscribe("lobby", 2)).unwrap();
    lab.call("bob", open_inbox(5)).unwrap();
    lab.call("alice", join_topic("town", "news", 3, Qos::Ordered)).unwrap();
    lab.call("bob", subscribe_topic("town", "news", &[], 4)).unwrap();
    let typed = |target, length: usize| {
        let payload = Bytes::from(vec![b'x'; length - 4]);
        let options = PublishOptions::text().custom_type("type");
        Command::Publish { target, payload, options }
    };
    for (target, limit) in [(channel("lobby"), 32_768), (publication(3), 1_024)] {
        assert_eq!(lab.code("alice", publish(target.clone(), &vec![b'x'; limit])), 0);
        assert_eq!(lab.code("alice", typed(target.clone(), limit)), 0);
        let beyond = publish(target.clone(), &vec![b'x'; limit + 1]);
        assert_eq!(lab.code("alice", beyond), -11_010);
        assert_eq!(lab.code("alice", typed(target, limit + 1)), -11_010);
    }
    assert_eq!(lab.code("alice", publish(user("bob"), &[b'x'; 32_768])), 0);
    assert_eq!(lab.code("alice", publish(user("bob"), &[b'x'; 32_769])), -11_010);
    lab.run(Duration::from_secs(1));
    let bob = lab.client("bob");
    assert_eq!((bob.channels.len(), bob.topics.len()), (3, 2));
}

#[test]
fn sixty_messages_a_second_to_channels_and_two_hundred_in_a_topic() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 1)).unwrap();
    }
    lab.call("bob", subscribe("lobby", 2)).unwrap();
    lab.call("alice", join_topic("town", "news", 3, Qos::Ordered)).unwrap();
    lab.call("bob", subscribe_topic("town", "news", &[], 4)).unwrap();
    for (target, limit) in [(channel("lobby"), 60), (publication(3), 200)] {
        for second in 0..2 {
            let waiters: Vec<_> =
                (0..limit + 1).map(|_| lab.publish("alice", target.clone(), "hi")).collect();
            let codes = waiters.into_iter().map(|waiter| {
                lab.published("alice", waiter).map_or_else(|error| error.code(), |_| 0)
            });
            let refused: Vec<_> = codes.filter(|code| *code != 0).collect();
            assert_eq!(refused, [-11_025], "{target:?} {second}");
            lab.run(Duration::from_secs(1));
        }
    }
    assert_eq!(lab.client("bob").heard(2).len(), 120);
    assert_eq!(lab.client("bob").heard_topic(4).len(), 400);
    assert_eq!(lab.status().gateway.publishes_limited, 2, "topics have their own");
    // Messages to users count as those to channels do.
    for _ in 0..60 {
        lab.publish("alice", user("bob"), "hi");
    }
    let waiter = lab.publish("alice", channel("lobby"), "hi");
    assert_eq!(lab.published("alice", waiter).unwrap_err().code(), -11_025);
}

#[test]
fn a_channel_is_subscribed_twice_in_five_seconds_at_most() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    for handle in 0..2 {
        assert_eq!(lab.code("alice", subscribe("lobby", handle)), 0);
        lab.call("alice", unsubscribe("lobby")).unwrap();
    }
    assert_eq!(lab.code("alice", subscribe("lobby", 2)), -11_020);
    assert_eq!(lab.code("alice", subscribe("garden", 3)), 0, "it is for each channel");
    lab.run(Duration::from_secs(5));
    assert_eq!(lab.code("alice", subscribe("lobby", 4)), 0);
}

#[test]
fn fifty_message_channels_and_not_one_more() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    for index in 0..50 {
        assert_eq!(lab.code("alice", subscribe(&format!("c{index}"), index)), 0);
    }
    assert_eq!(lab.code("alice", subscribe("c50", 50)), -11_021);
    lab.call("alice", unsubscribe("c7")).unwrap();
    assert_eq!(lab.code("alice", subscribe("c50", 51)), 0);
    // Stream channels count for themselves.
    assert_eq!(lab.code("alice", join("s0", 100)), 0);
    assert_eq!(lab.status().channels, 51);
    lab.end(&["alice"]);
}

#[test]
fn ten_stream_channels_and_not_one_more() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    for index in 0..10 {
        assert_eq!(lab.code("alice", join(&format!("s{index}"), index)), 0);
    }
    assert_eq!(lab.code("alice", join("s10", 10)), -11_005);
    assert_eq!(lab.status().channels, 10);
    assert_eq!(lab.code("alice", subscribe("c0", 11)), 0);
    lab.end(&["alice"]);
}

#[test]
fn eight_topics_in_each_and_not_one_more() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    for (handle, channel) in [(100, "s0"), (101, "s1")] {
        lab.call("alice", join(channel, handle)).unwrap();
    }
    for index in 0..8 {
        let join = join_topic("s0", &format!("t{index}"), 200 + index, Qos::Ordered);
        assert_eq!(lab.code("alice", join), 0);
    }
    assert_eq!(lab.code("alice", join_topic("s0", "t8", 208, Qos::Ordered)), -11_014);
    assert_eq!(lab.code("alice", join_topic("s1", "t8", 209, Qos::Ordered)), 0);
    let leave = Command::LeaveTopic { handle: HandleId(200) };
    lab.call("alice", leave).unwrap();
    assert_eq!(lab.code("alice", join_topic("s0", "t8", 210, Qos::Ordered)), 0);
    lab.end(&["alice"]);
}

#[test]
fn a_channel_whose_publishers_do_not_fit_an_answer_is_not_joined() {
    let mut lab = Lab::new(0.0);
    let users: Vec<_> = (0..40).map(|index| format!("u{index}")).collect();
    for user in &users {
        lab.add(user, OPEN_APP, user);
        lab.log_in(user);
        lab.call(user, join("town", 1)).unwrap();
    }
    for user in &users {
        for index in 0..8 {
            let (channel, topic) = (name("town"), topic(&format!("t{index}")));
            let options = TopicOptions::new().meta(vec![b'x'; 256]);
            let handle = HandleId(10 + index);
            lab.call(user, Command::JoinTopic { channel, topic, options, handle }).unwrap();
        }
    }
    lab.add_users(&["late"]);
    assert_eq!(lab.code("late", join("town", 1)), -11_007);
    assert_eq!(lab.code("late", join("town", 2)), -11_007, "and is not joined by half");
    for user in &users[..20] {
        lab.call(user, Command::Logout).unwrap();
    }
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.code("late", join("town", 3)), 0);
    let answer = lab.call("late", Command::Topics { channel: name("town") }).unwrap();
    assert!(matches!(answer, Answer::Topics(list) if list.len() == 160));
}

#[test]
fn a_client_that_takes_no_answer_of_such_length_is_told() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", join("town", 1)).unwrap();
    for index in 0..8 {
        let topic = format!("{index}").repeat(16);
        lab.call("alice", join_topic("town", &topic, 10 + index, Qos::Ordered)).unwrap();
    }
    for (name, length) in [("small", 150), ("large", 1_000)] {
        lab.add_raw_user(name, Config::default().message_len_max(length));
        let options = SubscribeOptions::default();
        let join = Join { channel: "town", options, token: "" };
        lab.with_raw(name, |raw, now| raw.request(now, 1, join));
    }
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.raw("small").close_code(), Some(CloseCode::LIMIT));
    assert_eq!(lab.raw("large").codes(1), [ErrorCode::OK]);
    assert_eq!(lab.status().sessions, 2);
}

#[test]
fn a_stream_channel_has_128_members() {
    let mut lab = Lab::new(0.0);
    for index in 0..129 {
        let name = format!("u{index}");
        lab.add(&name, OPEN_APP, &name);
        lab.command(&name, super::world::login(""));
    }
    lab.run(Duration::from_secs(2));
    assert_eq!(lab.status().sessions, 129);
    for index in 0..128 {
        assert_eq!(lab.code(&format!("u{index}"), join("town", 1)), 0);
    }
    assert_eq!(lab.code("u128", join("town", 1)), -11_007);
    lab.call("u5", Command::Logout).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.code("u128", join("town", 2)), 0);
}

#[test]
fn a_channel_name_has_64_characters_and_not_one_more() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", subscribe(&"c".repeat(64), 1)).unwrap();
    let error = rtm_client::ChannelId::message(&"c".repeat(65)).unwrap_err();
    assert_eq!((error.code(), error.kind()), (-10_008, rtm_client::ErrorKind::InvalidName));
    assert!(error.to_string().contains("65"), "{error}");
    // The server says the same to who asks it nevertheless.
    let long = "c".repeat(65);
    check(&[
        (subscribe_to(message_channel(&long)), ErrorCode::INVALID_CHANNEL_NAME),
        (subscribe_to(message_channel("")), ErrorCode::INVALID_CHANNEL_NAME),
    ]);
}

#[test]
fn names_have_the_characters_of_rtm_2_and_no_others() {
    let good = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 \
                !#$%&()+,-:;<=>?@[]^_`{|}~";
    let mut lab = Lab::with_users(0.0, &["alice"]);
    for at in 0..=255_u8 {
        let character = char::from(at);
        // Not at the beginning, where `_` may not be.
        let name = format!("n{character}");
        let is_good = good.contains(character);
        let id = rtm_client::ChannelId::message(&name);
        assert_eq!(id.is_ok(), is_good, "{name}");
        if is_good {
            assert_eq!(lab.code("alice", publish(channel(&name), b"hi")), 0, "{name}");
            assert_eq!(lab.code("alice", publish(user(&name), b"hi")), -11_033, "{name}");
            lab.run(Duration::from_millis(50));
        } else {
            let error = id.unwrap_err();
            assert_eq!(error.code(), -10_008, "{name}");
        }
    }
    assert!(rtm_client::ChannelId::message("_n").is_err());
    assert!(rtm_client::ChannelId::message("n_").is_ok());
}
