//! From datagrams to streams and back, with messages under way.

use std::time::Duration;

use proptest::prelude::*;
use rtm_session::{Carriers, LaneSpec, Remote, StreamEvent, StreamId};
use rtm_wire::{LaneId, Time};

use super::world::{ALWAYS, End, StreamWorld, UNORDERED, Weather};
use crate::pair::{CLIENT, SERVER, ms};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Numbered messages both ways, on an ordered and an unordered lane each.
struct Talk {
    lanes: [(End, LaneId, bool); 4],
    sent: u32,
}

impl Talk {
    fn new(world: &mut StreamWorld) -> Self {
        let lanes = [End::Client, End::Server].map(|end| {
            let ordered = world.open_lane(end, LaneSpec::ORDERED);
            let unordered = world.open_lane(end, UNORDERED);
            [(end, ordered, true), (end, unordered, false)]
        });
        Self { lanes: [lanes[0][0], lanes[0][1], lanes[1][0], lanes[1][1]], sent: 0 }
    }

    /// Thirty messages a second on each lane, for so long.
    fn run(&mut self, world: &mut StreamWorld, span: Duration) {
        let end = world.now + span;
        while world.now < end {
            for (from, lane, _) in self.lanes {
                world.send(from, lane, self.sent.to_be_bytes().repeat(25));
            }
            self.sent += 1;
            world.run(ms(33));
        }
    }

    /// Everything has arrived once, and in order where that was promised; the longest pause between
    /// two messages of an ordered lane.
    fn check(&self, world: &mut StreamWorld) -> Duration {
        let mut longest = Duration::ZERO;
        for (from, lane, is_ordered) in self.lanes {
            let to = if from == End::Client { End::Server } else { End::Client };
            let messages = world.host(to).messages.iter().filter(|(_, on, ..)| *on == lane);
            let mut got: Vec<(u32, Time)> = messages
                .map(|(.., payload, at)| {
                    (u32::from_be_bytes(payload[..4].try_into().expect("four bytes")), *at)
                })
                .collect();
            let pauses = got.windows(2).map(|two| two[1].1.saturating_since(two[0].1));
            if is_ordered {
                longest = longest.max(pauses.max().unwrap_or_default());
            } else {
                got.sort_unstable();
            }
            let numbers: Vec<u32> = got.iter().map(|(number, _)| *number).collect();
            let all: Vec<u32> = (0..self.sent).collect();
            assert_eq!(numbers, all, "from {from:?}, ordered: {is_ordered}");
        }
        longest
    }
}

#[test]
fn datagrams_that_stop_passing_are_followed_within_a_second_and_two_round_trips() {
    let weather = Weather { blocked: vec![(secs(5), ALWAYS.1)], ..Weather::default() };
    let mut world = StreamWorld::connected(1, Carriers::Both, weather, ms(75));
    let mut talk = Talk::new(&mut world);
    talk.run(&mut world, secs(10));
    assert!(world.is_on_stream());
    assert!(world.remote(End::Server).stream().is_some());
    talk.run(&mut world, secs(60));
    world.run(secs(2));
    let longest = talk.check(&mut world);
    // A second of silence from the last acknowledgement on, a round trip to open, one to ask, half
    // a one for the message itself; 33 ms between two messages.
    assert!(longest <= ms(1_000 + 50 + 50 + 25 + 2 * 33), "{longest:?}");
    assert_eq!(world.opened, 1);
}

#[test]
fn datagrams_that_pass_again_are_taken_again() {
    let weather = Weather { blocked: vec![(secs(5), secs(30))], ..Weather::default() };
    let mut world = StreamWorld::connected(2, Carriers::Both, weather, ms(75));
    let mut talk = Talk::new(&mut world);
    talk.run(&mut world, secs(20));
    assert!(world.is_on_stream());
    talk.run(&mut world, secs(70));
    assert!(!world.is_on_stream(), "asked at least once a minute");
    assert!(world.remote(End::Server).stream().is_none());
    let packets = world.packets_sent;
    talk.run(&mut world, secs(20));
    world.run(secs(1));
    talk.check(&mut world);
    assert_eq!(world.opened, 1);
    assert_eq!(world.packets_sent, packets, "the stream is out of use");
}

#[test]
fn a_spare_stream_that_swallows_everything_is_replaced_by_another_kind() {
    let weather =
        Weather { blocked: vec![(secs(5), ALWAYS.1)], swallowed: 1, ..Weather::default() };
    let mut world = StreamWorld::connected(15, Carriers::Both, weather, ms(75));
    let mut talk = Talk::new(&mut world);
    talk.run(&mut world, secs(25));
    assert!(world.is_on_stream());
    assert_eq!(world.attempts, [0, 1]);
    world.run(secs(1));
    talk.check(&mut world);
}

