//! Credit and windows: nobody is drowned, nobody starves.

use bytes::Bytes;
use rtm_session::{Event, LaneSpec, QueueBound, SendError};

use crate::pair::{CLIENT, SERVER, Setup, delay, ms};

#[test]
fn a_lane_stops_at_its_credit_and_goes_on_when_messages_are_taken() {
    let mut setup = Setup::new(delay(5));
    setup.server = setup.server.message_len_max(1_000).lane_credit(10 * 1_032);
    let mut pair = setup.connected();
    pair.act(SERVER, |host, _| host.releases = false);
    let (full, free) =
        (pair.open_lane(CLIENT, LaneSpec::ORDERED), pair.open_lane(CLIENT, LaneSpec::ORDERED));

    for _ in 0..25 {
        pair.send(CLIENT, full, vec![1; 1_000]);
    }
    pair.run(ms(1_000));
    assert_eq!(pair.got(SERVER, full).len(), 10, "as many as the credit covers");
    pair.send(CLIENT, free, "not stopped");
    pair.run(ms(100));
    assert_eq!(pair.got(SERVER, free).len(), 1, "lanes have credit of their own");

    let session = pair.session(SERVER);
    pair.act(SERVER, |host, now| {
        for _ in 0..10 {
            host.endpoint.release(now, session, full, 1_000);
        }
        host.releases = true;
    });
    pair.run(ms(1_000));
    assert_eq!(pair.got(SERVER, full).len(), 25);
}

#[test]
fn empty_messages_take_credit_too() {
    let mut setup = Setup::new(delay(5));
    setup.server = setup.server.message_len_max(1_000).lane_credit(1_032);
    let mut pair = setup.connected();
    pair.act(SERVER, |host, _| host.releases = false);
    let lane = pair.open_lane(CLIENT, LaneSpec::ORDERED);

    for _ in 0..100 {
        pair.send(CLIENT, lane, "");
    }
    pair.run(ms(1_000));

    // The least that a lane with such messages has: 4/3 of the longest.
    assert_eq!(pair.got(SERVER, lane).len(), 1_376 / 32);
}

#[test]
fn a_long_message_after_a_short_one_finds_credit() {
    let mut setup = Setup::new(delay(5));
    setup.server = setup.server.message_len_max(1_000).lane_credit(1);
    let mut pair = setup.connected();
    let lane = pair.open_lane(CLIENT, LaneSpec::ORDERED);

    for length in [1, 1_000, 300, 1_000, 0, 0, 1_000] {
        pair.send(CLIENT, lane, vec![1; length]);
        pair.run(ms(100));
    }

    assert_eq!(pair.got(SERVER, lane).len(), 7);
}

#[test]
fn lost_credit_is_announced_again() {
    let mut setup = Setup::new(delay(5).loss(0.3));
    setup.server = setup.server.message_len_max(1_000).lane_credit(2 * 1_032);
    for seed in 0..20 {
        let mut pair = setup.clone().seed(seed).connected();
        let lane = pair.open_lane(CLIENT, LaneSpec::ORDERED);
        for _ in 0..50 {
            pair.send(CLIENT, lane, vec![1; 900]);
        }
        pair.run(ms(20_000));
        assert_eq!(pair.got(SERVER, lane).len(), 50, "seed {seed}");
    }
}

#[test]
fn lanes_that_come_and_go_bring_no_more_than_a_session_may_hold() {
    let mut setup = Setup::new(delay(5));
    setup.server = setup.server.message_len_max(1_000).lane_credit(2_064).lanes_max(1);
    let bound = setup.server.receive_bytes_max();
    let mut pair = setup.connected();
    let (near, far) = (pair.session(CLIENT), pair.session(SERVER));
    pair.act(SERVER, |host, _| host.releases = false);
    // For ever new lanes, one message on each, which nobody takes.
    let mut next = 0;
    let mut go_on = |pair: &mut crate::pair::Pair| {
        let opened = pair.act(CLIENT, |host, _| host.endpoint.open_lane(near, LaneSpec::ORDERED));
        if let (Ok(lane), true) = (opened, next < 50) {
            pair.send(CLIENT, lane, vec![next; 1_000]);
            pair.act(CLIENT, |host, now| host.endpoint.close_lane(now, near, lane));
            next += 1;
        }
        pair.run(ms(50));
    };

    (0..400).for_each(|_| go_on(&mut pair));
    let stats = pair.world.node(SERVER).endpoint.stats(far).expect("still open");
    assert!(stats.unreleased_bytes > bound - 1_032, "{stats:?}");
    assert!(stats.unreleased_bytes <= bound + 1_032, "{stats:?}, bound {bound}");

    pair.act(SERVER, |host, now| {
        host.releases = true;
        for (session, lane, message, _) in &host.messages {
            host.endpoint.release(now, *session, *lane, message.len());
        }
    });
    (0..400).for_each(|_| go_on(&mut pair));
    let server = pair.world.node(SERVER);
    assert_eq!(server.messages.len(), 50);
    assert_eq!(server.endpoint.stats(far).expect("open").unreleased_bytes, 0);
}

