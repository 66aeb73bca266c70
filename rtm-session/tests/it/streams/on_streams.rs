//! What a session does while it is on a stream.

use std::time::Duration;

use bytes::Bytes;
use rtm_session::{Carriers, CloseCause, Config, Event, LaneSpec, Redundancy};
use rtm_wire::Priority;

use super::world::{ALWAYS, End, StreamWorld, UNORDERED, Weather};
use crate::pair::ms;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn on_stream(number: u8, weather: Weather) -> StreamWorld {
    StreamWorld::connected(number, Carriers::Streams, weather, secs(5))
}

#[test]
fn what_a_stream_carries_is_sent_once() {
    // Stalls of up to 2.5 s, as TCP has them when it repeats what was lost.
    let stalled = (1..20).map(|n| (secs(n * 5), ms(n * 5_000 + 2_500))).collect();
    let mut world = on_stream(1, Weather { stalled, ..Weather::default() });
    let eager = LaneSpec { redundancy: Redundancy::Eager, ..UNORDERED };
    let lane = world.open_lane(End::Client, eager);
    let session = world.session(End::Client);
    let before = world.client.endpoint.stats(session).expect("it lives").bytes_sent;
    for number in 0..1_000_u32 {
        world.send(End::Client, lane, number.to_be_bytes().repeat(50));
        world.run(ms(50));
    }
    world.run(secs(5));
    assert_eq!(world.server.messages.len(), 1_000);
    let stats = world.client.endpoint.stats(session).expect("it lives");
    assert_eq!((stats.copies_sent, stats.parity_sent, stats.length_probes_sent), (0, 0, 0));
    assert_eq!((stats.packets_lost, stats.packets_spurious), (0, 0));
    let sent = stats.bytes_sent - before;
    // A packet for each message, of 200 bytes and 40 of headers; a handful of acknowledgements.
    assert!(stats.packets_sent <= 1_010, "{} packets", stats.packets_sent);
    assert!(sent < 1_000 * 240, "{sent} bytes");
    assert_eq!(world.opened, 1);
}

#[test]
fn little_waits_in_a_slow_stream_so_an_urgent_message_overtakes() {
    // 100 packets a second.
    let mut world = on_stream(2, Weather { write_time: ms(10), ..Weather::default() });
    let bulk =
        world.open_lane(End::Client, LaneSpec { priority: Priority::Low, ..LaneSpec::ORDERED });
    let urgent =
        world.open_lane(End::Client, LaneSpec { priority: Priority::Highest, ..LaneSpec::ORDERED });
    world.send(End::Client, bulk, vec![0; 60_000]);
    world.run(ms(100));
    let sent = world.now;
    world.send(End::Client, urgent, "stop");
    world.run(secs(10));
    let arrived = |lane| {
        let found = world.server.messages.iter().find(|(_, on, ..)| *on == lane);
        found.expect("it arrived").3.saturating_since(sent)
    };
    // 32 KiB, and the packet that exceeds it, are ahead: 29 packets of 1,200 bytes at most.
    assert!(arrived(urgent) <= ms(29 * 10 + 25), "{:?}", arrived(urgent));
    assert!(arrived(bulk) > arrived(urgent));
}

#[test]
fn deadlines_and_replacement_decide_before_the_socket_has_it() {
    let mut world = on_stream(3, Weather { write_time: ms(20), ..Weather::default() });
    let deadline = LaneSpec::deadline(ms(300));
    let latest = LaneSpec::LATEST_ONLY;
    let (deadline, latest) =
        (world.open_lane(End::Client, deadline), world.open_lane(End::Client, latest));
    let session = world.session(End::Client);
    // Three times as much as passes.
    for number in 0..400_u32 {
        let message = Bytes::from(number.to_be_bytes().repeat(250));
        let now = world.now;
        let sent = world.client.endpoint.send(now, session, deadline, message);
        sent.expect("taken");
        world.send(End::Client, latest, number.to_be_bytes().repeat(100));
        world.run(ms(10));
    }
    let ended = world.now;
    world.run(secs(5));
    let stats = world.client.endpoint.stats(session).expect("it lives");
    assert!(stats.messages_dropped > 200, "{} dropped", stats.messages_dropped);
    let last = world.server.messages.last().expect("some arrived").3;
    // What was sent last is there soon, as nothing stands in its way for long: the deadline, the
    // stream's 32 KiB, the way.
    let late = last.saturating_since(ended);
    assert!(late <= ms(300 + 29 * 20 + 25), "{late:?}");
    let newest = world.server.messages.iter().rev().find(|(_, on, ..)| *on == latest);
    assert_eq!(newest.expect("it arrived").2[..4], 399_u32.to_be_bytes());
}

