//! What becomes of everything when the session is lost.

use std::time::Duration;

use rtm_client::core::{Command, HandleId, Target};
use rtm_client::{ErrorKind, LinkState, Qos, TopicOptions};
use rtm_wire::{CloseCode, ErrorCode};

use super::world::{Lab, channel, join, join_topic, login, name, subscribe, subscribe_topic, user};

fn ordered() -> TopicOptions {
    TopicOptions::new().qos(Qos::Ordered)
}

/// The server ends the user's session, and the client comes back.
fn lose_session(lab: &mut Lab, user: &str) {
    lab.with_server(|server, now| server.close(now, user, CloseCode::SHUTDOWN, ""));
    lab.run_until_link(user, LinkState::Disconnected);
    lab.run_until_link(user, LinkState::Connected);
}

#[test]
fn subscriptions_come_back_and_what_is_missing_is_told() {
    for loss in [0.0, 0.2] {
        let mut lab = Lab::with_users(loss, &["alice"]);
        lab.call("alice", subscribe("lobby", 1)).unwrap();
        lab.with_server(|server, now| server.publish(now, "lobby", b"a"));
        lab.run(Duration::from_secs(5));
        lab.with_server(|server, now| server.close(now, "alice", CloseCode::SHUTDOWN, ""));
        lab.run_until_link("alice", LinkState::Disconnected);
        lab.with_server(|server, now| {
            server.publish(now, "lobby", b"lost");
            server.publish(now, "lobby", b"lost");
        });
        lab.run_until_link("alice", LinkState::Connected);
        lab.with_server(|server, now| server.publish(now, "lobby", b"b"));
        lab.run(Duration::from_secs(5));
        let expected = ["server 1: a", "gap of 2", "server 4: b"];
        assert_eq!(lab.client("alice").heard(1), expected, "loss {loss}");
        assert!(lab.client("alice").links.last().unwrap().is_restored);
    }
}

#[test]
fn a_server_that_lost_everything_gives_a_gap_of_unknown_size() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.with_server(|server, now| server.publish(now, "lobby", b"a"));
    lab.run(Duration::from_secs(1));
    lab.restart_server(2);
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.run_until_link("alice", LinkState::Connected);
    lab.with_server(|server, now| server.publish(now, "lobby", b"b"));
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("alice").heard(1), ["server 1: a", "gap", "server 1: b"]);
}

#[test]
fn operations_in_flight_fail_when_the_session_is_lost() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", join("town", 1)).unwrap();
    lab.call("alice", join_topic("town", "news", 2, ordered())).unwrap();
    lab.call("alice", subscribe("old", 3)).unwrap();
    let silent = ["publish", "publish topic", "subscribe", "unsubscribe", "join", "join topic"];
    lab.with_server(|server, _| server.silent.extend(silent));
    let lobby = lab.publish("alice", channel("lobby"), "hi");
    let bob = lab.publish("alice", user("bob"), "hi");
    let news = lab.publish("alice", Target::Topic(HandleId(2)), "hi");
    let others = [
        (subscribe("lobby", 4), Some(ErrorKind::NotConnected)),
        (join("city", 5), Some(ErrorKind::NotConnected)),
        (join_topic("town", "talk", 6, ordered()), Some(ErrorKind::NotConnected)),
        (Command::LeaveTopic { handle: HandleId(2) }, Some(ErrorKind::NotConnected)),
        // It has ended, one way or the other.
        (Command::Unsubscribe { channel: name("old") }, None),
    ];
    let others = others.map(|(command, kind)| (lab.command("alice", command), kind));
    lab.run(Duration::from_millis(200));
    lab.with_server(|server, now| {
        server.silent.clear();
        server.close(now, "alice", CloseCode::SHUTDOWN, "");
    });
    for publish in [lobby, bob, news] {
        let error = lab.published("alice", publish).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    }
    for (waiter, kind) in others {
        let answer = lab.answer("alice", waiter);
        assert_eq!(answer.err().map(|error| error.kind()), kind);
    }
    // This server remembers nothing, so nothing was sent again.
    let before = lab.server().operations.len();
    lab.run_until_link("alice", LinkState::Connected);

    assert_eq!(lab.server().operations.len(), before);
    // What failed is not there, and can be asked for again; what was there is there.
    for command in [
        subscribe("lobby", 7),
        subscribe("old", 8),
        join("city", 9),
        join_topic("town", "talk", 10, ordered()),
    ] {
        lab.call("alice", command).unwrap();
    }
    let publish = lab.publish("alice", Target::Topic(HandleId(2)), "again");
    lab.published("alice", publish).unwrap();
}

