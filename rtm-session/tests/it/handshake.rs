//! From the first packet to a session.

use rtm_session::{
    CloseCause, Config, Endpoint, Event, HANDSHAKE_LOGIN_MAX, LOGIN_ANSWER_MAX, LoginAnswer,
    StaticKey,
};
use rtm_wire::{Cipher, Encode, ErrorCode, Packet, Time, Versions};

use crate::pair::{CLIENT, Door, SERVER, Setup, delay, ms, seed, server_key};

#[test]
fn a_login_takes_one_round_trip() {
    let mut pair = Setup::new(delay(50)).build();
    let session = pair.connect(b"i am alice");

    pair.run(ms(99));
    assert!(pair.news(CLIENT).is_empty());
    pair.run(ms(1));

    let connected = Event::Connected { session, answer: b"welcome".as_slice().into() };
    assert_eq!(pair.news(CLIENT).front(), Some(&connected));
    let Some(Event::LoginRequested { payload, from, .. }) = pair.news(SERVER).front() else {
        panic!("no login at the server: {:?}", pair.news(SERVER));
    };
    assert_eq!((&payload[..], *from), (&b"i am alice"[..], CLIENT));
    // The login counts with the client's first data packet, not before.
    assert!(pair.world.node(SERVER).sessions.is_empty());
    pair.run(ms(50));
    assert_eq!(pair.world.node(SERVER).sessions.len(), 1);
}

#[test]
fn a_handshake_survives_loss() {
    for seed in 0..100 {
        let pair = Setup::new(delay(20).loss(0.3)).seed(seed).connected();
        assert_eq!(pair.world.node(SERVER).sessions.len(), 1, "seed {seed}");
    }
}

#[test]
fn a_rejected_login_is_refused_and_leaves_nothing() {
    let mut pair = Setup::new(delay(10)).build();
    pair.act(SERVER, |host, _| host.door = Door::Reject(ErrorCode::INVALID_TOKEN));

    let session = pair.connect(b"login");
    pair.run(ms(1_000));

    let refused =
        Event::Refused { session, code: ErrorCode::INVALID_TOKEN, answer: b"no".as_slice().into() };
    assert_eq!(pair.news(CLIENT), &[refused]);
    assert!(pair.world.node(SERVER).sessions.is_empty());
    assert!(pair.world.node(CLIENT).endpoint.is_idle());
}

#[test]
fn a_wrong_key_times_out_and_names_the_servers() {
    let mut setup = Setup::new(delay(10));
    setup.key = StaticKey::from_bytes([8; 32]).public();
    let mut pair = setup.build();

    let session = pair.connect(b"login");
    pair.run(ms(11_000));

    let other_key = Some(server_key().public().key_id());
    let cause = CloseCause::HandshakeTimeout { other_key };
    assert_eq!(pair.news(CLIENT), &[Event::Closed { session, cause }]);
    assert!(pair.news(SERVER).is_empty());
    assert!(pair.world.node(SERVER).endpoint.counters().undecipherable > 0);
}

#[test]
fn a_silent_server_times_out() {
    let mut pair = Setup::new(delay(10)).build();
    pair.world.remove(SERVER);

    let session = pair.connect(b"login");
    pair.run(ms(9_999));
    assert!(pair.news(CLIENT).is_empty());
    pair.run(ms(1));

    let cause = CloseCause::HandshakeTimeout { other_key: None };
    assert_eq!(pair.news(CLIENT), &[Event::Closed { session, cause }]);
}

#[test]
fn a_login_that_nobody_answers_is_forgotten() {
    let mut pair = Setup::new(delay(10)).build();
    pair.act(SERVER, |host, _| host.door = Door::Ignore);

    pair.connect(b"login");
    pair.run(ms(30_000));

    let server = pair.world.node(SERVER);
    assert_eq!(server.logins.len(), 1, "repeated flights are one login");
    assert_eq!(server.endpoint.poll_timeout(), None);
    assert!(server.endpoint.is_idle());
}

#[test]
fn a_client_without_a_common_cipher_is_told_so() {
    let mut setup = Setup::new(delay(10));
    setup.client = setup.client.ciphers(&[Cipher::ChaCha20Poly1305]);
    setup.server = setup.server.ciphers(&[Cipher::Aes256Gcm]);
    let mut pair = setup.build();

    let session = pair.connect(b"login");
    pair.run(ms(20));

    let code = ErrorCode::SERVICE_NOT_SUPPORTED;
    assert_eq!(pair.news(CLIENT), &[Event::Refused { session, code, answer: "".into() }]);
    assert!(pair.news(SERVER).is_empty());
    assert!(pair.world.node(SERVER).endpoint.is_idle());
}

#[test]
fn the_longest_login_fits_one_datagram_and_a_longer_one_is_refused() {
    let mut pair = Setup::new(delay(10)).build();
    let key = server_key().public();

    let login = vec![b'x'; HANDSHAKE_LOGIN_MAX + 1];
    let refused = pair.act(CLIENT, |host, now| host.endpoint.connect(now, SERVER, &key, &login));
    assert!(refused.is_err());
    pair.connect(&login[1..]);
    pair.run(ms(100));

    assert_eq!(pair.world.node(SERVER).sessions.len(), 1);
}

