//! Lanes that drop messages: what is too late, and what a newer message replaces.

use std::time::Duration;

use bytes::Bytes;
use rtm_session::{Event, LaneSpec, Redundancy, SendError, SendOptions};
use rtm_sim::{LinkConfig, Reorder};
use rtm_wire::{LaneId, LaneMode, Qos, Reliability, Time};

use crate::pair::{CLIENT, Pair, SERVER, Setup, delay, ms};

/// How many seeds a test goes through: `RTM_SEEDS`, or this.
fn seeds(default: u64) -> u64 {
    std::env::var("RTM_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(default)
}

const fn spec(order: Qos, reliability: Reliability) -> LaneSpec {
    LaneSpec { mode: LaneMode { order, reliability }, ..LaneSpec::ORDERED }
}

const SPECS: [LaneSpec; 6] = [
    spec(Qos::Ordered, Reliability::Reliable),
    spec(Qos::Unordered, Reliability::Reliable),
    spec(Qos::Ordered, Reliability::Deadline),
    spec(Qos::Unordered, Reliability::Deadline),
    spec(Qos::Ordered, Reliability::LatestOnly),
    spec(Qos::Unordered, Reliability::LatestOnly),
];

/// A link, and the longest that a datagram takes on it.
fn rough(seed: u64) -> (LinkConfig, Duration) {
    let loss = [0.0, 0.1, 0.3, 0.5][seed as usize % 4];
    let (way, jitter, extra) = (5 + seed % 60, seed % 20, 15);
    let reorder = Reorder { probability: 0.1, extra_delay: ms(extra) };
    let link = delay(way).jitter(ms(jitter)).loss(loss).duplicate(0.02).reorder(reorder);
    (link, ms(way + jitter + extra))
}

/// What a message says of itself: its number, when it was sent, when it is too late.
fn message(index: u32, seed: u64, now: Time, expires: Time) -> Bytes {
    let mut bytes = index.to_be_bytes().to_vec();
    bytes.extend(now.as_micros().to_be_bytes());
    bytes.extend(expires.as_micros().to_be_bytes());
    let mix = (u64::from(index) + 1).wrapping_mul(seed * 2 + 0x9e37_79b9) % 10;
    bytes.resize([20, 6_000, 1_180, 60][mix.min(3) as usize], 7);
    bytes.into()
}

struct Arrival {
    index: u32,
    expires: Time,
    at: Time,
}

fn arrivals(pair: &Pair, lane: LaneId) -> Vec<Arrival> {
    let messages = pair.world.node(SERVER).messages.iter().filter(|(_, on, ..)| *on == lane);
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
    messages
        .map(|(_, _, bytes, at)| Arrival {
            index: number(&bytes[..4]) as u32,
            expires: Time::from_micros(number(&bytes[12..20])),
            at: *at,
        })
        .collect()
}

const COUNT: u32 = 120;

/// Time to live of a message: now and then a very short one.
fn time_to_live(index: u32) -> Duration {
    ms([0, 20, 60, 150, 150, 400][index as usize % 6])
}

fn send(pair: &mut Pair, lane: LaneId, spec: LaneSpec, index: u32, seed: u64) {
    let session = pair.session(CLIENT);
    let is_deadline = spec.mode.reliability == Reliability::Deadline;
    let options = match is_deadline {
        true => SendOptions::new().deadline(time_to_live(index)),
        false => SendOptions::new(),
    };
    pair.act(CLIENT, |host, now| {
        let bytes = message(index, seed, now, now + time_to_live(index));
        host.endpoint.send_with(now, session, lane, bytes, options)
    })
    .expect("taken");
}

/// Sends on lanes of all kinds, and compares what arrives with what may.
fn check(seed: u64) {
    let (link, way_max) = rough(seed);
    let mut setup = Setup::new(link).seed(seed);
    setup.server = setup.server.message_len_max(8_192).lane_credit(24_576);
    let mut pair = setup.connected();
    let lanes = SPECS.map(|spec| (pair.open_lane(CLIENT, spec), spec));
    let (near, far) = (pair.session(CLIENT), pair.session(SERVER));
    for index in 0..COUNT {
        for (lane, spec) in lanes {
            send(&mut pair, lane, spec, index, seed);
        }
        pair.run(ms(7));
        let bound = setup.server.receive_bytes_max();
        let stats = pair.world.node(SERVER).endpoint.stats(far).expect("open");
        assert!(stats.receive_bytes as u64 <= bound, "seed {seed}: {stats:?}");
        for (lane, spec) in lanes {
            let stats = pair.world.node(CLIENT).endpoint.lane_stats(near, lane).expect("open");
            let is_latest = spec.mode.reliability == Reliability::LatestOnly;
            assert!(!is_latest || stats.send_messages <= 2, "seed {seed}: {stats:?}");
        }
    }
    pair.run(ms(25_000));
    for (lane, spec) in lanes {
        let stats = pair.world.node(CLIENT).endpoint.lane_stats(near, lane).expect("open");
        assert_eq!((stats.send_messages, stats.send_bytes), (0, 0), "seed {seed}, {spec:?}");
        judge(&pair, (lane, spec), stats.dropped, way_max, seed);
        pair.act(CLIENT, |host, now| host.endpoint.close_lane(now, near, lane));
    }
    pair.run(ms(25_000));
    for (lane, spec) in lanes {
        let closed = Event::LaneClosed { session: far, lane };
        assert!(pair.news(SERVER).contains(&closed), "seed {seed}: {spec:?} goes on");
        let stats = pair.world.node(CLIENT).endpoint.lane_stats(near, lane);
        assert_eq!(stats, None, "seed {seed}: {spec:?} is forgotten");
    }
    let stats = pair.world.node(SERVER).endpoint.stats(far).expect("open");
    assert_eq!((stats.receive_bytes, stats.unreleased_bytes), (0, 0), "seed {seed}");
}

fn judge(
    pair: &Pair,
    (lane, spec): (LaneId, LaneSpec),
    dropped: u64,
    way_max: Duration,
    seed: u64,
) {
    let got = arrivals(pair, lane);
    let mut sorted: Vec<u32> = got.iter().map(|arrival| arrival.index).collect();
    let is_sorted = sorted.is_sorted();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), got.len(), "seed {seed}, {spec:?}: once at most");
    let is_latest = spec.mode.reliability == Reliability::LatestOnly;
    if is_latest || spec.mode.order == Qos::Ordered {
        assert!(is_sorted, "seed {seed}, {spec:?}: in order");
    }
    match spec.mode.reliability {
        Reliability::Reliable => assert_eq!(got.len(), COUNT as usize, "seed {seed}, {spec:?}"),
        Reliability::Deadline => {
            // Times travel in whole milliseconds.
            let latest = |arrival: &Arrival| arrival.expires + way_max + ms(1);
            assert!(got.iter().all(|arrival| arrival.at <= latest(arrival)), "seed {seed}: late");
            let late = pair.world.node(SERVER).endpoint.stats(pair.session(SERVER));
            let late = late.expect("open").messages_late;
            let known = got.len() as u64 + dropped + late;
            assert!(known >= u64::from(COUNT), "seed {seed}, {spec:?}: {known} accounted for");
            // At more loss, most of so much is too late before it is sent.
            let is_enough = seed % 4 > 1 || got.len() > COUNT as usize / 4;
            assert!(is_enough, "seed {seed}, {spec:?}: {}", got.len());
        }
        _ => {
            let last = got.last().map(|arrival| arrival.index);
            assert_eq!(last, Some(COUNT - 1), "seed {seed}, {spec:?}: the last one");
        }
    }
}

