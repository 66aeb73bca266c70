//! A queue policy is that of one subscription, and of no other beside it, before or after it.

use std::time::Duration;

use bytes::Bytes;
use rtm_client::core::{Command, HandleId};
use rtm_client::{ChannelEvent, LinkState, PublishOptions, Qos, QueuePolicy, TopicEvent};
use rtm_server::AppLimits;
use rtm_session::Config;
use rtm_wire::{
    self as wire, ChannelKind, ChannelRef, Event, ServerOperation, Subscribe, SubscribeOptions,
};

use super::world::{
    Lab, channel, join, join_topic, link, name, publication, subscribe_with, topic, unsubscribe,
};

fn say(lab: &mut Lab, name: &str, count: usize, is_stored: bool) {
    for _ in 0..count {
        let options = PublishOptions::new().store_in_history(is_stored);
        let (target, payload) = (channel(name), Bytes::from(vec![b'x'; 1_000]));
        lab.call("alice", Command::Publish { target, payload, options }).unwrap();
    }
}

/// How many messages of a channel a raw user got.
fn got(lab: &Lab, channel: &str) -> Vec<u64> {
    let got = lab.raw("bob").got.iter();
    let sequences = got.filter_map(|(_, message)| match ServerOperation::decode(message) {
        Ok(ServerOperation::Event(Event::Message(it))) if it.channel.name == channel => {
            Some(it.position.sequence.0)
        }
        _ => None,
    });
    sequences.collect()
}

#[test]
fn what_may_be_dropped_takes_nothing_of_others_from_a_lane_that_they_share() {
    for policy in [wire::QueuePolicy::LatestOnly, wire::QueuePolicy::DropOldest] {
        let session = Config::server().send_queue(4 * 1_024 * 1_024, 100);
        let mut lab = Lab::build(11, link(), AppLimits::open(), session);
        lab.add_users(&["alice"]);
        // Not a lane besides that of its requests, on which few messages have room.
        lab.add_raw_user(
            "bob",
            Config::default().lanes_max(0).message_len_max(1_200).lane_credit(4_000),
        );
        lab.run(Duration::from_secs(1));
        lab.with_raw("bob", |raw, now| {
            for (id, name, queue) in
                [(1, "garden", wire::QueuePolicy::Default), (2, "lobby", policy)]
            {
                let channel = ChannelRef { kind: ChannelKind::Message, name };
                let options =
                    SubscribeOptions { presence: false, queue, ..SubscribeOptions::default() };
                raw.request(now, id, Subscribe { channel, options, resume: None });
            }
        });
        lab.run(Duration::from_secs(1));
        lab.with_raw("bob", |raw, _| raw.takes = false);
        say(&mut lab, "garden", 40, false);
        say(&mut lab, "lobby", 80, false);
        let kept = got(&lab, "garden");
        lab.with_raw("bob", |raw, now| {
            raw.takes = true;
            for (lane, payload) in raw.got.clone() {
                let session = raw.session.unwrap();
                raw.endpoint.release(now, session, lane, payload.len());
            }
        });
        lab.run(Duration::from_secs(10));
        assert!(kept.len() < 10, "it takes nothing");
        assert_eq!(got(&lab, "garden"), (1..=40).collect::<Vec<_>>(), "{policy:?}");
        let lobby = got(&lab, "lobby");
        assert_eq!(lobby.last(), Some(&80));
        assert!(lobby.len() < 80, "some were dropped");
    }
}