#[test]
fn a_session_whose_application_takes_nothing_for_minutes_goes_on_afterwards() {
    let mut setup = Setup::new(delay(5));
    setup.server = setup.server.message_len_max(1_000).lane_credit(2_064).lanes_max(1);
    let mut pair = setup.connected();
    let near = pair.session(CLIENT);
    pair.act(SERVER, |host, _| host.releases = false);
    let mut sent = 0;
    for _ in 0..2_000 {
        let opened = pair.act(CLIENT, |host, _| host.endpoint.open_lane(near, LaneSpec::ORDERED));
        if let Ok(lane) = opened {
            pair.send(CLIENT, lane, vec![1; 1_000]);
            pair.act(CLIENT, |host, now| host.endpoint.close_lane(now, near, lane));
            sent += 1;
        }
        pair.run(ms(100));
    }
    assert!(pair.world.node(SERVER).messages.len() < sent, "the session is full");

    pair.act(SERVER, |host, now| {
        host.releases = true;
        for (session, lane, message, _) in &host.messages {
            host.endpoint.release(now, *session, *lane, message.len());
        }
    });
    pair.run(ms(3_000));
    assert_eq!(pair.world.node(SERVER).messages.len(), sent);
    assert_eq!(pair.news(CLIENT).len(), 1, "nothing but the connection: {:?}", pair.news(CLIENT));
}

#[test]
fn a_full_queue_refuses_and_says_when_to_go_on() {
    let mut setup = Setup::new(delay(5));
    setup.client = setup.client.send_queue(10_000, 100);
    let mut pair = setup.connected();
    let (lane, session) = (pair.open_lane(CLIENT, LaneSpec::ORDERED), pair.session(CLIENT));

    let refused = pair.act(CLIENT, |host, now| {
        let mut send =
            |length| host.endpoint.send(now, session, lane, Bytes::from(vec![0; length]));
        for _ in 0..100 {
            send(100).expect("100 messages of 100 bytes fit");
        }
        send(100)
    });
    let bound = QueueBound::LaneMessages(100);
    assert_eq!(refused, Err(SendError::QueueFull { lane, bound }));
    pair.run(ms(500));

    assert_eq!(pair.got(SERVER, lane).len(), 100, "what was refused has not been sent");
    assert!(pair.news(CLIENT).contains(&Event::Writable { session, lane }));
}

#[test]
fn who_stops_before_the_queue_is_full_hears_of_room_too() {
    let mut setup = Setup::new(delay(5));
    setup.client = setup.client.send_queue(10_000, 100);
    let mut pair = setup.connected();
    let (lane, session) = (pair.open_lane(CLIENT, LaneSpec::ORDERED), pair.session(CLIENT));
    pair.act(CLIENT, |host, now| {
        for _ in 0..75 {
            let message = Bytes::from(vec![0; 100]);
            host.endpoint.send(now, session, lane, message).expect("there is room");
        }
        host.endpoint.want_room(session, lane);
    });
    pair.run(ms(500));
    let news = pair.news(CLIENT);
    let told = news.iter().filter(|&it| *it == Event::Writable { session, lane }).count();
    assert_eq!(told, 1);
}

#[test]
fn what_was_taken_back_never_arrives_and_leaves_no_hole() {
    let mut pair = Setup::new(delay(5)).connected();
    let (lane, session) = (pair.open_lane(CLIENT, LaneSpec::ORDERED), pair.session(CLIENT));
    let (first, rest) = pair.act(CLIENT, |host, now| {
        for text in ["a", "b", "c"] {
            host.endpoint.send(now, session, lane, Bytes::from(text)).expect("there is room");
        }
        let mut take = || host.endpoint.take_back_oldest(session, lane, |it| it != "a");
        (take(), [take(), take()])
    });
    assert_eq!((first, rest), (Some(Bytes::from("b")), [Some(Bytes::from("c")), None]));
    pair.run(ms(500));
    assert_eq!(pair.got(SERVER, lane), ["a"]);
}

#[test]
fn a_message_above_the_peers_limit_is_refused() {
    let mut setup = Setup::new(delay(5));
    setup.server = setup.server.message_len_max(5_000);
    let mut pair = setup.connected();
    let (lane, session) = (pair.open_lane(CLIENT, LaneSpec::ORDERED), pair.session(CLIENT));

    let results = pair.act(CLIENT, |host, now| {
        [5_000, 5_001].map(|length| host.endpoint.send(now, session, lane, vec![0; length].into()))
    });
    pair.run(ms(500));

    assert!(results[0].is_ok());
    assert_eq!(results[1], Err(SendError::TooLong { length: 5_001, limit: 5_000 }));
    assert_eq!(pair.got(SERVER, lane).len(), 1);
}

