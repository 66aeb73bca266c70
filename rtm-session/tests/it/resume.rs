//! Coming back with a ticket.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_session::{
    CloseCause, Config, ConnectError, Endpoint, Event, SendError, SessionId, TICKET_STATE_MAX,
    TicketConfig,
};
use rtm_wire::{CloseCode, Encode, ErrorCode, LaneId, Packet, Resume};

use crate::pair::{CLIENT, Door, Host, Pair, SERVER, Setup, delay, ms, seed, server_key};

const HOUR: Duration = Duration::from_secs(3_600);

/// A pair whose client has a ticket, and whose session is closed.
fn with_ticket(setup: &Setup) -> Pair {
    let mut pair = setup.build();
    pair.act(SERVER, |host, _| host.ticket_life = Some(2 * HOUR));
    pair.connect(b"login");
    let has_ticket = |world: &rtm_sim::World<Host>| world.node(CLIENT).ticket.is_some();
    pair.run_until(Duration::from_secs(20), has_ticket);
    let session = pair.session(CLIENT);
    pair.act(CLIENT, |host, now| host.endpoint.close(now, session, CloseCode::DONE, ""));
    pair.run(Duration::from_secs(2));
    pair.act(CLIENT, |host, _| host.news.clear());
    pair.act(SERVER, |host, _| host.news.clear());
    pair
}