#[test]
fn the_longest_answer_to_the_shortest_login_stays_within_three_times() {
    let mut client = Endpoint::client(Config::default(), seed(1));
    // Parameters as long as they get.
    let config = Config::server().lanes_max(1 << 40).lane_credit(1 << 40).message_len_max(1 << 40);
    let config = config.ack_delay(ms(1 << 30)).idle_timeout(ms(1 << 40));
    let mut server = Endpoint::server(config, server_key(), seed(2));
    let (now, mut datagram) = (Time::ZERO, Vec::new());
    client.connect(now, SERVER, &server_key().public(), b"").expect("may connect");
    client.poll_transmit(now, &mut datagram).expect("a first flight");
    assert_eq!(datagram.len(), 272);

    server.handle_datagram(now, CLIENT, datagram.as_slice().into());
    let Some(Event::LoginRequested { login, .. }) = server.poll_event() else { panic!("no login") };
    server.answer_login(now, login, LoginAnswer::Accept(&[b'x'; LOGIN_ANSWER_MAX]));
    server.poll_transmit(now, &mut datagram).expect("a reply");
    assert_eq!(datagram.len(), 640);
    assert!(datagram.len() <= 3 * 272);
}

#[test]
fn a_replayed_first_flight_changes_nothing() {
    let mut pair = Setup::new(delay(10)).build();
    let key = server_key().public();
    // The client's datagram, seen by somebody on the way.
    let mut flight = Vec::new();
    let world = &mut pair.world;
    world.remove(SERVER).expect("was there");
    let seen = world.with_node(CLIENT, |host, now| {
        host.endpoint.connect(now, SERVER, &key, b"login").expect("may connect");
        host.endpoint.poll_transmit(now, &mut flight)
    });
    assert_eq!(seen, Ok(Some(SERVER.into())));

    let mut server = Setup::new(delay(10)).build();
    for _ in 0..50 {
        let replayer: std::net::SocketAddr = "10.0.0.66:6".parse().expect("address");
        server.act(SERVER, |host, now| {
            host.endpoint.handle_datagram(now, replayer, flight.as_slice().into());
        });
        server.run(ms(10));
    }
    server.run(ms(60_000));

    let host = server.world.node(SERVER);
    assert_eq!(host.logins.len(), 1, "one question, whatever is repeated");
    assert!(host.sessions.is_empty(), "no login has taken effect");
    assert!(host.endpoint.is_idle(), "and nothing is left");
}

#[test]
fn under_load_clients_prove_their_address_and_get_in() {
    let mut setup = Setup::new(delay(5));
    setup.server = setup.server.handshakes_max(2);
    let mut pair = setup.build();

    // The second one meets a table that is half full.
    for login in [b"one", b"two"] {
        pair.connect(login);
    }
    pair.run(ms(200));
    assert_eq!(pair.world.node(SERVER).endpoint.counters().unproved, 1);
    assert_eq!(pair.world.node(SERVER).sessions.len(), 2);

    // Clients that are in are no load.
    for _ in 0..10 {
        pair.connect(b"more");
        pair.run(ms(100));
    }
    assert_eq!(pair.world.node(SERVER).endpoint.counters().unproved, 1);
    assert_eq!(pair.world.node(SERVER).sessions.len(), 12);
    assert!(pair.world.now() < Time::from_micros(10_000_000));
}

#[test]
fn a_late_copy_of_a_first_flight_is_no_new_login() {
    let mut pair = Setup::new(delay(10)).build();
    let key = server_key().public();
    let mut flight = Vec::new();
    pair.act(CLIENT, |host, now| {
        host.endpoint.connect(now, SERVER, &key, b"login").expect("may connect");
        host.endpoint.poll_transmit(now, &mut flight).expect("a first flight");
    });

    for _ in 0..5 {
        pair.act(SERVER, |host, now| {
            host.endpoint.handle_datagram(now, CLIENT, flight.as_slice().into());
        });
        pair.run(ms(100));
    }

    let server = pair.world.node(SERVER);
    assert_eq!((server.logins.len(), server.sessions.len()), (1, 1));
}

/// Versions and ciphers are offered and chosen inside what Noise authenticates, and the packet's
/// own version and connection id stand in the prologue.
#[test]
fn what_is_offered_and_chosen_cannot_be_changed_on_the_way() {
    let mut client = Endpoint::client(Config::default(), seed(1));
    let (now, mut flight, mut reply) = (Time::ZERO, Vec::new(), Vec::new());
    let session = client.connect(now, SERVER, &server_key().public(), b"login").expect("connects");
    client.poll_transmit(now, &mut flight).expect("a first flight");
    for at in 0..flight.len() {
        let mut server = Endpoint::server(Config::server(), server_key(), seed(2));
        let mut changed = flight.clone();
        changed[at] ^= 3;
        server.handle_datagram(now, CLIENT, changed.as_slice().into());
        assert_eq!(server.poll_event(), None, "byte {at}");
    }
    let mut server = Endpoint::server(Config::server(), server_key(), seed(2));
    server.handle_datagram(now, CLIENT, flight.as_slice().into());
    let Some(Event::LoginRequested { login, .. }) = server.poll_event() else { panic!("no login") };
    server.answer_login(now, login, LoginAnswer::Accept(b"welcome"));
    server.poll_transmit(now, &mut reply).expect("a reply");
    for at in 0..reply.len() {
        let mut changed = reply.clone();
        changed[at] ^= 3;
        client.handle_datagram(now, SERVER, changed.as_slice().into());
        assert_eq!(client.poll_event(), None, "byte {at}");
    }
    // Nor does somebody who says that the server speaks other versions only.
    let Ok(Packet::Initial(initial)) = Packet::decode(&flight) else { panic!("no initial") };
    let mut forged = Vec::new();
    Versions { client_cid: initial.client_cid, versions: &[9] }.encode(&mut forged);
    client.handle_datagram(now, SERVER, forged.as_slice().into());
    assert_eq!(client.poll_event(), None);

    client.handle_datagram(now, SERVER, reply.as_slice().into());
    let connected = Event::Connected { session, answer: b"welcome".as_slice().into() };
    assert_eq!(client.poll_event(), Some(connected));
}