#[test]
fn a_refusal_of_what_was_sent_again_counts_only_if_the_owner_was_asked() {
    let cases = [
        (ErrorCode::CHANNEL_PUBLISH_MESSAGE_TOO_FREQUENT, ErrorKind::OutcomeUnknown),
        (ErrorCode::NOT_CONNECTED, ErrorKind::OutcomeUnknown),
        (ErrorCode::CHANNEL_MESSAGE_LENGTH_EXCEED_LIMITATION, ErrorKind::MessageTooLarge),
    ];
    for (code, kind) in cases {
        let mut lab = Lab::with_users(0.0, &["alice"]);
        lab.with_server(|server, _| {
            server.known_ms = 60_000;
            server.silent.extend(["publish"]);
        });
        let first = lab.publish("alice", channel("lobby"), "hi");
        lab.run(Duration::from_millis(200));
        lab.with_server(|server, now| {
            server.silent.clear();
            server.refuse.insert("publish", code);
            server.close(now, "alice", CloseCode::SHUTDOWN, "");
        });
        lab.run_until_link("alice", LinkState::Connected);
        assert_eq!(lab.published("alice", first).unwrap_err().kind(), kind);
        let publishes = lab.server().requests.iter().filter(|it| it.contains("publish")).count();
        assert_eq!(publishes, 2, "it was sent again");
        // Of a new one the refusal says all.
        let second = lab.publish("alice", channel("lobby"), "hi");
        assert_eq!(lab.published("alice", second).unwrap_err().code(), -code.0.cast_signed());
    }
}

#[test]
fn operation_ids_only_grow_within_an_instance() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    for _ in 0..3 {
        for _ in 0..5 {
            let publish = lab.publish("alice", channel("lobby"), "hi");
            lab.published("alice", publish).unwrap();
        }
        lose_session(&mut lab, "alice");
    }
    let operations = &lab.server().operations;
    assert_eq!(operations.len(), 15);
    assert!(operations.windows(2).all(|pair| pair[0] < pair[1]), "{operations:?}");
}

#[test]
fn memberships_publications_and_topic_subscriptions_come_back() {
    let mut lab = Lab::with_users(0.1, &["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 1)).unwrap();
    }
    lab.call("alice", join_topic("town", "news", 2, ordered())).unwrap();
    lab.call("bob", subscribe_topic("town", "news", &["alice"], 3)).unwrap();
    lab.call("bob", join_topic("town", "talk", 4, ordered())).unwrap();
    lab.call("alice", subscribe_topic("town", "talk", &[], 5)).unwrap();
    for lost in ["alice", "bob", "alice"] {
        lose_session(&mut lab, lost);
        assert!(lab.client(lost).links.last().unwrap().is_restored, "{:?}", lab.client(lost).links);
        for (publisher, handle) in [("alice", 2), ("bob", 4)] {
            let publish = lab.publish(publisher, Target::Topic(HandleId(handle)), lost);
            lab.published(publisher, publish).unwrap();
        }
        lab.run(Duration::from_secs(5));
    }
    let texts = |heard: Vec<String>| -> Vec<String> {
        let text = |line: &String| line.split(": ").nth(1).unwrap_or(line).to_owned();
        heard.iter().map(text).collect()
    };
    assert_eq!(texts(lab.client("bob").heard_topic(3)), ["alice", "bob", "alice"]);
    assert_eq!(texts(lab.client("alice").heard_topic(5)), ["alice", "bob", "alice"]);
    let snapshots = lab.client("alice").heard_stream(1);
    let snapshots = snapshots.iter().filter(|line| line.starts_with("snapshot"));
    assert_eq!(snapshots.count(), 3, "one for each time of joining");
}

#[test]
fn named_publishers_are_heard_when_they_come_back_later() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 1)).unwrap();
    }
    lab.call("alice", join_topic("town", "news", 2, ordered())).unwrap();
    lab.call("bob", subscribe_topic("town", "news", &["alice"], 3)).unwrap();
    let alice = lab.address("alice");
    lab.world.network_mut().set_blackout(alice, true);
    lab.restart_server(2);
    lab.run_until_link("bob", LinkState::Disconnected);
    lab.run_until_link("bob", LinkState::Connected);
    assert!(lab.client("bob").links.last().unwrap().is_restored);
    lab.world.network_mut().set_blackout(alice, false);
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.run_until_link("alice", LinkState::Connected);
    lab.run(Duration::from_secs(1));
    let publish = lab.publish("alice", Target::Topic(HandleId(2)), "hi");
    lab.published("alice", publish).unwrap();
    lab.run(Duration::from_secs(1));
    // Nobody knows whether the server that is gone had more of her.
    assert_eq!(lab.client("bob").heard_topic(3), ["gap", "alice 1: hi"]);
}

