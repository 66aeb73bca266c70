//! Which way a session begins.

use std::time::Duration;

use rtm_session::{Carriers, Event, LaneSpec, LoginAnswer, Remote, StreamEvent, StreamId};

use super::world::{ALWAYS, End, StreamWorld, Weather};
use crate::pair::{Door, SERVER, ms};

const SECONDS: Duration = Duration::from_secs(20);

/// The server's application answers its login; the reply is taken off the way.
fn answer(world: &mut StreamWorld) -> (Remote, Vec<u8>) {
    let (now, login) = (world.now, world.server.logins[0]);
    world.server.endpoint.answer_login(now, login, LoginAnswer::Accept(b"welcome"));
    world.take_packet(End::Server).expect("a reply")
}

#[test]
fn where_datagrams_pass_no_stream_is_opened() {
    let mut world = StreamWorld::connected(1, Carriers::Both, Weather::default(), ms(75));
    assert!(!world.is_on_stream());
    world.run(Duration::from_secs(120));
    assert_eq!((world.opened, world.packets_sent), (0, 0));
}

#[test]
fn a_slow_network_opens_a_stream_and_closes_it_when_it_is_not_needed() {
    // A round trip of 360 ms: datagrams win the race that they began 300 ms earlier.
    let weather = Weather { delay: ms(180), ..Weather::default() };
    let mut world = StreamWorld::connected(2, Carriers::Both, weather, ms(600));
    assert!(!world.is_on_stream());
    world.run(Duration::from_secs(12));
    assert_eq!(world.opened, 1);
    let sent = world.packets_sent;
    world.run(Duration::from_secs(60));
    assert_eq!(world.packets_sent, sent, "the stream is closed");
    assert!(!world.is_on_stream());
}

#[test]
fn where_datagrams_are_dropped_the_session_is_up_in_300_ms_and_two_and_a_half_round_trips() {
    let weather = Weather { blocked: vec![ALWAYS], ..Weather::default() };
    // One round trip opens the stream, one is the handshake, half a one brings the first packet.
    let world = StreamWorld::connected(3, Carriers::Both, weather, ms(300 + 2 * 50 + 25));
    assert_eq!(world.opened, 1);
    assert_eq!(world.server.logins.len(), 1, "the race is one login");
}

#[test]
fn without_datagrams_there_is_no_head_start_and_no_datagram() {
    let world = StreamWorld::connected(4, Carriers::Streams, Weather::default(), ms(2 * 50 + 25));
    assert_eq!(world.datagrams_sent, 0);
}

#[test]
fn who_was_on_a_stream_last_begins_with_both_at_once() {
    let weather = Weather { blocked: vec![ALWAYS], ..Weather::default() };
    let mut world = StreamWorld::connected(5, Carriers::Both, weather, SECONDS);
    let (began, session) = (world.now, world.session(End::Client));
    let now = world.now;
    world.client.endpoint.close(now, session, rtm_wire::CloseCode::DONE, "");
    world.connect();
    world.run_until(SECONDS, |world| world.client.sessions.len() == 2);
    assert_eq!(world.now.saturating_since(began), ms(100), "no head start for datagrams");
}

#[test]
fn a_stream_that_is_refused_is_tried_again_and_counted() {
    let weather = Weather { blocked: vec![ALWAYS], refusals: 3, ..Weather::default() };
    let world = StreamWorld::connected(6, Carriers::Both, weather, Duration::from_secs(8));
    assert_eq!(world.opened, 1);
}

#[test]
fn a_stream_that_breaks_in_the_handshake_is_replaced() {
    let weather = Weather {
        blocked: vec![ALWAYS],
        // The first flight is on its way.
        cuts: vec![ms(360)],
        ..Weather::default()
    };
    let world = StreamWorld::connected(7, Carriers::Both, weather, Duration::from_secs(5));
    assert_eq!(world.opened, 2);
    assert_eq!(world.server.logins.len(), 1);
}

#[test]
fn a_stream_that_swallows_everything_is_given_up_for_another_kind() {
    let weather = Weather { blocked: vec![ALWAYS], swallowed: 2, ..Weather::default() };
    let mut world = StreamWorld::connected(13, Carriers::Both, weather, Duration::from_secs(8));
    assert_eq!(world.attempts, [0, 1, 2]);
    assert_eq!(world.server.logins.len(), 1);
    assert!(world.is_on_stream());
}

#[test]
fn a_handshake_that_fails_is_followed_by_one_over_another_kind_of_stream() {
    let weather = Weather { blocked: vec![ALWAYS], swallowed: 100, ..Weather::default() };
    let mut world = StreamWorld::new(14, Carriers::Both, weather);
    world.connect();
    world.run(Duration::from_secs(11));
    let before = world.attempts.len();
    world.connect();
    world.run(Duration::from_secs(1));
    let attempts = &world.attempts;
    assert!(attempts[before] > attempts[before - 1], "{attempts:?}");
}

