//! What a message may be, and what arrives of it.

use std::time::Duration;

use bytes::Bytes;
use rtm_client::core::Command;
use rtm_client::{ChannelEvent, LinkState, MessageType, PublishOptions, Qos, TopicEvent};

use super::server::OPEN_APP;
use super::world::{
    Lab, channel, join, join_topic, login, open_inbox, publication, publish, subscribe,
    subscribe_topic, user,
};

/// Alice can send, and bob hears, in a channel, a topic and an inbox.
fn lab() -> Lab {
    let mut lab = Lab::with_users(0.1, &["alice", "bob"]);
    for who in ["alice", "bob"] {
        lab.call(who, join("town", 1)).unwrap();
    }
    lab.call("bob", subscribe("lobby", 2)).unwrap();
    lab.call("bob", open_inbox(3)).unwrap();
    lab.call("alice", join_topic("town", "news", 4, Qos::Ordered)).unwrap();
    lab.call("bob", subscribe_topic("town", "news", &[], 5)).unwrap();
    lab.run(Duration::from_secs(2));
    lab
}

fn command(place: usize, payload: &[u8], options: PublishOptions) -> Command {
    let target = match place {
        0 => channel("lobby"),
        1 => publication(4),
        _ => user("bob"),
    };
    Command::Publish { target, payload: Bytes::copy_from_slice(payload), options }
}

#[test]
fn bytes_and_text_arrive_as_they_are_with_their_mark_and_the_servers_time() {
    let mut lab = lab();
    let every_byte: Vec<u8> = (0..=255).collect();
    let mark = "m".repeat(32);
    let mut expected = Vec::new();
    for place in 0..3 {
        for (payload, kind, mark) in [
            (&every_byte[..], MessageType::Binary, ""),
            ("grüß dich, 世界".as_bytes(), MessageType::String, mark.as_str()),
            (&b""[..], MessageType::Binary, "empty"),
        ] {
            let options = PublishOptions::new().message_type(kind).custom_type(mark);
            let waiter = lab.command("alice", command(place, payload, options));
            let published = lab.published("alice", waiter).unwrap();
            expected.push((payload.to_vec(), kind, mark.to_owned(), published.time_ms));
        }
    }
    lab.run(Duration::from_secs(5));
    let bob = lab.client("bob");
    let of = |handle: u64| {
        let events = bob.channels.iter().filter(move |(to, _)| to.0 == handle);
        events.map(|(_, event)| match event {
            ChannelEvent::Message(it) => {
                (it.payload.to_vec(), it.message_type, it.custom_type.to_string(), it.time_ms)
            }
            other => panic!("{other:?}"),
        })
    };
    let topic = bob.topics.iter().map(|(_, event)| match event {
        TopicEvent::Message(it) => {
            (it.payload.to_vec(), it.message_type, it.custom_type.to_string(), it.time_ms)
        }
        other => panic!("{other:?}"),
    });
    let heard: Vec<_> = of(2).chain(topic).chain(of(3)).collect();
    assert_eq!(heard, expected);
}

#[test]
fn what_is_no_message_is_refused_before_it_is_sent() {
    let mut lab = lab();
    let sent = lab.status().gateway.requests;
    for place in 0..3 {
        let text = PublishOptions::text;
        assert_eq!(lab.code("alice", command(place, b"gr\xfc\xdf", text())), -11_009);
        let unknown = text().message_type(MessageType::Unknown(2));
        assert_eq!(lab.code("alice", command(place, b"hi", unknown)), -11_031);
        let long = text().custom_type("m".repeat(256));
        assert_eq!(lab.code("alice", command(place, b"hi", long)), -11_029);
    }
    assert_eq!(lab.status().gateway.requests, sent);
    // The server has a limit of its own.
    for place in 0..3 {
        let long = PublishOptions::text().custom_type("m".repeat(33));
        assert_eq!(lab.code("alice", command(place, b"hi", long)), -11_029);
    }
}

#[test]
fn nothing_that_is_said_can_be_read_on_the_way() {
    let mut lab = Lab::new(0.0);
    lab.with_server(|server, _| server.wire = Some(Vec::new()));
    lab.add("alice", OPEN_APP, "alice-in-the-open");
    lab.call("alice", login("007-a-token-that-somebody-would-like")).unwrap();
    lab.call("alice", subscribe("a-channel-of-ours", 1)).unwrap();
    lab.call("alice", publish(channel("a-channel-of-ours"), b"what was said")).unwrap();
    // Also what goes by ticket.
    lab.outage("alice");
    lab.run_until_link("alice", LinkState::Connected);
    lab.run(Duration::from_secs(2));
    assert_eq!(lab.status().gateway.resumptions, 1);
    assert_eq!(lab.client("alice").heard(1), ["alice-in-the-open 1: what was said"]);
    let wire = lab.server().wire.clone().unwrap();
    assert!(wire.len() > 1_000);
    for secret in ["alice-in-the-open", "007-a-token", "a-channel-of-ours", "what was said"] {
        let secret = secret.as_bytes();
        assert!(!wire.windows(secret.len()).any(|part| part == secret), "{secret:?}");
    }
}
