//! Datagrams that nobody asked for.

use std::net::SocketAddr;

use bytes::BytesMut;
use rtm_session::{Config, Endpoint, Event};
use rtm_wire::{ConnectionId, Encode, Initial, LaneId, Packet, Retry, Time};

use crate::pair::{CLIENT, SERVER, Setup, delay, ms, seed, server_key};

/// Numbers that look random, the same in every run.
fn noise(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn random_datagrams_change_nothing_but_counters() {
    let mut pair = Setup::new(delay(5)).connected();
    let mut state = 1;
    let before = pair.news(SERVER).len();

    for _ in 0..5_000 {
        let length = noise(&mut state) as usize % 1_400;
        let datagram: Vec<u8> = (0..length).map(|_| noise(&mut state) as u8).collect();
        for host in [CLIENT, SERVER] {
            pair.act(host, |host, now| {
                let from: SocketAddr = "10.6.6.6:666".parse().expect("address");
                host.endpoint.handle_datagram(now, from, BytesMut::from(&datagram[..]));
            });
        }
    }
    pair.send(CLIENT, LaneId::CONTROL, "unharmed");
    pair.run(ms(100));

    assert_eq!(pair.got(SERVER, LaneId::CONTROL), ["unharmed"]);
    assert_eq!(pair.news(SERVER).len(), before);
    for host in [CLIENT, SERVER] {
        assert_eq!(pair.world.node(host).endpoint.counters().dropped(), 5_000);
    }
    let counters = pair.world.node(SERVER).endpoint.counters();
    // Resets, and a few versions.
    assert!(counters.stateless_answers <= 210, "{counters:?}");
}

#[test]
fn mutated_datagrams_of_a_session_are_dropped() {
    let mut pair = Setup::new(delay(10)).connected();
    let session = pair.session(CLIENT);
    let mut datagram = Vec::new();
    pair.act(CLIENT, |host, now| {
        host.endpoint.send(now, session, LaneId::CONTROL, "precious".into()).expect("taken");
        host.endpoint.poll_transmit(now, &mut datagram).expect("a packet");
    });

    for position in 0..datagram.len() * 8 {
        let mut forged = BytesMut::from(&datagram[..]);
        forged[position / 8] ^= 1 << (position % 8);
        pair.act(SERVER, |host, now| host.endpoint.handle_datagram(now, CLIENT, forged));
    }
    assert!(pair.got(SERVER, LaneId::CONTROL).is_empty());

    let original = BytesMut::from(&datagram[..]);
    for _ in 0..3 {
        let copy = original.clone();
        pair.act(SERVER, |host, now| host.endpoint.handle_datagram(now, CLIENT, copy));
    }
    assert_eq!(pair.got(SERVER, LaneId::CONTROL), ["precious"], "once, for three copies");
}

#[test]
fn nobody_gets_back_more_than_three_times_what_was_sent() {
    let mut pair = Setup::new(delay(10)).build();
    let victim: SocketAddr = "10.9.9.9:9".parse().expect("address");
    let mut state = 7;
    let (mut sent, mut answered) = (0, 0);

    for round in 0..2_000_u64 {
        let length = 32 + noise(&mut state) as usize % 700;
        let random: Vec<u8> = (0..length).map(|_| noise(&mut state) as u8).collect();
        let mut datagram = Vec::new();
        let client_cid = ConnectionId(round.to_be_bytes());
        let version = if round % 3 == 0 { 9 } else { 1 };
        Initial { version, client_cid, cookie: &[], noise: &random }.encode(&mut datagram);
        if round % 4 == 0 {
            datagram[0] = 0x83;
        }
        sent += datagram.len();
        pair.act(SERVER, |host, now| {
            host.endpoint.handle_datagram(now, victim, BytesMut::from(&datagram[..]));
            let mut answer = Vec::new();
            while let Some(to) = host.endpoint.poll_transmit(now, &mut answer) {
                assert_eq!(to, victim.into());
                assert!(answer.len() < datagram.len(), "stateless answers are shorter");
                answered += answer.len();
            }
        });
    }

    assert!(answered > 0 && answered <= 3 * sent);
    assert!(pair.world.node(SERVER).endpoint.is_idle());
}

#[test]
fn a_flood_of_garbage_keeps_no_cookie_from_a_client() {
    let mut setup = Setup::new(delay(5));
    setup.server = setup.server.handshakes_max(2);
    let mut pair = setup.build();
    pair.act(SERVER, |host, _| host.door = crate::pair::Door::Ignore);
    pair.connect(b"takes half of the table");
    pair.run(ms(50));
    pair.act(SERVER, |host, _| host.door = crate::pair::Door::Accept);

    for _ in 0..1_000 {
        pair.act(SERVER, |host, now| {
            let from: SocketAddr = "10.6.6.6:666".parse().expect("address");
            host.endpoint.handle_datagram(now, from, BytesMut::from(&[0x80; 100][..]));
        });
    }
    pair.connect(b"comes in");
    pair.run(ms(100));

    let server = pair.world.node(SERVER);
    let counters = server.endpoint.counters();
    assert_eq!((counters.unknown_session, counters.unproved), (1_000, 1));
    assert!(counters.stateless_answers <= 201, "{counters:?}");
    assert_eq!(server.sessions.len(), 1);
}

#[test]
fn a_flood_of_one_garbage_keeps_nobody_from_the_answer_to_another() {
    let from: SocketAddr = "10.6.6.6:666".parse().expect("address");
    let initial = |version, byte| {
        let (client_cid, noise) = (ConnectionId([byte; 8]), &[byte; 100][..]);
        let mut datagram = Vec::new();
        Initial { version, client_cid, cookie: &[], noise }.encode(&mut datagram);
        datagram
    };
    // A reset, versions, and a key hint are the answers.
    let garbage = [vec![0x80; 100], initial(9, 1), initial(1, 1)];
    for flood in 0..3 {
        let mut pair = Setup::new(delay(10)).build();
        let mut answers = |datagram: &Vec<u8>| {
            pair.act(SERVER, |host, now| {
                host.endpoint.handle_datagram(now, from, datagram.as_slice().into());
                host.endpoint.poll_transmit(now, &mut Vec::new()).is_some()
            })
        };
        // Those that fail to open are a load of their own.
        let limit = if flood == 2 { 64 } else { 200 };
        assert!((0..limit).all(|_| answers(&garbage[flood])), "flood of {flood}");
        assert!(flood == 2 || !answers(&garbage[flood]), "flood of {flood}");
        let others = (0..3).filter(|kind| *kind != flood);
        assert!(others.into_iter().all(|kind| answers(&garbage[kind])), "flood of {flood}");
    }
}

/// A new connection of a client at `from`, with cookies; whether the server asks for a login.
fn knock(client: &mut Endpoint, server: &mut Endpoint, now: Time, from: SocketAddr) -> bool {
    client.connect(now, SERVER, &server_key().public(), b"").expect("may connect");
    let (mut flight, mut answer) = (Vec::new(), Vec::new());
    while client.poll_transmit(now, &mut flight).is_some() {
        server.handle_datagram(now, from, flight.as_slice().into());
        while server.poll_transmit(now, &mut answer).is_some() {
            client.handle_datagram(now, SERVER, answer.as_slice().into());
        }
    }
    let mut events = std::iter::from_fn(|| server.poll_event());
    events.any(|event| matches!(event, Event::LoginRequested { .. }))
}

#[test]
fn one_place_takes_a_part_of_the_table_only() {
    let mut client = Endpoint::client(Config::default().sessions_max(10_000), seed(1));
    let config = Config::server().handshakes_max(128);
    let mut server = Endpoint::server(config, server_key(), seed(2));
    let now = Time::ZERO;
    let place = |number: u8| SocketAddr::from(([10, 0, 9, number], 1));
    // Nobody answers these logins. Half of the table is open to all, wherever they say they are.
    for _ in 0..64 {
        assert!(knock(&mut client, &mut server, now, place(0)));
    }
    let got_in = |client: &mut Endpoint, server: &mut Endpoint, now, number| {
        (0..100).filter(|_| knock(client, server, now, place(number))).count()
    };
    assert_eq!(got_in(&mut client, &mut server, now, 1), 8, "a sixteenth");
    assert_eq!(
        got_in(&mut client, &mut server, now, 0),
        8,
        "what others said is not held against it"
    );
    assert_eq!(server.counters().refused, 2 * 92);

    // Once they are forgotten, the place has its part again.
    let now = now + ms(10_000);
    server.handle_timeout(now);
    assert_eq!(got_in(&mut client, &mut server, now, 1), 64 + 8);
}

#[test]
fn first_flights_that_do_not_open_are_load() {
    let mut server = Endpoint::server(Config::server(), server_key(), seed(2));
    let now = Time::ZERO;
    let mut send = |from: SocketAddr, cookie: &[u8], number: u16| {
        let mut noise = [1; 100];
        noise[..2].copy_from_slice(&number.to_be_bytes());
        let (mut datagram, client_cid) = (Vec::new(), ConnectionId([1; 8]));
        Initial { version: 1, client_cid, cookie, noise: &noise }.encode(&mut datagram);
        server.handle_datagram(now, from, datagram.as_slice().into());
        let mut answer = Vec::new();
        server.poll_transmit(now, &mut answer);
        (answer, server.counters())
    };

    // From wherever one likes: what costs work soon has an end.
    for number in 0..1_000 {
        send(SocketAddr::from(([10, 6, 0, number as u8], number)), &[], number);
    }
    let here = "10.9.9.9:9".parse().expect("address");
    let (retry, counters) = send(here, &[], 0);
    assert_eq!((counters.undecipherable, counters.unproved), (64, 937));
    let Ok(Packet::Retry(retry)) = Packet::decode(&retry) else { panic!("no retry: {retry:?}") };

    // From one address, with its cookie.
    for number in 0..1_000 {
        send(here, retry.cookie, number);
    }
    let (_, counters) = send(here, retry.cookie, 0);
    assert_eq!((counters.undecipherable, counters.refused), (128, 937));

    let mut client = Endpoint::client(Config::default(), seed(1));
    assert!(knock(&mut client, &mut server, now, CLIENT), "others get in");
}

#[test]
fn retries_make_no_client_shout_and_a_forged_one_keeps_it_not_out() {
    let mut setup = Setup::new(delay(10));
    setup.server = setup.server.handshakes_max(2);
    let mut pair = setup.build();
    pair.act(SERVER, |host, _| host.door = crate::pair::Door::Ignore);
    pair.connect(b"takes half of the table");
    pair.run(ms(50));
    pair.act(SERVER, |host, _| host.door = crate::pair::Door::Accept);

    let key = server_key().public();
    let initials = pair.act(CLIENT, |host, now| {
        host.endpoint.connect(now, SERVER, &key, b"comes in").expect("may connect");
        let mut datagram = Vec::new();
        host.endpoint.poll_transmit(now, &mut datagram).expect("a first flight");
        let Ok(Packet::Initial(initial)) = Packet::decode(&datagram) else { panic!("no initial") };
        let client_cid = initial.client_cid;
        let mut initials = 0;
        let forged = (0..1_000).map(|_| Vec::new()).chain((0..1_000).map(|n| vec![n as u8; 24]));
        for cookie in forged {
            let mut retry = Vec::new();
            Retry { client_cid, cookie: &cookie }.encode(&mut retry);
            host.endpoint.handle_datagram(now, SERVER, retry.as_slice().into());
            while host.endpoint.poll_transmit(now, &mut datagram).is_some() {
                initials += 1;
            }
        }
        initials
    });
    assert_eq!(initials, 3, "no more than a few are sent back at once");

    // The copies that follow have the wrong cookie, and the server asks for the right one.
    pair.run(ms(1_000));
    assert_eq!(pair.world.node(SERVER).sessions.len(), 1);
}