impl Pair {
    fn try_resume(&mut self, early: &[&'static [u8]]) -> Result<SessionId, ConnectError> {
        let early: Vec<_> = early.iter().copied().map(Bytes::from_static).collect();
        let key = server_key().public();
        self.act(CLIENT, |host, now| {
            let ticket = host.ticket.clone().expect("the client has a ticket");
            host.endpoint.resume(now, SERVER, &ticket, &early, &key, b"login")
        })
    }

    fn resume(&mut self, early: &[&'static [u8]]) -> SessionId {
        self.try_resume(early).expect("a client may resume")
    }

    /// The resume packet that a client with this ticket sends now, and that is kept back.
    fn flight(&mut self, early: &[&'static [u8]]) -> Vec<u8> {
        let early: Vec<_> = early.iter().copied().map(Bytes::from_static).collect();
        let key = server_key().public();
        let mut endpoint = Endpoint::client(Config::default(), seed(77));
        let (now, mut flight) = (self.world.now(), Vec::new());
        let ticket = self.world.node(CLIENT).ticket.clone().expect("a ticket");
        endpoint.resume(now, SERVER, &ticket, &early, &key, b"login").expect("may resume");
        endpoint.poll_transmit(now, &mut flight).expect("a first flight");
        flight
    }

    /// Messages that the server's application got, early ones first.
    fn heard(&self) -> Vec<Bytes> {
        let server = self.world.node(SERVER);
        let early = server.early.iter().cloned();
        early.chain(server.messages.iter().map(|(.., message, _)| message.clone())).collect()
    }

    /// Replaces the server by its next life.
    fn restart(&mut self, config: Config, number: u8) {
        let endpoint = Endpoint::server(config, server_key(), seed(number));
        self.world.insert(SERVER, Host::new(endpoint)).expect("no livelock");
    }

    fn inject(&mut self, from: SocketAddr, datagram: &[u8]) {
        let datagram = BytesMut::from(datagram);
        self.act(SERVER, |host, now| host.endpoint.handle_datagram(now, from, datagram));
    }
}

/// What the client was told of its new session: by ticket, by login, or something else.
fn way(pair: &Pair) -> &'static str {
    match pair.news(CLIENT).front() {
        Some(Event::Resumed { early_taken: true, .. }) => "early",
        Some(Event::Resumed { early_taken: false, .. }) => "resumed",
        Some(Event::Connected { .. }) => "connected",
        Some(Event::Refused { .. }) => "refused",
        Some(Event::Closed { .. }) => "closed",
        _ => "nothing",
    }
}

#[test]
fn a_resumption_takes_one_round_trip_and_tells_the_server_who_it_is() {
    let mut pair = with_ticket(&Setup::new(delay(50)));
    let session = pair.resume(&[]);
    pair.run(ms(99));
    assert!(pair.news(CLIENT).is_empty());
    pair.run(ms(1));

    let answer = b"welcome".as_slice().into();
    let resumed = Event::Resumed { session, answer, early_taken: false };
    assert_eq!(pair.news(CLIENT).front(), Some(&resumed));
    let Some(Event::ResumptionRequested { state, from, early, .. }) = pair.news(SERVER).front()
    else {
        panic!("no resumption at the server: {:?}", pair.news(SERVER));
    };
    assert_eq!((&state[..], *from, early.len()), (&b"alice"[..], CLIENT, 0));
    // Nothing counts before the client's first data packet.
    assert_eq!(pair.world.node(SERVER).sessions.len(), 1);
    pair.run(ms(50));
    assert_eq!(pair.world.node(SERVER).sessions.len(), 2);

    pair.send(CLIENT, LaneId::CONTROL, "hello");
    pair.send(SERVER, LaneId::CONTROL, "hello yourself");
    pair.run(ms(200));
    assert_eq!(pair.got(SERVER, LaneId::CONTROL), ["hello"]);
    assert_eq!(pair.got(CLIENT, LaneId::CONTROL), ["hello yourself"]);
}

#[test]
fn a_resumed_session_brings_the_next_ticket() {
    let mut pair = with_ticket(&Setup::new(delay(10)));
    for _ in 0..3 {
        let former = pair.act(CLIENT, |host, _| host.ticket.clone());
        let session = pair.resume(&[]);
        pair.run(ms(200));
        assert_eq!(way(&pair), "resumed");
        assert_ne!(pair.world.node(CLIENT).ticket, former);
        pair.act(CLIENT, |host, now| host.endpoint.close(now, session, CloseCode::DONE, ""));
        pair.run(ms(1_000));
        pair.act(CLIENT, |host, _| host.news.clear());
    }
}

#[test]
fn resumptions_survive_loss_and_early_data_comes_once() {
    let mut taken = 0;
    for number in 0..100 {
        let mut pair = with_ticket(&Setup::new(delay(20).loss(0.3)).seed(number));
        pair.resume(&[b"one", b"two"]);
        pair.run_until(Duration::from_secs(20), |world| world.node(SERVER).sessions.len() == 2);
        pair.run(Duration::from_secs(5));
        let way = way(&pair);
        assert!(["early", "resumed"].contains(&way), "seed {number}: {way}");
        assert_eq!(pair.heard(), ["one", "two"], "seed {number}");
        taken += usize::from(way == "early");
    }
    assert!(taken > 90, "early data was taken {taken} times of 100");
}

#[test]
fn early_data_is_there_before_the_client_has_its_answer() {
    let mut pair = with_ticket(&Setup::new(delay(50)));
    pair.resume(&[b"one", b"", b"two"]);
    pair.run(ms(50));
    assert_eq!(pair.world.node(SERVER).early, ["one", "", "two"]);
    pair.run(ms(500));
    assert_eq!(way(&pair), "early");
    assert_eq!(pair.heard(), ["one", "", "two"]);
}

#[test]
fn a_server_without_its_register_refuses_early_data_and_gets_it_once_all_the_same() {
    let shared = || Config::server().tickets(TicketConfig::default().secret([5; 32]));
    let full = || Config::server().tickets(TicketConfig::default().early_flights_max(0));
    for (case, config, is_restarted) in
        [("restarted", shared(), true), ("register full", full(), false)]
    {
        let mut setup = Setup::new(delay(10));
        setup.server = config.clone();
        let mut pair = with_ticket(&setup);
        if is_restarted {
            pair.restart(config, 42);
        }
        pair.resume(&[b"one", b"two"]);
        pair.run(ms(15));
        assert!(pair.heard().is_empty(), "{case}");
        pair.run(ms(500));
        assert_eq!(way(&pair), "resumed", "{case}");
        assert_eq!(pair.heard(), ["one", "two"], "{case}");
        assert_eq!(pair.world.node(SERVER).endpoint.counters().early_refused, 1);
    }
}

#[test]
fn early_data_that_was_held_back_on_the_way_is_refused() {
    let mut pair = with_ticket(&Setup::new(delay(10)));
    let flight = pair.flight(&[b"pay"]);
    pair.run(ms(11_000));
    pair.inject(CLIENT, &flight);
    pair.run(ms(100));
    let server = pair.world.node(SERVER);
    assert_eq!((server.early.len(), server.endpoint.counters().early_refused), (0, 1));
}

#[test]
fn a_replayed_first_flight_does_nothing_twice() {
    // First flights are forgotten soon, and their early data isn't.
    let mut setup = Setup::new(delay(10));
    setup.server = setup.server.handshake_timeout(ms(2_000));
    let mut pair = with_ticket(&setup);
    let flight = pair.flight(&[b"pay"]);
    let replayer = "10.0.0.66:6".parse().expect("address");
    for _ in 0..500 {
        pair.inject(replayer, &flight);
        pair.run(ms(100));
    }
    pair.run(Duration::from_secs(60));

    let host = pair.world.node(SERVER);
    assert_eq!(host.early, ["pay"], "early data counts once");
    assert!(host.endpoint.counters().early_refused > 10, "though the flight was new again");
    assert_eq!(host.sessions.len(), 1, "no resumption has taken effect");
    assert!(host.messages.is_empty());
    assert!(host.endpoint.is_idle(), "and nothing is left");
}

#[test]
fn a_ticket_that_does_not_count_costs_one_round_trip_more_and_no_error() {
    type Change = fn(&mut Pair);
    let cases: [(&str, Change); 5] = [
        ("another server", |pair| pair.restart(Config::server(), 43)),
        ("another secret", |pair| {
            pair.restart(Config::server().tickets(TicketConfig::default().secret([6; 32])), 44);
        }),
        ("declined", |pair| pair.act(SERVER, |host, _| host.door = Door::Decline)),
        ("expired, says the server", |pair| {
            // Its clock is two hours ahead of what the client has seen.
            pair.act(SERVER, |host, now| {
                let wall = (now.as_micros() / 1_000) + 7_200_000;
                host.endpoint.set_wall_clock(now, rtm_wire::UnixTime::from_millis(wall));
            });
        }),
        ("expired, says the client", |pair| pair.run(2 * HOUR)),
    ];
    for (case, change) in cases {
        let mut pair = with_ticket(&Setup::new(delay(5)));
        change(&mut pair);
        let refused = pair.world.node(SERVER).endpoint.counters().no_ticket;
        let session = pair.resume(&[b"early"]);
        let has_news = |world: &rtm_sim::World<Host>| !world.node(CLIENT).news.is_empty();
        let began = pair.world.now();
        pair.run_until(Duration::from_secs(20), has_news);

        let answer = b"welcome".as_slice().into();
        let connected = Event::Connected { session, answer };
        assert_eq!(pair.news(CLIENT).front(), Some(&connected), "{case}");
        let took = pair.world.now().saturating_since(began);
        let tried = pair.world.node(SERVER).endpoint.counters().no_ticket - refused;
        assert_eq!(took, ms(10 + 10 * tried), "{case}");
        assert_eq!(tried, u64::from(case != "expired, says the client"), "{case}");
        pair.run(ms(500));
        assert_eq!(pair.heard(), ["early"], "{case}");
    }
}

#[test]
fn a_ticket_outlives_neither_its_keys_nor_what_it_was_given() {
    // Keys change every minute and open for another one.
    let tickets =
        TicketConfig::default().rotation(Duration::from_secs(60)).overlap(Duration::from_secs(60));
    for (life, wait, wanted) in [
        (1_000, 100, "resumed"),
        (1_000, 121, "connected"),
        (30, 25, "resumed"),
        // The login's token has ended, say.
        (30, 35, "connected"),
    ] {
        let mut setup = Setup::new(delay(10));
        setup.server = setup.server.tickets(tickets.clone());
        let mut pair = setup.build();
        pair.act(SERVER, |host, _| host.ticket_life = Some(Duration::from_secs(life)));
        let session = pair.connect(b"login");
        pair.run(ms(500));
        pair.act(CLIENT, |host, now| host.endpoint.close(now, session, CloseCode::DONE, ""));
        pair.run(Duration::from_secs(wait));
        pair.act(CLIENT, |host, _| host.news.clear());
        pair.resume(&[]);
        pair.run(ms(500));
        assert_eq!(way(&pair), wanted, "{life} s of life, used after {wait} s");
    }
}

#[test]
fn a_restarted_server_with_the_same_secret_takes_the_ticket() {
    let config = Config::server().tickets(TicketConfig::default().secret([5; 32]));
    let mut setup = Setup::new(delay(10));
    setup.server = config.clone();
    let mut pair = with_ticket(&setup);
    pair.restart(config, 42);
    pair.resume(&[]);
    pair.run(ms(500));
    assert_eq!(way(&pair), "resumed");
}

#[test]
fn a_garbled_ticket_leads_to_a_full_handshake_and_a_garbled_flight_to_nothing() {
    let mut pair = with_ticket(&Setup::new(delay(10)));
    let flight = pair.flight(&[]);
    let Ok(Packet::Resume(resume)) = Packet::decode(&flight) else { panic!("no resume packet") };
    let garble = |resume: Resume<'_>| {
        let mut out = Vec::new();
        resume.encode(&mut out);
        out
    };
    for at in 0..resume.ticket.len() {
        let mut ticket = resume.ticket.to_vec();
        ticket[at] ^= 1;
        let before = pair.world.node(SERVER).endpoint.counters();
        pair.inject(CLIENT, &garble(Resume { ticket: &ticket, ..resume }));
        let after = pair.world.node(SERVER).endpoint.counters();
        assert_eq!(after.no_ticket, before.no_ticket + 1, "byte {at}");
        assert_eq!(after.stateless_answers, before.stateless_answers + 1);
    }
    for at in 0..resume.noise.len() {
        let mut noise = resume.noise.to_vec();
        noise[at] ^= 1;
        let before = pair.world.node(SERVER).endpoint.counters();
        pair.inject(CLIENT, &garble(Resume { noise: &noise, ..resume }));
        let after = pair.world.node(SERVER).endpoint.counters();
        // Many of them in a second are load, and cost a cookie first.
        let (undecipherable, unproved) = (after.undecipherable, after.unproved);
        let had = before.undecipherable + before.unproved;
        assert_eq!(undecipherable + unproved, had + 1, "byte {at}");
    }
    pair.run(ms(1_000));
    assert_eq!(pair.world.node(SERVER).sessions.len(), 1);
    assert_eq!(pair.world.node(SERVER).logins.len(), 1);
}

#[test]
fn version_and_connection_id_of_a_resumption_cannot_be_changed_on_the_way() {
    let mut pair = with_ticket(&Setup::new(delay(10)));
    let flight = pair.flight(&[]);
    for at in 0..11 {
        let mut changed = flight.clone();
        changed[at] ^= 3;
        pair.inject(CLIENT, &changed);
        assert!(pair.news(SERVER).is_empty(), "byte {at}");
    }
    pair.inject(CLIENT, &flight);
    assert_eq!(pair.news(SERVER).len(), 1);
}

#[test]
fn a_rejected_resumption_is_refused_like_a_login() {
    let mut pair = with_ticket(&Setup::new(delay(10)));
    pair.act(SERVER, |host, _| host.door = Door::Reject(ErrorCode::LOGIN_REJECTED));
    let session = pair.resume(&[]);
    pair.run(ms(500));
    let code = ErrorCode::LOGIN_REJECTED;
    let refused = Event::Refused { session, code, answer: b"no".as_slice().into() };
    assert_eq!(pair.news(CLIENT), &[refused]);
    assert!(pair.world.node(CLIENT).endpoint.is_idle());
}

#[test]
fn under_load_tickets_prove_their_address_too() {
    let mut setup = Setup::new(delay(5));
    setup.server = setup.server.handshakes_max(2);
    let mut pair = with_ticket(&setup);
    for _ in 0..2 {
        pair.resume(&[b"early"]);
    }
    pair.run(ms(300));
    let server = pair.world.node(SERVER);
    assert_eq!((server.endpoint.counters().unproved, server.sessions.len()), (1, 3));
    assert_eq!(server.early, ["early", "early"]);
}

#[test]
fn an_answer_stays_within_three_times_the_shortest_resumption() {
    let mut pair = with_ticket(&Setup::new(delay(10)));
    let flight = pair.flight(&[]);
    assert!(flight.len() >= 272, "{} bytes", flight.len());
    let longest = pair.flight(&[&[b'x'; 510]]);
    assert!(longest.len() + 64 <= 1_200, "{} bytes and a cookie", longest.len());
}

#[test]
fn early_data_and_states_have_limits() {
    let mut pair = with_ticket(&Setup::new(delay(10)));
    let limit = 512;
    assert_eq!(
        pair.try_resume(&[&[b'x'; 511]]),
        Err(ConnectError::EarlyTooLong { length: 513, limit })
    );
    assert_eq!(
        pair.try_resume(&[&b""[..]; 65]),
        Err(ConnectError::EarlyTooLong { length: 130, limit })
    );
    assert!(pair.try_resume(&[&b""[..]; 64]).is_ok());
    let key = server_key().public();
    let refused = pair.act(CLIENT, |host, now| {
        let ticket = host.ticket.clone().expect("a ticket");
        host.endpoint.resume(now, SERVER, &ticket, &[Bytes::from_static(b"early")], &key, b"")
    });
    assert_eq!(refused, Err(ConnectError::EarlyWithoutLogin));

    pair.run(ms(100));
    let session = pair.session(SERVER);
    pair.act(SERVER, |host, now| {
        let (limit, state) = (TICKET_STATE_MAX, [7; TICKET_STATE_MAX + 1]);
        let issued = host.endpoint.issue_ticket(now, session, &state, HOUR);
        assert_eq!(issued, Err(SendError::TooLong { length: limit + 1, limit: limit as u64 }));
        assert_eq!(host.endpoint.issue_ticket(now, session, &state[..limit], HOUR), Ok(HOUR));
    });
    pair.run(ms(100));
    let longest = pair.act(CLIENT, |host, _| host.ticket.clone());
    assert!(longest.is_some_and(|ticket| ticket.early_len_max() == 512));
    pair.act(CLIENT, |host, _| host.news.clear());
    pair.resume(&[&[b'x'; 510]]);
    pair.run(ms(100));
    assert_eq!(way(&pair), "early");
}

#[test]
fn a_forged_no_ticket_only_leads_to_a_full_handshake() {
    let mut pair = with_ticket(&Setup::new(delay(50)));
    let session = pair.resume(&[]);
    let mut flights = Vec::new();
    // Who sees the flight knows its connection id.
    let client_cid = pair.act(CLIENT, |host, now| {
        host.endpoint.handle_timeout(now + ms(200));
        host.endpoint.poll_transmit(now + ms(200), &mut flights).expect("a copy");
        match Packet::decode(&flights) {
            Ok(Packet::Resume(resume)) => resume.client_cid,
            other => panic!("{other:?}"),
        }
    });
    let mut forged = Vec::new();
    rtm_wire::NoTicket { client_cid }.encode(&mut forged);
    pair.act(CLIENT, |host, now| {
        // Twice, and then the late answer of the true server.
        host.endpoint.handle_datagram(now, SERVER, forged.as_slice().into());
        host.endpoint.handle_datagram(now, SERVER, forged.as_slice().into());
    });
    pair.run(ms(500));
    let answer = b"welcome".as_slice().into();
    assert_eq!(pair.news(CLIENT).front(), Some(&Event::Connected { session, answer }));
    // The resumption that the client gave up has no effect.
    pair.run(Duration::from_secs(15));
    assert_eq!(pair.world.node(SERVER).sessions.len(), 2);
}

#[test]
fn a_resumption_that_nobody_answers_times_out() {
    let mut pair = with_ticket(&Setup::new(delay(10)));
    pair.world.remove(SERVER);
    let session = pair.resume(&[b"early"]);
    pair.run(ms(11_000));
    let cause = CloseCause::HandshakeTimeout { other_key: None };
    assert_eq!(pair.news(CLIENT), &[Event::Closed { session, cause }]);
}

#[test]
fn a_ticket_needs_an_open_session() {
    let mut pair = Setup::new(delay(10)).connected();
    let session = pair.session(SERVER);
    pair.act(SERVER, |host, now| {
        host.endpoint.close(now, session, CloseCode::DONE, "");
        let issued = host.endpoint.issue_ticket(now, session, b"", HOUR);
        assert_eq!(issued, Err(SendError::UnknownSession));
    });
}

#[test]
fn an_overtaken_ticket_is_passed_over() {
    for number in 0..50 {
        let reorder = rtm_sim::Reorder { probability: 0.5, extra_delay: ms(50) };
        let link = delay(5).reorder(reorder).loss(0.2);
        let mut pair = Setup::new(link).seed(number).connected();
        let session = pair.session(SERVER);
        for life in [2 * HOUR, Duration::ZERO] {
            pair.act(SERVER, |host, now| {
                host.endpoint.issue_ticket(now, session, b"alice", life).expect("it is open");
            });
            pair.run(ms(5));
        }
        pair.run(Duration::from_secs(20));
        let now = pair.world.now();
        let ticket = pair.world.node(CLIENT).ticket.clone().expect("one has come");
        assert!(ticket.is_expired(now), "seed {number}: the first one came last");
    }
}
