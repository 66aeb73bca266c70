//! Streams that are nobody's.

use std::time::Duration;

use rtm_session::{
    Carriers, Config, Endpoint, LaneSpec, Remote, StreamAction, StreamEvent, StreamId,
};
use rtm_wire::Time;

use super::world::{ALWAYS, End, StreamWorld, Weather};
use crate::pair::{SERVER, seed, server_key};

fn stranger(number: u64) -> Remote {
    Remote::Stream(StreamId(number), "10.6.6.6:6".parse().expect("address"))
}

fn open(server: &mut Endpoint, now: Time, number: u64) {
    let peer = stranger(number).addr();
    server.handle_stream(now, StreamEvent::Opened { stream: StreamId(number), peer });
}

#[test]
fn who_opens_a_stream_and_says_nothing_is_sent_away() {
    let mut server = Endpoint::server(Config::server(), server_key(), seed(1));
    open(&mut server, Time::ZERO, 4);
    assert_eq!(server.poll_stream_action(), None);
    let due = server.poll_timeout().expect("it is looked after");
    assert_eq!(due.saturating_since(Time::ZERO), Duration::from_secs(10));
    server.handle_timeout(due);
    let close = StreamAction::Close { stream: StreamId(4) };
    assert_eq!(server.poll_stream_action(), Some(close));
    assert_eq!((server.poll_stream_action(), server.poll_timeout()), (None, None));
}

#[test]
fn streams_at_the_limit_are_taken_and_one_more_is_closed() {
    let config = Config::server().streams_max(3);
    let mut server = Endpoint::server(config, server_key(), seed(1));
    (0..3).for_each(|number| open(&mut server, Time::ZERO, number));
    assert_eq!(server.poll_stream_action(), None);
    open(&mut server, Time::ZERO, 3);
    let close = StreamAction::Close { stream: StreamId(3) };
    assert_eq!(server.poll_stream_action(), Some(close));
    assert_eq!(server.counters().refused, 1);
    server.handle_stream(Time::ZERO, StreamEvent::Closed { stream: StreamId(0) });
    open(&mut server, Time::ZERO, 4);
    assert_eq!(server.poll_stream_action(), None);
}

#[test]
fn who_asks_and_does_not_read_gets_no_more_than_a_stream_holds() {
    let mut server = Endpoint::server(Config::server(), server_key(), seed(1));
    open(&mut server, Time::ZERO, 0);
    let mut client = Endpoint::client(Config::default().sessions_max(10_000), seed(2));
    let (mut flight, mut answer, mut answered) = (Vec::new(), Vec::new(), 0);
    for _ in 0..3_000 {
        // Each is another first flight, of a version that isn't spoken.
        let key = server_key().public();
        client.connect(Time::ZERO, SERVER, &key, b"x").expect("may connect");
        client.poll_transmit(Time::ZERO, &mut flight).expect("a first flight");
        flight[1] = 99;
        server.handle_datagram(Time::ZERO, stranger(0), flight.as_slice().into());
        while server.poll_transmit(Time::ZERO, &mut answer).is_some() {
            answered += answer.len();
        }
    }
    assert!(answered > 0 && answered <= 32 * 1_024 + 64, "{answered} bytes");
}

#[test]
fn a_stream_is_one_sessions() {
    let weather = Weather { blocked: vec![ALWAYS], ..Weather::default() };
    let mut world = StreamWorld::connected(4, Carriers::Both, weather, Duration::from_secs(2));
    let first = world.remote(End::Server);
    // Another session's packets over the same stream.
    world.connect();
    world.run_until(Duration::from_secs(2), |world| world.server.sessions.len() == 2);
    let second = world.remote(End::Server);
    assert_ne!(first, second);
    let lane = world.open_lane(End::Client, LaneSpec::ORDERED);
    let (now, session) = (world.now, world.session(End::Client));
    world.client.endpoint.send(now, session, lane, "hello".into()).expect("taken");
    let (_, packet) = world.take_packet(End::Client).expect("a packet");
    let before = world.server.endpoint.counters().misplaced;
    world.inject(End::Server, first, &packet);
    assert_eq!(world.server.endpoint.counters().misplaced, before + 1);
    assert_eq!(world.remote(End::Server), second);
}

#[test]
fn news_of_unknown_streams_changes_nothing() {
    let mut server = Endpoint::server(Config::server(), server_key(), seed(1));
    server.handle_stream(Time::ZERO, StreamEvent::Closed { stream: StreamId(5) });
    server.handle_stream(Time::ZERO, StreamEvent::Written { stream: StreamId(5), bytes: 9 });
    assert_eq!((server.poll_stream_action(), server.poll_timeout()), (None, None));
    let mut client = Endpoint::client(Config::default(), seed(2));
    open(&mut client, Time::ZERO, 5);
    client.handle_stream(Time::ZERO, StreamEvent::Closed { stream: StreamId(5) });
    assert_eq!((client.poll_stream_action(), client.poll_timeout()), (None, None));
}