#[test]
fn lanes_of_all_kinds_keep_their_promises_on_rough_links() {
    (0..seeds(40)).for_each(check);
}

#[test]
fn an_ordered_deadline_lane_goes_on_one_way_after_the_deadline() {
    let mut pair = Setup::new(delay(30)).connected();
    let spec = LaneSpec { redundancy: Redundancy::Off, ..LaneSpec::deadline(ms(200)) };
    let lane = pair.open_lane(CLIENT, spec);
    let session = pair.session(CLIENT);
    pair.world.network_mut().set_partition(CLIENT, SERVER, true);
    pair.send(CLIENT, lane, "lost");
    pair.run(ms(1));
    pair.world.network_mut().set_partition(CLIENT, SERVER, false);
    let start = pair.world.now();
    pair.act(CLIENT, |host, now| {
        let options = SendOptions::new().deadline(ms(10_000));
        host.endpoint.send_with(now, session, lane, "waits".into(), options)
    })
    .expect("taken");
    pair.run(ms(20));
    // Whatever is sent again is lost, too.
    pair.world.network_mut().set_partition(CLIENT, SERVER, true);
    pair.run(ms(178));
    pair.world.network_mut().set_partition(CLIENT, SERVER, false);
    pair.run(ms(300));

    let messages = &pair.world.node(SERVER).messages;
    assert_eq!(messages.len(), 1, "{messages:?}");
    let waited = messages[0].3.saturating_since(start);
    assert!((ms(225)..=ms(232)).contains(&waited), "{waited:?}");
}