#[test]
fn lanes_beyond_the_peers_limit_open_when_others_have_closed() {
    let mut setup = Setup::new(delay(5));
    setup.server = setup.server.lanes_max(3);
    let mut pair = setup.connected();
    let session = pair.session(CLIENT);

    // Many more lanes than three in a row, never more than three at a time.
    for round in 0..20 {
        let lanes: Vec<_> = (0..3).map(|_| pair.open_lane(CLIENT, LaneSpec::ORDERED)).collect();
        let refused =
            pair.act(CLIENT, |host, _| host.endpoint.open_lane(session, LaneSpec::ORDERED));
        assert_eq!(refused, Err(SendError::TooManyLanes { limit: 3 }), "round {round}");
        for lane in lanes {
            pair.send(CLIENT, lane, "in and out");
            pair.act(CLIENT, |host, now| host.endpoint.close_lane(now, session, lane));
        }
        pair.run(ms(100));
    }

    let closed = pair.news(SERVER).iter().filter(|e| matches!(e, Event::LaneClosed { .. })).count();
    assert_eq!((pair.world.node(SERVER).messages.len(), closed), (60, 60));
}

#[test]
fn a_lane_that_is_closed_early_still_delivers_all() {
    let mut pair = Setup::new(delay(5)).connected();
    let lane = pair.open_lane(SERVER, LaneSpec::ORDERED);
    for number in 0..20_000_u32 {
        pair.send(SERVER, lane, number.to_be_bytes().repeat(17));
        if number % 100 == 0 {
            pair.run(ms(1));
        }
    }
    let session = pair.session(SERVER);
    pair.act(SERVER, |host, now| host.endpoint.close_lane(now, session, lane));
    pair.run(ms(20_000));
    assert_eq!(pair.got(CLIENT, lane).len(), 20_000);
}

#[test]
fn each_bound_of_a_queue_takes_what_it_says_and_no_more() {
    // Bytes and messages of a lane, bytes of the session; lengths that fit, and one that doesn't.
    let (lane_bytes, session) = (QueueBound::LaneBytes(1_000), QueueBound::SessionBytes(1_032));
    let cases: [(_, _, _, &[usize], _, _); 5] = [
        (1_000, 100, 1 << 20, &[600, 400], 1, lane_bytes),
        (1_000, 100, 1 << 20, &[600, 399, 1], 1, lane_bytes),
        (1_000, 3, 1 << 20, &[0, 1, 1], 0, QueueBound::LaneMessages(3)),
        (1 << 20, 100, 1_032, &[468, 500], 1, session),
        // Longer than all of it: alone.
        (1 << 20, 100, 1_032, &[3_000], 0, session),
    ];
    for (bytes, messages, session_bytes, taken, refused, bound) in cases {
        let mut setup = Setup::new(delay(5));
        setup.client = setup.client.send_queue(bytes, messages).send_bytes_max(session_bytes);
        let mut pair = setup.connected();
        let (lane, session) = (pair.open_lane(CLIENT, LaneSpec::ORDERED), pair.session(CLIENT));
        let result = pair.act(CLIENT, |host, now| {
            let mut send = |len| host.endpoint.send(now, session, lane, vec![0; len].into());
            for &length in taken {
                send(length).expect("fits");
            }
            send(refused)
        });
        assert_eq!(result, Err(SendError::QueueFull { lane, bound }), "{taken:?}, {bound}");
        pair.run(ms(500));
        assert_eq!(pair.got(SERVER, lane).len(), taken.len());
        assert!(pair.news(CLIENT).contains(&Event::Writable { session, lane }), "{bound}");
    }
}

#[test]
fn all_lanes_that_the_full_session_refused_hear_of_room() {
    let mut setup = Setup::new(delay(5));
    setup.client = setup.client.send_bytes_max(10_000);
    let mut pair = setup.connected();
    let session = pair.session(CLIENT);
    let lanes: Vec<_> = (0..3).map(|_| pair.open_lane(CLIENT, LaneSpec::ORDERED)).collect();
    pair.send(CLIENT, lanes[0], vec![0; 9_968]);
    for &lane in &lanes {
        let full = pair.act(CLIENT, |host, now| host.endpoint.send(now, session, lane, "x".into()));
        let bound = QueueBound::SessionBytes(10_000);
        assert_eq!(full, Err(SendError::QueueFull { lane, bound }));
    }
    pair.run(ms(500));

    for lane in lanes {
        assert!(pair.news(CLIENT).contains(&Event::Writable { session, lane }), "lane {lane}");
    }
}
