//! What becomes of messages that come faster than they are taken is the subscriber's choice.

use std::time::Duration;

use bytes::Bytes;
use rtm_client::core::{Answer, Command, HandleId};
use rtm_client::{ChannelEvent, LinkState, PublishOptions, Qos, QueuePolicy, TopicEvent};
use rtm_server::AppLimits;
use rtm_session::Config;
use rtm_wire::{
    ChannelKind, ChannelRef, ErrorCode, Join, List, Subscribe, SubscribeOptions, SubscribeTopic,
};

use super::world::{
    Lab, channel, join, join_topic, link, name, publication, subscribe_with, topic, unsubscribe,
};

const LEN: usize = 30_000;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The server queues 50 messages on a lane, and a client's lane holds eight of ours.
fn lab() -> Lab {
    let session = Config::server().send_queue(4 * 1_024 * 1_024, 50);
    let mut lab = Lab::build(11, link(), AppLimits::open(), session);
    lab.add_users(&["alice", "bob"]);
    lab
}

fn lab_with(policy: QueuePolicy) -> Lab {
    let mut lab = lab();
    lab.call("bob", subscribe_with("lobby", 1, policy)).unwrap();
    lab
}

fn takes(lab: &mut Lab, takes: bool) {
    lab.with_client("bob", |client, now| client.set_takes(now, takes));
}

/// Alice says so much, of which each `stored`th is stored.
fn say(lab: &mut Lab, count: usize, stored: usize) {
    for index in 1..=count {
        let store = stored > 0 && index % stored == 0;
        let options = PublishOptions::new().store_in_history(store);
        let (target, payload) = (channel("lobby"), Bytes::from(vec![b'x'; LEN]));
        lab.call("alice", Command::Publish { target, payload, options }).unwrap();
    }
}

/// Sequences of messages; and of gaps, the last message before it and the first one behind it.
fn heard(lab: &Lab) -> (Vec<u64>, Vec<(u64, u64)>) {
    let (mut messages, mut gaps) = (Vec::new(), Vec::new());
    for (_, event) in &lab.client("bob").channels {
        match event {
            ChannelEvent::Message(message) => messages.push(message.sequence),
            ChannelEvent::Gap(gap) => gaps.push((gap.after.1, gap.before.1)),
            other => panic!("{other:?}"),
        }
    }
    (messages, gaps)
}

fn is_connected(lab: &Lab) -> bool {
    let links = &lab.client("bob").links;
    links.len() == 2 && links[1].current == LinkState::Connected
}

#[test]
fn who_catches_up_gets_all_that_was_stored_without_losing_its_session() {
    for policy in [QueuePolicy::Default, QueuePolicy::CatchUp] {
        let mut lab = lab_with(policy);
        takes(&mut lab, false);
        say(&mut lab, 300, 1);
        lab.run(secs(60));
        assert!(heard(&lab).0.len() < 10, "its application takes nothing");
        takes(&mut lab, true);
        lab.run(secs(30));
        assert_eq!(heard(&lab), ((1..=300).collect(), Vec::new()));
        assert!(is_connected(&lab));
        // And hears what comes as everybody does.
        say(&mut lab, 1, 0);
        lab.run(Duration::from_millis(100));
        assert_eq!(heard(&lab).0.last(), Some(&301));
        assert!(lab.status().gateway.skipped > 200);
    }
}

#[test]
fn what_was_not_stored_is_told_as_missing_though_nothing_follows_it() {
    let mut lab = lab_with(QueuePolicy::CatchUp);
    takes(&mut lab, false);
    say(&mut lab, 300, 0);
    takes(&mut lab, true);
    lab.run(secs(30));
    let (messages, gaps) = heard(&lab);
    let last = *messages.last().unwrap();
    assert_eq!(messages, (1..=last).collect::<Vec<_>>());
    assert_eq!(gaps, [(last, 301)]);
    assert!(is_connected(&lab));
}