#[test]
fn a_stream_that_takes_nothing_holds_no_more_than_the_lanes_may() {
    let stalled = vec![(secs(2), secs(20))];
    let mut world = on_stream(4, Weather { stalled, ..Weather::default() });
    let lane = world.open_lane(End::Server, LaneSpec::ORDERED);
    world.run_until(secs(5), |world| world.elapsed() >= secs(2));
    let sent = world.packets_sent;
    for _ in 0..300 {
        world.send(End::Server, lane, vec![7; 1_000]);
        world.run(ms(20));
    }
    let queued = world.packets_sent - sent;
    assert!(queued <= 45, "{queued} packets in a stream that takes none");
    world.run(secs(30));
    assert_eq!(world.client.messages.len(), 300);
}

#[test]
fn a_stream_on_which_nothing_comes_ends_the_session_like_silence_elsewhere() {
    let stalled = vec![(secs(2), secs(200))];
    let mut world = on_stream(5, Weather { stalled, ..Weather::default() });
    world.run(secs(60));
    let is_idle =
        |event: &Event| matches!(event, Event::Closed { cause: CloseCause::IdleTimeout, .. });
    assert!(world.client.news.iter().any(is_idle), "{:?}", world.client.news);
    assert!(world.server.news.iter().any(is_idle), "{:?}", world.server.news);
}

#[test]
fn what_is_asked_in_vain_is_not_remembered() {
    // Datagrams are asked after again and again; nothing answers.
    let weather = Weather { blocked: vec![ALWAYS], ..Weather::default() };
    let mut world = StreamWorld::connected(8, Carriers::Both, weather, secs(5));
    let lane = world.open_lane(End::Client, LaneSpec::ORDERED);
    for _ in 0..3_000 {
        world.send(End::Client, lane, "hello");
        world.run(ms(20));
    }
    world.run(secs(1));
    let session = world.session(End::Client);
    let stats = world.client.endpoint.stats(session).expect("it lives");
    assert!(world.is_on_stream() && stats.packets_remembered <= 2, "{stats:?}");
}

#[test]
fn what_a_receiver_has_no_room_for_is_sent_again() {
    let client = Config::default().carriers(Carriers::Streams).lanes_max(1).lane_credit(90_000);
    let weather = Weather::default();
    let mut world = StreamWorld::with(9, client, Config::server(), weather);
    world.connect();
    world.run_until(secs(5), |world| !world.server.sessions.is_empty());
    world.client.releases = false;
    // Three lanes one after the other hold more than the client wants to hold of all.
    let mut sent = 0;
    for _ in 0..3 {
        let lane = world.open_lane(End::Server, LaneSpec::ORDERED);
        for _ in 0..60 {
            world.send(End::Server, lane, vec![1; 1_000]);
            sent += 1;
        }
        let session = world.session(End::Server);
        let now = world.now;
        world.server.endpoint.close_lane(now, session, lane);
        world.run(secs(5));
    }
    let session = world.session(End::Client);
    let is_full = |world: &StreamWorld| {
        let stats = world.client.endpoint.stats(session).expect("it lives");
        stats.packets_dropped > 0
    };
    assert!(is_full(&world), "nothing was refused: {} of {sent}", world.client.messages.len());
    // The application takes its time, and then takes all.
    for _ in 0..400 {
        let (now, held) = (world.now, std::mem::take(&mut world.client.messages));
        for (session, lane, payload, _) in held {
            world.client.endpoint.release(now, session, lane, payload.len());
            world.taken += 1;
        }
        world.run(ms(100));
    }
    assert_eq!(world.taken + world.client.messages.len(), sent);
}

#[test]
fn a_close_arrives_before_the_streams_end() {
    let mut world = on_stream(6, Weather::default());
    let (now, session) = (world.now, world.session(End::Client));
    world.client.endpoint.close(now, session, rtm_wire::CloseCode::DONE, "bye");
    world.run(secs(3));
    let is_closed = |event: &Event| match event {
        Event::Closed { cause: CloseCause::Peer { reason, .. }, .. } => reason == "bye",
        _ => false,
    };
    assert!(world.server.news.iter().any(is_closed), "{:?}", world.server.news);
}

#[test]
fn long_messages_and_many_lanes_pass_as_elsewhere() {
    let mut world = on_stream(7, Weather { delay: ms(80), ..Weather::default() });
    let lanes: Vec<_> = (0..40).map(|_| world.open_lane(End::Client, LaneSpec::ORDERED)).collect();
    for (number, lane) in lanes.iter().enumerate() {
        world.send(End::Client, *lane, vec![number as u8; 60_000]);
    }
    world.run(secs(10));
    let lengths: Vec<usize> = world.server.messages.iter().map(|(.., it, _)| it.len()).collect();
    assert_eq!(lengths, [60_000; 40]);
}
