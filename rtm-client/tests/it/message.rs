//! Message channels, users, and messages that are taken slowly.

use std::time::Duration;

use rtm_client::core::{Command, HandleId};
use rtm_client::{ErrorKind, MessageType, SubscribeOptions};
use rtm_wire::ErrorCode;

use super::world::{Lab, channel, name, subscribe, unsubscribe, user};

#[test]
fn messages_arrive_once_and_in_order_whatever_is_lost() {
    for loss in [0.0, 0.1, 0.3] {
        let mut lab = Lab::with_users(loss, &["alice", "bob"]);
        lab.call("bob", subscribe("lobby", 1)).unwrap();
        let publishes: Vec<_> = (0..300)
            .map(|index| lab.publish("alice", channel("lobby"), &format!("m{index}")))
            .collect();
        for (index, publish) in publishes.into_iter().enumerate() {
            let published = lab.published("alice", publish).unwrap();
            assert_eq!((published.epoch, published.sequence), (1, index as u64 + 1));
            assert_eq!(published.time_ms, 1_000);
        }
        lab.run(Duration::from_secs(10));
        let expected: Vec<_> =
            (0..300).map(|index| format!("alice {}: m{index}", index + 1)).collect();
        assert_eq!(lab.client("bob").heard(1), expected, "loss {loss}");
        assert_eq!(lab.client("alice").core.operations_in_flight(), 0);
    }
}

#[test]
fn a_message_carries_what_its_publisher_said() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    let publish = lab.publish("alice", channel("lobby"), "");
    lab.published("alice", publish).unwrap();
    lab.run(Duration::from_millis(100));
    let (_, event) = &lab.client("alice").channel_events[0];
    let rtm_client::ChannelEvent::Message(message) = event else { panic!("{event:?}") };
    assert_eq!(message.publisher, "alice");
    assert_eq!(message.custom_type, "mark");
    assert_eq!(message.message_type, MessageType::String);
    assert!(message.payload.is_empty());
    assert_eq!((message.epoch, message.sequence, message.time_ms), (1, 1, 1_000));
}

#[test]
fn refused_operations_carry_the_servers_number() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.with_server(|server, _| {
        server.refuse.insert("publish", ErrorCode::CHANNEL_PUBLISH_MESSAGE_TOO_FREQUENT);
        server.refuse.insert("subscribe", ErrorCode::CHANNEL_SUBSCRIBE_TOO_FREQUENT);
    });
    let publish = lab.publish("alice", channel("lobby"), "hi");
    let error = lab.published("alice", publish).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::TooFrequent, -11_025));
    let error = lab.call("alice", subscribe("lobby", 1)).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::TooFrequent, -11_020));
    assert_eq!(lab.client("alice").ended, [HandleId(1)]);
    // And nothing is left of it.
    lab.with_server(|server, _| server.refuse.clear());
    lab.call("alice", subscribe("lobby", 2)).unwrap();
}

#[test]
fn nothing_can_be_done_before_the_login() {
    let mut lab = Lab::new(0.0);
    lab.add("alice");
    let publish = lab.publish("alice", channel("lobby"), "hi");
    assert_eq!(lab.published("alice", publish).unwrap_err().kind(), ErrorKind::NotLoggedIn);
    for command in [subscribe("lobby", 1), super::world::join("town", 2)] {
        assert_eq!(lab.call("alice", command).unwrap_err().kind(), ErrorKind::NotLoggedIn);
    }
    let error = lab.call("alice", unsubscribe("lobby")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
}

#[test]
fn a_channel_is_subscribed_once_at_a_time() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    let error = lab.call("alice", subscribe("lobby", 2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    lab.call("alice", unsubscribe("lobby")).unwrap();
    assert_eq!(lab.client("alice").ended, [HandleId(2), HandleId(1)]);
    let error = lab.call("alice", unsubscribe("lobby")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    lab.call("alice", subscribe("lobby", 3)).unwrap();
}

#[test]
fn a_dropped_subscription_makes_room_for_the_next() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.with_client("alice", |client, now| client.drop_handle(now, 1));
    // The former one is still about to end.
    let next = lab.command("alice", subscribe("lobby", 2));
    let error = lab.call("alice", subscribe("lobby", 3)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    lab.answer("alice", next).unwrap();
    lab.with_server(|server, now| server.publish(now, "lobby", b"hi"));
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("alice").heard(2), ["server 1: hi"]);
    let requests = ["alice: subscribe", "alice: unsubscribe", "alice: subscribe"];
    assert_eq!(lab.server().requests, requests);
}

#[test]
fn a_subscription_that_is_dropped_before_its_answer_ends_after_it() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.command("alice", subscribe("lobby", 1));
    lab.with_client("alice", |client, now| client.drop_handle(now, 1));
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.server().requests, ["alice: subscribe", "alice: unsubscribe"]);
}

