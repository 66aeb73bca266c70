//! Networks that go away and come back, addresses that change, servers that start anew.

use std::time::Duration;

use rtm_client::core::Command;
use rtm_client::{LinkOperation, LinkReason, LinkState, Qos};
use rtm_sim::{Burst, Reorder};

use super::world::{
    Lab, channel, join, join_topic, link, publication, publish, subscribe, subscribe_topic,
    unsubscribe, unsubscribe_topic, user,
};

/// Bob hears the lobby as 1, and all of the town's news, which alice publishes as 2, as 4.
fn lab(loss: f64) -> Lab {
    let mut lab = Lab::with_users(loss, &["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 3)).unwrap();
    }
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    lab.call("alice", join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    lab.call("bob", subscribe_topic("town", "news", &["alice"], 4)).unwrap();
    lab
}

/// Alice says this in the lobby and in the topic.
fn say(lab: &mut Lab, text: &str) {
    for target in [channel("lobby"), publication(2)] {
        let waiter = lab.publish("alice", target, text);
        lab.published("alice", waiter).unwrap();
    }
    lab.run(Duration::from_secs(1));
}

#[test]
fn a_short_blackout_is_a_pause() {
    let mut lab = lab(0.0);
    say(&mut lab, "a");
    lab.set_blackout("bob", true);
    say(&mut lab, "b");
    lab.run(Duration::from_secs(15));
    lab.set_blackout("bob", false);
    lab.run(Duration::from_secs(10));
    say(&mut lab, "c");
    let expected = ["alice 1: a", "alice 2: b", "alice 3: c"];
    assert_eq!(lab.client("bob").heard(1), expected);
    assert_eq!(lab.client("bob").heard_topic(4), expected);
    assert_eq!(lab.client("bob").core.link_state(), LinkState::Connected);
    assert_eq!(lab.client("bob").links.len(), 2, "it was never anything else");
}

#[test]
fn new_addresses_cost_nothing() {
    let mut lab = lab(0.1);
    for index in 0..10 {
        for user in ["alice", "bob"] {
            let (old, new) =
                (lab.address(user), format!("172.16.0.{}:{}", index + 1, 5_000 + index));
            lab.world.network_mut().rebind(old, new.parse().unwrap());
        }
        say(&mut lab, "m");
    }
    lab.run(Duration::from_secs(5));
    let expected: Vec<_> = (1..=10).map(|sequence| format!("alice {sequence}: m")).collect();
    assert_eq!(lab.client("bob").heard(1), expected);
    assert_eq!(lab.client("bob").heard_topic(4), expected);
    assert_eq!(lab.status().gateway.logins, 2);
}

#[test]
fn what_an_outage_hides_is_a_gap_with_a_number() {
    let mut lab = lab(0.0);
    say(&mut lab, "a");
    lab.set_blackout("bob", true);
    lab.run(Duration::from_secs(45));
    for text in ["b", "c", "d"] {
        say(&mut lab, text);
    }
    assert_eq!(lab.status().sessions, 1);
    lab.set_blackout("bob", false);
    lab.run_until_link("bob", LinkState::Connected);
    assert!(lab.client("bob").links.last().unwrap().is_restored);
    say(&mut lab, "e");
    let expected = ["alice 1: a", "gap of 3", "alice 5: e"];
    assert_eq!(lab.client("bob").heard(1), expected);
    assert_eq!(lab.client("bob").heard_topic(4), expected);
    let states: Vec<_> = lab.client("bob").link_states();
    assert_eq!(states[2], (LinkState::Disconnected, LinkReason::KeepAliveTimeout));
    lab.end(&["alice", "bob"]);
}

#[test]
fn a_publisher_that_was_away_publishes_again() {
    let mut lab = lab(0.0);
    say(&mut lab, "a");
    lab.outage("alice");
    lab.run_until_link("alice", LinkState::Connected);
    lab.run(Duration::from_secs(1));
    say(&mut lab, "b");
    assert_eq!(lab.client("bob").heard(1), ["alice 1: a", "alice 2: b"]);
    let heard = lab.client("bob").heard_topic(4);
    assert_eq!(heard, ["alice 1: a", "alice 1: b"], "of a new publication, and nothing is missing");
    let news = ["snapshot", "+news/alice", "-news/alice", "+news/alice"];
    assert_eq!(lab.client("bob").heard_stream(3), news);
}

#[test]
fn what_is_ended_while_away_stays_ended() {
    let mut lab = lab(0.0);
    say(&mut lab, "a");
    lab.set_blackout("bob", true);
    lab.run_until_link("bob", LinkState::Disconnected);
    lab.call("bob", unsubscribe("lobby")).unwrap();
    lab.call("bob", unsubscribe_topic(4)).unwrap();
    lab.set_blackout("bob", false);
    lab.run_until_link("bob", LinkState::Connected);
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.status().channels, 1, "the town");
    say(&mut lab, "b");
    lab.call("bob", subscribe("lobby", 11)).unwrap();
    lab.call("bob", subscribe_topic("town", "news", &["alice"], 14)).unwrap();
    say(&mut lab, "c");
    assert_eq!(lab.client("bob").heard(1), ["alice 1: a"]);
    assert_eq!(lab.client("bob").heard_topic(4), ["alice 1: a"]);
    assert_eq!(lab.client("bob").heard(11), ["alice 3: c"]);
    assert_eq!(lab.client("bob").heard_topic(14), ["alice 3: c"]);
}

#[test]
fn a_publication_that_nobody_wants_any_more_ends_when_its_client_is_back() {
    let mut lab = lab(0.0);
    lab.set_blackout("alice", true);
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.with_client("alice", |alice, now| alice.drop_handle(now, 2));
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("bob").heard_stream(3).last().unwrap(), "-news/alice");
    lab.call("alice", join_topic("town", "news", 12, Qos::Ordered)).unwrap();
}