#[test]
fn what_expires_unsent_is_told_at_once_and_within_the_window() {
    let mut setup = Setup::new(delay(5));
    setup.client = setup.client.send_queue(1 << 20, 40_000);
    let mut pair = setup.connected();
    let lane = pair.open_lane(CLIENT, LaneSpec::deadline(ms(300)));
    let session = pair.session(CLIENT);
    for host in [CLIENT, SERVER] {
        pair.world.network_mut().set_blackout(host, true);
    }
    // More than twice the window.
    (0..40_000_u32).for_each(|_| pair.send(CLIENT, lane, "x"));
    pair.run(ms(400));
    for host in [CLIENT, SERVER] {
        pair.world.network_mut().set_blackout(host, false);
    }
    pair.run(ms(3_000));
    let stats = pair.world.node(CLIENT).endpoint.lane_stats(session, lane).expect("open");
    assert_eq!((stats.dropped, stats.send_messages), (40_000, 0));
    pair.send(CLIENT, lane, "in time");
    pair.run(ms(100));

    assert_eq!(pair.got(SERVER, lane), ["in time"]);
    let sent = pair.world.node(CLIENT).endpoint.stats(session).expect("open").packets_sent;
    assert!(sent < 600, "{sent} packets: those never begun go together");
}

#[test]
fn an_outage_costs_a_latest_only_lane_all_but_the_last_message() {
    let mut setup = Setup::new(delay(20));
    setup.client = setup.client.send_queue(4_096, 64);
    let mut pair = setup.connected();
    let lane = pair.open_lane(CLIENT, LaneSpec::LATEST_ONLY);
    pair.send(CLIENT, lane, "first");
    pair.run(ms(500));
    pair.world.network_mut().set_blackout(SERVER, true);
    for index in 0..10_000_u32 {
        pair.send(CLIENT, lane, index.to_string());
        pair.run(ms(1));
    }
    pair.world.network_mut().set_blackout(SERVER, false);
    pair.run(ms(5_000));

    let got = pair.got(SERVER, lane);
    assert_eq!(got.first().map(|first| &first[..]), Some(&b"first"[..]));
    assert_eq!(got.last().map(|last| &last[..]), Some(&b"9999"[..]));
    assert!(got.len() < 10, "{} messages", got.len());
}

#[test]
fn a_latest_only_lane_gets_on_however_fast_long_messages_come() {
    use rtm_sim::Bandwidth;
    // A message takes half a second, and a new one comes every 20 ms.
    let line = Bandwidth { bits_per_second: 1_000_000, queue_bytes: 20_000 };
    let mut pair = Setup::new(delay(10).bandwidth(line)).connected();
    let lane = pair.open_lane(CLIENT, LaneSpec::LATEST_ONLY);
    for index in 0..1_000_u32 {
        pair.send(CLIENT, lane, index.to_be_bytes().repeat(15_000));
        pair.run(ms(20));
    }
    pair.run(ms(5_000));

    let got = pair.got(SERVER, lane);
    assert!(got.len() >= 10, "{} of about 40 that the line could carry", got.len());
    assert_eq!(got.last().map(|last| last[..4].to_vec()), Some(999_u32.to_be_bytes().to_vec()));
}

#[test]
fn reliable_lanes_take_no_deadlines_and_unknown_modes_no_lanes() {
    let mut pair = Setup::new(delay(5)).connected();
    let session = pair.session(CLIENT);
    let lane = pair.open_lane(CLIENT, LaneSpec::ORDERED);
    let wrong = [
        LaneSpec { deadline: Some(ms(1)), ..LaneSpec::ORDERED },
        spec(Qos::Unknown(2), Reliability::Reliable),
        spec(Qos::Ordered, Reliability::Unknown(3)),
    ];
    for spec in wrong {
        let refused = pair.act(CLIENT, |host, _| host.endpoint.open_lane(session, spec));
        assert_eq!(refused, Err(SendError::Mode), "{spec:?}");
    }
    let options = SendOptions::new().deadline(ms(1));
    let refused = pair
        .act(CLIENT, |host, now| host.endpoint.send_with(now, session, lane, "x".into(), options));
    assert_eq!(refused, Err(SendError::Mode));
}

#[test]
fn copies_end_with_the_deadline() {
    let mut pair = Setup::new(delay(50).loss(0.3)).connected();
    let lane = pair.open_lane(CLIENT, LaneSpec::deadline(ms(60)));
    let session = pair.session(CLIENT);
    for _ in 0..300 {
        pair.send(CLIENT, lane, vec![1; 100]);
        pair.run(ms(33));
    }
    pair.run(ms(200));
    pair.world.network_mut().set_blackout(SERVER, true);
    pair.send(CLIENT, lane, vec![2; 100]);
    pair.run(ms(61));
    let before = pair.world.node(CLIENT).endpoint.stats(session).expect("open").copies_sent;
    pair.run(ms(5_000));
    let after = pair.world.node(CLIENT).endpoint.stats(session).expect("open");
    assert!(before > 100, "copies there were: {before}");
    assert_eq!(after.copies_sent, before);
    // Its place, and that of one that was given up before, is kept until the peer knows.
    assert!((1..=2).contains(&after.send_messages), "{}", after.send_messages);
}