#[test]
fn of_some_that_were_stored_and_some_that_were_not_each_comes_or_is_told() {
    let mut lab = lab_with(QueuePolicy::CatchUp);
    takes(&mut lab, false);
    say(&mut lab, 300, 3);
    takes(&mut lab, true);
    lab.run(secs(30));
    let (messages, gaps) = heard(&lab);
    let mut all: Vec<_> = gaps.iter().flat_map(|&(after, before)| after + 1..before).collect();
    assert!(all.iter().all(|missing| missing % 3 != 0), "{gaps:?}");
    all.extend(&messages);
    all.sort_unstable();
    assert_eq!(all, (1..=300).collect::<Vec<_>>());
    assert!(messages.is_sorted());
}

#[test]
fn what_is_said_while_somebody_catches_up_comes_in_order_and_once() {
    for pause in [1, 5, 20, 100] {
        let mut lab = lab_with(QueuePolicy::CatchUp);
        lab.with_server(|server, _| server.set_disk_delay(Duration::from_millis(pause)));
        takes(&mut lab, false);
        say(&mut lab, 100, 1);
        takes(&mut lab, true);
        for index in 0..300_u64 {
            // It stops now and then, in the middle of what is replayed.
            takes(&mut lab, index % 110 > 70);
            begin(&mut lab);
            lab.run(Duration::from_millis(pause));
        }
        takes(&mut lab, true);
        lab.run(secs(60));
        // At the highest rate not all find room on alice's side.
        let answers = lab.client("alice").answers.values();
        let said = answers.filter(|it| matches!(it, Ok(Answer::Published(_)))).count() as u64;
        assert!(said > 200);
        assert_eq!(heard(&lab), ((1..=said).collect(), Vec::new()), "{pause}");
        assert!(is_connected(&lab));
    }
}

/// Alice says something that is stored, whenever that will be done.
fn begin(lab: &mut Lab) {
    let options = PublishOptions::new().store_in_history(true);
    let (target, payload) = (channel("lobby"), Bytes::from(vec![b'x'; LEN]));
    lab.command("alice", Command::Publish { target, payload, options });
}

#[test]
fn a_session_that_other_lanes_fill_catches_up_too() {
    let session = Config::server().send_bytes_max(900_000);
    let mut lab = Lab::build(11, link(), AppLimits::open(), session);
    lab.add_users(&["alice", "bob"]);
    for (handle, name) in [(1, "lobby"), (2, "garden")] {
        lab.call("bob", subscribe_with(name, handle, QueuePolicy::CatchUp)).unwrap();
    }
    takes(&mut lab, false);
    for name in ["garden", "lobby"].repeat(50) {
        let options = PublishOptions::new().store_in_history(true);
        let (target, payload) = (channel(name), Bytes::from(vec![b'x'; LEN]));
        lab.call("alice", Command::Publish { target, payload, options }).unwrap();
    }
    takes(&mut lab, true);
    lab.run(secs(30));
    for handle in [1, 2] {
        let heard = lab.client("bob").heard(handle);
        let heard: Vec<_> = heard.iter().map(|it| it.split(':').next().unwrap()).collect();
        assert_eq!(heard.len(), 50, "{handle} {heard:?}");
        assert!(heard.iter().all(|it| it.starts_with("alice")), "no gaps");
    }
    assert!(is_connected(&lab));
}

