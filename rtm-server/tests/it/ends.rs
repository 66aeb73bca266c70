//! Limits of hosted RTM 2.x at the limit and one beyond, and numbers of what a user does wrong,
//! through the client and the server.

use std::time::Duration;

use rtm_client::core::{Answer, Command, HandleId};
use rtm_client::{
    ChannelId, LinkOperation, LinkReason, LinkState, PublishOptions, Qos, SubscribeOptions,
    TopicOptions,
};
use rtm_wire::QueuePolicy;

use super::storage::{lobby, set};
use super::world::{
    Lab, channel, join, join_topic, join_topic_with, name, publication, publish, subscribe,
    subscribe_topic, topic, user_ids,
};

fn alice() -> Lab {
    Lab::with_users(0.0, &["alice"])
}

/// The numbers of a command with so many, at the limit and one beyond.
#[track_caller]
fn at_the_end(lab: &mut Lab, most: usize, code: i32, make: impl Fn(usize) -> Command) {
    assert_eq!(lab.code("alice", make(most)), 0, "{most}");
    assert_eq!(lab.code("alice", make(most + 1)), code, "{}", most + 1);
}

#[test]
fn a_custom_type_has_at_most_32_bytes() {
    at_the_end(&mut alice(), 32, -11_029, |count| {
        let options = PublishOptions::text().custom_type("c".repeat(count));
        Command::Publish { target: channel("lobby"), payload: "hi".into(), options }
    });
}

#[test]
fn a_key_of_metadata_has_at_most_32_bytes() {
    at_the_end(&mut alice(), 32, -12_011, |count| {
        set(lobby(), &[&format!("{}=1", "k".repeat(count))])
    });
}

#[test]
fn what_a_publisher_says_of_itself_has_at_most_256_bytes() {
    let mut lab = alice();
    lab.call("alice", join("town", 1)).unwrap();
    at_the_end(&mut lab, 256, -11_018, |count| {
        let options = TopicOptions::new().meta(vec![b'm'; count]);
        join_topic_with("town", &format!("t{count}"), 2 + count as u64, options)
    });
}

#[test]
fn a_user_shows_at_most_32_states() {
    at_the_end(&mut alice(), 32, -13_005, |count| Command::SetStates {
        channel: ChannelId::message("lobby").unwrap(),
        states: (0..count).map(|index| (format!("key{index}"), "v".to_owned())).collect(),
    });
}

#[test]
fn a_state_is_named_once_in_a_call() {
    let states = ["mood", "mood"].map(|key| (key.to_owned(), "well".to_owned())).to_vec();
    let command = Command::SetStates { channel: ChannelId::message("lobby").unwrap(), states };
    assert_eq!(alice().code("alice", command), -13_010);
}

#[test]
fn a_channel_is_subscribed_once() {
    let mut lab = alice();
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    assert_eq!(lab.code("alice", subscribe("lobby", 2)), -10_017);
    // The first one goes on.
    lab.call("alice", publish(channel("lobby"), b"hi")).unwrap();
    assert_eq!(lab.client("alice").heard(1), ["alice 1: hi"]);
}

#[test]
fn nobody_is_no_list_of_users() {
    let mut lab = alice();
    lab.call("alice", join("town", 1)).unwrap();
    let (channel, topic, handle) = (name("town"), topic("news"), HandleId(2));
    let queue = QueuePolicy::Default;
    let command =
        Command::SubscribeTopic { channel, topic, users: Some(Vec::new()), queue, handle };
    assert_eq!(lab.code("alice", command), -11_011);
}

#[test]
fn of_each_user_of_a_subscription_it_is_told_what_is_wrong() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob", "carol"]);
    for user in ["alice", "bob", "carol"] {
        lab.call(user, join("town", 1)).unwrap();
    }
    for user in ["alice", "bob"] {
        lab.call(user, join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    }
    let subscribed = lab.call("alice", subscribe_topic("town", "news", &["bob", "carol"], 3));
    let Ok(Answer::Users(users)) = subscribed else { panic!("{subscribed:?}") };
    assert_eq!(users.succeeded, ["bob"]);
    let failed: Vec<_> = users.failed.iter().map(|it| (&*it.user, it.error.code())).collect();
    assert_eq!(failed, [("carol", -5)], "it doesn't publish");
    let own = Command::AddPublishers { handle: HandleId(3), users: Some(user_ids(&["alice"])) };
    let added = lab.call("alice", own);
    let Ok(Answer::Users(users)) = added else { panic!("{added:?}") };
    let failed: Vec<_> = users.failed.iter().map(|it| (&*it.user, it.error.code())).collect();
    assert_eq!(failed, [("alice", -6)], "itself");
    lab.call("bob", publish(publication(2), b"hi")).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("alice").heard_topic(3), ["bob 1: hi"]);
}

#[test]
fn who_is_heard_already_or_is_not_heard_is_told_of_each() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 1)).unwrap();
    }
    lab.call("bob", join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    lab.call("alice", subscribe_topic("town", "news", &["bob"], 3)).unwrap();
    let handle = HandleId(3);
    let again = Command::AddPublishers { handle, users: Some(user_ids(&["bob"])) };
    let nobody = Command::RemovePublishers { handle, users: user_ids(&["carol"]) };
    for (command, code) in [(again, -20_001), (nobody, -20_004)] {
        let answer = lab.call("alice", command);
        let Ok(Answer::Users(users)) = answer else { panic!("{code}: {answer:?}") };
        let failed: Vec<_> = users.failed.iter().map(|it| it.error.code()).collect();
        assert_eq!(failed, [code]);
    }
}

#[test]
fn sixty_four_publishers_of_a_topic_are_heard_and_not_one_more() {
    let publishers: Vec<_> = (0..65).map(|index| format!("p{index}")).collect();
    let mut lab = alice();
    lab.call("alice", join("town", 1)).unwrap();
    for publisher in &publishers {
        lab.add_users(&[publisher]);
        lab.call(publisher, join("town", 1)).unwrap();
        lab.call(publisher, join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    }
    let all: Vec<&str> = publishers.iter().map(String::as_str).collect();
    lab.call("alice", subscribe_topic("town", "news", &all[..64], 3)).unwrap();
    let one = Command::AddPublishers { handle: HandleId(3), users: Some(user_ids(&all[64..])) };
    let answer = lab.call("alice", one);
    let Ok(Answer::Users(users)) = answer else { panic!("{answer:?}") };
    let failed: Vec<_> = users.failed.iter().map(|it| it.error.code()).collect();
    assert_eq!((users.succeeded.len(), failed), (0, vec![-20_003]));
}

#[test]
fn who_wants_no_messages_gets_none_and_who_says_nothing_gets_them() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob", "carol"]);
    let options = SubscribeOptions::new().messages(false);
    let (name_, handle) = (name("lobby"), HandleId(1));
    lab.call("bob", Command::Subscribe { channel: name_, options, handle }).unwrap();
    lab.call("carol", subscribe("lobby", 1)).unwrap();
    lab.call("alice", publish(channel("lobby"), b"hi")).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("bob").heard(1).len(), 0);
    assert_eq!(lab.client("carol").heard(1), ["alice 1: hi"]);
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
    assert_eq!(last(&lab).0, LinkOperation::AutoReconnect);
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
    let operations: Vec<_> =
        lab.client("bob").links[before..].iter().map(|it| it.operation).collect();
    assert!(operations.contains(&LinkOperation::NetworkChange), "{operations:?}");
}