#[test]
fn gaps_are_told_where_they_are() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.with_server(|server, now| {
        server.publish(now, "lobby", b"a");
        server.skip("lobby", 3);
        server.publish(now, "lobby", b"b");
    });
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("alice").heard(1), ["server 1: a", "gap of 3", "server 5: b"]);
}

#[test]
fn messages_to_users_come_to_their_inbox() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    let first = lab.publish("alice", user("bob"), "nobody looks");
    lab.published("alice", first).unwrap();
    lab.run(Duration::from_millis(100));
    lab.call("bob", Command::OpenInbox { handle: HandleId(1) }).unwrap();
    let error = lab.call("bob", Command::OpenInbox { handle: HandleId(2) }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    for text in ["hi", "there"] {
        let publish = lab.publish("alice", user("bob"), text);
        lab.published("alice", publish).unwrap();
    }
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("bob").heard(1), ["alice 2: hi", "alice 3: there"]);

    // It stays for the next login.
    lab.call("bob", Command::Logout).unwrap();
    lab.log_in("bob");
    let publish = lab.publish("alice", user("bob"), "again");
    lab.published("alice", publish).unwrap();
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("bob").heard(1).last().map(String::as_str), Some("alice 4: again"));
}

#[test]
fn a_slow_application_stops_its_own_channel_only() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    for (index, channel) in ["slow", "fast"].into_iter().enumerate() {
        lab.call("alice", subscribe(channel, index as u64)).unwrap();
    }
    lab.with_client("alice", |client, _| client.takes = false);
    lab.with_server(|server, now| {
        for _ in 0..1_000 {
            server.publish(now, "slow", &[b'x'; 1_000]);
        }
    });
    lab.run(Duration::from_secs(10));
    let heard = lab.client("alice").heard(0).len();
    // 256 KiB of credit.
    assert!((200..260).contains(&heard), "{heard}");
    assert!(lab.server().queued() > 700_000);
    lab.with_server(|server, now| server.publish(now, "fast", b"hi"));
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("alice").heard(1), ["server 1: hi"]);

    // Taking them lets the rest come.
    lab.with_client("alice", |client, now| {
        client.takes = true;
        client.take(now);
    });
    lab.run(Duration::from_secs(30));
    assert_eq!(lab.client("alice").heard(0).len(), 1_000);
    assert_eq!(lab.server().queued(), 0);
}

#[test]
fn more_channels_than_lanes_can_be_published_to() {
    let mut lab = Lab::with_users(0.05, &["alice"]);
    let mut publishes = Vec::new();
    for round in 0..3 {
        for index in 0..100 {
            let target = channel(&format!("c{index}"));
            publishes.push((round, lab.publish("alice", target, "hi")));
        }
        if round == 1 {
            lab.run(Duration::from_secs(5));
        }
    }
    for (round, publish) in publishes {
        assert_eq!(lab.published("alice", publish).unwrap().sequence, round + 1);
    }
}

#[test]
fn at_most_64_channels_have_lanes_of_their_own() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.with_server(|server, _| server.silent.insert("publish"));
    for index in 0..100 {
        lab.publish("alice", channel(&format!("c{index}")), "hi");
    }
    lab.publish("alice", user("alice"), "hi");
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.server().operations.len(), 101);
    // Nothing is answered, so nothing can change its lane: the others take lane 0.
    let expected: Vec<_> = (0..=65).collect();
    assert_eq!(lab.server().publish_lanes.iter().copied().collect::<Vec<_>>(), expected);
}

#[test]
fn options_are_what_was_asked_for() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    let options = SubscribeOptions::new().presence(false).quiet(true);
    let command = Command::Subscribe { channel: name("lobby"), options, handle: HandleId(1) };
    lab.call("alice", command).unwrap();
}