#[test]
fn under_loss_who_lets_the_oldest_be_dropped_hears_in_order() {
    let session = Config::server();
    let mut lab = Lab::build(11, link().loss(0.2), AppLimits::open(), session);
    let policies = [rtm_wire::QueuePolicy::DropOldest, rtm_wire::QueuePolicy::LatestOnly];
    lab.add_users(&["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 3)).unwrap();
    }
    for (topic_name, queue) in ["a", "b"].into_iter().zip(policies) {
        let handle = if topic_name == "a" { 10 } else { 20 };
        lab.call("alice", join_topic("town", topic_name, handle, Qos::Unordered)).unwrap();
        let (channel, topic, handle) = (name("town"), topic(topic_name), HandleId(handle + 1));
        let users = None;
        let command = Command::SubscribeTopic { channel, topic, users, queue, handle };
        lab.call("bob", command).unwrap();
    }
    for _ in 0..300 {
        for handle in [10, 20] {
            lab.publish("alice", publication(handle), "hi");
        }
        lab.run(Duration::from_millis(5));
    }
    lab.run(secs(10));
    for handle in [11, 21] {
        let heard = lab.client("bob").heard_topic(handle);
        let sequences = heard.iter().map(|it| it.split([' ', ':']).nth(1).unwrap());
        let sequences: Vec<u64> = sequences.map(|it| it.parse().unwrap()).collect();
        assert!(sequences.is_sorted(), "{handle}");
        assert_eq!(sequences.last(), Some(&300));
        assert!(handle == 21 || sequences.len() == 300, "nothing was too fast");
    }
}

#[test]
fn who_comes_and_goes_is_told_meanwhile() {
    let mut lab = lab_with(QueuePolicy::CatchUp);
    lab.with_server(|server, _| server.set_disk_delay(Duration::from_millis(30)));
    takes(&mut lab, false);
    say(&mut lab, 100, 1);
    lab.add_users(&["carol"]);
    lab.call("carol", subscribe_with("lobby", 1, QueuePolicy::Default)).unwrap();
    say(&mut lab, 100, 1);
    lab.call("carol", unsubscribe("lobby")).unwrap();
    lab.run(secs(5));
    takes(&mut lab, true);
    // And while parts of it are read, which wait for what is being stored.
    for round in 0..40 {
        let command = match round % 2 {
            0 => subscribe_with("lobby", 2 + round, QueuePolicy::Default),
            _ => unsubscribe("lobby"),
        };
        begin(&mut lab);
        lab.call("carol", command).unwrap();
    }
    lab.run(secs(30));
    let present = lab.client("bob").present(1);
    let comings = present.iter().filter(|it| *it == "+carol").count();
    let goings = present.iter().filter(|it| *it == "-carol").count();
    assert_eq!((comings, goings), (21, 21), "{present:?}");
    assert!(is_connected(&lab));
    assert_eq!(heard(&lab), ((1..=240).collect(), Vec::new()));
}

#[test]
fn who_leaves_while_it_is_behind_gets_nothing_more_of_it() {
    let mut lab = lab_with(QueuePolicy::CatchUp);
    takes(&mut lab, false);
    say(&mut lab, 100, 1);
    lab.command("bob", unsubscribe("lobby"));
    let again = lab.command("bob", subscribe_with("lobby", 2, QueuePolicy::CatchUp));
    takes(&mut lab, true);
    lab.run(secs(10));
    assert!(lab.client("bob").answers[&again].is_ok());
    say(&mut lab, 1, 0);
    lab.run(secs(1));
    let heard = lab.client("bob").heard(2);
    // What was on its way when the former subscription ended may come first.
    assert!(heard.len() < 10 && heard.iter().all(|it| !it.starts_with("gap")), "{heard:?}");
    assert!(heard.last().unwrap().starts_with("alice 101"));
    assert!(is_connected(&lab));
}

#[test]
fn who_lets_the_oldest_be_dropped_gets_the_newest_and_is_told_of_the_others() {
    let mut lab = lab_with(QueuePolicy::DropOldest);
    takes(&mut lab, false);
    say(&mut lab, 300, 1);
    takes(&mut lab, true);
    lab.run(secs(30));
    let (messages, gaps) = heard(&lab);
    // Those that were on their way to it, and those for which three quarters of a queue have room,
    // or 256 KiB.
    assert_eq!(messages, (1..=8).chain(293..=300).collect::<Vec<_>>());
    assert_eq!(gaps, [(8, 293)]);
    assert!(is_connected(&lab));
}

#[test]
fn who_wants_the_latest_gets_the_last_one_and_hears_of_no_gap() {
    let mut lab = lab_with(QueuePolicy::LatestOnly);
    takes(&mut lab, false);
    say(&mut lab, 300, 1);
    takes(&mut lab, true);
    lab.run(secs(30));
    assert_eq!(heard(&lab), ((1..=8).chain([300]).collect(), Vec::new()));
    assert!(is_connected(&lab));
    // Nor of what was missed while its session was lost.
    lab.outage("bob");
    lab.run_until_link("bob", LinkState::Connected);
    say(&mut lab, 1, 1);
    lab.set_blackout("bob", true);
    say(&mut lab, 5, 1);
    lab.run(secs(60));
    lab.set_blackout("bob", false);
    lab.run_until_link("bob", LinkState::Connected);
    lab.run(secs(5));
    assert_eq!(heard(&lab).1, []);
}

fn say_in_topic(lab: &mut Lab, count: usize) {
    for _ in 0..count {
        let (target, payload) = (publication(2), Bytes::from(vec![b'x'; LEN]));
        let options = PublishOptions::new();
        lab.call("alice", Command::Publish { target, payload, options }).unwrap();
    }
}

fn town(policy: rtm_wire::QueuePolicy, qos: Qos) -> Lab {
    let mut lab = lab();
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 3)).unwrap();
    }
    lab.call("alice", join_topic("town", "news", 2, qos)).unwrap();
    let (channel, topic, handle) = (name("town"), topic("news"), HandleId(4));
    let command = Command::SubscribeTopic { channel, topic, users: None, queue: policy, handle };
    lab.call("bob", command).unwrap();
    lab
}

