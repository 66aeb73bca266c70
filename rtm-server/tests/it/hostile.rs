//! Input that makes no sense: from sessions, and from anywhere.

use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::ChaCha12Rng;
use rand::{Rng, SeedableRng};
use rtm_session::{Config, Endpoint, Seed};
use rtm_wire::{
    ChannelKind, ChannelRef, CloseCode, ErrorCode, Logout, Request, Subscribe, SubscribeOptions,
};

use super::raw::{encode, login};
use super::server::public_key;
use super::world::{Lab, SERVER, channel, subscribe};

#[test]
fn a_request_that_cannot_be_read_is_answered_under_its_id() {
    let mut lab = Lab::new(0.0);
    lab.add_raw_user("eve", Config::default());
    let before = lab.status();
    let cases: [&[u8]; 5] = [
        b"\x10\x07",                  // subscribe without anything
        b"\x10\x07\x09\x01a\x01\x00", // to a kind of channel that there isn't
        b"\x12\x07\x01\xc0",          // publish to a name whose length is cut
        b"\x02\x07more",              // logout with something after it
        b"\x23\x07\x02\xff\xfe\x01a", // leave topic in a name that isn't UTF-8
    ];
    for message in cases {
        lab.with_raw("eve", |raw, now| raw.send(now, message));
    }
    lab.run(Duration::from_secs(1));
    let codes = lab.raw("eve").codes(7);
    assert_eq!(codes.len(), cases.len(), "{codes:?}");
    let expected = [ErrorCode::INVALID_PARAMETER, ErrorCode::INVALID_CHANNEL_TYPE];
    assert!(codes.iter().all(|code| expected.contains(code)), "{codes:?}");
    assert_eq!(lab.raw("eve").closed, None);
    let after = lab.status();
    assert_eq!((after.sessions, after.channels), (before.sessions, before.channels));
    assert!(after.gateway.requests_malformed >= 4);
}

#[test]
fn a_message_without_an_operation_id_ends_the_session() {
    let subscribe = Subscribe {
        channel: ChannelRef { kind: ChannelKind::Message, name: "lobby" },
        options: SubscribeOptions::default(),
        resume: None,
    };
    let cases = [
        b"".to_vec(),
        b"\x10".to_vec(),
        b"\x10\xc0".to_vec(),     // an id that is cut
        b"\x80\x01".to_vec(),     // a reply
        b"\xff\x01rest".to_vec(), // an event
        b"\x10\x00\xff".to_vec(), // id 0, and unreadable
        encode(0, subscribe).to_vec(),
        encode(0, Logout).to_vec(),
        encode(0, login("eve", 2)).to_vec(),
        encode(0, Request::Unknown { kind: 0x7f, body: b"" }).to_vec(),
    ];
    for message in cases {
        let mut lab = Lab::with_users(0.0, &["bob"]);
        lab.add_raw_user("eve", Config::default());
        lab.with_raw("eve", |raw, now| raw.send(now, &message));
        lab.run(Duration::from_secs(1));
        let eve = lab.raw("eve");
        assert_eq!(eve.close_code(), Some(CloseCode::PROTOCOL), "{message:x?}");
        assert!(eve.got.is_empty(), "there is nothing to answer: {message:x?}");
        let status = lab.status();
        assert_eq!((status.sessions, status.channels), (1, 0), "nothing was done");
    }
}

#[test]
fn a_login_in_a_message_needs_an_operation_id_too() {
    let mut lab = Lab::new(0.0);
    for (id, name) in [(0, "eve"), (1, "alice")] {
        lab.add_raw(name, Config::default(), b"");
        lab.with_raw(name, |raw, now| raw.request(now, id, login(name, 1)));
        lab.run(Duration::from_secs(1));
    }
    assert_eq!(lab.raw("eve").close_code(), Some(CloseCode::PROTOCOL));
    assert!(lab.raw("eve").got.is_empty());
    assert_eq!(lab.raw("alice").codes(1), [ErrorCode::OK]);
    assert_eq!(lab.status().sessions, 1);
}

#[test]
fn datagrams_from_anywhere_change_nothing_but_counters() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    let before = lab.status();
    let mut chance = ChaCha12Rng::seed_from_u64(1);
    for index in 0..5_000_u32 {
        // From strangers, and in the name of alice.
        let from = match index % 5 {
            0 => lab.address("alice"),
            _ => SocketAddr::from(([10, 9, 9, index as u8], 1_000 + index as u16 % 5_000)),
        };
        let mut datagram = match index % 3 {
            0 => first_flight(index, b"login"),
            _ => vec![0; chance.next_u32() as usize % 1_300],
        };
        match index % 3 {
            0 => {
                let at = chance.next_u32() as usize % datagram.len();
                datagram[at] ^= 1 << (index % 8);
            }
            _ => chance.fill_bytes(&mut datagram),
        }
        let now = lab.world.now();
        lab.world.network_mut().send(now, from, SERVER, &datagram);
        lab.run(Duration::from_millis(1));
    }
    lab.run(Duration::from_secs(60));

    let mut after = lab.status();
    assert_ne!(after.endpoint, before.endpoint, "they were counted");
    after.endpoint = before.endpoint;
    assert_eq!(after, before);
    let waiter = lab.publish("alice", channel("lobby"), "still here");
    lab.published("alice", waiter).unwrap();
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("bob").heard(1), ["alice 1: still here"]);
}

#[test]
fn a_replayed_first_flight_does_nothing() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    let before = lab.status();
    let flight = first_flight(1, &encode(0, login("alice", 9)));
    for index in 0..50 {
        let from = SocketAddr::from(([10, 9, 9, index], 1_000));
        let now = lab.world.now();
        lab.world.network_mut().send(now, from, SERVER, &flight);
        lab.run(Duration::from_secs(1));
    }
    assert_eq!(lab.status().gateway, before.gateway, "nobody has logged in");
    assert_eq!(lab.status().sessions, 1);
    assert_eq!(lab.client("alice").links.len(), 2, "alice has noticed nothing");
}

/// The first datagram of a client that says this in the handshake.
fn first_flight(number: u32, login: &[u8]) -> Vec<u8> {
    let mut seed = [9; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    let mut endpoint = Endpoint::client(Config::default(), Seed::from_bytes(seed));
    let (now, mut datagram) = (rtm_wire::Time::ZERO, Vec::new());
    endpoint.connect(now, SERVER, &public_key(), login).unwrap();
    endpoint.poll_transmit(now, &mut datagram).expect("an initial");
    datagram
}