#[test]
fn a_server_that_was_thinking_when_the_stream_asked_is_asked_again() {
    // Only the way back is blocked: the server has heard the datagrams.
    let mut world = StreamWorld::new(8, Carriers::Both, Weather::default());
    world.server.door = Door::Ignore;
    world.connect();
    world.run(ms(500));
    // The answer goes to where the first copy came from, and is lost.
    let (to, _) = answer(&mut world);
    assert!(to.stream().is_none());
    // Datagrams to the client stay lost: all that goes to it must come by the stream.
    world.drop_datagrams_to(End::Client);
    world.run_until(Duration::from_secs(3), |world| !world.client.sessions.is_empty());
    assert!(world.is_on_stream());
}

#[test]
fn asked_for_over_a_stream_and_begun_in_datagrams_a_session_makes_up_for_losses() {
    let mut world = StreamWorld::new(16, Carriers::Both, Weather::default());
    world.drop_datagrams_to(End::Server);
    world.connect();
    world.run_until(SECONDS, |world| !world.server.logins.is_empty());
    // The reply is lost with its stream, and repeated in a datagram.
    world.cut(StreamId(0));
    world.let_datagrams_pass(0);
    world.run_until(SECONDS, |world| !world.server.sessions.is_empty());
    assert!(!world.is_on_stream() && world.remote(End::Server).stream().is_none());
    world.run(ms(500));
    let lane = world.open_lane(End::Server, LaneSpec::ORDERED);
    world.let_datagrams_pass(1_000);
    world.send(End::Server, lane, "hello");
    world.run(ms(20));
    world.let_datagrams_pass(0);
    // On a stream, nobody would ask after it for three seconds.
    world.run(ms(500));
    assert_eq!(world.client.messages.len(), 1);
}

#[test]
fn a_reply_over_a_strangers_stream_does_not_lead_there() {
    let mut world = StreamWorld::new(9, Carriers::Both, Weather::default());
    world.server.door = Door::Ignore;
    world.connect();
    world.run_until(SECONDS, |world| !world.server.logins.is_empty());
    let (_, reply) = answer(&mut world);
    let strange = Remote::Stream(StreamId(77), "10.6.6.6:6".parse().expect("address"));
    world.inject(End::Client, strange, &reply);
    assert_eq!(world.remote(End::Client), Remote::Datagrams(SERVER));
}

#[test]
fn a_reply_in_a_datagram_does_not_lead_to_datagrams_who_wants_none() {
    let mut world = StreamWorld::new(12, Carriers::Streams, Weather::default());
    world.server.door = Door::Ignore;
    world.connect();
    world.run_until(SECONDS, |world| !world.server.logins.is_empty());
    let (_, reply) = answer(&mut world);
    world.inject(End::Client, Remote::Datagrams("10.6.6.6:6".parse().expect("address")), &reply);
    assert!(world.is_on_stream());
    world.run(ms(500));
    assert_eq!((world.datagrams_sent, world.server.sessions.len()), (0, 1));
}

#[test]
fn the_ticket_goes_by_the_stream_as_well() {
    let weather = Weather { blocked: vec![ALWAYS], ..Weather::default() };
    let mut world = StreamWorld::new(10, Carriers::Both, weather);
    world.server.ticket_life = Some(Duration::from_secs(600));
    world.connect();
    world.run_until(SECONDS, |world| world.client.ticket.is_some());
    let (now, session) = (world.now, world.session(End::Client));
    world.client.endpoint.close(now, session, rtm_wire::CloseCode::DONE, "");
    let ticket = world.client.ticket.clone().expect("it came");
    let key = crate::pair::server_key().public();
    let resumed = world.client.endpoint.resume(now, SERVER, &ticket, &[], &key, b"login");
    resumed.expect("a client may resume");
    world.run_until(SECONDS, |world| world.client.sessions.len() == 2);
    let has_resumed = |event: &Event| matches!(event, Event::Resumed { .. });
    assert!(world.client.news.iter().any(has_resumed));
    assert!(world.is_on_stream());
    // A ticket that is declined is followed by the login, over the same stream.
    world.server.door = Door::Decline;
    let (now, session, opened) = (world.now, world.session(End::Client), world.opened);
    world.client.endpoint.close(now, session, rtm_wire::CloseCode::DONE, "");
    let ticket = world.client.ticket.clone().expect("it came");
    let resumed = world.client.endpoint.resume(now, SERVER, &ticket, &[], &key, b"login");
    resumed.expect("a client may resume");
    world.run_until(SECONDS, |world| world.client.sessions.len() == 3);
    assert!(world.is_on_stream());
    assert_eq!(world.opened, opened + 1);
}

#[test]
fn streams_of_a_handshake_that_ends_are_closed() {
    let weather = Weather { blocked: vec![ALWAYS], ..Weather::default() };
    let mut world = StreamWorld::new(11, Carriers::Both, weather);
    world.server.door = Door::Ignore;
    world.connect();
    world.run(Duration::from_secs(11));
    assert!(world.client.news.iter().any(|event| matches!(event, Event::Closed { .. })));
    // News of a stream that is nobody's any more changes nothing.
    world.tell(End::Client, StreamEvent::Opened { stream: StreamId(0), peer: SERVER });
    let sent = world.packets_sent;
    world.run(Duration::from_secs(30));
    assert_eq!(world.packets_sent, sent);
}