#[test]
fn in_topics_too_and_in_order_whatever_the_publisher_has_chosen() {
    let cases = [
        (rtm_wire::QueuePolicy::DropOldest, (1..=8).chain(293..=300).collect::<Vec<_>>(), 284),
        (rtm_wire::QueuePolicy::LatestOnly, (1..=8).chain([300]).collect(), 0),
    ];
    for (policy, expected, missing) in cases {
        for qos in [Qos::Ordered, Qos::Unordered] {
            let mut lab = town(policy, qos);
            takes(&mut lab, false);
            say_in_topic(&mut lab, 300);
            takes(&mut lab, true);
            lab.run(secs(30));
            let (mut messages, mut gaps) = (Vec::new(), 0);
            for (_, event) in &lab.client("bob").topics {
                match event {
                    TopicEvent::Message(message) => messages.push(message.sequence),
                    TopicEvent::Gap(gap) => gaps += gap.count.unwrap(),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!((messages, gaps), (expected.clone(), missing), "{qos:?}");
            assert!(is_connected(&lab));
        }
    }
    // Without a choice, the session ends.
    let mut lab = town(rtm_wire::QueuePolicy::Default, Qos::Ordered);
    takes(&mut lab, false);
    say_in_topic(&mut lab, 100);
    assert_eq!(lab.status().gateway.too_slow, 1);
}

#[test]
fn a_policy_that_makes_no_sense_is_refused() {
    let mut lab = lab();
    lab.call("bob", join("town", 3)).unwrap();
    let (channel, topic, handle) = (name("town"), topic("news"), HandleId(4));
    let queue = rtm_wire::QueuePolicy::CatchUp;
    let command = Command::SubscribeTopic { channel, topic, users: None, queue, handle };
    assert_eq!(lab.code("bob", command), -10_022);
    // The server sees to it itself.
    lab.add_raw_user("raw", Config::default());
    lab.with_raw("raw", |raw, now| {
        let options = SubscribeOptions::default();
        raw.request(now, 1, Join { channel: "town", options, token: "" });
        let (topic, users) = ("news", List::default());
        for (id, queue) in [(2, queue), (3, rtm_wire::QueuePolicy::Unknown(9))] {
            raw.request(now, id, SubscribeTopic { channel: "town", topic, users, queue });
        }
        let channel = ChannelRef { kind: ChannelKind::Message, name: "lobby" };
        let options = SubscribeOptions { queue: rtm_wire::QueuePolicy::Unknown(7), ..options };
        raw.request(now, 4, Subscribe { channel, options, resume: None });
    });
    lab.run(secs(1));
    for id in 2..=4 {
        assert_eq!(lab.raw("raw").codes(id), [ErrorCode::SERVICE_NOT_SUPPORTED], "{id}");
    }
    assert_eq!(lab.status().channels, 1, "nothing has changed");
}