#[test]
fn a_publish_without_an_answer_before_the_client_gives_up_is_of_unknown_outcome_once() {
    let mut lab = lab(0.0);
    lab.set_blackout("alice", true);
    let waiters: Vec<_> = [channel("lobby"), publication(2), user("bob")]
        .into_iter()
        .map(|target| lab.publish("alice", target, "into the dark"))
        .collect();
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.call("alice", Command::Logout).unwrap();
    for waiter in waiters {
        let error = lab.published("alice", waiter).unwrap_err();
        assert_eq!(error.kind(), rtm_client::ErrorKind::OutcomeUnknown);
    }
    lab.set_blackout("alice", false);
    lab.log_in("alice");
    assert_eq!(lab.client("alice").core.operations_in_flight(), 0);
}

#[test]
fn a_server_that_starts_anew_gets_everybody_back() {
    let mut lab = lab(0.0);
    for text in ["a", "b"] {
        say(&mut lab, text);
    }
    lab.restart_server();
    lab.run(Duration::from_secs(30));
    for user in ["alice", "bob"] {
        assert_eq!(lab.client(user).core.link_state(), LinkState::Connected);
        assert!(lab.client(user).links.last().unwrap().is_restored, "{user}");
    }
    assert_eq!((lab.status().sessions, lab.status().channels), (2, 2));
    say(&mut lab, "c");
    let heard = lab.client("bob").heard(1);
    assert_eq!(heard, ["alice 1: a", "alice 2: b", "gap of unknown size", "alice 1: c"]);
    let events = &lab.client("bob").channels;
    let epochs = events.iter().filter_map(|(_, event)| match event {
        rtm_client::ChannelEvent::Message(message) => Some(message.epoch),
        _ => None,
    });
    assert_eq!(epochs.collect::<Vec<_>>(), [1, 1, 2]);
    assert_eq!(lab.client("bob").heard_topic(4).last().unwrap(), "alice 1: c");
    lab.end(&["alice", "bob"]);
}