#[test]
fn streams_that_end_before_they_bring_anything_are_tried_ever_less_often() {
    let weather = Weather::default();
    let mut world = StreamWorld::connected(16, Carriers::Streams, weather, secs(1));
    world.run(secs(2));
    let mut cut = None;
    for _ in 0..3_500 {
        // The session has just come to another one.
        let present = world.remote(End::Client).stream().expect("a stream");
        if cut != Some(present) {
            world.cut(present);
            cut = Some(present);
        }
        world.run(ms(10));
    }
    assert!((4..=8).contains(&world.attempts.len()), "{:?}", world.attempts);
    assert!(world.attempts.last() > world.attempts.first(), "of another kind, too");
}

#[test]
fn coming_back_to_datagrams_pauses_nothing() {
    let weather = Weather { blocked: vec![(Duration::ZERO, secs(8))], ..Weather::default() };
    let mut world = StreamWorld::connected(3, Carriers::Both, weather, secs(1));
    let mut talk = Talk::new(&mut world);
    talk.run(&mut world, secs(40));
    assert!(!world.is_on_stream());
    world.run(secs(1));
    let longest = talk.check(&mut world);
    assert!(longest <= ms(2 * 50 + 33), "{longest:?}");
}

#[test]
fn datagrams_that_fail_soon_again_are_tried_less_often() {
    // They pass for three seconds in every ten: enough for a trial, and for little else.
    let blocked = (0..60).map(|n| (secs(n * 10 + 3), secs(n * 10 + 10))).collect();
    let weather = Weather { blocked, ..Weather::default() };
    let mut world = StreamWorld::connected(4, Carriers::Both, weather, secs(10));
    let mut talk = Talk::new(&mut world);
    let mut moves = 0;
    let mut was_on_stream = world.is_on_stream();
    for _ in 0..300 {
        talk.run(&mut world, secs(1));
        moves += u32::from(was_on_stream != world.is_on_stream());
        was_on_stream = world.is_on_stream();
    }
    world.run(secs(5));
    talk.check(&mut world);
    assert!(moves <= 12, "{moves} moves in five minutes");
}

#[test]
fn a_stream_that_breaks_loses_and_repeats_nothing() {
    for (number, carriers) in [(5, Carriers::Both), (6, Carriers::Streams)] {
        let weather = Weather {
            blocked: vec![ALWAYS],
            cuts: (0..20).map(|n| ms(3_000 + n * 2_713)).collect(),
            ..Weather::default()
        };
        let mut world = StreamWorld::connected(number, carriers, weather, secs(1));
        let mut talk = Talk::new(&mut world);
        talk.run(&mut world, secs(70));
        world.run(secs(10));
        let longest = talk.check(&mut world);
        assert!(world.opened >= 20, "{carriers:?}: {}", world.opened);
        // With datagrams, these are taken first, and are silent for a second.
        assert!(longest <= ms(1_000 + 4 * 50 + 66), "{carriers:?}: {longest:?}");
    }
}

#[test]
fn a_stream_that_breaks_where_datagrams_pass_is_followed_at_once() {
    let weather = Weather {
        blocked: vec![(Duration::ZERO, secs(3))],
        cuts: vec![ms(3_100)],
        ..Weather::default()
    };
    let mut world = StreamWorld::connected(7, Carriers::Both, weather, secs(1));
    let mut talk = Talk::new(&mut world);
    talk.run(&mut world, secs(10));
    world.run(secs(1));
    assert!(!world.is_on_stream());
    let longest = talk.check(&mut world);
    // The server hears of the new place with the client's first packet, and asks it first.
    assert!(longest <= ms(4 * 25 + 66), "{longest:?}");
}

#[test]
fn a_stream_that_stalls_is_left_for_datagrams() {
    let weather = Weather {
        blocked: vec![(Duration::ZERO, secs(4))],
        stalled: vec![(secs(10), secs(60))],
        ..Weather::default()
    };
    // Not yet back to datagrams when the stall comes.
    let mut world = StreamWorld::connected(8, Carriers::Both, weather, secs(1));
    let mut talk = Talk::new(&mut world);
    talk.run(&mut world, secs(20));
    assert!(!world.is_on_stream());
    world.run(secs(60));
    let longest = talk.check(&mut world);
    assert!(longest <= ms(4_500), "{longest:?}");
}

#[test]
fn a_changed_network_is_asked_at_once() {
    let weather = Weather {
        blocked: vec![(Duration::ZERO, secs(6))],
        stalled: vec![(ms(8_600), secs(30))],
        ..Weather::default()
    };
    let mut world = StreamWorld::connected(9, Carriers::Both, weather, secs(1));
    let mut talk = Talk::new(&mut world);
    // A trial of datagrams has failed, and the next one is ten seconds away.
    let until = |world: &StreamWorld, time: Duration| time - world.elapsed();
    let span = until(&world, secs(9));
    talk.run(&mut world, span);
    assert!(world.is_on_stream());
    let now = world.now;
    world.client.endpoint.local_address_changed(now);
    // Unasked, three seconds of silence would have to pass.
    let span = until(&world, ms(9_600));
    talk.run(&mut world, span);
    assert!(!world.is_on_stream());
    world.run(secs(30));
    talk.check(&mut world);
}