#[test]
fn a_policy_that_is_chosen_while_the_former_subscription_ends_counts() {
    for busy in [false, true] {
        let session = Config::server().send_queue(4 * 1_024 * 1_024, 50);
        let mut lab = Lab::build(11, link(), AppLimits::open(), session);
        lab.add_users(&["alice", "bob"]);
        lab.call("bob", subscribe_with("lobby", 1, QueuePolicy::CatchUp)).unwrap();
        say(&mut lab, "lobby", 1, true);
        if busy {
            // What ends waits for the disk for longer than an answer takes.
            lab.with_server(|server, _| server.set_disk_delay(Duration::from_millis(500)));
            let options = PublishOptions::new().store_in_history(true);
            let (target, payload) = (channel("lobby"), Bytes::from_static(b"x"));
            lab.command("alice", Command::Publish { target, payload, options });
            lab.run(Duration::from_millis(100));
        }
        let end = lab.command("bob", unsubscribe("lobby"));
        lab.run(Duration::from_millis(100));
        assert_eq!(lab.client("bob").answers.contains_key(&end), !busy, "it ends with its lane");
        lab.answer("bob", end).unwrap();
        lab.call("bob", subscribe_with("lobby", 2, QueuePolicy::LatestOnly)).unwrap();
        lab.run(Duration::from_secs(2));
        lab.with_server(|server, _| server.set_disk_delay(Duration::ZERO));
        lab.with_client("bob", |client, now| client.set_takes(now, false));
        for _ in 0..200 {
            let (target, payload) = (channel("lobby"), Bytes::from(vec![b'x'; 30_000]));
            let options = PublishOptions::new().store_in_history(true);
            lab.call("alice", Command::Publish { target, payload, options }).unwrap();
        }
        lab.with_client("bob", |client, now| client.set_takes(now, true));
        lab.run(Duration::from_secs(20));
        let heard = lab.client("bob").channels.len();
        assert!(heard < 20, "the latest only, and not a whole history: {heard}");
        let last = &lab.client("bob").channels.last().unwrap().1;
        let ChannelEvent::Message(last) = last else { panic!("{last:?}") };
        assert_eq!(last.sequence, 201 + u64::from(busy));
    }
}

#[test]
fn many_topics_that_may_drop_fill_a_session_without_ending_it() {
    const TOPICS: u64 = 12;
    let session = Config::server().send_bytes_max(450_000);
    let mut lab = Lab::build(11, link(), AppLimits::open(), session);
    lab.add_users(&["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 3)).unwrap();
    }
    lab.call("bob", subscribe_with("lobby", 4, QueuePolicy::Disconnect)).unwrap();
    for index in 0..TOPICS {
        let name_ = format!("t{index}");
        let (handle, heard) = (10 + index, HandleId(100 + index));
        lab.call("alice", join_topic("town", &name_, handle, Qos::Ordered)).unwrap();
        let queue = match index % 2 {
            0 => wire::QueuePolicy::DropOldest,
            _ => wire::QueuePolicy::LatestOnly,
        };
        let (channel, topic) = (name("town"), topic(&name_));
        let command = Command::SubscribeTopic { channel, topic, users: None, queue, handle: heard };
        lab.call("bob", command).unwrap();
    }
    lab.with_client("bob", |client, now| client.set_takes(now, false));
    for _ in 0..30 {
        for index in 0..TOPICS {
            let (target, payload) = (publication(10 + index), Bytes::from(vec![b'x'; 30_000]));
            let options = PublishOptions::new();
            lab.call("alice", Command::Publish { target, payload, options }).unwrap();
        }
    }
    // Nor does it end what may not be dropped.
    say(&mut lab, "lobby", 20, false);
    lab.with_client("bob", |client, now| client.set_takes(now, true));
    lab.run(Duration::from_secs(20));
    let bob = lab.client("bob");
    assert_eq!(bob.links.len(), 2, "{:?}", bob.links.last());
    assert_eq!(bob.links[1].current, LinkState::Connected);
    assert_eq!(bob.channels.len(), 20);
    for index in 0..TOPICS {
        let topics = bob.topics.iter().filter(|(of, _)| of.0 == 100 + index);
        let last = topics.filter_map(|(_, event)| match event {
            TopicEvent::Message(message) => Some(message.sequence),
            _ => None,
        });
        assert_eq!(last.last(), Some(30), "topic {index}");
    }
    assert!(lab.status().gateway.skipped > 100);
}