#[test]
fn messages_of_a_topic_that_were_missed_are_told() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 1)).unwrap();
    }
    lab.call("alice", join_topic("town", "news", 2, ordered())).unwrap();
    lab.call("bob", subscribe_topic("town", "news", &["alice"], 3)).unwrap();
    let publish = lab.publish("alice", Target::Topic(HandleId(2)), "a");
    lab.published("alice", publish).unwrap();
    lab.run(Duration::from_secs(1));
    lab.with_server(|server, now| server.close(now, "bob", CloseCode::SHUTDOWN, ""));
    lab.run_until_link("bob", LinkState::Disconnected);
    for text in ["lost", "lost", "lost"] {
        let publish = lab.publish("alice", Target::Topic(HandleId(2)), text);
        lab.published("alice", publish).unwrap();
    }
    lab.run_until_link("bob", LinkState::Connected);
    let publish = lab.publish("alice", Target::Topic(HandleId(2)), "b");
    lab.published("alice", publish).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("bob").heard_topic(3), ["alice 1: a", "gap of 3", "alice 5: b"]);
}

#[test]
fn what_the_server_does_not_restore_ends_with_the_reason() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 2)).unwrap();
    }
    lab.call("alice", join("city", 3)).unwrap();
    lab.call("bob", join_topic("town", "talk", 4, ordered())).unwrap();
    lab.call("alice", join_topic("town", "news", 5, ordered())).unwrap();
    lab.call("alice", subscribe_topic("town", "talk", &["bob"], 6)).unwrap();
    lab.with_server(|server, _| {
        server.refuse.insert("subscribe", ErrorCode::CHANNEL_SUBSCRIBE_PERMISSION_DENIED);
        server.refuse.insert("join topic", ErrorCode::CHANNEL_EXCEED_TOPIC_LIMITATION);
        server.refuse.insert("subscribe topic", ErrorCode::CHANNEL_EXCEED_TOPIC_LIMITATION);
    });
    lose_session(&mut lab, "alice");
    let client = lab.client("alice");
    let event = client.links.last().unwrap();
    assert!(!event.is_restored);
    let unrestored: Vec<_> = event
        .unrestored
        .iter()
        .map(|lost| (&*lost.channel, lost.topic.as_deref(), lost.error.kind()))
        .collect();
    let expected = [
        ("lobby", None, ErrorKind::PermissionDenied),
        ("town", Some("news"), ErrorKind::LimitExceeded),
        ("town", Some("talk"), ErrorKind::LimitExceeded),
    ];
    assert_eq!(unrestored, expected);
    assert_eq!(client.heard(1), ["ended: PermissionDenied"]);
    assert_eq!(client.heard_topic(6), ["ended: LimitExceeded"]);
    let publish = lab.publish("alice", Target::Topic(HandleId(5)), "hi");
    assert_eq!(lab.published("alice", publish).unwrap_err().kind(), ErrorKind::TopicNotJoined);

    lab.with_server(|server, _| {
        server.refuse.clear();
        server.refuse.insert("join", ErrorCode::INVALID_TOKEN);
    });
    lose_session(&mut lab, "alice");
    let event = lab.client("alice").links.last().unwrap();
    assert_eq!(event.unrestored.len(), 2);
    let heard = lab.client("alice").heard_stream(2);
    assert_eq!(heard.last().map(String::as_str), Some("ended: InvalidToken"));
}

#[test]
fn handles_dropped_during_an_outage_are_not_restored() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 2)).unwrap();
    }
    lab.call("bob", join_topic("town", "talk", 3, ordered())).unwrap();
    lab.call("alice", subscribe_topic("town", "talk", &[], 4)).unwrap();
    lab.call("alice", join_topic("town", "news", 5, ordered())).unwrap();
    lab.with_server(|server, now| server.close(now, "alice", CloseCode::SHUTDOWN, ""));
    lab.run_until_link("alice", LinkState::Disconnected);
    for handle in [1, 4, 5] {
        lab.with_client("alice", |client, now| client.drop_handle(now, handle));
    }
    let before = lab.server().requests.len();
    lab.run_until_link("alice", LinkState::Connected);
    lab.run(Duration::from_secs(1));
    // The view knows no way to forget a publication without a session: it is joined and left.
    let expected = ["alice: join", "alice: join topic", "alice: leave topic"];
    assert_eq!(lab.server().requests[before..], expected);
}

#[test]
fn a_login_during_an_outage_restores_everything_too() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.with_server(|server, now| server.close(now, "alice", CloseCode::SHUTDOWN, ""));
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.call("alice", login("another token")).unwrap();
    lab.with_server(|server, now| server.publish(now, "lobby", b"hi"));
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("alice").heard(1), ["server 1: hi"]);
    let instances = &lab.server().instances;
    assert!(instances.len() == 2 && instances[0] == instances[1], "one life: {instances:?}");
}

#[test]
fn an_attempt_by_ticket_that_nobody_answers_is_followed_by_a_login() {
    let mut lab = Lab::new(0.0);
    lab.with_server(|server, _| server.gives_tickets = true);
    lab.add("alice");
    lab.log_in("alice");
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    for round in 1..=2 {
        lose_session(&mut lab, "alice");
        assert_eq!(lab.server().resumptions, round);
        assert_eq!(lab.server().instances.len(), round + 1);
        assert!(lab.client("alice").links.last().unwrap().is_restored);
        lab.run(Duration::from_secs(1));
    }
}