#[test]
fn asking_does_not_move_the_server() {
    let weather = Weather { blocked: vec![(Duration::ZERO, secs(3))], ..Weather::default() };
    let mut world = StreamWorld::connected(10, Carriers::Both, weather, secs(1));
    let at_first = world.datagrams_sent;
    let mut asked = 0;
    while world.is_on_stream() {
        assert!(world.elapsed() < secs(20), "the trial is no success");
        assert!(world.remote(End::Server).stream().is_some());
        asked = world.datagrams_sent - at_first;
        world.run(ms(5));
    }
    // Three questions and two answers, and the third answer that has just come.
    assert!((5..=6).contains(&asked), "{asked}");
}

#[test]
fn packets_sent_on_over_a_strangers_stream_lead_the_server_back() {
    let mut world = StreamWorld::connected(11, Carriers::Both, Weather::default(), ms(75));
    let mut talk = Talk::new(&mut world);
    talk.run(&mut world, secs(2));
    let (stream, peer) = (StreamId(9), "10.6.6.6:6".parse().expect("address"));
    world.tell(End::Server, StreamEvent::Opened { stream, peer });
    // Somebody on the way takes a packet off and sends it on over a stream of his own.
    let (lane, session, now) = (talk.lanes[0].1, world.session(End::Client), world.now);
    let number = talk.sent.to_be_bytes().repeat(25);
    for (from, lane, _) in talk.lanes {
        if from == End::Server {
            world.send(from, lane, number.clone());
        }
    }
    for lane in [lane, talk.lanes[1].1] {
        let message = number.clone().into();
        world.client.endpoint.send(now, session, lane, message).expect("taken");
    }
    talk.sent += 1;
    let (_, packet) = world.take_packet(End::Client).expect("a packet");
    world.inject(End::Server, Remote::Stream(stream, peer), &packet);
    assert_eq!(world.remote(End::Server), Remote::Stream(stream, peer));
    world.run(secs(4));
    assert_eq!(world.remote(End::Server), Remote::Datagrams(CLIENT));
    assert_eq!(world.remote(End::Client), Remote::Datagrams(SERVER));
    talk.run(&mut world, secs(2));
    world.run(secs(2));
    talk.check(&mut world);
}

#[test]
fn the_strangers_stream_that_ends_leads_back_at_once() {
    let mut world = StreamWorld::connected(12, Carriers::Both, Weather::default(), ms(75));
    let (stream, peer) = (StreamId(9), "10.6.6.6:6".parse().expect("address"));
    world.tell(End::Server, StreamEvent::Opened { stream, peer });
    let lane = world.open_lane(End::Client, LaneSpec::ORDERED);
    let (session, now) = (world.session(End::Client), world.now);
    world.client.endpoint.send(now, session, lane, "hello".into()).expect("taken");
    let (_, packet) = world.take_packet(End::Client).expect("a packet");
    world.inject(End::Server, Remote::Stream(stream, peer), &packet);
    world.tell(End::Server, StreamEvent::Closed { stream });
    assert_eq!(world.remote(End::Server), Remote::Datagrams(CLIENT));
}

/// Spans of trouble in the first twenty seconds, none of them longer than eight.
fn spans() -> impl Strategy<Value = Vec<(Duration, Duration)>> {
    let span = (500_u64..20_000, 1_u64..8_000);
    let to_times = |(from, length): (u64, u64)| (ms(from), ms(from + length));
    proptest::collection::vec(span.prop_map(to_times), 0..3)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever passes or doesn't, and when: each message arrives once, and in order.
    #[test]
    fn no_message_is_lost_or_repeated_by_a_move(
        number in 1_u8..250,
        (delay, loss) in (1_u64..120, 0_u64..300),
        (blocked, stalled) in (spans(), spans()),
        cuts in proptest::collection::vec(300_u64..25_000, 0..4),
        (refusals, swallowed) in (0_u32..3, 0_u32..2),
        write_time in 0_u64..2_000,
        without_datagrams in any::<bool>(),
    ) {
        let weather = Weather {
            delay: ms(delay),
            loss,
            blocked,
            stalled,
            cuts: cuts.into_iter().map(ms).collect(),
            refusals,
            swallowed,
            write_time: Duration::from_micros(write_time),
        };
        let carriers = if without_datagrams { Carriers::Streams } else { Carriers::Both };
        let mut world = StreamWorld::new(number, carriers, weather);
        world.connect();
        world.run_until(secs(9), |world| {
            !world.client.sessions.is_empty() && !world.server.sessions.is_empty()
        });
        // Trouble all through the handshake may end it, which is no move.
        prop_assume!(!world.client.sessions.is_empty() && !world.server.sessions.is_empty());
        let mut talk = Talk::new(&mut world);
        talk.run(&mut world, secs(32));
        world.run(secs(35));
        talk.check(&mut world);
    }
}