#[test]
fn a_bad_network_loses_repeats_and_swaps_nothing() {
    for seed in 0..5 {
        let link = link()
            .jitter(Duration::from_millis(40))
            .loss(0.1)
            .duplicate(0.1)
            .corrupt(0.01)
            .reorder(Reorder { probability: 0.1, extra_delay: Duration::from_millis(80) })
            .burst(Burst::with_loss(0.05, Duration::from_millis(200)));
        let (limits, session) = (rtm_server::AppLimits::hosted(), rtm_session::Config::server());
        let mut lab = Lab::build(seed, link, limits, session);
        lab.add_users(&["alice", "bob"]);
        lab.call("bob", subscribe("lobby", 1)).unwrap();
        for index in 0..100 {
            lab.publish("alice", channel("lobby"), &index.to_string());
            lab.run(Duration::from_millis(30));
        }
        lab.run(Duration::from_secs(20));
        let expected: Vec<_> =
            (0..100).map(|index| format!("alice {}: {index}", index + 1)).collect();
        assert_eq!(lab.client("bob").heard(1), expected, "seed {seed}");
    }
}

#[test]
fn a_change_of_the_link_tells_what_has_led_to_it_and_which_channels_it_concerns() {
    let mut lab = lab(0.0);
    lab.set_blackout("bob", true);
    lab.run_until_link("bob", LinkState::Disconnected);
    lab.set_blackout("bob", false);
    lab.run_until_link("bob", LinkState::Connected);
    lab.set_blackout("bob", true);
    lab.run(Duration::from_secs(300));
    lab.run_until_link("bob", LinkState::Suspended);
    lab.set_blackout("bob", false);
    lab.with_client("bob", |client, now| client.core.network_changed(now));
    lab.run_until_link("bob", LinkState::Connected);
    lab.call("bob", Command::Logout).unwrap();
    let channels = ["lobby", "town"];
    let links = &lab.client("bob").links;
    for event in links {
        let affected: Vec<_> = event.affected_channels.iter().map(|it| it.name()).collect();
        let is_before =
            event.reason == LinkReason::Login || event.reason == LinkReason::LoginSuccess;
        assert_eq!(affected, if is_before { &[][..] } else { &channels }, "{event:?}");
        let back = event.reason == LinkReason::ReconnectSuccess;
        assert_eq!(event.operation == LinkOperation::Reconnected, back);
        assert_eq!(event.is_restored, back);
    }
    let resumed = links.iter().filter(|it| it.reason == LinkReason::ReconnectSuccess);
    let resumed: Vec<_> = resumed.map(|it| it.is_resumed).collect();
    assert_eq!(resumed, [true, false], "soon, and after five minutes");
    let operations: Vec<_> = links.iter().map(|it| it.operation).collect();
    for operation in [
        LinkOperation::Login,
        LinkOperation::HeartbeatLost,
        LinkOperation::AutoReconnect,
        LinkOperation::ServerTimeout,
        LinkOperation::NetworkChange,
        LinkOperation::Logout,
    ] {
        assert!(operations.contains(&operation), "{operation:?}: {operations:?}");
    }
    lab.shut_down();
    lab.run(Duration::from_secs(5));
    let last = lab.client("alice").links[2].clone();
    let expected = (LinkReason::KickedOutByServer, LinkOperation::ServerReject);
    assert_eq!((last.reason, last.operation), expected);
}

/// The operation and reason of the last change of bob's link.
fn last(lab: &Lab) -> (LinkOperation, LinkReason) {
    let last = lab.client("bob").links.last().unwrap();
    (last.operation, last.reason)
}

#[test]
fn the_link_says_what_has_led_to_a_loss_and_to_the_return() {
    let mut lab = Lab::with_users(0.0, &["bob"]);
    lab.set_blackout("bob", true);
    lab.run_until_link("bob", LinkState::Disconnected);
    assert_eq!(last(&lab).0, LinkOperation::HeartbeatLost);
    lab.set_blackout("bob", false);
    lab.run_until_link("bob", LinkState::Connecting);
    assert_eq!(last(&lab), (LinkOperation::AutoReconnect, LinkReason::AutoReconnect));
    assert_eq!(LinkReason::AutoReconnect.number(), 8);
    lab.run_until_link("bob", LinkState::Connected);
    assert_eq!(last(&lab), (LinkOperation::Reconnected, LinkReason::ReconnectSuccess));
}

#[test]
fn the_link_says_that_time_was_up_and_that_the_network_has_changed() {
    let mut lab = Lab::with_users(0.0, &["bob"]);
    lab.set_blackout("bob", true);
    lab.run_until_link("bob", LinkState::Suspended);
    assert_eq!(last(&lab).0, LinkOperation::ServerTimeout);
    let before = lab.client("bob").links.len();
    lab.set_blackout("bob", false);
    lab.with_client("bob", |client, now| client.core.network_changed(now));
    lab.run_until_link("bob", LinkState::Connected);
    let why: Vec<_> =
        lab.client("bob").links[before..].iter().map(|it| (it.operation, it.reason)).collect();
    let change = (LinkOperation::NetworkChange, LinkReason::NetworkChange);
    assert!(why.contains(&change), "{why:?}");
    assert_eq!(LinkReason::NetworkChange.number(), 32);
}

#[test]
fn a_logout_is_said_to_be_one() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", Command::Logout).unwrap();
    let last = lab.client("alice").links.last().unwrap();
    assert_eq!((last.operation, last.operation.number()), (LinkOperation::Logout, 1));
    assert_eq!(last.current, LinkState::Idle);
}

#[test]
fn what_was_subscribed_is_restored_after_a_suspension_too() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    lab.set_blackout("bob", true);
    lab.run_until_link("bob", LinkState::Suspended);
    lab.set_blackout("bob", false);
    lab.run_until_link("bob", LinkState::Connected);
    assert!(lab.client("bob").links.last().unwrap().is_restored);
    lab.call("alice", publish(channel("lobby"), b"hi")).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("bob").heard(1).last().unwrap(), "alice 1: hi");
}

#[test]
fn a_session_that_breaks_is_a_connection_error() {
    let mut lab = Lab::with_users(0.0, &["bob"]);
    // The server's next life knows nothing of the session, and says so.
    lab.restart_server();
    lab.command("bob", publish(channel("lobby"), b"hi"));
    lab.run_until_link("bob", LinkState::Disconnected);
    assert_eq!(last(&lab), (LinkOperation::ServerTimeout, LinkReason::ConnectionError));
    assert_eq!(LinkReason::ConnectionError.number(), 30);
    lab.run_until_link("bob", LinkState::Connected);
    // Nor is there anybody for a while.
    lab.set_blackout("bob", true);
    lab.run_until_link("bob", LinkState::Suspended);
    assert_eq!(last(&lab), (LinkOperation::ServerTimeout, LinkReason::ConnectionError));
}

#[test]
fn attempts_come_ever_more_seldom_and_then_every_thirty_seconds() {
    let mut lab = Lab::with_users(0.0, &["bob"]);
    lab.set_blackout("bob", true);
    lab.run_until_link("bob", LinkState::Disconnected);
    let mut attempts = Vec::new();
    let begin = lab.world.now();
    let mut seen = lab.client("bob").links.len();
    while lab.world.now() < begin + Duration::from_secs(400) {
        lab.run(Duration::from_millis(100));
        for event in &lab.client("bob").links[seen..] {
            if event.current == LinkState::Connecting {
                let why = (event.operation, event.reason);
                assert_eq!(why, (LinkOperation::AutoReconnect, LinkReason::AutoReconnect));
                attempts.push(lab.world.now());
            }
        }
        seen = lab.client("bob").links.len();
    }
    // An attempt takes its time, too; so what lies between is more than the pause.
    let first = attempts[0].saturating_since(begin);
    assert!(first < Duration::from_secs(2), "{first:?}");
    let pauses: Vec<_> =
        attempts.windows(2).map(|pair| pair[1].saturating_since(pair[0]).as_secs()).collect();
    assert!(pauses.windows(2).take(3).all(|pair| pair[0] < pair[1]), "{pauses:?}");
    let late = &pauses[pauses.len() - 4..];
    assert!(late.iter().all(|pause| (25..=45).contains(pause)), "{pauses:?}");
}
